//! Two releases on disk and in memory, and the files that changed between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use stateless_update::manifest::Tree;
use stateless_update::types::{Entry, Kind, Metadata, Timestamp, Version};
use tempfile::TempDir;
use xtask::judge;
use xtask::trees::{CORE, Trees};

/// So much new content is enough to measure with.
const CHANGED_BYTES: usize = 16 << 20;

/// What the benches work on.
pub struct Input {
    /// Where the releases lie, the older first.
    pub directories: [PathBuf; 2],
    /// What they hold.
    pub trees: [Tree; 2],
    /// Old and new content of files that changed, up to a limit.
    pub changed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Holds what was made for this.
    _work: TempDir,
}

impl Input {
    /// Reads it.
    pub fn read() -> Self {
        let work = tempfile::tempdir().expect("a directory");
        let trees = match std::env::var_os("STATELESS_TREES") {
            Some(trees) => Trees::real(Path::new(&trees), work.path()),
            None => Trees::small(Path::new(env!("CARGO_MANIFEST_DIR")), work.path()),
        };
        let trees = trees.expect("two releases");
        let directories = trees.releases.map(|release| trees.of(release).join(CORE));
        let trees = directories.each_ref().map(|directory| tree(directory));
        let changed = changed(&directories, &trees);
        Self { directories, trees, changed, _work: work }
    }

    /// How many bytes of content the newer release has.
    pub fn new_bytes(&self) -> u64 {
        let size = |entry: &Entry| if let Kind::File { size, .. } = entry.kind { size } else { 0 };
        self.trees[1].entries().iter().map(size).sum()
    }

    /// How many bytes the changed files have.
    pub fn changed_bytes(&self) -> u64 {
        self.changed.iter().map(|(_, new)| new.len() as u64).sum()
    }
}

/// A tree as the judge reads it.
fn tree(directory: &Path) -> Tree {
    let found = judge::Tree::read(directory).expect("a tree");
    let mut entries: Vec<Entry> = found.nodes().iter().map(|(path, node)| entry(path, node)).collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Tree::from_sorted(entries).expect("a tree")
}

fn entry(path: &Path, node: &judge::Node) -> Entry {
    let kind = match &node.kind {
        judge::Kind::File { size, digest } => Kind::File {
            size: *size,
            digest: hex::encode(digest).parse().expect("a digest"),
            object_bytes: *size,
            since: Version::new(10).expect("not 0"),
        },
        judge::Kind::Symlink(target) => Kind::Symlink { target: target.to_string_lossy().into() },
        judge::Kind::Directory => Kind::Directory,
        judge::Kind::Special => panic!("{} is no part of a release", path.display()),
    };
    let (seconds, nanoseconds) = node.mtime;
    let xattrs = node.xattrs.iter().map(|(name, value)| (name.as_str().into(), value.as_slice().into()));
    let metadata = Metadata {
        mode: node.mode,
        uid: node.owner.0,
        gid: node.owner.1,
        mtime: Timestamp { seconds, nanoseconds: u32::try_from(nanoseconds).expect("less than a second") },
        xattrs: xattrs.collect(),
    };
    Entry { path: path.to_str().expect("UTF-8").parse().expect("a path"), kind, metadata }
}

/// Files with the same path and other content.
fn changed([old, new]: &[PathBuf; 2], [before, after]: &[Tree; 2]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let digests: BTreeMap<_, _> = before.entries().iter().map(|entry| (&entry.path, entry.kind.digest())).collect();
    let mut left = CHANGED_BYTES;
    let mut pairs = Vec::new();
    for entry in after.entries().iter().filter(|entry| entry.kind.digest().is_some()) {
        if digests.get(&entry.path).is_some_and(|digest| digest.is_some() && *digest != entry.kind.digest()) {
            let read = |directory: &PathBuf| fs::read(directory.join(entry.path.as_str())).expect("a file");
            let pair = (read(old), read(new));
            if let Some(rest) = left.checked_sub(pair.1.len()) {
                left = rest;
                pairs.push(pair);
            }
        }
    }
    pairs
}
