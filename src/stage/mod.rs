//! The move from store and live tree to the next tree: brings it to the target, and proves that it got there.
//!
//! The next tree is whatever an earlier run left: the release before the last one, a half-staged target, or nothing. It
//! is brought forward by looking at its inodes, so what is right already costs a look and nothing else, and an
//! interrupted staging goes on where it was. Nothing in the live tree is touched.
//!
//! The first thing to go is the next tree's record and the last thing to come is the new one: a tree under construction
//! says nothing of itself.

mod builder;
mod carry;
mod heal;
mod mend;

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::disk::{Directory, DiskError};
use crate::manifest::Tree;
use crate::plan::Carried;
use crate::report::{Checkpoint, Reporter, Step};
use crate::state::{BUSY, LockedMachine, NewRecord, Record, StateError};
use crate::store::Store;
use crate::tree::{Depth, Fingerprints, KnownContent, Scan, Writer, scan};
use crate::types::{Difference, Entry, Seen, Slot, split_path};
use builder::Builder;
pub(crate) use carry::His;
use carry::carry;
pub use heal::{Damaged, damaged, heal};
use mend::{Mender, wrong};

/// What is to be staged.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The tree that `next` is to become.
    pub target: &'a Tree,
    /// For each entry of the target, by index: whether the live tree has this very entry at this path, verified.
    pub kept: &'a [bool],
    /// What the live tree has that no release owns and that goes along.
    pub carried: &'a Carried,
    /// Where the tree that is live now goes: to be the previous one, or, when it is only a damaged form of the new one,
    /// to be the next one, so that the release before stays.
    pub former: Slot,
    /// The record of the new tree.
    pub record: &'a NewRecord,
    /// What is known of the live tree's files.
    pub live_files: &'a Fingerprints,
}

/// A tree that is complete, checked and ready to be exchanged with the live one. Only this module makes one.
#[derive(Debug)]
pub struct StagedTree {
    pub(crate) slot: Slot,
    pub(crate) former: Slot,
    pub(crate) from: Option<u64>,
    pub(crate) to: u64,
    pub(crate) carried: Carried,
    writer: Writer,
    fingerprints: Fingerprints,
    /// Files that were made of blobs of the store.
    fresh: Vec<Entry>,
}

/// Why the next tree could not be brought to the target.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A record cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// After all work the tree is not the target: the disk does not keep what it is given, or somebody else writes.
    #[error("the staged tree is not the target: {path}: {what}")]
    NotTheTarget {
        /// The first path that is wrong.
        path: PathBuf,
        /// What is wrong there.
        what: String,
    },
    /// There is no previous tree to go back to.
    #[error("there is no previous release on this machine to go back to")]
    NoPrevious,
}

impl StagedTree {
    /// What is known of the files of the tree, now that it is the live one. Files whose names in the store have gone since they
    /// were checked are looked at again: that is all that may have happened to them.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn into_fingerprints(self, machine: &LockedMachine) -> Result<Fingerprints, StageError> {
        let mut known = self.fingerprints;
        let Some(live) = machine.tree(Slot::Live)? else { return Ok(known) };
        for Entry { path, metadata, .. } in &self.fresh {
            let (parent, name) = path.split_beneath_usr();
            let Some(parent) = live.descend(parent)? else { continue };
            let Some(inode) = parent.look(name)? else { continue };
            let digest = known.despite_links().digest(&inode);
            if let Some(digest) = digest
                && self.writer.is_already(&parent, name, metadata)?
            {
                known.note(&inode, digest);
            }
        }
        Ok(known)
    }
}

