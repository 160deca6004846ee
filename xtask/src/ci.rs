//! `cargo xtask ci`: everything that a change must pass, quick steps first; the first failure ends it.
//!
//! Cargo's own output is passed on unchanged, so that whoever counts tests in it can; it is counted here as well.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::crash::{self, Disturbance, World, power};
use crate::programs::Programs;
use crate::{floors, fuzz, schemas, small_os};

/// How a step ended that did not fail.
enum Passed {
    /// With what there is to tell about it.
    Done(String),
    /// Something that it needs is not on this machine.
    Skipped(String),
}

/// Of the points of kills, CI takes one in so many.
const KILLS_EVERY: usize = 80;
/// Of the points of errors.
const ERRORS_EVERY: usize = 1500;
/// Power cuts on each of three file systems.
const POWER_CUTS: &str = "70";
/// Seconds of processor time for each fuzz target.
const FUZZED_FOR: u64 = 30;

/// Does its part on a checkout and adds to the totals.
type Step = fn(&Path, &mut Totals) -> Result<Passed>;

/// Sums over all steps.
#[derive(Default)]
struct Totals {
    tests: Counts,
    skipped_steps: usize,
}

/// What the test harness tells in its `test result:` lines, and the tests in `SKIPPED` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
    skipped: usize,
}

