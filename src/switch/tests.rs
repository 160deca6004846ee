//! What the administrator does in his own places while trees are exchanged, and after a run has died.

mod displaced;
mod recovery;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use super::*;
use crate::disk::Ownership;
use crate::manifest::{InstalledRecord, ReleaseName, Tree};
use crate::plan::{Memory, Present, Terms, is_shared, plan};
use crate::report::{Event, Silent, Step, Warnings};
use crate::stage::{Job, stage};
use crate::state::{HOME, Machine, NewRecord, RESCUED};
use crate::store::Store;
use crate::tree::{Depth, Fingerprints, Writer, scan, split_up};
use crate::types::{Digest, Entry, Kind, Metadata, Seen, Timestamp, Version};

/// A machine whose release has directories of its own in the administrator's places.
struct Site {
    machine: LockedMachine,
    tree: Tree,
    writer: Writer,
    usr: PathBuf,
    _directory: tempfile::TempDir,
}

impl Site {
    /// Release and administrator share `local`, `local/bin` and `src`; the rest of these places is his.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let machine = Machine::open(directory.path()).and_then(Machine::lock).expect("a machine");
        let owner = fs::metadata(directory.path()).expect("it is there");
        let mtime = Timestamp { seconds: 1_700_000_000, nanoseconds: 0 };
        let metadata = Metadata { mode: 0o755, uid: owner.uid(), gid: owner.gid(), mtime, ..Metadata::default() };
        let entry = |path: &str| {
            let kind = match path.ends_with("tool") {
                true => Kind::Symlink { target: "elsewhere".into() },
                false => Kind::Directory,
            };
            Entry { path: path.parse().expect(path), kind, metadata: metadata.clone() }
        };
        let paths = ["usr", "usr/local", "usr/local/bin", "usr/local/bin/tool", "usr/share", "usr/src"];
        let tree = Tree::from_sorted(paths.map(entry).into()).expect("a tree");
        let (writer, usr) = (Writer { ownership: Ownership::of_this_process() }, directory.path().join("usr"));
        let site = Self { machine, tree, writer, usr, _directory: directory };
        site.transit(&Silent).expect("installed");
        for path in ["local/bin/mine", "local/go/bin/go", "local/gone/file", "src/linux/Makefile"] {
            let path = site.usr.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "old").expect("written");
        }
        site
    }

    /// A transition to another tree of the same release.
    fn transit(&self, reporter: &dyn Reporter) -> Result<(), SwitchError> {
        self.transit_between(&self.tree, &self.tree, reporter)
    }

    /// A transition from the tree of one release to that of another.
    fn transit_between(&self, from: &Tree, target: &Tree, reporter: &dyn Reporter) -> Result<(), SwitchError> {
        let live = self.machine.tree(Slot::Live)?;
        let (present, seen) = match live {
            Some(_) => (from.clone(), vec![Seen::Same; from.entries().len()]),
            None => (Tree::default(), Vec::new()),
        };
        let step = (Step::Scan, &Silent as &dyn Reporter);
        let mut extra = Vec::new();
        if let Some(live) = live {
            let found = scan(&live, &present, Depth::Metadata, self.writer.ownership, step)?;
            extra = split_up(&live, &found.extra, &|path| is_shared(path, target))?;
        }
        let present = Present { tree: &present, seen: &seen, extra: &extra };
        let carried = plan(present, target, &[], &Memory::default(), Terms::default()).carried;
        let sequence = self.machine.record(Slot::Live)?.map_or(1, |record| record.installed.sequence + 1);
        let release = ReleaseName { version: Version::new(10).expect("not zero"), sha256: Digest::of(b""), length: 0 };
        let installed = InstalledRecord::new(release, sequence, [].into(), [].into(), Vec::new());
        let record = NewRecord { installed, release: Vec::new(), root: Vec::new(), manifests: Vec::new() };
        let job = Job {
            target,
            kept: &vec![false; target.entries().len()],
            carried: &carried,
            former: Slot::Previous,
            record: &record,
            live_files: &Fingerprints::default(),
        };
        let (store, _) = Store::open(self.machine.own_directory())?;
        let staged = stage(&self.machine, &store, job, self.writer, reporter)?;
        switch(&self.machine, &staged, reporter)
    }

    /// The place that a warning of a recovery tells.
    fn told_place(&self, warning: &str) -> PathBuf {
        let place = warning.split_once(" lies in ").and_then(|(_, rest)| rest.split_once(',')).expect(warning).0;
        self.usr.with_file_name(place)
    }

    /// The content of a file of a tree, symlinks in the tree's top directories included; none where it is not there.
    fn file(&self, slot: Slot, path: impl AsRef<Path>) -> Option<String> {
        let tree = match slot {
            Slot::Live => self.usr.clone(),
            kept => self.usr.with_file_name(HOME).join(kept.name()),
        };
        fs::read_to_string(tree.join(path)).ok()
    }
}

