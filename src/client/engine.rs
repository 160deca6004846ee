//! The one engine: every command that changes the machine names a target, and this moves the machine there.
//!
//! ```text
//! manifests -> scan -> plan -> (a dry run ends here) -> space -> fetch -> stage -> switch -> tidy up
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::ahead::ahead;
use super::config::tell_touched;
use super::pack_heads::ReadPack;
use super::route::Packs;
use super::session::{KnownRelease, Session};
use super::trees::Installed;
use super::{ClientError, Mode, Thoroughness, Transition};
use crate::disk::Ownership;
use crate::fetch::{Doors, FetchError, fetch};
use crate::manifest::{InstalledRecord, PackOffer, ReleaseName, Tree};
use crate::plan::{Memory, Place, UpdatePlan, Work, closure, missing_blobs, plan, worth_a_look};
use crate::report::{Checkpoint, Event};
use crate::stage::{Damaged, Job, StagedTree, damaged, heal, stage};
use crate::state::{LockedMachine, NewRecord, Slot};
use crate::store::{Shelf, Store};
use crate::switch::switch;
use crate::tree::Fingerprints;
use crate::types::{BundleName, Digest, TreePath};

/// A target state: a release and the bundles that were asked for.
#[derive(Debug)]
pub(super) struct Goal {
    pub release: KnownRelease,
    pub subscriptions: BTreeSet<BundleName>,
    pub overrides: Overrides,
}

/// Whether it is told what the release does to the administrator's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overrides {
    /// Where the transition leads to another release.
    Told,
    /// Not: the release stays, or only its cost is asked.
    Silent,
}

/// So often a plan is made again because blocks turned out bad, before the origin is given up.
const MAX_PLANS: usize = 5;
/// A directory takes this much on disk.
const DIRECTORY_BYTES: u64 = 4096;
/// Room for the record, the journal and the caches.
const RESERVE_BYTES: u64 = 4 << 20;

/// Moves the machine to `goal`, starting from what is really on disk.
pub(super) async fn go(
    session: &Session,
    goal: &Goal,
    mode: Mode,
    thoroughness: Thoroughness,
) -> Result<Transition, ClientError> {
    session.check_layout()?;
    let release = &*goal.release.release;
    let bundles = closure(release, &goal.subscriptions)?;
    let mut installed = session.installed().await?;
    session.scan_live(&mut installed, thoroughness)?;

    // The machine may have all that it needs: then no pack is asked for.
    let at_hand = session.has_manifests(release, &bundles);
    let mut packs = Packs::default();
    if !at_hand {
        packs.steps = session.steps(&goal.release, &bundles).await?;
    }
    let mut target = session.target_tree(&goal.release, &bundles, &packs.steps, &installed.tree).await?;
    let mut memory = Memory::default();
    let store = match session.locked().filter(|_| mode != Mode::DryRun) {
        Some(machine) => {
            let (store, held) = Store::open(machine.own_directory())?;
            (memory.blobs, memory.blocks) = (held.blobs, held.blocks);
            Some((machine, Arc::new(store)))
        }
        None => None,
    };
    memory.elsewhere = session.elsewhere(&target.tree, &missing_blobs(installed.present(), &target.tree))?;
    if at_hand && !alone(&plan_now(session, &installed, &target.tree, &packs, &memory)).is_empty() {
        packs.steps = session.steps(&goal.release, &bundles).await?;
        if !packs.steps.is_empty() {
            target = session.target_tree(&goal.release, &bundles, &packs.steps, &installed.tree).await?;
        }
    }
    packs.before = std::mem::take(&mut target.before);
    let own_store = store.as_ref().map(|(_, store)| &**store);
    keep_blocks(packs.steps.iter().flat_map(|step| &step.packs), own_store, &mut memory)?;
    let whole = from_nothing(session, goal, &target.blobs, &installed, &target.tree, &packs, &memory);
    packs.whole = session.read_packs(whole).await?;
    keep_blocks(&packs.whole, own_store, &mut memory)?;
    drop(target.blobs);
    let record = new_record(session, goal, &bundles, target.fresh)?;
    let target = target.tree;

    let planned = plan_now(session, &installed, &target, &packs, &memory);
    let so_far = session.transport.meter();
    let told = goal.overrides == Overrides::Told;
    if told && mode == Mode::DryRun {
        // What a real run reads of the staged tree is fetched for it, and no part of what the real run costs.
        tell_touched(session, release.version, &installed.tree, &target).await;
    }
    let changed = planned.tree_differs || session.record.as_ref().is_none_or(|live| !same_record(live, &record));
    let mut done = Transition {
        from: session.record.as_ref().map(|record| record.installed.version()),
        to: release.version,
        bundles: bundles.into_iter().collect(),
        changed,
        files_added: planned.counts.added,
        files_changed: planned.counts.changed,
        files_removed: planned.counts.removed,
        download_bytes: so_far.bytes + planned.download_bytes,
        requests: so_far.requests + planned.requests,
        disk_peak_bytes: disk_bytes(session, &planned, &target)?,
        duration_ms: 0,
        dry_run: mode == Mode::DryRun,
    };
    if let (true, Some((machine, store))) = (changed, store) {
        check_space(session, &planned, done.disk_peak_bytes)?;
        if session.writer.ownership == Ownership::Ignored {
            let notice = "not run by root: owners and privileged attributes are neither set nor compared";
            session.reporter.report(Event::Warning(notice.to_owned()));
        }
        let ahead = ahead(&done, &planned, &installed.tree, &target);
        if mode == Mode::Run && !session.stopwatch.pause(|| session.reporter.agrees(&ahead)) {
            return Err(ClientError::Declined);
        }
        let mover = Mover { session, machine, store, target: &target, packs: &packs, record: &record };
        let damaged = mover.damaged(&planned.damaged)?;
        let staged = mover.fetch_and_stage(&installed, planned, memory).await?;
        if told {
            tell_touched(session, release.version, &installed.tree, &target).await;
        }
        done.changed = mode == Mode::Run;
        if mode == Mode::Run {
            mover.switch(staged, &damaged, installed.fingerprints)?;
        }
        let meter = session.transport.meter();
        (done.download_bytes, done.requests) = (meter.bytes, meter.requests);
    } else if let Some(machine) =
        session.locked().filter(|_| mode != Mode::DryRun && !installed.fingerprints.is_empty())
    {
        cache(session, machine, &installed.fingerprints);
    }
    done.duration_ms = session.stopwatch.elapsed_ms();
    Ok(done)
}

