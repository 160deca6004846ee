//! Feeds `tough` from a [`Source`]: one name, one limit, one answer at a time.
//!
//! `tough` wants a transport that lives for ever and that may be cloned; a source is borrowed. So `tough` gets a wire,
//! and whoever runs it answers what comes through the wire. Only the names of the four roles' documents are answered,
//! whatever URL is asked for, and each document is looked over (`json`) before `tough` sees it.
//!
//! `tough` asks for a document when it has verified the one before, and after the targets for delegated roles alone. So
//! a question says that what was given last is verified: it goes to `progress`, which may refuse it and thereby end the
//! load, and a question that comes after the targets is not answered.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use tokio::sync::{mpsc, oneshot};
use tough::schema::Metafile;
use tough::{Transport, TransportError, TransportErrorKind, TransportStream};
use url::Url;

use super::error::{Role, TrustError};
use super::json::check_outline;
use super::progress::Progress;
use super::roles::Seen;
use super::source::{Fetched, Source, SourceError};
use super::{MAX_METADATA_BYTES, MAX_ROOT_BYTES, MAX_TIMESTAMP_BYTES};

/// The base of all URLs that `tough` asks for. Nothing is ever fetched from it.
pub(super) const BASE: &str = "https://publication.invalid/metadata/";

const TIMESTAMP: &str = "metadata/timestamp.json";

/// One question of `tough`.
#[derive(Debug)]
pub(super) struct Ask {
    url: Url,
    reply: oneshot::Sender<Result<Bytes, TransportErrorKind>>,
}

/// The end of the wire that `tough` holds.
#[derive(Clone, Debug)]
pub(super) struct Wire(pub(super) mpsc::UnboundedSender<Ask>);

#[async_trait]
impl Transport for Wire {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let (reply, answer) = oneshot::channel();
        let kind = match self.0.send(Ask { url: url.clone(), reply }) {
            Ok(()) => match answer.await {
                Ok(Ok(bytes)) => return Ok(Box::pin(stream::iter([Ok(bytes)]))),
                Ok(Err(kind)) => kind,
                Err(_) => TransportErrorKind::Other,
            },
            Err(_) => TransportErrorKind::Other,
        };
        let error = TransportError::new(kind, url.as_str());
        // `tough` takes any failure to *open* root N+1 for "there is none"; a failure inside the stream it reports.
        if kind == TransportErrorKind::FileNotFound { Err(error) } else { Ok(Box::pin(stream::iter([Err(error)]))) }
    }
}

/// The other end: answers from the source.
#[derive(Debug)]
pub(super) struct Feed<'a> {
    source: &'a dyn Source,
    /// The one that was asked for before anything else, if it was.
    timestamp: Option<Vec<u8>>,
    /// The tag of the timestamp that was given last.
    etag: Option<String>,
    /// Whether the timestamp is the one that was seen before.
    pub(super) unchanged: bool,
    /// What was given last.
    given: Option<(Role, Vec<u8>)>,
    /// Why the last answer was none, better told than `tough` can.
    pub(super) failure: Option<TrustError>,
}

impl<'a> Feed<'a> {
    /// Asks for the timestamp, given the one that was last seen and its tag.
    ///
    /// # Errors
    /// [`TrustError::Unreachable`], [`TrustError::Missing`], [`TrustError::TooLarge`].
    pub(super) async fn begin(
        source: &'a dyn Source,
        seen: Option<&[u8]>,
        etag: Option<&str>,
    ) -> Result<Self, TrustError> {
        let etag = etag.filter(|_| seen.is_some());
        let (timestamp, etag) = match (fetch_timestamp(source, etag).await?, seen) {
            (Some(body), _) => body,
            (None, Some(seen)) => (seen.to_owned(), etag.map(str::to_owned)),
            (None, None) => return Err(senseless(TIMESTAMP)),
        };
        let unchanged = seen == Some(timestamp.as_slice());
        Ok(Self { etag, unchanged, timestamp: Some(timestamp), ..Self::in_order(source) })
    }

    /// Asks for everything when `tough` does, the roots first.
    pub(super) fn in_order(source: &'a dyn Source) -> Self {
        Self { source, timestamp: None, etag: None, unchanged: false, given: None, failure: None }
    }

    /// Answers one question.
    pub(super) async fn answer(&mut self, ask: Ask, progress: &mut Progress<'_>) {
        let answer = match self.obtain(&ask.url, progress).await {
            Ok(Some(bytes)) => Ok(bytes.into()),
            Ok(None) => Err(TransportErrorKind::FileNotFound),
            Err(failure) => {
                self.failure = Some(failure);
                Err(TransportErrorKind::Other)
            }
        };
        // Nobody listens any more only when the load was given up, and then nobody needs the answer.
        let _ = ask.reply.send(answer);
    }

