//! The history of a machine: one JSON object a line, the newest last.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::types::{BundleName, Version};

/// How a transition ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The tree was exchanged.
    Done,
    /// The tree is staged and waits for the switch.
    Staged,
    /// Nothing was exchanged.
    Failed,
}

/// One transition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    format: u32,
    /// When it ended, in seconds since the epoch, by this machine's clock.
    pub time: i64,
    /// The command, or `recovery` for a transition that a run after it found made and finished.
    pub command: String,
    /// The release before; none for an install.
    pub from: Option<Version>,
    /// The release that it led to, or would have.
    pub to: Version,
    /// Bundles that came into the tree.
    pub bundles_added: BTreeSet<BundleName>,
    /// Bundles that left it.
    pub bundles_removed: BTreeSet<BundleName>,
    /// Files and symlinks that came.
    pub files_added: u64,
    /// Files and symlinks that changed.
    pub files_changed: u64,
    /// Files and symlinks that went.
    pub files_removed: u64,
    /// Bytes that came over the wire.
    pub download_bytes: u64,
    /// Requests.
    pub requests: u64,
    /// Wall time.
    pub duration_ms: u64,
    /// How it ended.
    pub outcome: Ending,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl HistoryEntry {
    const FORMAT: u32 = 1;
    /// No history is longer; the oldest entries go first. That is some 600 transitions.
    pub const MAX_BYTES: u64 = 256 << 10;
    const MAX_ERROR_CHARACTERS: usize = 1000;

    /// An entry without bundles, figures and error.
    pub fn new(time: i64, command: &str, from: Option<Version>, to: Version, outcome: Ending) -> Self {
        Self {
            format: Self::FORMAT,
            time,
            command: command.to_owned(),
            from,
            to,
            bundles_added: BTreeSet::new(),
            bundles_removed: BTreeSet::new(),
            files_added: 0,
            files_changed: 0,
            files_removed: 0,
            download_bytes: 0,
            requests: 0,
            duration_ms: 0,
            outcome,
            error: None,
        }
    }

    /// The entry with the bundles in which two trees differ.
    pub fn with_bundles(mut self, before: &BTreeSet<BundleName>, after: &BTreeSet<BundleName>) -> Self {
        self.bundles_added = after.difference(before).cloned().collect();
        self.bundles_removed = before.difference(after).cloned().collect();
        self
    }

    /// The entry with why it failed, cut to a length that leaves room for others.
    pub fn with_error(mut self, error: &str) -> Self {
        self.error = Some(error.chars().take(Self::MAX_ERROR_CHARACTERS).collect());
        self
    }

    /// All entries of a history that this program knows; lines that are damaged or of a later format are passed over.
    pub fn parse_all(history: &[u8]) -> Vec<Self> {
        let lines = history.split(|&byte| byte == b'\n');
        let entries = lines.filter_map(|line| serde_json::from_slice::<Self>(line).ok());
        entries.filter(|entry| entry.format == Self::FORMAT).collect()
    }

    /// The history with this entry at its end, and without the oldest where it would grow too long. Lines that this
    /// program does not know stay as they are.
    pub fn appended_to(&self, history: &[u8]) -> Vec<u8> {
        let mut bytes = history.to_vec();
        if bytes.last().is_some_and(|&last| last != b'\n') {
            bytes.push(b'\n');
        }
        serde_json::to_writer(&mut bytes, self).expect("entries have text keys only");
        bytes.push(b'\n');
        let excess = bytes.len().saturating_sub(Self::MAX_BYTES as usize);
        let cut = match excess {
            0 => 0,
            _ => bytes[excess - 1..].iter().position(|&byte| byte == b'\n').map_or(0, |place| excess + place),
        };
        bytes.split_off(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time: i64) -> HistoryEntry {
        let version = |number| Version::new(number).expect("not zero");
        HistoryEntry::new(time, "update", Some(version(10)), version(20), Ending::Done)
    }

    #[test]
    fn what_is_appended_is_read_again_and_what_is_unknown_stays() {
        let old = b"{\"format\":2,\"what\":\"the future\"}\ntorn by a pow".to_vec();
        let all = entry(2).appended_to(&entry(1).appended_to(&old));
        assert_eq!(HistoryEntry::parse_all(&all), [entry(1), entry(2)]);
        assert!(all.starts_with(&old));
    }

    #[test]
    fn it_is_bounded_and_the_newest_stay() {
        let long = "x".repeat(100_000);
        let mut history = Vec::new();
        for time in 0..1000 {
            history = entry(time).with_error(&long).appended_to(&history);
            assert!(history.len() as u64 <= HistoryEntry::MAX_BYTES);
        }
        let entries = HistoryEntry::parse_all(&history);
        let times: Vec<i64> = entries.iter().map(|entry| entry.time).collect();
        assert_eq!(times, (1000 - entries.len() as i64..1000).collect::<Vec<_>>());
        assert!(entries.len() > 150, "{}", entries.len());
        assert_eq!(history.iter().filter(|&&byte| byte == b'\n').count(), entries.len(), "no half line is left");
    }
}
