//! Runs the two programs as anyone would: arguments in, lines and an exit code out.
//!
//! The demo and the tests share this. The environment is emptied, so that no proxy, language or setting of the machine
//! decides a run, and each run is stopped after `LIMIT`, so that none hangs a job.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::cargo::{self, cargo};

/// The longest that one run may take, as `timeout` of coreutils reads it.
const LIMIT: &str = "900";

/// What the server's first line begins with; its address follows.
const LISTENING: &str = "listening on ";

/// A shell script that runs its arguments as a server. It waits for the end of its input, which comes when the process
/// that started it ends, however it ends. It outlives an interrupt from the terminal, which reaches it too, for as long as
/// it takes to stop the server.
pub(crate) const GUARD: &str =
    r#"trap : INT TERM HUP; "$@" </dev/null & server=$!; cat >/dev/null; kill $server; wait $server 2>/dev/null"#;

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `stateless-update`.
    pub update: PathBuf,
    /// `stateless-publish`.
    pub publish: PathBuf,
}

/// What a run of a program gave.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code; 128 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// What a run of the client with `--json` gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Every line of standard output, the result last.
    pub events: Vec<Value>,
    /// The result.
    pub result: Value,
    /// Standard error.
    pub stderr: String,
}

/// A static file server, stopped when dropped and when this process ends in any way.
pub struct Server {
    /// Its address, with a slash at the end.
    pub url: String,
    child: Child,
    /// Held open: the server is stopped when it closes.
    stdin: Option<ChildStdin>,
}

impl Programs {
    /// The programs in a directory of cargo's, such as `target/debug`.
    pub fn in_directory(directory: &Path) -> Self {
        Self { update: directory.join("stateless-update"), publish: directory.join("stateless-publish") }
    }

    /// Builds the programs of a checkout, optimised when it is for `release`.
    ///
    /// # Errors
    /// When they cannot be built.
    pub fn build(checkout: &Path, release: bool) -> Result<Self> {
        let mut command = cargo(checkout);
        command.args(["build", "--quiet", "--workspace", "--exclude", "stateless-update-fuzz", "--bins"]);
        // The workspace as the tests build it, with `--examples`, of which there are none, for the features that they ask
        // for: so nothing is compiled twice.
        command.arg(if release { "--release" } else { "--examples" });
        println!("building the programs (the first time takes some minutes)");
        cargo::succeeds(&mut command, "the programs cannot be built")?;
        // This program lies in TARGET/PROFILE, wherever cargo was told to put that.
        let this = std::env::current_exe().context("cannot find this program")?;
        let target = this.ancestors().nth(2).context("this program does not lie in cargo's target directory")?;
        Ok(Self::in_directory(&target.join(if release { "release" } else { "debug" })))
    }

    /// Runs the publisher; `epoch` is what the time is said to be, in seconds since 1970.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn publish<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>, epoch: Option<u64>) -> Result<Output> {
        let mut command = bare(&[OsStr::new("timeout"), OsStr::new(LIMIT), self.publish.as_os_str()]);
        if let Some(epoch) = epoch {
            command.env("SOURCE_DATE_EPOCH", epoch.to_string());
        }
        run(command.args(args))
    }

    /// Runs the client with `--root ROOT --json --yes` and `args`.
    ///
    /// # Errors
    /// When it cannot be started, or what it says is not JSON lines with exactly one result, the last.
    pub fn client<A: AsRef<OsStr>>(&self, root: &Path, args: impl IntoIterator<Item = A>) -> Result<Outcome> {
        self.client_within::<&str, A>(&[], root, args)
    }

    /// As [`Programs::client`], but started by another program such as `nsenter`: `prefix` is put in front.
    ///
    /// # Errors
    /// As there.
    pub fn client_within<P: AsRef<OsStr>, A: AsRef<OsStr>>(
        &self,
        prefix: &[P],
        root: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Outcome> {
        let args: Vec<A> = args.into_iter().collect();
        let output = self.client_output(prefix, root, &args)?;
        let asked: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
        Outcome::of(output).with_context(|| format!("stateless-update {}", asked.join(" ")))
    }

    /// As [`Programs::client_within`], for runs that may be killed: whatever it said.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn client_output<P: AsRef<OsStr>, A: AsRef<OsStr>>(
        &self,
        prefix: &[P],
        root: &Path,
        args: &[A],
    ) -> Result<Output> {
        let mut line: Vec<&OsStr> = vec!["timeout".as_ref(), LIMIT.as_ref()];
        line.extend(prefix.iter().map(AsRef::as_ref));
        line.push(self.update.as_os_str());
        run(bare(&line).args(args).arg("--root").arg(root).args(["--json", "--yes"]))
    }

    /// Runs the client with `--root ROOT --yes` and `args` as a person would: whatever it writes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn shown<A: AsRef<OsStr>>(&self, root: &Path, args: impl IntoIterator<Item = A>) -> Result<Output> {
        let mut command = bare(&["timeout", LIMIT].map(OsStr::new));
        run(command.arg(&self.update).args(args).arg("--root").arg(root).arg("--yes"))
    }

    /// Serves a publication on a free port of loopback.
    ///
    /// # Errors
    /// When the server cannot be started or does not say where it listens.
    pub fn serve(&self, publication: &Path) -> Result<Server> {
        let mut command = bare(&["sh", "-c", GUARD, "sh"].map(OsStr::new));
        command.arg(&self.publish).arg("serve").arg(publication).args(["--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start the server")?;
        let stdin = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().context("the server's output is a pipe")?);
        let mut line = String::new();
        output.read_line(&mut line).context("cannot read what the server says")?;
        let mut server = Server { url: String::new(), child, stdin };
        match line.trim().strip_prefix(LISTENING) {
            Some(url) => server.url = format!("{}/", url.trim_end_matches('/')),
            None => bail!("the server began with {line:?}, not with `{LISTENING}http://...`"),
        }
        // Whatever it says later must not fill the pipe.
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Ok(server)
    }
}

