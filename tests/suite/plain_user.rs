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
fn a_machine_of_somebody_else_is_told_as_such() {
    let Some(own) = Own::new().filter(|own| !own.prefix.is_empty()) else {
        return skipped("somebody else's machine", "it takes root, and nobody who may start the programs");
    };
    let machine = Machine::installed(10, &[]);
    let above = machine.root.parent().expect("a directory");
    assert!(Command::new("chmod").arg("755").arg(above).status().expect("chmod starts").success());
    machine.succeeds(["mirror", "--set", &world().server.url]);
    for command in ["status", "mirror", "update"] {
        let refused = checked(world().programs.client_within(&own.prefix, &machine.root, [command]).expect("started"));
        assert_eq!(refused.code, 5, "{command}: {}", refused.told());
        assert!(["user with number 0", "run it as root"].iter().all(|part| refused.told().contains(part)), "{command}");
    }
    let seen = world().programs.client_within(&own.prefix, &machine.root, ["bundle-list"]).expect("started");
    assert!(!warned(&checked(seen).success().expect("everybody may see it"), "no mirror is used"));
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
