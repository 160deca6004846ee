//! The newest release's document, brought by the fewest bytes: remembered, as a delta to the one that the live tree's
//! record has, or whole.

use super::ClientError;
use super::session::{KnownRelease, Session};
use crate::manifest::Release;
use crate::pack::apply_text_delta;
use crate::report::Event;
use crate::trust::{Look, NewestRelease, Reference, TrustDirectory, TrustError, Trusted};
use crate::types::Version;

impl Session {
    /// The release that `look` found; `directory` remembers its document. One that this client refuses does not take the
    /// place of the last good one, whose floor still holds.
    pub(super) async fn newest_document(
        &self,
        look: &Look,
        directory: &TrustDirectory,
    ) -> Result<KnownRelease, ClientError> {
        let (newest, version) = (&look.newest, look.newest.version);
        let remembered = directory.last_release()?.filter(|last| Reference::to(last) == newest.reference);
        let document = match &remembered {
            Some(last) => last.clone(),
            None => self.brought(newest).await?,
        };
        let release = document.as_ref().try_map(|bytes| Release::parse(version, bytes))?;
        release.check_published(look.expirations.timestamp.as_second())?;
        if remembered.is_none() {
            directory.remember_release(&document)?;
        }
        Ok(KnownRelease { release, document: document.into_inner(), root: look.root.clone() })
    }

    /// The floor of the newest release that this machine has seen, without asking anybody.
    ///
    /// Of that document nothing else is read: it may be of a format that only a later client knows.
    pub(super) fn known_floor(&self) -> Result<Option<Version>, ClientError> {
        #[derive(serde::Deserialize)]
        struct FloorOnly {
            floor: Version,
        }
        let directory = self.trust_directory();
        let Some(last) = directory.last_release()? else { return Ok(None) };
        match serde_json::from_slice::<FloorOnly>(&last) {
            Ok(last) => Ok(Some(last.floor)),
            Err(error) => {
                let path = directory.path().join(TrustDirectory::RELEASE);
                Err(TrustError::LocalDamaged { path, reason: error.to_string() }.into())
            }
        }
    }

    /// The document that `newest` names, from the publication.
    async fn brought(&self, newest: &Trusted<NewestRelease>) -> Result<Trusted<Vec<u8>>, ClientError> {
        let name = newest.as_ref().map(|newest| newest.reference);
        match self.document_by_delta(newest, &name).await? {
            Some(document) => Ok(document),
            None => self.admitted(&newest.path(), &name).await,
        }
    }

    /// A document that is named by its digest.
    pub(super) async fn admitted(
        &self,
        path: &str,
        name: &Trusted<Reference>,
    ) -> Result<Trusted<Vec<u8>>, ClientError> {
        self.transport.get_checked(path, name.length, |bytes| Ok(name.admit(bytes)?)).await
    }

    /// The same out of the document in the live tree's record, where the signed metadata says that there is a delta from
    /// that. One that is missing, or makes something else, costs bytes and is said; then the document comes whole.
    async fn document_by_delta(
        &self,
        newest: &NewestRelease,
        name: &Trusted<Reference>,
    ) -> Result<Option<Trusted<Vec<u8>>>, ClientError> {
        let Some(record) = &self.record else { return Ok(None) };
        let Some((path, length)) = offered(newest, record.installed.version()) else { return Ok(None) };
        let delta = match self.transport.get(&path, length).await {
            Err(error) if error.is_about_the_file() => Err(error.to_string()),
            other => Ok(other?),
        };
        let (_, old) = record.release()?;
        let made = delta.and_then(|delta| {
            let document = apply_text_delta(&old, &delta, name.length).map_err(|error| error.to_string())?;
            name.admit(document).map_err(|error| error.to_string())
        });
        if let Err(why) = &made {
            self.reporter.report(Event::Warning(format!("{path} is not used: {why}")));
        }
        Ok(made.ok())
    }

    /// The newest release's document as a delta to that of an older release, with its path, where the signed metadata says
    /// that there is one. One that is missing, or makes something else, is said.
    pub(super) async fn document_delta(
        &self,
        before: &KnownRelease,
        newest: &NewestRelease,
    ) -> Result<Option<(String, Vec<u8>)>, ClientError> {
        let Some((path, length)) = offered(newest, before.release.version) else { return Ok(None) };
        let check = |delta: Vec<u8>| {
            let made = apply_text_delta(&before.document, &delta, newest.reference.length);
            match made.is_ok_and(|made| Reference::to(&made) == newest.reference) {
                true => Ok(delta),
                false => Err(ClientError::WrongFile { path: path.clone() }),
            }
        };
        match self.transport.get_checked(&path, length, check).await {
            Ok(delta) => Ok(Some((path.clone(), delta))),
            Err(ClientError::Transport(error)) if !error.is_about_the_file() => Err(error.into()),
            Err(error) => {
                self.reporter.report(Event::Warning(format!("a delta is left out: {error}")));
                Ok(None)
            }
        }
    }
}

/// Where the newest release's document lies as a delta to that of an older release, and its length, if there is such a
/// delta. One that is longer than the document is no help.
fn offered(newest: &NewestRelease, from: Version) -> Option<(String, u64)> {
    let length = newest.deltas.get(&from).filter(|length| **length <= newest.reference.length)?;
    Some((Release::delta_path(newest.version, newest.reference.digest, from), *length))
}
