//! Broken networks: an origin that is wrong in every way that is known, at every kind of file, in three transitions.
//!
//! Each run must end at the target, or with exit code 3 or 4 and the tree as it was, from where the next run goes on. When
//! the fault passes, or another mirror is sound, the run must succeed. Trees are compared by the judge, which shares no
//! code with the client.

mod answer;
mod fault;
mod origin;
mod request;
mod resume;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use xtask::programs::{Outcome, Programs};

use crate::machine::{checked, error};
use crate::world::world;
use fault::{ALL, Fault};
use origin::{Origin, Rule};
use request::Kind;
use scene::{Scenario, Scene, scene, tree_of};

/// How long the origin is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    /// As long as anybody asks.
    ForEver,
    /// For two answers.
    Twice,
    /// As long as anybody asks, and there is a second mirror, which is sound.
    AtOneMirror,
}

/// One thing to try.
#[derive(Clone, Copy, Debug)]
struct Case {
    scenario: usize,
    kind: Kind,
    fault: Fault,
    lasting: Lasting,
}

/// How often the client tries again, and how long it waits for a byte that will not come.
const RETRIES: &str = "2";
const PATIENCE: &str = "0.4";
/// Of all cases, the suite takes one in so many; with the number of faults it has no divisor in common.
const SAMPLED: usize = 23;

/// The kinds of requests that each scenario makes must be all that there are.
fn cases(scene: &Scene) -> Vec<Case> {
    let mut cases = Vec::new();
    for (scenario, told) in scene.scenarios.iter().enumerate() {
        for kind in &told.kinds {
            for fault in ALL.iter().filter(|fault| fault.concerns(*kind)) {
                for lasting in [Lasting::ForEver, Lasting::Twice, Lasting::AtOneMirror] {
                    cases.push(Case { scenario, kind: *kind, fault: *fault, lasting });
                }
            }
        }
    }
    cases
}

impl Case {
    /// Whether it can only end well.
    fn must_succeed(self) -> bool {
        let passes = match self.lasting {
            Lasting::ForEver => false,
            Lasting::Twice => !self.fault.is_refusal(self.kind),
            Lasting::AtOneMirror => true,
        };
        passes || self.fault.is_allowed()
    }

    /// Tries it; gives the exit code, or none when the origin was never asked for this.
    fn attempt(self, programs: &Programs, scene: &Scene) -> Result<Option<i32>, String> {
        let scenario = &scene.scenarios[self.scenario];
        let times = if self.lasting == Lasting::Twice { 2 } else { usize::MAX };
        let rule = Rule { kind: self.kind, fault: self.fault, after: 0, times };
        let origin = Origin::new(&scenario.files, &scenario.sound.url, Some(rule));
        let directory = world().directory();
        let root = scenario.machine(directory.path());
        let mut arguments = vec!["--url", &origin.url, "--max-retries", RETRIES, "--retry-delay", "0"];
        if self.lasting == Lasting::AtOneMirror {
            arguments.extend(["--url", &scenario.sound.url]);
        }
        if self.fault.takes_time() {
            arguments.extend(["--timeout", PATIENCE]);
        }
        let run = |arguments: &[&str]| -> Result<Outcome, String> {
            let arguments = scenario.command.iter().map(String::as_str).chain(arguments.iter().copied());
            programs.client(&root, arguments).map(checked).map_err(|error| format!("{error:#}"))
        };
        let outcome = run(&arguments)?;
        let reached = origin.take_log().iter().any(|entry| entry.faulty);
        self.judge(scenario, &outcome, &tree_of(&root))?;
        if outcome.code != 0 {
            let next = run(&["--url", &scenario.sound.url])?;
            if next.code != 0 || !scenario.target.differences(&tree_of(&root)).is_empty() {
                return Err(format!("the next run did not end at the target: {}", next.told()));
            }
        }
        Ok(reached.then_some(outcome.code))
    }

    fn judge(self, scenario: &Scenario, outcome: &Outcome, found: &xtask::judge::Tree) -> Result<(), String> {
        let told = outcome.told();
        if outcome.stderr.contains("panicked") {
            return Err(outcome.stderr.clone());
        }
        let wrong = |expected: &xtask::judge::Tree| {
            let differences = expected.differences(found);
            if differences.is_empty() { Ok(()) } else { Err(format!("{differences}\n{told}")) }
        };
        match outcome.code {
            0 => wrong(&scenario.target).or_else(|error| match self.fault.freezes(self.kind) {
                true => wrong(&scenario.frozen),
                false => Err(error),
            }),
            3 | 4 if self.must_succeed() => Err(format!("it must succeed: {told}")),
            3 | 4 if error(outcome).is_none() => Err(format!("no error is told: {told}")),
            3 | 4 => wrong(&scenario.before),
            code => Err(format!("exit code {code}: {told}")),
        }
    }
}

