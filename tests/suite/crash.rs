//! The crash tests can fail: they find what a client does wrong that is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use xtask::crash::{Disturbance, Options, World, can_trace, tried};

use crate::world::{CHECKOUT, skipped, world};

/// Runs the client with this line of shell after it, in which `$root` is the machine and `$code` how the client ended;
/// what a few kills of `update` then find.
fn found(after: &str) -> Option<Vec<String>> {
    if !can_trace() {
        skipped("the crash tests' own test", "`strace` is not installed or may not trace");
        return None;
    }
    let mut crashes = World::new(world().programs.clone(), Path::new(CHECKOUT)).expect("machines");
    let directory = world().directory();
    let wrapper = directory.path().join("stateless-update");
    let client = crashes.programs.update.display().to_string();
    let root = r#"for word; do case $before in --root) root=$word; esac; before=$word; done"#;
    let script = format!("#!/bin/sh\n\"{client}\" \"$@\"; code=$?\n{root}\n{after}\nexit $code\n");
    fs::write(&wrapper, script).expect("written");
    fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("mode");
    crashes.programs.update = wrapper;
    let options = Options { transition: Some("update".to_owned()), every: 100, ..Options::default() };
    Some(tried(&crashes, Disturbance::Kill, &options).expect("tried").violations)
}

#[test]
fn an_honest_client_passes() {
    let Some(violations) = found("") else { return };
    assert!(violations.is_empty(), "{violations:?}");
}

#[test]
fn a_mixed_tree_is_found() {
    let Some(violations) = found(r#"[ $code -le 128 ] || echo mixed > "$root/usr/bin/hello""#) else { return };
    assert!(violations.iter().any(|told| told.contains("neither the tree before")), "{violations:?}");
}

#[test]
fn what_is_left_over_is_found() {
    let Some(violations) = found(r#"[ $code -le 128 ] || touch "$root/.stateless-update/half""#) else { return };
    assert!(violations.iter().any(|told| told.contains("left over: half")), "{violations:?}");
}

#[test]
fn a_run_that_does_not_go_on_is_found() {
    let Some(violations) =
        found(r#"[ $code -le 128 ] || echo cut > "$root/usr/share/stateless-update/installed.json""#)
    else {
        return;
    };
    assert!(violations.iter().any(|told| told.contains("the run after it")), "{violations:?}");
}

/// As if it kept none: what was done is then not finished.
#[test]
fn a_lost_journal_is_found() {
    let Some(violations) = found(r#"[ $code -le 128 ] || rm -f "$root/.stateless-update/journal""#) else { return };
    assert!(violations.iter().any(|told| told.contains("rollback")), "{violations:?}");
}

/// The next run would put another in its place, so a rollback after that does not show it.
#[test]
fn a_release_before_that_is_lost_is_found() {
    let Some(violations) = found(r#"[ $code -le 128 ] || rm -rf "$root/.stateless-update/previous/bin""#) else { return };
    assert!(violations.iter().any(|told| told.contains("kept for a rollback has changed")), "{violations:?}");
}
