//! The tree of several bundles, put together one manifest after the other, so that no two need be in memory.

use super::{BundleManifest, Conflict, Tree};
use crate::types::{BundleName, Entry, Kind, Metadata, TreePath};

/// What the manifests so far make together.
#[derive(Debug, Default)]
pub struct Union {
    /// Each with the place of its owner.
    entries: Vec<(Entry, usize)>,
    /// So many of them are in path order, and each path is there once.
    settled: usize,
    owners: Vec<BundleName>,
}

impl Union {
    /// Adds the entries of one more bundle.
    ///
    /// # Errors
    /// When a bundle has another entry than an earlier one for one path; that may be told later, by [`Union::finish`] at the
    /// latest.
    pub fn add(&mut self, manifest: BundleManifest) -> Result<(), Conflict> {
        let owner = self.owners.len();
        self.owners.push(manifest.bundle);
        let new = manifest.tree.into_entries();
        self.entries.reserve_exact(new.len());
        self.entries.extend(new.into_iter().map(|entry| (entry, owner)));
        // Many small bundles are settled together: each time as much as there is already, so all takes little longer than once.
        if self.entries.len() < 2 * self.settled {
            return Ok(());
        }
        self.settle()
    }

    /// Puts all in order and drops what is there again.
    fn settle(&mut self) -> Result<(), Conflict> {
        // In place, and stable: sorted runs, of which the sort finds that they are, the earlier owner first.
        self.entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        let mut different = None;
        self.entries.dedup_by(|(entry, owner), (known, first)| {
            let same_path = entry.path == known.path;
            if same_path && entry != known && different.is_none() {
                different = Some((entry.path.clone(), *first, *owner, describe_difference(known, entry)));
            }
            same_path
        });
        self.settled = self.entries.len();
        match different {
            Some((path, first, second, difference)) => Err(self.conflict(path, first, second, difference)),
            None => Ok(()),
        }
    }

    /// The tree, with the directories that lead to the tree's own record added where no bundle has them.
    ///
    /// # Errors
    /// When a bundle has another entry than an earlier one for one path, or one content has two lengths.
    pub fn finish(mut self) -> Result<Tree, Conflict> {
        self.settle()?;
        self.one_size_each()?;
        for implied in implied_directories() {
            if let Err(place) = self.entries.binary_search_by(|(entry, _)| entry.path.cmp(&implied.path)) {
                self.entries.insert(place, (implied, 0));
            }
        }
        // Each manifest is a tree and equal paths are equal entries, so only a file at one of the implied directories
        // could break the union, and `BundleManifest` refuses those.
        let mut entries: Vec<Entry> = self.entries.into_iter().map(|(entry, _)| entry).collect();
        // It took over the room of the pairs.
        entries.shrink_to_fit();
        Ok(Tree::from_sorted(entries).expect("a union of agreeing trees is a tree"))
    }

    /// A digest names one content, which has one length.
    fn one_size_each(&self) -> Result<(), Conflict> {
        let files = self.entries.iter().filter_map(|(entry, owner)| match &entry.kind {
            Kind::File { size, digest, .. } => Some((digest, size, &entry.path, *owner)),
            Kind::Directory | Kind::Symlink { .. } => None,
        });
        let mut contents: Vec<_> = files.collect();
        contents.sort_unstable();
        for pair in contents.windows(2) {
            let ((a, size, other, first), (b, second_size, path, second)) = (pair[0], pair[1]);
            if a == b && size != second_size {
                let difference =
                    format!("its content has {second_size} bytes here and {size} bytes elsewhere, at {other}");
                return Err(self.conflict(path.clone(), first, second, difference));
            }
        }
        Ok(())
    }

    fn conflict(&self, path: TreePath, first: usize, second: usize, difference: String) -> Conflict {
        Conflict { path, first: self.owners[first].clone(), second: self.owners[second].clone(), difference }
    }
}

/// The directories above [`Tree::RECORD_PATH`], as they are where no bundle has them.
fn implied_directories() -> [Entry; 2] {
    [TreePath::TOP, "usr/share"].map(|path| Entry {
        path: path.parse().expect("a constant path"),
        kind: Kind::Directory,
        metadata: Metadata { mode: 0o755, ..Metadata::default() },
    })
}

/// In what two entries for one path differ, in a few words.
pub(crate) fn describe_difference(first: &Entry, second: &Entry) -> String {
    let (a, b) = (&first.metadata, &second.metadata);
    match (&first.kind, &second.kind) {
        (Kind::File { digest: x, .. }, Kind::File { digest: y, .. }) if x != y => format!("content {x} and {y}"),
        (Kind::Symlink { target: x }, Kind::Symlink { target: y }) if x != y => format!("link to {x:?} and to {y:?}"),
        (x, y) if !x.same_content(y) => format!("{} and {}", x.noun(), y.noun()),
        _ if a.mode != b.mode => format!("mode {:o} and {:o}", a.mode, b.mode),
        _ if (a.uid, a.gid) != (b.uid, b.gid) => format!("owner {}:{} and {}:{}", a.uid, a.gid, b.uid, b.gid),
        _ if a.mtime != b.mtime => format!("time {} and {}", a.mtime.seconds, b.mtime.seconds),
        _ => "extended attributes".to_owned(),
    }
}
