//! The administrator's places in `/usr`, in a release that has directories of its own there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stateless_update::client;
use stateless_update::report::{Checkpoint, Event, Reporter};
use xtask::programs::Outcome;
use xtask::publication::{Input, Publication};

use crate::library::{self, UPDATE, settings};
use crate::machine::{Machine, figures, overwrite_in_place, replace, warned};
use crate::mounts::PrivateMount;
use crate::world::{skipped, world};

/// What a release has where it shares `usr/local/bin` and `usr/src` with the administrator.
const SHARED: &[&str] = &["usr/local/bin/tool", "usr/share/doc/readme", "usr/src/readme"];
/// What a release has that leaves those places to him.
const BARE: &[&str] = &["usr/share/doc/readme"];

/// A machine at release 10 of an operating system whose releases 10 and 20 have these files, or symlinks; what gives its publication is held
/// for as long as the machine needs it.
fn machine(files_10: &[&str], files_20: &[&str]) -> (Machine, tempfile::TempDir) {
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let definitions = directory.path().join("definitions");
    fs::create_dir(&definitions).expect("a directory");
    let definition = "title = \"core\"\ndescription = \"\"\nincludes = []\n";
    fs::write(definitions.join("os-core.toml"), definition).expect("a definition");
    for (version, files) in [(10, files_10), (20, files_20)] {
        let trees = directory.path().join(version.to_string());
        for file in files {
            let (path, target) = file.split_once(" -> ").map_or((*file, None), |(path, target)| (path, Some(target)));
            let path = trees.join("os-core").join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            match target {
                Some(target) => symlink(target, path).expect("linked"),
                None => fs::write(path, format!("release {version}")).expect("written"),
            }
        }
        let input = Input { version, definitions: &definitions, trees: &trees };
        publication.release(&world().programs, input, &[]).expect("the publisher starts").success().expect("released");
    }
    let machine = Machine::empty();
    let arguments = ["os-install", "--version", "10", "--url"].map(Path::new);
    let trust = publication.trust();
    let arguments = arguments.into_iter().chain([&*publication.path, Path::new("--trust"), &*trust]);
    machine.client(arguments).success().expect("installed");
    (machine, directory)
}

#[test]
fn names_in_any_encoding_go_along() {
    let (machine, _publication) = machine(SHARED, SHARED);
    let named = |directory: &str| machine.path(directory).join(OsStr::from_bytes(b"M\xfcller"));
    let mine: Vec<PathBuf> = ["usr/local", "usr/local/bin", "usr/src"].map(named).to_vec();
    for path in &mine {
        fs::create_dir(path).expect("made");
        fs::write(path.join(OsStr::from_bytes(b"\xff")), "mine").expect("written");
    }
    let holds = |release: u32| {
        let of_release = fs::read_to_string(machine.path("usr/local/bin/tool")).expect("read");
        assert_eq!(of_release, format!("release {release}"));
        for path in &mine {
            assert_eq!(fs::read(path.join(OsStr::from_bytes(b"\xff"))).expect("read"), b"mine", "{}", path.display());
        }
    };
    machine.succeeds(["update"]);
    holds(20);
    machine.succeeds(["rollback"]);
    holds(10);
    overwrite_in_place(&machine.path("usr/local/bin/tool"));
    assert_eq!(machine.succeeds(["repair"]).result["changed"], true);
    holds(10);
}

/// Changes the machine as the dry run foretells.
fn as_foretold(machine: &Machine, command: &str) -> Outcome {
    let foretold = machine.succeeds([command, "--dry-run"]);
    let done = machine.succeeds([command]);
    assert_eq!(figures(&foretold), figures(&done), "{command}");
    assert_eq!(warned(&foretold, DISPLACED), warned(&done, DISPLACED), "{command}: {}", foretold.told());
    done
}

/// What is warned of where the release has something in place of something of the administrator.
const DISPLACED: &str = "in place of usr/local/bin/tool";

