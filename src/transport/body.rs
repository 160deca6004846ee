//! Bodies of answers, piece by piece, guarded against those that do not end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout};
use url::Url;

use super::local::FileBody;
use super::origin::shown;
use super::retry::Fault;
use super::{Cause, Counters, TransportError};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// For a connection.
    pub(super) connect: Duration,
    /// For the headers of an answer, and for each further piece of its body.
    pub(super) stall: Duration,
    /// Time over which the rate of a body is taken.
    pub(super) rate_window: Duration,
    /// Bytes a second below which a body is given up.
    pub(super) least_rate: u64,
}

impl Timing {
    /// For an origin that is given up when nothing comes for `stall`.
    pub(super) fn new(stall: Duration) -> Self {
        let connect = stall.min(Duration::from_secs(15));
        Self { connect, stall, rate_window: Duration::from_secs(60), least_rate: 1024 }
    }
}

/// An answer whose headers are in order.
pub(super) enum Opened {
    /// 304, to a request with a condition.
    Unchanged,
    /// The body, or the part of it that begins at byte `from`.
    Body {
        /// Place of the first byte that comes.
        from: u64,
        /// Length of the whole file, where it is known.
        whole: Option<u64>,
        /// What the origin calls this state of the file.
        etag: Option<String>,
        /// The bytes.
        body: Body,
    },
}

/// Where bytes come from.
pub(super) enum Body {
    /// A connection.
    Http(Box<Stream>),
    /// A local file.
    File(FileBody),
}

/// The body of an HTTP answer.
pub(super) struct Stream {
    response: Response,
    url: Url,
    timing: Timing,
    received: u64,
    /// Time spent waiting for bytes, and bytes that came, since the rate was last judged.
    window: (Duration, u64),
}

impl From<FileBody> for Opened {
    fn from(file: FileBody) -> Self {
        Self::Body { from: file.from, whole: Some(file.whole), etag: None, body: Body::File(file) }
    }
}

impl Body {
    /// The next piece; none at the end.
    pub(super) async fn piece(&mut self, counters: &Counters) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Http(stream) => stream.piece(counters).await,
            Self::File(file) => file.piece(counters).await,
        }
    }

    /// Where it comes from, for messages.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Http(stream) => stream.url(),
            Self::File(file) => file.path.display().to_string(),
        }
    }
}

impl Stream {
    /// The body of an answer whose headers are in order.
    pub(super) fn new(response: Response, url: Url, timing: Timing) -> Self {
        Self { response, url, timing, received: 0, window: Default::default() }
    }

    /// The URL that answered, for messages.
    pub(super) fn url(&self) -> String {
        shown(&self.url)
    }

    /// The next piece; none at the end.
    pub(super) async fn piece(&mut self, counters: &Counters) -> Result<Option<Bytes>, Fault> {
        let before = Instant::now();
        let piece = match timeout(self.timing.stall, self.response.chunk()).await {
            Err(_) => return Err(stalled(&self.url, self.received, self.timing.stall)),
            Ok(Err(error)) => {
                let (url, source) = (self.url(), Cause::of(&error));
                return Err(Fault::passing(TransportError::Broken { url, received: self.received, source }));
            }
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(piece))) => piece,
        };
        let length = piece.len() as u64;
        counters.bytes.fetch_add(length, Ordering::Relaxed);
        self.received += length;
        self.window = (self.window.0 + before.elapsed(), self.window.1 + length);
        self.check_rate()?;
        Ok(Some(piece))
    }

    /// Only time spent waiting counts: a slow disk is not the origin's fault.
    fn check_rate(&mut self) -> Result<(), Fault> {
        let (waited, bytes) = self.window;
        if waited < self.timing.rate_window {
            return Ok(());
        }
        let bytes_per_second = (bytes as f64 / waited.as_secs_f64()) as u64;
        if bytes_per_second < self.timing.least_rate {
            return Err(Fault::passing(TransportError::TooSlow { url: self.url(), bytes_per_second }));
        }
        self.window = Default::default();
        Ok(())
    }
}

/// Nothing came for so long.
pub(super) fn stalled(url: &Url, received: u64, waited: Duration) -> Fault {
    Fault::passing(TransportError::Stalled { url: shown(url), received, waited })
}
