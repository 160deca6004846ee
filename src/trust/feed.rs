//! Feeds `tough` from a [`Source`]: one name, one limit, one answer at a time.
//!
//! `tough` wants a transport that lives for ever and that may be cloned; a source is borrowed. So `tough` gets a wire,
//! and whoever runs it answers what comes through the wire. Only the names of the four roles' documents are answered,
//! whatever URL is asked for, and each document is looked over (`json`) before `tough` sees it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use tokio::sync::{mpsc, oneshot};
use tough::{Transport, TransportError, TransportErrorKind, TransportStream};
use url::Url;

use super::error::TrustError;
use super::json::Outline;
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

/// The other end: answers from the source, and keeps what it gave.
#[derive(Debug)]
pub(super) struct Feed<'a> {
    source: &'a dyn Source,
    /// The one that was asked for before anything else, if it was.
    timestamp: Option<Vec<u8>>,
    /// The tag of the timestamp that was given last.
    pub(super) etag: Option<String>,
    /// Whether the timestamp is the one that was seen before.
    pub(super) unchanged: bool,
    /// The documents given, by role or, for roots, by version.
    pub(super) given: BTreeMap<Document, Vec<u8>>,
    /// Why the last answer was none, better told than `tough` can.
    pub(super) failure: Option<TrustError>,
}

/// A document that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Document {
    /// The root of this version.
    Root(u64),
    /// The timestamp.
    Timestamp,
    /// The snapshot, of whatever version.
    Snapshot,
    /// The targets, of whatever version.
    Targets,
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
        Self { source, timestamp: None, etag: None, unchanged: false, given: BTreeMap::new(), failure: None }
    }

    /// Answers one question.
    pub(super) async fn answer(&mut self, ask: Ask) {
        let answer = match self.obtain(&ask.url).await {
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

    /// The roots that were given, up to this version.
    pub(super) fn roots_up_to(&self, newest: u64) -> BTreeMap<u64, Vec<u8>> {
        let roots = self.given.iter().filter_map(|(document, bytes)| match document {
            Document::Root(version) if *version <= newest => Some((*version, bytes.clone())),
            _ => None,
        });
        roots.collect()
    }

    async fn obtain(&mut self, url: &Url) -> Result<Option<Vec<u8>>, TrustError> {
        let delegation = || TrustError::Delegation { name: url.as_str().chars().take(200).collect() };
        let (path, document) = document_of(url).ok_or_else(delegation)?;
        let bytes = match document {
            // A root that was new may have brought another timestamp key: what was fetched before it may be outdated.
            Document::Timestamp => {
                let rotated = self.given.keys().any(|given| matches!(given, Document::Root(_)));
                match self.timestamp.clone().filter(|_| !rotated) {
                    Some(bytes) => bytes,
                    None => {
                        let (bytes, etag) =
                            fetch_timestamp(self.source, None).await?.ok_or_else(|| senseless(&path))?;
                        self.etag = etag;
                        bytes
                    }
                }
            }
            _ => match (self.source.fetch(&path, self.limit_bytes(document)?).await, document) {
                (Err(SourceError::NotFound), Document::Root(_)) => return Ok(None),
                (fetched, _) => bounded(&path, self.limit_bytes(document)?, fetched)?,
            },
        };
        match document {
            Document::Root(_) => {
                Seen::parse_root(&path, bytes.clone())?;
            }
            _ => {
                Outline::read(&path, &bytes)?;
            }
        }
        self.given.insert(document, bytes.clone());
        Ok(Some(bytes))
    }

    /// The signed length where there is one, and a cap. When `tough` asks for a document it has already verified the
    /// one that signs its length.
    fn limit_bytes(&self, document: Document) -> Result<u64, TrustError> {
        let (signer, path, file) = match document {
            Document::Root(_) => return Ok(MAX_ROOT_BYTES),
            Document::Timestamp => return Ok(MAX_TIMESTAMP_BYTES),
            Document::Snapshot => (Document::Timestamp, "timestamp.json", "snapshot.json"),
            Document::Targets => (Document::Snapshot, "snapshot.json", "targets.json"),
        };
        let outline = self.given.get(&signer).map(|bytes| Outline::read(path, bytes)).transpose()?;
        let signed = outline.and_then(|outline| outline.length_of(file));
        Ok(signed.unwrap_or(MAX_METADATA_BYTES).min(MAX_METADATA_BYTES))
    }
}

/// The path in the publication and the document that a URL of `tough` stands for, if it is one of the four roles'.
pub(super) fn document_of(url: &Url) -> Option<(String, Document)> {
    let name = url.as_str().strip_prefix(BASE)?;
    let (version, role) = match name.strip_suffix(".json")?.split_once('.') {
        Some((version, role)) => (Some(version), role),
        None => (None, name.strip_suffix(".json")?),
    };
    let canonical = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let number = match version {
        Some(text) => Some(Some(text).filter(canonical)?.parse::<u64>().ok()?),
        None => None,
    };
    let document = match (role, number) {
        ("root", Some(version)) => Document::Root(version),
        ("timestamp", None) => Document::Timestamp,
        ("snapshot", _) => Document::Snapshot,
        ("targets", _) => Document::Targets,
        _ => return None,
    };
    Some((format!("metadata/{name}"), document))
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

/// No source is believed to have kept the limit.
fn bounded(path: &str, limit_bytes: u64, fetched: Result<Vec<u8>, SourceError>) -> Result<Vec<u8>, TrustError> {
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
