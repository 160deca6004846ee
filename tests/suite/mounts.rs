//! File systems of a test's own: mounted in a private mount namespace, which nobody else sees and which ends with it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use xtask::programs::Outcome;

use crate::machine::checked;
use crate::world::world;

/// A shell in a mount namespace of its own, with a file system on one directory.
pub struct PrivateMount {
    holder: Child,
    /// Held open: the holder ends with its input.
    stdin: Option<ChildStdin>,
    /// Where the file system is mounted, as those in the namespace see it.
    pub inside: PathBuf,
    _directory: tempfile::TempDir,
}

impl PrivateMount {
    /// Mounts a `tmpfs` of that size; none when this machine does not let us.
    pub fn tmpfs(mebibytes: u32) -> Option<Self> {
        Self::made(r#"mount -t tmpfs -o "size=$2m,mode=755" tmpfs "$1""#, &[&mebibytes.to_string()])
    }

    /// Mounts a new ext4 of that size, with that many inodes at least; none when this machine does not let us.
    pub fn ext4(mebibytes: u32, inodes: u32) -> Option<Self> {
        // Mounted where its image lies: that is hidden then, and goes with the directory.
        let script = r#"truncate -s "$2m" "$1/image" && mkfs.ext4 -q -m 0 -N "$3" "$1/image" >/dev/null &&
            mount -t ext4 -o loop "$1/image" "$1""#;
        Self::made(script, &[&mebibytes.to_string(), &inodes.to_string()])
    }

    /// Mounts a directory as the lower layer of an overlay, as `root` in the place, with that `redirect_dir`, which says whether
    /// directories of the lower layer can be moved; none when this machine does not let us.
    pub fn overlay(lower: &Path, redirect: &str) -> Option<Self> {
        let script = r#"mkdir "$1/upper" "$1/work" "$1/root" && mount -t overlay overlay \
            -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work,redirect_dir=$3" "$1/root""#;
        Self::made(script, &[lower.to_str().expect("it is text"), redirect])
    }

    /// Mounts a directory on another one; none when this machine does not let us.
    pub fn bind(from: &Path, on: &Path) -> Option<Self> {
        let [from, on] = [from, on].map(|path| path.to_str().expect("it is text"));
        Self::made(r#"mount --bind "$2" "$3""#, &[from, on])
    }

    /// Mounts by a script, whose first argument is where.
    fn made(script: &str, arguments: &[&str]) -> Option<Self> {
        let directory = world().directory();
        let inside = directory.path().to_owned();
        let script = format!("{script} && echo mounted && exec cat >/dev/null");
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script, "sh"])
            .arg(&inside)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let stdin = holder.stdin.take();
        let mut line = String::new();
        BufReader::new(holder.stdout.take()?).read_line(&mut line).ok()?;
        let mount = Self { holder, stdin, inside, _directory: directory };
        (line.trim() == "mounted").then_some(mount)
    }

    /// The same directory as this process sees it.
    pub fn outside(&self) -> PathBuf {
        let namespace = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        namespace.join(self.inside.strip_prefix("/").expect("an absolute path"))
    }

    /// Mounts it read-only, or writable again.
    pub fn remount(&self, how: &str) {
        let mut command = Command::new("nsenter");
        command.args(self.entering()).args(["mount", "-o", &format!("remount,{how}")]).arg(&self.inside);
        assert!(command.status().expect("nsenter starts").success(), "remount,{how}");
    }

    /// Runs the client in the namespace, on a root beneath the mount.
    pub fn client(&self, root: &Path, arguments: &[&str]) -> Outcome {
        let mut prefix = vec!["nsenter".to_owned()];
        prefix.extend(self.entering());
        let outcome = world().programs.client_within(&prefix, root, arguments);
        checked(outcome.expect("the contract of --json is kept"))
    }

    fn entering(&self) -> [String; 3] {
        ["--mount".to_owned(), "--target".to_owned(), self.holder.id().to_string()]
    }
}

impl Drop for PrivateMount {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends with its input, and the mount with it.
        _ = self.holder.wait();
    }
}
