//! Runs by somebody who is not root, on a root of their own.

use std::process::Command;

use xtask::judge::compares_owners;
use xtask::programs::Outcome;

use crate::machine::{Machine, checked, warned};
use crate::world::{skipped, world};

const NOBODY: &str = "65534";

/// A machine of a plain user, who is the one that runs this or else nobody.
struct Own {
    machine: Machine,
    prefix: Vec<String>,
}

impl Own {
    /// None when nobody may not get at the programs.
    fn new() -> Option<Self> {
        let machine = Machine::empty();
        if !compares_owners() {
            return Some(Self { machine, prefix: Vec::new() });
        }
        let above = machine.root.parent().expect("a directory");
        let owned = Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(above).status();
        assert!(owned.expect("chown starts").success());
        let user = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
        let can = Command::new("setpriv").args(user).arg(&world().programs.update).arg("--version").output();
        let prefix = ["setpriv"].into_iter().chain(user).map(str::to_owned).collect();
        can.is_ok_and(|output| output.status.success()).then_some(Self { machine, prefix })
    }

    fn client(&self, arguments: &[&str]) -> Outcome {
        let outcome = world().programs.client_within(&self.prefix, &self.machine.root, arguments);
        checked(outcome.expect("the contract of --json is kept"))
    }
}

#[test]
fn a_plain_user_is_warned_where_something_changes_and_nowhere_else() {
    let Some(own) = Own::new() else {
        return skipped("a plain user", "nobody may not start the programs here");
    };
    let trust = world().publication.trust();
    let install = ["os-install", "--url", &world().server.url, "--version", "10", "--trust"];
    let warns = |arguments: &[&str]| {
        let outcome = own.client(arguments).success().unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"));
        warned(&outcome, "not run by root")
    };
    assert!(warns(&[&install[..], &[trust.to_str().expect("a text")]].concat()));
    for look in [
        &["info"][..],
        &["check-update"],
        &["bundle-list", "--all"],
        &["bundle-info", "editors"],
        &["search", "editor"],
        &["diagnose"],
        &["status"],
        &["history"],
        &["hashdump", "usr/bin/hello"],
        &["explain", "usr/bin/hello"],
        &["config", "list"],
        &["update", "--dry-run"],
        &["bundle-add", "editors", "--dry-run"],
        &["repair"],
        &["clean"],
        &["mirror"],
    ] {
        assert!(!warns(look), "{look:?}");
    }
    for change in [&["bundle-add", "editors"][..], &["update"]] {
        assert!(warns(change), "{change:?}");
    }
}
