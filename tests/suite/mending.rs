//! `rollback` to a kept tree that is damaged, by itself or because it was damaged while it was live: what can be made whole
//! is, and a rollback that is refused takes nothing away.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::machine::{Machine, replace, warned};
use crate::world::{copy, world};

/// Where the kept tree lies.
const KEPT: &str = ".stateless-update/previous";

/// A machine at release 20 whose kept tree of release 10 was damaged so while it was live.
fn updated_after(damage: impl FnOnce(&Machine)) -> Machine {
    let machine = Machine::installed(10, &["editors"]);
    damage(&machine);
    let update = machine.succeeds(["update"]);
    assert!(!warned(&update, "keeps damage"), "{}", update.told());
    machine
}

/// A machine at release 20 whose kept tree of release 10 is damaged so.
fn damaged_after_update(damage: impl FnOnce(&Path)) -> Machine {
    let machine = updated_after(|_| {});
    damage(&machine.path(KEPT));
    machine
}

/// Asserts that the machine comes back to release 10.
#[track_caller]
fn comes_back(machine: &Machine) {
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &["editors"]);
    machine.succeeds(["diagnose", "--full-verify"]);
}

/// The names in a directory of the kept tree.
fn names(machine: &Machine, directory: &str) -> Vec<String> {
    let listed = fs::read_dir(machine.path(KEPT).join(directory)).expect("listed");
    listed.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_directory_that_is_gone_is_made_again() {
    let machine = updated_after(|machine| fs::remove_dir_all(machine.path("usr/share/editors")).expect("removed"));
    assert!(machine.path(KEPT).join("share/editors/syntax/sh").exists(), "the kept tree is whole again");
    comes_back(&machine);
    comes_back(&damaged_after_update(|kept| fs::remove_dir_all(kept.join("share/editors")).expect("removed")));
}

#[test]
fn what_lies_in_the_place_of_something_else_makes_way_and_not_before_it_must() {
    let machine = updated_after(|machine| {
        for name in ["usr/bin/ed", "usr/bin/ping"] {
            fs::remove_file(machine.path(name)).expect("removed");
        }
        fs::create_dir(machine.path("usr/bin/ed")).expect("made");
        fs::write(machine.path("usr/bin/ed/mine"), "mine").expect("written");
    });
    let found = names(&machine, "bin");
    assert!(found.contains(&"ping".to_owned()), "what comes after it is whole again: {found:?}");
    assert!(!found.iter().any(|name| name.starts_with('.')), "nothing is left: {found:?}");
    let his = machine.path(KEPT).join("bin/ed/mine");
    assert_eq!(fs::read_to_string(his).expect("what is somebody's stays as long as it can"), "mine");
    comes_back(&machine);
    for in_its_place in [
        |path: &Path| symlink("/tmp", path).expect("linked"),
        |path: &Path| fs::write(path, "a file").expect("written"),
    ] {
        comes_back(&damaged_after_update(|kept| {
            fs::remove_dir_all(kept.join("share/editors")).expect("removed");
            in_its_place(&kept.join("share/editors"));
        }));
    }
}

#[test]
fn a_symlink_is_made_of_what_the_manifest_says() {
    comes_back(&damaged_after_update(|kept| {
        // The same in both releases, and another one.
        for name in ["lib/libdemo.so", "lib/libdemo.so.1"] {
            fs::remove_file(kept.join(name)).expect("removed");
        }
        symlink("elsewhere", kept.join("lib/libdemo.so")).expect("linked");
    }));
}

#[test]
fn a_file_that_only_the_kept_tree_has_gets_its_mode_and_time_back() {
    let change = |sshd: &Path| {
        fs::set_permissions(sshd, PermissionsExt::from_mode(0o700)).expect("set");
        fs::File::open(sshd).and_then(|file| file.set_modified(std::time::UNIX_EPOCH)).expect("set");
    };
    comes_back(&damaged_after_update(|kept| change(&kept.join("bin/sshd"))));
    comes_back(&updated_after(|machine| change(&machine.path("usr/bin/sshd"))));
}

#[test]
fn a_rollback_that_is_refused_takes_nothing_away() {
    let machine = updated_after(|machine| {
        fs::write(machine.path("usr/bin/mine"), "mine").expect("written");
        fs::remove_file(machine.path("usr/bin/ed")).expect("removed");
        fs::create_dir(machine.path("usr/bin/ed")).expect("made");
        fs::write(machine.path("usr/bin/ed/mine"), "mine").expect("written");
    });
    // Of another release, so nothing but the publication has it.
    let sshd = machine.path(KEPT).join("bin/sshd");
    replace(&sshd);
    let refused = machine.refuses(5, ["rollback"]);
    assert!(["bin/sshd", "`update --version`"].iter().all(|part| refused.told().contains(part)), "{}", refused.told());
    assert_eq!(fs::read_to_string(machine.path(KEPT).join("bin/mine")).expect("it is still there"), "mine");
    let bin = machine.path(KEPT).join("bin");
    let directories = fs::read_dir(&bin).expect("listed").map(|entry| entry.expect("an entry").path().join("mine"));
    let his: Vec<_> = directories.filter(|path| path.exists()).collect();
    assert_eq!(his.len(), 1, "what lay in the place of a file is still there, too: {his:?}");

    fs::remove_file(&sshd).expect("removed");
    copy(&world().trees.of(10).join("os-core/usr/bin/sshd"), &sshd);
    comes_back(&machine);
}
