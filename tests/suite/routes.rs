//! Machines that are several releases behind: over a chain of packs, around a missing one, and back and forth without
//! asking for what is on the machine already.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use xtask::crash::can_trace;
use xtask::judge::Tree;
use xtask::programs::Server;
use xtask::publication::{Input, Publication};

use crate::machine::{Machine, assert_equal, error, figures, unreadable, warned};
use crate::world::{copy, noise, skipped, world};

const RELEASES: u32 = 6;
/// The release that is the same as the one before.
const SAME: u32 = 5;

/// Releases 1 to 6 of a small OS whose every release but one changes a line of some long texts, each with a pack from the
/// one before only. Shared by all tests, never changed by any.
struct Series {
    publication: Publication,
    directory: PathBuf,
    /// What the publisher said of the last one.
    told: String,
}

/// A copy of the publication that may be spoilt, its server, and a machine at release 1 that reads from there.
struct Trial {
    publication: PathBuf,
    machine: Machine,
    _server: Server,
    _directory: tempfile::TempDir,
}

fn series() -> &'static Series {
    static SERIES: LazyLock<Series> = LazyLock::new(Series::new);
    &SERIES
}

impl Series {
    fn new() -> Self {
        let directory = world().directory().keep();
        let publication = Publication::init(&world().programs, &directory, None).expect("a publication");
        let mut series = Self { publication, directory, told: String::new() };
        for release in 1..=RELEASES {
            let trees = series.trees(release);
            let texts = trees.join("os-core/usr/share/series");
            if release == 1 {
                copy(&world().trees.of(10), &trees);
                fs::create_dir(&texts).expect("a directory");
            } else {
                // The directories are as old as before.
                copy(&series.trees(release - 1), &trees);
            }
            for number in (0..4).filter(|_| release != SAME) {
                fs::write(texts.join(format!("text-{number}")), text(number, release)).expect("written");
            }
            let input = Input { version: release, definitions: &world().trees.definitions, trees: &trees };
            let released = series.publication.release(&world().programs, input, &["--deltas", "1", "--json"]);
            series.told = released.expect("the publisher starts").success().expect("published").stdout;
        }
        series
    }

    fn trees(&self, release: u32) -> PathBuf {
        self.directory.join(release.to_string())
    }
}

impl Trial {
    fn new() -> Self {
        let directory = world().directory();
        let publication = directory.path().join("publication");
        copy(&series().publication.path, &publication);
        let server = world().programs.serve(&publication).expect("a server");
        let (machine, trust) = (Machine::empty(), series().publication.trust());
        let trust = trust.to_str().expect("UTF-8");
        machine.succeeds(["os-install", "--version", "1", "--url", &server.url, "--trust", trust]);
        Self { publication, machine, _server: server, _directory: directory }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.publication.join(path)
    }
}

fn assert_is_newest(machine: &Machine) {
    let expected = Tree::expected(&series().trees(RELEASES), &["os-core"]).expect("the published trees are read");
    assert_equal(&expected, &Tree::of_machine(&machine.root).expect("the machine's tree is read"));
}

/// 64 KiB that compress badly, with one line of that release.
fn text(number: u64, release: u32) -> Vec<u8> {
    let mut bytes = noise(number + 1, 64 << 10);
    // The packs of all steps have the same block, but for that to release 3.
    let told = [1, 2, 7, 8, 8, 9][release as usize - 1];
    bytes.splice(1000..1000, format!("\nrelease {told}\n").into_bytes());
    bytes
}

#[test]
fn a_machine_behind_goes_along_the_packs() {
    let trial = Trial::new();
    let dry = trial.machine.succeeds(["update", "--dry-run"]);
    let update = trial.machine.succeeds(["update"]);
    assert_is_newest(&trial.machine);
    assert_eq!(figures(&dry), figures(&update));
    // Four texts, each of which has 32 KiB when it comes anew.
    assert!(update.number("download_bytes") < 64 << 10, "{}", update.told());
}

/// The file has the documents that the machine finds its way by.
#[test]
fn a_machine_behind_goes_along_the_packs_of_an_export() {
    let Trial { machine, _server: server, _directory: directory, .. } = Trial::new();
    let file = directory.path().join("step.tar").display().to_string();
    machine.succeeds(["export", &file, "--this-machine"]);
    drop(server);
    let update = machine.succeeds(["update", "--url", &file]);
    assert_is_newest(&machine);
    assert!(!warned(&update, "no packs are used"), "{:?}", update.events);
    assert!(update.number("download_bytes") < 64 << 10, "{}", update.told());
}

#[test]
fn update_incremental_goes_over_every_release() {
    let trial = Trial::new();
    let machine = &trial.machine;
    let done = machine.succeeds(["update", "--incremental"]).result;
    assert_eq!((&done["from"], &done["to"], &done["changed"]), (&json!(1), &json!(RELEASES), &json!(true)));
    assert_is_newest(machine);
    let history = machine.succeeds(["history"]).result["transitions"].clone();
    let history = history.as_array().expect("a list");
    let steps = history.iter().skip(1).map(|entry| json!([entry["from"], entry["to"]]));
    assert_eq!(steps.collect::<Value>(), json!([[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]]));
    let of_steps: u64 = history.iter().skip(1).map(|entry| entry["download_bytes"].as_u64().expect("a number")).sum();
    assert!(done["download_bytes"].as_u64() > Some(of_steps), "finding the way costs, too: {done}");
}

