//! Trust metadata, as a client reads it.

use async_trait::async_trait;
use jiff::Timestamp;
use stateless_update::manifest::Release;
use stateless_update::trust::{Expiry, Fetched, KnownTime, Source, SourceError, TrustDirectory, TrustError, refresh};
use tokio::runtime;

use super::parts::parts;

/// Before the fixtures' metadata ends.
const NOW: i64 = 1_800_000_000;

/// The machine's root, and what the publication answers: next root, timestamp, snapshot, targets; an empty part is a file
/// that is not there. A look ends; what is taken is taken again unchanged, and names a release of bounded length; what a
/// refused look leaves is no obstacle to the next.
pub fn trust_metadata(input: &[u8]) {
    let [root, next_root, timestamp, snapshot, targets] = parts(input);
    let publication = Publication { next_root, timestamp, snapshot, targets }.kept();
    let home = tempfile::tempdir().expect("a directory");
    let directory = TrustDirectory::new(home.path().join("trust"));
    let now = KnownTime::new(Timestamp::from_second(NOW).expect("a time"), Timestamp::UNIX_EPOCH);
    let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
    let look = || runtime.block_on(refresh(&directory, root, &publication, now, Expiry::Enforced));
    match look() {
        Ok(first) => {
            let second = look().expect("the same files");
            assert_eq!(second.newest, first.newest);
            assert!(first.newest.get().reference.length <= Release::MAX_BYTES);
        }
        Err(first) => {
            let second = look().expect_err("the same files");
            assert!(!matches!(second, TrustError::LocalDamaged { .. }), "{first:?}, then {second:?}");
        }
    }
}

/// The files by their roles.
struct Publication<'a> {
    next_root: &'a [u8],
    timestamp: &'a [u8],
    snapshot: &'a [u8],
    targets: &'a [u8],
}

impl Publication<'_> {
    fn kept(&self) -> Files {
        let files = [
            ("root.json", self.next_root),
            ("timestamp.json", self.timestamp),
            ("snapshot.json", self.snapshot),
            ("targets.json", self.targets),
        ];
        Files(files.map(|(name, bytes)| (name, bytes.to_vec())))
    }
}

/// A publication in memory: the end of a name decides.
#[derive(Debug)]
struct Files([(&'static str, Vec<u8>); 4]);

#[async_trait]
impl Source for Files {
    async fn fetch(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        let found = self.0.iter().find(|(name, bytes)| path.ends_with(name) && !bytes.is_empty());
        let (name, bytes) = found.ok_or(SourceError::NotFound)?;
        // One root after the first, and no more.
        if *name == "root.json" && !path.ends_with("/2.root.json") {
            return Err(SourceError::NotFound);
        }
        if bytes.len() as u64 > limit_bytes { Err(SourceError::TooLarge) } else { Ok(bytes.clone()) }
    }

    async fn fetch_if_changed(&self, path: &str, limit_bytes: u64, _: Option<&str>) -> Result<Fetched, SourceError> {
        let bytes = self.fetch(path, limit_bytes).await?;
        Ok(Fetched::Body { bytes, etag: None })
    }
}
