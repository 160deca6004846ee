//! Publications that must not be believed: exit code 4, and nothing changed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use xtask::programs::Server;
use xtask::publication::Publication;

use crate::machine::{Machine, error};
use crate::world::{copy, release, world};

/// A copy of the publication with something changed, and its server.
fn changed(change: impl Fn(&Path)) -> (tempfile::TempDir, Server) {
    let directory = world().directory();
    let copied = directory.path().join("publication");
    copy(&world().publication.path, &copied);
    change(&copied);
    let server = world().programs.serve(&copied).expect("a server");
    (directory, server)
}

/// The metadata files of a role, such as `timestamp.json` or `3.targets.json`.
fn metadata(publication: &Path, role: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(publication.join("metadata")).expect("metadata");
    let paths = entries.map(|entry| entry.expect("entry").path());
    let found: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(&format!("{role}.json"))).collect();
    assert!(!found.is_empty(), "no metadata of {role}");
    found
}

fn edit(path: &Path, change: impl Fn(&mut Value)) {
    let text = fs::read_to_string(path).expect("metadata is read");
    let mut document = serde_json::from_str(&text).expect("JSON");
    change(&mut document);
    fs::write(path, document.to_string()).expect("metadata is written");
}

/// Refused by a machine that has seen the sound publication, and by one that has seen nothing.
fn refused(server: &Server) {
    let machine = Machine::installed(10, &[]);
    machine.refuses(4, ["update", "--url", &server.url]);
    machine.refuses(4, ["bundle-add", "editors", "--url", &server.url]);
    refused_at_first_sight(server);
}

/// Refused by a machine that has seen nothing. One that has seen the same timestamp before never asks for what it names.
fn refused_at_first_sight(server: &Server) {
    let empty = Machine::empty();
    assert_eq!(empty.install(&server.url, 20, &[]).code, 4);
    assert!(!empty.path("usr").exists());
}

/// What the owner gave may be the wrong thing, and nobody's damage.
#[test]
fn a_root_of_another_publication_is_told_as_such() {
    let directory = world().directory();
    let other = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let trust = other.trust().display().to_string();
    let refused = Machine::empty().refuses(4, ["os-install", "--url", &world().server.url, "--trust", &trust]);
    let error = error(&refused).expect("an error");
    assert!(error["message"].to_string().contains("is not signed by its keys"), "{error}");
    assert!(error["hint"].to_string().contains("--trust"), "{error}");
}

#[test]
fn unsigned() {
    for role in ["timestamp", "snapshot", "targets"] {
        let unsign = |publication: &Path| {
            for path in metadata(publication, role) {
                edit(&path, |document| document["signatures"] = Value::Array(Vec::new()));
            }
        };
        let (_directory, server) = changed(unsign);
        refused_at_first_sight(&server);
        if role == "timestamp" {
            refused(&server);
        }
    }
}

#[test]
fn changed_after_signing() {
    for role in ["timestamp", "snapshot", "targets"] {
        let forge = |publication: &Path| {
            for path in metadata(publication, role) {
                edit(&path, |document| document["signed"]["expires"] = "2099-01-01T00:00:00Z".into());
            }
        };
        let (_directory, server) = changed(forge);
        refused_at_first_sight(&server);
        if role == "timestamp" {
            refused(&server);
        }
    }
}

#[test]
fn signed_by_others() {
    let directory = world().directory();
    let programs = &world().programs;
    let foreign = Publication::init(programs, directory.path(), None).expect("a publication");
    release(programs, &foreign, &world().trees, 10);
    release(programs, &foreign, &world().trees, 20);
    refused(&programs.serve(&foreign.path).expect("a server"));
}

#[test]
fn expired() {
    let directory = world().directory();
    let programs = &world().programs;
    // Late in 2023, after the times in the trees: timestamp and snapshot have expired since.
    let old = Publication::init(programs, directory.path(), Some(1_700_100_000)).expect("a publication");
    release(programs, &old, &world().trees, 10);
    let server = programs.serve(&old.path).expect("a server");
    let machine = Machine::empty();
    let trust = old.trust();
    let install = ["os-install", "--url", &server.url, "--trust", trust.to_str().expect("UTF-8")];
    assert_eq!(machine.client(install).code, 4);
    assert!(!machine.path("usr").exists());
    machine.client(install.iter().chain(&["--ignore-time"])).success().expect("expiry is all that was wrong");
    machine.assert_holds(10, &[]);
}

#[test]
fn older_than_what_was_seen() {
    let machine = Machine::installed(20, &[]);
    machine.refuses(4, ["update", "--url", &world().server_before.url]);
}

#[test]
fn a_rollback_of_the_tree_does_not_roll_back_trust() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["update"]);
    machine.succeeds(["rollback"]);
    machine.refuses(4, ["update", "--url", &world().server_before.url]);
}

#[test]
fn a_floor_that_cannot_be_read_is_an_error_and_never_no_floor() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["update"]);
    let remembered = machine.path(".stateless-update/trust/release.json");
    let good = fs::read(&remembered).expect("remembered");
    let flipped = [&[good[0] ^ 0x80], &good[1..]].concat();
    for damaged in [Vec::new(), good[..good.len() / 2].to_vec(), vec![0; good.len()], flipped] {
        fs::write(&remembered, damaged).expect("written");
        let refused = machine.refuses(4, ["rollback"]);
        assert!(error(&refused).expect("an error").to_string().contains("release.json"), "{}", refused.told());
    }
    // The next look brings it again.
    assert_eq!(machine.client(["check-update"]).code, 1, "nothing is newer");
    assert_eq!(fs::read(&remembered).expect("remembered"), good);
    machine.succeeds(["rollback"]);
    machine.assert_holds(10, &[]);
}

/// What the TUF conformance suite asks for, on a publication of ours.
#[test]
fn the_verbs_of_the_conformance_suite() {
    let (machine, server) = (Machine::empty(), &world().server);
    let (trusted, targets) = (machine.path("trusted"), machine.path("targets"));
    std::fs::create_dir(&trusted).expect("a directory");
    std::fs::create_dir(&targets).expect("a directory");
    let trust = world().publication.trust();
    let metadata = format!("{}metadata/", server.url);
    let run = |verb: &[&str]| {
        let places = [("--metadata-dir", &trusted), ("--target-dir", &targets)];
        let mut arguments = vec!["tuf-client", "--metadata-url", &metadata, "--target-base-url", &server.url];
        arguments.extend(places.iter().flat_map(|(name, path)| [*name, path.to_str().expect("UTF-8")]));
        machine.client(arguments.iter().chain(verb)).code
    };
    let shown = |name: &str| std::fs::read(trusted.join(name)).ok();
    assert_eq!(run(&["refresh"]), 1, "there is no root yet");
    assert_eq!(run(&["init", trust.to_str().expect("UTF-8")]), 0);
    assert_eq!(run(&["refresh"]), 0);
    let timestamp = std::fs::read(world().publication.path.join("metadata/timestamp.json")).expect("there");
    assert_eq!((shown("timestamp.json"), shown("root.json")), (Some(timestamp), std::fs::read(&trust).ok()));
    assert_eq!(run(&["--target-name", "releases/10.json", "download"]), 1, "only the newest is a target");
    assert_eq!(std::fs::read_dir(&targets).expect("listed").count(), 0);
    assert_eq!(run(&["--target-name", "releases/20.json", "download"]), 0);
    assert_eq!(std::fs::read_dir(&targets).expect("listed").count(), 1);
}
