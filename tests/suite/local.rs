//! What lies on a machine and should not: links that lead out, names that are taken, a strange environment, signals.
//!
//! Beside the root lies a directory that nobody may touch; whatever is planted points to it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use xtask::crash::can_trace;
use xtask::judge::Tree;
use xtask::programs::Outcome;
use xtask::publication::{Input, Publication};

use crate::machine::{Machine, assert_equal, checked, signalled};
use crate::world::{copy, skipped, world};

const BUNDLES: &[&str] = &["openstack-compute"];

/// A machine at release 10 that has all three trees, and something outside of it.
struct Site {
    machine: Machine,
    outside: PathBuf,
    before: Tree,
}

impl Site {
    fn new() -> Self {
        let machine = Machine::installed(10, BUNDLES);
        machine.succeeds(["update"]);
        machine.succeeds(["update", "--version", "10"]);
        let outside = machine.root.parent().expect("it lies in a directory").join("outside");
        fs::create_dir_all(outside.join("share")).expect("directories");
        fs::write(outside.join("share/precious"), "precious").expect("written");
        let before = Tree::read(&outside).expect("read");
        Self { machine, outside, before }
    }

    /// Nothing outside was touched.
    fn assert_kept_inside(&self) {
        assert_equal(&self.before, &Tree::read(&self.outside).expect("read"));
    }

    /// Nothing outside was touched, and the tree is one of the two releases.
    fn assert_whole(&self) {
        self.assert_kept_inside();
        let found = Tree::of_machine(&self.machine.root).expect("read");
        let is = |release| world().trees.expected(release, BUNDLES).expect("trees").differences(&found).is_empty();
        assert!(is(10) || is(20), "neither release");
    }

    /// Runs an update behind that prefix.
    fn update(&self, prefix: &[&str]) -> Outcome {
        checked(world().programs.client_within(prefix, &self.machine.root, ["update"]).expect("--json is kept"))
    }
}

#[test]
fn links_that_are_planted_beside_the_trees_lead_nowhere() {
    for name in ["next", "previous", "store", "trust", "journal", "fingerprints", "lock"] {
        for to in ["../../outside", "../../outside/share/precious", "/dev/null"] {
            let site = Site::new();
            let planted = site.machine.path(".stateless-update").join(name);
            if planted.is_dir() {
                fs::remove_dir_all(&planted).expect("removed");
            } else if planted.exists() {
                fs::remove_file(&planted).expect("removed");
            }
            symlink(to, &planted).expect("planted");
            let outcome = site.update(&[]);
            assert!([0, 4, 5].contains(&outcome.code), "{name} -> {to}: {}", outcome.told());
            site.assert_whole();
        }
    }
}

#[test]
fn names_that_are_taken_beforehand_lead_nowhere() {
    let site = Site::new();
    let home = site.machine.path(".stateless-update");
    for name in ["journal.new", "fingerprints.new", ".trust.scratch-taken", "busy-1"] {
        symlink("../../outside/share", home.join(name)).expect("planted");
    }
    fs::create_dir_all(home.join("store")).expect("a store");
    for name in ["blob", "block", "incoming-1", ".incoming"] {
        symlink("../../../outside/share", home.join("store").join(name)).expect("planted");
    }
    let outcome = site.update(&[]);
    assert!([0, 5].contains(&outcome.code), "{}", outcome.told());
    site.assert_whole();
}

/// Somebody swaps a directory of the tree that is staged for a link, again and again.
#[test]
fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
    let site = Site::new();
    let next = site.machine.path(".stateless-update/next");
    let goes_on = Arc::new(());
    let watched = Arc::downgrade(&goes_on);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (place, aside) = (next.join("bin"), next.join("aside"));
            while watched.strong_count() > 0 {
                // Whatever of this fails comes too late or too early.
                if fs::rename(&place, &aside).is_ok() {
                    _ = symlink("../../../outside/share", &place);
                    _ = fs::remove_file(&place);
                    _ = fs::rename(&aside, &place);
                }
            }
        });
        // Dropped at the end, also at one by a failed assertion.
        let _goes_on = goes_on;
        for command in ["update", "rollback", "update", "rollback", "update", "rollback"] {
            let outcome = site.machine.client([command]);
            assert!([0, 4, 5].contains(&outcome.code), "{command}: {}", outcome.told());
            site.assert_kept_inside();
        }
    });
    // Whoever may write there may also take a directory away in the very moment of the exchange: the live tree is as
    // wrong then as if it had been written to. What it should be is known.
    site.machine.succeeds(["repair"]);
    site.assert_whole();
}

