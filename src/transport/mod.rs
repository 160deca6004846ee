//! Reads a publication: over HTTP(S), from a local directory, or from one file that holds it.
//!
//! Promises: no body is longer than the caller's limit, and memory stays bounded; a span is delivered in order, each byte
//! once, from the place that was asked for; a span that breaks off is continued where it stopped, as long as something comes
//! (documents begin anew); an origin that fails, or asks for patience, is left for the next one; nothing ever leads from `https:` to `http:`, or from the network to a local file. Whether the
//! bytes are the *right* ones is for the callers to tell, by their digests: mirrors are not trusted. Callers that found
//! them wrong [`doubt`](Transport::doubt) who served them, and ask again: that is answered elsewhere first, and in the end
//! everywhere, for whoever was blamed longest ago comes before whoever was blamed since.
//!
//! Leaves to others: signatures (`trust`), digests and where bytes go (`fetch`), hints for people (the programs).
//! Sources: RFC 9110 (ranges, conditional requests, Retry-After, redirects).

mod archive;
mod asking;
mod body;
mod error;
mod http;
mod intake;
mod local;
mod origin;
mod retry;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use asking::Patience;
use body::Timing;
pub use error::{Cause, SinkError, TransportError, TransportErrorKind};
use http::Http;
use intake::{Intake, Span};
pub use origin::without_password;
use origin::{Origin, check_path};

/// Takes one piece of a span, in order. An error ends the read and comes back as [`TransportError::Sink`].
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), SinkError> + Send + 'a;

/// How hard and how widely to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests under way at once; 0 counts as 1.
    pub parallel: usize,
    /// Further tries of a request that failed, at each origin.
    pub max_retries: u32,
    /// Pause before the first of them; it doubles from one to the next, up to a minute, give or take a quarter.
    pub retry_delay: Duration,
    /// An origin from which nothing comes for so long is given up.
    pub timeout: Duration,
    /// Allow `http:` to other hosts than this one.
    pub allow_insecure_http: bool,
}

/// What a transport has moved so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// HTTP requests sent, retries and redirects included; for a directory or an archive, files opened.
    pub requests: u64,
    /// Bytes of bodies that arrived, without headers, wanted or not.
    pub bytes: u64,
}

/// The answer to a conditional request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The document is the one that the `ETag` was given for.
    Unchanged,
    /// The document.
    Body {
        /// Its bytes.
        bytes: Vec<u8>,
        /// What the origin calls this state of it, for the next conditional request.
        etag: Option<String>,
    },
}

/// Which origin answered, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// It gave the end.
    last: usize,
    /// It gave what came before, and failed then; none where all came from one.
    before: Option<usize>,
}

/// The way to one publication, at one or several origins. Shared by reference; all methods may run at once.
#[derive(Debug)]
pub struct Transport {
    mirrors: Vec<Mirror>,
    limits: Limits,
    http: Http,
    places: Semaphore,
    counters: Counters,
    /// How often an origin was blamed so far.
    blames: AtomicU64,
}

/// An origin, and what is thought of it.
#[derive(Debug)]
struct Mirror {
    origin: Origin,
    /// Whether it is the administrator's, not one that the publication's own users are told.
    is_override: bool,
    standing: Mutex<Standing>,
}

impl Mirror {
    fn new(origin: Origin, is_override: bool) -> Self {
        Self { origin, is_override, standing: Mutex::new(Standing::Sound) }
    }
}

/// The places to read from, the administrator's `mirrors` first.
fn origins(mirrors: &[String], urls: &[String], allow_insecure_http: bool) -> Result<Vec<Mirror>, TransportError> {
    if urls.is_empty() {
        return Err(TransportError::NoUrl);
    }
    let all = mirrors.iter().map(|url| (url, true)).chain(urls.iter().map(|url| (url, false)));
    all.map(|(url, is_override)| Ok(Mirror::new(Origin::parse(url, allow_insecure_http)?, is_override))).collect()
}

