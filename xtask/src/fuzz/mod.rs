//! `cargo xtask fuzz`: lets every decoder of foreign bytes meet what a fuzzer invents.
//!
//! It needs neither cargo-fuzz nor a nightly compiler: the counters that libFuzzer steers by are passes of the compiler
//! that can be asked for on any, and the targets are built without a sanitizer, for there is no unsafe code to watch.
//! Everything has counters, or this project's crates alone, which spares building all others once more: CI does that.
//! `cargo fuzz run TARGET` works on the same directory. Each run is bounded in time, in memory and in time for one input.

mod turn;
mod turns;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};

use crate::cargo::{self, cargo};
use crate::demo::grouped;
use crate::workers::at_once;
use turn::Turn;
use turns::Turns;

/// The test that writes seeds instead of testing.
const MAKER: &str = "fuzzing::write_seeds";
/// The counters of libFuzzer, and what cargo-fuzz says to the code that it builds.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// What fuzzing can be told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// How long each target runs, in seconds of processor time.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Only these targets; all unless given.
    #[arg(long, value_name = "T")]
    target: Vec<String>,
    /// So many targets at the same time.
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// Note what each target was given here; what is noted already counts.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Count what this project's own crates reach, and nothing beneath them: then all others are those of the tests.
    #[arg(long)]
    quick: bool,
    /// Only write the seeds.
    #[arg(long)]
    seed: bool,
}

impl Options {
    /// So many seconds for every target, with counters in this project's crates alone.
    pub fn quick(seconds: u64) -> Self {
        Self { seconds, target: Vec::new(), jobs: 2, log: None, quick: true, seed: false }
    }
}

/// Writes seeds, builds the targets and lets each have its time; tells of each turn, and at the end of all that was noted.
///
/// # Errors
/// When something cannot be built, or a target found an input that breaks its invariant.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    let fuzz = checkout.join("fuzz");
    let targets = targets(&fuzz, &options.target)?;
    write_seeds(checkout, &fuzz.join("seeds"), &targets)?;
    if options.seed {
        return Ok(());
    }
    let programs = build(checkout, &targets, options.quick)?;
    let turns = Mutex::new(Turns::new(targets, options.seconds, options.log.as_deref())?);
    at_once(options.jobs, || {
        let lock = || turns.lock().expect("no thread panics while it notes a turn");
        while let Some((target, seconds)) = { lock().next() } {
            let turn = turn::take(&fuzz, &programs.join(&target), &target, seconds)?;
            println!("{}", line(&target, &turn));
            ensure!(turn.inputs > 0 || turn.finding.is_some(), "{target} met no input");
            lock().ended(&target, turn)?;
        }
        Ok(())
    })?;
    let turns = turns.into_inner().expect("no thread panics while it notes a turn");
    println!("\n{:<20}{:>9}{:>16}{:>9}{:>9}  finding", "in all", "seconds", "inputs", "places", "RSS MiB");
    turns.sums().for_each(|(target, sum)| println!("{}", line(target, sum)));
    let findings: Vec<_> = turns.sums().filter(|(_, sum)| sum.finding.is_some()).map(|(target, _)| target).collect();
    ensure!(findings.is_empty(), "findings in {}; the inputs are in fuzz/artifacts", findings.join(", "));
    Ok(())
}

fn line(target: &str, sum: &Turn) -> String {
    let Turn { seconds, inputs, places, resident, finding } = sum;
    let told = finding.as_deref().unwrap_or("none");
    format!("{target:<20}{seconds:>9.0}{:>16}{places:>9}{resident:>9}  {told}", grouped(*inputs))
}

/// The names of the targets, those asked for or all.
fn targets(fuzz: &Path, asked: &[String]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for file in fs::read_dir(fuzz.join("fuzz_targets")).context("cannot list the targets")? {
        all.extend(file?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    all.sort();
    if let Some(unknown) = asked.iter().find(|target| !all.contains(target)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    Ok(if asked.is_empty() { all } else { asked.to_vec() })
}

/// The seeds are made by the integration suite, which may use the library. Every target has some: without, it would meet
/// little more than refusals.
fn write_seeds(checkout: &Path, seeds: &Path, targets: &[String]) -> Result<()> {
    cargo::suite(checkout, MAKER, &[("FUZZ_SEEDS", seeds.as_os_str())], "the seeds cannot be made")?;
    for target in targets {
        let some = fs::read_dir(seeds.join(target)).is_ok_and(|mut seeds| seeds.next().is_some());
        ensure!(some, "there is no seed for {target}");
    }
    Ok(())
}

/// Builds the targets and says where they lie.
fn build(checkout: &Path, targets: &[String], quick: bool) -> Result<PathBuf> {
    let mut command = cargo(checkout);
    command.args(["build", "--quiet", "--locked", "--workspace"]);
    command.args(targets.iter().flat_map(|target| ["--bin", target]));
    let directory = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| checkout.join("target"), PathBuf::from);
    let directory = if quick {
        // The whole workspace, though little of it, and `--examples`, of which there are none: so all that is not ours has
        // the features that it has for the tests, and is not compiled twice.
        command.arg("--examples");
        command.env("RUSTC_WORKSPACE_WRAPPER", checkout.join("fuzz/with-counters")).env("COUNTERS", FLAGS);
        directory.join("debug")
    } else {
        let version = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let host =
            version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
        // With a target named, what runs while building is built without counters.
        command.args(["--profile", "fuzz", "--target", host]).env("RUSTFLAGS", FLAGS);
        directory.join(host).join("fuzz")
    };
    cargo::succeeds(&mut command, "the targets cannot be built")?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_by_name() {
        let fuzz = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz"));
        let all = targets(fuzz, &[]).expect("targets");
        assert!(all.contains(&"pack_head".to_owned()) && all.is_sorted());
        assert_eq!(targets(fuzz, &["object".to_owned()]).expect("one"), ["object"]);
        assert!(targets(fuzz, &["nothing".to_owned()]).is_err());
    }
}
