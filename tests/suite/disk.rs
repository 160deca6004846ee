//! Disks that are full or cannot be written: exit code 5, and nothing changed.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use xtask::judge::Tree;

use crate::machine::assert_equal;
use crate::mounts::PrivateMount;
use crate::world::{skipped, world};

const BUNDLES: &[&str] = &["openstack-compute"];

/// A machine at release 10 on a `tmpfs` of its own; `None` and a loud line where that cannot be.
fn machine(test: &str) -> Option<PrivateMount> {
    let Some(mount) = PrivateMount::tmpfs(64) else {
        skipped(test, "no private mounts here (root and `unshare --mount` are needed)");
        return None;
    };
    fs::create_dir(mount.outside().join("root")).expect("a root");
    let trust = world().publication.trust();
    let install = ["os-install", "--version", "10", "--bundle", BUNDLES[0], "--url", &world().server.url, "--trust"];
    let install: Vec<&str> = install.into_iter().chain([trust.to_str().expect("UTF-8")]).collect();
    mount.client(&mount.inside.join("root"), &install).success().expect("installed");
    Some(mount)
}

/// Fills the file system until that many KiB are free.
fn fill(directory: &Path, kib_left: usize) {
    let mut ballast = File::create(directory.join("ballast")).expect("ballast");
    let block = vec![1; 64 * 1024];
    while ballast.write_all(&block).is_ok() {}
    let length = ballast.metadata().expect("metadata").len();
    ballast.set_len(length - (kib_left as u64) * 1024).expect("shortened");
}

#[test]
fn a_full_disk() {
    let Some(mount) = machine("a_full_disk") else { return };
    let (inside, outside) = (mount.inside.join("root"), mount.outside().join("root"));
    for kib_left in [0, 64, 512] {
        fill(&mount.outside(), kib_left);
        let before = Tree::read(&outside.join("usr")).expect("tree");
        let outcome = mount.client(&inside, &["update"]);
        assert_eq!(outcome.code, 5, "{kib_left} KiB left: {}\n{}", outcome.told(), outcome.stderr);
        assert_equal(&before, &Tree::read(&outside.join("usr")).expect("tree"));
        fs::remove_file(mount.outside().join("ballast")).expect("removed");
    }
    mount.client(&inside, &["update"]).success().expect("there is room again");
    let expected = world().trees.expected(20, BUNDLES).expect("trees");
    assert_equal(&expected, &Tree::of_machine(&outside).expect("tree"));
}

#[test]
fn a_read_only_root() {
    let Some(mount) = machine("a_read_only_root") else { return };
    let (inside, outside) = (mount.inside.join("root"), mount.outside().join("root"));
    mount.remount("ro");
    let before = Tree::read(&outside).expect("tree");
    for arguments in [&["update"][..], &["bundle-add", "editors"], &["bundle-remove", BUNDLES[0]]] {
        let outcome = mount.client(&inside, arguments);
        assert_eq!(outcome.code, 5, "{}\n{}", outcome.told(), outcome.stderr);
        assert_equal(&before, &Tree::read(&outside).expect("tree"));
    }
    mount.client(&inside, &["info"]).success().expect("reading is allowed");
    mount.remount("rw");
    mount.client(&inside, &["update"]).success().expect("it can be written again");
    let expected = world().trees.expected(20, BUNDLES).expect("trees");
    assert_equal(&expected, &Tree::of_machine(&outside).expect("tree"));
}
