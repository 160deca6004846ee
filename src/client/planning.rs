//! The planner, asked with what a run knows as often as that changes, and what of its answer people should know.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::ClientError;
use super::pack_heads::{ReadPack, keep_blocks};
use super::route::Step;
use super::session::{KnownRelease, Session};
use super::trees::{Installed, TargetTree};
use crate::manifest::PackOffer;
use crate::plan::{Carried, Memory, Offer, UpdatePlan, Work, missing_blobs, plan, worth_a_look};
use crate::report::Event;
use crate::state::{HOME, RESCUED};
use crate::store::{Held, Store};
use crate::types::{BundleName, Digest, Version};

/// What a run knows of its target and of what that can be made of.
pub(super) struct Planner<'a> {
    session: &'a Session,
    release: &'a KnownRelease,
    bundles: &'a BTreeSet<BundleName>,
    pub target: TargetTree,
    /// The route from the installed release to the target, in order; none as long as nobody looked for one.
    pub steps: Option<Vec<Step>>,
    /// Packs from nothing.
    pub whole: Vec<ReadPack>,
    /// The paths of packs from nothing that were asked for, in vain too.
    asked: HashSet<String>,
    pub memory: Memory,
    /// Where blocks are kept that come with the heads of packs; none in a dry run.
    store: Option<Arc<Store>>,
}

impl<'a> Planner<'a> {
    /// These bundles of a release, over these steps, as long as nothing else is known.
    pub fn new(
        session: &'a Session,
        (release, bundles): (&'a KnownRelease, &'a BTreeSet<BundleName>),
        target: TargetTree,
        steps: Option<Vec<Step>>,
    ) -> Self {
        let (whole, asked, memory) = (Vec::new(), HashSet::new(), Memory::default());
        Self { session, release, bundles, target, steps, whole, asked, memory, store: None }
    }

    /// Uses what the store has, and keeps more in it.
    pub fn use_store(&mut self, store: Store, held: Held) -> Arc<Store> {
        self.hold(held);
        self.store.insert(Arc::new(store)).clone()
    }

    /// Knows this of the store, and nothing else any more.
    pub fn hold(&mut self, held: Held) {
        (self.memory.blobs, self.memory.blocks) = (held.blobs, held.blocks);
    }

    /// The plan from what is installed to the target.
    pub fn plan(&self, installed: &Installed) -> UpdatePlan {
        let terms = self.session.settings.terms;
        plan(installed.present(), &self.target.tree, &self.offers(), &self.memory, terms)
    }

    /// The packs in the order in which a plan wants them.
    fn offers(&self) -> Vec<Offer<'_>> {
        let steps = self.steps.as_deref().unwrap_or_default().iter().zip(&self.target.before).rev();
        let of_steps = steps.flat_map(|(step, before)| step.packs.iter().map(|pack| (pack, &before[..])));
        let all = of_steps.chain(self.whole.iter().map(|pack| (pack, &[][..])));
        all.map(|(pack, before)| Offer { pack: &pack.offer, index: &pack.index, before }).collect()
    }

    /// Looks at more of what the publication has, for what would come alone by what is known so far: at a route to the target,
    /// where that was not done, then at the heads of those packs from nothing that are worth it. Blocks that come with heads
    /// count as fetched.
    pub async fn look_further(&mut self, installed: &Installed) -> Result<(), ClientError> {
        if self.steps.is_none() && !alone(&self.plan(installed)).is_empty() {
            let steps = self.session.steps(self.release, self.bundles).await?;
            if !steps.is_empty() {
                self.target = self.session.target_tree(self.release, self.bundles, &steps, &installed.tree).await?;
            }
            self.steps = Some(steps);
        }
        let of_steps = self.steps.iter().flatten().flat_map(|step| &step.packs);
        keep_blocks(of_steps, self.store.as_deref(), &mut self.memory)?;
        let worth_it = self.worth_a_look(installed);
        self.asked.extend(worth_it.iter().map(|pack| pack.path.clone()));
        let read = self.session.read_packs(worth_it).await?;
        keep_blocks(&read, self.store.as_deref(), &mut self.memory)?;
        self.whole.extend(read);
        Ok(())
    }

    fn worth_a_look(&self, installed: &Installed) -> Vec<PackOffer> {
        let alone = alone(&self.plan(installed));
        let mut missing = missing_blobs(installed.present(), &self.target.tree);
        missing.retain(|need| alone.contains(&need.digest));
        let blobs = |bundle: &BundleName| -> BTreeSet<Digest> {
            let all = self.target.blobs.get(bundle).into_iter().flatten();
            all.filter(|digest| alone.contains(digest)).copied().collect()
        };
        let packs = self.release.release.packs_from(None, self.bundles);
        let packs = packs.into_iter().filter(|pack| !self.asked.contains(&pack.path));
        let packs: Vec<_> = packs.filter_map(|pack| Some((pack.clone(), blobs(pack.bundle.as_ref()?)))).collect();
        worth_a_look(&packs, &missing, &self.memory).into_iter().cloned().collect()
    }
}

/// The blobs that are fetched alone.
pub(super) fn alone(planned: &UpdatePlan) -> BTreeSet<Digest> {
    planned.work.iter().flatten().filter_map(Work::object).collect()
}

/// Warns of what the administrator has in his own places where the release has something, too.
pub(super) fn tell_displaced(session: &Session, carried: &Carried, to: Version) {
    if let Some(names) = some_of(&carried.displaced) {
        session.reporter.report(Event::Warning(format!(
            "release {to} has something of its own in place of {names}; what is there now goes to {HOME}/{RESCUED}, which no \
             run clears"
        )));
    }
}

/// The first of these paths, and how many more there are; nothing for none.
fn some_of(paths: &[PathBuf]) -> Option<String> {
    let named: Vec<String> = paths.iter().take(5).map(|path| format!("usr/{}", path.display())).collect();
    match paths.len() - named.len() {
        _ if named.is_empty() => None,
        0 => Some(named.join(", ")),
        more => Some(format!("{} and {more} more", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_paths_are_named_and_the_others_counted() {
        for (count, wanted) in [
            (0, None),
            (2, Some("usr/src/0, usr/src/1")),
            (5, Some("usr/src/0, usr/src/1, usr/src/2, usr/src/3, usr/src/4")),
            (9, Some("usr/src/0, usr/src/1, usr/src/2, usr/src/3, usr/src/4 and 4 more")),
        ] {
            let paths: Vec<PathBuf> = (0..count).map(|number| format!("src/{number}").into()).collect();
            assert_eq!(some_of(&paths).as_deref(), wanted);
        }
    }
}
