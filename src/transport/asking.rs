//! How a transport asks: one origin after the other, and each again and again.

use std::time::Duration;

use super::intake::Intake;
use super::origin::{self, Origin, check_path};
use super::retry::{self, Again, Fault};
use super::{Answer, Mirror, Served, Standing, Transport, TransportError, local};

/// Where documents lie that are signed anew again and again.
const METADATA: &str = "metadata/";
/// A try that brought so many bytes is none that failed: a line that always breaks comes to the end, one that drips does not.
const MUCH: u64 = 64 << 10;
/// An origin that asks for a longer pause is left for the next one.
const SHORT: Duration = Duration::from_secs(5);
/// How the names of those end that say whose signatures count.
const ROOT: &str = ".root.json";

/// How much is done for the answer of one origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Further tries.
    pub(super) retries: u32,
    /// A longer pause than this is not waited for.
    pub(super) pause: Duration,
}

impl Transport {
    /// Asks one origin after the other: the sound ones, then those that were blamed, the longest ago first, so that no
    /// chance is spent on the same one again before the others had theirs. That a sound origin lacks the file is an answer,
    /// so those that did not answer before are asked only once then.
    ///
    /// They are asked all the same: nobody else may have what a mirror lacks that is behind, or has no metadata. Of roots they
    /// are not: the next one is lacking as a rule, and who was refused is not to answer instead.
    ///
    /// A span goes on at the next origin where one broke off. So it is told who gave something before: what is wrong then may
    /// be the beginning.
    pub(super) async fn take(
        &self,
        path: &str,
        intake: &mut Intake<'_, '_>,
    ) -> Result<(Answer, Served), TransportError> {
        check_path(path)?;
        let is_metadata = path.starts_with(METADATA);
        let is_root = is_metadata && path.ends_with(ROOT);
        let numbered = self.mirrors.iter().enumerate();
        let mut ordered: Vec<(Standing, usize, &Mirror)> =
            numbered.map(|(number, mirror)| (mirror.standing(), number, mirror)).collect();
        ordered.sort_by_key(|(standing, _, mirror)| (standing.blamed_at(), is_metadata && mirror.is_override));
        let mut failures = Vec::new();
        let mut is_lacking = false;
        let mut contributor = None;
        let count = ordered.len();
        for (place, (standing, number, mirror)) in ordered.into_iter().enumerate() {
            if is_lacking && is_root && standing != Standing::Sound {
                continue;
            }
            let patience = match standing {
                Standing::Failed(_) if is_lacking => Patience { retries: 0, pause: SHORT },
                _ if place + 1 < count => Patience { retries: self.limits.max_retries, pause: SHORT },
                _ => Patience { retries: self.limits.max_retries, pause: Duration::MAX },
            };
            let served = Served { last: number, before: contributor };
            let before = intake.delivered();
            match self.ask_again_and_again(mirror, path, intake, patience).await {
                Ok(answer) => {
                    mirror.stands(Standing::Sound);
                    return Ok((answer, served));
                }
                // Either the bytes were wrong, or the disk is full and nobody is asked any more.
                Err(error @ TransportError::Sink { .. }) => {
                    self.doubt(served);
                    return Err(error);
                }
                Err(error) => {
                    if intake.delivered() > before {
                        contributor = Some(number);
                    }
                    tracing::debug!(%error, "origin failed");
                    mirror.stands(Standing::after(&error, self.next_blame()));
                    is_lacking |= error.is_not_found() && standing == Standing::Sound;
                    failures.push(error);
                }
            }
        }
        Err(TransportError::of_mirrors(path, failures))
    }

    pub(super) async fn ask_again_and_again(
        &self,
        mirror: &Mirror,
        path: &str,
        intake: &mut Intake<'_, '_>,
        patience: Patience,
    ) -> Result<Answer, TransportError> {
        let mut tries = 0;
        loop {
            let before = intake.delivered();
            let fault = match self.ask(&mirror.origin, path, intake).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if intake.delivered() - before >= MUCH {
                tries = 0;
            }
            let pause = match fault.again {
                Again::Never => return Err(fault.error),
                // A file says the same again.
                _ if matches!(mirror.origin, Origin::Directory(_)) => return Err(fault.error),
                _ if tries == patience.retries => return Err(fault.error),
                Again::AfterBackoff => retry::backoff(self.limits.retry_delay, tries),
                Again::After(pause) if pause > patience.pause => return Err(fault.error),
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
