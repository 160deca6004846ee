//! Tests of machines: their roots, locks and records.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::manifest::{BundleManifest, InstalledRecord, ReleaseName, Tree};
use crate::report::Silent;
use crate::types::{BundleName, Digest, Slot, Version};

#[test]
fn a_root_without_a_record_is_not_managed() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir_all(temporary.path().join("usr/share")).expect("made");
    let machine = Machine::open(temporary.path()).expect("it opens");
    assert!(matches!(machine.live_record(), Err(StateError::NotManaged { .. })));
    assert_eq!(fs::read_dir(temporary.path()).expect("listed").count(), 1, "looking leaves nothing behind");
}

#[test]
fn the_running_system_is_known_however_it_is_named() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    for (root, running) in [(Path::new("/"), true), (Path::new("/tmp/.."), true), (temporary.path(), false)] {
        let machine = Machine::open(root).expect("it opens");
        assert_eq!(machine.is_running_system().expect("told"), running, "{}", root.display());
    }
}

#[test]
fn one_run_at_a_time_in_a_directory_of_its_own() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let open = || Machine::open(temporary.path()).expect("it opens");
    let first = open().lock().expect("free");
    assert!(matches!(open().lock(), Err(StateError::Locked { .. })));
    drop(first);
    open().lock().expect("free again");

    let home = temporary.path().join(HOME);
    fs::remove_dir_all(&home).expect("removed");
    symlink("/tmp", &home).expect("linked");
    assert!(matches!(open().lock(), Err(StateError::UnsafeHome { .. })));
}

/// A machine with a live tree that consists of this record.
fn written(root: &Path, record: &NewRecord) -> Machine {
    fs::create_dir_all(root.join("usr/share")).expect("made");
    let machine = Machine::open(root).expect("it opens");
    let tree = machine.tree(Slot::Live).expect("readable").expect("there");
    record.write(&tree, None, &Silent).expect("written");
    machine
}

const MANIFEST: &[u8] = b"{}";

fn record() -> NewRecord {
    let bundles = [(BundleName::core(), Digest::of(MANIFEST))].into();
    let release = ReleaseName { version: Version::new(3).expect("not zero"), sha256: Digest::of(b"x"), length: 1 };
    let installed = InstalledRecord::new(release, 7, Default::default(), bundles, vec!["http://x".into()]);
    let manifests = vec![(Digest::of(MANIFEST), BundleManifest::compress(MANIFEST))];
    NewRecord { installed, release: b"x".to_vec(), root: b"r".to_vec(), manifests }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let record = record();
    written(temporary.path(), &record);
    let machine = written(temporary.path(), &record);
    let read = machine.live_record().expect("managed");
    assert_eq!(read.installed, record.installed);
    assert_eq!(read.root().expect("there"), b"r");
    assert_eq!(read.manifest_json(&BundleName::core(), 2).as_deref(), Some(MANIFEST));
    assert!(read.release().is_err(), "x is no release document");
}

/// What befalls a file of a record.
type Harm = fn(&Path);

const HARMS: [(&str, Harm); 4] = [
    ("overwritten", |file| fs::write(file, "damaged").expect("written")),
    ("a symlink", |file| {
        fs::remove_file(file).expect("removed");
        symlink("elsewhere", file).expect("linked");
    }),
    ("a directory", |file| {
        fs::remove_file(file).expect("removed");
        fs::create_dir(file).expect("made");
    }),
    // A file of nothing but a hole.
    ("too long", |file| {
        let file = fs::File::create(file).expect("emptied");
        file.set_len(1 << 30).expect("a hole");
    }),
];

#[test]
fn what_cannot_be_read_of_a_record_is_damage_and_no_reason_to_stop() {
    for (name, harm) in HARMS {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let machine = written(temporary.path(), &record());
        let directory = temporary.path().join("usr").join(Tree::record_beneath_usr());
        for entry in fs::read_dir(directory.join("manifests")).expect("listed") {
            harm(&entry.expect("an entry").path());
        }
        let live = machine.live_record().expect("managed");
        assert_eq!(live.manifest_json(&BundleName::core(), 2), None, "{name}");
        harm(&directory.join("installed.json"));
        assert!(matches!(machine.live_record(), Err(StateError::DamagedRecord { .. })), "{name}");
        assert!(machine.other_record(Slot::Live).expect("no reason to stop").is_none(), "{name}");
    }
}
