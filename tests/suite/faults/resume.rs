//! Resuming is exact: what was verified is not fetched again, as the origin counts it.

use std::collections::BTreeSet;
use std::fs;

use super::fault::{At, Fault};
use super::origin::{Entry, Files, Origin, Rule};
use super::request::Kind;
use super::scene::{Scenario, scene, tree_of};
use crate::machine::Machine;
use crate::world::{copy, world};

/// A machine and its origin.
struct Trial {
    scenario: &'static Scenario,
    origin: Origin,
    root: std::path::PathBuf,
    _directory: tempfile::TempDir,
}

impl Trial {
    fn new(scenario: &'static Scenario) -> Self {
        let directory = world().directory();
        let root = scenario.machine(directory.path());
        let origin = Origin::new(&scenario.files, &scenario.sound.url, None);
        Self { scenario, origin, root, _directory: directory }
    }

    /// Runs with so many retries; gives the exit code and what was asked.
    fn run(&self, rule: Option<Rule>, retries: &str) -> (i32, Vec<Entry>) {
        self.origin.set(rule);
        let one = ["--max-parallel-downloads", "1", "--retry-delay", "0", "--max-retries", retries];
        let command = self.scenario.command.iter().map(String::as_str).chain(["--url", &self.origin.url]).chain(one);
        let outcome = world().programs.client(&self.root, command).expect("the contract of --json is kept");
        (outcome.code, self.origin.take_log())
    }

    fn assert_done(&self) {
        let differences = self.scenario.target.differences(&tree_of(&self.root));
        assert!(differences.is_empty(), "{differences}");
    }
}

fn bytes_of(log: &[Entry], kinds: &[Kind]) -> usize {
    log.iter().filter(|entry| kinds.contains(&entry.request.kind())).map(|entry| entry.bytes).sum()
}

fn cut(kind: Kind, after: usize, count: usize) -> Option<Rule> {
    Some(Rule { kind, fault: Fault::CutAfter(count), after, times: 1 })
}

/// The ranges of packs that are asked for, heads not counted, in order.
fn ranges(log: &[Entry]) -> Vec<(u64, u64)> {
    let ranges = log.iter().filter(|entry| entry.request.kind() == Kind::PackRange);
    ranges.filter_map(|entry| entry.request.range).collect()
}

/// An update where the publication has no packs.
fn by_objects() -> &'static Scenario {
    &scene().scenarios[1]
}

/// The longest of them, and its place.
fn longest(ranges: &[(u64, u64)]) -> (usize, (u64, u64)) {
    let ranges = ranges.iter().copied().enumerate();
    ranges.max_by_key(|(_, (from, to))| to - from).expect("there is one")
}

#[test]
fn a_run_goes_on_at_the_byte_where_an_answer_broke_off() {
    let (code, clean) = Trial::new(&scene().resuming).run(None, "0");
    assert_eq!(code, 0);
    let (from, to) = ranges(&clean)[0];
    for kind in [Kind::PackHead, Kind::PackRange] {
        for count in [0, 1, 4096, (to - from) as usize / 2, (to - from) as usize] {
            let trial = Trial::new(&scene().resuming);
            let (code, log) = trial.run(cut(kind, 0, count), "1");
            assert_eq!(code, 0, "{kind:?} cut after {count}");
            trial.assert_done();
            let all = [Kind::PackHead, Kind::PackRange];
            assert_eq!(bytes_of(&log, &all), bytes_of(&clean, &all), "{kind:?} cut after {count}");
        }
    }
    let (_, clean) = Trial::new(by_objects()).run(None, "0");
    for count in [0, 1, 100] {
        let trial = Trial::new(by_objects());
        let (code, log) = trial.run(cut(Kind::Object, 0, count), "1");
        assert_eq!(code, 0, "cut after {count}");
        trial.assert_done();
        assert_eq!(bytes_of(&log, &[Kind::Object]), bytes_of(&clean, &[Kind::Object]), "cut after {count}");
    }
}

