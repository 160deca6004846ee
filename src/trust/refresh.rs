//! One look at a publication: is there something newer, and who says so?
//!
//! 1. Ask for the timestamp, conditionally. When it is the one last seen and nothing that was last seen is past its end,
//!    that is all: one request. A root rotated meanwhile is noticed with the next timestamp, so at the latest when the
//!    last seen one ends.
//! 2. Otherwise let `tough` load everything, beginning with root N+1, and give it the timestamp that was fetched. That
//!    it was fetched before the roots weakens nothing: it is verified after them, by the newest root's keys; when there
//!    was a new root it is fetched again, so that a rotation between the two requests does not look like a forgery.
//! 3. Compare with what was last seen (`held`), check all ends by the known time, read the release (`release`).
//! 4. Swap in what was seen. On any failure only verified new roots are kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tough::{ExpirationEnforcement, Limits, Repository, RepositoryLoader};
use url::Url;

use super::directory::{Scratch, TrustDirectory};
use super::error::TrustError;
use super::feed::{BASE, Document, Feed, Wire};
use super::held::Held;
use super::json::Outline;
use super::release::{self, NewestRelease};
use super::roles::{Expirations, Quartet, Seen};
use super::source::Source;
use super::time::{Expiry, KnownTime};
use super::trusted::{Reference, Trusted};
use super::{MAX_METADATA_BYTES, MAX_ROOT_BYTES, MAX_ROOT_ROTATIONS, MAX_TIMESTAMP_BYTES};

/// What a look at a publication found.
#[derive(Clone, Debug)]
pub struct Look {
    /// The newest release.
    pub newest: Trusted<NewestRelease>,
    /// The newest trusted root, to be carried in the tree.
    pub root: Vec<u8>,
    /// Its version.
    pub root_version: u64,
    /// Whether this is what was seen last time.
    pub unchanged: bool,
    /// When each role's metadata ends.
    pub expirations: Expirations,
    /// The latest time that is known to have come, the signed times seen in this look among it.
    pub now: Timestamp,
}

/// All targets that a publication names, whatever they are: for the TUF conformance suite, not for updating.
#[derive(Clone, Debug)]
pub struct TargetsLook {
    /// Their names and what they are.
    pub targets: Trusted<BTreeMap<String, Reference>>,
    /// Whether the files carry their digest in their names.
    pub consistent_snapshot: bool,
}

/// Looks at a publication and remembers what it saw.
///
/// `first_root` is the root that the machine carries: from its tree or from its owner. When the directory has a chain of
/// roots, that chain must contain it, or lead to it: a root of another publication is refused and never overrides, nor
/// is overridden by, what the directory holds.
///
/// # Errors
/// [`TrustError`]; [`TrustError::is_unreachable`] tells those that may pass from those that are refusals. Except for
/// verified newer roots, an error leaves the directory as it was.
pub async fn refresh(
    directory: &TrustDirectory,
    first_root: &[u8],
    source: &dyn Source,
    time: KnownTime,
    expiry: Expiry,
) -> Result<Look, TrustError> {
    let (newest, seen) =
        refresh_with(directory, first_root, (source, First::Timestamp), (time, expiry), release::newest).await?;
    Ok(Look {
        newest,
        root: seen.quartet.root.bytes.clone(),
        root_version: seen.quartet.root.version(),
        unchanged: seen.unchanged,
        expirations: seen.quartet.expirations(),
        now: seen.time.now(),
    })
}

/// As [`refresh`], for a publication of any targets. Delegations are refused all the same.
///
/// # Errors
/// As [`refresh`].
pub async fn refresh_targets(
    directory: &TrustDirectory,
    first_root: &[u8],
    source: &dyn Source,
    time: KnownTime,
    expiry: Expiry,
) -> Result<TargetsLook, TrustError> {
    let (targets, seen) =
        refresh_with(directory, first_root, (source, First::Root), (time, expiry), release::all_targets).await?;
    Ok(TargetsLook { targets, consistent_snapshot: seen.quartet.root.document.signed.consistent_snapshot })
}

/// What a look asks for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// The timestamp: when that is the one last seen, it is all.
    Timestamp,
    /// The next root, and then everything, as the specification tells it.
    Root,
}

/// What a look saw.
struct Sight {
    quartet: Quartet,
    unchanged: bool,
    time: KnownTime,
}

