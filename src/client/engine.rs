//! The one engine: every command that changes the machine names a target, and this moves the machine there.
//!
//! ```text
//! manifests -> scan -> plan -> (a dry run ends here) -> space -> fetch -> stage -> switch -> tidy up
//! ```

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::ahead::ahead;
use super::config::tell_touched;
use super::mover::{Mover, cache, same_record};
use super::planning::{Planner, tell_displaced};
use super::session::{KnownRelease, Session};
use super::trees::Installed;
use super::{ClientError, Mode, Thoroughness, Transition};
use crate::disk::Ownership;
use crate::manifest::{InstalledRecord, ReleaseName, Tree};
use crate::plan::{UpdatePlan, closure, missing_blobs};
use crate::report::{Ahead, Checkpoint, Event};
use crate::state::{LockedMachine, NewRecord, Record};
use crate::store::Store;
use crate::switch::check_movable;
use crate::types::{BundleName, Digest, Slot};

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

/// A directory takes this much on disk.
const DIRECTORY_BYTES: u64 = 4096;
/// Room for the record, the journal and the caches.
const RESERVE_BYTES: u64 = 4 << 20;

/// A transition with its plan, before anything is fetched for it but what the plan was made of.
struct Prepared<'a> {
    installed: Installed,
    planner: Planner<'a>,
    planned: UpdatePlan,
    record: NewRecord,
    /// The machine and its store; none in a dry run.
    store: Option<(&'a LockedMachine, Arc<Store>)>,
    inodes: u64,
    /// What is going to be done.
    done: Transition,
}

/// Moves the machine to `goal`, starting from what is really on disk.
pub(super) async fn go(
    session: &Session,
    goal: &Goal,
    mode: Mode,
    thoroughness: Thoroughness,
) -> Result<Transition, ClientError> {
    session.check_layout()?;
    let bundles = closure(&goal.release.release, &goal.subscriptions)?;
    let mut prepared = prepare(session, goal, &bundles, mode, thoroughness).await?;
    let mut done = match prepared.store.take() {
        // What a real run reads of the staged tree is fetched for it, and no part of what the real run costs.
        None => {
            tell_of(session, goal, &prepared.installed.tree, &prepared.planner.target.tree).await;
            prepared.done
        }
        Some((machine, store)) if prepared.done.changed => {
            carry_out(session, goal, mode, prepared, (machine, store)).await?
        }
        Some((machine, _)) => {
            if !prepared.installed.fingerprints.is_empty() {
                cache(session, machine, &prepared.installed.fingerprints);
            }
            prepared.done
        }
    };
    done.duration_ms = session.stopwatch.elapsed_ms();
    Ok(done)
}

/// Finds out what is there, what is to be there, and the way between.
async fn prepare<'a>(
    session: &'a Session,
    goal: &'a Goal,
    bundles: &'a BTreeSet<BundleName>,
    mode: Mode,
    thoroughness: Thoroughness,
) -> Result<Prepared<'a>, ClientError> {
    let release = &*goal.release.release;
    let mut installed = session.installed().await?;
    session.scan_live(&mut installed, thoroughness)?;

    // The machine may have all that it needs: then no pack is asked for.
    let at_hand = session.has_manifests(release, bundles)?;
    let steps = if at_hand { None } else { Some(session.steps(&goal.release, bundles).await?) };
    let known = steps.as_deref().unwrap_or_default();
    let target = session.target_tree(&goal.release, bundles, known, &installed.tree).await?;
    let mut planner = Planner::new(session, (&goal.release, bundles), target, steps);
    let store = match session.locked().filter(|_| mode != Mode::DryRun) {
        Some(machine) => {
            let (store, held) = Store::open(machine.own_directory())?;
            Some((machine, planner.use_store(store, held)))
        }
        None => None,
    };
    let missing = missing_blobs(installed.present(), &planner.target.tree);
    planner.memory.elsewhere = session.elsewhere(&installed.altered(), &planner.target.tree, &missing)?;
    planner.look_further(&installed).await?;
    let record = new_record(session, goal, bundles, std::mem::take(&mut planner.target.fresh))?;

    session.split_shared(&mut installed, &planner.target.tree)?;
    let planned = planner.plan(&installed);
    tell_displaced(session, &planned.carried, release.version);
    let his = planned.carried.paths.iter().chain(&planned.carried.displaced);
    check_movable(&session.machine, his.map(PathBuf::as_path))?;
    let so_far = session.transport.meter();
    let changed = planned.tree_differs || session.record.as_ref().is_none_or(|live| !is_already(live, &record));
    // Thousands of looks, which a run that has nothing to do can spare.
    let directories = if changed { new_directories(session, &planner.target.tree)? } else { 0 };
    let done = Transition {
        from: session.record.as_ref().map(|record| record.installed.version()),
        to: release.version,
        bundles: bundles.iter().cloned().collect(),
        bundles_removed: session.without(|name| bundles.contains(name)),
        changed,
        files_added: planned.counts.added,
        files_changed: planned.counts.changed,
        files_removed: planned.counts.removed,
        download_bytes: so_far.bytes + planned.download_bytes,
        requests: so_far.requests + planned.requests,
        disk_peak_bytes: if changed { planned.disk_bytes + directories * DIRECTORY_BYTES } else { 0 },
        duration_ms: 0,
        dry_run: mode == Mode::DryRun,
    };
    let inodes = planned.inodes + directories;
    Ok(Prepared { installed, planner, planned, record, store, inodes, done })
}

