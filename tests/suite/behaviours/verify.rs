//! `diagnose` and `repair`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::changes::changes;
use crate::machine::{Machine, checked};
use crate::world::{skipped, world};

#[test]
fn diagnose_file_is_that_path_and_what_is_beneath_it_and_nothing_with_the_same_prefix() {
    let machine = Machine::installed(20, &["editors"]);
    fs::create_dir(machine.path("usr/bin/ed.d")).expect("made");
    fs::remove_file(machine.path("usr/bin/ed")).expect("removed");
    let found = machine.client(["diagnose", "--file", "/usr/bin/ed"]);
    assert_eq!((found.code, &found.result["missing"], &found.result["extra"]), (1, &json!(["usr/bin/ed"]), &json!([])));
    let found = machine.client(["diagnose", "--file", "usr/bin"]).result;
    assert_eq!((&found["missing"], &found["extra"]), (&json!(["usr/bin/ed"]), &json!(["usr/bin/ed.d"])));
    assert_eq!(machine.succeeds(["diagnose", "--file", "usr/lib"]).result["missing"], json!([]));
    assert_eq!(machine.succeeds(["diagnose", "--file", "usr/bi"]).result["missing"], json!([]));
    assert_eq!(machine.succeeds(["repair", "--file", "usr/lib"]).result["changed"], false);
    assert_eq!(machine.succeeds(["repair", "--file", "usr/bin/ed"]).result["changed"], true);
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn picky_lists_what_no_bundle_owns_and_leaves_local_src_and_mount_points_alone() {
    let machine = Machine::installed(20, &[]);
    for path in ["usr/local/bin/mine", "usr/src/mine.c", "usr/lib/stray/deep/file"] {
        fs::create_dir_all(machine.path(path).parent().expect("a parent")).expect("made");
        fs::write(machine.path(path), "mine").expect("written");
    }
    let extra = |arguments: &[&str]| machine.client(arguments).result["extra"].clone();
    assert_eq!(extra(&["diagnose"]), json!(["usr/lib/stray"]));
    let all = json!(["usr/lib/stray", "usr/lib/stray/deep", "usr/lib/stray/deep/file"]);
    assert_eq!(extra(&["diagnose", "--picky"]), all);
    match extra_with_a_mount(&machine, "usr/lib/stray/deep") {
        Some(extra) => assert_eq!(extra, json!(["usr/lib/stray"])),
        None => skipped("mount points and --picky", "nothing can be mounted here"),
    }
    machine.succeeds(["repair", "--picky"]);
    machine.succeeds(["diagnose", "--picky"]);
    assert!(machine.path("usr/local/bin/mine").exists() && machine.path("usr/src/mine.c").exists());
}

/// What `diagnose --picky` lists while a file system with a file is mounted there, in a namespace of its own.
fn extra_with_a_mount(machine: &Machine, place: &str) -> Option<Value> {
    let place = machine.path(place).display().to_string();
    let mount = r#"mount -t tmpfs tmpfs "$0" && : >"$0/mounted" && exec "$@""#;
    let possible = std::process::Command::new("unshare").args(["--mount", "sh", "-c", mount, &place, "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let prefix = ["unshare", "--mount", "sh", "-c", mount, &place];
    let outcome = world().programs.client_within(&prefix, &machine.root, ["diagnose", "--picky"]);
    Some(checked(outcome.expect("the contract of --json is kept")).result["extra"].clone())
}

#[test]
fn repair_then_diagnose_is_always_clean() {
    let machine = changes().machine(20, &["collection"]);
    for damage in [
        |machine: &Machine| fs::write(machine.path("usr/share/fresh"), "other").expect("written"),
        |machine: &Machine| fs::remove_dir_all(machine.path("usr/share/names")).expect("removed"),
        |machine: &Machine| fs::write(machine.path("usr/share/stray"), "stray").expect("written"),
        |machine: &Machine| {
            fs::remove_file(machine.path("usr/share/dot")).expect("removed");
            fs::create_dir(machine.path("usr/share/dot")).expect("made");
        },
        |machine: &Machine| {
            let mode = PermissionsExt::from_mode(0o777);
            fs::set_permissions(machine.path("usr/share/common"), mode).expect("set");
        },
    ] {
        damage(&machine);
        assert_eq!(machine.client(["diagnose", "--full-verify", "--picky"]).code, 1);
        machine.succeeds(["repair", "--full-verify", "--picky"]);
        machine.succeeds(["diagnose", "--full-verify", "--picky"]);
        changes().assert_holds(&machine, 20, &["collection"]);
    }
}
