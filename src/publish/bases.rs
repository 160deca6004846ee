//! Which old file a new file is most like: the one at the same path, else one that was renamed, else one of the same
//! name. What has none of them, or only a name, [`super::similar`] looks for by content.
//!
//! A rename is recognised by the path without its version numbers: `usr/lib/modules/6.1.0-52/x.ko` and
//! `usr/lib/modules/6.1.0-56/x.ko` are the same path then, and so are `libx.so.1.2.3` and `libx.so.1.2.4`.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::manifest::Tree;
use crate::types::{Digest, Entry, Kind, TreePath};

/// An old content that a delta may start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Why it was chosen.
    pub reason: Reason,
}

/// Why an old content is the best for a new one, the best reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It lay at the same path.
    SamePath,
    /// It lay at the same path but for version numbers.
    Renamed,
    /// A file of the same name had it, in another directory.
    SameName,
    /// It is like the new content, whatever it was called.
    Similar,
}

/// A file of the old release that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldFile<'a> {
    /// Where it lies.
    pub path: &'a TreePath,
    /// Its content.
    pub digest: Digest,
    /// Length of its content in bytes.
    pub size: u64,
}

/// The files of an old release, to be found by path and by what is left of it without numbers.
#[derive(Debug)]
pub struct OldFiles<'a> {
    tree: &'a Tree,
    by_pattern: HashMap<String, Vec<OldFile<'a>>>,
    by_name: HashMap<String, Vec<OldFile<'a>>>,
}

impl Reason {
    /// Its name, as it is told to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::SamePath => "same path",
            Self::Renamed => "renamed",
            Self::SameName => "same name",
            Self::Similar => "similar",
        }
    }
}

impl<'a> OldFile<'a> {
    /// The file at this entry; none when it is no file, or empty.
    pub fn of(entry: &'a Entry) -> Option<Self> {
        match entry.kind {
            Kind::File { digest, size, .. } if size > 0 => Some(Self { path: &entry.path, digest, size }),
            _ => None,
        }
    }

    /// It as a base.
    pub fn base(self, reason: Reason) -> Base {
        Base { digest: self.digest, size: self.size, reason }
    }
}

impl<'a> OldFiles<'a> {
    /// Looks at all files of an old release.
    pub fn new(tree: &'a Tree) -> Self {
        let mut files = Self { tree, by_pattern: HashMap::new(), by_name: HashMap::new() };
        for file in tree.entries().iter().filter_map(OldFile::of) {
            files.by_pattern.entry(pattern(file.path.as_str())).or_default().push(file);
            files.by_name.entry(pattern(file.path.name())).or_default().push(file);
        }
        files
    }

    /// The best old file for new content of `size` bytes at `paths`, among those that `usable` allows, and why it is.
    pub fn best(
        &self,
        paths: &[TreePath],
        size: u64,
        usable: impl Fn(OldFile<'a>) -> bool,
    ) -> Option<(OldFile<'a>, Reason)> {
        let same_path = || {
            let found = paths.iter().filter_map(|path| OldFile::of(self.tree.find(path)?));
            found.filter(|old| usable(*old)).min_by_key(|old| (old.size.abs_diff(size), old.digest))
        };
        // The most alike; of several, the one of the nearest length; of those, the last: it has the highest version.
        let among = |index: &HashMap<String, Vec<OldFile<'a>>>, key: fn(&TreePath) -> String| {
            let found = paths.iter().flat_map(|path| {
                let alike = index.get(&key(path)).into_iter().flatten();
                alike.map(move |old| (likeness(path.as_str(), old.path.as_str()), *old))
            });
            let usable = found.filter(|(_, old)| usable(*old));
            let best =
                usable.min_by_key(|(likeness, old)| (Reverse(*likeness), old.size.abs_diff(size), Reverse(old.path)));
            best.map(|(_, old)| old)
        };
        let renamed = || among(&self.by_pattern, |path| pattern(path.as_str()));
        let same_name = || among(&self.by_name, |path| pattern(path.name()));
        let found = same_path().map(|old| (old, Reason::SamePath));
        let found = found.or_else(|| Some((renamed()?, Reason::Renamed)));
        found.or_else(|| Some((same_name()?, Reason::SameName)))
    }
}

