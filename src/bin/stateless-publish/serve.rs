//! A plain static file server, for trials. HTTP itself is crate hyper's business; what a request gets is `respond`'s.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;

use super::args::Serve;
use super::common::{Ending, Face, Failure};
use super::respond::{Body, respond};

/// Threads that serve.
const THREADS: usize = 4;

struct Server {
    root: PathBuf,
    log: Option<Mutex<File>>,
}

/// Serves until the process is ended.
pub(crate) fn serve(options: &Serve, face: &Face) -> Ending {
    let site = options.site.display();
    let root = options.site.canonicalize().ok().filter(|root| root.is_dir());
    let Some(root) = root else { return Err(Failure::usage(format!("{site} is not a directory"))) };
    let open = |path: &PathBuf| {
        let failed = |error| Failure::local(format!("cannot write {}", path.display()), &error);
        File::options().create(true).append(true).open(path).map(Mutex::new).map_err(failed)
    };
    let log = options.log.as_ref().map(open).transpose()?;
    let server = Arc::new(Server { root, log });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("cannot start threads".to_owned(), &error))?;
    runtime.block_on(async {
        let cannot_listen = |error| Failure::local(format!("cannot listen on {}", options.listen), &error);
        let listener = TcpListener::bind(options.listen).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        tell(face, &format!("http://{address}/"));
        accept(server, listener).await
    })
}

/// A server listens here. For a person this is the first line on stdout; for a script it is an event.
fn tell(face: &Face, url: &str) {
    match face {
        Face::Human(human) => human.with(|state| state.say(&format!("listening on {url}\n"))),
        Face::Json(json) => json.line(&json!({ "event": "listening", "url": url })),
    }
}

async fn accept(server: Arc<Server>, listener: TcpListener) -> Ending {
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            // One client's failure, or too many open files for a moment.
            Err(_) => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&server), request));
            // A connection that breaks is the client's affair.
            let _ =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(server: Arc<Server>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let root = server.root.clone();
    let head = request.into_parts().0;
    // Opening a file may wait for the disk.
    let (response, body_bytes) =
        tokio::task::spawn_blocking(move || respond(&root, &head)).await.unwrap_or_else(|_| {
            let mut response = Response::new(Body::default());
            *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            (response, 0)
        });
    if let Some(log) = &server.log {
        let line = format!("{method} {uri} {} {body_bytes}\n", response.status().as_u16());
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        // There is nobody to tell when this fails.
        let _ = log.write_all(line.as_bytes());
    }
    Ok(response)
}
