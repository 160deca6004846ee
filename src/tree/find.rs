//! Finds files with content that is wanted in a tree that nobody vouches for: half-built, of another release, or changed.
//!
//! A file counts when it lies where an entry has that content, is as long and as old, and its inode is known to have the
//! content or it is read and has it. Without the age every rebuilt file of the same length would be read in vain; it is
//! ignored where the entries are of the tree's own release.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::KnownContent;
use crate::disk::{Directory, FileType};
use crate::types::{Digest, Entry, Kind, TreePath};

/// Whether a file must be as old as its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It must: another age means another content as a rule.
    Compared,
    /// It need not: somebody may have touched it.
    Ignored,
}

/// For each content that is `wanted` and that the tree in `top` has where one of `entries` has it: its path. What cannot be
/// read is not there.
pub fn find(
    top: &Directory,
    (entries, age): (&[&Entry], Age),
    wanted: &HashSet<Digest>,
    known: &dyn KnownContent,
) -> HashMap<Digest, TreePath> {
    let look = |entry: &&Entry| {
        let Kind::File { digest, size, .. } = entry.kind else { return None };
        let is_it = wanted.contains(&digest) && has(top, (entry, age), size, digest, known)?;
        is_it.then(|| (digest, entry.path.clone()))
    };
    let found: Vec<(Digest, TreePath)> = entries.par_iter().filter_map(look).collect();
    // Of several paths the first is kept.
    found.into_iter().rev().collect()
}

fn has(
    top: &Directory,
    (entry, age): (&Entry, Age),
    size: u64,
    digest: Digest,
    known: &dyn KnownContent,
) -> Option<bool> {
    let (parent, name) = entry.path.split_beneath_usr();
    let parent = top.descend(parent).ok()??;
    let inode = parent.look(name).ok()??;
    let is_as_old = age == Age::Ignored || inode.mtime == entry.metadata.mtime;
    if inode.file_type != FileType::File || inode.size != size || !is_as_old {
        return None;
    }
    let read = || Some(Digest::of_reader(parent.open_file(name).ok()?).ok()?.0);
    Some(known.digest(&inode).or_else(read)? == digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Ownership;
    use crate::tree::Fingerprints;
    use crate::types::{Metadata, Version};

    #[test]
    fn only_what_has_the_content_is_found() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let top = Directory::open_path(temporary.path()).expect("it opens");
        let bin = top.ensure_subdirectory("bin", 0o755).expect("made");
        for (name, content) in [("a", "right"), ("b", "wrong"), ("c", "longer"), ("e", "right"), ("f", "right")] {
            bin.write_new(name, 0o644, content.as_bytes()).expect("written");
        }
        bin.symlink("d", "a").expect("linked");
        let mtime = bin.look("e").expect("read").expect("there").mtime;
        for name in ["a", "b", "c"] {
            let file = bin.open_file(name).expect("opened");
            let metadata = Metadata { mode: 0o644, mtime, ..Metadata::default() };
            bin.set_file_metadata(&file, name, &metadata, Ownership::Ignored).expect("set");
        }
        let touched = Metadata { mode: 0o644, ..Metadata::default() };
        let file = bin.open_file("f").expect("opened");
        bin.set_file_metadata(&file, "f", &touched, Ownership::Ignored).expect("set");
        let entry = |path: &str, kind| Entry {
            path: path.parse().expect(path),
            kind,
            metadata: Metadata { mtime, ..Metadata::default() },
        };
        let directory = entry("usr/bin", Kind::Directory);
        let digest = Digest::of(b"right");
        let since = Version::new(1).expect("not zero");
        let file =
            |name: &str| entry(&format!("usr/bin/{name}"), Kind::File { size: 5, digest, object_bytes: 9, since });
        let mut known = Fingerprints::default();
        let search_for = |wanted: &HashSet<Digest>, names: &[&str], age, known: &Fingerprints| {
            let entries: Vec<Entry> = names.iter().map(|name| file(name)).collect();
            let entries: Vec<&Entry> = std::iter::once(&directory).chain(&entries).collect();
            find(&top, (&entries, age), wanted, known)
        };
        let search = |names: &[&str], known: &Fingerprints| search_for(&[digest].into(), names, Age::Compared, known);
        assert_eq!(search(&["b", "c", "d", "missing"], &known), HashMap::new());
        assert_eq!(search(&["a", "e"], &known), [(digest, "usr/bin/a".parse().expect("a path"))].into());
        assert_eq!(search_for(&HashSet::new(), &["a"], Age::Compared, &known), HashMap::new(), "nobody wants it");
        // Of another age, and so only where that does not matter.
        let found = [(digest, "usr/bin/f".parse().expect("a path"))].into();
        for (age, wanted) in [(Age::Compared, HashMap::new()), (Age::Ignored, found)] {
            assert_eq!(search_for(&[digest].into(), &["b", "c", "d", "f"], age, &known), wanted, "{age:?}");
        }
        // What is known of an inode is believed, as in a scan.
        known.note(&bin.look("a").expect("read").expect("there"), Digest::of(b"other"));
        assert_eq!(search(&["a"], &known), HashMap::new());
    }
}