/// Does what was prepared, and says what that was.
async fn carry_out(
    session: &Session,
    goal: &Goal,
    mode: Mode,
    prepared: Prepared<'_>,
    (machine, store): (&LockedMachine, Arc<Store>),
) -> Result<Transition, ClientError> {
    let Prepared { installed, mut planner, planned, record, inodes, mut done, .. } = prepared;
    check_space(session, done.disk_peak_bytes, inodes)?;
    if session.writer.ownership == Ownership::Ignored {
        let notice = "not run by root: owners and privileged attributes are neither set nor compared";
        session.reporter.report(Event::Warning(notice.to_owned()));
    }
    if mode == Mode::Run {
        let ahead = ahead(&done, &installed.tree, &planner.target.tree);
        let (download_bytes, disk_bytes) = (Some(planned.download_bytes), Some(done.disk_peak_bytes));
        session.ask(&Ahead { download_bytes, disk_bytes, ..ahead })?;
    }
    let mover = Mover { session, machine, store, record: &record };
    let damaged = mover.damaged(&planned.damaged)?;
    let staged = mover.fetch_and_stage(&installed, planned, &mut planner).await?;
    tell_of(session, goal, &installed.tree, &planner.target.tree).await;
    done.changed = mode == Mode::Run;
    if mode == Mode::Run {
        mover.switch(staged, &damaged, installed)?;
    } else {
        mover.forget_all_but(&planner.target.tree);
        // What is told to be there is there after a power cut, too.
        machine.own_directory().sync_filesystem()?;
        session.reporter.passes(Checkpoint::TreesSynced);
    }
    let meter = session.transport.meter();
    (done.download_bytes, done.requests) = (meter.bytes, meter.requests);
    Ok(done)
}

/// Tells what the release does to the administrator's configuration, where the goal says so.
async fn tell_of(session: &Session, goal: &Goal, installed: &Tree, target: &Tree) {
    if goal.overrides == Overrides::Told {
        tell_touched(session, goal.release.release.version, installed, target).await;
    }
}

/// Whether the live tree's record is the new one already: it says the same, and has all of its manifests whole.
fn is_already(live: &Record, new: &NewRecord) -> bool {
    let lacks = |digest: &Digest| new.manifests.iter().any(|(brought, _)| brought == digest);
    same_record(live, new) && !live.installed.bundles.values().any(lacks)
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
    let previous = session.machine.other_record(Slot::Previous)?;
    let newest = session.record.iter().chain(&previous).map(|record| record.installed.sequence).max().unwrap_or(0);
    let digests = bundles.iter().map(|bundle| (bundle.clone(), release.bundles[bundle].manifest.sha256)).collect();
    let origin = match &session.record {
        Some(record) => record.installed.origin.clone(),
        None => session.settings.urls.clone(),
    };
    let installed = InstalledRecord::new(name, newest + 1, goal.subscriptions.clone(), digests, origin);
    Ok(NewRecord { installed, release: document.clone(), root: goal.release.root.clone(), manifests: fresh })
}

/// How many directories of the target are to be made: those that the next tree does not have. One that a run was killed over
/// has few.
fn new_directories(session: &Session, target: &Tree) -> Result<u64, ClientError> {
    let next = session.machine.tree(Slot::Next)?;
    let is_there = |path: &str| next.as_ref().is_some_and(|next| matches!(next.descend(path), Ok(Some(_))));
    let directories = target.entries().iter().filter(|entry| entry.is_directory());
    Ok(directories.filter(|entry| !is_there(entry.path.beneath_usr())).count() as u64)
}

fn check_space(session: &Session, bytes: u64, needed_inodes: u64) -> Result<(), ClientError> {
    let root = session.machine.root();
    let (free, free_inodes) = root.free_space()?;
    let needed = bytes + RESERVE_BYTES;
    // File systems that make inodes as they go say that they have none.
    let inodes_short = free_inodes != 0 && needed_inodes > free_inodes;
    if needed > free || inodes_short {
        let path = root.path().to_owned();
        return Err(ClientError::NoSpace { path, needed, free, needed_inodes, free_inodes });
    }
    Ok(())
}
