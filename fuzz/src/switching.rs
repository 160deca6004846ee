//! The journal, as a run finds it after a crash.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use stateless_update::manifest::{InstalledRecord, ReleaseName};
use stateless_update::report::Silent;
use stateless_update::state::Machine;
use stateless_update::switch::recover;
use stateless_update::types::{Digest, Slot, Version};

/// The journal's text, found on a machine whose trees have been exchanged. Recovery ends; the live tree is the same one, by
/// its record, and nothing outside of the root has changed.
pub fn journal(input: &[u8]) {
    let scratch = tempfile::tempdir().expect("a directory");
    let (root, outside) = (scratch.path().join("root"), scratch.path().join("outside"));
    let home = root.join(".stateless-update");
    tree(&root.join("usr"), 2);
    tree(&home.join("next"), 1);
    fs::set_permissions(&home, Permissions::from_mode(0o700)).expect("its owner");
    fs::write(&outside, "outside").expect("a file");
    fs::write(home.join("journal"), input).expect("a file");
    let machine = Machine::open(&root).and_then(Machine::lock).expect("a machine");
    _ = recover(&machine, &Silent);
    let live = machine.record(Slot::Live).expect("the live tree's record").expect("a live tree");
    assert_eq!(live.installed.sequence, 2);
    assert_eq!(fs::read(&outside).expect("still there"), b"outside");
    assert_eq!(fs::read_dir(scratch.path()).expect("still there").count(), 2);
}

/// A tree with a record and a file that is carried along.
fn tree(path: &Path, sequence: u64) {
    let release = ReleaseName { version: Version::new(10).expect("not 0"), sha256: Digest::of(b""), length: 0 };
    let record = InstalledRecord::new(release, sequence, [].into(), [].into(), Vec::new());
    let share = path.join("share/stateless-update");
    fs::create_dir_all(&share).expect("a directory");
    fs::write(share.join("installed.json"), record.to_json()).expect("a file");
    fs::create_dir(path.join("local")).expect("a directory");
    fs::write(path.join("local/mine"), "mine").expect("a file");
}