/// A look, with what has to be readable from the metadata before it is taken for seen.
async fn refresh_with<T>(
    directory: &TrustDirectory,
    first_root: &[u8],
    (source, asks): (&dyn Source, First),
    (time, expiry): (KnownTime, Expiry),
    read: impl Fn(&Quartet) -> Result<T, TrustError>,
) -> Result<(T, Sight), TrustError> {
    let first = Seen::parse_root("the given root", first_root.to_vec())?;
    first.verify(&first.document.signed)?;
    let held = match Held::read(directory)? {
        Some(held) => held,
        None => Held::begin(first.clone()),
    };
    let ahead = held.compare(&first, directory.path())?;
    let seen = held.timestamp.as_ref().map(|timestamp| timestamp.bytes.as_slice());
    let mut feed = match asks {
        First::Timestamp => Feed::begin(source, seen, held.etag.as_deref()).await?,
        First::Root => Feed::in_order(source),
    };
    let held_time = held.time(time)?;
    if let Some(quartet) = held.quartet().filter(|_| feed.unchanged && !ahead)
        && quartet.expirations().check(held_time.now()).is_ok()
    {
        return Ok((read(&quartet)?, Sight { quartet, unchanged: true, time: held_time }));
    }
    let scratch = directory.scratch()?;
    let loaded = load(&held, &mut feed, &scratch).await;
    let chain = held.clone().with_roots(feed.roots_up_to(verified_root(&scratch)))?;
    if loaded.is_ok() {
        chain.reach(&first, directory.path())?;
    }
    match loaded.and_then(|quartet| judge(&chain, quartet, &feed, (time, expiry), read)) {
        Ok((next, value, sight)) => {
            scratch.commit(&next.files())?;
            Ok((value, sight))
        }
        Err(error) => {
            let rotated = chain.root.version() > held.root.version();
            if rotated && chain.compare(&first, directory.path()).is_ok() {
                scratch.commit(&chain.files())?;
            }
            Err(error)
        }
    }
}

/// Lets `tough` verify the newest metadata.
async fn load(held: &Held, feed: &mut Feed<'_>, scratch: &Scratch) -> Result<Quartet, TrustError> {
    let datastore = scratch.load_path();
    let last_seen = [
        ("timestamp.json", held.timestamp.as_ref().map(|seen| &seen.bytes)),
        ("snapshot.json", held.snapshot.as_ref().map(|seen| &seen.bytes)),
        ("targets.json", held.targets.as_ref().map(|seen| &seen.bytes)),
    ];
    for (name, bytes) in last_seen {
        if let Some(bytes) = bytes {
            let path = datastore.join(name);
            std::fs::write(&path, bytes).map_err(|source| TrustError::local("write", &path, source))?;
        }
    }
    let (asks, mut asked) = mpsc::unbounded_channel();
    let base = Url::parse(BASE).map_err(|source| TrustError::malformed(BASE, source))?;
    let loading = RepositoryLoader::new(&held.root.bytes, base.clone(), base)
        .transport(Wire(asks))
        .limits(Limits {
            max_root_size: MAX_ROOT_BYTES,
            max_targets_size: MAX_METADATA_BYTES,
            max_timestamp_size: MAX_TIMESTAMP_BYTES,
            max_snapshot_size: MAX_METADATA_BYTES,
            max_root_updates: MAX_ROOT_ROTATIONS,
        })
        .datastore(datastore)
        // It would compare with the wall clock; the ends are checked by `judge`.
        .expiration_enforcement(ExpirationEnforcement::Unsafe)
        .load();
    tokio::pin!(loading);
    let loaded = loop {
        tokio::select! {
            biased;
            Some(ask) = asked.recv() => feed.answer(ask).await,
            loaded = &mut loading => break loaded,
        }
    };
    match (feed.failure.take(), loaded) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(repository)) => Ok(collect(held, feed, &repository)),
    }
}

/// Joins what `tough` verified with the bytes that it verified.
fn collect(held: &Held, feed: &Feed<'_>, repository: &Repository) -> Quartet {
    let given = |document| feed.given.get(&document).cloned().unwrap_or_default();
    let root = match feed.given.get(&Document::Root(repository.root().signed.version.get())) {
        Some(bytes) => Seen { bytes: bytes.clone(), document: repository.root().clone() },
        None => held.root.clone(),
    };
    Quartet {
        root,
        timestamp: Seen { bytes: given(Document::Timestamp), document: repository.timestamp().clone() },
        snapshot: Seen { bytes: given(Document::Snapshot), document: repository.snapshot().clone() },
        targets: Seen { bytes: given(Document::Targets), document: repository.targets().clone() },
    }
}

/// The version of the newest root that `tough` verified, even if it failed later; 0 when it did not come so far.
fn verified_root(scratch: &Scratch) -> u64 {
    let bytes = std::fs::read(scratch.load_path().join("root.json")).unwrap_or_default();
    Outline::read_root("root.json", &bytes).map_or(0, |outline| outline.version())
}

/// Compares what was loaded with what was seen, and with the time: the latest that is known after the new roots, which
/// may have freed the machine from a timestamp that a thief dated far ahead.
fn judge<T>(
    chain: &Held,
    quartet: Quartet,
    feed: &Feed<'_>,
    (time, expiry): (KnownTime, Expiry),
    read: impl Fn(&Quartet) -> Result<T, TrustError>,
) -> Result<(Held, T, Sight), TrustError> {
    let next = chain.clone().succeed(&quartet, feed.etag.clone())?;
    let time = quartet.time(chain.time(time)?)?;
    match expiry {
        Expiry::Enforced => quartet.expirations().check(time.now())?,
        Expiry::Ignored => {}
    }
    let rotated = feed.given.keys().any(|document| matches!(document, Document::Root(_)));
    Ok((next, read(&quartet)?, Sight { quartet, unchanged: feed.unchanged && !rotated, time }))
}
