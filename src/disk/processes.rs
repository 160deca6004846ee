//! Which files running programs have mapped, from `proc(5)`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::mounts::{Mount, TABLE};

/// A process and the files beneath a directory that it has mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its number.
    pub pid: u32,
    /// The unit that it belongs to, if it belongs to one: `nginx.service`.
    pub unit: Option<String>,
    /// Who manages that unit.
    pub manager: Manager,
    /// The files: where each lies now, relative to the directory, and its inode.
    pub files: BTreeSet<(PathBuf, u64)>,
}

/// Who starts and ends a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// The system's own.
    System,
    /// That of somebody who is logged in.
    User,
}

/// All processes that have mapped files beneath `directory`. The paths are those of today: a file that has been moved
/// since is told where it is now, one that has been removed where it was.
///
/// Processes that end meanwhile, and those that may not be looked at, are passed over.
pub fn mapped_beneath(directory: &Path) -> Vec<Mapped> {
    let Ok(directory) = fs::canonicalize(directory) else { return Vec::new() };
    let Some(device) = fs::read(TABLE).ok().and_then(|table| device_of(&table, &directory)) else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let looked_at = processes.flatten().filter_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let maps = fs::read(process.path().join("maps")).ok()?;
        // Names that are no UTF-8 are those of no file of a release.
        let files = files(&String::from_utf8_lossy(&maps), &directory, device);
        let cgroup = fs::read_to_string(process.path().join("cgroup")).unwrap_or_default();
        let (unit, manager) = (unit(&cgroup), manager(&cgroup));
        (!files.is_empty()).then_some(Mapped { pid, unit, manager, files })
    });
    let mut all: Vec<Mapped> = looked_at.collect();
    all.sort_by_key(|mapped| mapped.pid);
    all
}

/// The files beneath `directory` in a list of mappings. Those of other devices are files of other roots, such as those of
/// containers, whose paths only look alike.
fn files(maps: &str, directory: &Path, device: (u32, u32)) -> BTreeSet<(PathBuf, u64)> {
    let file = |line: &str| {
        let mut rest = line;
        let mut fields = [""; 5];
        for field in &mut fields {
            (*field, rest) = rest.trim_start().split_once(' ')?;
        }
        let (major, minor) = fields[3].split_once(':')?;
        let of_line = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
        let inode = fields[4].parse().ok().filter(|&inode: &u64| inode != 0 && of_line == device)?;
        let path = rest.trim_start().replace("\\012", "\n");
        let path = Path::new(path.strip_suffix(" (deleted)").unwrap_or(&path));
        Some((path.strip_prefix(directory).ok()?.to_owned(), inode))
    };
    maps.lines().filter_map(file).collect()
}

/// The device of the file system that holds `path`, as the kernel names it in mappings; that is not what `stat` says on
/// btrfs.
fn device_of(table: &[u8], path: &Path) -> Option<(u32, u32)> {
    let holding = Mount::all(table).filter(|mount| path.starts_with(&mount.place));
    // Of several mounts at one place, the last covers the others.
    holding.max_by_key(|mount| mount.place.components().count()).map(|mount| mount.device)
}

/// The innermost unit of a control group that has processes of its own: a service or a scope.
fn unit(cgroup: &str) -> Option<String> {
    let named = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
    cgroup.lines().find_map(|line| line.rsplit('/').find(named)).map(Into::into)
}

/// The manager of the units in a control group: those of users lie beneath the service that is their manager.
fn manager(cgroup: &str) -> Manager {
    let is_user = cgroup.contains("/user@") && cgroup.contains(".service/");
    if is_user { Manager::User } else { Manager::System }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn mappings_are_read() {
        let maps = "\
7f0000000000-7f0000001000 r--p 00000000 08:11 42                         /r/usr/lib/a b.so
7f0000001000-7f0000002000 r-xp 00001000 08:11 42                         /r/usr/lib/a b.so
7f0000002000-7f0000003000 rw-p 00000000 00:00 0 
7f0000003000-7f0000004000 r--p 00000000 08:11 43                         /r/.home/previous/bin/x (deleted)
7f0000004000-7f0000005000 r--p 00000000 08:12 44                         /r/usr/lib/of-another-device
7f0000005000-7f0000006000 r--p 00000000 08:11 45                         /rr/usr/lib/c
7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0                          [stack]
";
        let wanted = [(".home/previous/bin/x", 43), ("usr/lib/a b.so", 42)];
        let wanted = wanted.map(|(path, inode)| (PathBuf::from(path), inode)).into();
        assert_eq!(files(maps, Path::new("/r"), (8, 17)), wanted);
    }

    #[test]
    fn devices_are_those_of_the_innermost_mount() {
        let mounts = b"\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /proc rw - proc proc rw
24 22 8:17 / /srv rw - ext4 /dev/sdb1 rw
25 22 8:18 / /srv rw - ext4 /dev/sdb2 rw
26 22 0:33 / /home/\xff rw - fuse x rw
";
        assert_eq!(device_of(mounts, Path::new("/usr")), Some((8, 1)));
        assert_eq!(device_of(mounts, Path::new("/srv/root")), Some((8, 18)));
        assert_eq!(device_of(mounts, Path::new("/srvx")), Some((8, 1)));
    }

    #[test]
    fn units_are_services_and_scopes() {
        use Manager::{System, User};
        for (cgroup, wanted, by) in [
            ("0::/system.slice/nginx.service\n", Some("nginx.service"), System),
            ("0::/user.slice/user-0.slice/user@0.service/app.slice/x.service/inner\n", Some("x.service"), User),
            ("0::/user.slice/user-0.slice/user@0.service/init.scope\n", Some("init.scope"), User),
            ("0::/user.slice/user-0.slice/session-3.scope\n", Some("session-3.scope"), System),
            ("1:name=systemd:/system.slice/a.service\n0::/\n", Some("a.service"), System),
            ("0::/\n", None, System),
        ] {
            assert_eq!((unit(cgroup).as_deref(), manager(cgroup)), (wanted, by), "{cgroup}");
        }
    }

    #[test]
    fn a_program_that_runs_is_seen() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let program = temporary.path().join("program");
        // By a process of its own: a child of another thread would inherit the file while it is open for writing.
        assert!(Command::new("cp").arg("/bin/cat").arg(&program).status().expect("it runs").success());
        let mut child = Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        // Spawning ends a moment before the kernel maps the program: what it answers, it answers as itself.
        child.stdin.as_mut().expect("piped").write_all(b"x").expect("it listens");
        child.stdout.as_mut().expect("piped").read_exact(&mut [0]).expect("it answers");
        let mapped = mapped_beneath(temporary.path());
        child.kill().expect("ended");
        child.wait().expect("gone");
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&program).expect("there"));
        let found = mapped.iter().find(|mapped| mapped.pid == child.id()).expect("seen");
        assert_eq!(found.files, [(PathBuf::from("program"), inode)].into());
    }
}
