//! Runs that are killed: the tree is one release or the other, and the next run finishes the work.

use serde_json::json;
use xtask::crash::can_trace;
use xtask::judge::Tree;

use crate::machine::{Machine, assert_either, overwrite_in_place, signalled};
use crate::world::{NOWHERE, skipped, world};

const BUNDLES: &[&str] = &["openstack-compute"];

/// System calls before which the client is killed, and at which occurrences of each.
const KILLED_BEFORE: &[(&str, &[u32])] = &[
    ("renameat2", &[1, 2, 3]),
    ("syncfs", &[1, 2]),
    ("fsync", &[1, 2, 3]),
    ("linkat", &[1, 50]),
    ("unlinkat", &[1, 9]),
];

/// Whether an update is killed before that call; one that never makes it so often is not.
fn is_killed(machine: &Machine, call: &str, time: u32) -> bool {
    // A killed run gives no result.
    world().programs.client_within(&signalled("KILL", call, time), &machine.root, ["update"]).is_err()
}

#[test]
fn a_killed_update_leaves_a_release_and_is_finished_by_the_next() {
    if !can_trace() {
        return skipped("a_killed_update", "`strace` is not installed or may not trace");
    }
    let at_10 = Machine::installed(10, BUNDLES);
    let [old, new] = [10, 20].map(|release| world().trees.expected(release, BUNDLES).expect("trees"));
    let mut killed = 0;
    for (call, times) in KILLED_BEFORE {
        for time in *times {
            let machine = at_10.twin();
            killed += usize::from(is_killed(&machine, call, *time));
            let found = Tree::of_machine(&machine.root).expect("tree");
            assert_either(&old, &new, &found, &format!("killed before {call} {time}"));
            machine.succeeds(["update"]);
            machine.assert_holds(20, BUNDLES);
            machine.succeeds(["rollback"]);
            machine.assert_holds(10, BUNDLES);
        }
    }
    assert!(killed > 0, "no run was killed: nothing was tried");
}

#[test]
fn recover_finishes_a_switch_and_does_nothing_else() {
    if !can_trace() {
        return skipped("recover_finishes_a_switch", "`strace` is not installed or may not trace");
    }
    let at_10 = Machine::installed(10, BUNDLES);
    // Before the exchange, and before what comes after it is durable.
    for (call, time, release) in [("renameat2", 1, 10), ("syncfs", 2, 20)] {
        let machine = at_10.twin();
        assert!(is_killed(&machine, call, time), "{call}");
        let journal = machine.path(".stateless-update/journal");
        assert!(journal.exists(), "{call}");
        // Nobody is asked: where content comes from is not looked at.
        let recover = ["recover", "--url", NOWHERE];
        let recovered = machine.succeeds(recover).result;
        assert_eq!((&recovered["version"], &recovered["changed"]), (&json!(release), &json!(release == 20)), "{call}");
        assert!(!journal.exists(), "{call}");
        machine.assert_holds(release, BUNDLES);
        assert_eq!(machine.succeeds(recover).result["changed"], false, "{call}");
        let history = machine.succeeds(["history"]).result;
        let last = history["transitions"].as_array().and_then(|all| all.last()).expect("an entry");
        assert_eq!(last["command"], if release == 20 { "recovery" } else { "os-install" }, "{call}");
    }
    Machine::empty().refuses(2, ["recover"]);
}

/// A repair gives its damaged tree no place of its own, so the previous one is of another release.
#[test]
fn a_repair_that_recover_finishes_is_told_as_one_of_its_release() {
    if !can_trace() {
        return skipped("a_repair_that_recover_finishes", "`strace` is not installed or may not trace");
    }
    let machine = Machine::installed(10, BUNDLES);
    machine.succeeds(["update"]);
    overwrite_in_place(&machine.path("usr/bin/su"));
    let killed = world().programs.client_within(&signalled("KILL", "syncfs", 2), &machine.root, ["repair"]);
    assert!(killed.is_err(), "it is killed");
    assert_eq!(machine.succeeds(["recover"]).result["changed"], true);
    let history = machine.succeeds(["history"]).result;
    let last = history["transitions"].as_array().and_then(|all| all.last()).expect("an entry");
    assert_eq!((&last["command"], &last["from"], &last["to"]), (&json!("recovery"), &json!(20), &json!(20)));
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, BUNDLES);
}
