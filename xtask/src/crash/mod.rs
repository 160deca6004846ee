//! `cargo xtask crash-test`: transitions that are killed, or whose system calls fail, at every call that there is.
//!
//! ```text
//! count    a transition runs once under strace: which calls touch the root, and how often
//! break    for each of them: a copy of the machine, the transition again, and at that call a SIGKILL or an error
//! judge    the tree is exactly the one before or the target, and beside the one before lies the one that was kept for a
//!          rollback; beside the trees lies nothing unknown
//! go on    the next run succeeds and ends at the target, and a rollback after it at the release before
//! ```
//!
//! **Promises** that a fault at any of these calls is tried, by number and seed, and that every tree is compared by the
//! judge, which shares no code with the client. **Needs** strace and the right to trace. `strace` counts calls per thread,
//! so what is reached is the N-th call of a name in the thread that first makes so many; the client runs with one worker
//! of each kind, which leaves the changes of trees to one thread.

mod calls;
mod planted;
mod point;
pub mod power;
mod state;
mod trace;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::log::Log;
use crate::programs::Programs;
use crate::workers::at_once;
use point::{Ending, attempt};
pub use point::{Known, judge};
pub use trace::can_trace;
use trace::{Fault, Point};
pub use world::{Transition, World, twin};

/// What is to be broken.
#[derive(clap::Subcommand, Debug)]
pub enum CrashTest {
    /// Kills the client at every call that changes something.
    Kill(Options),
    /// Lets every call fail, with every error that it may give.
    Error(Options),
    /// Cuts the power of the disk at any instant.
    Power(power::Options),
    /// Builds clients with a fault, and lets the kills and power cuts find them.
    Planted,
    /// Adds up the logs of several runs.
    Sum {
        /// The logs.
        #[arg(value_name = "FILE", required = true)]
        logs: Vec<PathBuf>,
    },
}

/// Which points are tried.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Only this transition.
    #[arg(long, value_name = "NAME")]
    pub transition: Option<String>,
    /// Try every N-th point only; the calls that commit a transition are always tried.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub every: usize,
    /// Which of every N: the seeds 0 to N-1 together are the whole.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: usize,
    /// Of the calls of each kind (the same name, kinds of paths, flags and result after the same call before), try so many
    /// only.
    #[arg(long, value_name = "N")]
    pub per_kind: Option<usize>,
    /// So many points at the same time.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub jobs: usize,
    /// Note each point here, and do not try again what is noted here already.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Which programs are tried.
    #[command(flatten)]
    pub build: Build,
}

/// Which programs are tried.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Build {
    /// Build the programs with optimisations.
    #[arg(long)]
    pub release: bool,
    /// Try the programs that lie here, as they are.
    #[arg(long, value_name = "DIR", conflicts_with = "release")]
    pub programs: Option<PathBuf>,
}

impl Build {
    fn programs(&self, checkout: &Path) -> Result<Programs> {
        match &self.programs {
            Some(directory) => Ok(Programs::in_directory(&crate::trees::absolute(directory)?)),
            None => Programs::build(checkout, self.release),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { transition: None, every: 1, seed: 0, per_kind: None, jobs: 2, log: None, build: Build::default() }
    }
}

/// How the client is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// It is killed.
    Kill,
    /// A call fails.
    Error,
}

/// What was tried and how it ended.
#[derive(Debug, Default)]
pub struct Tally {
    /// Points whose call was reached.
    pub reached: usize,
    /// Points whose call did not come: threads share their work anew in each run.
    pub missed: usize,
    /// Runs that left the tree as it was before.
    pub before: usize,
    /// Runs that left the target.
    pub target: usize,
    /// How the disturbed runs ended: exit codes, 137 for a kill.
    pub codes: BTreeMap<i32, usize>,
    /// What must not be: the point, and what was found.
    pub violations: Vec<String>,
}

/// Calls that make a transition durable: few, and tried in every sample.
const COMMITTING: [&str; 3] = ["renameat2", "syncfs", "fsync"];

/// Builds the programs and tries what is asked for.
///
/// # Errors
/// When a promise is broken, or nothing could be tried.
pub fn run(checkout: &Path, test: &CrashTest) -> Result<()> {
    let (disturbance, options) = match test {
        CrashTest::Kill(options) => (Disturbance::Kill, options),
        CrashTest::Error(options) => (Disturbance::Error, options),
        CrashTest::Power(options) => return power::run(checkout, options),
        CrashTest::Planted => return planted::run(checkout),
        CrashTest::Sum { logs } => {
            print!("{}", crate::log::sum(logs)?);
            return Ok(());
        }
    };
    ensure!(can_trace(), "strace is not installed or may not trace");
    let world = World::new(options.build.programs(checkout)?, checkout)?;
    let tally = tried(&world, disturbance, options)?;
    println!("{tally}");
    ensure!(tally.violations.is_empty(), "{} points broke a promise", tally.violations.len());
    Ok(())
}

