//! The move that changes the running system: the exchange of the staged tree with the live one, and its recovery.
//!
//! ```text
//! 0 catch up             what no release owns is looked at once more: what came goes along, what went does not
//! 1 syncfs               everything below the exchange is on disk
//! 2 journal              from, to, what no release owns now: durable
//! 3 exchange             renameat2(/usr, next, RENAME_EXCHANGE): the switch
//! 4 settle               what no release owns goes back to /usr, or where that has something else by now, to `rescued`; the tops
//!                        get their times again; the former live tree gets its place; syncfs; the journal goes
//! ```
//!
//! Before 3 `/usr` is the old release, after 3 the new one, and its own record says which, so there is one commit and no
//! state in which a person must decide. [`recover`] finishes 4 when a run died in it; a run that died before 3 leaves
//! nothing to finish. Measured with a power-cut prototype: without 1 most images are torn, without the sync of 4 one in
//! five acknowledged transitions is lost.

mod carried;
mod displaced;
mod journal;
mod rescue;
mod seal;

use crate::disk::DiskError;
use crate::manifest::InstalledRecord;
use crate::report::{Checkpoint, Reporter};
use crate::stage::{StageError, StagedTree};
use crate::state::{LockedMachine, StateError};
use crate::types::Slot;
pub use carried::check_movable;
use carried::{bring_back, real_paths, real_paths_of_former, rescue_if_touched};
use displaced::rescue_displaced;
pub use journal::JournalError;
use journal::{DisplacedPath, Journal, Time};

/// Why the trees could not be exchanged.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A record cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// What no release owns cannot be taken along.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What is to go back after the exchange, or to be rescued, could not be moved then.
    #[error("{} is immutable or append-only, so it cannot be moved from one tree to the other", path.display())]
    Fixed {
        /// Where.
        path: std::path::PathBuf,
    },
    /// The file system cannot exchange two directories.
    #[error("the file system that holds {} cannot exchange two directories in one step", path.display())]
    CannotExchange {
        /// `/usr` beneath the root.
        path: std::path::PathBuf,
        /// What the system says.
        source: DiskError,
    },
}

/// Exchanges the staged tree with the live one. When this returns, the transition is durable.
///
/// # Errors
/// When a step fails. Before the exchange the machine is as it was; after it, [`recover`] finishes the rest.
pub fn switch(machine: &LockedMachine, staged: &StagedTree, reporter: &dyn Reporter) -> Result<(), SwitchError> {
    let home = machine.own_directory();
    staged.catch_up(machine, reporter)?;
    home.sync_filesystem()?;
    reporter.passes(Checkpoint::TreesSynced);
    let times = (top_mtime(machine, staged.slot)?, top_mtime(machine, Slot::Live)?);
    let (carried, displaced) = real_paths(machine, staged)?;
    let mut journal = Journal::new(staged, carried, displaced, times.0, times.1);
    journal.write(home)?;
    reporter.passes(Checkpoint::JournalWritten);

    let root = machine.root();
    let exchanged = match staged.from {
        // An install: there is no live tree, at most an empty directory.
        None => home.rename(staged.slot.name(), root, Slot::Live.name()),
        Some(_) => home.exchange(staged.slot.name(), root, Slot::Live.name()),
    };
    if let Err(source) = exchanged {
        Journal::clear(home)?;
        let cannot = [rustix::io::Errno::INVAL, rustix::io::Errno::XDEV, rustix::io::Errno::BUSY];
        let path = root.path().join("usr");
        return Err(match cannot.iter().any(|errno| source.is(*errno)) {
            true => SwitchError::CannotExchange { path, source },
            false => source.into(),
        });
    }
    reporter.passes(Checkpoint::Exchanged);
    (journal.carried, journal.displaced) = real_paths_of_former(machine, staged, &journal.carried)?;
    settle(machine, &journal, staged.from.map(|_| staged.slot), reporter)
}

