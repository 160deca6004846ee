//! bsdiff: a patch for each file that is not the same, from the file of that path, or of that name where one was renamed.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::{Peer, Side, Step, row};
use crate::bench::origin::Traffic;
use crate::bench::usage::measure;
use crate::demo::grouped;
use crate::judge::{Kind, Node, Tree};

/// The largest old file that is matched; bsdiff takes 17 bytes of memory for each of its bytes. The patch of a larger one,
/// and of a file that has no older one, starts from a file of one byte: bsdiff takes no empty one.
const OLD_AT_MOST: u64 = 64 << 20;

/// One patch.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    /// None for a file of one byte.
    old: Option<PathBuf>,
    new: PathBuf,
}

/// Only contents: names, modes and owners would have to be sent beside the patches.
pub fn bsdiff(step: &Step<'_>) -> Result<Vec<Peer>> {
    let [from, to] = &step.whole;
    let pairs = pairs(Tree::read(from)?.nodes(), Tree::read(to)?.nodes());
    let (patches, made) = (step.work.join("bsdiff-patches"), step.work.join("bsdiff-made"));
    let nothing = step.work.join("bsdiff-nothing");
    fs::write(&nothing, "\n")?;
    for directory in [&patches, &made] {
        fs::create_dir(directory)?;
    }
    let (mut to_make, mut to_apply) = (Vec::new(), Vec::new());
    for (number, pair) in pairs.iter().enumerate() {
        let old = pair.old.as_ref().map_or_else(|| nothing.clone(), |old| from.join(old));
        let (patch, result) = (patches.join(number.to_string()), made.join(number.to_string()));
        push(&mut to_make, [&old, &to.join(&pair.new), &patch]);
        push(&mut to_apply, [&old, &result, &patch]);
    }
    let for_each = |program: &str, arguments: &[u8]| -> Result<_> {
        let list = step.work.join("bsdiff-list");
        fs::write(&list, arguments)?;
        let cores = std::thread::available_parallelism()?.to_string();
        let options = ["xargs", "--null", "--max-args=3", "--max-procs", &cores, "--arg-file"];
        let line = options.iter().map(OsStr::new).chain([list.as_ref(), OsStr::new(program)]);
        Ok(measure(&step.work, line)?.success()?.usage)
    };
    let making = for_each("bsdiff", &to_make)?;
    let applying = for_each("bspatch", &to_apply)?;
    let mut bytes = 0;
    for (number, pair) in pairs.iter().enumerate() {
        bytes += fs::metadata(patches.join(number.to_string()))?.len();
        let same = fs::read(made.join(number.to_string()))? == fs::read(to.join(&pair.new))?;
        ensure!(same, "bspatch did not make {}", pair.new.display());
    }
    for directory in [&patches, &made] {
        fs::remove_dir_all(directory)?;
    }
    let without = pairs.iter().filter(|pair| pair.old.is_none()).count() as u64;
    println!("  bsdiff: {} patches, {} of them from nothing", grouped(pairs.len() as u64), grouped(without));
    let traffic = Traffic { requests: pairs.len() as u64, body: bytes, wire: None, refused: 0 };
    Ok(vec![
        Peer { name: "bsdiff", side: Side::Publisher, row: row("bsdiff: make patches", None, making) },
        Peer { name: "bsdiff", side: Side::Client, row: row("bspatch: contents only", Some(traffic), applying) },
    ])
}

/// Which contents are new, each content once, and what each is made from.
fn pairs(old: &BTreeMap<PathBuf, Node>, new: &BTreeMap<PathBuf, Node>) -> Vec<Pair> {
    let file = |node: &Node| if let Kind::File { size, digest } = node.kind { Some((size, digest)) } else { None };
    let mut known: HashMap<[u8; 32], ()> = old.values().filter_map(file).map(|(_, digest)| (digest, ())).collect();
    let mut gone: HashMap<&OsStr, Vec<&PathBuf>> = HashMap::new();
    let may_be_matched = |node: &Node| file(node).is_some_and(|(size, _)| (1..=OLD_AT_MOST).contains(&size));
    for (path, _) in old.iter().filter(|(path, node)| may_be_matched(node) && !new.contains_key(*path)) {
        gone.entry(path.file_name().unwrap_or_default()).or_default().push(path);
    }
    let mut pairs = Vec::new();
    for (path, node) in new {
        let Some((1.., digest)) = file(node) else { continue };
        if known.insert(digest, ()).is_some() {
            continue;
        }
        let renamed = || {
            let named_alike = gone.get(path.file_name()?)?;
            named_alike.iter().max_by_key(|old| common_end(old, path)).map(|old| (*old).clone())
        };
        let same_path = old.get(path).filter(|node| may_be_matched(node)).map(|_| path.clone());
        pairs.push(Pair { old: same_path.or_else(renamed), new: path.clone() });
    }
    pairs
}

/// How many components at the end of two paths are the same.
fn common_end(one: &Path, other: &Path) -> usize {
    one.components().rev().zip(other.components().rev()).take_while(|(one, other)| one == other).count()
}

/// Adds one call's arguments to those of `xargs --null`.
fn push(arguments: &mut Vec<u8>, call: [&PathBuf; 3]) {
    for path in call {
        arguments.extend_from_slice(path.as_os_str().as_bytes());
        arguments.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, u8)]) -> BTreeMap<PathBuf, Node> {
        let node = |content: u8| Node {
            kind: Kind::File { size: 1, digest: [content; 32] },
            mode: 0o644,
            owner: (0, 0),
            mtime: (0, 0),
            xattrs: BTreeMap::new(),
        };
        files.iter().map(|(path, content)| (PathBuf::from(path), node(*content))).collect()
    }

    #[test]
    fn each_new_content_has_one_pair() {
        let old = tree(&[("same", 1), ("changed", 2), ("lib/1/net/a.ko", 3), ("lib/1/fs/a.ko", 4)]);
        let new = tree(&[("same", 1), ("moved", 1), ("changed", 5), ("lib/2/fs/a.ko", 6), ("new", 7), ("twin", 7)]);
        let pair = |old: Option<&str>, new: &str| Pair { old: old.map(PathBuf::from), new: PathBuf::from(new) };
        let expected =
            [pair(Some("changed"), "changed"), pair(Some("lib/1/fs/a.ko"), "lib/2/fs/a.ko"), pair(None, "new")];
        assert_eq!(pairs(&old, &new), expected);
    }
}
