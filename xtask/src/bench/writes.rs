//! Counts the system calls of a run that change the file system, as `strace` saw them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};

/// Calls that always change the file system. Unknown names are left out by strace, for they are marked with `?`.
const CHANGING: &str = "link linkat unlink unlinkat rmdir rename renameat renameat2 mkdir mkdirat symlink symlinkat mknod \
    mknodat creat fsync fdatasync sync syncfs sync_file_range chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat \
    utime utimes futimesat utimensat setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr \
    removexattrat truncate ftruncate fallocate copy_file_range";

/// Calls that do so when they are given a file, and not a pipe, socket or counter.
const WRITING: &str = "write writev pwrite64 pwritev pwritev2";

/// Calls that do so with an option, and that option.
const WITH: [(&str, &str); 6] = [
    ("open", "O_CREAT"),
    ("openat", "O_CREAT"),
    ("openat2", "O_CREAT"),
    ("openat", "O_TMPFILE"),
    ("ioctl", "FICLONE"),
    ("ioctl", "FIDEDUPERANGE"),
];

/// How often each call was made, whether it succeeded or not.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    calls: BTreeMap<String, u64>,
    /// How many of them failed, and so wrote nothing.
    failed: u64,
    /// How often `usr` was exchanged with another tree.
    pub exchanges: u64,
}

impl Writes {
    /// The arguments to put between `strace` and a program, so that its calls are written to a file.
    pub fn arguments(log: &Path) -> Vec<std::ffi::OsString> {
        let plain = CHANGING.split_whitespace().chain(WRITING.split_whitespace());
        let mut names: Vec<&str> = plain.chain(WITH.map(|(name, _)| name)).collect();
        names.sort_unstable();
        names.dedup();
        let traced = format!("trace={}", names.iter().map(|name| format!("?{name}")).collect::<Vec<_>>().join(","));
        let mut arguments: Vec<_> = ["-f", "-qq", "-y", "-s", "0", "-e", "signal=none", "-e"].map(Into::into).to_vec();
        arguments.extend([traced.into(), "-o".into(), log.into()]);
        arguments
    }

    /// Counts what strace wrote.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(log: &Path) -> Result<Self> {
        let file = File::open(log).with_context(|| format!("cannot read {}", log.display()))?;
        let mut writes = Self::default();
        for line in BufReader::new(file).split(b'\n') {
            writes.count(&String::from_utf8_lossy(&line?));
        }
        Ok(writes)
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Counts a line such as `1234  write(5</path>, ""..., 10) = 10`.
    fn count(&mut self, line: &str) {
        let Some((name, arguments)) = line.split_once(' ').and_then(|(_, call)| call.trim_start().split_once('('))
        else {
            return;
        };
        let is = |names: &str| names.split_whitespace().any(|one| one == name);
        let file = || {
            let path = arguments.split_once('<').map_or("", |(_, path)| path);
            path.starts_with('/') && !["/dev/", "/proc/"].iter().any(|other| path.starts_with(other))
        };
        let with = || WITH.iter().any(|(one, option)| *one == name && arguments.contains(option));
        if is(CHANGING) || is(WRITING) && file() || with() {
            *self.calls.entry(name.to_owned()).or_default() += 1;
            self.failed += u64::from(arguments.contains(") = -1 "));
        }
        let of_usr = || arguments.contains("RENAME_EXCHANGE") && arguments.contains("usr\"");
        self.exchanges += u64::from(name == "renameat2" && of_usr());
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut calls: Vec<_> = self.calls.iter().collect();
        calls.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), name.as_str()));
        let told: Vec<_> = calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
        write!(f, "{} calls that write, {} of them failed: {}", self.total(), self.failed, told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_write_are_counted() {
        let mut writes = Writes::default();
        for line in [
            r#"12 write(5</root/usr/a>, ""..., 10) = 10"#,
            r#"12  write(1<pipe:[77]>, ""..., 10) = 10"#,
            r#"13 write(9<anon_inode:[eventfd]>, ""..., 8 <unfinished ...>"#,
            "13 <... write resumed>) = 8",
            r#"12 write(2</dev/null>, ""..., 8) = 8"#,
            r#"12 openat(AT_FDCWD</>, "x", O_RDONLY|O_CLOEXEC) = 3</x>"#,
            r#"12 openat(4</root>, "y", O_WRONLY|O_CREAT|O_EXCL, 0600) = -1 EEXIST (File exists)"#,
            r#"12 renameat2(4</root>, "usr", 5</root/s>, "next", RENAME_EXCHANGE) = 0"#,
            r#"12 renameat2(4</root>, "trust", 4</root>, "new", RENAME_EXCHANGE) = 0"#,
            "12 ioctl(4</root/a>, FICLONE, 5</root/b>) = 0",
            "12 ioctl(4</dev/tty>, TCGETS, 0x7) = 0",
            "12 +++ exited with 0 +++",
        ] {
            writes.count(line);
        }
        assert_eq!(writes.to_string(), "5 calls that write, 1 of them failed: renameat2 2, ioctl 1, openat 1, write 1");
        assert_eq!((writes.total(), writes.exchanges), (5, 1));
    }
}
