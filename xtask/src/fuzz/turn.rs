//! One turn of one target: the fuzzer runs for some time, within its bounds, and what it told is read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use wait4::Wait4;

use crate::scratch;

/// The most resident memory of a target.
const MEMORY_MIB: u32 = 256;
/// The longest time for one input.
const INPUT_SECONDS: u32 = 10;
/// The longest input.
const INPUT_BYTES: u32 = 64 << 10;

/// What a turn gave, or several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// Processor time, in seconds.
    pub seconds: f64,
    /// Inputs that it met.
    pub inputs: u64,
    /// Places of the program that it has been to.
    pub places: u64,
    /// Peak of resident memory, in MiB.
    pub resident: u64,
    /// What broke, in the fuzzer's or the target's own words.
    pub finding: Option<String>,
}

/// Lets a target run for some seconds on the clock.
///
/// # Errors
/// When the target cannot be started, or its directories cannot be made.
pub fn take(fuzz: &Path, program: &Path, target: &str, seconds: u64) -> Result<Turn> {
    let [corpus, seeds, artifacts] = ["corpus", "seeds", "artifacts"].map(|name| fuzz.join(name).join(target));
    for directory in [&corpus, &seeds, &artifacts] {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let scratch = tempfile::tempdir_in(scratch::place()).context("cannot make a directory")?;
    let mut command = Command::new(program);
    command.args([&corpus, &seeds]).env("TMPDIR", scratch.path()).stdin(Stdio::null()).stdout(Stdio::null());
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(format!("-max_total_time={seconds}"));
    let limits = [("rss_limit_mb", MEMORY_MIB), ("timeout", INPUT_SECONDS), ("max_len", INPUT_BYTES)];
    command.args(limits.map(|(name, value)| format!("-{name}={value}"))).arg("-print_final_stats=1");
    let mut child =
        command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let mut told = Vec::new();
    child.stderr.take().context("standard error is a pipe")?.read_to_end(&mut told).context("cannot listen")?;
    let ended = child.wait4().context("cannot wait for the target")?;
    let told = String::from_utf8_lossy(&told);
    let seconds = (ended.rusage.utime + ended.rusage.stime).as_secs_f64();
    let finding = (!ended.status.success()).then(|| finding(&told));
    Ok(Turn { seconds, finding, ..Turn::of(&told) })
}

/// The line that says what broke.
fn finding(told: &str) -> String {
    let says = |word: &str| told.lines().find(|line| line.contains(word));
    let line = says("panicked at").or_else(|| says("SUMMARY:")).or_else(|| told.lines().last());
    line.unwrap_or("ended without a word").trim().to_owned()
}

impl Turn {
    /// What the fuzzer says at the end, and the most places that it told on its way.
    fn of(told: &str) -> Self {
        let statistics: BTreeMap<&str, u64> = told
            .lines()
            .filter_map(|line| line.strip_prefix("stat::")?.split_once(':'))
            .filter_map(|(name, value)| Some((name, value.trim().parse().ok()?)))
            .collect();
        let statistic = |name: &str| statistics.get(name).copied().unwrap_or(0);
        let places = told.lines().filter_map(|line| line.split_once(" cov: ")?.1.split(' ').next()?.parse().ok());
        Self {
            inputs: statistic("number_of_executed_units"),
            places: places.max().unwrap_or(0),
            resident: statistic("peak_rss_mb"),
            ..Self::default()
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
        assert_eq!(Turn::of(told), Turn { inputs: 1234, places: 40, resident: 57, ..Turn::default() });
        assert_eq!(Turn::of("nonsense"), Turn::default());
        let panicked = "thread '<unnamed>' panicked at src/pack/index.rs:7:9:\nSUMMARY: libFuzzer: deadly signal\n";
        assert_eq!(finding(panicked), "thread '<unnamed>' panicked at src/pack/index.rs:7:9:");
        assert_eq!(finding("SUMMARY: libFuzzer: timeout\n"), "SUMMARY: libFuzzer: timeout");
        assert_eq!(finding(""), "ended without a word");
    }
}
