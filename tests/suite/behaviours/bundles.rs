//! Bundles come, stay and go.

use std::fs;

use serde_json::json;

use super::changes::changes;
use crate::machine::{error, warned};

#[test]
fn a_bundle_removed_upstream_is_reported_and_dropped() {
    let machine = changes().machine(10, &["doomed", "optional"]);
    assert_eq!(machine.succeeds(["check-update"]).result["available"], true);
    machine.succeeds(["explain", "usr/share/doomed"]);
    let update = machine.succeeds(["update"]);
    assert!(warned(&update, "has no bundle doomed"), "{:?}", update.events);
    changes().assert_holds(&machine, 20, &["optional"]);
    let again = machine.succeeds(["update"]);
    assert!(again.result["changed"] == false && !warned(&again, "doomed"), "it is told once");
}

#[test]
fn a_bundle_newly_included_by_another_is_installed() {
    let machine = changes().machine(10, &["collection"]);
    assert!(!machine.path("usr/share/fresh").exists());
    machine.succeeds(["update"]);
    assert!(machine.path("usr/share/fresh").exists());
    changes().assert_holds(&machine, 20, &["collection"]);
}

#[test]
fn os_core_is_always_installed() {
    let machine = changes().machine(10, &[]);
    changes().assert_holds(&machine, 10, &[]);
    let result = machine.succeeds(["bundle-add", "optional"]).result;
    assert_eq!(result["bundles"], json!(["optional", "os-core"]));
    machine.refuses(2, ["bundle-remove", "os-core"]);
}

#[test]
fn optional_bundles_come_with_bundle_add_not_with_update_and_their_absence_is_no_fault() {
    let machine = changes().machine(10, &[]);
    machine.succeeds(["bundle-add", "shared-two", "--skip-optional"]);
    machine.succeeds(["update"]);
    changes().assert_holds(&machine, 20, &["shared-two"]);
    machine.succeeds(["diagnose", "--full-verify"]);
    assert_eq!(machine.succeeds(["repair"]).result["changed"], false);
    machine.succeeds(["bundle-add", "shared-two"]);
    changes().assert_holds(&machine, 20, &["shared-two", "optional"]);
}

#[test]
fn a_file_of_two_bundles_survives_the_removal_of_one() {
    let machine = changes().machine(20, &["shared-one", "shared-two"]);
    machine.succeeds(["bundle-remove", "shared-one"]);
    assert_eq!(fs::read_to_string(machine.path("usr/share/common")).expect("kept"), "of both");
    changes().assert_holds(&machine, 20, &["shared-two"]);
    machine.succeeds(["bundle-remove", "shared-two"]);
    changes().assert_holds(&machine, 20, &[]);
}

#[test]
fn removal_of_a_bundle_that_others_need_lists_them_as_a_tree() {
    let machine = changes().machine(20, &["anthology", "shared-one"]);
    let refused = machine.refuses(2, ["bundle-remove", "shared-one"]);
    let message = error(&refused).expect("an error")["message"].as_str().expect("a text").to_owned();
    assert!(message.ends_with("\nshared-one\n  collection\n    anthology"), "{message}");
}