#[test]
fn a_strange_environment_changes_nothing() {
    let umask = |mask: &'static str| vec!["sh", "-c", mask, "sh"];
    let proxies =
        ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"].map(|name| format!("{name}=http://127.0.0.1:1"));
    let mut hostile = vec!["env", "TMPDIR=/nowhere", "HOME=/nowhere", "TZ=../../../etc/passwd", "LC_ALL=xx_XX.nothing"];
    hostile.extend(proxies.iter().map(String::as_str));
    for prefix in [umask(r#"umask 0777; exec "$@""#), umask(r#"umask 0; exec "$@""#), hostile] {
        let site = Site::new();
        let outcome = site.update(&prefix);
        assert_eq!(outcome.code, 0, "{prefix:?}: {}", outcome.told());
        site.machine.assert_holds(20, BUNDLES);
        site.assert_whole();
    }
}

#[test]
fn a_signal_ends_a_run_and_the_next_goes_on() {
    if !can_trace() {
        return skipped("a_signal_ends_a_run", "`strace` is not installed or may not trace");
    }
    // A hang-up is left to the system, of which 128 tells here; or `timeout`, within which the client runs, says it as a number.
    for (signal, own) in [("TERM", &[143][..]), ("HUP", &[128, 129]), ("INT", &[130])] {
        let mut codes = Vec::new();
        for (call, time) in [("openat", 40), ("linkat", 3), ("renameat2", 1), ("syncfs", 2)] {
            let site = Site::new();
            let prefix = signalled(signal, call, time);
            let output = world().programs.client_output(&prefix, &site.machine.root, &["update"]).expect("started");
            // It came too late, before the run listens, or in time.
            let known = [0, 128].contains(&output.code) || own.contains(&output.code);
            assert!(known, "{signal} at {call}: {} {}", output.code, output.stderr);
            codes.push(output.code);
            // A run that is not ended before it listens, nor hung up, has a result like any other.
            if ![128, 129].contains(&output.code) {
                checked(Outcome::of(output).expect("events and a result"));
            }
            site.assert_whole();
            site.machine.succeeds(["update"]);
            site.machine.assert_holds(20, BUNDLES);
        }
        assert!(codes.iter().any(|code| own.contains(code)), "{signal}: {codes:?}");
    }
}

#[test]
fn a_signal_that_a_shell_has_ignored_ends_nothing() {
    if !can_trace() {
        return skipped("a_signal_that_a_shell_has_ignored", "`strace` is not installed or may not trace");
    }
    for (ignored, code) in [("''", 0), ("-", 130)] {
        let site = Site::new();
        let mut prefix = signalled("INT", "linkat", 3);
        prefix.extend(["sh", "-c", &format!(r#"trap {ignored} INT; exec "$@""#), "sh"].map(str::to_owned));
        let outcome = world().programs.client_within(&prefix, &site.machine.root, ["update"]).expect("--json is kept");
        assert_eq!(outcome.code, code, "{}", outcome.told());
        site.assert_whole();
    }
}

#[test]
fn a_file_that_cannot_be_linked_is_told_or_gone_around() {
    let site = Site::new();
    let file = site.machine.path("usr/bin/hello");
    let set = |how: &str| Command::new("chattr").arg(how).arg(&file).status().is_ok_and(|status| status.success());
    if !set("+i") {
        return skipped("a_file_that_cannot_be_linked", "`chattr` or the file system does not make files immutable");
    }
    let outcome = site.update(&[]);
    // Before anything is compared: a file that stays immutable could not even be removed.
    let mut free = Command::new("find");
    free.arg(&site.machine.root).args(["-type", "f", "-name", "hello", "-exec", "chattr", "-i", "{}", "+"]);
    let freed = free.status();
    assert!(freed.is_ok_and(|status| status.success()));
    assert!([0, 5].contains(&outcome.code), "{}", outcome.told());
    site.assert_whole();
    site.machine.succeeds(["update"]);
    site.machine.assert_holds(20, BUNDLES);
}

/// Names that differ in case or in how Unicode spells them are different names.
#[test]
fn twins_are_two_files() {
    let directory = world().directory();
    let trees = directory.path().join("trees");
    copy(&world().trees.of(10), &trees);
    let place = trees.join("os-core/usr/share/twins");
    fs::create_dir(&place).expect("a directory");
    for name in ["twin", "Twin", "TWIN", "caf\u{e9}", "cafe\u{301}", "\u{212a}", "K"] {
        fs::write(place.join(name), name).expect("written");
    }
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let input = Input { version: 10, definitions: &world().trees.definitions, trees: &trees };
    publication.release(&world().programs, input, &[]).and_then(|output| output.success()).expect("published");
    let (machine, trust) = (Machine::empty(), publication.trust());
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    machine.succeeds(["os-install", "--url", &path(&publication.path), "--trust", &path(&trust)]);
    let expected = Tree::expected(&trees, &["os-core"]).expect("read");
    assert_equal(&expected, &Tree::of_machine(&machine.root).expect("read"));
}
