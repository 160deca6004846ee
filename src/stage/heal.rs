//! Puts right, in the previous tree, the damage that it shares with the one that was live, where that one is not kept: trees
//! share inodes, so what damages a file of one damages it in all. Besides, a previous tree is written to only when it becomes
//! that, or the live one again. A run that is killed before it heals leaves the damage: a rollback finds and mends it.

use super::StageError;
use super::mend::{descend, put};
use crate::disk::{Directory, DiskError, Inode};
use crate::report::{Checkpoint, Reporter};
use crate::types::TreePath;

/// A damaged file and the inode that was at its place.
#[derive(Clone, Debug)]
pub struct Damaged {
    path: TreePath,
    inode: Option<Inode>,
}

/// Looks at the files of the live tree that are known to be damaged, before they are replaced.
///
/// # Errors
/// When the disk says no.
pub fn damaged(live: &Directory, paths: &[TreePath]) -> Result<Vec<Damaged>, StageError> {
    let look = |path: &TreePath| {
        let (parent, name) = path.split_beneath_usr();
        let inode = descend(live, parent)?.map(|parent| parent.look(name)).transpose()?.flatten();
        Ok(Damaged { path: path.clone(), inode })
    };
    paths.iter().map(look).collect()
}

/// Gives `previous` the whole files of `live` where it has the damaged inodes, and goes on after a failure.
///
/// # Errors
/// When the disk says no. All else is healed then.
pub fn heal(
    previous: &Directory,
    live: &Directory,
    damaged: &[Damaged],
    reporter: &dyn Reporter,
) -> Result<(), StageError> {
    let mut done = Ok(());
    for each in damaged {
        done = done.and(heal_one(previous, live, each, reporter));
    }
    done?;
    reporter.passes(Checkpoint::Healed);
    Ok(())
}

fn heal_one(
    previous: &Directory,
    live: &Directory,
    Damaged { path, inode }: &Damaged,
    reporter: &dyn Reporter,
) -> Result<(), DiskError> {
    let (parent, name) = path.split_beneath_usr();
    let (Some(from), Some(to)) = (descend(live, parent)?, descend(previous, parent)?) else { return Ok(()) };
    let is_shared = to.look(name)?.zip(*inode).is_some_and(|(there, inode)| there.is_same_inode(&inode));
    if is_shared { put(&to, name, reporter, |beside| from.link(name, &to, beside)) } else { Ok(()) }
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
        heal(&previous_top, &live_top, &seen, &Silent).expect("healed");
        let content = |name| previous.read(name, 99).expect("read");
        assert_eq!(content("shared"), Some(b"whole".to_vec()));
        assert_eq!(content("own"), Some(b"of the release before".to_vec()));
        assert_eq!(content("gone"), None);
    }

    #[test]
    fn what_fails_keeps_nothing_else_from_being_healed_and_leaves_nothing() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let top = Directory::open_path(temporary.path()).expect("it opens");
        let [live, previous] = ["live", "previous"].map(|name| top.ensure_subdirectory(name, 0o700).expect("made"));
        let names = ["a", "b"];
        for name in names {
            live.write_new(name, 0o644, b"damaged").expect("written");
            live.link(name, &previous, name).expect("linked");
        }
        let paths = names.map(|name| format!("usr/{name}").parse().expect("a path"));
        let seen = damaged(&live, &paths).expect("looked");
        names.iter().for_each(|name| live.remove(name).expect("removed"));
        live.write_new("b", 0o644, b"whole").expect("written");
        heal(&previous, &live, &seen, &Silent).expect_err("the first has gone");
        assert_eq!(previous.names().expect("listed"), names);
        assert_eq!(previous.read("b", 99).expect("read"), Some(b"whole".to_vec()));
    }

    #[test]
    fn what_is_no_directory_any_more_is_passed_by() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let top = Directory::open_path(temporary.path()).expect("it opens");
        let [live, previous] = ["live", "previous"].map(|name| top.ensure_subdirectory(name, 0o700).expect("made"));
        previous.symlink("link", "/tmp").expect("linked");
        previous.write_new("file", 0o644, b"").expect("written");
        let bin = previous.ensure_subdirectory("bin", 0o755).expect("made");
        bin.write_new("x", 0o644, b"damaged").expect("written");
        let paths = ["usr/link/x", "usr/file/x", "usr/none/x", "usr/bin/x"].map(|path| path.parse().expect("a path"));
        let seen = damaged(&previous, &paths).expect("looked");
        for directory in ["link", "file", "none", "bin"] {
            let inner = live.ensure_subdirectory(directory, 0o755).expect("made");
            inner.write_new("x", 0o644, b"whole").expect("written");
        }
        heal(&previous, &live, &seen, &Silent).expect("healed");
        assert_eq!(bin.read("x", 99).expect("read"), Some(b"whole".to_vec()));
    }
}
