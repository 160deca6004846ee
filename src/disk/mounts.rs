//! What is mounted where, from the tables in `proc(5)` (mountinfo).
//!
//! Any user can mount a file system of their own, under any name that a file can have. So a table is bytes, and a name is
//! decoded before it is compared with one of the disk.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::DiskError;

/// The table of the mounts that this process sees.
pub(super) const TABLE: &str = "/proc/self/mountinfo";

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Major and minor number of the device.
    pub device: (u32, u32),
    /// What is mounted, as a path within its own file system.
    pub source: PathBuf,
    /// Where it is mounted.
    pub place: PathBuf,
}

impl Mount {
    /// The mounts of a table, in its order.
    pub(super) fn all(table: &[u8]) -> impl Iterator<Item = Self> {
        table.split(|byte| *byte == b'\n').filter_map(Self::of)
    }

    fn of(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let (major, minor) = str::from_utf8(fields.next()?).ok()?.split_once(':')?;
        let device = (major.parse().ok()?, minor.parse().ok()?);
        Some(Self { device, source: path(fields.next()?), place: path(fields.next()?) })
    }
}

/// A path as the kernel writes it: a byte that would end the field or the line is a backslash and three octal digits.
fn path(mut field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    while let [first, rest @ ..] = field {
        let escape = match rest {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] if *first == b'\\' => {
                Some(((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), after))
            }
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((*first, rest));
        bytes.push(byte);
        field = after;
    }
    OsString::from_vec(bytes).into()
}

/// The mount points beneath `directory`, apart from itself, relative to it. None lie in one that is not there.
///
/// # Errors
/// When they cannot be told, as where nothing is mounted at `/proc`.
pub fn mounts_within(directory: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let directory = match fs::canonicalize(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| DiskError { action: "find", path: directory.to_owned(), source })?,
    };
    let table = fs::read(TABLE).map_err(|source| DiskError { action: "read", path: TABLE.into(), source })?;
    Ok(places_within(&table, &directory))
}

fn places_within(table: &[u8], directory: &Path) -> Vec<PathBuf> {
    let within = |mount: Mount| Some(mount.place.strip_prefix(directory).ok()?.to_owned());
    Mount::all(table).filter_map(within).filter(|place| !place.as_os_str().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn any_name_is_that_of_a_mount_point() {
        let table = b"\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 8:2 / /var rw shared:2 - ext4 /dev/sda2 rw
23 22 8:3 /a\\040b /var/mnt/Backup\\040Disk rw - ext4 /dev/sda3 rw
24 22 0:5 / /var/tmp/\xff\\011\\012\\134040\\0401 rw - fuse x rw
25 21 0:6 / /variant rw - tmpfs x rw
";
        let wanted: [&[u8]; 2] = [b"mnt/Backup Disk", b"tmp/\xff\t\n\\040 1"];
        assert_eq!(places_within(table, Path::new("/var")), wanted.map(OsStr::from_bytes));
        let third = Mount::all(table).nth(2).expect("a mount");
        assert_eq!((third.device, third.source), ((8, 3), "/a b".into()));
    }

    #[test]
    fn nothing_is_mounted_in_what_is_not_there() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(mounts_within(&temporary.path().join("none")).expect("told"), [""; 0].map(PathBuf::from));
        assert!(mounts_within(Path::new("/")).expect("told").contains(&"proc".into()));
    }
}
