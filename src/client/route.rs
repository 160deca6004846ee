//! The packs that lead from the installed release to the target: which releases they lead through is learned from as few
//! release documents as may be, and decided by `plan::Offered`.

use std::collections::{BTreeMap, BTreeSet};

use super::ClientError;
use super::pack_heads::ReadPack;
use super::session::{KnownRelease, Session};
use crate::manifest::Release;
use crate::plan::{Found, Offered, Route};
use crate::report::Event;
use crate::types::{BundleName, Version};

/// So many further release documents are read at most to find a route.
const MAX_DOCUMENTS: usize = 16;

/// One step of a route: its packs, and the release that they lead to.
#[derive(Debug)]
pub(super) struct Step {
    pub packs: Vec<ReadPack>,
    pub release: Release,
}

impl Session {
    /// The route from the installed release to these bundles of the target, the heads of its packs read: one step for the
    /// whole way where there is one, else the cheapest. No steps when there is none, or when packs from nothing are
    /// cheaper.
    ///
    /// A step made of both releases is hardly ever longer than the steps between them; and its length says too much of
    /// what a machine takes, for some contents are in it in two ways.
    pub async fn steps(&self, target: &KnownRelease, bundles: &BTreeSet<BundleName>) -> Result<Vec<Step>, ClientError> {
        match &self.record {
            Some(record) => Ok(self.steps_from(record.installed.version(), target, bundles).await?.0),
            None => Ok(Vec::new()),
        }
    }

    /// The same from any release, and the releases whose documents were read to find it.
    pub async fn steps_from(
        &self,
        from: Version,
        target: &KnownRelease,
        bundles: &BTreeSet<BundleName>,
    ) -> Result<(Vec<Step>, Vec<KnownRelease>), ClientError> {
        let to = target.release.version;
        let mut known = BTreeMap::from([(to, target.clone())]);
        let mut offered = Offered::default();
        offered.add_from_nothing(&target.release, bundles);
        offered.add_steps(&target.release, from, bundles);
        let mut read: BTreeMap<(Version, Version), Vec<ReadPack>> = BTreeMap::new();
        loop {
            let found = offered.direct(from, to).map_or_else(|| offered.search(Some(from), to), Found::Route);
            let route = match found {
                Found::Route(route) => route,
                Found::Unknown(release) => {
                    let enough = known.len() > MAX_DOCUMENTS;
                    match if enough { None } else { self.towards(&known, release).await } {
                        Some(further) => {
                            offered.add_steps(&further.release, from, bundles);
                            known.insert(further.release.version, further);
                        }
                        None => offered.add_nothing(release),
                    }
                    continue;
                }
                Found::Nothing => return Ok((Vec::new(), known.into_values().collect())),
            };
            match self.read_heads(&route, &known, bundles, &mut read).await? {
                Some((from, to)) => offered.remove(from, to),
                None => {
                    let step = |step: (Version, Version)| {
                        let release = (*known.get(&step.1)?.release).clone();
                        Some(Step { packs: read.remove(&step)?, release })
                    };
                    let steps = route.steps().filter_map(step).collect();
                    return Ok((steps, known.into_values().collect()));
                }
            }
        }
    }

    /// Reads the heads of a route's packs as far as they are not `read`; gives the first step of which none can be used.
    /// What a single pack of a step would have brought comes in other ways.
    async fn read_heads(
        &self,
        route: &Route,
        known: &BTreeMap<Version, KnownRelease>,
        bundles: &BTreeSet<BundleName>,
        read: &mut BTreeMap<(Version, Version), Vec<ReadPack>>,
    ) -> Result<Option<(Version, Version)>, ClientError> {
        for (from, to) in route.steps() {
            if read.contains_key(&(from, to)) {
                continue;
            }
            let offers = known.get(&to).map(|known| known.release.packs_from(Some(from), bundles)).unwrap_or_default();
            let packs = self.read_packs(offers.into_iter().cloned().collect()).await?;
            if packs.is_empty() {
                return Ok(Some((from, to)));
            }
            read.insert((from, to), packs);
        }
        Ok(None)
    }

    /// A further release on the way from those that are known to an older one. That it cannot be had is no error:
    /// there are other ways.
    async fn towards(&self, known: &BTreeMap<Version, KnownRelease>, wanted: Version) -> Option<KnownRelease> {
        let (_, nearest) = known.range(wanted..).next()?;
        let further = self.older(nearest, wanted).await;
        let skipped = |error: &ClientError| match error {
            // The publisher has dropped it, which is nothing wrong.
            ClientError::NotKept { .. } => {
                tracing::debug!(%error, "no packs are used that lead through release {wanted}")
            }
            error => {
                let told = format!("no packs are used that lead through release {wanted}: {error}");
                self.reporter.report(Event::Warning(told));
            }
        };
        further.inspect_err(skipped).ok()
    }
}