#[test]
fn what_is_his_stays_when_a_release_begins_or_ends_to_have_the_directory() {
    let (machine, _publication) = machine(BARE, SHARED);
    let mine = ["usr/local/bin/mine", "usr/local/lib/deep/mine", "usr/src/linux/Makefile", "usr/src/mine.c"];
    for path in mine.into_iter().chain(["usr/local/bin/tool"]) {
        fs::create_dir_all(machine.path(path).parent().expect("a parent")).expect("made");
        fs::write(machine.path(path), "mine").expect("written");
    }
    let holds = |tool: Option<&str>, readme: Option<&str>| {
        let content = |path: &str| fs::read_to_string(machine.path(path)).ok();
        for path in mine {
            assert_eq!(content(path).as_deref(), Some("mine"), "{path}");
        }
        assert_eq!((content("usr/local/bin/tool").as_deref(), content("usr/src/readme").as_deref()), (tool, readme));
        machine.succeeds(["diagnose"]);
    };
    let next = |path: &str| machine.succeeds(["explain", path]).result["next"]["action"].clone();
    assert_eq!([next("usr/src/mine.c"), next("usr/local/bin/mine")], ["keep", "keep"]);
    assert_eq!([next("usr/local/bin/tool"), next("usr/src/readme")], ["change", "add"]);

    // Only what the release has itself takes the place of something of his, and that is told.
    assert!(warned(&as_foretold(&machine, "update"), DISPLACED));
    holds(Some("release 20"), Some("release 20"));
    assert_eq!(rescued(&machine), [("tool".into(), "mine".to_owned())]);

    // Back, what the release had is gone, and what he has stays in the directories that it had.
    let added = machine.path("usr/local/bin/added");
    fs::write(&added, "added").expect("written");
    for (command, release) in [("rollback", None), ("update", Some("release 20"))] {
        assert!(!warned(&as_foretold(&machine, command), "in place of"), "{command}");
        holds(release, release);
        assert_eq!(fs::read_to_string(&added).expect("read"), "added", "{command}");
        assert_eq!(rescued(&machine), [("tool".into(), "mine".to_owned())], "{command}");
    }
}

/// The files beneath the directories of `rescued`, by their paths in these, with their contents.
fn rescued(machine: &Machine) -> Vec<(PathBuf, String)> {
    fn list(top: &Path, directory: &Path, files: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(directory).expect("listed") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => list(top, &path, files),
                false => {
                    let content = fs::read_to_string(&path).expect("read");
                    files.push((path.strip_prefix(top).expect("it is in there").into(), content));
                }
            }
        }
    }
    let mut files = Vec::new();
    for place in fs::read_dir(machine.path(".stateless-update/rescued")).expect("listed") {
        let place = place.expect("an entry").path();
        list(&place, &place, &mut files);
    }
    files.sort();
    files
}

/// A release that keeps `usr/local` elsewhere: all that he has there has no place any more, however often that happens.
#[test]
fn what_a_release_displaces_is_rescued_whatever_comes_after() {
    let (machine, _publication) = machine(&["usr/local/bin/tool"], &["usr/local -> ../var/usrlocal"]);
    let his = [("usr/local/bin/mine", "usr/local/bin/mine"), ("usr/local/app/data", "usr/local/app")];
    for (generation, (file, place)) in his.into_iter().enumerate() {
        fs::create_dir_all(machine.path(file).parent().expect("a parent")).expect("made");
        fs::write(machine.path(file), "precious").expect("written");
        let updated = machine.succeeds(["update"]);
        assert!(warned(&updated, &format!("in place of {place};")), "{}", updated.told());
        let told = format!("what was at {place} lies in .stateless-update/rescued/");
        assert!(warned(&updated, &told), "{}", updated.told());
        assert!(machine.path("usr/local").is_symlink());
        machine.succeeds(["rollback"]);
        machine.succeeds(["diagnose"]);
        let found = rescued(&machine);
        let wanted = [("app/data", 1), ("mine", 0)].into_iter().filter(|(_, since)| *since <= generation);
        let wanted: Vec<_> = wanted.map(|(path, _)| (PathBuf::from(path), "precious".to_owned())).collect();
        assert_eq!(found, wanted, "after update {generation}");
    }
}

