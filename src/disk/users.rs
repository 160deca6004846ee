//! Who still looks at a directory: processes whose working directory, root or open files, or mounts that lie in it.

use std::fs;
use std::path::Path;

use super::mounts::Mount;

/// Whether any process that can be seen works in `directory`, has a file in it open, or has it mounted somewhere.
///
/// Processes that end while they are looked at, and those that may not be looked at, count as not looking.
pub fn is_in_use(directory: &Path) -> bool {
    let Ok(directory) = fs::canonicalize(directory) else { return false };
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        let is_process = process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
        let own = process.file_name().to_string_lossy() == std::process::id().to_string();
        is_process && !own && looks_at(&process.path(), &directory)
    })
}

fn looks_at(process: &Path, directory: &Path) -> bool {
    let leads_in = |link: &Path| fs::read_link(link).is_ok_and(|target| target.starts_with(directory));
    let opens = |list: fs::ReadDir| list.flatten().any(|handle| leads_in(&handle.path()));
    leads_in(&process.join("cwd"))
        || leads_in(&process.join("root"))
        || fs::read_dir(process.join("fd")).is_ok_and(opens)
        || fs::read(process.join("mountinfo")).is_ok_and(|table| is_mounted(&table, directory))
}

/// Whether a table has a mount whose source or place lies in `directory`.
///
/// The source is a path within its own file system, so a match there can be one of another file system: that only makes a
/// tree count as in use that is not.
fn is_mounted(table: &[u8], directory: &Path) -> bool {
    Mount::all(table).any(|mount| mount.source.starts_with(directory) || mount.place.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_that_works_in_it_is_seen() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let inner = temporary.path().join("tree/bin");
        fs::create_dir_all(&inner).expect("made");
        assert!(!is_in_use(temporary.path()));
        let mut child = Command::new("cat").current_dir(&inner).stdin(Stdio::piped()).spawn().expect("cat runs");
        assert!(is_in_use(&temporary.path().join("tree")));
        assert!(!is_in_use(&temporary.path().join("tree/lib")));
        child.kill().expect("ended");
        child.wait().expect("gone");
        assert!(!is_in_use(temporary.path()));
    }

    #[test]
    fn mounts_are_found_by_source_and_place() {
        let mounts = b"\
35 1 0:9 / /home/\xff rw - fuse x rw
36 35 98:0 /a/next /mnt rw - ext4 /dev/x rw
37 35 0:5 / /b\\040c/previous/proc rw - proc proc rw
";
        assert!(is_mounted(mounts, Path::new("/a/next")));
        assert!(is_mounted(mounts, Path::new("/b c/previous")));
        assert!(!is_mounted(mounts, Path::new("/a/nex")));
    }
}
