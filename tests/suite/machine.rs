//! A machine under test: a root directory and the client on it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use xtask::judge::Tree;
use xtask::programs::Outcome;

use crate::world::{copy, world};

/// A root of its own, gone when dropped.
pub struct Machine {
    /// The root.
    pub root: PathBuf,
    _directory: tempfile::TempDir,
}

impl Machine {
    /// An empty root.
    pub fn empty() -> Self {
        let directory = world().directory();
        let root = directory.path().join("root");
        fs::create_dir(&root).expect("a root");
        Self { root, _directory: directory }
    }

    /// A machine at that release of the small OS with these bundles.
    pub fn installed(release: u32, bundles: &[&str]) -> Self {
        let machine = Self::empty();
        machine.install(&world().server.url, release, bundles).success().expect("installed");
        machine.assert_holds(release, bundles);
        machine
    }

    /// Another machine in the same state.
    pub fn twin(&self) -> Self {
        let twin = Self::empty();
        copy(&self.root, &twin.root);
        twin
    }

    /// Runs `os-install` from that origin.
    pub fn install(&self, url: &str, release: u32, bundles: &[&str]) -> Outcome {
        let (trust, release) = (world().publication.trust(), release.to_string());
        let mut arguments: Vec<&OsStr> = ["os-install", "--url", url, "--version", &release].map(OsStr::new).to_vec();
        arguments.extend::<[&OsStr; 2]>(["--trust".as_ref(), trust.as_ref()]);
        arguments.extend(bundles.iter().flat_map(|bundle| ["--bundle", bundle]).map(OsStr::new));
        self.client(arguments)
    }

    /// Runs the client on this machine. Every line that it writes must fit the schema.
    pub fn client<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        checked(world().programs.client(&self.root, arguments).expect("the contract of --json is kept"))
    }

    /// Runs the client within another command.
    pub fn client_within(&self, prefix: &[String], arguments: &[&str]) -> Outcome {
        let output = world().programs.client_output(prefix, &self.root, arguments).expect("started");
        checked(Outcome::of(output).expect("the contract of --json is kept"))
    }

    /// Runs the client and expects success.
    pub fn succeeds<const N: usize>(&self, arguments: [&str; N]) -> Outcome {
        self.client(arguments).success().unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"))
    }

    /// Runs the client and expects that exit code, an error event, and `/usr` as it was.
    pub fn refuses<A: AsRef<OsStr>>(&self, code: i32, arguments: impl IntoIterator<Item = A>) -> Outcome {
        let before = self.usr();
        let outcome = self.client(arguments);
        assert_eq!(outcome.code, code, "{}\n{}", outcome.told(), outcome.stderr);
        assert!(error(&outcome).is_some(), "no error event: {}", outcome.told());
        assert_equal(&before, &self.usr());
        outcome
    }

    /// Everything beneath `usr`, the client's own record included; nothing when there is no `usr`.
    pub fn usr(&self) -> Tree {
        let usr = self.root.join("usr");
        if usr.exists() { Tree::read(&usr).expect("usr is read") } else { Tree::default() }
    }

    /// Asserts that the machine is at that release with these bundles and what they include, and nothing else.
    pub fn assert_holds(&self, release: u32, bundles: &[&str]) {
        let expected = world().trees.expected(release, bundles).expect("the published trees are read");
        assert_equal(&expected, &Tree::of_machine(&self.root).expect("the machine's tree is read"));
    }

    /// A path beneath the root.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// Asserts that two trees are equal, and tells how they are not.
#[track_caller]
pub fn assert_equal(expected: &Tree, found: &Tree) {
    let differences = expected.differences(found);
    assert!(differences.is_empty(), "{differences}");
}

/// Asserts that a tree is the one before or the target, and tells how it is neither.
#[track_caller]
pub fn assert_either(before: &Tree, target: &Tree, found: &Tree, when: &str) {
    let (to_before, to_target) = (before.differences(found), target.differences(found));
    let whole = to_before.is_empty() || to_target.is_empty();
    assert!(whole, "{when}: neither the tree before ({to_before}) nor the target ({to_target})");
}

/// The outcome, when each of its events fits the schema.
pub fn checked(outcome: Outcome) -> Outcome {
    for event in &outcome.events {
        world().schemas.check("cli-event", event).unwrap_or_else(|error| panic!("{event}: {error:#}"));
    }
    outcome
}

/// The error event of a run that failed.
pub fn error(outcome: &Outcome) -> Option<&Value> {
    outcome.events.iter().find(|event| event["event"] == "error")
}

/// Whether a warning of a run holds that text.
pub fn warned(outcome: &Outcome, text: &str) -> bool {
    outcome.events.iter().any(|event| event["event"] == "warning" && event.to_string().contains(text))
}

/// The figures that a dry run must foretell.
pub fn figures(outcome: &Outcome) -> [&Value; 8] {
    ["from", "to", "bundles", "files_added", "files_changed", "files_removed", "download_bytes", "requests"]
        .map(|name| &outcome.result[name])
}

/// The command line within which a run gets a signal before its `time`-th call of that name.
pub fn signalled(signal: &str, call: &str, time: u32) -> Vec<String> {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal={signal}:when={time}"));
    ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject].map(str::to_owned).into()
}

/// The command line within which a run does not get to read these files: the disk gives that error instead.
pub fn unreadable(paths: &[&Path], error: &str) -> Vec<String> {
    let inject = format!("inject=read,pread64:error={error}");
    let mut line = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject].map(str::to_owned).to_vec();
    line.extend(paths.iter().flat_map(|path| ["-P".to_owned(), path.display().to_string()]));
    line
}

/// Overwrites a file in place: the inode, and every tree that shares it, has the new content.
pub fn overwrite_in_place(path: &Path) {
    assert!(path.is_file(), "{}", path.display());
    fs::write(path, "overwritten in place").expect("written");
}

/// Puts another file in a file's place: a new inode.
pub fn replace(path: &Path) {
    let new = path.with_extension("new");
    fs::copy(path, &new).expect("copied");
    fs::write(&new, "another file").expect("written");
    fs::rename(&new, path).expect("renamed");
}
