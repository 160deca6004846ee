//! A server for one test: answers each connection with the next reply of a script, whatever was asked, and closes it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One scripted answer.
#[derive(Clone)]
pub enum Reply {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, then silence.
    Stall(Vec<u8>),
    /// These bytes, then `x` for ever.
    Endless(Vec<u8>),
}

/// Listens on loopback; the last reply is repeated.
pub struct Server {
    /// Its base URL.
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let url = format!("http://{}/os", listener.local_addr().expect("bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut script = script.into_iter().peekable();
            while let Ok((stream, _)) = listener.accept().await {
                let reply = script.next().expect("the last one stays");
                if script.peek().is_none() {
                    script = vec![reply.clone()].into_iter().peekable();
                }
                tokio::spawn(answer(stream, reply, Arc::clone(&log)));
            }
        });
        Self { url, requests }
    }

    /// The heads of all requests so far, in lower case.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// A complete answer with its length.
pub fn reply(status: &str, headers: &str, body: &[u8]) -> Reply {
    let mut bytes = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    Reply::Bytes(bytes)
}

/// `200 OK`.
pub fn ok(body: &[u8]) -> Reply {
    reply("200 OK", "", body)
}

/// `206` with `Content-Range`.
pub fn partial(range: &str, body: &[u8]) -> Reply {
    reply("206 Partial Content", &format!("Content-Range: {range}\r\n"), body)
}

/// An answer that announces more than it sends.
pub fn cut(status_and_headers: &str, announced: usize, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status_and_headers}\r\nContent-Length: {announced}\r\n\r\n");
    Reply::Bytes([head.as_bytes(), body].concat())
}

async fn answer(mut stream: TcpStream, reply: Reply, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    log.lock().expect("no panic").push(String::from_utf8_lossy(&head).to_lowercase());
    // The client may well hang up on what it is sent.
    match reply {
        Reply::Bytes(bytes) => drop(stream.write_all(&bytes).await),
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Reply::Endless(bytes) => {
            let _ = stream.write_all(&bytes).await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
    }
}
