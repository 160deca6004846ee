//! `diagnose`, `repair` and `rollback`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::SystemTime;

use serde_json::json;
use xtask::crash::can_trace;

use crate::machine::{Machine, figures, overwrite_in_place, replace, unreadable, warned};
use crate::world::{NOWHERE, skipped};

/// Damages a machine at release 20 with `openstack-compute` in every way; what `diagnose` should say: missing,
/// mismatched, extra.
fn damage(machine: &Machine) -> [serde_json::Value; 3] {
    fs::remove_file(machine.path("usr/bin/sshd")).expect("removed");
    fs::remove_dir_all(machine.path("usr/share/empty")).expect("removed");
    overwrite_in_place(&machine.path("usr/bin/qemu-system"));
    fs::set_permissions(machine.path("usr/bin/su"), PermissionsExt::from_mode(0o755)).expect("mode");
    fs::remove_file(machine.path("usr/bin/python3")).expect("removed");
    symlink("elsewhere", machine.path("usr/bin/python3")).expect("symlink");
    fs::write(machine.path("usr/bin/stray"), "stray").expect("written");
    [
        json!(["usr/bin/sshd", "usr/share/empty"]),
        json!(["usr/bin/python3", "usr/bin/qemu-system", "usr/bin/su"]),
        json!(["usr/bin/stray"]),
    ]
}

#[test]
fn damage_is_found_and_put_right() {
    let machine = Machine::installed(20, &["openstack-compute"]);
    let clean = machine.succeeds(["diagnose"]);
    assert!(clean.number("checked") > 100, "{}", clean.told());

    let expected = damage(&machine);
    let found = machine.client(["diagnose"]);
    assert_eq!(found.code, 1, "{}", found.told());
    let lists = ["missing", "mismatched", "extra"].map(|name| {
        let mut paths: Vec<_> = found.result[name].as_array().expect("a list").clone();
        paths.sort_by_key(ToString::to_string);
        json!(paths)
    });
    assert_eq!(lists, expected);

    let repair = machine.succeeds(["repair"]);
    assert_eq!((&repair.result["from"], &repair.result["to"]), (&20.into(), &20.into()));
    machine.assert_holds(20, &["openstack-compute"]);
    machine.succeeds(["diagnose"]);
    let again = machine.succeeds(["repair"]);
    assert_eq!(again.result["changed"], false, "{}", again.told());
}

#[test]
fn one_path_is_looked_at_whatever_it_is() {
    let machine = Machine::installed(20, &[]);
    let deep = machine.path("usr/mine/deep");
    fs::create_dir_all(&deep).expect("made");
    fs::write(deep.join("file"), "mine").expect("written");
    for options in [&[][..], &["--picky"]] {
        let found = machine.client([&["diagnose", "--file", "/usr/mine/deep/file"], options].concat());
        assert_eq!((found.code, &found.result["extra"]), (1, &json!(["usr/mine/deep/file"])), "{}", found.told());
    }
    for command in ["diagnose", "repair"] {
        assert!(warned(&machine.succeeds([command, "--file", "/usr/bin/no-such"]), "nothing at usr/bin/no-such"));
    }
    let repair = machine.succeeds(["repair", "--file", "/usr/mine/deep/file"]);
    assert_eq!(repair.result["changed"], true, "{}", repair.told());
    machine.assert_holds(20, &[]);
    fs::remove_file(machine.path("usr/bin/hello")).expect("removed");
    let found = machine.client(["diagnose", "--file", "/usr/bin/hello"]);
    assert_eq!((found.code, &found.result["missing"]), (1, &json!(["usr/bin/hello"])), "{}", found.told());
    assert_eq!(machine.client(["diagnose", "--file", "/usr"]).code, 1);
}

/// Every byte is on disk, and a fresh machine has no other trees.
#[test]
fn what_was_altered_in_its_metadata_alone_needs_no_network() {
    let machine = Machine::installed(20, &["editors"]);
    for name in fs::read_dir(machine.path("usr/bin")).expect("listed").map(|entry| entry.expect("an entry").path()) {
        if name.is_file() && !name.is_symlink() {
            fs::set_permissions(&name, PermissionsExt::from_mode(0o700)).expect("mode");
        }
    }
    let touched = fs::File::options().write(true).open(machine.path("usr/bin/ed")).expect("opened");
    touched.set_modified(SystemTime::UNIX_EPOCH).expect("time");
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(machine.path("usr/bin/hello"), "user.x", b"mine", flags).expect("set");
    let twin = machine.twin();
    let repair = machine.succeeds(["repair", "--url", NOWHERE]);
    assert_eq!((repair.number("requests"), repair.number("download_bytes")), (0, 0), "{}", repair.told());
    machine.assert_holds(20, &["editors"]);
    machine.succeeds(["diagnose", "--full-verify"]);

    // Altered files may have another content all the same, also one of the same length.
    let ping = twin.path("usr/bin/ping");
    let length = fs::metadata(&ping).expect("there").len();
    fs::write(&ping, vec![b'x'; usize::try_from(length).expect("small")]).expect("written");
    twin.refuses(3, ["repair", "--url", NOWHERE, "--max-retries", "0"]);
    let repair = twin.succeeds(["repair"]);
    assert!(0 < repair.number("requests") && repair.number("requests") < 8, "{}", repair.told());
    twin.assert_holds(20, &["editors"]);
}

