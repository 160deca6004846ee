//! One look at a publication: is there something newer, and who says so?
//!
//! 1. Ask for the timestamp, conditionally. When it is the one last seen and nothing that was last seen is past its end,
//!    that is all: one request. A root rotated meanwhile is noticed with the next timestamp, so at the latest when the
//!    last seen one ends.
//! 2. Otherwise let `tough` load everything, beginning with root N+1, and give it the timestamp that was fetched. That
//!    it was fetched before the roots weakens nothing: it is verified after them, by the newest root's keys; when there
//!    was a new root it is fetched again, so that a rotation between the two requests does not look like a forgery.
//!    A snapshot or targets that are named as they were last seen are not fetched again.
//! 3. Compare each document with what was last seen (`held`) and its end with the known time before `tough` asks for the
//!    next (`progress`); read the release (`release`).
//! 4. Swap in what was seen; on a failure, what was verified before it. There is one swap at the end, not one for each
//!    document: a run that is killed meanwhile leaves what was there.

use jiff::Timestamp;
use tokio::sync::mpsc;
use tough::{ExpirationEnforcement, Limits, RepositoryLoader};
use url::Url;

use super::delegations::TargetsLook;
use super::directory::{Scratch, TrustDirectory};
use super::error::TrustError;
use super::feed::{BASE, Feed, Wire};
use super::held::Held;
use super::progress::Progress;
use super::release::{self, NewestRelease};
use super::roles::{Expirations, Quartet, Seen};
use super::source::Source;
use super::time::{Expiry, KnownTime};
use super::trusted::Trusted;
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
    /// The documents below it as they were fetched, by their paths in the publication: timestamp, snapshot, targets.
    pub documents: Vec<(String, Vec<u8>)>,
    /// Whether this is what was seen last time.
    pub unchanged: bool,
    /// When each role's metadata ends.
    pub expirations: Expirations,
    /// The latest time that is known to have come, the signed times seen in this look among it.
    pub now: Timestamp,
}

/// Looks at a publication and remembers what it saw.
///
/// `first_root` is the root that the machine carries: from its tree or from its owner. When the directory has a chain of
/// roots, that chain must contain it, or lead to it: a root of another publication is refused and never overrides, nor
/// is overridden by, what the directory holds.
///
/// # Errors
/// [`TrustError`]; [`TrustError::is_unreachable`] tells those that may pass from those that are refusals. After an error
/// the directory has what was verified before it, and no more.
pub async fn refresh(
    directory: &TrustDirectory,
    first_root: &[u8],
    source: &dyn Source,
    time: KnownTime,
    expiry: Expiry,
) -> Result<Look, TrustError> {
    let (newest, seen) =
        refresh_with(directory, first_root, (source, First::Timestamp), (time, expiry), release::newest).await?;
    let quartet = seen.quartet;
    Ok(Look {
        newest,
        root_version: quartet.root.version(),
        unchanged: seen.unchanged,
        expirations: quartet.expirations(),
        now: seen.time.now(),
        documents: vec![
            ("metadata/timestamp.json".to_owned(), quartet.timestamp.bytes),
            (format!("metadata/{}.snapshot.json", quartet.snapshot.document.signed.version), quartet.snapshot.bytes),
            (format!("metadata/{}.targets.json", quartet.targets.document.signed.version), quartet.targets.bytes),
        ],
        root: quartet.root.bytes,
    })
}

/// As [`refresh`], for a publication of any targets, which may be delegated too: for the TUF conformance suite, not for
/// updating.
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
    let any = |_: &Quartet| Ok(());
    let ((), seen) = refresh_with(directory, first_root, (source, First::Root), (time, expiry), any).await?;
    Ok(TargetsLook::new(seen.quartet, (seen.time, expiry)))
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
    let mut progress = Progress::new(directory, &first, &held, (time, expiry));
    let looked = load(&held, &mut feed, &mut progress, &scratch).await.and_then(|()| progress.finish(read));
    progress.keep(scratch)?;
    let (value, quartet, time) = looked?;
    let unchanged = feed.unchanged && held.quartet().is_some() && !progress.has_rotated();
    Ok((value, Sight { quartet, unchanged, time }))
}

/// Lets `tough` verify the newest metadata; `progress` has it then.
async fn load(
    held: &Held,
    feed: &mut Feed<'_>,
    progress: &mut Progress<'_>,
    scratch: &Scratch,
) -> Result<(), TrustError> {
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
        // It would compare with the wall clock; the ends are checked by `progress`.
        .expiration_enforcement(ExpirationEnforcement::Unsafe)
        .load();
    tokio::pin!(loading);
    let loaded = loop {
        tokio::select! {
            biased;
            Some(ask) = asked.recv() => feed.answer(ask, progress).await,
            loaded = &mut loading => break loaded,
        }
    };
    match (feed.failure.take(), loaded) {
        (Some(failure), _) => Err(failure),
        (None, Ok(_)) => feed.settle(progress),
        // It wanted to go on to delegated roles.
        (None, Err(_)) if progress.is_complete() => Ok(()),
        (None, Err(error)) => Err(error.into()),
    }
}