/// Brings the next tree to the target and checks it.
///
/// # Errors
/// When the disk is full, a blob is missing from the store, or the result is not the target.
pub fn stage(
    machine: &LockedMachine,
    store: &Store,
    job: Job<'_>,
    writer: Writer,
    reporter: &dyn Reporter,
) -> Result<StagedTree, StageError> {
    let live = machine.tree(Slot::Live)?;
    let live_record = machine.record(Slot::Live)?;
    let next = next_tree(machine, reporter)?;
    reporter.passes(Checkpoint::NextChosen);
    if let Some(share) = next.descend(record_parent())? {
        share.remove(record_name())?;
        reporter.passes(Checkpoint::RecordRemoved);
    }
    let placed = Builder::new(job, store.directory(), writer, reporter).build(live.as_ref(), &next)?;
    if let Some(live) = &live {
        for path in &job.carried.paths {
            carry(live, &next, path, writer)?;
            reporter.passes(Checkpoint::Carried);
        }
    }
    job.record.write(&next, live_record.as_ref(), reporter)?;
    reporter.passes(Checkpoint::RecordWritten);
    // The record and the carried paths changed the directories above them.
    let record = PathBuf::from(Tree::record_beneath_usr());
    settle_above(&next, job.carried.paths.iter().chain([&record]), (job.target, job.carried), writer)?;
    reporter.passes(Checkpoint::Staged);

    // What the store gave was verified on its way into the store. What somebody has changed meanwhile is not known, so it is
    // read.
    let known = (job.live_files, &placed);
    let found = scan(&next, job.target, Depth::Content(&known), writer.ownership, (Step::Check, reporter))?;
    let fingerprints = must_be_target(&next, found, job.target, &job.carried.paths)?;
    let fresh =
        job.target.entries().iter().zip(job.kept).filter(|(entry, kept)| !**kept && entry.kind.digest().is_some());
    Ok(StagedTree {
        slot: Slot::Next,
        former: job.former,
        from: live_record.map(|record| record.installed.sequence),
        to: job.record.installed.sequence,
        carried: job.carried.clone(),
        writer,
        fingerprints,
        fresh: fresh.map(|(entry, _)| entry.clone()).collect(),
    })
}

/// The previous tree as it is kept, after a look at every entry; content that is `known` is not read again. What does not
/// belong to it goes, and what is damaged is mended as far as this tree or the live one has the content.
///
/// # Errors
/// When there is none, or it stays damaged.
pub fn previous(
    machine: &LockedMachine,
    expected: &Tree,
    carried: Carried,
    known: &Fingerprints,
    writer: Writer,
    reporter: &dyn Reporter,
) -> Result<StagedTree, StageError> {
    let (Some(tree), Some(record)) = (machine.tree(Slot::Previous)?, machine.record(Slot::Previous)?) else {
        return Err(StageError::NoPrevious);
    };
    let live = machine.tree(Slot::Live)?;
    let look = |depth: Depth<'_>| scan(&tree, expected, depth, writer.ownership, (Step::Check, reporter));
    let mut found = look(Depth::Content(known))?;
    let damage = wrong(expected, &found.seen);
    if !damage.is_empty() {
        // Content that only this tree has is taken from itself, where all else of a file is wrong.
        let sources: Vec<&Directory> = live.iter().chain([&tree]).collect();
        Mender { kept: &tree, sources: &sources, known, writer, reporter }.mend(&damage)?;
        reporter.passes(Checkpoint::Mended);
        found = look(Depth::Content(&found.fingerprints))?;
    }
    must_have_all(&tree, &found.seen, expected)?;
    // What no release owns: copies of carried paths, which are as old as the tree and make way for what is there now; what
    // somebody put into the tree while it was live, or an update displaced, of which there may be no other copy: so it goes
    // when the tree is known to be whole, and not before; what a killed run left.
    for path in &found.extra {
        let (parent, name) = split(path);
        if let Some(parent) = tree.descend(parent)? {
            parent.remove(name)?;
            reporter.passes(Checkpoint::LeftoverRemoved);
        }
    }
    if let Some(live) = &live {
        for path in &carried.paths {
            carry(live, &tree, path, writer)?;
            reporter.passes(Checkpoint::Carried);
        }
    }
    // Where nothing went or came, the look from before still holds.
    if !(found.extra.is_empty() && carried.paths.is_empty()) {
        settle_above(&tree, found.extra.iter().chain(&carried.paths), (expected, &carried), writer)?;
        found = look(Depth::Metadata)?;
    }
    must_be_target(&tree, found, expected, &carried.paths)?;
    reporter.passes(Checkpoint::Staged);
    Ok(StagedTree {
        slot: Slot::Previous,
        former: Slot::Previous,
        from: machine.record(Slot::Live)?.map(|record: Record| record.installed.sequence),
        to: record.installed.sequence,
        carried,
        writer,
        fingerprints: Fingerprints::default(),
        fresh: Vec::new(),
    })
}

