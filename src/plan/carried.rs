//! What goes along with every transition although no release owns it: the administrator's own places in `/usr`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Present, as_tree_path};
use crate::manifest::Tree;

/// What no release owns and goes along: as it was when the plan was made, and what it takes to tell it again later. While blobs
/// are fetched and a tree is staged the administrator goes on working.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// The paths that go along, relative to the tree's top.
    pub paths: Vec<PathBuf>,
    /// What the live tree's record says of the places where such paths may be.
    pub live: Tree,
    /// What the target has there.
    pub target: Tree,
}

impl Carried {
    pub(super) fn new(present: Present<'_>, target: &Tree) -> Self {
        let is_place = |path: &str| path.is_empty() || may_be_carried(Path::new(path));
        let places = |tree: &Tree| tree.filtered(|entry| is_place(entry.path.beneath_usr()));
        Self { paths: carried(present.extra, target), live: places(present.tree), target: places(target) }
    }

    /// The paths that go along when these, relative to the tree's top, are all that [`Carried::live`] does not have.
    pub fn among(&self, extra: &[PathBuf]) -> Vec<PathBuf> {
        carried(extra, &self.target)
    }
}

/// Whether a path that no release owns goes along with every transition instead of being removed: the administrator's
/// own places in `/usr`.
pub fn may_be_carried(path: &Path) -> bool {
    path.starts_with("local") || path.starts_with("src")
}

/// What goes along: where the target owns the path it wins; where the target does not have the directory that holds it,
/// that directory goes along as a whole.
fn carried(extra: &[PathBuf], target: &Tree) -> Vec<PathBuf> {
    let owned = |path: &Path| as_tree_path(path).and_then(|path| target.find(&path));
    let (mut carried, mut known) = (Vec::new(), HashSet::new());
    for path in extra.iter().filter(|path| may_be_carried(path)) {
        let ancestors: Vec<&Path> = path.ancestors().filter(|path| path.components().next().is_some()).collect();
        let topmost = ancestors.iter().rev().find(|path| owned(path).is_none_or(|entry| !entry.is_directory()));
        let taken = topmost.is_none_or(|path| owned(path).is_some());
        if let Some(topmost) = topmost.filter(|_| !taken)
            && !is_beneath(topmost, &known)
        {
            known.insert(*topmost);
            carried.push(topmost.to_path_buf());
        }
    }
    carried
}

/// Whether a path is one of these or lies beneath one.
pub(super) fn is_beneath(path: &Path, tops: &HashSet<&Path>) -> bool {
    path.ancestors().any(|ancestor| tops.contains(ancestor))
}
