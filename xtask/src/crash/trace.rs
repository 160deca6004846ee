//! What strace does for the crash tests: it tells which calls a run makes, and disturbs one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::point::twin;
use super::world::{Transition, World};

/// A call that touches the root, by its name and its number within a thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// It is the so-many-th call of that name in a thread.
    pub when: usize,
    /// Whether it changes something, at least in one of the threads.
    pub changes: bool,
}

/// What happens at a call instead of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed.
    Kill,
    /// The call fails.
    Error(&'static str),
}

/// What an error was injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// No call.
    Nothing,
    /// A call that has nothing to do with the root.
    Elsewhere,
    /// A call that touches the root.
    Root,
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
const CHANGING: [&str; 30] = [
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
const OPENING: [&str; 3] = ["open", "openat", "openat2"];
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

/// Runs a transition once, undisturbed, and tells the calls by which it touched the root.
///
/// # Errors
/// When it cannot be run or does not succeed.
pub fn calls(world: &World, transition: &Transition) -> Result<Vec<Call>> {
    let directory = world.directory()?;
    let root = twin(transition, directory.path())?;
    let log = directory.path().join("log");
    let names: Vec<&str> = CHANGING.iter().chain(&OPENING).chain(&READING).copied().collect();
    let prefix = prefix(&log, &names.join(","), None);
    world.programs.client_within(&prefix, &root, &transition.command)?.success().context(transition.name)?;
    let text = std::fs::read(&log).context("cannot read what strace wrote")?;
    Ok(counted(&String::from_utf8_lossy(&text), &root.to_string_lossy()))
}

/// The command line that disturbs a run at a point, and writes to `log` what it did.
pub fn disturbing(log: &Path, point: &Point) -> Vec<String> {
    let what = match point.fault {
        Fault::Kill => "signal=KILL".to_owned(),
        Fault::Error(error) => format!("error={error}"),
    };
    prefix(log, &point.call, Some(format!("inject={}:{what}:when={}", point.call, point.when)))
}

/// What the error was injected into, by the log of strace.
pub fn hit(log: &str, root: &str) -> Hit {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        // Where another thread spoke in between, the arguments stand in an earlier line of the thread.
        let arguments = if rest.trim_start().starts_with("<...") { begun.get(thread).copied() } else { Some(rest) };
        let arguments = arguments.unwrap_or(rest);
        begun.insert(thread, arguments);
        if rest.contains("(INJECTED)") {
            return if arguments.contains(root) { Hit::Root } else { Hit::Elsewhere };
        }
    }
    Hit::Nothing
}

/// Without `--seccomp-bpf`, which is quicker: with it strace 6.1 delivers no signal.
fn prefix(log: &Path, trace: &str, inject: Option<String>) -> Vec<String> {
    let mut line: Vec<String> = ["strace", "-f", "-y", "-qq", "-o"].map(str::to_owned).to_vec();
    line.push(log.to_string_lossy().into_owned());
    line.extend(["-e".to_owned(), format!("trace={trace}")]);
    line.extend(inject.into_iter().flat_map(|inject| ["-e".to_owned(), inject]));
    line
}

/// The calls in a log of strace that name something beneath `root`.
fn counted(log: &str, root: &str) -> Vec<Call> {
    let mut made: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut calls: BTreeMap<(&str, usize), bool> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = rest.trim_start().split_once('(') else { continue };
        // `<... openat resumed>` ends a call that was counted when it began.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let count = made.entry((thread, name)).or_default();
        *count += 1;
        if arguments.contains(root) {
            let makes_a_file = OPENING.contains(&name) && arguments.contains("O_CREAT");
            let changes = makes_a_file || CHANGING.contains(&name);
            *calls.entry((name, *count)).or_default() |= changes;
        }
    }
    calls.into_iter().map(|((name, when), changes)| Call { name: name.to_owned(), when, changes }).collect()
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
    fn calls_are_counted_by_thread_and_by_what_they_touch() {
        let log = "\
7 openat(AT_FDCWD</>, \"/etc/hosts\", O_RDONLY) = 3</etc/hosts>\n\
7 openat(4</r/usr>, \"a\", O_RDONLY) = 3</r/usr/a>\n\
8 openat(4</r/usr>, \"b\", O_RDWR|O_CREAT <unfinished ...>\n\
8 <... openat resumed>) = 3</r/usr/b>\n\
8 write(1<pipe:[1]>, \"x\", 1) = 1\n\
8 write(5</r/store/1>, \"x\", 1) = 1\n\
7 statx(4</r/usr>, \"a\") = 0\n\
7 +++ exited with 0 +++\n";
        let call = |name: &str, when, changes| Call { name: name.to_owned(), when, changes };
        let expected =
            [call("openat", 1, true), call("openat", 2, false), call("statx", 1, false), call("write", 2, true)];
        assert_eq!(counted(log, "/r/"), expected);
    }

    #[test]
    fn what_was_hit_is_told_apart() {
        let root = "7 write(5</r/a>, \"x\", 1) = -1 EIO (Input/output error) (INJECTED)\n";
        let other = "7 write(5<anon_inode:[eventfd]>, \"x\", 8) = -1 EIO (Input/output error) (INJECTED)\n";
        let apart = "7 write(5</r/a>, \"x\", 1 <unfinished ...>\n8 write(1<pipe:[1]>, \"y\", 1) = 1\n\
7 <... write resumed>) = -1 EIO (Input/output error) (INJECTED)\n";
        for (log, expected) in [(root, Hit::Root), (other, Hit::Elsewhere), (apart, Hit::Root), ("", Hit::Nothing)] {
            assert_eq!(hit(log, "/r"), expected, "{log}");
        }
    }

    #[test]
    fn a_point_names_itself_to_strace() {
        let point = Point { call: "linkat".to_owned(), when: 3, fault: Fault::Error("EIO") };
        assert_eq!(point.to_string(), "EIO from linkat 3");
        let line = disturbing(Path::new("/log"), &point);
        assert_eq!(line.last().map(String::as_str), Some("inject=linkat:error=EIO:when=3"));
    }
}
