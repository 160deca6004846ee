//! Decides what a scan means: which paths are missing, which differ, which should not be there. Pure.

use std::path::{Path, PathBuf};

use crate::manifest::Tree;
use crate::types::{Difference, Entry, Seen, TreePath};

/// What is wrong with a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Entries looked at.
    pub checked: u64,
    /// Paths that should be there.
    pub missing: Vec<TreePath>,
    /// Paths that are not what they should be, and in what they differ.
    pub mismatched: Vec<(TreePath, Difference)>,
    /// Paths that should not be there, `usr` first; names that are not UTF-8 have replacement characters.
    pub extra: Vec<String>,
}

impl Findings {
    /// Whether the tree is as it should be.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.mismatched.is_empty() && self.extra.is_empty()
    }
}

/// What is wrong with one entry, by what was seen at its place.
pub fn finding(entry: &Entry, seen: Seen) -> Seen {
    match seen {
        // A directory's time says only that something in it changed, and that has a finding of its own. Every
        // transition sets it right all the same.
        Seen::Differs(Difference::Time) if entry.is_directory() => Seen::Same,
        seen => seen,
    }
}

/// Sorts out what was found: `seen` by index of the tree's entries, `extra` relative to its top. Only paths that `counts`
/// says yes to are looked at; paths that the administrator may own (`carried`) are no finding.
pub fn findings(
    tree: &Tree,
    seen: &[Seen],
    extra: &[PathBuf],
    counts: impl Fn(&str) -> bool,
    carried: impl Fn(&Path) -> bool,
) -> Findings {
    let mut findings = Findings::default();
    for (entry, seen) in tree.entries().iter().zip(seen).filter(|(entry, _)| counts(entry.path.as_str())) {
        findings.checked += 1;
        match finding(entry, *seen) {
            Seen::Same => {}
            Seen::Missing => findings.missing.push(entry.path.clone()),
            Seen::Differs(difference) => findings.mismatched.push((entry.path.clone(), difference)),
        }
    }
    let unowned = extra.iter().filter(|path| !carried(path));
    findings.extra =
        unowned.map(|path| format!("{}/{}", TreePath::TOP, path.display())).filter(|path| counts(path)).collect();
    findings
}
