//! What is told before a transition, so that a person can say no.

use std::collections::BTreeMap;

use super::Transition;
use crate::manifest::Tree;
use crate::report::Ahead;
use crate::types::{Entry, Kind, TreePath};

/// Where the kernel lies, as far as a release carries it.
const KERNEL: [&str; 2] = ["usr/lib/modules", "usr/lib/kernel"];
/// What runs as the first process.
const INIT: [&str; 3] = ["usr/lib/systemd/systemd", "usr/sbin/init", "usr/bin/init"];

/// What is ahead of a machine that has `old` and shall have `new`, apart from what it takes.
pub(super) fn ahead(planned: &Transition, old: &Tree, new: &Tree) -> Ahead {
    let step = match planned.from {
        Some(from) if from != planned.to => format!("from release {from} to {}", planned.to),
        Some(_) => format!("within release {}", planned.to),
        None => format!("to release {}", planned.to),
    };
    Ahead {
        step,
        bundles_removed: planned.bundles_removed.iter().map(ToString::to_string).collect(),
        kept: Vec::new(),
        files: [planned.files_added, planned.files_changed, planned.files_removed],
        download_bytes: None,
        disk_bytes: None,
        then: then(old, new),
    }
}

/// What will be due, as far as the trees tell: `status` looks at what runs.
fn then(old: &Tree, new: &Tree) -> &'static str {
    if old.entries().is_empty() {
        "nothing more"
    } else if KERNEL.iter().any(|place| beneath(old, place) != beneath(new, place)) {
        "a reboot: the kernel changes"
    } else if INIT.iter().any(|path| content(old, path) != content(new, path)) {
        "a soft reboot: the init changes"
    } else {
        "at most a restart of services"
    }
}

/// Files beneath a path, with their contents.
fn beneath<'a>(tree: &'a Tree, place: &str) -> BTreeMap<&'a TreePath, &'a Kind> {
    let Ok(place) = place.parse::<TreePath>() else { return BTreeMap::new() };
    let within = tree.entries().iter().filter(|entry| entry.path.starts_with(&place) && is_file(entry));
    within.map(|entry| (&entry.path, &entry.kind)).collect()
}

fn content<'a>(tree: &'a Tree, path: &str) -> Option<&'a Kind> {
    tree.find(&path.parse().ok()?).map(|entry| &entry.kind)
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::File { .. })
}