impl Output {
    /// Itself, when the run succeeded.
    ///
    /// # Errors
    /// When it did not, with what it said.
    pub fn success(self) -> Result<Self> {
        ensure!(self.code == 0, "exit code {}: {}{}", self.code, self.stdout, self.stderr);
        Ok(self)
    }
}

impl Outcome {
    /// What a run said, when it kept the contract of `--json`.
    ///
    /// # Errors
    /// When it said anything but JSON lines with exactly one result, the last.
    pub fn of(output: Output) -> Result<Self> {
        let Output { code, stdout, stderr } = output;
        let told = || format!("exit code {code}, standard output {stdout:?}, standard error {stderr:?}");
        let events: Vec<Value> =
            stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>().with_context(told)?;
        let is_result = |event: &&Value| event["event"] == "result";
        ensure!(events.iter().filter(is_result).count() == 1, "not exactly one result: {}", told());
        let result = events.last().filter(is_result).with_context(|| format!("the result is not last: {}", told()))?;
        ensure!(result["exit_code"] == code, "the result tells another exit code: {}", told());
        Ok(Self { code, result: result.clone(), events, stderr })
    }

    /// Itself, when the run succeeded.
    ///
    /// # Errors
    /// When it did not, with what it said.
    pub fn success(self) -> Result<Self> {
        ensure!(self.code == 0, "exit code {}: {}\n{}", self.code, self.told(), self.stderr);
        Ok(self)
    }

    /// A whole number of the result; 0 when it has none of that name.
    pub fn number(&self, field: &str) -> u64 {
        self.result[field].as_u64().unwrap_or(0)
    }

    /// The errors and the result, as text: what a person would look for.
    pub fn told(&self) -> String {
        let matters = |event: &&Value| event["event"] == "error" || event["event"] == "result";
        self.events.iter().filter(matters).map(Value::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The shell ends with its input; there is nothing left to do when it cannot be waited for.
        _ = self.child.wait();
    }
}

/// A command with nothing in its environment but what every program needs.
fn bare(line: &[&OsStr]) -> Command {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).env_clear().env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    for name in ["PATH", "TMPDIR", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn run(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(Output {
        code: output.status.code().unwrap_or(128),
        stdout: String::from_utf8(output.stdout).context("standard output is not UTF-8")?,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// Both programs played by a shell script.
    fn played(script: &str) -> (tempfile::TempDir, Programs) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let programs = Programs::in_directory(directory.path());
        for path in [&programs.update, &programs.publish] {
            fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("script");
            fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("mode");
        }
        (directory, programs)
    }

    #[test]
    fn a_run_gives_events_and_its_result() {
        let script = r#"echo '{"event":"start"}'; echo '{"event":"result","exit_code":3,"requests":7}'; exit 3"#;
        let (_directory, programs) = played(script);
        let outcome = programs.client(Path::new("/nowhere"), ["update"]).expect("an outcome");
        assert_eq!((outcome.code, outcome.events.len(), outcome.number("requests")), (3, 2, 7));
        assert!(outcome.success().is_err());
    }

    #[test]
    fn a_run_that_breaks_the_contract_is_an_error() {
        for script in [
            "exit 0",
            "echo hello",
            r#"echo '{"event":"result","exit_code":0}'; echo '{"event":"start"}'"#,
            r#"echo '{"event":"result","exit_code":0}'; exit 4"#,
            r#"for i in 1 2; do echo '{"event":"result","exit_code":0}'; done"#,
        ] {
            let (_directory, programs) = played(script);
            assert!(programs.client(Path::new("/nowhere"), ["update"]).is_err(), "{script}");
        }
    }

    #[test]
    fn the_environment_is_bare() {
        let (_directory, programs) = played("echo $HOME$http_proxy$SOURCE_DATE_EPOCH");
        let output = programs.publish(["check"], Some(5)).expect("output");
        assert_eq!(output.stdout, "5\n");
    }

    #[test]
    fn a_server_is_stopped_when_dropped() {
        let (directory, programs) = played("echo listening on http://127.0.0.1:1/; echo $$ > $0.pid; exec sleep 600");
        let server = programs.serve(Path::new("/nowhere")).expect("a server");
        assert_eq!(server.url, "http://127.0.0.1:1/");
        let pid_file = directory.path().join("stateless-publish.pid");
        let pid = std::iter::repeat_with(|| fs::read_to_string(&pid_file).unwrap_or_default())
            .find(|text| text.ends_with('\n'))
            .expect("it writes its id");
        drop(server);
        assert!(!Path::new("/proc").join(pid.trim()).exists(), "the server still runs");
    }
}
