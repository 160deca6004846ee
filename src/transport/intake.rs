//! What is done with the bytes that come: collected up to a limit, or handed on as a span of exact length.
//!
//! An [`Intake`] outlives the tries to fill it: a span remembers how much it has delivered, so the next try, at the same
//! origin or the next one, asks only for the rest.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use rustix::fs::OFlags;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, Take};

use super::archive::Place;
use super::http::{Body, Opened, Request};
use super::origin::beneath;
use super::retry::Fault;
use super::{Answer, Counters, Sink, TransportError};

/// A server that ignores ranges may be read from the start and the first bytes thrown away, up to this many, or up to as
/// many as are wanted.
const CHEAP_SKIP: u64 = 1 << 20;
const FILE_PIECE: usize = 128 * 1024;

/// What a read is for.
pub(super) enum Intake<'a, 's> {
    /// A whole document in memory.
    Document {
        /// The most bytes it may have.
        limit: u64,
        /// Only if it is no longer this one.
        etag: Option<&'a str>,
    },
    /// Bytes for a sink.
    Span(Span<'s>),
}

/// A stretch of a file, and how much of it was delivered.
pub(super) struct Span<'s> {
    offset: u64,
    length: u64,
    whole: bool,
    delivered: u64,
    sink: &'s mut (dyn FnMut(&[u8]) -> Result<(), super::SinkError> + Send + 's),
}

/// A local file as a body.
pub(super) struct FileBody {
    file: Take<File>,
    path: PathBuf,
}

impl<'s> Span<'s> {
    /// `length` bytes from `offset` of a file of unknown length.
    pub(super) fn part<'b: 's>(offset: u64, length: u64, sink: &'s mut Sink<'b>) -> Self {
        Self { offset, length, whole: false, delivered: 0, sink }
    }

    /// A file of exactly `length` bytes.
    pub(super) fn whole<'b: 's>(length: u64, sink: &'s mut Sink<'b>) -> Self {
        Self { offset: 0, length, whole: true, delivered: 0, sink }
    }

    /// Whether nothing is left to read.
    pub(super) fn is_complete(&self) -> bool {
        self.delivered == self.length
    }

    fn next(&self) -> u64 {
        self.offset.saturating_add(self.delivered)
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// Refuses, before anything is delivered, a file that cannot be the one.
    fn check_whole(&self, url: &str, whole: Option<u64>) -> Result<(), TransportError> {
        match whole {
            Some(found) if found < self.end() || (self.whole && found != self.length) => {
                Err(TransportError::WrongLength { url: url.to_owned(), wanted: self.end(), found })
            }
            _ => Ok(()),
        }
    }

    async fn fill(&mut self, mut from: u64, mut body: Body, counters: &Counters) -> Result<(), Fault> {
        let started_at = self.delivered;
        while !self.is_complete() {
            let Some(piece) = body.piece(counters).await? else {
                return Err(self.ended_early(&body, from, started_at));
            };
            let skipped = (self.next().saturating_sub(from)).min(piece.len() as u64) as usize;
            from += piece.len() as u64;
            let piece = &piece[skipped..];
            let rest = self.length - self.delivered;
            let piece = &piece[..piece.len().min(usize::try_from(rest).unwrap_or(usize::MAX))];
            if !piece.is_empty() {
                (self.sink)(piece).map_err(|source| Fault::lasting(TransportError::Sink { source }))?;
                self.delivered += piece.len() as u64;
            }
        }
        Ok(())
    }

    /// A body that ends properly but too soon: of a network answer the rest may come next time.
    fn ended_early(&self, body: &Body, found: u64, started_at: u64) -> Fault {
        match body {
            Body::Http(_) => {
                let source = super::Cause::new("the body ends too early");
                let received = self.delivered - started_at;
                Fault::passing(TransportError::Broken { url: body.url(), received, source })
            }
            Body::File(_) => Fault::lasting(TransportError::WrongLength { url: body.url(), wanted: self.end(), found }),
        }
    }
}

impl<'a> Intake<'a, '_> {
    /// What to ask an HTTP origin for now.
    pub(super) fn request(&self) -> Request<'a> {
        match self {
            Self::Document { etag, .. } => Request { unless: *etag, range: None },
            Self::Span(span) if span.whole && span.delivered == 0 => Request::default(),
            Self::Span(span) => Request { unless: None, range: Some((span.next(), span.end() - 1)) },
        }
    }

    /// Where to begin in a local file, and how much of it to read at most.
    pub(super) fn place(&self) -> (u64, u64) {
        match self {
            Self::Document { .. } => (0, u64::MAX),
            Self::Span(span) => (span.next(), span.length - span.delivered),
        }
    }

    /// Reads the body.
    pub(super) async fn fill(&mut self, opened: Opened, counters: &Counters) -> Result<Answer, Fault> {
        let Opened::Body { from, whole, etag, body } = opened else {
            return Ok(Answer::Unchanged);
        };
        match self {
            Self::Document { limit, .. } => {
                let bytes = document(*limit, whole, body, counters).await?;
                Ok(Answer::Body { bytes, etag })
            }
            Self::Span(span) => {
                span.check_whole(&body.url(), whole).map_err(Fault::senseless)?;
                let skip = span.next().saturating_sub(from);
                if skip > CHEAP_SKIP.max(span.length - span.delivered) {
                    let (first, last) = (span.next(), span.end() - 1);
                    let reason = "it answers with the whole file".to_owned();
                    let error = TransportError::WrongRange { url: body.url(), first, last, reason };
                    return Err(Fault::senseless(error));
                }
                span.fill(from, body, counters).await?;
                Ok(Answer::Unchanged)
            }
        }
    }
}

