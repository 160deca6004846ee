//! A bundle with so many changed files of its own that its part of a step is a pack of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use xtask::judge::Tree;
use xtask::programs::{Outcome, Server};
use xtask::publication::{Input, Publication};

use crate::machine::{Machine, assert_equal};
use crate::world::{copy, world};

/// More than a pack of its own takes.
const FILES: usize = 1600;
const OWN: &str = "packs/1-2/bundles/modules";

/// Releases 1 and 2 of the small OS with a bundle `modules`, all files of which change. Never changed by any test.
static PUBLISHED: LazyLock<(Publication, PathBuf)> = LazyLock::new(|| {
    let directory = world().directory().keep();
    let publication = Publication::init(&world().programs, &directory, None).expect("a publication");
    let definitions = directory.join("definitions");
    copy(&world().trees.definitions, &definitions);
    fs::write(definitions.join("modules.toml"), "title = \"Modules\"\ndescription = \"Many files\"\n")
        .expect("written");
    for release in 1..=2 {
        let trees = directory.join(release.to_string());
        copy(&world().trees.of(10), &trees);
        fill(&trees, release);
        let input = Input { version: release, definitions: &definitions, trees: &trees };
        let released = publication.release(&world().programs, input, &[]).expect("the publisher starts");
        released.success().expect("published");
    }
    (publication, directory)
});

/// The bundle `modules`, and one changed file of the core.
fn fill(trees: &Path, release: u32) {
    let modules = trees.join("modules/usr/modules");
    fs::create_dir_all(&modules).expect("directories");
    for number in 0..FILES {
        let text = format!("module {number} of a small system, release {release}\n");
        fs::write(modules.join(format!("{number:04}.ko")), text).expect("written");
    }
    // Directories are as old in both releases, and as the core has them.
    let core = trees.join("os-core/usr");
    for change in ["chown", "chmod", "touch"] {
        let reference = format!("--reference={}", core.display());
        let directories = [&modules, &trees.join("modules/usr")];
        assert!(Command::new(change).arg(reference).args(directories).status().expect("started").success());
    }
    fs::write(core.join("bin/ping"), format!("program of release {release}\n")).expect("written");
}

/// A copy of the publication that may be spoilt, served, and a machine at release 1 with these bundles.
fn trial(bundles: &[&str]) -> (tempfile::TempDir, Server, Machine) {
    let directory = world().directory();
    copy(&PUBLISHED.0.path, &directory.path().join("publication"));
    let server = world().programs.serve(&directory.path().join("publication")).expect("a server");
    let (machine, trust) = (Machine::empty(), PUBLISHED.0.trust());
    let mut line =
        vec!["os-install", "--version", "1", "--url", &server.url, "--trust", trust.to_str().expect("UTF-8")];
    line.extend(bundles.iter().flat_map(|bundle| ["--bundle", bundle]));
    machine.client(line).success().expect("installed");
    (directory, server, machine)
}

fn assert_is_newest(machine: &Machine, bundles: &[&str]) {
    let expected = Tree::expected(&PUBLISHED.1.join("2"), bundles).expect("the published trees are read");
    assert_equal(&expected, &Tree::of_machine(&machine.root).expect("the machine's tree is read"));
}

fn warnings(outcome: &Outcome) -> Vec<&Value> {
    outcome.events.iter().filter(|event| event["event"] == "warning").collect()
}

#[test]
fn who_has_the_bundle_takes_both_packs() {
    let (_directory, _server, machine) = trial(&["modules"]);
    let dry = machine.succeeds(["update", "--dry-run"]);
    let update = machine.succeeds(["update"]);
    assert_is_newest(&machine, &["os-core", "modules"]);
    assert_eq!(warnings(&update), Vec::<&Value>::new());
    assert_eq!(dry.number("requests"), update.number("requests"));
    assert!(update.number("requests") < 15, "by packs: {}", update.told());
}

#[test]
fn who_has_it_not_never_asks_for_its_pack() {
    let (directory, _server, machine) = trial(&[]);
    fs::remove_file(directory.path().join("publication").join(OWN)).expect("there is one");
    let update = machine.succeeds(["update"]);
    assert_is_newest(&machine, &["os-core"]);
    assert_eq!(warnings(&update), Vec::<&Value>::new());
}

#[test]
fn without_its_pack_the_rest_of_the_step_is_used() {
    let (directory, _server, machine) = trial(&["modules"]);
    fs::remove_file(directory.path().join("publication").join(OWN)).expect("there is one");
    let update = machine.succeeds(["update"]);
    assert_is_newest(&machine, &["os-core", "modules"]);
    assert!(warnings(&update).iter().any(|warning| warning.to_string().contains(OWN)), "{:?}", update.events);
}