#[test]
fn the_next_run_fetches_at_most_one_block_of_a_pack_again() {
    let (_, clean) = Trial::new(&scene().resuming).run(None, "0");
    let (index, (from, to)) = longest(&ranges(&clean));
    let (mut starts, mut again) = (BTreeSet::from([from]), Vec::new());
    for count in (0..=(to - from)).step_by(4096) {
        let trial = Trial::new(&scene().resuming);
        let (code, first) = trial.run(cut(Kind::PackRange, index, count as usize), "0");
        assert_eq!(code, 3, "cut after {count}");
        assert_eq!(ranges(&first)[index], (from, to));
        let (code, second) = trial.run(None, "0");
        assert_eq!(code, 0, "after a cut after {count}");
        trial.assert_done();
        let start = longest(&ranges(&second)).1.0;
        assert!(start <= from + count, "cut after {count}: something is left out, {start}");
        starts.insert(start);
        again.push((from + count, start));
    }
    assert!(starts.len() > 2, "each block that came is kept: {starts:?}");
    for (cut, start) in again {
        let block = starts.range(..=cut).next_back().expect("the beginning is one");
        assert_eq!(start, *block, "cut at {cut}, and blocks begin at {starts:?}");
    }
}

#[test]
fn the_next_run_fetches_no_object_again() {
    let (_, clean) = Trial::new(by_objects()).run(None, "0");
    let objects = |log: &[Entry]| -> Vec<String> {
        let whole = log.iter().filter(|entry| entry.request.kind() == Kind::Object && !entry.faulty);
        whole.map(|entry| entry.request.path.clone()).collect()
    };
    let all = objects(&clean);
    assert!(all.len() > 5, "{all:?}");
    for after in [1, 4, all.len() - 1] {
        let trial = Trial::new(by_objects());
        let fault = Fault::Status("500 Oops", "");
        let (code, first) = trial.run(Some(Rule { kind: Kind::Object, fault, after, times: usize::MAX }), "0");
        assert_eq!(code, 3, "after {after} objects");
        let (code, second) = trial.run(None, "0");
        assert_eq!(code, 0, "after {after} objects");
        trial.assert_done();
        let fetched = [objects(&first), objects(&second)].concat();
        assert_eq!(fetched.len(), all.len(), "after {after} objects: {fetched:?}");
        assert_eq!(fetched.iter().collect::<BTreeSet<_>>(), all.iter().collect(), "after {after} objects");
    }
}

/// A block that one mirror has damaged comes from the other, and nothing else does.
#[test]
fn a_bad_block_is_asked_for_at_the_other_mirror() {
    let scenario = &scene().resuming;
    let (code, clean) = Trial::new(scenario).run(None, "0");
    assert_eq!(code, 0);
    let (trial, sound) = (Trial::new(scenario), Origin::new(&scenario.files, &scenario.sound.url, None));
    let (index, whole) = longest(&ranges(&clean));
    let fault = Fault::Flip(At::End);
    trial.origin.set(Some(Rule { kind: Kind::PackRange, fault, after: index, times: 1 }));
    let command = scenario.command.iter().map(String::as_str).chain(["--url", &trial.origin.url, "--url", &sound.url]);
    let one = ["--max-parallel-downloads", "1", "--max-retries", "0"];
    let outcome = world().programs.client(&trial.root, command.chain(one)).expect("the contract of --json is kept");
    assert_eq!(outcome.code, 0, "{}", outcome.told());
    trial.assert_done();
    let (first, second) = (trial.origin.take_log(), sound.take_log());
    let is_object = |entry: &&Entry| entry.request.kind() == Kind::Object;
    let objects = |log: &[Entry]| log.iter().filter(is_object).count();
    assert_eq!(objects(&first) + objects(&second), objects(&clean), "no object in its place");
    let (from, to) = ranges(&second)[0];
    assert!(whole.0 < from && to == whole.1, "the last block of {whole:?} alone, not {from}-{to}");
    assert_eq!(ranges(&first).len() + ranges(&second).len(), ranges(&clean).len() + 1);
}

/// Where no object comes, a few of them say so; and what was not to be had is not asked for again.
#[test]
fn an_origin_without_objects_is_not_asked_for_all_of_them() {
    let directory = world().directory();
    let now = directory.path().join("publication");
    copy(&world().publication.path, &now);
    for content in ["objects", "packs"] {
        fs::remove_dir_all(now.join(content)).expect("removed");
    }
    let origin = Origin::new(&Files { older: now.clone(), now }, "", None);
    let refused = Machine::empty().install(&origin.url, 20, &["openstack-compute"]);
    assert_eq!(refused.code, 3, "{}", refused.told());
    let log = origin.take_log();
    let asked =
        |kind: Kind| log.iter().filter(move |entry| entry.request.kind() == kind).map(|entry| &entry.request.path);
    let objects = asked(Kind::Object).count();
    assert!((16..32).contains(&objects), "{objects} objects were asked for");
    let heads: BTreeSet<_> = asked(Kind::PackHead).collect();
    assert_eq!(heads.len(), asked(Kind::PackHead).count(), "{heads:?}");
    assert!(!heads.is_empty());
}
