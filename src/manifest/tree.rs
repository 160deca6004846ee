//! The tree that a set of manifests describes: its entries in preorder.

use std::path::Path;

use super::{BundleManifest, Union};
use crate::types::{BundleName, Digest, Entry, TreePath};

/// Entries in path order: every directory right before what it holds, every entry's parent a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    entries: Vec<Entry>,
    /// For each entry the index after its last descendant.
    subtree_ends: Vec<usize>,
}

/// A list of entries that is no tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreeError {
    /// Two entries for one path.
    #[error("{0} is listed twice")]
    Duplicate(TreePath),
    /// The parent is not listed, or is a file or symlink.
    #[error("the parent of {0} is not listed as a directory")]
    NoParent(TreePath),
    /// `usr` itself is not a directory.
    #[error("usr is not listed as a directory")]
    TopIsNoDirectory,
}

/// Two bundles that disagree about a path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("bundles {first} and {second} disagree about {path}: {difference}")]
pub struct Conflict {
    /// The path.
    pub path: TreePath,
    /// One bundle.
    pub first: BundleName,
    /// The other bundle.
    pub second: BundleName,
    /// In what they differ.
    pub difference: String,
}

impl Tree {
    /// Where the tree keeps its own record; no manifest may speak of it.
    pub const RECORD_PATH: &str = "usr/share/stateless-update";

