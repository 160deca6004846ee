//! A look at a publication with the client's own eyes: the same verification, from the same first root.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;

use super::PublishError;
use super::notes::Notes;
use super::signing::current_metadata;
use crate::site::{Site, SiteError, read_file, temporary_directory};
use crate::trust::{
    Expiry, Fetched, KnownTime, MAX_ROOT_BYTES, NewestRelease, Source, SourceError, TrustDirectory, TrustError,
    Trusted, refresh,
};

/// The newest release that the metadata names, verified as a client does it. What a client would refuse is a finding;
/// then the metadata is taken as the publisher takes it, as far as that goes.
///
/// `trust` is the root of trust that machines are given, or the publication's own first root; `now` is in seconds since 1970.
pub(super) fn look(
    site: &Site,
    trust: Option<&Path>,
    now: i64,
    notes: &Notes,
) -> Result<Option<NewestRelease>, PublishError> {
    let path = "metadata/timestamp.json";
    let root = match trust {
        Some(trust) => read_file(trust, MAX_ROOT_BYTES)?,
        None => match site.read("metadata/1.root.json", MAX_ROOT_BYTES) {
            Ok(root) => root,
            Err(error) => {
                notes.failed("metadata/1.root.json", &error);
                return Ok(None);
            }
        },
    };
    let now = Timestamp::from_second(now).map_err(|_| PublishError::BadTime(now))?;
    let directory = temporary_directory()?;
    let trust = TrustDirectory::new(directory.path());
    let time = KnownTime::new(now, Timestamp::UNIX_EPOCH);
    let source = SiteSource { site };
    match on_a_runtime(refresh(&trust, &root, &source, time, Expiry::Enforced))? {
        Ok(look) => return Ok(Some(look.newest.into_inner())),
        // A publication without a release is whole.
        Err(TrustError::NoRelease { .. }) => return Ok(None),
        Err(error) => notes.failed(path, &error),
    }
    match current_metadata(site).and_then(|current| Ok(current.newest()?)) {
        Ok(newest) => Ok(newest.map(Trusted::into_inner)),
        Err(error) => {
            notes.failed(path, &error);
            Ok(None)
        }
    }
}

/// The caller may itself run on a runtime, where another one must not be entered: the look gets a thread of its own.
fn on_a_runtime<T: Send>(look: impl Future<Output = T> + Send) -> Result<T, PublishError> {
    let refused = |source| SiteError::Io { action: "start a thread for", path: "metadata".into(), source };
    std::thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
            Ok(runtime.block_on(look))
        };
        match scope.spawn(run).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A publication as clients' trust reads it.
#[derive(Debug)]
struct SiteSource<'a> {
    site: &'a Site,
}

#[async_trait]
impl Source for SiteSource<'_> {
    async fn fetch(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        self.site.read(path, limit_bytes).map_err(|error| match error {
            SiteError::Missing(_) => SourceError::NotFound,
            error => SourceError::Failed(Box::new(error)),
        })
    }

    async fn fetch_if_changed(
        &self,
        path: &str,
        limit_bytes: u64,
        _etag: Option<&str>,
    ) -> Result<Fetched, SourceError> {
        Ok(Fetched::Body { bytes: self.fetch(path, limit_bytes).await?, etag: None })
    }
}