/// The text with `#` for every run of numbers that are joined by `.`, `-`, `_`, `+`, `~` or `:`.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_number = false;
    while let Some(character) = rest.next() {
        if character.is_ascii_digit() {
            if !in_number {
                pattern.push('#');
            }
            in_number = true;
        } else {
            let joins = in_number && matches!(character, '.' | '-' | '_' | '+' | '~' | ':');
            if joins && rest.peek().is_some_and(char::is_ascii_digit) {
                continue;
            }
            in_number = false;
            pattern.push(character);
        }
    }
    pattern
}

/// How many bytes two paths have in common at the beginning and at the end.
fn likeness(a: &str, b: &str) -> usize {
    let common = |pairs: &mut dyn Iterator<Item = (u8, u8)>| pairs.take_while(|(x, y)| x == y).count();
    let start = common(&mut a.bytes().zip(b.bytes()));
    let end = common(&mut a.bytes().rev().zip(b.bytes().rev()));
    (start + end).min(a.len().min(b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Metadata, Version};

    fn tree(files: &[&str]) -> Tree {
        let mut entries = Vec::new();
        for file in files {
            let mut path: TreePath = file.parse().expect(file);
            let (digest, size) = (Digest::of(file.as_bytes()), 10);
            let since = Version::new(1).expect("not zero");
            let mut kind = Kind::File { size, digest, object_bytes: 0, since };
            loop {
                entries.push(Entry { path: path.clone(), kind, metadata: Metadata::default() });
                kind = Kind::Directory;
                match path.parent() {
                    Some(parent) => path = parent,
                    None => break,
                }
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|a, b| a.path == b.path);
        Tree::from_sorted(entries).expect("a tree")
    }

    #[test]
    fn numbers_do_not_count_in_patterns() {
        let cases = [
            ("lib/modules/6.1.0-52-cloud-amd64/x.ko", "lib/modules/#-cloud-amd#/x.ko"),
            ("libx.so.1.2.3", "libx.so.#"),
            ("a-1.b", "a-#.b"),
            ("python3.11", "python#"),
            ("x1-", "x#-"),
            ("none", "none"),
        ];
        for (text, wanted) in cases {
            assert_eq!(pattern(text), wanted);
        }
    }

    #[test]
    fn the_most_alike_is_found() {
        let old = tree(&[
            "usr/bin/tool",
            "usr/lib/libx.so.1.2.3",
            "usr/lib/modules/6.1.0-50/net/x.ko",
            "usr/lib/modules/6.1.0-52/net/x.ko",
            "usr/lib/modules/6.1.0-52/net/y.ko",
            "usr/lib/python3/a/__init__.py",
            "usr/lib/python3/b/sub/__init__.py",
            "usr/lib/old/plugin-1.so",
        ]);
        let files = OldFiles::new(&old);
        let cases = [
            ("usr/bin/tool", Some(("usr/bin/tool", Reason::SamePath))),
            ("usr/lib/libx.so.1.3", Some(("usr/lib/libx.so.1.2.3", Reason::Renamed))),
            ("usr/lib/modules/6.1.0-56/net/x.ko", Some(("usr/lib/modules/6.1.0-52/net/x.ko", Reason::Renamed))),
            ("usr/lib/modules/6.1.0-56/net/z.ko", None),
            ("usr/lib/python3/b/new/__init__.py", Some(("usr/lib/python3/b/sub/__init__.py", Reason::SameName))),
            ("usr/lib/new/plugin-2.so", Some(("usr/lib/old/plugin-1.so", Reason::SameName))),
            ("usr/bin/other", None),
        ];
        for (path, wanted) in cases {
            let found = files.best(&[path.parse().expect(path)], 10, |_| true);
            assert_eq!(found.map(|(old, reason)| (old.path.as_str(), reason)), wanted, "{path}");
        }
        let newest = Digest::of(b"usr/lib/modules/6.1.0-52/net/x.ko");
        let second =
            files.best(&["usr/lib/modules/6.1.0-56/net/x.ko".parse().expect("path")], 10, |old| old.digest != newest);
        assert_eq!(second.map(|(old, _)| old.path.as_str()), Some("usr/lib/modules/6.1.0-50/net/x.ko"));
    }
}
