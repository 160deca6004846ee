//! A publication whose publisher has dropped old releases: what machines at these can still do, and what they are told.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use xtask::crash::can_trace;
use xtask::programs::{Outcome, Server};

use crate::machine::{Machine, checked, error, signalled, warned};
use crate::world::{copy, skipped, world};

/// A copy of the publication that has release 20 alone, and its server.
struct Pruned {
    path: PathBuf,
    server: Server,
    _directory: tempfile::TempDir,
}

impl Pruned {
    fn new() -> Self {
        let directory = world().directory();
        let path = directory.path().join("publication");
        copy(&world().publication.path, &path);
        let told = publish(&["prune", &path.display().to_string(), "--keep", "1"]).success().expect("pruned").result;
        assert_eq!((&told["kept"], &told["dropped"]), (&json!([20]), &json!([10])));
        Self { server: world().programs.serve(&path).expect("a server"), path, _directory: directory }
    }

    fn path(&self) -> String {
        self.path.display().to_string()
    }
}

fn publish(line: &[&str]) -> Outcome {
    let output = world().programs.publish(line.iter().chain(&["--json"]), None).expect("it starts");
    checked(Outcome::of(output).expect("the contract of --json is kept"))
}

#[test]
fn a_machine_at_a_dropped_release_updates_as_before() {
    let pruned = Pruned::new();
    let checked = publish(&["check", &pruned.path()]).success().expect("it is whole").result;
    assert_eq!((&checked["oldest"], &checked["unreferenced"]), (&json!(20), &json!([])));
    let machine = Machine::installed(10, &["editors"]);
    let there = machine.twin().succeeds(["update"]);
    let here = machine.succeeds(["update", "--url", &pruned.server.url]);
    assert!(!warned(&here, ""), "{:?}", here.events);
    assert_eq!(here.number("requests"), there.number("requests"));
    // The timestamp of this copy was not seen before.
    let more = here.number("download_bytes").checked_sub(there.number("download_bytes")).expect("not less");
    assert!(more < 1024, "{more} bytes");
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn what_needs_a_dropped_release_is_refused_and_told_why() {
    let pruned = Pruned::new();
    let url = &pruned.server.url;
    let told = |outcome: &Outcome| error(outcome).expect("an error").to_string();
    let empty = Machine::empty();
    let install = empty.install(url, 10, &[]);
    assert_eq!(install.code, 3);
    assert!(told(&install).contains("no origin has the document of release 10 any more"), "{}", told(&install));
    assert!(told(&install).contains("may have dropped it"), "{}", told(&install));

    let machine = Machine::installed(10, &[]);
    fs::remove_file(machine.path("usr/bin/sshd")).expect("removed");
    let refused = machine.refuses(3, ["repair", "--url", url]);
    assert!(told(&refused).contains("`update` goes to the newest"), "{}", told(&refused));
    machine.succeeds(["update", "--url", url]);
    machine.assert_holds(20, &[]);
}

#[test]
fn a_pruned_publication_is_exported_as_it_is() {
    let pruned = Pruned::new();
    let file = pruned.path.with_extension("tar").display().to_string();
    let machine = Machine::installed(10, &[]);
    let exported = machine.client(["export", &file, "--url", &pruned.server.url]).success().expect("exported");
    assert!(warned(&exported, "release 10 any more, so it is not in the file"), "{:?}", exported.events);
    machine.succeeds(["update", "--url", &file]);
    machine.assert_holds(20, &[]);
}

/// The machine has the document of its own release.
#[test]
fn the_next_step_of_a_machine_at_a_dropped_release_is_exported() {
    let pruned = Pruned::new();
    let file = pruned.path.with_extension("step.tar").display().to_string();
    let machine = Machine::installed(10, &["editors"]);
    let export = ["export", &file, "--this-machine", "--url", &pruned.server.url];
    let exported = machine.client(export).success().expect("exported").result;
    assert_eq!((&exported["from"], &exported["to"]), (&json!(10), &json!(20)));
    let update = machine.succeeds(["update", "--url", &file]);
    assert!(!warned(&update, ""), "{:?}", update.events);
    machine.assert_holds(20, &["editors"]);
}

/// Where the record is damaged, too, only a newer release helps.
#[test]
fn a_machine_whose_manifest_nobody_has_any_more_updates() {
    let pruned = Pruned::new();
    let machine = Machine::installed(10, &[]);
    for found in fs::read_dir(machine.path("usr/share/stateless-update/manifests")).expect("a directory") {
        fs::write(found.expect("an entry").path(), "damaged").expect("written");
    }
    let update = machine.succeeds(["update", "--url", &pruned.server.url]);
    assert!(warned(&update, "the manifest of bundle os-core is lost"), "{:?}", update.events);
    machine.assert_holds(20, &[]);
}

/// The word is there before the first file is gone, so a run that is cut off leaves a whole publication.
#[test]
fn a_killed_run_is_gone_on_with() {
    if !can_trace() {
        return skipped("a_killed_run_is_gone_on_with", "`strace` is not installed or may not trace");
    }
    for (call, time) in [("renameat", 1), ("unlink", 1), ("unlink", 7), ("rmdir", 2)] {
        let directory = world().directory();
        let path = directory.path().join("publication");
        copy(&world().publication.path, &path);
        let site = path.display().to_string();
        let killed_at = signalled("KILL", call, time);
        let mut killed = Command::new(&killed_at[0]);
        killed.args(&killed_at[1..]).arg(&world().programs.publish).args(["prune", &site, "--keep", "1", "--quiet"]);
        assert!(!killed.status().expect("strace starts").success(), "{call} {time} comes");
        let says_so = path.join("releases/oldest.json").exists();
        assert_eq!(says_so, call != "renameat", "{call} {time}");
        publish(&["check", &site]).success().unwrap_or_else(|error| panic!("{call} {time}: {error:#}"));
        publish(&["prune", &site, "--keep", "1"]).success().expect("gone on with");
        let checked = publish(&["check", &site]).success().expect("it is whole").result;
        assert_eq!((&checked["oldest"], &checked["unreferenced"]), (&json!(20), &json!([])), "{call} {time}");
    }
}
