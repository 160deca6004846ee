//! The factory reset where other file systems are mounted, and where directories lie deep in each other.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use stateless_update::disk::Directory;

use super::*;
use crate::machine::{checked, warned};
use crate::world::skipped;

/// As many levels as a path has room for, and more than the handles of the run.
const LEVELS: usize = 1900;

/// A machine, and a directory outside of its root that is mounted in it.
struct Scene {
    machine: Machine,
    outside: tempfile::TempDir,
    /// Where it is mounted.
    places: Vec<PathBuf>,
}

impl Scene {
    fn new(places: &[&[u8]]) -> Self {
        let (machine, outside) = (machine(OVERRIDES), world().directory());
        write(&outside.path().join("letters/letter"), "somebody's\n");
        write(&machine.path("var/lib/data/x"), "data\n");
        let places: Vec<_> = places.iter().map(|place| machine.root.join(OsStr::from_bytes(place))).collect();
        places.iter().for_each(|place| fs::create_dir_all(place).expect("made"));
        Self { machine, outside, places }
    }

    /// Resets the machine in a namespace of its own, in which the mounts are and then this was done; none when this machine
    /// does not let us.
    fn reset(&self, then: &str) -> Option<Outcome> {
        let script = format!(
            r#"while [ "$1" != -- ]; do mount --bind "$0" "$1" && shift || exit; done; shift; {then} && exec "$@""#
        );
        let words = ["unshare", "--mount", "sh", "-c", &script].map(OsString::from);
        let mut prefix: Vec<OsString> = words.into();
        prefix.push(self.outside.path().into());
        prefix.extend(self.places.iter().map(Into::into));
        prefix.push("--".into());
        let (program, arguments) = prefix.split_first().expect("it has words");
        let possible = Command::new(program).args(arguments).arg("true").output().expect("unshare starts");
        if !possible.status.success() {
            skipped("a factory reset beside mounts", "nothing can be mounted here");
            return None;
        }
        let outcome = world().programs.client_within(&prefix, &self.machine.root, ["factory-reset"]);
        Some(checked(outcome.expect("the contract of --json is kept")))
    }

    fn assert_nothing_lost(&self) {
        assert!(self.outside.path().join("letters/letter").exists(), "what is mounted stays as it is");
        assert!(self.places.iter().all(|place| place.is_dir()), "mount points stay");
    }
}

#[test]
fn a_factory_reset_leaves_what_is_mounted_whatever_it_is_called() {
    let scene = Scene::new(&[b"var/mnt/Backup Disk", b"var/tmp/\xff\n", b"etc/a\\040b"]);
    let Some(outcome) = scene.reset("true") else { return };
    scene.assert_nothing_lost();
    let outcome = outcome.success().expect("reset");
    assert_eq!(outcome.result["kept"], json!(["/etc/a\\040b", "/var/mnt/Backup Disk", "/var/tmp/\u{fffd}\n"]));
    assert_eq!(outcome.result["removed"], json!(["/etc/app", "/var/lib"]));
    assert!(warned(&outcome, "/var/mnt/Backup Disk is a mount point"), "{}", outcome.told());
}

#[test]
fn a_mount_that_no_table_tells_of_is_not_entered() {
    // Another table in place of the real one is as if it was mounted after the look at that.
    let unseen = "mount -t tmpfs tmpfs /proc && mkdir /proc/self && : >/proc/self/mountinfo";
    let scene = Scene::new(&[b"var/mnt/disk"]);
    let Some(outcome) = scene.reset(unseen) else { return };
    scene.assert_nothing_lost();
    assert_eq!(outcome.code, 5, "{}", outcome.told());
    let told = error(&outcome).expect("an error event").to_string();
    assert!(told.contains("var/mnt/disk") && told.contains("something is mounted there"), "{told}");
}

#[test]
fn without_a_table_of_mounts_nothing_is_removed() {
    let scene = Scene::new(&[b"var/mnt/disk"]);
    let Some(outcome) = scene.reset("mount -t tmpfs tmpfs /proc") else { return };
    scene.assert_nothing_lost();
    assert_eq!(outcome.code, 5, "{}", outcome.told());
    assert!(scene.machine.path("etc/app/app.conf").exists() && scene.machine.path("var/lib/data/x").exists());
}

#[test]
fn a_factory_reset_takes_directories_however_deep() {
    let machine = machine(OVERRIDES);
    let top = machine.path("var/tmp");
    fs::create_dir_all(&top).expect("made");
    let mut inner = Directory::open_path(&top).expect("it opens");
    for _ in 0..LEVELS {
        inner = inner.ensure_subdirectory("n", 0o700).expect("made");
    }
    inner.write_new("file", 0o600, b"12345").expect("written");
    // One that is kept at the very end is reached as well as one that goes.
    let kept = format!("var/tmp{}/kept", "/n".repeat(LEVELS));
    inner.write_new("kept", 0o600, b"").expect("written");
    let prefix = ["sh", "-c", r#"ulimit -n 64 && exec "$@""#, "sh"];
    for arguments in [&["factory-reset", "--keep", &kept][..], &["factory-reset"]] {
        let outcome = world().programs.client_within(&prefix, &machine.root, arguments);
        checked(outcome.expect("the contract of --json is kept")).success().expect("reset");
        assert_eq!(inner.look("kept").expect("looked").is_some(), arguments.len() > 1);
    }
    assert!(!top.exists());
}
