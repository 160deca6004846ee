//! The judge: what is in a directory, read with nothing but the file system, and how two such trees differ in words.
//!
//! Whatever the project's own code believes about a tree, the judge reads again by itself. It shares no code with the
//! library, follows no symlink, and leaves nothing out: type, content, mode, owner (when run by root, who alone can set
//! one), modification time to the nanosecond, link target and extended attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// Where the client keeps its own record within the tree: in no bundle, so usually left out of a comparison.
pub const RECORD: &str = "usr/share/stateless-update";

/// How many differences are told before the rest is only counted.
const TOLD: usize = 20;

/// What one path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// SHA-256 of the content.
        digest: [u8; 32],
    },
    /// A directory.
    Directory,
    /// A symbolic link and what it points to.
    Symlink(PathBuf),
    /// A device, socket or pipe.
    Special,
}

/// One path of a tree with everything that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, `0o7777` at most.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
    /// Modification time: seconds, nanoseconds.
    pub mtime: (i64, i64),
    /// Extended attributes by name, in text that shows bytes which are none.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// Every path beneath a directory, relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
}

/// What is different between the tree that should be there and the tree that is; empty when they are equal.
#[derive(Debug, Default)]
pub struct Differences {
    told: Vec<String>,
    untold: usize,
}

impl Tree {
    /// Everything beneath `root`, the root itself not included.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, Path::new(""))?;
        Ok(tree)
    }

    /// `usr` of a machine's root and everything beneath it, without the client's own [`RECORD`].
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn of_machine(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.add(root, PathBuf::from("usr"))?;
        Ok(tree.filtered(|path| !path.starts_with(RECORD)))
    }

    /// The tree without the paths for which `keep` says no.
    #[must_use]
    pub fn filtered(mut self, keep: impl Fn(&Path) -> bool) -> Self {
        self.nodes.retain(|path, _| keep(path));
        self
    }

    /// The tree with everything of `other` that it does not have itself.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for (path, node) in other.nodes {
            self.nodes.entry(path).or_insert(node);
        }
        self
    }

    /// What a machine must have that has these bundles: the union of `trees/BUNDLE` over `bundles`.
    ///
    /// # Errors
    /// When a tree cannot be read, or two bundles disagree about a path.
    pub fn expected(trees: &Path, bundles: &[&str]) -> Result<Self> {
        let mut union = Self::default();
        for bundle in bundles {
            let part = Self::read(&trees.join(bundle))?;
            for (path, node) in part.nodes {
                if let Some(other) = union.nodes.get(&path)
                    && let difference = unlike(other, &node)
                    && !difference.is_empty()
                {
                    bail!("bundle {bundle} disagrees with another about {}: {}", path.display(), difference.join(", "));
                }
                union.nodes.insert(path, node);
            }
        }
        Ok(union)
    }

    /// The paths and nodes, in order.
    pub fn nodes(&self) -> &BTreeMap<PathBuf, Node> {
        &self.nodes
    }

    /// How many bytes the files hold.
    pub fn bytes(&self) -> u64 {
        let size = |node: &Node| if let Kind::File { size, .. } = node.kind { size } else { 0 };
        self.nodes.values().map(size).sum()
    }

    /// How `found` differs from this tree, which is the one that should be there.
    pub fn differences(&self, found: &Self) -> Differences {
        let mut differences = Differences::default();
        let paths: BTreeSet<_> = self.nodes.keys().chain(found.nodes.keys()).collect();
        for path in paths {
            let told = match (self.nodes.get(path), found.nodes.get(path)) {
                (Some(expected), Some(found)) => unlike(expected, found),
                (Some(_), None) => vec!["is missing".to_owned()],
                (None, _) => vec!["should not be there".to_owned()],
            };
            if !told.is_empty() {
                differences.tell(format!("{}: {}", path.display(), told.join(", ")));
            }
        }
        differences
    }

    fn walk(&mut self, root: &Path, beneath: &Path) -> Result<()> {
        let directory = root.join(beneath);
        let entries = fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", directory.display()))?;
            self.add(root, beneath.join(entry.file_name()))?;
        }
        Ok(())
    }

    fn add(&mut self, root: &Path, path: PathBuf) -> Result<()> {
        let node =
            read_node(&root.join(&path)).with_context(|| format!("cannot read {}", root.join(&path).display()))?;
        if node.kind == Kind::Directory {
            self.walk(root, &path)?;
        }
        self.nodes.insert(path, node);
        Ok(())
    }
}