/// Tries the points of all transitions that are asked for.
///
/// # Errors
/// When the client cannot be run, or there is nothing to try. Broken promises are in the tally.
pub fn tried(world: &World, disturbance: Disturbance, options: &Options) -> Result<Tally> {
    let mut tally = Tally::default();
    let log = Log::open(disturbance.name(), options.log.as_deref())?;
    for transition in &world.transitions {
        if options.transition.as_ref().is_some_and(|name| name != transition.name) {
            continue;
        }
        let begun = Instant::now();
        let calls = calls::calls(world, transition)?;
        let all = points(calls.clone(), disturbance).len();
        let calls = match options.per_kind {
            Some(count) => calls::thinned(calls, count, options.seed),
            None => calls,
        };
        let points = points(calls, disturbance);
        let chosen = sample(&points, options);
        let part = in_parallel(world, transition, &chosen, options.jobs, &log)?;
        println!(
            "{:<14} {} of {all} points in {:.0} s: {}",
            transition.name,
            chosen.len(),
            begun.elapsed().as_secs_f64(),
            part.summary(),
        );
        tally.add(part);
    }
    if tally.reached == 0 {
        bail!("no point was reached: nothing was tried");
    }
    Ok(tally)
}

fn points(calls: Vec<calls::Call>, disturbance: Disturbance) -> Vec<Point> {
    match disturbance {
        Disturbance::Kill => {
            let changing = calls.into_iter().filter(|call| call.changes);
            changing.map(|call| Point { call: call.name, when: call.when, fault: Fault::Kill }).collect()
        }
        Disturbance::Error => {
            let each = |call: calls::Call| {
                let faults = trace::errors_of(call.changes).iter().map(|error| Fault::Error(error));
                faults.map(move |fault| Point { call: call.name.clone(), when: call.when, fault }).collect::<Vec<_>>()
            };
            calls.into_iter().flat_map(each).collect()
        }
    }
}

fn sample<'a>(points: &'a [Point], options: &Options) -> Vec<&'a Point> {
    let every = options.every.max(1);
    let chosen = points.iter().enumerate().filter(|(index, point)| {
        let commits = point.fault == Fault::Kill && COMMITTING.contains(&point.call.as_str());
        index % every == options.seed % every || commits
    });
    chosen.map(|(_, point)| point).collect()
}

fn in_parallel(world: &World, transition: &Transition, points: &[&Point], jobs: usize, log: &Log) -> Result<Tally> {
    let (next, tally, known) = (AtomicUsize::new(0), Mutex::new(Tally::default()), Known::default());
    at_once(jobs, || {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = point.to_string();
            let ended = match log.known(transition.name, &name).and_then(Ending::parse) {
                Some(ended) => ended,
                None => {
                    let ended = attempt(world, transition, point, &known)?;
                    log.note(transition.name, &name, &ended.to_string())?;
                    ended
                }
            };
            tally.lock().expect("no thread panics while it counts").count(transition, point, ended);
        }
        Ok(())
    })?;
    Ok(tally.into_inner().expect("no thread panics while it counts"))
}

impl Disturbance {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Error => "error",
        }
    }
}

impl Tally {
    fn count(&mut self, transition: &Transition, point: &Point, ended: Ending) {
        match ended {
            Ending::Missed => self.missed += 1,
            Ending::Kept { code, at_target } => {
                self.reached += 1;
                *self.codes.entry(code).or_default() += 1;
                *if at_target { &mut self.target } else { &mut self.before } += 1;
            }
            Ending::Broken(what) => {
                self.reached += 1;
                println!("BROKEN {} {point}: {what}", transition.name);
                self.violations.push(format!("{} {point}: {what}", transition.name));
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.reached += other.reached;
        self.missed += other.missed;
        self.before += other.before;
        self.target += other.target;
        self.violations.extend(other.violations);
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
    }

    fn summary(&self) -> String {
        let codes: Vec<_> = self.codes.iter().map(|(code, count)| format!("{count} with {code}")).collect();
        let Self { reached, missed, before, target, violations, .. } = self;
        let broken = violations.len();
        let codes = codes.join(", ");
        format!(
            "{reached} reached ({missed} not), {before} as before, {target} at the target, {broken} broken; {codes}"
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in all: {}", self.summary())
    }
}
