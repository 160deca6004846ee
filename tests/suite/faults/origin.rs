//! An origin that serves a publication and is wrong when it is told to, and counts.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::fault::Fault;
use super::request::{Kind, Request};

/// When to be wrong, and how.
#[derive(Clone, Debug)]
pub struct Rule {
    /// At requests of this kind.
    pub kind: Kind,
    /// In this way.
    pub fault: Fault,
    /// After so many that are answered right.
    pub after: usize,
    /// So many times.
    pub times: usize,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was asked.
    pub request: Request,
    /// Bytes of the body that went out.
    pub bytes: usize,
    /// Whether the answer was a wrong one.
    pub faulty: bool,
}

/// The files that an origin has.
#[derive(Clone, Debug)]
pub struct Files {
    /// The publication.
    pub now: PathBuf,
    /// The same before its last release.
    pub older: PathBuf,
}

/// Ends when it is dropped.
pub struct Origin {
    /// Its address, with a slash at the end.
    pub url: String,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    files: Files,
    sound: String,
    rule: Mutex<Option<Rule>>,
    log: Mutex<Vec<Entry>>,
    closing: AtomicBool,
}

impl Origin {
    /// Serves these files; `sound` is the address of another origin with the same.
    pub fn new(files: &Files, sound: &str, rule: Option<Rule>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            files: files.clone(),
            sound: sound.to_owned(),
            rule: Mutex::new(rule),
            log: Mutex::default(),
            closing: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.closing.load(Ordering::Relaxed) {
                    return;
                }
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        Self { url, shared, listening: Some(listening) }
    }

    /// Is wrong in this way from now on, or no longer.
    pub fn set(&self, rule: Option<Rule>) {
        *self.shared.rule.lock().expect("no panic") = rule;
    }

    /// What was asked so far; forgets it.
    pub fn take_log(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.shared.log.lock().expect("no panic"))
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        // Wakes the thread that listens; when that has ended already, so much the better.
        drop(TcpStream::connect(address));
        drop(self.listening.take().map(JoinHandle::join));
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let Some((head, length)) = head_of(&stream) else { return };
        let request = Request::parse(&head).unwrap_or_else(|| panic!("a request of the client: {head}"));
        let read = |top: &Path| fs::read(top.join(&request.path)).ok();
        let honest = request.answer(read(&self.files.now));
        let fault = self.fault(request.kind());
        let answer = match fault {
            Some(fault) => fault.spoil(&request, honest, &self.sound, read(&self.files.older)),
            None => honest,
        };
        // Logged before it is sent: who has the answer finds it in the log.
        let entry = Entry { bytes: answer.body.len(), faulty: fault.is_some(), request };
        self.log.lock().expect("no panic").push(entry);
        answer.send(stream, length);
    }

    fn fault(&self, kind: Kind) -> Option<Fault> {
        let mut rule = self.rule.lock().expect("no panic");
        let rule = rule.as_mut().filter(|rule| rule.kind == kind && rule.times > 0)?;
        let right = rule.after > 0;
        *if right { &mut rule.after } else { &mut rule.times } -= 1;
        (!right).then_some(rule.fault)
    }
}

/// The head of a request, and its length; it stays to be read.
fn head_of(stream: &TcpStream) -> Option<(String, usize)> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let count = stream.peek(&mut bytes).ok().filter(|count| *count > 0)?;
        if let Some(end) = bytes[..count].windows(4).position(|four| four == b"\r\n\r\n") {
            return Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 4));
        }
        std::thread::yield_now();
    }
}
