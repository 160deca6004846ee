//! Serves a directory on loopback and counts what leaves it.
//!
//! nginx counts where it is installed: it knows nothing of the project, and its log tells bodies and all that went over
//! the wire. Without it the publisher's own trial server serves, and headers are not counted.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::installed;
use crate::programs::{GUARD, Programs};

/// How long a log must stay as it is until it is believed to be complete.
const QUIET: Duration = Duration::from_millis(250);

/// What was answered within some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests, whatever the answer.
    pub requests: u64,
    /// Bytes of bodies.
    pub body: u64,
    /// Bytes with the headers of the answers, where the server tells them.
    pub wire: Option<u64>,
    /// Requests that were answered by an error, such as a file that is not there.
    pub refused: u64,
}

/// A server and its log; stopped when dropped and when this process ends in any way.
pub struct Origin {
    /// Its address, with a slash at the end.
    pub url: String,
    /// Which program serves.
    pub name: &'static str,
    log: PathBuf,
    child: Child,
    /// Held open: the server is stopped when it closes.
    stdin: Option<ChildStdin>,
}

impl Origin {
    /// Serves a directory; configuration and log lie in `scratch`, a directory of its own.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn serve(programs: &Programs, directory: &Path, scratch: &Path) -> Result<Self> {
        fs::create_dir_all(scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
        let log = scratch.join("access.log");
        fs::write(&log, "")?;
        let port = TcpListener::bind("127.0.0.1:0").context("no free port")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let nginx = installed("nginx");
        let line: Vec<OsString> = if let Some(nginx) = &nginx {
            let configuration = scratch.join("nginx.conf");
            fs::write(&configuration, nginx_configuration(directory, &log, scratch, &address))?;
            let options = [OsStr::new("-p"), scratch.as_ref(), "-c".as_ref(), configuration.as_ref()];
            std::iter::once(nginx.as_os_str()).chain(options).map(OsStr::to_owned).collect()
        } else {
            let options =
                [directory.as_os_str(), "--listen".as_ref(), address.as_ref(), "--log".as_ref(), log.as_ref()];
            let command = [programs.publish.as_os_str(), "serve".as_ref()];
            command.into_iter().chain(options).map(OsStr::to_owned).collect()
        };
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "sh"]).args(&line).stdin(Stdio::piped()).stdout(Stdio::null());
        let errors = fs::File::create(scratch.join("errors"))?;
        let mut child = command.stderr(errors).spawn().context("cannot start the server")?;
        let stdin = child.stdin.take();
        let name = if nginx.is_some() { "nginx" } else { "stateless-publish serve" };
        let origin = Self { url: format!("http://{address}/"), name, log, child, stdin };
        for _ in 0..100 {
            if TcpStream::connect(&address).is_ok() {
                return Ok(origin);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{name} does not listen: {}", fs::read_to_string(scratch.join("errors")).unwrap_or_default());
    }

    /// Runs something and tells what was answered meanwhile.
    ///
    /// # Errors
    /// When it fails, or the log cannot be read.
    pub fn counted<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<(T, Traffic)> {
        let before = self.lines()?.len();
        let done = run()?;
        let lines = self.lines()?;
        let traffic = lines[before..].iter().map(|line| Traffic::of(line)).sum::<Result<Traffic>>()?;
        Ok((done, traffic))
    }

    /// The log, once nothing is added to it any more.
    fn lines(&self) -> Result<Vec<String>> {
        loop {
            let text = fs::read_to_string(&self.log).context("cannot read the server's log")?;
            std::thread::sleep(QUIET);
            if fs::metadata(&self.log)?.len() == text.len() as u64 {
                return Ok(text.lines().map(str::to_owned).collect());
            }
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The shell ends with its input; there is nothing left to do when it cannot be waited for.
        _ = self.child.wait();
    }
}

impl Traffic {
    /// Bytes over the wire, or those of bodies where the server does not tell more.
    pub fn bytes(&self) -> u64 {
        self.wire.unwrap_or(self.body)
    }

    /// A line of the log: METHOD URI STATUS BODY_BYTES, and WIRE_BYTES where the server tells them.
    fn of(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
        let told = || format!("not a line of the server's log: {line}");
        let refused = u64::from(number(2).with_context(told)? >= 400);
        Ok(Self { requests: 1, body: number(3).with_context(told)?, wire: number(4), refused })
    }
}

impl std::iter::Sum for Traffic {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.reduce(|one, other| Self {
            requests: one.requests + other.requests,
            body: one.body + other.body,
            wire: one.wire.zip(other.wire).map(|(one, other)| one + other),
            refused: one.refused + other.refused,
        })
        .unwrap_or(Self { wire: Some(0), ..Self::default() })
    }
}

fn nginx_configuration(directory: &Path, log: &Path, scratch: &Path, address: &str) -> String {
    // A worker of root's would be nobody, who may not read temporary directories.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path \"{}/{name}\";\n", scratch.display()))
        .concat();
    format!(
        "{user}daemon off;\nmaster_process off;\npid \"{scratch}/pid\";\nerror_log stderr;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n{temporary}  sendfile on;\n  keepalive_requests 100000;\n  \
         log_format counted '$request_method $request_uri $status $body_bytes_sent $bytes_sent';\n  \
         access_log \"{log}\" counted;\n  server {{ listen {address}; root \"{root}\"; }}\n}}\n",
        scratch = scratch.display(),
        log = log.display(),
        root = directory.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_log_are_added_up() {
        let sum = |lines: &[&str]| lines.iter().map(|line| Traffic::of(line)).sum::<Result<Traffic>>();
        let nginx = sum(&["GET /a 200 100 350", "GET /b 404 10 160"]).expect("lines of nginx");
        assert_eq!(nginx, Traffic { requests: 2, body: 110, wire: Some(510), refused: 1 });
        let own = sum(&["GET /a 206 100"]).expect("a line of the trial server");
        assert_eq!(own, Traffic { requests: 1, body: 100, wire: None, refused: 0 });
        assert_eq!(sum(&[]).expect("nothing").wire, Some(0));
        assert!(sum(&["nonsense"]).is_err());
    }
}
