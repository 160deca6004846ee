//! Carries a plan out: blobs into the store, the staged tree, the exchange, and what is forgotten after it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ClientError;
use super::planning::{Planner, alone};
use super::session::Session;
use super::trees::Installed;
use crate::fetch::{Doors, fetch};
use crate::manifest::Tree;
use crate::plan::UpdatePlan;
use crate::report::{Checkpoint, Event};
use crate::stage::{Damaged, Job, StageError, StagedTree, damaged, heal, stage};
use crate::state::{LockedMachine, NewRecord, Record};
use crate::store::Store;
use crate::switch::switch;
use crate::tree::Fingerprints;
use crate::types::{Digest, Slot, TreePath};

/// So often a plan is made again because parts of the publication turned out bad, before the origin is given up.
const MAX_PLANS: usize = 5;

/// What carries a plan out.
pub(super) struct Mover<'a> {
    pub session: &'a Session,
    pub machine: &'a LockedMachine,
    pub store: Arc<Store>,
    pub record: &'a NewRecord,
}

impl Mover<'_> {
    /// Brings all blobs into the store, planning again where blocks and objects turn out bad, and stages the tree.
    pub async fn fetch_and_stage(
        &self,
        installed: &Installed,
        mut planned: UpdatePlan,
        planner: &mut Planner<'_>,
    ) -> Result<StagedTree, ClientError> {
        let session = self.session;
        let jobs = match session.settings.jobs {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            jobs => jobs,
        };
        let mut trees = HashMap::new();
        for slot in [Slot::Live, Slot::Previous, Slot::Next] {
            trees.extend(session.machine.tree(slot)?.map(|tree| (slot, Arc::new(tree))));
        }
        let doors = Doors {
            transport: session.transport.clone(),
            store: self.store.clone(),
            trees,
            jobs,
            parallel: session.settings.limits.parallel,
        };
        // Every pack of a route may turn out bad on its own.
        for _ in 0..MAX_PLANS + planner.steps.iter().flatten().count() {
            let jobs = planned.decoders(jobs, session.settings.terms);
            let doors = Doors { jobs, ..doors.clone() };
            let fetched = fetch(&planned, &doors, &session.reporter).await?;
            if fetched.is_complete() {
                return self.stage(installed, &planner.target.tree, &planned);
            }
            let nowhere: Vec<Digest> = fetched.without_object().collect();
            let counts = [
                (fetched.uncopied.len(), "files of this machine"),
                (fetched.struck.len(), "blocks of packs"),
                (nowhere.len(), "objects"),
            ];
            planner.memory.struck.extend(fetched.struck.into_iter().chain(fetched.uncopied));
            planner.memory.without_object.extend(&nowhere);
            let (_, held) = Store::open(self.machine.own_directory())?;
            planner.hold(held);
            planner.look_further(installed).await?;
            planned = planner.plan(installed);
            let alone = alone(&planned);
            if nowhere.iter().any(|blob| alone.contains(blob)) {
                let mut failed = fetched.failed;
                failed.sort_by_key(|(blob, _)| !alone.contains(blob));
                return Err(failed.swap_remove(0).1.into());
            }
            for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
                let told = format!("{count} {what} are missing or bad: going around");
                session.reporter.report(Event::Warning(told));
            }
        }
        Err(ClientError::NoProgress)
    }

    /// The damaged files with the inodes that are at their places now.
    pub fn damaged(&self, paths: &[TreePath]) -> Result<Vec<Damaged>, ClientError> {
        Ok(self.machine.tree(Slot::Live)?.map_or(Ok(Vec::new()), |live| damaged(&live, paths))?)
    }

    /// Where the live tree goes: one that differs from the new one by damage alone is not worth being kept, and the
    /// release before it is.
    fn former(&self) -> Slot {
        let same = self.session.record.as_ref().is_some_and(|live| same_record(live, self.record));
        if same { Slot::Next } else { Slot::Previous }
    }

    fn stage(&self, installed: &Installed, target: &Tree, planned: &UpdatePlan) -> Result<StagedTree, ClientError> {
        let job = Job {
            target,
            kept: &planned.kept,
            carried: &planned.carried,
            former: self.former(),
            record: self.record,
            live_files: &installed.fingerprints,
        };
        Ok(stage(self.machine, &self.store, job, self.session.writer, &*self.session.reporter)?)
    }

    /// Exchanges the trees, then forgets what is no longer needed. What is known of the former live tree is kept: it is
    /// the previous one now. Once the exchange is settled the transition is done, so what fails after it is only told.
    pub fn switch(&self, staged: StagedTree, damaged: &[Damaged], former: Installed) -> Result<(), ClientError> {
        let reporter = &*self.session.reporter;
        self.session.check_layout()?;
        switch(self.machine, &staged, reporter)?;
        if let Err(error) = self.heal(&staged, damaged, &former) {
            reporter
                .report(Event::Warning(format!("the previous tree keeps damage of the one that was live: {error}")));
        }
        if let Err(error) = self.machine.own_directory().remove(Store::NAME) {
            reporter.report(Event::Warning(format!("the store could not be cleared: {error}")));
        }
        reporter.passes(Checkpoint::StoreForgotten);
        let mut known = staged.into_fingerprints(self.machine).unwrap_or_else(|error| {
            reporter.report(Event::Warning(format!("fingerprints of the new tree could not be kept: {error}")));
            Fingerprints::default()
        });
        known.add(former.fingerprints);
        cache(self.session, self.machine, &known);
        reporter.passes(Checkpoint::FingerprintsKept);
        Ok(())
    }

    /// Forgets what the staged tree has no use for: who downloads again and again and switches once in a while keeps no
    /// releases that he never went to.
    pub fn forget_all_but(&self, target: &Tree) {
        let wanted: HashSet<Digest> = target.digests().collect();
        if let Err(error) = self.store.retain(|digest| wanted.contains(digest)) {
            let told = format!("the store could not be cleared of other releases: {error}");
            self.session.reporter.report(Event::Warning(told));
        }
    }

    /// Takes damage of the tree that was live out of the previous one: that is the same tree, or shares inodes with it.
    fn heal(&self, staged: &StagedTree, damaged: &[Damaged], former: &Installed) -> Result<(), StageError> {
        let reporter = &*self.session.reporter;
        if self.former() == Slot::Previous {
            return staged.heal_former(self.machine, &former.tree, &former.seen, reporter);
        }
        match (self.machine.tree(Slot::Live)?, self.machine.tree(Slot::Previous)?) {
            (Some(live), Some(previous)) => heal(&previous, &live, damaged, reporter),
            _ => Ok(()),
        }
    }
}

/// A cache that cannot be written costs time later, nothing else.
pub(super) fn cache(session: &Session, machine: &LockedMachine, known: &Fingerprints) {
    if let Err(error) = machine.cache_fingerprints(&known.to_bytes()) {
        session.reporter.report(Event::Warning(format!("fingerprints could not be kept: {error}")));
    }
}

/// Whether the live tree's record says the same as the new one, apart from the number of the tree.
pub(super) fn same_record(live: &Record, new: &NewRecord) -> bool {
    let (a, b) = (&live.installed, &new.installed);
    (&a.release, &a.subscriptions, &a.bundles) == (&b.release, &b.subscriptions, &b.bundles)
}
