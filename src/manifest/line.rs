//! One entry of a bundle manifest as it is written, and the list of them as it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::each_once::each_once;
use super::{BundleManifest, Tree};
use crate::types::{Digest, Entry, Kind, Metadata, Timestamp, TreePath, Version};

/// Files larger than this are refused: no sum over [`BundleManifest::MAX_ENTRIES`] of them exceeds 64 bits.
const MAX_FILE_BYTES: u64 = 1 << 40;
/// What all attributes of an entry take together in one block of ext4 with 4 KiB, which is all that a small inode has for
/// them. Its head and end take 36 bytes; the rest is left to what the machine adds, such as labels of a security module.
const MAX_XATTRS_BYTES: usize = 3584;
/// Beside its name and its value, each filled up to a multiple of 4, an attribute takes this (`fs/ext4/xattr.h`).
const XATTR_HEAD_BYTES: usize = 16;
const MAX_TARGET_BYTES: usize = 4095;
/// Times before 1901 and after 2446 are refused: ext4 cannot keep them, and the tree would never be as it should.
const TIMES: RangeInclusive<i64> = -(1 << 31)..=(1 << 34) - (1 << 31) - 1;

/// Entries as they are read: one after the other, so that never all lines lie in memory, and none after the first bad
/// one.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) read: Vec<Entry>,
    /// The path and why.
    pub(super) bad: Option<(String, String)>,
    pub(super) too_many: bool,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<Entries, A::Error> {
        let mut entries = Entries::default();
        while let Some(line) = lines.next_element::<Line<'_>>()? {
            entries.too_many |= entries.read.len() >= BundleManifest::MAX_ENTRIES;
            if entries.bad.is_some() || entries.too_many {
                continue;
            }
            let path = line.path.clone();
            match line.into_entry() {
                Ok(entry) => entries.read.push(entry),
                Err(reason) => entries.bad = Some((path.into_owned(), reason)),
            }
        }
        Ok(entries)
    }
}

/// One entry as written. Fields that do not belong to the type are absent. Texts stay where they are read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: LineKind,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    mtime_ns: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "each_once")]
    xattrs: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LineKind {
    File,
    Directory,
    Symlink,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl<'a> Line<'a> {
    pub(super) fn of(entry: &'a Entry) -> Self {
        let metadata = &entry.metadata;
        let mut line = Self {
            path: entry.path.as_str().into(),
            kind: LineKind::Directory,
            mode: metadata.mode,
            uid: metadata.uid,
            gid: metadata.gid,
            mtime: metadata.mtime.seconds,
            mtime_ns: metadata.mtime.nanoseconds,
            size: None,
            sha256: None,
            object_bytes: None,
            since: None,
            target: None,
            xattrs: metadata.xattrs.iter().map(|(name, value)| (name.to_string(), BASE64.encode(value))).collect(),
        };
        match &entry.kind {
            Kind::Directory => {}
            Kind::File { size, digest, object_bytes, since } => {
                line.kind = LineKind::File;
                line.size = Some(*size);
                line.sha256 = Some(*digest);
                line.object_bytes = Some(*object_bytes);
                line.since = Some(*since);
            }
            Kind::Symlink { target } => {
                line.kind = LineKind::Symlink;
                line.target = Some((**target).into());
            }
        }
        line
    }

    fn into_entry(self) -> Result<Entry, String> {
        let path: TreePath = self.path.parse().map_err(|error| format!("{error}"))?;
        let kind = match (self.kind, self.size, self.sha256, self.object_bytes, self.since, self.target) {
            (LineKind::Directory, None, None, None, None, None) => Kind::Directory,
            (LineKind::File, Some(size), Some(digest), Some(object_bytes), Some(since), None) => {
                Kind::File { size, digest, object_bytes, since }
            }
            (LineKind::Symlink, None, None, None, None, Some(target)) => Kind::Symlink { target: (*target).into() },
            _ => return Err("the fields do not fit its type".to_owned()),
        };
        let mut xattrs = BTreeMap::new();
        for (name, value) in self.xattrs {
            let value = BASE64.decode(value).map_err(|error| format!("attribute {name}: {error}"))?;
            xattrs.insert(name.into(), value.into());
        }
        let mtime = Timestamp { seconds: self.mtime, nanoseconds: self.mtime_ns };
        let metadata = Metadata { mode: self.mode, uid: self.uid, gid: self.gid, mtime, xattrs };
        let entry = Entry { path, kind, metadata };
        check_entry(&entry)?;
        Ok(entry)
    }
}

/// Checks that a manifest may carry this entry, as far as that depends on no other: whoever reads one and whoever makes one
/// ask here.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn check_entry(entry: &Entry) -> Result<(), String> {
    let Entry { path, kind, metadata } = entry;
    if path.as_str().strip_prefix(Tree::RECORD_PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Err("that place is kept for the tree's own record".to_owned());
    }
    if metadata.mode > 0o7777 {
        return Err(format!("mode {:o} has more than permission bits", metadata.mode));
    }
    if metadata.uid == u32::MAX || metadata.gid == u32::MAX {
        return Err("4294967295 is nobody's number".to_owned());
    }
    if metadata.mtime.nanoseconds > 999_999_999 {
        return Err("mtime_ns is over 999999999".to_owned());
    }
    if !TIMES.contains(&metadata.mtime.seconds) {
        return Err(format!("mtime {} is not a time that file systems keep", metadata.mtime.seconds));
    }
    // The two directories above the record must be able to hold it.
    if matches!(path.as_str(), TreePath::TOP | "usr/share") && !entry.is_directory() {
        return Err("must be a directory".to_owned());
    }
    match kind {
        Kind::File { size, object_bytes, .. } if *size.max(object_bytes) > MAX_FILE_BYTES => {
            return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
        }
        Kind::Symlink { target } if !(1..=MAX_TARGET_BYTES).contains(&target.len()) => {
            return Err(format!("its target has {} bytes, not 1 to {MAX_TARGET_BYTES}", target.len()));
        }
        Kind::Symlink { target } if target.contains('\0') => return Err("its target has a NUL in it".to_owned()),
        Kind::Symlink { .. } if !metadata.xattrs.is_empty() => {
            return Err("symlinks have no extended attributes in a release".to_owned());
        }
        Kind::File { .. } | Kind::Directory | Kind::Symlink { .. } => {}
    }
    let mut taken = 0;
    for (name, value) in &metadata.xattrs {
        if !is_allowed_xattr(name) {
            return Err(format!("attribute {name:?} is not one that a release may carry"));
        }
        taken += XATTR_HEAD_BYTES + name.len().next_multiple_of(4) + value.len().next_multiple_of(4);
        if taken > MAX_XATTRS_BYTES {
            return Err(format!(
                "with attribute {name:?} its extended attributes take more than the {MAX_XATTRS_BYTES} bytes that file systems \
                 surely have for them"
            ));
        }
    }
    Ok(())
}

/// Whether a release may carry this extended attribute: file capabilities, integrity signatures, access lists, and
/// what programs keep for themselves. Labels of a security module are made on the machine, not shipped.
pub(crate) fn is_allowed_xattr(name: &str) -> bool {
    let fixed = ["security.capability", "security.ima", "system.posix_acl_access", "system.posix_acl_default"];
    (fixed.contains(&name) || name.strip_prefix("user.").is_some_and(|rest| !rest.is_empty()))
        && name.len() <= 255
        && !name.contains('\0')
}
