//! A publication in memory, a mirror that can be made hostile, and a machine that looks at it.

mod attacks;
mod clocks;
mod delegations;
mod forge;
mod kept;
mod local;
mod looks;
mod malformed;
mod publisher;
mod renewal;
mod roots;
mod rotation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::types::{Digest, Version};

/// When everything is signed and looked at, unless a test says otherwise.
pub(super) const NOW: &str = "2026-03-01T12:00:00Z";
/// When the program was built.
pub(super) const BUILT: &str = "2026-01-01T00:00:00Z";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn version(number: u32) -> Version {
    Version::new(number).expect("not zero")
}

pub(super) fn reference(text: &str) -> Reference {
    Reference::to(text.as_bytes())
}

/// Serves files from memory, counts, and does as it is told.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Whether it gives tags and honours them.
    pub(super) tags: bool,
    /// Answers every conditional question with "unchanged".
    pub(super) always_unchanged: bool,
    /// Fails for these files.
    pub(super) broken: BTreeSet<String>,
    /// Respects the limit, as an honest transport does.
    pub(super) keeps_limits: bool,
    /// Changes to this timestamp as soon as a root was asked for: a publisher at work.
    pub(super) later_timestamp: Mutex<Option<Vec<u8>>>,
    pub(super) asked: Mutex<Vec<String>>,
}

impl Mirror {
    fn serve(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        self.asked.lock().expect("no panic").push(path.to_owned());
        if self.broken.contains(path) {
            return Err(SourceError::Failed("the line is dead".into()));
        }
        let served = self.files.get(path).cloned().ok_or(SourceError::NotFound)?;
        if self.keeps_limits && served.len() as u64 > limit_bytes {
            return Err(SourceError::TooLarge);
        }
        Ok(served)
    }
}

#[async_trait]
impl Source for Mirror {
    async fn fetch(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        self.serve(path, limit_bytes)
    }

    async fn fetch_if_changed(&self, path: &str, limit_bytes: u64, etag: Option<&str>) -> Result<Fetched, SourceError> {
        let mut bytes = self.serve(path, limit_bytes)?;
        let roots_asked = self.asked.lock().expect("no panic").iter().any(|path| path.ends_with(".root.json"));
        if let Some(later) = self.later_timestamp.lock().expect("no panic").take_if(|_| roots_asked) {
            bytes = later;
        }
        let tag = format!("\"{}\"", Digest::of(&bytes));
        if self.always_unchanged || (self.tags && etag == Some(&tag)) {
            return Ok(Fetched::Unchanged);
        }
        Ok(Fetched::Body { bytes, etag: self.tags.then_some(tag) })
    }
}

/// A publisher, a mirror and a machine.
pub(super) struct World {
    pub(super) home: TempDir,
    pub(super) keys: KeyDirectory,
    pub(super) mirror: Mirror,
    pub(super) machine: TrustDirectory,
    pub(super) first_root: Vec<u8>,
    pub(super) clock: Timestamp,
    pub(super) expiry: Expiry,
}

impl World {
    /// A publication without a release.
    pub(super) fn empty() -> Self {
        Self::with_root_keys(RootKeys::ONE)
    }

    pub(super) fn with_root_keys(root_keys: RootKeys) -> Self {
        let home = TempDir::new().expect("a directory");
        let keys = KeyDirectory::generate(home.path().join("keys"), root_keys).expect("keys");
        let documents = initialize(&keys, root_keys, &Lifetimes::default(), at(NOW)).expect("signed");
        let machine = TrustDirectory::new(home.path().join("trust"));
        let first_root = documents[0].bytes.clone();
        let mut world = Self {
            home,
            keys,
            mirror: Mirror { tags: true, ..Mirror::default() },
            machine,
            first_root,
            clock: at(NOW),
            expiry: Expiry::Enforced,
        };
        world.write(documents);
        world
    }

    /// A publication with release 10.
    pub(super) fn new() -> Self {
        let mut world = Self::empty();
        world.release(10);
        world
    }

    pub(super) fn write(&mut self, documents: Vec<Document>) {
        self.mirror.files.extend(documents.into_iter().map(|document| (document.path, document.bytes)));
    }

    pub(super) fn release(&mut self, number: u32) {
        let newest = NewestRelease::new(version(number), reference(&format!("release {number}")));
        let documents =
            sign_release(&self.current(), &self.keys, &newest, &Lifetimes::default(), at(NOW)).expect("signed");
        self.write(documents);
    }

    /// The path of the newest document of a role.
    pub(super) fn path(&self, role: Role) -> String {
        if role == Role::Timestamp {
            return "metadata/timestamp.json".to_owned();
        }
        let suffix = format!(".{role}.json");
        let number = |path: &String| path.strip_prefix("metadata/")?.strip_suffix(&suffix)?.parse::<u64>().ok();
        let newest = self.mirror.files.keys().filter_map(number).max().expect("at least one");
        format!("metadata/{newest}{suffix}")
    }

    pub(super) fn file(&self, role: Role) -> Vec<u8> {
        self.mirror.files[&self.path(role)].clone()
    }

    pub(super) fn current(&self) -> CurrentMetadata {
        CurrentMetadata {
            root: self.file(Role::Root),
            targets: self.file(Role::Targets),
            snapshot: self.file(Role::Snapshot),
            timestamp: self.file(Role::Timestamp),
        }
    }

    /// Rotates to new keys, all of them, and returns where they are.
    pub(super) fn rotate(&mut self, name: &str) -> KeyDirectory {
        let new = KeyDirectory::generate(self.home.path().join(name), RootKeys::ONE).expect("keys");
        let lifetimes = Lifetimes::default();
        let documents = rotate(&self.current(), &self.keys, &new, RootKeys::ONE, &lifetimes, at(NOW)).expect("signed");
        self.write(documents);
        self.keys = new.clone();
        new
    }

    pub(super) fn look(&self) -> Result<Look, TrustError> {
        self.mirror.asked.lock().expect("no panic").clear();
        let time = KnownTime::new(self.clock, at(BUILT));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(refresh(&self.machine, &self.first_root, &self.mirror, time, self.expiry))
    }

    /// Looks, and must be refused. Only what the mirror serves may be kept, and no targets. A second look must meet the same
    /// refusal and keep nothing more: no refusal makes a machine stumble over what it kept.
    pub(super) fn refused(&self) -> TrustError {
        let before = self.content();
        let error = self.look().expect_err("must be refused");
        let after = self.content();
        for (name, bytes) in after.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)) {
            let served = *bytes == self.first_root || self.mirror.files.values().any(|served| served == bytes);
            let other = matches!(name.as_str(), "timestamp.etag" | "unfinished");
            assert!(other || (served && name != "targets.json"), "a refusal changed {name}: {error:?}");
        }
        let again = self.look().expect_err("must be refused again");
        assert_eq!(again.to_string(), error.to_string());
        assert_eq!(self.content(), after, "the same refusal changed more: {error:?}");
        error
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.mirror.asked.lock().expect("no panic").clone()
    }

    /// All files of the trust directory.
    pub(super) fn content(&self) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(self.machine.path()) else { return BTreeMap::new() };
        let files = entries.map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a file"))
        });
        files.collect()
    }
}