/// Runs all steps; the last line tells the totals.
///
/// # Errors
/// When a step fails: which one, and what it said.
pub fn run(checkout: &Path) -> Result<()> {
    let begun = Instant::now();
    let mut totals = Totals::default();
    let steps: [(&str, Step); 12] = [
        ("format", |checkout, _| cargo(checkout, &["fmt", "--all", "--", "--check"])),
        ("floors", |checkout, _| {
            let checked = floors::check(checkout)?;
            Ok(Passed::Done(format!("{} files, {} uses", checked.files, checked.uses)))
        }),
        ("schemas", |checkout, _| Ok(Passed::Done(format!("{} documents", schemas::check(checkout)?)))),
        ("fixtures", |checkout, _| {
            small_os::listings(checkout, small_os::Listings::Check).map(|()| Passed::Done("fresh".to_owned()))
        }),
        ("lints", |checkout, _| {
            cargo(checkout, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
        }),
        ("documentation", |checkout, _| {
            let mut command = command(checkout, &["doc", "--workspace", "--no-deps", "--lib", "--locked"]);
            cargo::succeeds(command.env("RUSTDOCFLAGS", "-D warnings"), "`cargo doc` warns")?;
            Ok(Passed::Done("no link is broken".to_owned()))
        }),
        ("tests", |checkout, totals| tests(checkout, totals, &["--lib", "--bins", "--tests"])),
        ("doctests", |checkout, totals| tests(checkout, totals, &["--doc"])),
        ("crashes", |checkout, _| crashes(checkout)),
        ("power cuts", |checkout, _| power_cuts(checkout)),
        ("fuzzing", |checkout, _| {
            fuzz::run(checkout, &fuzz::Options::quick(FUZZED_FOR))?;
            Ok(Passed::Done(format!("{FUZZED_FOR} s for each target")))
        }),
        ("licences", |checkout, _| licences(checkout)),
    ];
    for (name, step) in steps {
        println!("== {name}");
        let step_begun = Instant::now();
        let passed = step(checkout, &mut totals);
        let seconds = step_begun.elapsed().as_secs_f64();
        match passed {
            Ok(Passed::Done(told)) => println!("== {name}: passed in {seconds:.1} s: {told}"),
            Ok(Passed::Skipped(why)) => {
                totals.skipped_steps += 1;
                println!("== {name}: SKIPPED, {why}");
            }
            Err(error) => {
                println!("ci: FAILED at {name} after {seconds:.1} s");
                return Err(error);
            }
        }
    }
    let Totals { tests, skipped_steps } = totals;
    println!(
        "ci: passed {} of {} steps, {} tests passed, {} failed, {} ignored, {} skipped parts of tests, {:.0} s",
        steps.len() - skipped_steps,
        steps.len(),
        tests.passed,
        tests.failed,
        tests.ignored,
        tests.skipped,
        begun.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// A sample of kills and errors at system calls; `cargo xtask crash-test` tries them all.
fn crashes(checkout: &Path) -> Result<Passed> {
    if !crash::can_trace() {
        return Ok(Passed::Skipped("strace is not installed or may not trace: NOTHING is killed".to_owned()));
    }
    let world = World::new(Programs::build(checkout, false)?, checkout)?;
    let mut told = Vec::new();
    for (disturbance, every) in [(Disturbance::Kill, KILLS_EVERY), (Disturbance::Error, ERRORS_EVERY)] {
        let options = crash::Options { every, ..crash::Options::default() };
        let tally = crash::tried(&world, disturbance, &options)?;
        ensure!(tally.violations.is_empty(), "{} points broke a promise", tally.violations.len());
        told.push(format!("{} points of {disturbance:?}", tally.reached));
    }
    Ok(Passed::Done(told.join(", ")))
}

/// A sample of power cuts, with both controls; `cargo xtask crash-test power` makes more.
fn power_cuts(checkout: &Path) -> Result<Passed> {
    if let Some(missing) = power::missing() {
        return Ok(Passed::Skipped(format!("{missing}: NO power is cut")));
    }
    // In a process of its own, which takes a mount namespace of its own. This program's own file may be gone: when it was
    // not built with the programs, it was replaced by the one that was.
    let mut command = Command::new(Programs::build(checkout, false)?.update.with_file_name("xtask"));
    command.args(["crash-test", "power", "--points", POWER_CUTS, "--jobs", "2"]).stdin(Stdio::null());
    ensure!(command.status().context("cannot start xtask")?.success(), "power cuts: failed");
    Ok(Passed::Done("clean".to_owned()))
}

/// Licences, bans and sources by `cargo deny`; advisories need a database from the network and are not a matter of CI.
fn licences(checkout: &Path) -> Result<Passed> {
    let installed = Command::new("cargo").args(["deny", "--version"]).stderr(Stdio::null()).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return Ok(Passed::Skipped(
            "cargo-deny is not installed: licences, bans and sources are NOT checked".to_owned(),
        ));
    }
    cargo(checkout, &["deny", "--workspace", "--all-features", "check", "licenses", "bans", "sources"])
}

fn tests(checkout: &Path, totals: &mut Totals, which: &[&str]) -> Result<Passed> {
    // The bodies of the fuzz targets are tests of the suite.
    let workspace = ["--workspace", "--exclude", "stateless-update-fuzz"];
    let mut arguments = vec!["test", "--locked", "--no-fail-fast"];
    arguments.extend(workspace);
    arguments.extend(which);
    let (succeeded, counts) = counted(command(checkout, &arguments), std::io::stdout(), std::io::stderr())?;
    totals.tests.add(counts);
    let told = format!("{} passed, {} failed, {} ignored", counts.passed, counts.failed, counts.ignored);
    ensure!(succeeded, "`cargo {}` failed: {told}", arguments.join(" "));
    Ok(Passed::Done(told))
}

fn cargo(checkout: &Path, arguments: &[&str]) -> Result<Passed> {
    cargo::succeeds(&mut command(checkout, arguments), &format!("`cargo {}` failed", arguments.join(" ")))?;
    Ok(Passed::Done("clean".to_owned()))
}

fn command(checkout: &Path, arguments: &[&str]) -> Command {
    let mut command = cargo::cargo(checkout);
    command.args(arguments);
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Runs a command, passes on what it says line by line, and counts.
fn counted(
    mut command: Command,
    to_output: impl Write,
    to_errors: impl Write + Send + 'static,
) -> Result<(bool, Counts)> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start cargo")?;
    let errors = child.stderr.take().context("standard error is a pipe")?;
    let output = child.stdout.take().context("standard output is a pipe")?;
    let told = std::thread::spawn(move || pass_on(BufReader::new(errors), to_errors));
    let mut counts = pass_on(BufReader::new(output), to_output)?;
    counts.add(told.join().map_err(|_| anyhow::anyhow!("the thread that passes on errors panicked"))??);
    Ok((child.wait().context("cannot wait for cargo")?.success(), counts))
}

fn pass_on(from: impl BufRead, mut to: impl Write) -> Result<Counts> {
    let mut counts = Counts::default();
    for line in from.split(b'\n') {
        let mut line = line.context("cannot read what cargo says")?;
        counts.add(Counts::of(&String::from_utf8_lossy(&line)));
        line.push(b'\n');
        to.write_all(&line).context("cannot pass on what cargo says")?;
    }
    Ok(counts)
}

impl Counts {
    fn of(line: &str) -> Self {
        let mut counts = Self { skipped: usize::from(line.starts_with("SKIPPED")), ..Self::default() };
        if let Some((_, sums)) = line.split_once("test result: ").and_then(|(_, rest)| rest.split_once(". ")) {
            for sum in sums.split("; ") {
                let (number, what) = sum.split_once(' ').unwrap_or_default();
                let number = number.parse().unwrap_or(0);
                match what {
                    "passed" => counts.passed = number,
                    "failed" => counts.failed = number,
                    "ignored" => counts.ignored = number,
                    _ => {}
                }
            }
        }
        counts
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_harness_are_counted() {
        let text = "running 3 tests\ntest a ... ok\nSKIPPED a test: no root\n\
            test result: ok. 13 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.23s\n\
            test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.00s\n";
        let mut passed_on = Vec::new();
        let counts = pass_on(text.as_bytes(), &mut passed_on).expect("memory");
        assert_eq!(counts, Counts { passed: 17, failed: 1, ignored: 2, skipped: 1 });
        assert_eq!(String::from_utf8_lossy(&passed_on), text);
    }

    #[test]
    fn a_failing_command_is_told() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored'; exit 101"]);
        let (succeeded, counts) = counted(command, std::io::sink(), std::io::sink()).expect("started");
        assert!(!succeeded);
        assert_eq!(counts.failed, 1);
    }
}