/// Ends a run right after the exchange of the trees, as a kill would.
struct EndedByExchange;

impl Reporter for EndedByExchange {
    fn report(&self, _: Event) {}

    fn passes(&self, checkpoint: Checkpoint) {
        if checkpoint == Checkpoint::Exchanged {
            resume_unwind(Box::new(EndedByExchange));
        }
    }
}

/// A part of the same file system that is mounted on a directory: a rename out of it or into it fails like one to another disk.
#[test]
fn what_is_mounted_on_his_place_keeps_no_recovery_from_ending() {
    let (machine, _publication) = machine(SHARED, SHARED);
    fs::write(machine.path("usr/local/bin/mine"), "mine").expect("written");
    let reporter: Arc<dyn Reporter> = Arc::new(EndedByExchange);
    let update = || library::run(client::update(&settings(&machine.root), &UPDATE, &reporter));
    assert!(catch_unwind(AssertUnwindSafe(update)).is_err(), "it is ended");
    let real = fs::metadata(machine.path(".stateless-update/next/local/bin/mine")).expect("it waits").ino();
    replace(&machine.path("usr/local/bin/mine"));
    fs::create_dir(machine.path("elsewhere")).expect("made");
    let Some(mount) = PrivateMount::bind(&machine.path("elsewhere"), &machine.path("usr/local/bin")) else {
        return skipped("what_is_mounted_on_his_place", "nothing may be mounted here");
    };
    let recovered = mount.client(&machine.root, &["update"]).success().expect("nothing more is to be done");
    drop(mount);
    assert!(warned(&recovered, "rescued"), "{}", recovered.told());
    assert!(!machine.path(".stateless-update/journal").exists(), "the recovery has ended");
    let rescued = machine.path(".stateless-update/rescued").join(real.to_string()).join("mine");
    assert_eq!(fs::read_to_string(rescued).expect("it is where it was told to be"), "mine");
    machine.succeeds(["rollback"]);
    assert_eq!(fs::read_to_string(machine.path("usr/local/bin/mine")).expect("read"), "another file");
}

/// What he has put in place of a release's symlink is his, be it told or not what release is next: it goes along where that has
/// a directory, or nothing, and is rescued where that has the symlink, too.
#[test]
fn a_directory_in_place_of_a_symlink_of_the_release_is_his() {
    let link = "usr/local -> ../var/usrlocal";
    for (files_20, command, goes_along) in
        [(&[link][..], "update", false), (&[link], "repair", false), (SHARED, "update", true), (BARE, "update", true)]
    {
        let (machine, _publication) = machine(&[link, BARE[0]], files_20);
        fs::remove_file(machine.path("usr/local")).expect("removed");
        fs::create_dir_all(machine.path("usr/local/bin")).expect("made");
        let mine = machine.path("usr/local/bin/mine");
        fs::write(&mine, "precious").expect("written");
        let real = fs::metadata(&mine).expect("it is there").ino();
        let done = machine.succeeds([command]);
        let told = format!("{command} to {files_20:?}: {}", done.told());
        assert_eq!(warned(&done, "in place of usr/local;"), !goes_along, "{told}");
        machine.succeeds(["diagnose"]);
        if goes_along {
            assert_eq!(fs::metadata(&mine).expect(&told).ino(), real, "{told}");
            continue;
        }
        assert!(machine.path("usr/local").is_symlink(), "{told}");
        assert_eq!(rescued(&machine), [("local/bin/mine".into(), "precious".to_owned())], "{told}");
        machine.succeeds(["update"]);
        machine.succeeds(["rollback"]);
        machine.succeeds(["diagnose"]);
        assert_eq!(rescued(&machine).len(), 1, "{told}");
    }
}
