//! An answer as it goes over the wire.

use std::io::{Read, Write};
use std::net::TcpStream;

/// A status, headers and a body that need not fit together.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Without one there are no headers either: the body is all that comes.
    pub status: Option<&'static str>,
    /// One a line.
    pub headers: Vec<String>,
    /// What comes of the body.
    pub body: Vec<u8>,
    /// The whole file.
    pub whole: Vec<u8>,
    /// What comes after the body.
    pub ending: Ending,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order.
    Close,
    /// By a reset.
    Reset,
    /// When the client has had enough of waiting.
    Hold,
    /// When the client has had enough of reading.
    Endless,
}

impl Answer {
    /// An answer with a body and its length.
    pub fn of(status: &'static str, body: Vec<u8>) -> Self {
        let headers = vec!["Connection: close".to_owned(), format!("Content-Length: {}", body.len())];
        Self { status: Some(status), headers, body, whole: Vec::new(), ending: Ending::Close }
    }

    /// An answer without a body.
    pub fn empty(status: &'static str) -> Self {
        Self::of(status, Vec::new())
    }

    /// With a further header, unless it is empty.
    pub fn with(mut self, header: &str) -> Self {
        self.headers.extend((!header.is_empty()).then(|| header.to_owned()));
        self
    }

    /// Without the headers of that name.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|header| header.split(':').next() != Some(name));
        self
    }

    /// With another length announced.
    pub fn with_length(self, length: usize) -> Self {
        self.without("Content-Length").with(&format!("Content-Length: {length}"))
    }

    /// With another body, and the length that it announced before.
    pub fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    /// Sends it; gives the bytes of the body that went out. `head` is the length of the request, which is still to be
    /// read: a connection that is closed before that is reset.
    pub fn send(&self, mut stream: TcpStream, head: usize) -> usize {
        if self.ending != Ending::Reset && stream.read_exact(&mut vec![0; head]).is_err() {
            return 0;
        }
        let status = self.status.map(|status| format!("HTTP/1.1 {status}\r\n{}\r\n\r\n", self.headers.join("\r\n")));
        // A client that hangs up early is its own matter.
        let sent = stream.write_all(status.unwrap_or_default().as_bytes()).and_then(|()| stream.write_all(&self.body));
        match self.ending {
            Ending::Close | Ending::Reset => {}
            Ending::Hold => drop(stream.read(&mut [0])),
            Ending::Endless => while stream.write_all(&[b'x'; 4096]).is_ok() {},
        }
        if sent.is_ok() { self.body.len() } else { 0 }
    }
}
