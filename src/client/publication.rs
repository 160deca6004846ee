//! The publication as `trust` looks at it: through the transport, and again where an answer was refused.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::ClientError;
use super::session::{Access, KnownRelease, Session};
use crate::report::Event;
use crate::state::Record;
use crate::transport::{Answer, Served, Transport, TransportError};
use crate::trust::{
    Expiry, Fetched, KnownTime, Look, MAX_ROOT_BYTES, Source, SourceError, TrustDirectory, TrustError, check_root,
    refresh,
};
use crate::types::Slot;

/// The program was made no earlier than this (2026-11-23): no clock before it is believed.
const BUILT_AT: i64 = 1_795_392_000;
/// What every publication has.
const TIMESTAMP: &str = "metadata/timestamp.json";

impl Session {
    /// Looks at the publication: the newest release that is signed for.
    pub(super) async fn newest_release(&self) -> Result<KnownRelease, ClientError> {
        self.newest_with_metadata().await.map(|(_, newest)| newest)
    }

    /// The same, with the metadata that says so.
    ///
    /// Where nothing may be written, the look leaves no trace in the trust directory.
    pub(super) async fn newest_with_metadata(&self) -> Result<(Look, KnownRelease), ClientError> {
        let first_root = match (&self.settings.trust, &self.record) {
            (Some(path), _) => given_root(path)?,
            (None, Some(record)) => record.root()?,
            (None, None) => return Err(ClientError::NoTrustGiven),
        };
        let directory = self.trust_directory();
        match &self.machine {
            Access::Look(machine) => {
                // Somebody else's machine is told as such; its trust directory would only say that it cannot be opened.
                machine.home()?;
                let (_temporary, copy) = match self.has_seen_another()? {
                    true => TrustDirectory::throwaway()?,
                    false => directory.throwaway_copy()?,
                };
                self.begin(&copy)?;
                self.newest_as_seen_by(&copy, &first_root).await
            }
            Access::Work(_) => {
                self.begin(&directory)?;
                self.newest_as_seen_by(&directory, &first_root).await
            }
        }
    }

    /// Has a machine that has seen nothing begin with the root of its previous tree where that is older than the live
    /// tree's: a rollback brings it back, and a chain that begins after it cannot tell whether it is the publication's.
    fn begin(&self, directory: &TrustDirectory) -> Result<(), ClientError> {
        let (None, Some(live)) = (&self.settings.trust, &self.record) else { return Ok(()) };
        // A tree from elsewhere, which another install left, says nothing of this publication.
        let is_kin = |kept: &Record| kept.installed.origin == live.installed.origin;
        let Some(kept) = self.machine.other_record(Slot::Previous)?.filter(is_kin) else { return Ok(()) };
        // Damage to the kept tree is no reason not to look.
        let Ok(older) = kept.root() else { return Ok(()) };
        Ok(directory.begin_before(&older, &live.root()?)?)
    }

    /// The same for a machine that remembers what `directory` does and was given `first_root`.
    pub(super) async fn newest_as_seen_by(
        &self,
        directory: &TrustDirectory,
        first_root: &[u8],
    ) -> Result<(Look, KnownRelease), ClientError> {
        let mut time = KnownTime::new(Timestamp::now(), seconds(BUILT_AT));
        if let Some(record) = &self.record {
            time = time.not_before(seconds(record.release()?.0.published));
        }
        let expiry = if self.settings.ignore_time { Expiry::Ignored } else { Expiry::Enforced };
        if expiry == Expiry::Ignored {
            self.reporter.report(Event::Warning("metadata that has expired is accepted (--ignore-time)".to_owned()));
        }
        let look = self.look_at(directory, first_root, time, expiry).await?;
        let newest = self.newest_document(&look, directory).await?;
        Ok((look, newest))
    }

    /// Looks at the publication, again when it is refused: what was refused may have been damaged on its way, or come from
    /// a mirror that lags behind, and one that is sound is not far.
    async fn look_at(
        &self,
        directory: &TrustDirectory,
        first_root: &[u8],
        time: KnownTime,
        expiry: Expiry,
    ) -> Result<Look, ClientError> {
        let mut chances = self.transport.chances();
        loop {
            let source = Publication::new(self.transport.clone());
            let error = match refresh(directory, first_root, &source, time, expiry).await {
                Ok(look) => return Ok(look),
                Err(error) => error,
            };
            if error.is_unreachable() || error.is_local() {
                return Err(self.lacking(error, source));
            }
            if chances == 0 {
                let Some(unsure) = source.unsure() else { return Err(error.into()) };
                self.reporter.report(Event::Warning(format!("what other origins have is refused: {error}")));
                return Err(unsure.into());
            }
            tracing::debug!(%error, "looking again");
            source.doubt();
            chances -= 1;
        }
    }

