//! Tests of machines: their roots, locks and records.

use super::*;
use crate::manifest::{BundleManifest, InstalledRecord, ReleaseName};
use crate::report::Silent;
use crate::types::{BundleName, Digest, Version};

#[test]
fn a_root_without_a_record_is_not_managed() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir_all(temporary.path().join("usr/share")).expect("made");
    let machine = Machine::open(temporary.path()).expect("it opens");
    assert!(matches!(machine.live_record(), Err(StateError::NotManaged { .. })));
    assert_eq!(std::fs::read_dir(temporary.path()).expect("listed").count(), 1, "looking leaves nothing behind");
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
    std::fs::remove_dir_all(&home).expect("removed");
    std::os::unix::fs::symlink("/tmp", &home).expect("linked");
    assert!(matches!(open().lock(), Err(StateError::UnsafeHome { .. })));
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir_all(temporary.path().join("usr/share")).expect("made");
    let machine = Machine::open(temporary.path()).expect("it opens");
    let tree = machine.tree(Slot::Live).expect("readable").expect("there");
    let json = b"{}".to_vec();
    let bundles = [(BundleName::core(), Digest::of(&json))].into();
    let release = ReleaseName { version: Version::new(3).expect("not zero"), sha256: Digest::of(b"x"), length: 1 };
    let installed = InstalledRecord::new(release, 7, Default::default(), bundles, vec!["http://x".into()]);
    let manifests = vec![(Digest::of(&json), BundleManifest::compress(&json))];
    let record = NewRecord { installed, release: b"x".to_vec(), root: b"r".to_vec(), manifests };
    record.write(&tree, None, &Silent).expect("written");
    record.write(&tree, None, &Silent).expect("written again");
    let read = machine.live_record().expect("managed");
    assert_eq!(read.installed, record.installed);
    assert_eq!(read.root().expect("there"), b"r");
    assert_eq!(read.manifest_json(&BundleName::core(), 2).expect("read"), Some(json));
    assert!(read.release().is_err(), "x is no release document");
}
