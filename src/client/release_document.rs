//! The newest release's document, brought by the fewest bytes: remembered, as a delta to the one that the live tree's
//! record has, or whole.

use super::ClientError;
use super::session::Session;
use crate::manifest::Release;
use crate::pack::apply_text_delta;
use crate::report::Event;
use crate::trust::{NewestRelease, Reference, TrustDirectory, Trusted};

impl Session {
    /// The document that `newest` names; `directory` remembers it.
    pub(super) async fn newest_document(
        &self,
        newest: &Trusted<NewestRelease>,
        directory: &TrustDirectory,
    ) -> Result<Trusted<Vec<u8>>, ClientError> {
        let name = newest.as_ref().map(|newest| newest.reference);
        if let Some(last) = directory.last_release()?.filter(|last| Reference::to(last) == newest.reference) {
            return Ok(last);
        }
        let document = match self.document_by_delta(newest, &name).await? {
            Some(document) => document,
            None => self.admitted(&newest.path, &name).await?,
        };
        directory.remember_release(&document)?;
        Ok(document)
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
        let from = record.installed.version();
        // One that is longer than the document is no help.
        let Some(length) = newest.deltas.get(&from).filter(|length| **length <= name.length) else { return Ok(None) };
        let path = Release::delta_path(newest.version, name.digest, from);
        let delta = match self.transport.get(&path, *length).await {
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
}
