//! Mirrors that are behind.

use std::fs;

use serde_json::json;
use xtask::judge::Tree;

use crate::machine::{Machine, assert_equal, warned};
use crate::world::{copy, damage, world};

#[test]
fn a_mirror_that_is_behind_is_used_for_content_and_told() {
    // The origin has the metadata of both releases, and content of neither.
    let directory = world().directory();
    let origin = directory.path().join("origin");
    copy(&world().publication.path, &origin);
    let machine = Machine::empty();
    machine.install(&origin.display().to_string(), 10, &[]).success().expect("installed");
    for contents in ["objects", "packs"] {
        fs::remove_dir_all(origin.join(contents)).expect("removed");
    }
    machine.client(["bundle-add", "editors"]).success().expect_err("nobody has the content");
    // The mirror knows nothing of release 20.
    machine.succeeds(["mirror", "--set", &world().server_before.url]);
    machine.succeeds(["bundle-add", "editors"]);
    machine.assert_holds(10, &["editors"]);
    let check = machine.succeeds(["check-update"]);
    assert!(check.result["latest"] == 20 && warned(&check, "does not have release 20"), "{:?}", check.events);
    // What it lacks comes from the origin.
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["mirror", "--set", &world().server_before.url]);
    let update = machine.succeeds(["update"]);
    assert!(warned(&update, "does not have release 20"), "{:?}", update.events);
    machine.assert_holds(20, &[]);
}

#[test]
fn a_mirror_that_is_behind_does_not_hide_an_origin_with_a_damaged_block() {
    let directory = world().directory();
    let origin = directory.path().join("origin");
    copy(&world().publication.path, &origin);
    let machine = Machine::empty();
    machine.install(&origin.display().to_string(), 10, &[]).success().expect("installed");
    damage(&origin.join("packs"));
    machine.succeeds(["mirror", "--set", &world().server_before.url]);
    machine.succeeds(["update", "--max-retries", "0"]);
    machine.assert_holds(20, &[]);
}

#[test]
fn a_stale_mirror_never_causes_an_override_to_be_deleted() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["mirror", "--set", &world().server_before.url]);
    fs::create_dir_all(machine.path("etc/ssh")).expect("made");
    fs::write(machine.path("etc/ssh/sshd_config"), "mine").expect("written");
    let overrides = || Tree::read(&machine.path("etc")).expect("etc is read");
    let before = overrides();
    for command in [
        &["check-update"][..],
        &["update", "--dry-run"],
        &["update"],
        &["bundle-add", "editors"],
        &["repair"],
        &["rollback"],
        &["update"],
    ] {
        machine.client(command).success().unwrap_or_else(|error| panic!("{command:?}: {error:#}"));
        assert_eq!(machine.succeeds(["mirror"]).result["mirror"], json!(world().server_before.url), "{command:?}");
        assert_equal(&before, &overrides());
    }
}
