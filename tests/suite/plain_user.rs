//! Runs by somebody who is not root, on a root of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use xtask::judge::compares_owners;
use xtask::programs::Outcome;
use xtask::publication::Publication;
use xtask::trees::Trees;

use crate::config::write;
use crate::machine::{Machine, checked, warned};
use crate::world::{release, skipped, world};

const NOBODY: &str = "65534";

/// Makes a path and all beneath it that user's.
fn give(user: &str, path: &Path) {
    let owned = Command::new("chown").args(["-R", &format!("{user}:{user}")]).arg(path).status();
    assert!(owned.expect("chown starts").success());
}

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
        give(NOBODY, machine.root.parent().expect("a directory"));
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
    let export = own.machine.path("os.tar").display().to_string();
    for command in [
        &["status"][..],
        &["mirror"],
        &["update"],
        &["update", "--dry-run"],
        &["bundle-add", "editors", "--dry-run"],
        &["bundle-info", "editors", "--version", "20"],
        &["config", "diff", "--to", "20"],
        &["explain", "usr/bin/hello"],
        &["export", &export],
        &["rollback", "--dry-run"],
    ] {
        let refused = checked(world().programs.client_within(&own.prefix, &machine.root, command).expect("started"));
        assert_eq!(refused.code, 5, "{command:?}: {}", refused.told());
        let told = refused.told();
        assert!(["user with number 0", "run it as root"].iter().all(|part| told.contains(part)), "{command:?}: {told}");
    }
    let seen = world().programs.client_within(&own.prefix, &machine.root, ["bundle-list"]).expect("started");
    assert!(!warned(&checked(seen).success().expect("everybody may see it"), "no mirror is used"));
}

/// Some distributions ship directories in which not even their owner may write. Those of the tree that is brought forward must
/// be changed all the same.
#[test]
fn directories_that_are_read_only_are_brought_forward() {
    let Some(own) = Own::new() else {
        return skipped("a plain user", "nobody may not start the programs here");
    };
    let directory = world().directory();
    let (definitions, versions) = (directory.path().join("definitions"), directory.path().join("trees"));
    write(&definitions.join("os-core.toml"), "title = \"core\"\n");
    let trees = Trees { definitions, versions, releases: [10, 20] };
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let set_mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    set_mode(directory.path(), 0o755);
    for version in [10, 20] {
        let inner = trees.of(version).join("os-core/usr/bin");
        write(&inner.join(format!("tool-{version}")), &format!("release {version}"));
        set_mode(&inner, 0o555);
        release(&world().programs, &publication, &trees, version);
        set_mode(&inner, 0o755);
    }
    let (url, trust) = (publication.path.display().to_string(), publication.trust().display().to_string());
    let done =
        |arguments: &[&str]| own.client(arguments).success().unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"));
    done(&["os-install", "--url", &url, "--trust", &trust, "--version", "10"]);
    for version in ["20", "10", "20", "10"] {
        done(&["update", "--version", version]);
        done(&["diagnose"]);
    }
}

/// What is somebody else's in `/var` may be neither listed nor removed.
#[test]
fn a_factory_reset_leaves_what_it_may_not_enter_and_nothing_else() {
    let Some(own) = Own::new().filter(|own| !own.prefix.is_empty()) else {
        return skipped("a factory reset by a plain user", "it takes root, and nobody who may start the programs");
    };
    let (url, trust) = (&world().server.url, world().publication.trust().display().to_string());
    own.client(&["os-install", "--url", url, "--trust", &trust, "--version", "10"]).success().expect("installed");
    for path in ["etc/file", "var/lib/ours/file", "var/lib/theirs/file", "var/z/file"] {
        write(&own.machine.path(path), "");
    }
    give(NOBODY, &own.machine.root);
    let theirs = own.machine.path("var/lib/theirs");
    give("0", &theirs);
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o700)).expect("set");
    let preview = own.client(&["factory-reset", "--preview"]);
    assert!(warned(&preview, "var/lib/theirs"), "{}", preview.told());
    let kept = preview.success().expect("a preview fails at nothing").result["kept"].clone();
    assert_eq!(kept, serde_json::json!(["/var/lib/theirs"]));
    let reset = own.client(&["factory-reset"]);
    assert_eq!(reset.code, 5, "{}", reset.told());
    assert!(warned(&reset, "var/lib/theirs"), "{}", reset.told());
    let there =
        ["etc/file", "var/lib/ours", "var/lib/theirs/file", "var/z"].map(|path| own.machine.path(path).exists());
    assert_eq!(there, [false, false, true, false]);
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

/// What he may not read is that program's alone.
#[test]
fn a_plain_user_is_told_of_the_configuration_that_he_may_not_read() {
    let Some(own) = Own::new() else {
        return skipped("a plain user", "nobody may not start the programs here");
    };
    let trust = world().publication.trust();
    let install = ["os-install", "--url", &world().server.url, "--version", "10", "--trust"];
    own.client(&[&install[..], &[trust.to_str().expect("a text")]].concat()).success().expect("installed");
    for (program, files) in [("closed", "[s]\na=1\n"), ("open", "[s]\na=1\n")] {
        write(&own.machine.path(&format!("usr/share/defaults/{program}/.overlay.toml")), "model = \"ini\"\n");
        write(&own.machine.path(&format!("etc/{program}/{program}.conf")), files);
    }
    if !own.prefix.is_empty() {
        give(NOBODY, &own.machine.root);
    }
    let closed = own.machine.path("etc/closed/closed.conf");
    fs::set_permissions(closed, fs::Permissions::from_mode(0o000)).expect("set");
    let seen =
        |arguments: &[&str]| own.client(arguments).success().unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"));
    let listed = seen(&["config", "list"]).result;
    let row = listed["apps"].as_array().expect("apps").iter().find(|app| app["name"] == "closed").expect("a row");
    assert!(row["error"].as_str().expect("why").contains("Permission denied"), "{row}");
    let diff = seen(&["config", "diff"]);
    assert_eq!(diff.result["changes"].as_array().map(Vec::len), Some(1));
    let saved = own.machine.path("overrides.tar");
    let saved = seen(&["config", "save", saved.to_str().expect("a text")]);
    assert_eq!(saved.result["paths"], serde_json::json!(["/etc/open/open.conf"]));
    for outcome in [&diff, &saved, &seen(&["config", "check"]), &seen(&["config", "redundant"])] {
        assert!(warned(outcome, "closed"), "{}", outcome.told());
    }
    for named in [&["config", "diff", "closed"][..], &["config", "check", "closed"], &["config", "show", "closed"]] {
        assert_eq!(own.client(named).code, 5, "{named:?}");
    }
}
