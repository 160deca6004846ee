//! What a tree says of itself: the record in `share/stateless-update/`, which is exchanged with the tree.

use super::StateError;
use crate::disk::{Directory, DiskError};
use crate::manifest::{BundleManifest, DocumentError, InstalledRecord, Release, ReleaseError, Tree};
use crate::report::{Checkpoint, Reporter};
use crate::types::{BundleName, Digest, split_path};

/// What a tree says of itself.
#[derive(Debug)]
pub struct Record {
    /// Release, bundles, subscriptions, origin.
    pub installed: InstalledRecord,
    directory: Directory,
}

/// Everything that goes into a new tree's record.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// `installed.json`.
    pub installed: InstalledRecord,
    /// The release document, as it was signed for.
    pub release: Vec<u8>,
    /// The trusted root metadata.
    pub root: Vec<u8>,
    /// Compressed manifests that the live tree's record may not have, or not whole.
    pub manifests: Vec<(Digest, Vec<u8>)>,
}

const RECORD: &str = "installed.json";
const RELEASE: &str = "release.json";
const ROOT: &str = "root.json";
const MANIFESTS: &str = "manifests";
const MAX_RECORD_BYTES: u64 = 16 << 20;

impl Record {
    /// The record in a tree; none when it has none.
    ///
    /// # Errors
    /// When it is damaged, or the system says no.
    pub fn of(tree: &Directory) -> Result<Option<Self>, StateError> {
        let found = tree.descend(Tree::record_beneath_usr());
        let Some(directory) = found.map_err(|error| unread(tree, error))? else { return Ok(None) };
        let json = directory.read(RECORD, MAX_RECORD_BYTES).map_err(|error| unread(&directory, error))?;
        let Some(json) = json else { return Ok(None) };
        let installed = InstalledRecord::parse(&json).map_err(|source: DocumentError| damaged(&directory, source))?;
        Ok(Some(Self { installed, directory }))
    }

    /// The release document.
    ///
    /// # Errors
    /// When it is missing or not the one that the record names.
    pub fn release(&self) -> Result<(Release, Vec<u8>), StateError> {
        let name = &self.installed.release;
        let bytes = self.read(RELEASE, Release::MAX_BYTES)?;
        if Digest::of(&bytes) != name.sha256 {
            return Err(damaged(&self.directory, "release.json does not have the digest that installed.json names"));
        }
        let release =
            Release::parse(name.version, &bytes).map_err(|source: ReleaseError| damaged(&self.directory, source))?;
        Ok((release, bytes))
    }

    /// The trusted root metadata.
    ///
    /// # Errors
    /// When it is missing.
    pub fn root(&self) -> Result<Vec<u8>, StateError> {
        self.read(ROOT, MAX_RECORD_BYTES)
    }

    /// The plain JSON of a bundle's manifest, if it can be read and has the digest that the record names. One that the disk
    /// does not give back is as absent as a lost one: both come from elsewhere.
    pub fn manifest_json(&self, bundle: &BundleName, length: u64) -> Option<Vec<u8>> {
        let digest = self.installed.bundles.get(bundle)?;
        let compressed = self.manifests()?.read(digest.to_string(), BundleManifest::MAX_BYTES).ok()??;
        let json = BundleManifest::expand(&compressed, length).ok()?;
        (Digest::of(&json) == *digest).then_some(json)
    }

    /// The directory of the manifests; none where it cannot be opened.
    fn manifests(&self) -> Option<Directory> {
        self.directory.subdirectory(MANIFESTS).ok().flatten()
    }

    /// That the manifest of a bundle is not there, or not whole.
    pub fn lacks(&self, bundle: &BundleName) -> StateError {
        damaged(&self.directory, format!("the manifest of bundle {bundle} is missing or damaged"))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, StateError> {
        let bytes = self.directory.read(name, limit).map_err(|error| unread(&self.directory, error))?;
        bytes.ok_or_else(|| damaged(&self.directory, format!("{name} is missing")))
    }
}

impl NewRecord {
    /// Writes the record into `tree`, in place of one that is there; `installed.json` comes last. Manifests that are
    /// not given are linked from `live`.
    ///
    /// # Errors
    /// When a manifest is nowhere to be had, or the disk says no.
    pub fn write(&self, tree: &Directory, live: Option<&Record>, reporter: &dyn Reporter) -> Result<(), StateError> {
        let (above, name) = split_path(Tree::record_beneath_usr());
        let parent = tree.descend(above)?;
        let parent = parent.ok_or_else(|| damaged(tree, format!("the directory {above} is missing")))?;
        parent.remove(name)?;
        let directory = parent.ensure_subdirectory(name, 0o755)?;
        let manifests = directory.ensure_subdirectory(MANIFESTS, 0o755)?;
        let known = live.and_then(Record::manifests);
        for digest in self.installed.bundles.values() {
            let name = digest.to_string();
            let new = self.manifests.iter().find(|(new, _)| new == digest);
            match (new, &known) {
                _ if manifests.look(&name)?.is_some() => {}
                (Some((_, bytes)), _) => manifests.write_new(&name, 0o644, bytes)?,
                (None, Some(known)) => known.link(&name, &manifests, &name)?,
                (None, None) => return Err(damaged(&directory, format!("manifest {name} is missing"))),
            }
        }
        directory.write_new(ROOT, 0o644, &self.root)?;
        directory.write_new(RELEASE, 0o644, &self.release)?;
        reporter.passes(Checkpoint::RecordBegun);
        Ok(directory.write_new(RECORD, 0o644, &self.installed.to_json())?)
    }
}

fn damaged(directory: &Directory, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StateError {
    StateError::DamagedRecord { path: directory.path().to_owned(), source: source.into() }
}

/// Damage where the disk tells of it; else what the system says.
fn unread(directory: &Directory, error: DiskError) -> StateError {
    if error.is_damage() { damaged(directory, error) } else { error.into() }
}