type Deed<'a> = &'a (dyn Fn(&Path) + Sync);

/// Does something to `/usr` where a run comes by the one checkpoint, and ends the run at the other.
struct Meddler<'a> {
    at: Checkpoint,
    deed: Deed<'a>,
    end: Option<Checkpoint>,
    usr: &'a Path,
}

/// One that also keeps what is warned of.
struct Told<'a> {
    warnings: Warnings,
    deed: Meddler<'a>,
}

impl Reporter for Told<'_> {
    fn report(&self, event: Event) {
        self.warnings.report(event);
    }

    fn passes(&self, checkpoint: Checkpoint) {
        self.deed.passes(checkpoint);
    }
}

struct Killed;

impl Reporter for Meddler<'_> {
    fn report(&self, _: Event) {}

    fn passes(&self, checkpoint: Checkpoint) {
        if checkpoint == self.at {
            (self.deed)(self.usr);
        }
        if self.end == Some(checkpoint) {
            resume_unwind(Box::new(Killed));
        }
    }
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

fn remove(path: &Path) {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).expect("removed"),
        Ok(_) => fs::remove_file(path).expect("removed"),
        Err(_) => {}
    }
}

const NEW: [&str; 4] = ["local/bin/new", "local/new/file", "src/new/file", "local/go/new"];

#[test]
fn what_is_made_meanwhile_is_there_afterwards() {
    let makes = |usr: &Path| {
        NEW.iter().for_each(|path| write(&usr.join(path), "new"));
        remove(&usr.join("local/gone"));
        fs::write(usr.join("local/bin/mine.new"), "newer").expect("written");
        fs::rename(usr.join("local/bin/mine.new"), usr.join("local/bin/mine")).expect("renamed");
    };
    for at in [Checkpoint::NextChosen, Checkpoint::Staged, Checkpoint::TreesSynced, Checkpoint::JournalWritten] {
        let site = Site::new();
        site.transit(&Meddler { at, deed: &makes, end: None, usr: &site.usr }).expect("it is settled");
        for path in NEW {
            assert_eq!(site.file(Slot::Live, path).as_deref(), Some("new"), "{path}, made at {at:?}");
        }
        assert_eq!(site.file(Slot::Live, "local/bin/mine").as_deref(), Some("newer"), "at {at:?}");
        let is_copied = [Checkpoint::TreesSynced, Checkpoint::JournalWritten].contains(&at);
        assert_eq!(site.file(Slot::Live, "local/gone/file").is_some(), is_copied, "what went before the sync, {at:?}");
        let live = site.machine.tree(Slot::Live).expect("read").expect("there");
        let step = (Step::Scan, &Silent as &dyn Reporter);
        let found = scan(&live, &site.tree, Depth::Metadata, site.writer.ownership, step).expect("scanned");
        assert!(found.seen.iter().all(|seen| *seen == Seen::Same), "{at:?}: {:?}", found.seen);
    }
}