    /// Makes a tree of entries that are sorted by path.
    ///
    /// # Errors
    /// When a path comes twice or out of order, or lies under something that is not a directory.
    pub fn from_sorted(entries: Vec<Entry>) -> Result<Self, TreeError> {
        let mut subtree_ends = vec![0; entries.len()];
        let mut open: Vec<usize> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 && entries[index - 1].path >= entry.path {
                return Err(TreeError::Duplicate(entry.path.clone()));
            }
            while let Some(&last) = open.last().filter(|&&last| !entry.path.starts_with(&entries[last].path)) {
                subtree_ends[last] = index;
                open.pop();
            }
            match (entry.path.parent(), open.last()) {
                (None, _) if !entry.is_directory() => return Err(TreeError::TopIsNoDirectory),
                (None, _) => {}
                (Some(parent), Some(&last)) if entries[last].path == parent => {}
                (Some(_), _) => return Err(TreeError::NoParent(entry.path.clone())),
            }
            if entry.is_directory() {
                open.push(index);
            } else {
                subtree_ends[index] = index + 1;
            }
        }
        for last in open {
            subtree_ends[last] = entries.len();
        }
        Ok(Self { entries, subtree_ends })
    }

    /// The union of manifests; see [`Union`].
    ///
    /// # Errors
    /// Those of [`Union`].
    pub fn compose<'a>(manifests: impl IntoIterator<Item = &'a BundleManifest>) -> Result<Self, Conflict> {
        let mut union = Union::default();
        manifests.into_iter().try_for_each(|manifest| union.add(manifest.clone()))?;
        union.finish()
    }

    /// Lets equal paths of both trees be one in memory: the trees of two releases have nearly all of theirs in common.
    pub fn share_paths(&mut self, other: &Self) {
        let mut others = other.entries.iter().peekable();
        for entry in &mut self.entries {
            while others.next_if(|other| other.path < entry.path).is_some() {}
            if let Some(other) = others.next_if(|other| other.path == entry.path) {
                entry.path = other.path.clone();
            }
        }
    }

    /// The entries, without their order.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// All entries, in path order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content of each file, in path order: of equal files as often as there are.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        self.entries.iter().filter_map(|entry| entry.kind.digest())
    }

    /// The entry at `path`.
    pub fn find(&self, path: &TreePath) -> Option<&Entry> {
        self.position(path).map(|index| &self.entries[index])
    }

    /// The entry at a path relative to `usr`, which is `usr` itself at the empty one; none where no entry can have that path.
    pub fn find_beneath_usr(&self, path: &Path) -> Option<&Entry> {
        let path = match path.to_str()? {
            "" => TreePath::top(),
            beneath => format!("{}/{beneath}", TreePath::TOP).parse().ok()?,
        };
        self.find(&path)
    }

    /// The index of the entry at `path`.
    pub fn position(&self, path: &TreePath) -> Option<usize> {
        self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()
    }

    /// The indices of the entries directly in the directory at `index`, in order.
    pub fn children(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.subtree_ends[index];
        let mut next = index + 1;
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| next = self.subtree_ends[child])?;
            Some(child)
        })
    }

    /// The entry at `index` and everything beneath it, in order.
    pub fn subtree(&self, index: usize) -> &[Entry] {
        &self.entries[index..self.subtree_ends[index]]
    }

    /// [`Tree::RECORD_PATH`] relative to `usr`.
    pub fn record_beneath_usr() -> &'static str {
        &Self::RECORD_PATH[TreePath::TOP.len() + 1..]
    }

    /// Both trees side by side, in path order: each path with what either tree has there.
    pub fn pairs<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (Option<&'a Entry>, Option<&'a Entry>)> {
        let (mut left, mut right) = (self.entries.iter().peekable(), other.entries.iter().peekable());
        std::iter::from_fn(move || match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a.path == b.path => Some((left.next(), right.next())),
            (Some(a), Some(b)) if a.path < b.path => Some((left.next(), None)),
            (Some(_), None) => Some((left.next(), None)),
            (None, None) => None,
            _ => Some((None, right.next())),
        })
    }

    /// The tree without the entries for which `keep` says no, and without what lies beneath them.
    pub fn filtered(&self, mut keep: impl FnMut(&Entry) -> bool) -> Self {
        let mut entries = Vec::with_capacity(self.entries.len());
        let mut index = 0;
        while let Some(entry) = self.entries.get(index) {
            if keep(entry) {
                entries.push(entry.clone());
                index += 1;
            } else {
                index = self.subtree_ends[index];
            }
        }
        Self::from_sorted(entries).expect("a tree without some subtrees is a tree")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Kind, Metadata};

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry { path: path.parse().expect(path), kind, metadata: Metadata { mode: 0o755, ..Metadata::default() } }
    }

    fn directory(path: &str) -> Entry {
        entry(path, Kind::Directory)
    }

    fn link(path: &str, target: &str) -> Entry {
        entry(path, Kind::Symlink { target: target.into() })
    }

    fn manifest(bundle: &str, entries: Vec<Entry>) -> BundleManifest {
        BundleManifest { bundle: bundle.parse().expect(bundle), tree: Tree::from_sorted(entries).expect("a tree") }
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let cases = [
            (vec![link("usr", "x")], TreeError::TopIsNoDirectory),
            (vec![directory("usr"), directory("usr/a/b")], TreeError::NoParent("usr/a/b".parse().expect("path"))),
            (
                vec![directory("usr"), link("usr/lib", "/etc"), link("usr/lib/x", "y")],
                TreeError::NoParent("usr/lib/x".parse().expect("path")),
            ),
            (
                vec![directory("usr"), directory("usr/a"), directory("usr/a")],
                TreeError::Duplicate("usr/a".parse().expect("path")),
            ),
        ];
        for (entries, error) in cases {
            assert_eq!(Tree::from_sorted(entries), Err(error));
        }
    }

    #[test]
    fn children_are_those_directly_inside() {
        let paths = ["usr", "usr/a", "usr/a/x", "usr/a/x/y", "usr/a-b", "usr/b", "usr/b/z"];
        let tree = Tree::from_sorted(paths.into_iter().map(directory).collect()).expect("a tree");
        let names = |index| tree.children(index).map(|child| tree.entries()[child].path.name()).collect::<Vec<_>>();
        assert_eq!(names(0), ["a", "a-b", "b"]);
        assert_eq!(names(1), ["x"]);
        assert_eq!(names(5), ["z"]);
        assert_eq!(names(6), [""; 0]);
        let without_a = tree.filtered(|entry| entry.path.name() != "a");
        assert_eq!(without_a.entries().len(), 4);
    }

    #[test]
    fn bundles_that_agree_are_one_tree() {
        let a = manifest("a", vec![directory("usr"), directory("usr/bin"), link("usr/bin/sh", "dash")]);
        let b = manifest("b", vec![directory("usr"), directory("usr/bin"), link("usr/bin/vi", "vim")]);
        let tree = Tree::compose([&a, &b]).expect("no conflict");
        let paths: Vec<_> = tree.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["usr", "usr/bin", "usr/bin/sh", "usr/bin/vi", "usr/share"]);

        let c = manifest("c", vec![directory("usr"), directory("usr/bin"), link("usr/bin/sh", "bash")]);
        let conflict = Tree::compose([&a, &b, &c]).expect_err("a conflict").to_string();
        assert!(conflict.contains("usr/bin/sh") && conflict.contains("bundles a and c"), "{conflict}");
    }

    #[test]
    fn equal_paths_are_shared_and_others_kept() {
        let old = Tree::from_sorted(["usr", "usr/a", "usr/b", "usr/d"].map(directory).to_vec()).expect("a tree");
        let new = Tree::from_sorted(["usr", "usr/b", "usr/c", "usr/d"].map(directory).to_vec()).expect("a tree");
        let mut shared = new.clone();
        shared.share_paths(&old);
        assert_eq!(shared, new);
        let place = |tree: &Tree, path: &str| tree.find(&path.parse().expect(path)).expect(path).path.as_str().as_ptr();
        for path in ["usr", "usr/b", "usr/d"] {
            assert_eq!(place(&shared, path), place(&old, path), "{path}");
        }
    }

    #[test]
    fn pairs_meet_at_equal_paths() {
        let a = Tree::from_sorted(vec![directory("usr"), directory("usr/a"), directory("usr/b")]).expect("a tree");
        let b = Tree::from_sorted(vec![directory("usr"), directory("usr/b"), directory("usr/c")]).expect("a tree");
        let seen: Vec<_> = a.pairs(&b).map(|(x, y)| (x.is_some(), y.is_some())).collect();
        assert_eq!(seen, [(true, true), (true, false), (true, true), (false, true)]);
    }
}