/// What carries a plan out.
struct Mover<'a> {
    session: &'a Session,
    machine: &'a LockedMachine,
    store: Arc<Store>,
    target: &'a Tree,
    packs: &'a Packs,
    record: &'a NewRecord,
}

impl Mover<'_> {
    /// Brings all blobs into the store, planning again where blocks turn out bad, and stages the tree.
    async fn fetch_and_stage(
        &self,
        installed: &Installed,
        mut planned: UpdatePlan,
        mut memory: Memory,
    ) -> Result<StagedTree, ClientError> {
        let session = self.session;
        let jobs = match session.settings.jobs {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            jobs => jobs,
        };
        let mut trees = HashMap::new();
        for (place, slot) in [(Place::Live, Slot::Live), (Place::Previous, Slot::Previous), (Place::Next, Slot::Next)] {
            trees.extend(session.machine.tree(slot)?.map(|tree| (place, Arc::new(tree))));
        }
        let doors = Doors {
            transport: session.transport.clone(),
            store: self.store.clone(),
            trees,
            jobs,
            parallel: session.settings.limits.parallel,
        };
        // Every pack of a route may turn out bad on its own.
        for _ in 0..MAX_PLANS + self.packs.steps.len() {
            let jobs = planned.decoders(jobs, session.settings.terms);
            let doors = Doors { jobs, ..doors.clone() };
            let fetched = fetch(&planned, &doors, &session.reporter).await?;
            if fetched.struck.is_empty() {
                return self.stage(installed, &planned);
            }
            let count = fetched.struck.len();
            session
                .reporter
                .report(Event::Warning(format!("{count} blocks of packs are missing or bad: going around")));
            memory.struck.extend(fetched.struck);
            let (_, held) = Store::open(self.machine.own_directory())?;
            (memory.blobs, memory.blocks) = (held.blobs, held.blocks);
            planned = plan_now(session, installed, self.target, self.packs, &memory);
        }
        Err(ClientError::NoProgress)
    }

    /// The damaged files with the inodes that are at their places now.
    fn damaged(&self, paths: &[TreePath]) -> Result<Vec<Damaged>, ClientError> {
        Ok(self.machine.tree(Slot::Live)?.map_or(Ok(Vec::new()), |live| damaged(&live, paths))?)
    }

    /// Where the live tree goes: one that differs from the new one by damage alone is not worth being kept, and the
    /// release before it is.
    fn former(&self) -> Slot {
        let same = self.session.record.as_ref().is_some_and(|live| same_record(live, self.record));
        if same { Slot::Next } else { Slot::Previous }
    }

    fn stage(&self, installed: &Installed, planned: &UpdatePlan) -> Result<StagedTree, ClientError> {
        let job = Job {
            target: self.target,
            kept: &planned.kept,
            carried: &planned.carried,
            former: self.former(),
            record: self.record,
            live_files: &installed.fingerprints,
        };
        Ok(stage(self.machine, &self.store, job, self.session.writer, &*self.session.reporter)?)
    }

    /// Exchanges the trees, then forgets what is no longer needed. What is known of the former live tree is kept: it is
    /// the previous one now.
    fn switch(&self, staged: StagedTree, damaged: &[Damaged], former: Fingerprints) -> Result<(), ClientError> {
        let reporter = &*self.session.reporter;
        switch(self.machine, &staged, reporter)?;
        if let (Some(live), Some(previous)) = (self.machine.tree(Slot::Live)?, self.machine.tree(Slot::Previous)?) {
            heal(&previous, &live, damaged, self.former() == Slot::Previous, reporter)?;
        }
        if let Err(error) = self.machine.own_directory().remove(Store::NAME) {
            reporter.report(Event::Warning(format!("the store could not be cleared: {error}")));
        }
        reporter.passes(Checkpoint::StoreForgotten);
        let mut known = staged.into_fingerprints(self.machine)?;
        known.add(former);
        cache(self.session, self.machine, &known);
        reporter.passes(Checkpoint::FingerprintsKept);
        Ok(())
    }
}

