//! Runs that are killed: the tree is one release or the other, and the next run finishes the work.

use std::process::{Command, Stdio};

use xtask::judge::Tree;

use crate::machine::{Machine, assert_either};
use crate::world::{skipped, world};

const BUNDLES: &[&str] = &["openstack-compute"];

/// System calls before which the client is killed, and at which occurrences of each.
const KILLED_BEFORE: &[(&str, &[u32])] = &[
    ("renameat2", &[1, 2, 3]),
    ("syncfs", &[1, 2]),
    ("fsync", &[1, 2, 3]),
    ("linkat", &[1, 50]),
    ("unlinkat", &[1, 9]),
];

fn can_trace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "true"]).stdin(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
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
            let trace = format!("trace={call}");
            let inject = format!("inject={call}:signal=KILL:when={time}");
            let prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            // A killed run gives no result; one that never made the call so often does.
            killed += usize::from(world().programs.client_within(&prefix, &machine.root, ["update"]).is_err());
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
