//! Who is next: every target gets its time in turns, the one that has had least first, so that a run that is stopped has
//! fuzzed all of them for about as long. What turns gave is noted in a log; the next run begins where that one ended.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::turn::Turn;
use crate::log::Log;

/// The longest turn, in seconds: short enough that all targets advance, long enough that reading the corpus costs little.
const LONGEST: f64 = 180.0;

/// The targets of a run, and what each has been given.
pub struct Turns {
    log: Log,
    /// What each is to be given, in seconds of processor time.
    each: f64,
    targets: BTreeMap<String, Given>,
}

/// What a target has been given.
#[derive(Default)]
struct Given {
    sum: Turn,
    turns: usize,
    running: bool,
}

impl Turns {
    /// Begins where the log ends, if there is one.
    ///
    /// # Errors
    /// When the log cannot be opened or read.
    pub fn new(targets: Vec<String>, each: u64, log: Option<&Path>) -> Result<Self> {
        let log = Log::open("fuzz", log)?;
        let given = |target: String| -> Result<(String, Given)> {
            let mut given = Given::default();
            for ending in log.endings(&target) {
                let turn = read(ending).with_context(|| format!("not what a turn of {target} gave: {ending}"))?;
                // A finding of an earlier run is for that run: what broke may be mended.
                given.add(Turn { finding: None, ..turn });
            }
            Ok((target, given))
        };
        let targets = targets.into_iter().map(given).collect::<Result<_>>()?;
        Ok(Self { log, each: each as f64, targets })
    }

    /// The next target and for how many seconds; nothing when all have had their time or run.
    pub fn next(&mut self) -> Option<(String, u64)> {
        let each = self.each;
        let waiting = self.targets.iter_mut().filter(|(_, given)| !given.running && !given.done(each));
        let (target, given) = waiting.min_by(|(_, a), (_, b)| a.sum.seconds.total_cmp(&b.sum.seconds))?;
        given.running = true;
        Some((target.clone(), (each - given.sum.seconds).min(LONGEST).ceil() as u64))
    }

    /// Takes a turn into account.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn ended(&mut self, target: &str, turn: Turn) -> Result<()> {
        let given = self.targets.get_mut(target).context("a target of this run")?;
        self.log.note(target, &format!("turn {}", given.turns + 1), &written(&turn))?;
        given.running = false;
        given.add(turn);
        Ok(())
    }

    /// All targets with what each has been given.
    pub fn sums(&self) -> impl Iterator<Item = (&str, &Turn)> {
        self.targets.iter().map(|(target, given)| (target.as_str(), &given.sum))
    }
}

impl Given {
    fn done(&self, each: f64) -> bool {
        // The fuzzer looks at the clock once in a while and is a little early or late.
        self.sum.finding.is_some() || self.sum.seconds > each - 1.0
    }

    fn add(&mut self, turn: Turn) {
        self.turns += 1;
        let sum = &mut self.sum;
        sum.seconds += turn.seconds;
        sum.inputs += turn.inputs;
        sum.places = sum.places.max(turn.places);
        sum.resident = sum.resident.max(turn.resident);
        sum.finding = sum.finding.take().or(turn.finding);
    }
}

/// What a turn gave, as the log has it.
fn written(turn: &Turn) -> String {
    let Turn { seconds, inputs, places, resident, finding } = turn;
    json!({ "seconds": seconds, "inputs": inputs, "places": places, "resident": resident, "finding": finding })
        .to_string()
}

fn read(ending: &str) -> Option<Turn> {
    let value: Value = serde_json::from_str(ending).ok()?;
    let number = |name: &str| value[name].as_u64();
    Some(Turn {
        seconds: value["seconds"].as_f64()?,
        inputs: number("inputs")?,
        places: number("places")?,
        resident: number("resident")?,
        finding: value["finding"].as_str().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(seconds: f64) -> Turn {
        Turn { seconds, inputs: 10, places: 3, resident: 28, finding: None }
    }

    fn targets() -> Vec<String> {
        ["block", "object"].map(str::to_owned).into()
    }

    #[test]
    fn the_one_that_has_had_least_is_next_and_a_log_goes_on() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        let mut turns = Turns::new(targets(), 200, Some(&log)).expect("new");
        assert_eq!(turns.next(), Some(("block".to_owned(), 180)));
        assert_eq!(turns.next(), Some(("object".to_owned(), 180)));
        assert_eq!(turns.next(), None, "both run");
        turns.ended("block", turn(150.0)).expect("noted");
        turns.ended("object", turn(90.0)).expect("noted");
        assert_eq!(turns.next(), Some(("object".to_owned(), 110)));

        let mut again = Turns::new(targets(), 200, Some(&log)).expect("again");
        assert_eq!(again.next(), Some(("object".to_owned(), 110)));
        again.ended("object", turn(109.5)).expect("noted");
        assert_eq!(again.sums().last(), Some(("object", &Turn { seconds: 199.5, inputs: 20, ..turn(0.0) })));
        assert_eq!(again.next(), Some(("block".to_owned(), 50)));
        assert_eq!(again.next(), None);
    }

    #[test]
    fn a_finding_ends_a_target_for_this_run_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        let broken = Turn { finding: Some("panicked".to_owned()), ..turn(1.0) };
        let mut turns = Turns::new(targets(), 100, Some(&log)).expect("new");
        turns.ended("block", broken.clone()).expect("noted");
        assert_eq!(turns.next().expect("the other").0, "object");
        assert_eq!(turns.next(), None);
        assert_eq!(turns.sums().next(), Some(("block", &broken)));
        assert_eq!(Turns::new(targets(), 100, Some(&log)).expect("again").next().expect("the other").0, "object");
        assert!(read("{}").is_none());
    }
}
