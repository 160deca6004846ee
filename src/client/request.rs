//! What the operations are asked and what they answer: plain values.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::manifest::Status;
use crate::plan::Terms;
use crate::transport::Limits;
use crate::types::{BundleName, TreePath, Version};

/// What every command is told about the machine and the run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The root of the machine; everything lies beneath it.
    pub root: PathBuf,
    /// Where to read the publication, the first that answers; empty for what the tree's record says.
    pub urls: Vec<String>,
    /// The first root of trust, for an empty root.
    pub trust: Option<PathBuf>,
    /// Threads for patching and decompressing; 0 for one per processor. Hashing takes those of rayon's pool, which is the
    /// program's to set.
    pub jobs: usize,
    /// On which terms blocks of packs are taken.
    pub terms: Terms,
    /// How hard and how widely to try.
    pub limits: Limits,
    /// Accept metadata that has expired.
    pub ignore_time: bool,
    /// Answer every question with yes.
    pub assume_yes: bool,
}

/// Whether a command may change the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Do it.
    Run,
    /// Only say what would be done.
    DryRun,
    /// Fetch and stage, but do not switch.
    DownloadOnly,
}

/// How much of the live tree is hashed before a transition or by `diagnose`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thoroughness {
    /// Nothing is hashed: only what is there, and its size and metadata, is compared.
    Quick,
    /// Files whose fingerprint is not the one last verified.
    Changed,
    /// Every file.
    Full,
}

/// `update`.
#[derive(Clone, Debug)]
pub struct UpdateRequest {
    /// The release to go to; none for the newest.
    pub version: Option<Version>,
    /// Do it or only say it.
    pub mode: Mode,
    /// How much to hash.
    pub thoroughness: Thoroughness,
}

/// `os-install`.
#[derive(Clone, Debug)]
pub struct InstallRequest {
    /// The release; none for the newest.
    pub version: Option<Version>,
    /// Bundles beside `os-core`.
    pub bundles: BTreeSet<BundleName>,
    /// Do it or only say it.
    pub mode: Mode,
}

/// `bundle-add`.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// Bundles to add.
    pub bundles: BTreeSet<BundleName>,
    /// Leave out what they recommend (`also_add`).
    pub skip_optional: bool,
    /// Do it or only say it.
    pub mode: Mode,
}

/// `bundle-remove`.
#[derive(Clone, Debug)]
pub struct RemoveRequest {
    /// Bundles to remove.
    pub bundles: BTreeSet<BundleName>,
    /// Also remove subscriptions that include one of them.
    pub recursive: bool,
    /// Do it or only say it.
    pub mode: Mode,
}

/// `diagnose` and `repair`.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// How much to hash.
    pub thoroughness: Thoroughness,
    /// List every path that no bundle has, also beneath one that is listed already.
    pub picky: bool,
    /// Only entries of these bundles; empty for all.
    pub bundles: BTreeSet<BundleName>,
    /// Only this path and what lies beneath it.
    pub file: Option<TreePath>,
    /// Do it or only say it (`repair`).
    pub mode: Mode,
}

/// What a transition did, or with [`Mode::DryRun`] would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The release before; none for an install.
    pub from: Option<Version>,
    /// The release after.
    pub to: Version,
    /// All bundles after, explicit or included.
    pub bundles: Vec<BundleName>,
    /// The bundles that were there before and are gone after, explicit or included.
    pub bundles_removed: Vec<BundleName>,
    /// Whether the tree was exchanged.
    pub changed: bool,
    /// Files and symlinks that are new.
    pub files_added: u64,
    /// Files and symlinks that differ from before.
    pub files_changed: u64,
    /// Files and symlinks that are gone.
    pub files_removed: u64,
    /// Bytes of all answers of the origin, metadata included, without HTTP headers.
    pub download_bytes: u64,
    /// Requests made.
    pub requests: u64,
    /// The most that the run had on disk beyond what was there before.
    pub disk_peak_bytes: u64,
    /// Wall time.
    pub duration_ms: u64,
    /// Nothing was changed, this is what would be.
    pub dry_run: bool,
}

impl Transition {
    /// This and the one after it as one.
    pub(super) fn followed_by(self, next: Self) -> Self {
        let gone: BTreeSet<BundleName> = self.bundles_removed.into_iter().chain(next.bundles_removed).collect();
        Self {
            from: self.from,
            // One step may bring back what one before it took.
            bundles_removed: gone.into_iter().filter(|name| !next.bundles.contains(name)).collect(),
            changed: self.changed || next.changed,
            files_added: self.files_added + next.files_added,
            files_changed: self.files_changed + next.files_changed,
            files_removed: self.files_removed + next.files_removed,
            download_bytes: self.download_bytes + next.download_bytes,
            requests: self.requests + next.requests,
            disk_peak_bytes: self.disk_peak_bytes.max(next.disk_peak_bytes),
            duration_ms: self.duration_ms + next.duration_ms,
            ..next
        }
    }
}

/// The answer of `check-update`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateCheck {
    /// The release the machine has.
    pub current: Version,
    /// The newest release.
    pub latest: Version,
    /// Whether that is newer.
    pub available: bool,
    /// Bytes that this machine would fetch; 0 when nothing is newer.
    pub download_bytes: u64,
}

/// A bundle of `bundle-list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleRow {
    /// Its name.
    pub name: BundleName,
    /// Whether it is in the tree.
    pub installed: bool,
    /// Whether it was asked for by name.
    pub explicit: bool,
    /// How ready it is.
    pub status: Status,
    /// One line about it.
    pub title: String,
}

/// Which bundles `bundle-list` lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleFilter {
    /// Those in the tree.
    Installed,
    /// Those of the release that the machine has.
    All,
    /// What comes with this bundle.
    DependenciesOf(BundleName),
    /// Which bundles in the tree (or, second field true, in the release) include this one.
    DependentsOf(BundleName, bool),
    /// Those in the tree that nothing needs: none, since every transition leaves them out; here to be asked.
    Orphans,
}

/// The answer of `info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The release.
    pub version: Version,
    /// Bundles, with whether each was asked for by name.
    pub bundles: Vec<(BundleName, bool)>,
    /// Where the publication is read from.
    pub origin: Vec<String>,
    /// Version of the newest root metadata that is trusted.
    pub trust_root: u64,
    /// File system that holds `/usr`, as the system names it.
    pub layout: String,
    /// How the trees are exchanged, in words.
    pub switch_method: String,
    /// The kept previous release, if there is one.
    pub previous: Option<Version>,
}

/// The answer of `diagnose`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Entries looked at.
    pub checked: u64,
    /// Paths that should be there.
    pub missing: Vec<String>,
    /// Paths that differ, each with in what: `content`, `mode`, `owner`, `time`, `attributes`, `type`, `target`.
    pub mismatched: Vec<(String, String)>,
    /// Paths that no bundle has.
    pub extra: Vec<String>,
    /// Wall time.
    pub duration_ms: u64,
}
