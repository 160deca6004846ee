//! What is done with the bytes that come: collected up to a limit, or handed on as a span of exact length.
//!
//! An [`Intake`] outlives the tries to fill it: a span remembers how much it has delivered, so the next try, at the same
//! origin or the next one, asks only for the rest.

use super::body::{Body, Opened};
use super::http::Request;
use super::retry::Fault;
use super::{Answer, Counters, Sink, TransportError};

/// A server that ignores ranges may be read from the start and the first bytes thrown away, up to this many, or up to as
/// many as are wanted.
const CHEAP_SKIP: u64 = 1 << 20;

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
    /// How many bytes are there that no further try asks for.
    pub(super) fn delivered(&self) -> u64 {
        match self {
            Self::Document { .. } => 0,
            Self::Span(span) => span.delivered,
        }
    }

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