/// What is the same in the next release is taken from altered files, too.
#[test]
fn an_update_takes_what_was_altered_from_the_live_tree() {
    let machine = Machine::installed(10, &["editors"]);
    let clean = machine.twin().succeeds(["update"]);
    fs::set_permissions(machine.path("usr/bin/ed"), PermissionsExt::from_mode(0o700)).expect("mode");
    let update = machine.succeeds(["update"]);
    assert_eq!(update.number("download_bytes"), clean.number("download_bytes"), "{}", update.told());
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn a_sound_tree_is_not_touched_by_repair() {
    let machine = Machine::installed(20, &[]);
    let before = machine.usr();
    let repair = machine.succeeds(["repair"]);
    assert_eq!(repair.result["changed"], false);
    assert_eq!(before, machine.usr());
}

#[test]
fn rollback_goes_back_without_network() {
    let machine = Machine::installed(10, &["editors"]);
    machine.succeeds(["update"]);
    let ahead = machine.succeeds(["rollback", "--dry-run"]);
    let back = machine.succeeds(["rollback", "--url", NOWHERE]);
    assert_eq!((figures(&ahead), &ahead.result["changed"]), (figures(&back), &back.result["changed"]));
    assert_eq!((&back.result["from"], &back.result["to"]), (&20.into(), &10.into()));
    assert_eq!((back.number("requests"), back.number("download_bytes")), (0, 0));
    machine.assert_holds(10, &["editors"]);
    machine.succeeds(["update"]);
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn rollback_takes_back_a_bundle() {
    let machine = Machine::installed(20, &[]);
    machine.succeeds(["bundle-add", "editors"]);
    machine.succeeds(["rollback"]);
    machine.assert_holds(20, &[]);
}

#[test]
fn rollback_needs_a_previous_tree() {
    let machine = Machine::installed(20, &[]);
    let refused = machine.refuses(5, ["rollback"]);
    assert!(refused.told().contains("`update --version`"), "{}", refused.told());
}

#[test]
fn after_a_repair_the_release_before_is_still_there() {
    let machine = Machine::installed(10, &["editors"]);
    machine.succeeds(["update"]);
    replace(&machine.path("usr/bin/ed"));
    machine.succeeds(["repair"]);
    machine.assert_holds(20, &["editors"]);
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &["editors"]);
}

#[test]
fn damage_to_a_shared_inode_is_put_right_in_every_tree() {
    let machine = Machine::installed(10, &["editors"]);
    machine.succeeds(["update"]);
    // The same in both releases, so the live tree and the previous one share it.
    overwrite_in_place(&machine.path("usr/bin/ed"));
    machine.succeeds(["repair"]);
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &["editors"]);
}

#[test]
fn a_directory_that_was_moved_away_does_not_fail_a_transition_that_is_done() {
    for in_its_place in [
        |path: &Path| symlink("../moved", path).expect("linked"),
        |path: &Path| fs::write(path, "a file").expect("written"),
    ] {
        let machine = Machine::installed(10, &["editors"]);
        fs::rename(machine.path("usr/bin"), machine.path("moved")).expect("moved");
        in_its_place(&machine.path("usr/bin"));
        machine.succeeds(["update"]);
        machine.assert_holds(20, &["editors"]);
        assert!(!machine.path(".stateless-update/store").exists(), "what is no longer needed is forgotten");
        assert!(machine.path("moved/ed").exists());
    }
}

#[test]
fn a_damaged_previous_tree_is_mended_from_the_live_one() {
    let machine = Machine::installed(10, &["editors"]);
    machine.succeeds(["update"]);
    // The same file in both releases, as a repair leaves it that is killed right after its exchange.
    replace(&machine.path(".stateless-update/previous/bin/ed"));
    fs::write(machine.path(".stateless-update/previous/bin/.whole-0"), "half").expect("written");
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &["editors"]);
}

#[test]
fn what_was_put_into_a_tree_does_not_keep_it_from_coming_back() {
    let machine = Machine::installed(10, &[]);
    fs::write(machine.path("usr/bin/stray"), "stray").expect("written");
    machine.succeeds(["update"]);
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &[]);
}

#[test]
fn many_transitions_leave_no_trace_of_each_other() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["bundle-add", "openstack-compute"]);
    machine.succeeds(["update"]);
    machine.succeeds(["bundle-add", "editors"]);
    machine.succeeds(["update", "--version", "10"]);
    machine.assert_holds(10, &["openstack-compute", "editors"]);
    machine.succeeds(["bundle-remove", "openstack-compute"]);
    machine.succeeds(["update"]);
    machine.assert_holds(20, &["editors"]);
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &["editors"]);
}

/// A block that the disk no longer gives back is gone from all trees that share the file, whatever is known of them.
#[test]
fn what_the_disk_does_not_give_back_is_fetched() {
    if !can_trace() {
        return skipped("what_the_disk_does_not_give_back", "`strace` is not installed or may not trace");
    }
    for error in ["EIO", "EUCLEAN"] {
        let machine = Machine::installed(10, &[]);
        machine.succeeds(["update"]);
        let [live, kept] = ["usr", ".stateless-update/previous"].map(|tree| machine.path(tree).join("bin/hello"));
        let inode = |path: &Path| fs::metadata(path).expect("there").ino();
        let bad = inode(&live);
        assert_eq!(bad, inode(&kept), "both trees have it");
        let repaired = machine.client_within(&unreadable(&[&live, &kept], error), &["repair", "--full-verify"]);
        assert_eq!(repaired.code, 0, "{error}: {}", repaired.told());
        assert_ne!(inode(&live), bad);
        machine.assert_holds(20, &[]);
    }
}
