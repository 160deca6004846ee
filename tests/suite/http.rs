//! Origins that misbehave: a server that gives every request the same answer.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Answers everything alike, for as long as this process lives.
pub struct Origin {
    /// Its address.
    pub url: String,
}

impl Origin {
    /// An origin that gives this answer, headers and all, and closes the connection.
    pub fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up early is its own matter.
                _ = respond(stream, answer);
            }
        });
        Self { url }
    }
}

fn respond(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    stream.write_all(answer.as_bytes())
}