#[test]
fn what_is_made_after_the_exchange_stays() {
    let makes = |usr: &Path| {
        fs::write(usr.join("local/bin/mine.new"), "newer").expect("written");
        fs::rename(usr.join("local/bin/mine.new"), usr.join("local/bin/mine")).expect("renamed");
        ["local/go/new", "local/fresh"].iter().for_each(|path| write(&usr.join(path), "new"));
        // A program goes on with a file that it has open: the real one has the same.
        fs::write(usr.join("src/linux/Makefile"), "written into").expect("written");
    };
    for at in [Checkpoint::Exchanged, Checkpoint::LiveTimed, Checkpoint::FormerTimed] {
        let site = Site::new();
        let real = fs::metadata(site.usr.join("src/linux")).expect("it is there").ino();
        let deed = Meddler { at, deed: &makes, end: None, usr: &site.usr };
        let told = Told { warnings: Warnings::default(), deed };
        site.transit(&told).expect("it is settled");
        for (path, content) in [("bin/mine", "newer"), ("go/new", "new"), ("go/bin/go", "old"), ("fresh", "new")] {
            let path = Path::new("local").join(path);
            assert_eq!(site.file(Slot::Live, &path).as_deref(), Some(content), "{}, at {at:?}", path.display());
        }
        assert_eq!(site.file(Slot::Live, "src/linux/Makefile").as_deref(), Some("written into"), "at {at:?}");
        assert_eq!(fs::metadata(site.usr.join("src/linux")).expect("it is there").ino(), real, "at {at:?}");
        // What was worked on until the exchange is where it was told to be.
        let warnings = told.warnings.told();
        let of = |path: &str| warnings.iter().find(|warning| warning.starts_with(path)).expect(path);
        let mine = fs::read_to_string(site.told_place(of("usr/local/bin/mine ")));
        assert_eq!(mine.expect("it is there"), "old", "at {at:?}");
        assert!(site.told_place(of("usr/local/go ")).join("bin/go").exists(), "at {at:?}");
        assert_eq!(warnings.len(), 2, "{warnings:?}, at {at:?}");
    }
}

#[test]
fn what_is_made_before_a_kill_is_there_after_recovery() {
    for end in [Checkpoint::JournalWritten, Checkpoint::Exchanged, Checkpoint::LiveTimed, Checkpoint::BroughtBack] {
        let site = Site::new();
        let deed = |usr: &Path| NEW.iter().for_each(|path| write(&usr.join(path), "new"));
        let meddler = Meddler { at: Checkpoint::TreesSynced, deed: &deed, end: Some(end), usr: &site.usr };
        let ended = catch_unwind(AssertUnwindSafe(|| site.transit(&meddler)));
        assert!(ended.is_err_and(|what| what.is::<Killed>()), "{end:?}");
        let warnings = Warnings::default();
        recover(&site.machine, &warnings).expect("recovered");
        for path in NEW {
            assert_eq!(site.file(Slot::Live, path).as_deref(), Some("new"), "{path}, killed at {end:?}");
        }
        assert!(warnings.told().is_empty(), "{end:?}");
    }
}

/// A release that has none of the administrator's places, and back: what is his goes along either way, and nothing else does.
#[test]
fn what_is_his_outlives_the_directories_of_a_release() {
    let ends = [None, Some(Checkpoint::JournalWritten), Some(Checkpoint::Exchanged), Some(Checkpoint::BroughtBack)];
    for end in ends {
        let site = Site::new();
        let bare =
            site.tree.filtered(|entry| !entry.path.as_str().starts_with("usr/local") && entry.path.name() != "src");
        for (from, to) in [(&site.tree, &bare), (&bare, &site.tree)] {
            let told = format!("{} -> {} entries, ended at {end:?}", from.entries().len(), to.entries().len());
            let number =
                |path: &str| fs::metadata(site.usr.join(path)).unwrap_or_else(|_| panic!("{told}: {path}")).ino();
            let before = (number("local/bin/mine"), number("src/linux"));
            let meddler = Meddler { at: Checkpoint::NextChosen, deed: &|_| {}, end, usr: &site.usr };
            let run = || site.transit_between(from, to, &meddler).expect("it is settled");
            assert_eq!(catch_unwind(AssertUnwindSafe(run)).is_err(), end.is_some(), "{told}");
            if recover(&site.machine, &Silent).expect("recovered").is_none() && end.is_some() {
                site.transit_between(from, to, &Silent).expect("it is settled");
            }
            for path in ["local/bin/mine", "local/go/bin/go", "local/gone/file", "src/linux/Makefile"] {
                assert_eq!(site.file(Slot::Live, path).as_deref(), Some("old"), "{told}: {path}");
            }
            assert_eq!((number("local/bin/mine"), number("src/linux")), before, "{told}: the real ones");
            let has_tool = site.usr.join("local/bin/tool").symlink_metadata().is_ok();
            assert_eq!(has_tool, to.entries().len() > bare.entries().len(), "{told}: what the release had");
            for path in ["local", "local/bin", "src"] {
                let found = fs::metadata(site.usr.join(path)).expect("it is there");
                assert_eq!((found.mode() & 0o7777, found.mtime()), (0o755, 1_700_000_000), "{told}: {path}");
            }
        }
    }
}
