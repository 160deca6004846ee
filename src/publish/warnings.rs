//! What people are warned of before and after the work: of many things of a kind a few are named and the others counted.

use std::fmt::Display;

use crate::report::{Event, Reporter};
use crate::site::{InputEntry, InputKind, ScannedTree};
use crate::types::{BundleName, TreePath};

/// Not more things of one kind than this are named.
const NAMED: usize = 10;

/// The bits by which a program runs as its owner or group, whoever starts it.
const SET_ID: u32 = 0o6000;

/// A few of these, and how many more there are.
pub fn some_of(all: impl IntoIterator<Item = impl Display>) -> String {
    let mut all = all.into_iter();
    let named: Vec<String> = all.by_ref().take(NAMED).map(|one| one.to_string()).collect();
    match all.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Warns of each of these in a line of its own; where there are too many, `what` is the matter with so many more.
pub fn warn_of_each(texts: impl IntoIterator<Item = String>, what: &str, reporter: &dyn Reporter) {
    let mut texts = texts.into_iter();
    texts.by_ref().take(NAMED).for_each(|text| reporter.report(Event::Warning(text)));
    match texts.count() {
        0 => {}
        more => reporter.report(Event::Warning(format!("{what} {more} more"))),
    }
}

/// Warns of attributes that no release carries.
pub fn warn_of_ignored(bundle: &BundleName, tree: &ScannedTree, reporter: &dyn Reporter) {
    let text = |(path, name): &(TreePath, String)| format!("bundle {bundle}: {path}: attribute {name} is left out");
    let what = format!("bundle {bundle}: attributes left out:");
    warn_of_each(tree.ignored_xattrs.iter().map(text), &what, reporter);
}

/// Warns that the entries of these trees, which come from directories, become root's although they are somebody else's there,
/// and names the programs that run as root then, whoever starts them.
pub fn warn_of_lost_owners<'a>(
    trees: impl Iterator<Item = (&'a BundleName, &'a ScannedTree)>,
    reporter: &dyn Reporter,
) {
    let mut trees = trees.peekable();
    if trees.peek().is_none() {
        return;
    }
    let has_set_id =
        |entry: &&InputEntry| matches!(entry.kind, InputKind::File { .. }) && entry.metadata.mode & SET_ID != 0;
    let set_id: Vec<String> = trees
        .flat_map(|(bundle, tree)| {
            tree.entries.iter().filter(has_set_id).map(move |entry| format!("{} of {bundle}", entry.path))
        })
        .collect();
    let mut text = "not run as root: all entries from directories are published as owned by 0:0".to_owned();
    if !set_id.is_empty() {
        text.push_str(&format!("; these keep set-user-ID or set-group-ID and so run as 0:0: {}", some_of(set_id)));
    }
    reporter.report(Event::Warning(text));
}

/// Warns of trees whose top is not root's: most likely they were packed by whoever built them, and on each machine the user
/// with that number could change programs that root runs.
pub fn warn_of_foreign_owners(trees: &[(BundleName, ScannedTree)], reporter: &dyn Reporter) {
    let foreign: Vec<String> = trees
        .iter()
        .filter_map(|(bundle, tree)| {
            let top = tree.entries.iter().find(|entry| entry.path.as_str() == TreePath::TOP)?;
            let (uid, gid) = (top.metadata.uid, top.metadata.gid);
            ((uid, gid) != (0, 0)).then(|| format!("{bundle} ({uid}:{gid})"))
        })
        .collect();
    if !foreign.is_empty() {
        let text = format!(
            "usr is not owned by 0:0, and whoever has that number on a machine may change what is in it (make archives with \
             --owner=0 --group=0): {}",
            some_of(foreign)
        );
        reporter.report(Event::Warning(text));
    }
}
