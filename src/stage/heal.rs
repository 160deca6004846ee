//! Puts right, in the previous tree, the damage that it shares with the one that was live: trees share inodes, so what
//! damages a file of one damages it in all. Besides, a previous tree is written to only when it becomes that, or the live one
//! again. A run that is killed before it heals leaves the damage: [`mend`] finds that when the tree is to be the live one again.

use rustix::io::Errno;

use super::{StageError, split_text};
use crate::disk::{Directory, DiskError, FileType, Inode};
use crate::manifest::Tree;
use crate::report::{Checkpoint, Reporter};
use crate::tree::Writer;
use crate::types::{Digest, Entry, Kind, Seen, TreePath};

/// A damaged file and the inode that was at its place.
#[derive(Clone, Debug)]
pub struct Damaged {
    path: TreePath,
    inode: Option<Inode>,
}

/// The directory of a tree that holds a path; none when it is not there, or a symlink or a file is in its place or on the way
/// there: that is damage too.
fn descend(tree: &Directory, parent: &str) -> Result<Option<Directory>, DiskError> {
    match tree.descend(parent) {
        Err(error) if error.is(Errno::NOTDIR) || error.is(Errno::LOOP) => Ok(None),
        other => other,
    }
}

/// Looks at the files of the live tree that are known to be damaged, before they are replaced.
///
/// # Errors
/// When the disk says no.
pub fn damaged(live: &Directory, paths: &[TreePath]) -> Result<Vec<Damaged>, StageError> {
    let look = |path: &TreePath| {
        let (parent, name) = split_text(path.beneath_usr());
        let inode = descend(live, parent)?.map(|parent| parent.look(name)).transpose()?.flatten();
        Ok(Damaged { path: path.clone(), inode })
    };
    paths.iter().map(look).collect()
}

/// Gives `previous` the whole files of `live` where it has the damaged inodes; where it `was_live` itself, also where it
/// lacks them in a directory that it has.
///
/// # Errors
/// When the disk says no.
pub fn heal(
    previous: &Directory,
    live: &Directory,
    damaged: &[Damaged],
    was_live: bool,
    reporter: &dyn Reporter,
) -> Result<(), StageError> {
    for Damaged { path, inode } in damaged {
        let (parent, name) = split_text(path.beneath_usr());
        let (Some(from), Some(to)) = (descend(live, parent)?, descend(previous, parent)?) else { continue };
        let there = to.look(name)?;
        let shared = there.zip(*inode).is_some_and(|(there, inode)| there.is_same_inode(&inode));
        if shared || (was_live && there.is_none()) {
            replace(&to, &from, name, reporter)?;
        }
    }
    reporter.passes(Checkpoint::Healed);
    Ok(())
}

/// Gives `kept` the files of `live` where it lacks them or has them otherwise, as far as `live` has the very entry; and its
/// directories what is theirs.
pub(super) fn mend(
    kept: &Directory,
    live: &Directory,
    expected: &Tree,
    seen: &[Seen],
    writer: Writer,
    reporter: &dyn Reporter,
) -> Result<(), StageError> {
    for (entry, _) in expected.entries().iter().zip(seen).filter(|(_, seen)| **seen != Seen::Same) {
        if entry.is_directory() {
            if let Some(directory) = descend(kept, entry.path.beneath_usr())? {
                writer.settle_directory(&directory, &entry.metadata)?;
            }
            continue;
        }
        let (parent, name) = split_text(entry.path.beneath_usr());
        let (Some(from), Some(to)) = (descend(live, parent)?, descend(kept, parent)?) else { continue };
        if has(&from, name, entry, writer)? {
            replace(&to, &from, name, reporter)?;
        }
    }
    reporter.passes(Checkpoint::Mended);
    Ok(())
}

/// Whether a directory has this file: content, mode, owner and time. The scan that follows looks at the rest.
fn has(directory: &Directory, name: &str, entry: &Entry, writer: Writer) -> Result<bool, DiskError> {
    let (Kind::File { digest, .. }, Some(inode)) = (&entry.kind, directory.look(name)?) else { return Ok(false) };
    if inode.file_type != FileType::File || inode.metadata_difference(&entry.metadata, writer.ownership).is_some() {
        return Ok(false);
    }
    let read = Digest::of_reader(directory.open_file(name)?);
    let failed = |source| DiskError { action: "read", path: directory.path().join(name), source };
    Ok(read.map_err(failed)?.0 == *digest)
}

/// Puts the file `name` of `from` in the place of that in `to`, whose time stays.
fn replace(to: &Directory, from: &Directory, name: &str, reporter: &dyn Reporter) -> Result<(), DiskError> {
    let mtime = to.inode()?.mtime;
    let whole = format!(".{name}.whole");
    to.remove(&whole)?;
    from.link(name, to, &whole)?;
    reporter.passes(Checkpoint::WholeLinked);
    to.rename(&whole, to, name)?;
    reporter.passes(Checkpoint::WholePlaced);
    to.set_mtime(mtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Silent;

    #[test]
    fn only_the_shared_damage_is_replaced() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let top = Directory::open_path(temporary.path()).expect("it opens");
        let [live, previous] = ["live", "previous"].map(|name| {
            let tree = top.ensure_subdirectory(name, 0o700).expect("made");
            tree.ensure_subdirectory("bin", 0o755).expect("made")
        });
        for name in ["shared", "own"] {
            live.write_new(name, 0o644, b"damaged").expect("written");
        }
        live.link("shared", &previous, "shared").expect("linked");
        previous.write_new("own", 0o644, b"of the release before").expect("written");
        let [live_top, previous_top] =
            ["live", "previous"].map(|name| top.subdirectory(name).expect("read").expect("there"));
        let paths = ["usr/bin/shared", "usr/bin/own", "usr/bin/gone"].map(|path| path.parse().expect("a path"));
        let seen = damaged(&live_top, &paths).expect("looked");
        for name in ["shared", "own", "gone"] {
            live.remove(name).expect("removed");
            live.write_new(name, 0o644, b"whole").expect("written");
        }
        heal(&previous_top, &live_top, &seen, false, &Silent).expect("healed");
        let content = |name| previous.read(name, 99).expect("read");
        assert_eq!(content("shared"), Some(b"whole".to_vec()));
        assert_eq!(content("own"), Some(b"of the release before".to_vec()));
        assert_eq!(content("gone"), None);
        heal(&previous_top, &live_top, &seen, true, &Silent).expect("healed");
        assert_eq!(content("gone"), Some(b"whole".to_vec()));
    }

    #[test]
    fn what_is_no_directory_any_more_is_passed_by() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let top = Directory::open_path(temporary.path()).expect("it opens");
        let [live, previous] = ["live", "previous"].map(|name| top.ensure_subdirectory(name, 0o700).expect("made"));
        for directory in ["link", "file", "none", "bin"] {
            let inner = live.ensure_subdirectory(directory, 0o755).expect("made");
            inner.write_new("x", 0o644, b"whole").expect("written");
        }
        previous.symlink("link", "/tmp").expect("linked");
        previous.write_new("file", 0o644, b"").expect("written");
        let bin = previous.ensure_subdirectory("bin", 0o755).expect("made");
        let paths = ["usr/link/x", "usr/file/x", "usr/none/x", "usr/bin/x"].map(|path| path.parse().expect("a path"));
        let seen = damaged(&previous, &paths).expect("looked");
        heal(&previous, &live, &seen, true, &Silent).expect("healed");
        assert_eq!(bin.read("x", 99).expect("read"), Some(b"whole".to_vec()));
    }
}
