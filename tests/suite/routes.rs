//! Machines that are several releases behind: over a chain of packs, around a missing one, and back and forth without
//! asking for what is on the machine already.

use std::fs;
use std::path::{Path, PathBuf};

use xtask::judge::Tree;
use xtask::programs::{Outcome, Server};
use xtask::publication::{Input, Publication};

use crate::machine::{Machine, assert_equal, figures};
use crate::world::{copy, world};

/// Releases 1 to 5 of a small OS whose every release changes one line of each of some long files.
struct Series {
    publication: Publication,
    directory: tempfile::TempDir,
}

const RELEASES: u32 = 5;

impl Series {
    /// Each release with packs from the one before only.
    fn new() -> Self {
        let directory = world().directory();
        let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
        let series = Self { publication, directory };
        for release in 1..=RELEASES {
            let trees = series.trees(release);
            copy(&world().trees.of(10), &trees);
            let texts = trees.join("os-core/usr/share/series");
            fs::create_dir(&texts).expect("a directory");
            for number in 0..4 {
                fs::write(texts.join(format!("text-{number}")), text(number, release)).expect("written");
            }
            let input = Input { version: release, definitions: &world().trees.definitions, trees: &trees };
            let released = series.publication.release(&world().programs, input, &["--deltas", "1"]);
            released.expect("the publisher starts").success().expect("published");
        }
        series
    }

    fn trees(&self, release: u32) -> PathBuf {
        self.directory.path().join(release.to_string())
    }

    fn serve(&self) -> Server {
        world().programs.serve(&self.publication.path).expect("a server")
    }

    /// A machine at release 1 that reads from there.
    fn machine(&self, url: &str) -> Machine {
        let (machine, trust) = (Machine::empty(), self.publication.trust());
        let trust = trust.to_str().expect("UTF-8");
        machine.succeeds(["os-install", "--version", "1", "--url", url, "--trust", trust]);
        machine
    }

    fn assert_holds(&self, machine: &Machine, release: u32) {
        let expected = Tree::expected(&self.trees(release), &["os-core"]).expect("the published trees are read");
        assert_equal(&expected, &Tree::of_machine(&machine.root).expect("the machine's tree is read"));
    }
}

/// 64 KiB that compress badly, with one line of that release.
fn text(number: u64, release: u32) -> Vec<u8> {
    let mut state = number + 1;
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'a' + (state >> 60) as u8
    })
    .take(64 << 10)
    .collect();
    bytes.splice(1000..1000, format!("\nrelease {release}\n").into_bytes());
    bytes
}

/// What an outcome asked for, as far as the plan tells: the bytes that came.
fn bytes(outcome: &Outcome) -> u64 {
    outcome.number("download_bytes")
}

#[test]
fn a_machine_behind_goes_along_the_packs() {
    let series = Series::new();
    let server = series.serve();
    let machine = series.machine(&server.url);
    let dry = machine.succeeds(["update", "--dry-run"]);
    let update = machine.succeeds(["update"]);
    series.assert_holds(&machine, RELEASES);
    assert_eq!(figures(&dry), figures(&update));
    // Four texts, each of which takes half of its bytes when it comes anew.
    assert!(bytes(&update) < 64 << 10, "{}", update.told());
}

#[test]
fn a_missing_pack_is_gone_around() {
    let series = Series::new();
    let server = series.serve();
    let at_1 = series.machine(&server.url);
    let pack = |step: &str| series.publication.path.join("packs").join(step).join("all");
    let cut = |path: &Path| {
        let content = fs::read(path).expect("a pack");
        fs::write(path, &content[..content.len() - 1]).expect("written");
    };
    // Bad in its last block: seen when the chain is on its way.
    cut(&pack("2-3"));
    let machine = at_1.twin();
    machine.succeeds(["update", "--max-retries", "0"]);
    series.assert_holds(&machine, RELEASES);
    // Not there at all: seen when its head is read.
    fs::remove_file(pack("2-3")).expect("removed");
    let machine = at_1.twin();
    machine.succeeds(["update"]);
    series.assert_holds(&machine, RELEASES);
}

#[test]
fn what_is_on_the_machine_is_not_asked_for() {
    let series = Series::new();
    let server = series.serve();
    let machine = series.machine(&server.url);
    let there = machine.succeeds(["update"]);
    machine.succeeds(["rollback"]);
    let dry = machine.succeeds(["update", "--dry-run"]);
    let packs = series.publication.path.join("packs");
    fs::rename(&packs, packs.with_extension("away")).expect("the packs are away");
    let objects = series.publication.path.join("objects");
    fs::rename(&objects, objects.with_extension("away")).expect("the objects are away");
    let again = machine.succeeds(["update"]);
    series.assert_holds(&machine, RELEASES);
    assert_eq!(figures(&dry), figures(&again));
    assert!(bytes(&again) < bytes(&there) / 2, "{}", again.told());
}
