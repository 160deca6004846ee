//! Readers and several runs at the same time: nobody sees a mix of releases, and one run at a time does the work.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use xtask::looks::{Options, watch};

use crate::machine::Machine;
use crate::world::world;

const SOME: Options = Options { looks: 400, transitions: 12, release: false };

#[test]
fn readers_see_one_release() {
    let tally = watch(&world().programs, &SOME).expect("watched");
    assert!(tally.mixed.is_empty(), "{:?}", tally.mixed);
    let both = ["10.", "20."].map(|release| tally.seen.get(release).copied().unwrap_or_default());
    assert!(both.iter().all(|count| *count > 0) && tally.held > 0 && tally.ran > 0, "{tally}");
}

/// A client that edits the live tree is found.
#[test]
fn a_mix_is_found() {
    let directory = world().directory();
    let mut editing = world().programs.clone();
    let wrapper = directory.path().join("stateless-update");
    let client = editing.update.display().to_string();
    let root = r#"for word; do case $before in --root) root=$word; esac; before=$word; done"#;
    // Not before a rollback, which would find it and refuse.
    let edit =
        r#"case "$*" in update\ --root*) echo 99. > "$root/new"; mv "$root/new" "$root/usr/share/look/two";; esac"#;
    fs::write(&wrapper, format!("#!/bin/sh\n\"{client}\" \"$@\"; code=$?\n{root}\n{edit}\nexit $code\n"))
        .expect("written");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("mode");
    editing.update = wrapper;
    let tally = watch(&editing, &SOME).expect("watched");
    assert!(!tally.mixed.is_empty(), "{tally}");
}

#[test]
fn of_several_runs_at_once_one_does_the_work() {
    let machine = Machine::installed(10, &["editors"]);
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| machine.client(["update"]).code)).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 6].contains(code)), "{codes:?}");
    machine.assert_holds(20, &["editors"]);
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &["editors"]);
}
