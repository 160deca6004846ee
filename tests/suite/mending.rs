//! `rollback` to a kept tree that is damaged: one that is refused takes nothing away.

use std::fs;

use crate::machine::{Machine, replace};
use crate::world::{copy, world};

/// Where the kept tree lies.
const KEPT: &str = ".stateless-update/previous";

#[test]
fn a_rollback_that_is_refused_takes_nothing_away() {
    let machine = Machine::installed(10, &["editors"]);
    fs::write(machine.path("usr/bin/mine"), "mine").expect("written");
    machine.succeeds(["update"]);
    // Of another release, so nothing but the publication has it.
    let sshd = machine.path(KEPT).join("bin/sshd");
    replace(&sshd);
    let refused = machine.refuses(5, ["rollback"]);
    assert!(refused.told().contains("bin/sshd"), "{}", refused.told());
    assert_eq!(fs::read_to_string(machine.path(KEPT).join("bin/mine")).expect("it is still there"), "mine");

    fs::remove_file(&sshd).expect("removed");
    copy(&world().trees.of(10).join("os-core/usr/bin/sshd"), &sshd);
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &["editors"]);
}