impl Body {
    async fn piece(&mut self, counters: &Counters) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Http(stream) => stream.piece(counters).await,
            Self::File(file) => file.piece(counters).await,
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Http(stream) => stream.url(),
            Self::File(file) => file.path.display().to_string(),
        }
    }
}

impl FileBody {
    async fn piece(&mut self, counters: &Counters) -> Result<Option<Bytes>, Fault> {
        let mut piece = BytesMut::with_capacity(FILE_PIECE);
        let count = self.file.read_buf(&mut piece).await.map_err(|source| unreadable(&self.path, source))?;
        counters.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok((count > 0).then(|| piece.freeze()))
    }
}

/// Opens a file of a local publication at byte `start`, to read up to `length` bytes.
pub(super) async fn open_file(
    top: &Path,
    path: &str,
    (start, length): (u64, u64),
    counters: &Counters,
) -> Result<Opened, Fault> {
    let path = beneath(top, path);
    counters.requests.fetch_add(1, Ordering::Relaxed);
    // Without NONBLOCK, opening a fifo would wait for ever.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let opened = tokio::fs::OpenOptions::new().read(true).custom_flags(flags).open(&path).await;
    let mut file = opened.map_err(|source| unreadable(&path, source))?;
    let metadata = file.metadata().await.map_err(|source| unreadable(&path, source))?;
    if !metadata.is_file() {
        return Err(unreadable(&path, std::io::Error::other("it is not a regular file")));
    }
    if start > 0 {
        file.seek(SeekFrom::Start(start)).await.map_err(|source| unreadable(&path, source))?;
    }
    let body = Body::File(FileBody { file: file.take(length), path });
    Ok(Opened::Body { from: start, whole: Some(metadata.len()), etag: None, body })
}

/// Opens a file that lies in an archive at byte `start`, to read up to `length` bytes.
pub(super) async fn open_part(
    archive: &Path,
    path: &str,
    place: Place,
    (start, length): (u64, u64),
    counters: &Counters,
) -> Result<Opened, Fault> {
    counters.requests.fetch_add(1, Ordering::Relaxed);
    let opened = File::open(archive).await;
    let mut file = opened.map_err(|source| unreadable(archive, source))?;
    let start = start.min(place.length);
    file.seek(SeekFrom::Start(place.offset + start)).await.map_err(|source| unreadable(archive, source))?;
    let file = file.take(length.min(place.length - start));
    let path = PathBuf::from(format!("{}:{path}", archive.display()));
    Ok(Opened::Body { from: start, whole: Some(place.length), etag: None, body: Body::File(FileBody { file, path }) })
}

fn unreadable(path: &Path, source: std::io::Error) -> Fault {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    Fault::lasting(match source.kind() {
        NotFound | NotADirectory => TransportError::NotFound { url: path.display().to_string() },
        _ => TransportError::File { path: path.to_owned(), source },
    })
}

/// Collects a body of at most `limit` bytes, whatever length was announced.
async fn document(limit: u64, whole: Option<u64>, mut body: Body, counters: &Counters) -> Result<Vec<u8>, Fault> {
    let too_long = |body: &Body| Fault::senseless(TransportError::TooLong { url: body.url(), limit });
    if whole.is_some_and(|whole| whole > limit) {
        return Err(too_long(&body));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = body.piece(counters).await? {
        if bytes.len() as u64 + piece.len() as u64 > limit {
            return Err(too_long(&body));
        }
        bytes.extend_from_slice(&piece);
    }
    // No document of a publication begins so, but what networks answer that want a login does.
    if bytes.trim_ascii_start().starts_with(b"<") {
        return Err(Fault::senseless(TransportError::NotAPublication { url: body.url() }));
    }
    Ok(bytes)
}
