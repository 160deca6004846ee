//! What can go wrong between this machine and an origin.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;

/// What is told of what is no regular file.
pub(super) const NO_FILE: io::ErrorKind = io::ErrorKind::InvalidInput;

/// What the taker of a span may end it with.
pub type SinkError = Box<dyn Error + Send + Sync>;

/// The innermost reason of a failed connection, as the network stack words it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Cause(String);

/// Whose business an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// What the user gave cannot be used.
    Usage,
    /// The origin cannot be reached, lacks something, or is no publication.
    Origin,
    /// What lies there is damaged, and will be the next time.
    Damaged,
    /// The caller's own sink ended the read.
    Sink,
}

/// Why a read failed. URLs are shown without passwords.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// There is nowhere to read from.
    #[error("no origin is known")]
    NoUrl,
    /// The origin as given is no URL or path that can be read from.
    #[error("`{url}` is no origin: {reason}")]
    BadUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Plain `http:` to another machine.
    #[error("`{url}` is not encrypted and not on this machine")]
    InsecureUrl {
        /// As given.
        url: String,
    },
    /// A path that would lead out of the publication.
    #[error("{path:?} is no path in a publication")]
    BadPath {
        /// The path.
        path: String,
    },
    /// The origin answers that it does not have it.
    #[error("{url} does not exist")]
    NotFound {
        /// Where.
        url: String,
    },
    /// A status that is neither success nor "not found".
    #[error("{url} answers with status {status}")]
    Status {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// No connection came about.
    #[error("cannot connect to {url}")]
    Connect {
        /// Where.
        url: String,
        /// Why.
        source: Cause,
    },
    /// The server could not show that it is the one that was meant.
    #[error("the certificate of {url} is not trusted by this system")]
    Certificate {
        /// Where.
        url: String,
        /// Why.
        source: Cause,
    },
    /// HTTPS cannot be spoken at all: no trust anchors, or a broken proxy setting.
    #[error("cannot set up connections to {url}")]
    Setup {
        /// Where.
        url: String,
        /// Why.
        source: Cause,
    },
    /// The connection broke.
    #[error("{url} broke off after {received} bytes")]
    Broken {
        /// Where.
        url: String,
        /// Bytes of this answer that came before.
        received: u64,
        /// Why.
        source: Cause,
    },
    /// Nothing came for too long.
    #[error("{url} sent nothing for {} s after {received} bytes", waited.as_secs_f64())]
    Stalled {
        /// Where.
        url: String,
        /// Bytes of this answer that came before.
        received: u64,
        /// How long.
        waited: Duration,
    },
    /// Something came, but too little to ever end.
    #[error("{url} sends only {bytes_per_second} bytes a second")]
    TooSlow {
        /// Where.
        url: String,
        /// The rate.
        bytes_per_second: u64,
    },
    /// More bytes than the document may have.
    #[error("{url} is longer than {limit} bytes, the most that it may be")]
    TooLong {
        /// Where.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is not as long as it must be.
    #[error("{url} has {found} bytes instead of {wanted}")]
    WrongLength {
        /// Where.
        url: String,
        /// Bytes that it must have (for a part: at least).
        wanted: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// The answer to a ranged request is not the range that was asked for.
    #[error("{url} does not answer with bytes {first} to {last}: {reason}")]
    WrongRange {
        /// Where.
        url: String,
        /// First byte that was asked for.
        first: u64,
        /// Last byte that was asked for.
        last: u64,
        /// What it answers with.
        reason: String,
    },
    /// A web page: a login page of the network, an error page, the wrong address.
    #[error("{url} is a web page, not part of a publication")]
    NotAPublication {
        /// Where.
        url: String,
    },
    /// A body in an encoding that was not asked for.
    #[error("{url} is sent as `{encoding}`, though no content encoding was asked for")]
    Encoded {
        /// Where.
        url: String,
        /// The encoding.
        encoding: String,
    },
    /// 304 to a request without a condition.
    #[error("{url} answers that nothing changed, though that was not asked")]
    UnaskedUnchanged {
        /// Where.
        url: String,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects to `{target}`: {reason}")]
    Redirect {
        /// Where.
        url: String,
        /// Where to.
        target: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// A file of a local publication cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A publication in one file that is not well-formed.
    #[error("{} is no publication in one file: {reason}", path.display())]
    BadArchive {
        /// The archive.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The caller's sink ended the read.
    #[error("what was read could not be taken in")]
    Sink {
        /// What the sink said.
        source: SinkError,
    },
    /// Each of several origins failed.
    #[error("none of {} origins delivers {path}: {}", failures.len(), listed(failures))]
    Mirrors {
        /// The path in the publication.
        path: String,
        /// How each failed, in the order in which they were asked.
        failures: Vec<TransportError>,
    },
}

impl TransportError {
    /// Whether an origin that works says that there is no such file (and no other has it).
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::NotFound { .. } => true,
            Self::Mirrors { failures, .. } => failures.iter().any(Self::is_not_found),
            _ => false,
        }
    }

    /// Whether every origin says so.
    pub fn is_surely_not_found(&self) -> bool {
        match self {
            Self::Mirrors { failures, .. } => failures.iter().all(Self::is_surely_not_found),
            other => other.is_not_found(),
        }
    }

    /// Whether an origin answers, and what it gives cannot be this file: others may still be had from it.
    pub fn is_about_the_file(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::TooLong { .. }
            | Self::WrongLength { .. }
            | Self::WrongRange { .. }
            | Self::NotAPublication { .. }
            | Self::Encoded { .. }
            | Self::UnaskedUnchanged { .. }
            | Self::Redirect { .. } => true,
            // It is not busy, or broken: it refuses.
            Self::Status { status, .. } => *status < 500 && !matches!(status, 408 | 429),
            Self::File { source, .. } => is_about_what_lies_there(source),
            Self::Mirrors { failures, .. } => failures.iter().any(Self::is_about_the_file),
            _ => false,
        }
    }

    /// Whose business it is.
    pub fn kind(&self) -> TransportErrorKind {
        match self {
            Self::NoUrl | Self::BadUrl { .. } | Self::InsecureUrl { .. } => TransportErrorKind::Usage,
            Self::Sink { .. } => TransportErrorKind::Sink,
            Self::BadArchive { .. } => TransportErrorKind::Damaged,
            _ => TransportErrorKind::Origin,
        }
    }

    /// The failures of all origins as one error; that of the only one as it is.
    pub(super) fn of_mirrors(path: &str, mut failures: Vec<Self>) -> Self {
        match failures.len() {
            1 => failures.remove(0),
            _ => Self::Mirrors { path: path.to_owned(), failures },
        }
    }
}

/// Whether a local file cannot be read for what it is or for where it lies on a damaged disk, while others may be.
fn is_about_what_lies_there(error: &io::Error) -> bool {
    const ERRNOS: [Errno; 6] = [Errno::ACCESS, Errno::PERM, Errno::ISDIR, Errno::IO, Errno::UCLEAN, Errno::BADMSG];
    error.kind() == NO_FILE || ERRNOS.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

impl Cause {
    /// What lies at the bottom of `error`: the layers above it only say that something failed.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(innermost.to_string())
    }

    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it is the refusal of a server's certificate (rustls words all of them so).
    pub(super) fn is_certificate(&self) -> bool {
        self.0.contains("invalid peer certificate")
    }
}

/// All failures on one line, each with its cause.
fn listed(failures: &[TransportError]) -> String {
    let line = |failure: &TransportError| match failure.source() {
        Some(source) => format!("{failure} ({source})"),
        None => failure.to_string(),
    };
    failures.iter().map(line).collect::<Vec<_>>().join("; ")
}
