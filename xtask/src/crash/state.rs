//! What a machine is like, as one digest: two machines with the same digest are the same to a client.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::judge::{Kind, Tree};

/// Files beside the trees whose content tells inode numbers and times, which are others in each run.
const OF_THIS_RUN: [&str; 2] = [".stateless-update/fingerprints", ".stateless-update/history"];

/// The digest of all that is beneath `root`: paths, content, modes, owners, attributes, and which names are one inode.
/// Times from `since` on are those of a run and count as equal; so does the content of `fingerprints` and `history`.
///
/// # Errors
/// When something cannot be read.
pub fn digest(root: &Path, since: SystemTime) -> Result<[u8; 32]> {
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let mut firsts: BTreeMap<u64, usize> = BTreeMap::new();
    let mut hasher = Sha256::new();
    for (number, (path, node)) in Tree::read(root)?.nodes().iter().enumerate() {
        let whole = root.join(path);
        let metadata = fs::symlink_metadata(&whole).with_context(|| format!("cannot look at {}", whole.display()))?;
        // The first path with this inode stands for it.
        let first = *firsts.entry(metadata.ino()).or_insert(number);
        let mut node = node.clone();
        if node.mtime.0 >= since {
            node.mtime = (i64::MAX, 0);
        }
        if OF_THIS_RUN.iter().any(|name| Path::new(name) == path) {
            node.kind = Kind::Special;
        }
        hasher.update(format!("{path:?} {first} {node:?}\n"));
    }
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_what_matters_makes_another_state() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("root");
        let before = SystemTime::now() - std::time::Duration::from_secs(9);
        let digest = || digest(&root, before).expect("read");
        let make = |content: &str| {
            _ = fs::remove_dir_all(&root);
            fs::create_dir_all(root.join(".stateless-update")).expect("made");
            fs::write(root.join("a"), content).expect("written");
            fs::write(root.join("b"), "x").expect("written");
        };
        make("x");
        let first = digest();
        make("x");
        assert_eq!(digest(), first, "another time and other inodes");
        make("y");
        assert_ne!(digest(), first, "other content");
        make("x");
        fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o600)).expect("mode");
        assert_ne!(digest(), first, "another mode");
        make("x");
        fs::remove_file(root.join("b")).expect("removed");
        fs::hard_link(root.join("a"), root.join("b")).expect("linked");
        assert_ne!(digest(), first, "one inode with two names");
        make("x");
        fs::write(root.join(".stateless-update/history"), "1").expect("written");
        let with_history = digest();
        assert_ne!(with_history, first);
        fs::write(root.join(".stateless-update/history"), "22").expect("written");
        assert_eq!(digest(), with_history, "what the history says");
    }
}
