//! How a transport asks: one origin after the other, and each again and again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::intake::Intake;
use super::origin::{self, Origin, check_path};
use super::retry::{self, Again, Fault};
use super::{Answer, Mirror, Served, Transport, TransportError, local};

/// Where documents lie that are signed anew again and again.
const METADATA: &str = "metadata/";

impl Transport {
    /// Asks one origin after the other. Those that failed before are asked only when no other has an answer, not even
    /// that it lacks the file.
    pub(super) async fn take(
        &self,
        path: &str,
        intake: &mut Intake<'_, '_>,
    ) -> Result<(Answer, Served), TransportError> {
        check_path(path)?;
        let mut ordered: Vec<(usize, &Mirror)> = self.mirrors.iter().enumerate().collect();
        if path.starts_with(METADATA) {
            ordered.sort_by_key(|(_, mirror)| mirror.is_override);
        }
        let (failed, sound): (Vec<_>, Vec<_>) =
            ordered.into_iter().partition(|(_, mirror)| mirror.failed.load(Ordering::Relaxed));
        let mut failures = Vec::new();
        for group in [sound, failed] {
            for (number, mirror) in group {
                match self.ask_again_and_again(mirror, path, intake).await {
                    Ok(answer) => {
                        mirror.failed.store(false, Ordering::Relaxed);
                        return Ok((answer, Served(number)));
                    }
                    // Either the bytes were wrong, or the disk is full and nobody is asked any more.
                    Err(error @ TransportError::Sink { .. }) => {
                        self.doubt(Served(number));
                        return Err(error);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "origin failed");
                        mirror.failed.store(!error.is_not_found(), Ordering::Relaxed);
                        failures.push(error);
                    }
                }
            }
            if failures.iter().any(TransportError::is_not_found) {
                break;
            }
        }
        Err(TransportError::of_mirrors(path, failures))
    }

    pub(super) async fn ask_again_and_again(
        &self,
        mirror: &Mirror,
        path: &str,
        intake: &mut Intake<'_, '_>,
    ) -> Result<Answer, TransportError> {
        let mut tries = 0;
        loop {
            let fault = match self.ask(&mirror.origin, path, intake).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let pause = match fault.again {
                Again::Never => return Err(fault.error),
                // A file says the same again.
                _ if matches!(mirror.origin, Origin::Directory(_)) => return Err(fault.error),
                _ if tries == self.limits.max_retries => return Err(fault.error),
                Again::AfterBackoff => retry::backoff(self.limits.retry_delay, tries),
                Again::After(pause) => pause,
                Again::AtOnce => Duration::ZERO,
            };
            tracing::debug!(error = %fault.error, ?pause, "trying again");
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    /// One try. Holds a place among the requests under way, but not while waiting for the next try.
    async fn ask(&self, origin: &Origin, path: &str, intake: &mut Intake<'_, '_>) -> Result<Answer, Fault> {
        let _place = self.places.acquire().await.expect("the semaphore is never closed");
        let opened = match origin {
            Origin::Http(base) => self.http.open(&origin::join(base, path), &intake.request(), &self.counters).await?,
            Origin::Archive(archive) => {
                let place = archive.place(path).await.map_err(Fault::lasting)?;
                local::open_part(archive.path(), path, place, intake.place(), &self.counters).await?.into()
            }
            Origin::Directory(top) => local::open_file(top, path, intake.place(), &self.counters).await?.into(),
        };
        intake.fill(opened, &self.counters).await
    }
}