impl Differences {
    /// Whether the trees are equal.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    fn tell(&mut self, difference: String) {
        if self.told.len() < TOLD {
            self.told.push(difference);
        } else {
            self.untold += 1;
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("the trees are equal");
        }
        write!(f, "{} differences:", self.told.len() + self.untold)?;
        for difference in &self.told {
            write!(f, "\n  {difference}")?;
        }
        if self.untold > 0 {
            write!(f, "\n  and {} more", self.untold)?;
        }
        Ok(())
    }
}

/// Whether owners can be set, and so are compared: only root may give a file away.
pub fn compares_owners() -> bool {
    rustix::process::geteuid().is_root()
}

fn read_node(path: &Path) -> Result<Node> {
    let metadata = fs::symlink_metadata(path)?;
    let file_type = metadata.file_type();
    let kind = if file_type.is_symlink() {
        Kind::Symlink(fs::read_link(path)?)
    } else if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_file() {
        let (size, digest) = digest(path)?;
        Kind::File { size, digest }
    } else {
        debug_assert!(file_type.is_fifo() || file_type.is_socket() || metadata.rdev() != 0);
        Kind::Special
    };
    Ok(Node {
        kind,
        mode: metadata.permissions().mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        xattrs: read_xattrs(path)?,
    })
}

fn digest(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((size, hasher.finalize().into()));
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
}

/// All attributes but the security label, which the kernel gives by its policy and not the publisher.
fn read_xattrs(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let names = match xattr::list(path) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut xattrs = BTreeMap::new();
    for name in names.filter(|name| name != "security.selinux") {
        let value = xattr::get(path, &name)?.unwrap_or_default();
        xattrs.insert(name.to_string_lossy().into_owned(), value);
    }
    Ok(xattrs)
}

/// In what `found` is not as `expected`, in words; nothing when it is.
fn unlike(expected: &Node, found: &Node) -> Vec<String> {
    let mut told = Vec::new();
    match (&expected.kind, &found.kind) {
        (Kind::File { size: a, .. }, Kind::File { size: b, .. }) if a != b => {
            told.push(format!("has {b} bytes, {a} expected"));
        }
        (Kind::File { digest: a, .. }, Kind::File { digest: b, .. }) if a != b => {
            told.push("has other content".to_owned());
        }
        (Kind::Symlink(a), Kind::Symlink(b)) if a != b => {
            told.push(format!("points to {}, {} expected", b.display(), a.display()));
        }
        (a, b) if a.name() != b.name() => told.push(format!("is {}, {} expected", b.name(), a.name())),
        _ => {}
    }
    if expected.mode != found.mode {
        told.push(format!("has mode {:o}, {:o} expected", found.mode, expected.mode));
    }
    if compares_owners() && expected.owner != found.owner {
        told.push(format!("belongs to {:?}, {:?} expected", found.owner, expected.owner));
    }
    if expected.mtime != found.mtime {
        told.push(format!("has time {:?}, {:?} expected", found.mtime, expected.mtime));
    }
    if expected.xattrs != found.xattrs {
        told.push(format!("has attributes {:?}, {:?} expected", found.xattrs, expected.xattrs));
    }
    told
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::File { .. } => "a file",
            Self::Directory => "a directory",
            Self::Symlink(_) => "a symlink",
            Self::Special => "a device, socket or pipe",
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
