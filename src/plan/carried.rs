//! What goes along with every transition although no release owns it: the administrator's own places in `/usr`.
//!
//! What goes along is told path by path: where the target shares a directory with the administrator, all that he has in it
//! ([`is_shared`]); where it no longer has one that the live release owns, that directory is made for what he has in it, and
//! what the release had there goes. So nothing of his depends on which release is the first to own `/usr/src`, and nothing
//! of a release stays because it lay beside something of his.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Present;
use crate::manifest::Tree;
use crate::types::{Difference, Entry, Seen};

/// What no release owns and goes along: as it was when the plan was made, and what it takes to tell it again later. While blobs
/// are fetched and a tree is staged the administrator goes on working.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// The paths that go along, relative to the tree's top.
    pub paths: Vec<PathBuf>,
    /// Those that would, but for what the target has in their place.
    pub displaced: Vec<PathBuf>,
    /// What the live tree's record says of the places where such paths may be, without what was [`taken_over`].
    pub live: Tree,
    /// What the target has there.
    pub target: Tree,
}

impl Carried {
    pub(super) fn new(present: Present<'_>, target: &Tree) -> Self {
        let is_place = |entry: &Entry| {
            let path = Path::new(entry.path.beneath_usr());
            path == Path::new("") || may_be_carried(path)
        };
        let (paths, displaced) = told_apart(present.extra, target);
        let taken: HashSet<&Path> = taken_over(present.tree, present.seen).collect();
        let is_taken = |entry: &Entry| taken.contains(Path::new(entry.path.beneath_usr()));
        Self {
            paths,
            displaced,
            live: present.tree.filtered(|entry| is_place(entry) && !is_taken(entry)),
            target: target.filtered(is_place),
        }
    }

    /// The paths that go along, and those that are displaced, when these, relative to the tree's top, are all that
    /// [`Carried::live`] does not have.
    pub fn among(&self, extra: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
        told_apart(extra, &self.target)
    }

    /// What is known of a directory above a path that goes along: the target's, or where only that path keeps it, the live
    /// release's.
    pub fn directory(&self, path: &Path) -> Option<&Entry> {
        self.target.find_beneath_usr(path).or_else(|| self.live.find_beneath_usr(path))
    }
}

/// Whether a path that no release owns is in the administrator's own places in `/usr`, where it goes along with every transition
/// instead of being removed.
pub fn may_be_carried(path: &Path) -> bool {
    path.starts_with("local") || path.starts_with("src")
}

/// Where the administrator has, in his own places, something of another type than the release: a directory in place of its
/// symlink, say. That is no damage to what the release has there, but his, and all that is in it. Relative to the tree's top.
pub fn taken_over<'a>(tree: &'a Tree, seen: &'a [Seen]) -> impl Iterator<Item = &'a Path> {
    let of_another_type = tree.entries().iter().zip(seen).filter(|(_, seen)| **seen == Seen::Differs(Difference::Type));
    of_another_type.map(|(entry, _)| Path::new(entry.path.beneath_usr())).filter(|path| may_be_carried(path))
}

/// What of this is the administrator's and goes along, and what would, but for what the target has in its place.
fn told_apart(extra: &[PathBuf], target: &Tree) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let his = extra.iter().filter(|path| may_be_carried(path)).cloned();
    his.partition(|path| goes_along(path, target))
}

/// Whether the target has a directory at a path in the administrator's places. Where he has one too, what is in it goes along,
/// not the directory itself.
pub fn is_shared(path: &Path, target: &Tree) -> bool {
    may_be_carried(path) && target.find_beneath_usr(path).is_some_and(Entry::is_directory)
}

/// Whether a path that no release owns goes along to the target: it is in the administrator's places, and the target has neither
/// it nor anything but directories above it.
pub fn goes_along(path: &Path, target: &Tree) -> bool {
    let mut above = path.ancestors().skip(1).filter_map(|above| target.find_beneath_usr(above));
    may_be_carried(path) && target.find_beneath_usr(path).is_none() && above.all(Entry::is_directory)
}