/// A transition that a run before this one had made.
#[derive(Debug)]
pub struct Recovered {
    /// What the tree that was live before says of itself; none when there was none, or its record is damaged.
    pub former: Option<InstalledRecord>,
}

/// Finishes a transition that a run before this one had made but not settled; none when there was none.
///
/// # Errors
/// When a step fails; it can be tried again.
pub fn recover(machine: &LockedMachine, reporter: &dyn Reporter) -> Result<Option<Recovered>, SwitchError> {
    let home = machine.own_directory();
    let Some(journal) = Journal::read(home)? else { return Ok(None) };
    let live = machine.record(Slot::Live)?.map(|record| record.installed.sequence);
    if live == Some(journal.to) {
        let (slot, former) = former_live(machine, &journal)?.unzip();
        settle(machine, &journal, slot, reporter)?;
        return Ok(Some(Recovered { former }));
    }
    // The exchange has not happened: the live tree is what it was, and planning again finds what is staged.
    Journal::clear(home)?;
    reporter.passes(Checkpoint::IdleJournalCleared);
    Ok(None)
}

/// What comes after the exchange, when the tree that was live lies in `former`. Every step looks before it acts, so it can be
/// done again from the start.
fn settle(
    machine: &LockedMachine,
    journal: &Journal,
    former: Option<Slot>,
    reporter: &dyn Reporter,
) -> Result<(), SwitchError> {
    let home = machine.own_directory();
    // The exchange leads the tops' `..` elsewhere, which xfs takes for a change of the directories themselves.
    set_top_mtime(machine, Slot::Live, journal.to_mtime)?;
    reporter.passes(Checkpoint::LiveTimed);
    if let Some(slot) = former {
        for DisplacedPath(path) in &journal.displaced {
            rescue_displaced(machine, slot, path, reporter)?;
        }
        set_top_mtime(machine, slot, journal.from_mtime)?;
        reporter.passes(Checkpoint::FormerTimed);
        for carried in &journal.carried {
            rescue_if_touched(machine, slot, carried, reporter)?;
            bring_back(machine, slot, carried)?;
            reporter.passes(Checkpoint::BroughtBack);
        }
        reporter.passes(Checkpoint::Rescued);
        if slot == Slot::Next && journal.former == Slot::Previous {
            let [next, previous] = [Slot::Next, Slot::Previous].map(Slot::name);
            match home.look(previous)? {
                Some(_) => home.exchange(next, home, previous)?,
                None => home.rename(next, home, previous)?,
            }
            reporter.passes(Checkpoint::FormerPlaced);
        }
    }
    home.sync_filesystem()?;
    reporter.passes(Checkpoint::SettledSynced);
    Journal::clear(home)?;
    reporter.passes(Checkpoint::JournalCleared);
    Ok(())
}

/// Where the tree that was live before lies now, and what it says of itself; none when there was none.
fn former_live(machine: &LockedMachine, journal: &Journal) -> Result<Option<(Slot, InstalledRecord)>, SwitchError> {
    let Some(from) = journal.from else { return Ok(None) };
    for slot in [Slot::Next, Slot::Previous] {
        let installed = machine.other_record(slot)?.map(|record| record.installed);
        if let Some(installed) = installed.filter(|installed| installed.sequence == from) {
            return Ok(Some((slot, installed)));
        }
    }
    Ok(None)
}

fn top_mtime(machine: &LockedMachine, slot: Slot) -> Result<Option<Time>, SwitchError> {
    let inode = machine.tree(slot)?.map(|top| top.inode()).transpose()?;
    Ok(inode.map(|inode| inode.mtime.into()))
}

fn set_top_mtime(machine: &LockedMachine, slot: Slot, mtime: Option<Time>) -> Result<(), SwitchError> {
    if let (Some(top), Some(mtime)) = (machine.tree(slot)?, mtime) {
        top.set_mtime(mtime.into())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