    /// Hands over what was given last, which `tough` has verified by now.
    ///
    /// # Errors
    /// Those of [`Progress::take`].
    pub(super) fn settle(&mut self, progress: &mut Progress<'_>) -> Result<(), TrustError> {
        match self.given.take() {
            Some((role, bytes)) => progress.take(role, bytes, self.etag.take_if(|_| role == Role::Timestamp)),
            None => Ok(()),
        }
    }

    async fn obtain(&mut self, url: &Url, progress: &mut Progress<'_>) -> Result<Option<Vec<u8>>, TrustError> {
        self.settle(progress)?;
        if progress.is_complete() {
            return Ok(None);
        }
        let stranger = || TrustError::malformed(url.as_str(), "it is a document of none of the four roles");
        let (path, role) = document_of(url).ok_or_else(stranger)?;
        let bytes = match role {
            Role::Root => match self.source.fetch(&path, MAX_ROOT_BYTES).await {
                Err(SourceError::NotFound) => return Ok(None),
                fetched => bounded(&path, MAX_ROOT_BYTES, fetched)?,
            },
            Role::Timestamp => self.newest_timestamp(progress).await?,
            Role::Snapshot | Role::Targets => match progress.kept(role) {
                Some(bytes) => bytes,
                None => {
                    let limit_bytes = limit_bytes(progress.named(role));
                    bounded(&path, limit_bytes, self.source.fetch(&path, limit_bytes).await)?
                }
            },
        };
        match role {
            Role::Root => Seen::parse_root(&path, bytes.clone()).map(drop)?,
            _ => check_outline(&path, role, &bytes)?,
        }
        self.given = Some((role, bytes.clone()));
        Ok(Some(bytes))
    }

    /// A root that was new may have brought another timestamp key: what was fetched before it may be outdated.
    async fn newest_timestamp(&mut self, progress: &Progress<'_>) -> Result<Vec<u8>, TrustError> {
        if let Some(bytes) = self.timestamp.take().filter(|_| !progress.has_rotated()) {
            return Ok(bytes);
        }
        let (bytes, etag) = fetch_timestamp(self.source, None).await?.ok_or_else(|| senseless(TIMESTAMP))?;
        self.etag = etag;
        Ok(bytes)
    }
}

/// The path in the publication and the role of the document that a URL of `tough` stands for, if it is one of the four.
pub(super) fn document_of(url: &Url) -> Option<(String, Role)> {
    let name = url.as_str().strip_prefix(BASE)?;
    let (version, role) = match name.strip_suffix(".json")?.split_once('.') {
        Some((version, role)) => (Some(version), role),
        None => (None, name.strip_suffix(".json")?),
    };
    let canonical = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if version.is_some_and(|text| !canonical(text) || text.parse::<u64>().is_err()) {
        return None;
    }
    let role = match (role, version) {
        ("root", Some(_)) => Role::Root,
        ("timestamp", None) => Role::Timestamp,
        ("snapshot", _) => Role::Snapshot,
        ("targets", _) => Role::Targets,
        _ => return None,
    };
    Some((format!("metadata/{name}"), role))
}

async fn fetch_timestamp(
    source: &dyn Source,
    etag: Option<&str>,
) -> Result<Option<(Vec<u8>, Option<String>)>, TrustError> {
    match source.fetch_if_changed(TIMESTAMP, MAX_TIMESTAMP_BYTES, etag).await {
        Ok(Fetched::Unchanged) if etag.is_some() => Ok(None),
        Ok(Fetched::Unchanged) => Err(senseless(TIMESTAMP)),
        Ok(Fetched::Body { bytes, etag }) => Ok(Some((bounded(TIMESTAMP, MAX_TIMESTAMP_BYTES, Ok(bytes))?, etag))),
        Err(error) => bounded(TIMESTAMP, MAX_TIMESTAMP_BYTES, Err(error)).map(|bytes| Some((bytes, None))),
    }
}

/// The signed length where there is one, and a cap.
pub(super) fn limit_bytes(named: Option<&Metafile>) -> u64 {
    named.and_then(|named| named.length).unwrap_or(MAX_METADATA_BYTES).min(MAX_METADATA_BYTES)
}

/// No source is believed to have kept the limit.
pub(super) fn bounded(
    path: &str,
    limit_bytes: u64,
    fetched: Result<Vec<u8>, SourceError>,
) -> Result<Vec<u8>, TrustError> {
    let path = path.to_owned();
    match fetched {
        Ok(bytes) if bytes.len() as u64 <= limit_bytes => Ok(bytes),
        Ok(_) | Err(SourceError::TooLarge) => Err(TrustError::TooLarge { path, limit_bytes }),
        Err(SourceError::NotFound) => Err(TrustError::Missing { path }),
        Err(source) => Err(TrustError::Unreachable { path, source }),
    }
}

fn senseless(path: &str) -> TrustError {
    let source = SourceError::Failed("it answered \"unchanged\" to a question without a tag".into());
    TrustError::Unreachable { path: path.to_owned(), source }
}
