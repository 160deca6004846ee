//! What a program costs: processor time, memory and time on the clock, of that program alone.
//!
//! Linux counts the memory that a process had before it became another program, so a large process cannot measure a
//! small one. Hence a process between the two: `cargo xtask measured`, hidden, which starts the program and nothing else.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wait4::Wait4;

/// How often the anonymous memory is looked at.
const SAMPLE: Duration = Duration::from_millis(5);

/// What the hidden process in between is told.
#[derive(clap::Args, Debug)]
pub struct Measured {
    /// Where to write the figures.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    line: Vec<OsString>,
}

/// What a program needed, with all processes that it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Processor time in user mode, in seconds.
    pub user_s: f64,
    /// Processor time in the kernel, in seconds.
    pub system_s: f64,
    /// Time on the clock, in seconds.
    pub wall_s: f64,
    /// Peak of resident memory of its largest process, in bytes, files that it mapped included.
    pub resident: u64,
    /// Peak of anonymous memory, in bytes, as far as samples found it.
    pub anonymous: u64,
}

/// What a program said, how it ended and what it needed.
#[derive(Clone, Debug)]
pub struct Run {
    /// The exit code; 128 and more when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// What it needed.
    pub usage: Usage,
}

impl Usage {
    /// Processor time in both modes, in seconds.
    pub fn cpu_s(&self) -> f64 {
        self.user_s + self.system_s
    }

    /// Both, one after the other.
    pub fn then(self, next: Self) -> Self {
        Self {
            user_s: self.user_s + next.user_s,
            system_s: self.system_s + next.system_s,
            wall_s: self.wall_s + next.wall_s,
            resident: self.resident.max(next.resident),
            anonymous: self.anonymous.max(next.anonymous),
        }
    }

    /// What the process in between wrote.
    ///
    /// # Errors
    /// When it wrote nothing or something else.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let value: Value = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        let seconds = |name: &str| value[name].as_f64().with_context(|| format!("{name} is missing"));
        let bytes = |name: &str| value[name].as_u64().with_context(|| format!("{name} is missing"));
        Ok(Self {
            user_s: seconds("user_s")?,
            system_s: seconds("system_s")?,
            wall_s: seconds("wall_s")?,
            resident: bytes("resident")?,
            anonymous: bytes("anonymous")?,
        })
    }
}

impl Run {
    /// Itself, when the program succeeded.
    ///
    /// # Errors
    /// When it did not, with what it said.
    pub fn success(self) -> Result<Self> {
        ensure!(self.code == 0, "exit code {}: {}{}", self.code, self.stdout, self.stderr);
        Ok(self)
    }
}

/// Runs a program, by a process in between, with nothing in its environment but what every program needs.
///
/// # Errors
/// When it cannot be started or its figures cannot be read; not when it fails.
pub fn measure<A: AsRef<OsStr>>(scratch: &Path, line: impl IntoIterator<Item = A>) -> Result<Run> {
    let figures = scratch.join("usage.json");
    let this = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(this);
    command.env_clear().env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    for name in ["PATH", "TMPDIR"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.args(["measured", "--to"]).arg(&figures).arg("--").args(line);
    let output = command.output().context("cannot start the process in between")?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let usage = Usage::read(&figures).with_context(|| stderr.clone())?;
    fs::remove_file(&figures)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Run { code: code(output.status), stdout, stderr, usage })
}

/// What the process in between does; gives the exit code of the program.
///
/// # Errors
/// When it cannot be started or the figures cannot be written.
pub fn in_between(measured: &Measured) -> Result<u8> {
    let begun = Instant::now();
    let (program, arguments) = measured.line.split_first().context("a program")?;
    let child =
        Command::new(program).args(arguments).spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let anonymous = Arc::new(AtomicU64::new(0));
    let ended = Arc::new(AtomicBool::new(false));
    let sampler = {
        let (status, anonymous, ended) = (format!("/proc/{}/status", child.id()), anonymous.clone(), ended.clone());
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let now = fs::read_to_string(&status).ok().and_then(|status| anonymous_bytes(&status));
                anonymous.fetch_max(now.unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(SAMPLE);
            }
        })
    };
    let used = child.wait4().context("cannot wait for the program")?;
    let wall = begun.elapsed();
    ended.store(true, Ordering::Relaxed);
    sampler.join().map_err(|_| anyhow::anyhow!("the thread that looks at memory panicked"))?;
    let figures = json!({
        "user_s": used.rusage.utime.as_secs_f64(),
        "system_s": used.rusage.stime.as_secs_f64(),
        "wall_s": wall.as_secs_f64(),
        "resident": used.rusage.maxrss,
        "anonymous": anonymous.load(Ordering::Relaxed),
    });
    fs::write(&measured.to, figures.to_string()).context("cannot write the figures")?;
    Ok(u8::try_from(code(used.status)).unwrap_or(128))
}

/// `RssAnon` of a process's status file.
fn anonymous_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> (u8, Usage) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let to = directory.path().join("usage.json");
        let line = ["sh", "-c", script].map(OsString::from).to_vec();
        let code = in_between(&Measured { to: to.clone(), line }).expect("measured");
        (code, Usage::read(&to).expect("figures"))
    }

    #[test]
    fn a_program_is_measured() {
        let (code, usage) = run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 7");
        assert_eq!(code, 7);
        assert!(usage.cpu_s() > 0.0 && usage.wall_s > 0.0, "{usage:?}");
        assert!(usage.resident > 100_000 && usage.resident < 1 << 30, "bytes, not kibibytes: {usage:?}");
    }

    #[test]
    fn anonymous_memory_is_read() {
        assert_eq!(anonymous_bytes("VmHWM:\t 9 kB\nRssAnon:\t    1028 kB\nRssFile:\t 3 kB\n"), Some(1028 << 10));
        assert_eq!(anonymous_bytes("State:\tZ (zombie)\n"), None);
    }

    #[test]
    fn one_after_the_other_adds_times_and_keeps_peaks() {
        let one = Usage { user_s: 1.0, system_s: 0.5, wall_s: 2.0, resident: 10, anonymous: 5 };
        let both = one.then(Usage { resident: 4, anonymous: 7, ..one });
        assert_eq!((both.cpu_s(), both.wall_s, both.resident, both.anonymous), (3.0, 4.0, 10, 7));
    }
}
