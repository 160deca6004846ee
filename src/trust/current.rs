//! The publisher finds its own newest metadata again: from the timestamp down, as a client does.
//!
//! A run that was cut off may have left later targets or snapshots that no timestamp names; they are passed over, and
//! written again.

use tough::schema::{Metafile, Snapshot, Timestamp as TimestampRole};

use super::error::TrustError;
use super::release::{self, NewestRelease};
use super::roles::{Seen, check_named};
use super::signing::CurrentMetadata;
use super::trusted::Trusted;
use super::{MAX_METADATA_BYTES, MAX_ROOT_BYTES, MAX_ROOT_ROTATIONS, MAX_TIMESTAMP_BYTES};

impl CurrentMetadata {
    /// Reads the newest metadata of a publication and verifies it against the newest root.
    ///
    /// `read` gives a file of the publication of at most so many bytes, and none when there is no such file.
    ///
    /// # Errors
    /// Those of `read`; [`TrustError::Missing`] for a file that must be there; those of verification.
    pub fn read<E: From<TrustError>>(mut read: impl FnMut(&str, u64) -> Result<Option<Vec<u8>>, E>) -> Result<Self, E> {
        let mut must_read = |path: &str, limit| {
            read(path, limit)?.ok_or_else(|| E::from(TrustError::Missing { path: path.to_owned() }))
        };
        let timestamp = must_read("metadata/timestamp.json", MAX_TIMESTAMP_BYTES)?;
        let seen: Seen<TimestampRole> = Seen::parse("metadata/timestamp.json", timestamp.clone())?;
        let (path, meta) = named(&seen.document.signed.meta, "snapshot")?;
        let snapshot = must_read(&path, MAX_METADATA_BYTES)?;
        check_named(&path, &meta, &snapshot)?;
        let seen: Seen<Snapshot> = Seen::parse(&path, snapshot.clone())?;
        let (path, meta) = named(&seen.document.signed.meta, "targets")?;
        let targets = must_read(&path, MAX_METADATA_BYTES)?;
        check_named(&path, &meta, &targets)?;
        let mut root = must_read("metadata/1.root.json", MAX_ROOT_BYTES)?;
        for version in 2..=MAX_ROOT_ROTATIONS {
            match read(&format!("metadata/{version}.root.json"), MAX_ROOT_BYTES)? {
                Some(newer) => root = newer,
                None => break,
            }
        }
        let current = Self { root, targets, snapshot, timestamp };
        current.verify()?;
        Ok(current)
    }

    /// The newest release; none before the first.
    ///
    /// # Errors
    /// When the metadata is not what the root's keys signed, or names what no publisher names.
    pub fn newest(&self) -> Result<Option<Trusted<NewestRelease>>, TrustError> {
        match release::newest(&self.verify()?) {
            Ok(newest) => Ok(Some(newest)),
            Err(TrustError::NoRelease { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn named(meta: &std::collections::HashMap<String, Metafile>, role: &str) -> Result<(String, Metafile), TrustError> {
    let name = format!("{role}.json");
    let found = meta.get(&name).ok_or_else(|| TrustError::Missing { path: format!("metadata/{name}") })?;
    Ok((format!("metadata/{}.{name}", found.version), found.clone()))
}
