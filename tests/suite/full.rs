//! Real file systems that become full in the middle of a run: of bytes, and of inodes.
//!
//! A run that finds too little room beforehand is refused, so here the room goes between that look and the first write.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use stateless_update::client::{ErrorKind, update};
use stateless_update::report::{Ahead, Event, Reporter, Silent};
use xtask::judge::Tree;

use crate::library::{UPDATE, run, settings};
use crate::machine::{Machine, assert_either, assert_equal};
use crate::mounts::PrivateMount;
use crate::world::{copy, skipped, world};

const BUNDLES: &[&str] = &["openstack-compute"];
const BALLAST: &str = "ballast";

/// What there is too little of, and how much of it is left.
#[derive(Clone, Copy, Debug)]
enum Left {
    KiB(u64),
    Inodes(usize),
}

/// Takes the room of a file system when it is asked whether to go on.
struct Filling {
    at: PathBuf,
    left: Left,
}

impl Reporter for Filling {
    fn report(&self, _: Event) {}

    fn agrees(&self, _: &Ahead) -> bool {
        fill(&self.at, self.left);
        true
    }
}

fn fill(at: &Path, left: Left) {
    let ballast = at.join(BALLAST);
    match left {
        Left::KiB(kib) => {
            let file = File::create(&ballast).expect("ballast");
            let free = statvfs(at).expect("a file system");
            // Not all that is free: ext4 keeps some for itself.
            let free = free.f_bavail * free.f_frsize;
            // Where extents take room too, somewhat less can be had.
            let some = (0..64).map(|step| free.saturating_sub(kib * 1024 + step * 4096));
            let filled = some.filter(|length| *length > 0);
            let mut tries = filled.map(|length| fallocate(&file, FallocateFlags::empty(), 0, length));
            assert!(tries.any(|tried| tried.is_ok()), "the file system cannot be filled");
        }
        Left::Inodes(count) => {
            fs::create_dir(&ballast).expect("ballast");
            let name = |number: usize| ballast.join(number.to_string());
            let made = (0..).take_while(|number| File::create(name(*number)).is_ok()).count();
            (0..count.min(made)).for_each(|number| fs::remove_file(name(number)).expect("removed"));
        }
    }
}

fn empty(at: &Path) {
    let ballast = at.join(BALLAST);
    let removed = if ballast.is_dir() { fs::remove_dir_all(&ballast) } else { fs::remove_file(&ballast) };
    removed.expect("there was ballast");
}

/// Updates a machine on that file system while it becomes full, then again with room; whether the first run succeeded.
fn updated(mount: &PrivateMount, base: &Machine, left: Left) -> bool {
    let root = mount.outside().join("root");
    copy(&base.root, &root);
    let filling: Arc<dyn Reporter> = Arc::new(Filling { at: mount.outside(), left });
    let result = run(update(&settings(&root), &UPDATE, &filling));
    let [before, target] = [10, 20].map(|release| world().trees.expected(release, BUNDLES).expect("trees"));
    let found = Tree::of_machine(&root).expect("tree");
    match &result {
        Ok(_) => assert_equal(&target, &found),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Local, "{left:?}: {error}");
            assert_either(&before, &target, &found, &format!("{left:?}: {error}"));
        }
    }
    empty(&mount.outside());
    let silent: Arc<dyn Reporter> = Arc::new(Silent);
    run(update(&settings(&root), &UPDATE, &silent)).unwrap_or_else(|error| panic!("{left:?}, with room: {error}"));
    assert_equal(&target, &Tree::of_machine(&root).expect("tree"));
    mount.client(&mount.inside.join("root"), &["rollback"]).success().expect("the release before is kept");
    assert_equal(&before, &Tree::of_machine(&root).expect("tree"));
    fs::remove_dir_all(&root).expect("removed");
    result.is_ok()
}

/// Tries all of them: too little must fail, and enough must do.
fn all_updated(test: &str, inodes: u32, lefts: &[Left]) {
    let Some(mount) = PrivateMount::ext4(48, inodes) else {
        return skipped(
            test,
            "no private mounts of ext4 here (root, `unshare --mount`, loop devices and mkfs.ext4 are needed)",
        );
    };
    let base = Machine::installed(10, BUNDLES);
    let succeeded: Vec<bool> = lefts.iter().map(|left| updated(&mount, &base, *left)).collect();
    assert!(!succeeded[0] && *succeeded.last().expect("some"), "{lefts:?}: {succeeded:?}");
}

#[test]
fn a_disk_that_becomes_full() {
    let kib = [0, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 4096, 8192];
    all_updated("a_disk_that_becomes_full", 4096, &kib.map(Left::KiB));
}

#[test]
fn a_disk_that_runs_out_of_inodes() {
    let counts = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610];
    all_updated("a_disk_that_runs_out_of_inodes", 2048, &counts.map(Left::Inodes));
}

#[test]
fn too_few_inodes_are_found_beforehand() {
    let Some(mount) = PrivateMount::ext4(48, 1024) else {
        return skipped("too_few_inodes", "no private mounts of ext4 here");
    };
    let (inside, outside) = (mount.inside.join("root"), mount.outside().join("root"));
    copy(&Machine::installed(10, BUNDLES).root, &outside);
    let before = Tree::read(&outside).expect("tree");
    fill(&mount.outside(), Left::Inodes(10));
    let outcome = mount.client(&inside, &["update"]);
    assert_eq!(outcome.code, 5, "{}\n{}", outcome.told(), outcome.stderr);
    assert_equal(&usr(before), &usr(Tree::read(&outside).expect("tree")));
    empty(&mount.outside());
    mount.client(&inside, &["update"]).success().expect("there is room again");
}

fn usr(tree: Tree) -> Tree {
    tree.filtered(|path| path.starts_with("usr"))
}
