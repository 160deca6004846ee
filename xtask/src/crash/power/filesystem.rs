//! The file systems under test: made, put on a loop device, mounted.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A file system that systems are installed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Debian's usual one.
    Ext4,
    /// With metadata in a log of its own.
    Xfs,
    /// Copies on writing.
    Btrfs,
}

/// A mounted file system; unmounted when dropped.
pub struct Mounted {
    /// Where it is mounted.
    pub at: PathBuf,
    device: Option<String>,
}

/// So often a file system is unmounted that is busy.
const UNMOUNTS: usize = 500;
/// What must be there to cut the power: programs, and devices.
const NEEDED: [&str; 6] = ["losetup", "mount", "umount", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs"];

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ext4, Self::Xfs, Self::Btrfs];

    /// Its name, as `mount -t` wants it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        }
    }

    /// Bytes that are written as a whole, or not: btrfs relies on that for its superblock.
    pub fn sector(self) -> u64 {
        match self {
            Self::Ext4 | Self::Xfs => 512,
            Self::Btrfs => 4096,
        }
    }

    /// Makes a new, empty one in a new file.
    ///
    /// # Errors
    /// When that fails.
    pub fn make(self, image: &Path) -> Result<()> {
        let (mebibytes, options): (u64, &[&str]) = match self {
            Self::Ext4 => (64, &["-q", "-E", "nodiscard"]),
            Self::Xfs => (300, &["-q", "-K"]),
            Self::Btrfs => (160, &["-q", "-K"]),
        };
        let file = std::fs::File::create(image).and_then(|file| file.set_len(mebibytes << 20));
        file.with_context(|| format!("cannot make {}", image.display()))?;
        let program = format!("mkfs.{}", self.name());
        run(Command::new(&program).args(options).arg(image)).map(drop)
    }

    /// Mounts one that lies in a plain file.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount_file(self, image: &Path, at: &Path) -> Result<Mounted> {
        self.mount(image, at, "loop,")?;
        Ok(Mounted { at: at.to_owned(), device: None })
    }

    /// Mounts one that lies on a disk that remembers, past every cache.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount_disk(self, disk: &Path, at: &Path) -> Result<Mounted> {
        let device = run(Command::new("losetup").args(["--find", "--show", "--direct-io=on"]).arg(disk))?;
        let device = device.trim().to_owned();
        let mounted = Mounted { at: at.to_owned(), device: Some(device.clone()) };
        self.mount(Path::new(&device), at, "")?;
        Ok(mounted)
    }

    fn mount(self, what: &Path, at: &Path, options: &str) -> Result<()> {
        // The images of one file system have one identity.
        let own = if self == Self::Xfs { "nouuid" } else { "rw" };
        let options = format!("{options}{own},noatime");
        run(Command::new("mount").args(["-t", self.name(), "-o", &options]).args([what, at])).map(drop)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A program that another thread is about to start holds for a moment what this one has open. What could not be
        // unmounted is told by the next mount at the same place, and goes with the namespace.
        let mut tries = (0..UNMOUNTS).map(|_| run(Command::new("umount").arg(&self.at)));
        _ = tries.any(|tried| tried.is_ok());
        if let Some(device) = &self.device {
            _ = run(Command::new("losetup").args(["--detach", device]));
        }
    }
}

/// Why power cuts cannot be tried here; none when they can.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    if let Some(device) = ["/dev/fuse", "/dev/loop-control"].iter().find(|device| !Path::new(device).exists()) {
        return Some(format!("no {device}"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |program: &&&str| !std::env::split_paths(&path).any(|directory| directory.join(program).exists());
    if let Some(program) = NEEDED.iter().find(found) {
        return Some(format!("no {program}"));
    }
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let unknown = Kind::ALL.iter().find(|kind| !known.lines().any(|line| line.trim() == kind.name()));
    unknown.map(|kind| format!("this kernel does not know {}", kind.name()))
}

fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let name = || OsStr::display(&program).to_string();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", name()))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {}", name(), told.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
