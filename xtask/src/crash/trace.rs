//! The command lines by which strace tells which calls a run makes, and disturbs one of them.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What happens at a call instead of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed.
    Kill,
    /// The call fails.
    Error(&'static str),
}

/// A call and what happens there.
#[derive(Clone, Debug)]
pub struct Point {
    /// The name of the call.
    pub call: String,
    /// Its number within a thread.
    pub when: usize,
    /// What happens.
    pub fault: Fault,
}

/// Calls that change what is on disk.
pub const CHANGING: [&str; 30] = [
    "chmod",
    "copy_file_range",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fdatasync",
    "fsetxattr",
    "fsync",
    "ftruncate",
    "ioctl",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "setxattr",
    "symlinkat",
    "syncfs",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
];
/// Calls that open, which changes something only when it makes a file.
pub const OPENING: [&str; 3] = ["open", "openat", "openat2"];
/// Calls that read what is on disk and may fail.
const READING: [&str; 11] = [
    "fgetxattr",
    "flistxattr",
    "flock",
    "fstat",
    "fstatfs",
    "getdents64",
    "newfstatat",
    "pread64",
    "read",
    "readlinkat",
    "statx",
];

/// Whether there is an strace here that may trace.
pub fn can_trace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "true"]).stdin(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a call can fail with. Nothing runs out when something is only read, but handles.
pub fn errors_of(changes: bool) -> &'static [&'static str] {
    match changes {
        true => &["ENOSPC", "EIO", "EROFS", "EDQUOT", "EMFILE", "EINTR", "EXDEV", "EBUSY"],
        false => &["EIO", "EMFILE", "EINTR"],
    }
}

/// The command line that writes to `log` which calls a run makes by which it may touch files.
pub fn watching(log: &Path) -> Vec<String> {
    let names: Vec<&str> = CHANGING.iter().chain(&OPENING).chain(&READING).copied().collect();
    prefix(log, Stops::Traced, &names.join(","), None)
}

/// The command line that disturbs a run at a point, and writes to `log` what it did.
pub fn disturbing(log: &Path, point: &Point) -> Vec<String> {
    let what = match point.fault {
        Fault::Kill => "signal=KILL".to_owned(),
        Fault::Error(error) => format!("error={error}"),
    };
    let stops = if point.fault == Fault::Kill { Stops::All } else { Stops::Traced };
    prefix(log, stops, &point.call, Some(format!("inject={}:{what}:when={}", point.call, point.when)))
}

/// At which calls the client is stopped to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stops {
    /// At those that are traced: quick, but strace 6.1 then delivers no signal.
    Traced,
    /// At all of them.
    All,
}

fn prefix(log: &Path, stops: Stops, trace: &str, inject: Option<String>) -> Vec<String> {
    let mut line: Vec<String> = ["strace", "-f", "-y", "-qq", "-o"].map(str::to_owned).to_vec();
    line.push(log.to_string_lossy().into_owned());
    line.extend((stops == Stops::Traced).then(|| "--seccomp-bpf".to_owned()));
    line.extend(["-e".to_owned(), format!("trace={trace}")]);
    line.extend(inject.into_iter().flat_map(|inject| ["-e".to_owned(), inject]));
    line
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Kill => write!(f, "killed at {} {}", self.call, self.when),
            Fault::Error(error) => write!(f, "{error} from {} {}", self.call, self.when),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_names_itself_to_strace() {
        let point = Point { call: "linkat".to_owned(), when: 3, fault: Fault::Error("EIO") };
        assert_eq!(point.to_string(), "EIO from linkat 3");
        let line = disturbing(Path::new("/log"), &point);
        assert_eq!(line.last().map(String::as_str), Some("inject=linkat:error=EIO:when=3"));
    }
}