/// What came of many cases.
#[derive(Debug, Default)]
struct Tally {
    /// Runs by exit code.
    codes: BTreeMap<i32, usize>,
    /// Cases whose fault was not met.
    missed: usize,
    violations: Vec<String>,
}

fn tried(programs: &Programs, scene: &Scene, cases: &[Case]) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ended = case.attempt(programs, scene);
            let mut tally = tally.lock().expect("no panic");
            match ended {
                Ok(Some(code)) => *tally.codes.entry(code).or_default() += 1,
                Ok(None) => tally.missed += 1,
                Err(why) => {
                    let Case { scenario, kind, fault, lasting } = case;
                    let scenario = scene.scenarios[*scenario].name;
                    tally.violations.push(format!("{scenario} {kind:?} {fault:?} {lasting:?}: {why}"));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    tally.into_inner().expect("no panic")
}

fn assert_kept(tally: &Tally) {
    let told = tally.violations.join("\n\n");
    assert!(tally.violations.is_empty(), "{} violations\n\n{told}", tally.violations.len());
    assert_eq!(tally.missed, 0, "faults that nobody met prove nothing");
}

#[test]
fn every_kind_of_file_is_asked_for() {
    let all: BTreeSet<Kind> = scene().scenarios.iter().flat_map(|scenario| scenario.kinds.iter().copied()).collect();
    assert_eq!(all.len(), 10, "{all:?}");
    assert!(scene().scenarios[0].pack_ranges > 1, "several ranges of one pack, with something between them");
}

#[test]
fn a_sample_of_faults() {
    let cases: Vec<Case> = cases(scene()).into_iter().step_by(SAMPLED).collect();
    assert_kept(&tried(&world().programs, scene(), &cases));
}

/// What `cargo xtask network-test` runs.
#[test]
#[ignore = "takes minutes"]
fn all_faults() {
    let cases = cases(scene());
    let tally = tried(&world().programs, scene(), &cases);
    let codes: Vec<String> = tally.codes.iter().map(|(code, count)| format!("{count} with {code}")).collect();
    let told = format!("{} cases, {}, {} broken", cases.len(), codes.join(", "), tally.violations.len());
    writeln!(std::io::stderr(), "{told}").expect("standard error can be written");
    assert_kept(&tally);
}

/// The client, and after it a line of shell in which `$root` is the machine.
fn with_afterwards(directory: &std::path::Path, line: &str) -> Programs {
    let client = world().programs.update.display().to_string();
    let root = r#"for word; do case $before in --root) root=$word; esac; before=$word; done"#;
    wrapped(directory, &format!("\"{client}\" \"$@\"; code=$?\n{root}\n{line}\nexit $code\n"))
}

/// The programs, with lines of shell in the client's place.
fn wrapped(directory: &std::path::Path, lines: &str) -> Programs {
    let mut programs = world().programs.clone();
    let wrapper = directory.join("stateless-update");
    fs::write(&wrapper, format!("#!/bin/sh\n{lines}")).expect("written");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("mode");
    programs.update = wrapper;
    programs
}

/// A client that believes what comes: whatever the run says, a byte of the tree is the network's.
#[test]
fn a_client_that_checks_nothing_is_found() {
    let directory = world().directory();
    let believing =
        with_afterwards(directory.path(), r#"printf x | dd of="$root/usr/bin/hello" conv=notrunc status=none"#);
    let case = |fault, lasting| Case { scenario: 0, kind: Kind::PackRange, fault, lasting };
    for (fault, lasting) in [
        (Fault::Flip(fault::At::Middle), Lasting::Twice),
        (Fault::Status("500 Oops", ""), Lasting::ForEver),
        (Fault::NoLength, Lasting::AtOneMirror),
    ] {
        let tally = tried(&believing, scene(), &[case(fault, lasting)]);
        assert!(tally.violations.iter().any(|told| told.contains("usr/bin/hello")), "{tally:?}");
    }
}

/// A client that gives up at once: whatever it is told, it tries nothing again.
#[test]
fn a_client_that_does_not_try_again_is_found() {
    let directory = world().directory();
    let client = world().programs.update.display().to_string();
    let line =
        format!("set -- $(printf '%s\\n' \"$@\" | sed '/^--max-retries$/{{n;s/.*/0/}}')\nexec \"{client}\" \"$@\"\n");
    let hasty = wrapped(directory.path(), &line);
    let fault = Fault::Status("503 Unavailable", "Retry-After: 0");
    let case = Case { scenario: 0, kind: Kind::Targets, fault, lasting: Lasting::Twice };
    let violations = tried(&hasty, scene(), &[case]).violations;
    assert!(violations.len() == 1 && violations[0].contains("it must succeed"), "{violations:?}");
    assert_kept(&tried(&world().programs, scene(), &[case]));
}
