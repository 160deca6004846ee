//! The journal: which exchange is under way. There is none while nothing is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::disk::{Directory, DiskError};
use crate::stage::StagedTree;
use crate::types::{Digest, Slot, Timestamp};

/// The journal is unreadable, which no crash of this program can cause.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It has been damaged or written by a later program.
    #[error("the journal {} is damaged or of a later program", path.display())]
    Damaged {
        /// Where it lies.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
}

/// An exchange that is about to be made or has been made. Another release's client may be the one to settle it, after a rollback
/// an older one: what is unknown to it is passed over, and what it must know takes another [`Format`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    format: Format,
    /// Sequence number of the live tree before; none for an install.
    pub from: Option<u64>,
    /// Sequence number of the live tree after.
    pub to: u64,
    /// Where the tree that was the live one goes.
    pub former: Slot,
    /// Paths that no release owns.
    pub carried: Vec<CarriedPath>,
    /// Paths that no release owns and that have no place in the staged tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub displaced: Vec<DisplacedPath>,
    /// The time of the staged tree's top.
    #[serde(default)]
    pub to_mtime: Option<Time>,
    /// The time of the live tree's top.
    #[serde(default)]
    pub from_mtime: Option<Time>,
}

/// A path that no release owns, by the inode that is to be in the live tree again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CarriedPath {
    /// Relative to the tree's top.
    #[serde(with = "path_in_json")]
    pub path: PathBuf,
    /// Inode number of the real one.
    pub inode: u64,
    /// The time that the directory above it has in the staged tree: bringing it back changes that.
    pub parent_mtime: Time,
    /// By what its copy in the staged tree is known, if there is one: it makes way for the real one only as long as nobody has
    /// touched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<Digest>,
}

/// A path that is to be rescued from the former tree, relative to its top.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct DisplacedPath(#[serde(with = "path_in_json")] pub PathBuf);

/// Seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Time(i64, u32);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time.seconds, time.nanoseconds)
    }
}

impl From<Time> for Timestamp {
    fn from(Time(seconds, nanoseconds): Time) -> Self {
        Self { seconds, nanoseconds }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "journal-1")]
    One,
}

const NAME: &str = "journal";
const MAX_BYTES: u64 = 64 << 20;

impl Journal {
    pub fn new(
        staged: &StagedTree,
        carried: Vec<CarriedPath>,
        displaced: Vec<DisplacedPath>,
        to_mtime: Option<Time>,
        from_mtime: Option<Time>,
    ) -> Self {
        let StagedTree { from, to, former, .. } = *staged;
        Self { format: Format::One, from, to, former, carried, displaced, to_mtime, from_mtime }
    }

    /// Writes it, durably.
    pub fn write(&self, home: &Directory) -> Result<(), JournalError> {
        let bytes = serde_json::to_vec(self).map_err(|source| damaged(home, source))?;
        Ok(home.replace(NAME, &bytes)?)
    }

    pub fn read(home: &Directory) -> Result<Option<Self>, JournalError> {
        let bytes = home.read(NAME, MAX_BYTES)?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(|source| damaged(home, source))).transpose()
    }

    /// Removes it, durably.
    pub fn clear(home: &Directory) -> Result<(), JournalError> {
        home.remove(NAME)?;
        Ok(home.sync()?)
    }
}

fn damaged(home: &Directory, source: serde_json::Error) -> JournalError {
    JournalError::Damaged { path: home.path().join(NAME), source }
}

/// A path is text in JSON, and a list of its bytes where it is none: the administrator's names may be in any encoding.
mod path_in_json {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(PathBuf),
        Bytes(Vec<u8>),
    }

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => text.serialize(serializer),
            None => path.as_os_str().as_bytes().serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Text(path) => path,
            Written::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn read(carried: &str) -> Result<Journal, serde_json::Error> {
        let around = r#"{"format":"journal-1","from":1,"to":2,"former":"previous","carried":[CARRIED]}"#;
        serde_json::from_str(&around.replace("CARRIED", carried))
    }

    #[test]
    fn names_come_back_as_they_are_whatever_their_encoding() {
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        let cases = [
            (path(b"local/bin/mine"), r#""local/bin/mine""#),
            (path("local/Müller".as_bytes()), r#""local/Müller""#),
            (path(b"local/M\xfcller"), "[108,111,99,97,108,47,77,252,108,108,101,114]"),
            (path(b"src/\\x\n\xff"), "[115,114,99,47,92,120,10,255]"),
        ];
        for (path, text) in cases {
            let carried = CarriedPath { path: path.clone(), inode: 5, parent_mtime: Time(1, 2), copy: None };
            let written = serde_json::to_string(&carried).expect("written");
            assert_eq!(written, format!(r#"{{"path":{text},"inode":5,"parent_mtime":[1,2]}}"#));
            assert_eq!(read(&written).expect("read").carried, [carried], "{text}");
        }
        let displaced = |paths: &str| read(&format!(r#"],"displaced":[{paths}"#)).map(|journal| journal.displaced);
        let both = [path(b"local/mine"), path(b"local/\xff")].map(DisplacedPath);
        assert_eq!(displaced(r#""local/mine",[108,111,99,97,108,47,255]"#).expect("read"), both);
        for wrong in ["7", "[256]", r#"["local"]"#, "null"] {
            assert!(displaced(wrong).is_err(), "{wrong}");
            assert!(read(&format!(r#"{{"path":{wrong},"inode":5,"parent_mtime":[1,2]}}"#)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_later_client_adds_is_passed_over_and_another_format_is_not() {
        let carried = |more: &str| format!(r#"{{"path":"local","inode":5,"parent_mtime":[1,2]{more}}}"#);
        let later = read(&format!(r#"{}],"note":{{"is":["new"]}},"with":["next""#, carried(r#","size":7"#)));
        assert_eq!(later.expect("read"), read(&carried("")).expect("read"));
        let text = serde_json::to_string(&read(&carried("")).expect("read")).expect("written");
        for wrong in [("journal-1", "journal-2"), (r#""to":2,"#, ""), (r#""former":"previous""#, r#""former":"first""#)]
        {
            assert!(text.contains(wrong.0), "{text}");
            assert!(serde_json::from_str::<Journal>(&text.replace(wrong.0, wrong.1)).is_err(), "{wrong:?}");
        }
    }
}
