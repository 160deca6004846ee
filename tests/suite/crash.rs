//! The crash tests can fail: they find what a client does wrong that is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use xtask::crash::{Disturbance, Options, World, can_trace, tried};

use crate::world::{CHECKOUT, skipped, world};

/// Puts lines of shell in the client's place and lets it be disturbed; what a few points of `update` then find.
fn found_in(lines: &str, disturbance: Disturbance, options: Options) -> Option<Vec<String>> {
    if !can_trace() {
        skipped("the crash tests' own test", "`strace` is not installed or may not trace");
        return None;
    }
    let mut crashes = World::new(world().programs.clone(), Path::new(CHECKOUT)).expect("machines");
    let directory = world().directory();
    let wrapper = directory.path().join("stateless-update");
    let client = crashes.programs.update.display().to_string();
    fs::write(&wrapper, format!("#!/bin/sh\n{}\n", lines.replace("CLIENT", &client))).expect("written");
    fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("mode");
    crashes.programs.update = wrapper;
    let options = Options { transition: Some("update".to_owned()), ..options };
    Some(tried(&crashes, disturbance, &options).expect("tried").violations)
}

/// The same for kills of a client with this line of shell after it, in which `$root` is the machine and `$code` how the
/// client ended.
fn found(after: &str) -> Option<Vec<String>> {
    let root = r#"for word; do case $before in --root) root=$word; esac; before=$word; done"#;
    let lines = format!("\"CLIENT\" \"$@\"; code=$?\n{root}\n{after}\nexit $code");
    found_in(&lines, Disturbance::Kill, Options { every: 100, ..Options::default() })
}

/// The same for errors at system calls, with a line that changes `$code` and what the client `$told`.
fn found_by_errors(after: &str) -> Option<Vec<String>> {
    let lines = format!("told=$(\"CLIENT\" \"$@\"); code=$?\n{after}\nprintf '%s\\n' \"$told\"\nexit $code");
    let options = Options { every: 40, per_kind: Some(1), ..Options::default() };
    found_in(&lines, Disturbance::Error, options)
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
    let Some(violations) = found(r#"[ $code -le 128 ] || rm -rf "$root/.stateless-update/previous/bin""#) else {
        return;
    };
    assert!(violations.iter().any(|told| told.contains("kept for a rollback has changed")), "{violations:?}");
}

#[test]
fn an_honest_client_passes_errors() {
    let Some(violations) = found_by_errors("") else { return };
    assert!(violations.is_empty(), "{violations:?}");
}

#[test]
fn a_failure_with_an_exit_code_of_its_own_is_found() {
    let change = r#"told=$(printf '%s\n' "$told" | sed 's/"exit_code":[0-9]*/"exit_code":1/')"#;
    let Some(violations) = found_by_errors(&format!("[ $code = 0 ] || {{ code=1; {change}; }}")) else { return };
    assert!(violations.iter().any(|told| told.contains("exit code 1")), "{violations:?}");
}

#[test]
fn a_failure_that_is_told_as_success_is_found() {
    let change =
        r#"told=$(printf '%s\n' "$told" | sed 's/"exit_code":[0-9]*/"exit_code":0/; s/"ok":false/"ok":true/')"#;
    let Some(violations) = found_by_errors(&format!("[ $code = 0 ] || {{ code=0; {change}; }}")) else { return };
    assert!(violations.iter().any(|told| told.contains("success was told")), "{violations:?}");
}