fn record_parent() -> &'static str {
    split_path(Tree::record_beneath_usr()).0
}

fn record_name() -> &'static str {
    split_path(Tree::record_beneath_usr()).1
}

fn split(path: &Path) -> (&str, &OsStr) {
    let parent = path.parent().and_then(Path::to_str).unwrap_or("");
    (parent, path.file_name().unwrap_or_default())
}

/// The next tree, made where there is none. One that a process still looks at is left to it, and dropped when it is free.
fn next_tree(machine: &LockedMachine, reporter: &dyn Reporter) -> Result<Directory, StageError> {
    let home = machine.own_directory();
    for name in home.names()? {
        if name.to_string_lossy().starts_with(BUSY) && !crate::disk::is_in_use(&home.path().join(&name)) {
            home.remove(&name)?;
            reporter.passes(Checkpoint::BusyDropped);
        }
    }
    let next = Slot::Next.name();
    if let Some(inode) = home.look(next)?
        && crate::disk::is_in_use(&home.path().join(next))
    {
        home.rename(next, home, format!("{BUSY}{}", inode.number))?;
        reporter.passes(Checkpoint::NextLeft);
    }
    Ok(home.ensure_subdirectory(next, 0o700)?)
}

/// Gives the directories above these paths what `expected` says of them, or what is known of those that are there for a carried
/// path alone; the deepest first, for each is in the one above.
fn settle_above<'a>(
    tree: &Directory,
    paths: impl Iterator<Item = &'a PathBuf>,
    (expected, carried): (&Tree, &Carried),
    writer: Writer,
) -> Result<(), StageError> {
    let above: BTreeSet<&Path> = paths.flat_map(|path| path.ancestors().skip(1)).collect();
    for path in above.into_iter().rev() {
        let entry = expected.find_beneath_usr(path).or_else(|| carried.directory(path));
        let entry = entry.filter(|entry| entry.is_directory());
        if let (Some(entry), Some(directory)) = (entry, path.to_str().map_or(Ok(None), |path| tree.descend(path))?) {
            writer.settle_directory(&directory, &entry.metadata)?;
        }
    }
    Ok(())
}

fn must_be_target(
    tree: &Directory,
    found: Scan,
    target: &Tree,
    carried: &[PathBuf],
) -> Result<Fingerprints, StageError> {
    // The directories above a carried path are there for it where the target does not have them.
    let carried: HashSet<&Path> = carried.iter().flat_map(|path| path.ancestors()).collect();
    if let Some(extra) = found.extra.iter().find(|extra| !carried.contains(extra.as_path())) {
        return Err(not_the_target(tree.path().join(extra), "it should not be there"));
    }
    must_have_all(tree, &found.seen, target)?;
    Ok(found.fingerprints)
}

/// Each entry of the target must have been seen there, as it should be.
fn must_have_all(tree: &Directory, seen: &[Seen], target: &Tree) -> Result<(), StageError> {
    for (entry, seen) in target.entries().iter().zip(seen) {
        let what = match seen {
            Seen::Same => continue,
            Seen::Missing => "it is missing",
            Seen::Differs(Difference::Content) => "its content differs",
            Seen::Differs(difference) => difference.name(),
        };
        return Err(not_the_target(tree.path().join(entry.path.beneath_usr()), what));
    }
    Ok(())
}

fn not_the_target(path: PathBuf, what: &str) -> StageError {
    StageError::NotTheTarget { path, what: what.to_owned() }
}