/// The packs that led to them are gone as well, so the first step is one anew.
#[test]
fn releases_that_were_dropped_are_passed_over() {
    let trial = Trial::new();
    let (machine, publication) = (&trial.machine, trial.publication.display().to_string());
    let pruned = world().programs.publish(["prune", &publication, "--keep", "2"], None).expect("it starts");
    pruned.success().expect("pruned");
    let refused = machine.refuses(3, ["update", "--version", "3"]);
    let told = error(&refused).expect("an error")["message"].to_string();
    assert!(told.contains("release 3 is not to be had: no origin has the document of release 4"), "{told}");
    let update = machine.twin().succeeds(["update"]);
    assert!(!warned(&update, ""), "{:?}", update.events);
    machine.succeeds(["update", "--incremental"]);
    assert_is_newest(machine);
    let history = machine.succeeds(["history"]).result["transitions"].clone();
    let steps = history.as_array().expect("a list").iter().skip(1).map(|entry| json!([entry["from"], entry["to"]]));
    assert_eq!(steps.collect::<Value>(), json!([[1, 5], [5, 6]]));
}

#[test]
fn a_missing_pack_is_gone_around() {
    let trial = Trial::new();
    let pack = trial.path("packs/2-3/all");
    // Bad in its last block: seen when the machine is on its way.
    let mut content = fs::read(&pack).expect("a pack");
    *content.last_mut().expect("not empty") ^= 1;
    fs::write(&pack, content).expect("written");
    let machine = trial.machine.twin();
    let update = machine.succeeds(["update"]);
    assert!(warned(&update, "going around"), "{:?}", update.events);
    assert_is_newest(&machine);
    // Not there at all: seen when its head is read.
    fs::remove_file(&pack).expect("removed");
    let machine = trial.machine.twin();
    let update = machine.succeeds(["update"]);
    assert!(warned(&update, "packs/2-3/all"), "{:?}", update.events);
    assert_is_newest(&machine);
}

#[test]
fn what_is_on_the_machine_is_not_asked_for() {
    let trial = Trial::new();
    let there = trial.machine.succeeds(["update"]).number("download_bytes");
    trial.machine.succeeds(["rollback"]);
    let dry = trial.machine.succeeds(["update", "--dry-run"]);
    for content in ["packs", "objects", "manifests"] {
        fs::remove_dir_all(trial.path(content)).expect("removed");
    }
    let again = trial.machine.succeeds(["update"]);
    assert_is_newest(&trial.machine);
    assert_eq!(figures(&dry), figures(&again));
    assert!(again.number("download_bytes") < there / 2, "{}", again.told());
}

/// Where a file of the kept tree cannot be read after all, packs are looked at that nobody needed before.
#[test]
fn what_the_kept_tree_does_not_give_back_comes_by_packs() {
    if !can_trace() {
        return skipped("what_the_kept_tree_does_not_give_back", "`strace` is not installed or may not trace");
    }
    let trial = Trial::new();
    trial.machine.succeeds(["update"]);
    trial.machine.succeeds(["rollback"]);
    fs::remove_dir_all(trial.path("objects")).expect("removed");
    let kept = trial.machine.path(".stateless-update/previous/share/series/text-1");
    let update = trial.machine.client_within(&unreadable(&[&kept], "EIO"), &["update"]);
    assert_eq!(update.code, 0, "{}", update.told());
    assert!(warned(&update, "1 files of this machine are missing or bad"), "{:?}", update.events);
    assert_is_newest(&trial.machine);
}

#[test]
fn the_publisher_tells_the_routes() {
    let told: Value = serde_json::from_str(series().told.lines().last().expect("a result")).expect("JSON");
    let routes = told["routes"].as_array().expect("routes");
    let ways: Vec<_> = routes.iter().map(|route| (&route["from"], &route["via"], &route["from_nothing"])).collect();
    let (via, no) = ([json!([]), json!([5]), json!([4, 5]), json!([3, 4, 5]), json!([2, 3, 4, 5])], json!(false));
    let from = [5, 4, 3, 2, 1].map(Value::from);
    assert_eq!(ways, from.iter().zip(&via).map(|(from, via)| (from, via, &no)).collect::<Vec<_>>());
    // What comes over the wire, without what requests count for in a plan.
    let lengths = told["packs"].as_array().expect("packs").iter().filter(|pack| pack["from"] == 5);
    let length: u64 = lengths.filter_map(|pack| pack["bytes"].as_u64()).sum();
    assert!(length > 0 && routes[0]["bytes"] == length, "{routes:?} and not {length}");
    let step = told["packs"].as_array().expect("packs").iter().find(|pack| pack["from"] == 5).expect("a step");
    let sources = step["sources"].as_array().expect("sources");
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert_eq!((&sources[0]["source"], &sources[0]["contents"]), (&json!("same-path"), &json!(4)));
}