    /// Tells what is missing with where it was asked for: a URL may be wrong, and an origin that did not answer may have
    /// it.
    fn lacking(&self, error: TrustError, source: Publication) -> ClientError {
        match (error, source.last_lack()) {
            (TrustError::Missing { .. }, Some(unsure)) if !unsure.is_surely_not_found() => unsure.into(),
            (TrustError::Missing { path }, Some(source)) if path == TIMESTAMP => {
                ClientError::NoPublication { origins: self.transport.origins(), source }
            }
            (error, _) => error.into(),
        }
    }

    /// Forgets what an install that did not come to its end saw of another publication than the one whose root is given.
    ///
    /// The owner says whom to trust, and there is no tree that came from anybody else. What was seen of the same
    /// publication still binds, and so does everything where a tree has a record, or one that cannot be read.
    pub(super) fn forget_another_publication(&self) -> Result<(), ClientError> {
        if self.has_seen_another()? {
            self.trust_directory().forget()?;
            let told = "what was seen of another publication is forgotten: nothing of it is installed";
            self.reporter.report(Event::Note(told.to_owned()));
        }
        Ok(())
    }

    fn has_seen_another(&self) -> Result<bool, ClientError> {
        let is_bare = [Slot::Live, Slot::Previous].iter().all(|slot| matches!(self.machine.record(*slot), Ok(None)));
        match self.settings.trust.as_ref().filter(|_| is_bare) {
            Some(root) => Ok(!self.trust_directory().follows(&given_root(root)?)?),
            None => Ok(false),
        }
    }
}

/// The root metadata in a file that the administrator names.
fn given_root(path: &Path) -> Result<Vec<u8>, ClientError> {
    let root = crate::disk::read_file(path, MAX_ROOT_BYTES)?;
    check_root(&root).map_err(|source| ClientError::NoRoot { path: path.to_owned(), source })?;
    Ok(root)
}

/// The transport as `trust` sees it.
#[derive(Debug)]
pub(super) struct Publication {
    transport: Arc<Transport>,
    /// Who answered last; a look asks one question after the other.
    served: Mutex<Option<Served>>,
    /// What origins said that lack something, one after the other.
    lacks: Mutex<Vec<TransportError>>,
}

impl Publication {
    pub(super) fn new(transport: Arc<Transport>) -> Self {
        Self { transport, served: Mutex::default(), lacks: Mutex::default() }
    }

    /// What the last answer brought was refused.
    fn doubt(&self) {
        if let Some(served) = *self.served.lock().unwrap_or_else(PoisonError::into_inner) {
            self.transport.doubt(served);
        }
    }

    /// That one origin lacks what another could not give: a root, perhaps, with the keys of what is refused then.
    fn unsure(self) -> Option<TransportError> {
        self.lacks().into_iter().rfind(|lack| !lack.is_surely_not_found())
    }

    /// Why a look ended that ended where something is missing.
    fn last_lack(self) -> Option<TransportError> {
        self.lacks().pop()
    }

    fn lacks(self) -> Vec<TransportError> {
        self.lacks.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn source_error(&self, error: TransportError) -> SourceError {
        match error {
            error if error.is_not_found() => {
                self.lacks.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                SourceError::NotFound
            }
            TransportError::TooLong { .. } => SourceError::TooLarge,
            error => SourceError::Failed(error.into()),
        }
    }
}

#[async_trait]
impl Source for Publication {
    async fn fetch(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        match self.fetch_if_changed(path, limit_bytes, None).await? {
            Fetched::Body { bytes, .. } => Ok(bytes),
            Fetched::Unchanged => unreachable!("without an ETag, a 304 is an error"),
        }
    }

    async fn fetch_if_changed(&self, path: &str, limit_bytes: u64, etag: Option<&str>) -> Result<Fetched, SourceError> {
        let asked = self.transport.get_if_changed(path, limit_bytes, etag).await;
        let (answer, served) = asked.map_err(|error| self.source_error(error))?;
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = Some(served);
        match answer {
            Answer::Unchanged => Ok(Fetched::Unchanged),
            Answer::Body { bytes, etag } => Ok(Fetched::Body { bytes, etag }),
        }
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