/// What is thought of an origin since it was last asked; a blame has its number among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It answered, if only that it lacks the file.
    Sound,
    /// It answers, and what it gave was not what it should be.
    Doubted(u64),
    /// It did not answer.
    Failed(u64),
}

/// The meter as it runs.
#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Transport {
    /// A transport that reads from `urls`, the first that answers: `https:`, `http:`, `file:` URLs or absolute paths of
    /// directories or archives. Nothing is opened or asked yet.
    ///
    /// # Errors
    /// [`TransportError::BadUrl`] or [`TransportError::InsecureUrl`], when one of them cannot be used.
    pub fn new(urls: &[String], limits: Limits) -> Result<Self, TransportError> {
        let all = origins(&[], urls, limits.allow_insecure_http)?;
        Ok(Self::made(all, limits, Timing::new(limits.timeout)))
    }

    /// A transport that reads metadata from `urls` as [`Transport::new`] does and everything else from `mirrors` first: a
    /// mirror that is behind must not hide what is new. A machine has a record of both, and what is not encrypted was
    /// allowed when it was recorded.
    ///
    /// # Errors
    /// As [`Transport::new`].
    pub fn recorded(mirrors: &[String], urls: &[String], limits: Limits) -> Result<Self, TransportError> {
        Ok(Self::made(origins(mirrors, urls, true)?, limits, Timing::new(limits.timeout)))
    }

    /// A transport that reads from a publication in one file.
    pub fn of_file(path: PathBuf, limits: Limits) -> Self {
        Self::made(vec![Mirror::new(Origin::local(path), false)], limits, Timing::new(limits.timeout))
    }

    fn made(mirrors: Vec<Mirror>, limits: Limits, timing: Timing) -> Self {
        Self {
            mirrors,
            limits,
            http: Http::new(timing, limits.allow_insecure_http),
            places: Semaphore::new(limits.parallel.max(1)),
            counters: Counters::default(),
            blames: AtomicU64::new(0),
        }
    }

    /// Reads the document at `path`, of at most `limit` bytes.
    ///
    /// # Errors
    /// Any of [`TransportError`] but `Sink`; [`TransportError::is_not_found`] tells whether it is simply not there.
    pub async fn get(&self, path: &str, limit: u64) -> Result<Vec<u8>, TransportError> {
        self.get_served(path, limit).await.map(|(bytes, _)| bytes)
    }

    /// As [`Transport::get`], for a document that `check` can tell from a wrong one: what it refuses is asked for again,
    /// elsewhere first.
    ///
    /// # Errors
    /// As [`Transport::get`], and the last refusal of `check`.
    pub async fn get_checked<T, E: From<TransportError>>(
        &self,
        path: &str,
        limit: u64,
        check: impl Fn(Vec<u8>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut chances = self.chances();
        loop {
            let (bytes, served) = self.get_served(path, limit).await?;
            match check(bytes) {
                Err(_) if chances > 0 => self.doubt(served),
                checked => return checked,
            }
            chances -= 1;
        }
    }

    /// Asks others before this origin from now on: what it served was not what it should be. Where two of them served it,
    /// either may be to blame: the one that failed on the way is asked after the other, which then gives all of it.
    pub fn doubt(&self, served: Served) {
        for number in std::iter::once(served.last).chain(served.before) {
            self.mirrors[number].stands(Standing::Doubted(self.next_blame()));
        }
    }

    fn next_blame(&self) -> u64 {
        self.blames.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How often it is worth it to ask again after a wrong answer: at every other origin, and as often as a request that
    /// failed is tried again.
    pub fn chances(&self) -> usize {
        self.limits.max_retries as usize + self.others()
    }

    /// Where it reads, in the order in which it asks, as people may see it.
    pub fn origins(&self) -> Vec<String> {
        self.mirrors.iter().map(|mirror| mirror.origin.to_string()).collect()
    }

    /// How many other origins there are than the one that answers.
    pub fn others(&self) -> usize {
        self.mirrors.len() - 1
    }

    /// Reads the document at `path`, of at most `limit` bytes, unless it is still the one that `etag` was given for.
    /// Directories have no `ETag`s and always answer with the body.
    ///
    /// # Errors
    /// As [`Transport::get`].
    pub async fn get_if_changed(
        &self,
        path: &str,
        limit: u64,
        etag: Option<&str>,
    ) -> Result<(Answer, Served), TransportError> {
        self.take(path, &mut Intake::Document { limit, etag }).await
    }

    /// Reads exactly `length` bytes from `offset` of the file at `path` into `sink`, piece by piece and in order.
    ///
    /// After an error, `sink` may have had a part, which is where a caller that counts can go on.
    ///
    /// # Errors
    /// Any of [`TransportError`].
    pub async fn range(
        &self,
        path: &str,
        offset: u64,
        length: u64,
        sink: &mut Sink<'_>,
    ) -> Result<Served, TransportError> {
        self.span(path, Span::part(offset, length, sink)).await
    }

    /// Reads the whole file at `path`, which must be `length` bytes long, into `sink`, piece by piece and in order.
    ///
    /// # Errors
    /// As [`Transport::range`].
    pub async fn object(&self, path: &str, length: u64, sink: &mut Sink<'_>) -> Result<Served, TransportError> {
        self.span(path, Span::whole(length, sink)).await
    }

    /// Whether the administrator's mirrors have the file at `path`: reads one byte of it.
    ///
    /// # Errors
    /// [`TransportError::is_not_found`] when they do not, others when they cannot be read.
    pub async fn mirrors_have(&self, path: &str) -> Result<(), TransportError> {
        check_path(path)?;
        let mut failures = Vec::new();
        let patience = Patience { retries: self.limits.max_retries, pause: Duration::MAX };
        for mirror in self.mirrors.iter().filter(|mirror| mirror.is_override) {
            let mut sink = |_: &[u8]| Ok(());
            let mut one_byte = Intake::Span(Span::part(0, 1, &mut sink));
            match self.ask_again_and_again(mirror, path, &mut one_byte, patience).await {
                Ok(_) => return Ok(()),
                Err(error) => {
                    mirror.stands(Standing::after(&error, self.next_blame()));
                    failures.push(error);
                }
            }
        }
        Err(TransportError::of_mirrors(path, failures))
    }

    /// What was moved since the start.
    pub fn meter(&self) -> Meter {
        Meter {
            requests: self.counters.requests.load(Ordering::Relaxed),
            bytes: self.counters.bytes.load(Ordering::Relaxed),
        }
    }

    async fn get_served(&self, path: &str, limit: u64) -> Result<(Vec<u8>, Served), TransportError> {
        match self.get_if_changed(path, limit, None).await? {
            (Answer::Body { bytes, .. }, served) => Ok((bytes, served)),
            (Answer::Unchanged, _) => unreachable!("without an ETag, a 304 is an error"),
        }
    }

    async fn span(&self, path: &str, span: Span<'_>) -> Result<Served, TransportError> {
        if span.is_complete() {
            return check_path(path).map(|()| Served { last: 0, before: None });
        }
        self.take(path, &mut Intake::Span(span)).await.map(|(_, served)| served)
    }
}

impl Mirror {
    fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stands(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

impl Standing {
    /// What is thought of an origin that gave this instead of a file.
    fn after(error: &TransportError, blame: u64) -> Self {
        match error {
            error if error.is_not_found() => Self::Sound,
            error if error.is_about_the_file() => Self::Doubted(blame),
            _ => Self::Failed(blame),
        }
    }

    /// The order in which origins are asked.
    fn blamed_at(self) -> u64 {
        match self {
            Self::Sound => 0,
            Self::Doubted(blame) | Self::Failed(blame) => blame,
        }
    }
}
