//! `cargo xtask fuzz`: lets every decoder of foreign bytes meet what a fuzzer invents.
//!
//! It needs neither cargo-fuzz nor a nightly compiler: the counters that libFuzzer steers by are passes of the compiler
//! that can be asked for on any, and the targets are built without a sanitizer, for there is no unsafe code to watch.
//! `cargo fuzz run TARGET` works on the same directory. Each run is bounded in time, in memory and in time for one input.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::demo::grouped;

/// The test that writes seeds instead of testing.
const MAKER: &str = "fuzzing::write_seeds";
/// The counters of libFuzzer, and what cargo-fuzz says to the code that it builds.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";
/// The most resident memory of a target.
const MEMORY_MIB: u32 = 256;
/// The longest time for one input.
const INPUT_SECONDS: u32 = 10;
/// The longest input.
const INPUT_BYTES: u32 = 64 << 10;

/// What fuzzing can be told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// How long each target runs.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Only these targets; all unless given.
    #[arg(long, value_name = "T")]
    target: Vec<String>,
    /// Only write the seeds.
    #[arg(long)]
    seed: bool,
}

/// What a run of one target gave.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Inputs that it met.
    runs: u64,
    /// Places of the program that it has been to.
    coverage: u64,
    /// Peak of resident memory in MiB.
    resident: u64,
}

/// Writes seeds, builds the targets and runs them one after the other.
///
/// # Errors
/// When something cannot be built, or a target found an input that breaks its invariant.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    let fuzz = checkout.join("fuzz");
    let targets = targets(&fuzz, &options.target)?;
    write_seeds(checkout, &fuzz.join("seeds"))?;
    if options.seed {
        return Ok(());
    }
    let programs = build(&fuzz, &targets)?;
    println!("{:<20}{:>14}{:>10}{:>9}  finding", "target", "inputs", "places", "RSS MiB");
    let mut findings = Vec::new();
    for target in &targets {
        let (found, finding) = fuzz_one(&fuzz, &programs.join(target), target, options.seconds)?;
        let Found { runs, coverage, resident } = found;
        let told = if finding.is_empty() { "none" } else { &finding };
        println!("{target:<20}{:>14}{coverage:>10}{resident:>9}  {told}", grouped(runs));
        if !finding.is_empty() {
            findings.push(target.as_str());
        }
    }
    ensure!(findings.is_empty(), "findings in {}; the inputs are in fuzz/artifacts", findings.join(", "));
    Ok(())
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

/// The seeds are made by the integration suite, which may use the library.
fn write_seeds(checkout: &Path, seeds: &Path) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--quiet", "--package", "stateless-update", "--test", "suite"]);
    command.args(["--", "--ignored", "--exact", MAKER]).current_dir(checkout).env("FUZZ_SEEDS", seeds);
    let status = command.stdout(Stdio::null()).status().context("cannot start cargo")?;
    ensure!(status.success(), "the seeds cannot be made");
    Ok(())
}

/// Builds the targets and says where they lie.
fn build(fuzz: &Path, targets: &[String]) -> Result<PathBuf> {
    let version = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    // With a target named, what runs while building is built without counters.
    let mut command = cargo();
    command.args(["build", "--quiet", "--release", "--locked", "--target", host]).current_dir(fuzz);
    command.args(targets.iter().flat_map(|target| ["--bin", target])).env("RUSTFLAGS", FLAGS);
    ensure!(command.status().context("cannot start cargo")?.success(), "the targets cannot be built");
    let directory = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| fuzz.join("target"), PathBuf::from);
    Ok(directory.join(host).join("release"))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.stdin(Stdio::null());
    command
}

/// Runs a target; says what it found, nothing when that is nothing.
fn fuzz_one(fuzz: &Path, program: &Path, target: &str, seconds: u32) -> Result<(Found, String)> {
    let [corpus, seeds, artifacts] = ["corpus", "seeds", "artifacts"].map(|name| fuzz.join(name).join(target));
    for directory in [&corpus, &seeds, &artifacts] {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let scratch = tempfile::tempdir_in(memory()).context("cannot make a directory")?;
    let mut command = Command::new(program);
    command.args([&corpus, &seeds]).env("TMPDIR", scratch.path()).stdin(Stdio::null());
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    let limits = [("max_total_time", seconds), ("rss_limit_mb", MEMORY_MIB), ("timeout", INPUT_SECONDS)];
    command.args(limits.map(|(name, value)| format!("-{name}={value}")));
    command.args([format!("-max_len={INPUT_BYTES}"), "-print_final_stats=1".to_owned()]);
    let output = command.output().with_context(|| format!("cannot start {}", program.display()))?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let finding = if output.status.success() { String::new() } else { finding(&told) };
    Ok((Found::of(&told), finding))
}

/// Where files cost nothing: memory, as far as the system has such a directory.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}

/// The line that says what broke.
fn finding(told: &str) -> String {
    let says = |word: &str| told.lines().find(|line| line.contains(word));
    let line = says("panicked at").or_else(|| says("SUMMARY:")).or_else(|| told.lines().last());
    line.unwrap_or("ended without a word").trim().to_owned()
}

impl Found {
    fn of(told: &str) -> Self {
        let statistics: BTreeMap<&str, u64> = told
            .lines()
            .filter_map(|line| line.strip_prefix("stat::")?.split_once(':'))
            .filter_map(|(name, value)| Some((name, value.trim().parse().ok()?)))
            .collect();
        let statistic = |name: &str| statistics.get(name).copied().unwrap_or(0);
        let coverage = told.lines().filter_map(|line| line.split_once(" cov: ")?.1.split(' ').next()?.parse().ok());
        Self {
            runs: statistic("number_of_executed_units"),
            coverage: coverage.max().unwrap_or(0),
            resident: statistic("peak_rss_mb"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_says_is_read() {
        let told = "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb\n#99\tNEW    cov: 40 ft: 44 corp: 2/2b\n\
            stat::number_of_executed_units: 1234\nstat::peak_rss_mb:              57\n";
        assert_eq!(Found::of(told), Found { runs: 1234, coverage: 40, resident: 57 });
        assert_eq!(Found::of("nonsense"), Found::default());
        let panicked = "thread '<unnamed>' panicked at src/pack/index.rs:7:9:\nSUMMARY: libFuzzer: deadly signal\n";
        assert_eq!(finding(panicked), "thread '<unnamed>' panicked at src/pack/index.rs:7:9:");
        assert_eq!(finding("SUMMARY: libFuzzer: timeout\n"), "SUMMARY: libFuzzer: timeout");
        assert_eq!(finding(""), "ended without a word");
    }

    #[test]
    fn targets_are_found_by_name() {
        let fuzz = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz"));
        let all = targets(fuzz, &[]).expect("targets");
        assert!(all.contains(&"pack_head".to_owned()) && all.is_sorted());
        assert_eq!(targets(fuzz, &["object".to_owned()]).expect("one"), ["object"]);
        assert!(targets(fuzz, &["nothing".to_owned()]).is_err());
    }
}