/// Blocks that came with the heads of their packs count as fetched, and are where there is a store.
fn keep_blocks<'a>(
    packs: impl IntoIterator<Item = &'a ReadPack>,
    store: Option<&Store>,
    memory: &mut Memory,
) -> Result<(), ClientError> {
    for (digest, bytes) in packs.into_iter().flat_map(ReadPack::blocks) {
        if let (true, Some(store)) = (memory.blocks.insert(digest), store) {
            store.add(Shelf::Block, digest, bytes).map_err(FetchError::from)?;
        }
    }
    Ok(())
}

pub(super) fn plan_now(
    session: &Session,
    installed: &Installed,
    target: &Tree,
    packs: &Packs,
    memory: &Memory,
) -> UpdatePlan {
    plan(installed.present(), target, &packs.offers(), memory, session.settings.terms)
}

/// The blobs that are fetched alone.
pub(super) fn alone(planned: &UpdatePlan) -> BTreeSet<Digest> {
    planned.work.iter().flatten().filter_map(Work::object).collect()
}

/// A cache that cannot be written costs time later, nothing else.
fn cache(session: &Session, machine: &LockedMachine, known: &Fingerprints) {
    if let Err(error) = machine.cache_fingerprints(&known.to_bytes()) {
        session.reporter.report(Event::Warning(format!("fingerprints could not be kept: {error}")));
    }
}

/// The packs from nothing whose heads are worth reading, for what neither the live tree nor `packs` has.
pub(super) fn from_nothing(
    session: &Session,
    goal: &Goal,
    blobs: &BTreeMap<BundleName, Vec<Digest>>,
    installed: &Installed,
    target: &Tree,
    packs: &Packs,
    memory: &Memory,
) -> Vec<PackOffer> {
    let alone = alone(&plan_now(session, installed, target, packs, memory));
    let mut missing = missing_blobs(installed.present(), target);
    missing.retain(|need| alone.contains(&need.digest));
    let blobs = |bundle: &BundleName| -> BTreeSet<Digest> {
        blobs.get(bundle).into_iter().flatten().filter(|digest| alone.contains(digest)).copied().collect()
    };
    let packs = goal.release.release.packs.iter().filter(|pack| pack.from.is_none());
    let packs: Vec<_> = packs.filter_map(|pack| Some((pack.clone(), blobs(pack.bundle.as_ref()?)))).collect();
    worth_a_look(&packs, &missing).into_iter().cloned().collect()
}

fn new_record(
    session: &Session,
    goal: &Goal,
    bundles: &BTreeSet<BundleName>,
    fresh: Vec<(Digest, Vec<u8>)>,
) -> Result<NewRecord, ClientError> {
    let release = &*goal.release.release;
    let document = &goal.release.document;
    let name = ReleaseName { version: release.version, sha256: Digest::of(document), length: document.len() as u64 };
    let mut newest = 0;
    for slot in [Slot::Live, Slot::Previous] {
        newest = newest.max(session.machine.record(slot)?.map_or(0, |record| record.installed.sequence));
    }
    let digests = bundles.iter().map(|bundle| (bundle.clone(), release.bundles[bundle].manifest.sha256)).collect();
    let origin = match &session.record {
        Some(record) => record.installed.origin.clone(),
        None => session.origin.clone(),
    };
    let installed = InstalledRecord::new(name, newest + 1, goal.subscriptions.clone(), digests, origin);
    Ok(NewRecord { installed, release: document.clone(), root: goal.release.root.clone(), manifests: fresh })
}

/// Whether the live tree's record says the same as the new one, apart from the number of the tree.
fn same_record(live: &crate::state::Record, new: &NewRecord) -> bool {
    let (a, b) = (&live.installed, &new.installed);
    (&a.release, &a.subscriptions, &a.bundles) == (&b.release, &b.subscriptions, &b.bundles)
}

fn disk_bytes(session: &Session, planned: &UpdatePlan, target: &Tree) -> Result<u64, ClientError> {
    let directories = match session.machine.tree(Slot::Next)? {
        Some(_) => 0,
        None => target.entries().iter().filter(|entry| entry.is_directory()).count() as u64,
    };
    Ok(planned.disk_bytes + directories * DIRECTORY_BYTES)
}

fn check_space(session: &Session, planned: &UpdatePlan, bytes: u64) -> Result<(), ClientError> {
    let root = session.machine.root();
    let (free, free_inodes) = root.free_space()?;
    let needed = bytes + RESERVE_BYTES;
    // File systems that make inodes as they go say that they have none.
    let inodes_short = free_inodes != 0 && planned.inodes > free_inodes;
    if needed > free || inodes_short {
        let path = root.path().to_owned();
        return Err(ClientError::NoSpace { path, needed, free, needed_inodes: planned.inodes, free_inodes });
    }
    Ok(())
}
