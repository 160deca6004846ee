//! `clean`: gives back what runs keep to be faster the next time. Trees, trust, journal and history are never touched.

use std::sync::Arc;

use serde::Serialize;

use super::session::Session;
use super::{ClientError, Mode, Settings};
use crate::disk::{Weight, weigh};
use crate::report::Reporter;
use crate::state::{FINGERPRINTS, SEARCH_INDEX};
use crate::store::Store;

/// `clean`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanRequest {
    /// Also the search index, and what is known of the content of files: without it the next run hashes all of them.
    pub all: bool,
    /// Do it or only say it.
    pub mode: Mode,
}

/// The answer of `clean`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// What was there and is removed, by its name beside the trees.
    pub removed: Vec<CleanedPart>,
    /// Bytes that are free now.
    pub bytes: u64,
    /// Nothing was removed, this is what would be.
    pub dry_run: bool,
}

/// A part of what was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CleanedPart {
    /// Its name, in the directory beside the trees or among the caches.
    pub name: &'static str,
    /// Files in it.
    pub files: u64,
    /// Bytes that it gave back.
    pub bytes: u64,
}

/// Removes the store, where verified blobs and blocks wait for the next run; with `all` also the fingerprints and the search
/// index.
///
/// # Errors
/// When another run is at work, or the disk says no.
pub fn clean(settings: &Settings, request: CleanRequest, reporter: &Arc<dyn Reporter>) -> Result<Cleaned, ClientError> {
    let session = Session::open(settings, request.mode, reporter)?;
    let mut cleaned = Cleaned { removed: Vec::new(), bytes: 0, dry_run: request.mode == Mode::DryRun };
    let Some(home) = session.machine.home()? else { return Ok(cleaned) };
    let names: &[&'static str] = if request.all { &[Store::NAME, FINGERPRINTS] } else { &[Store::NAME] };
    for name in names.iter().copied() {
        if home.look(name)?.is_none() {
            continue;
        }
        let Weight { files, bytes } = weigh(&home, name)?;
        if let Some(machine) = session.locked() {
            machine.own_directory().remove(name)?;
        }
        cleaned.bytes += bytes;
        cleaned.removed.push(CleanedPart { name, files, bytes });
    }
    if request.all
        && let Some(cache) = session.machine.cache()?
        && cache.look(SEARCH_INDEX)?.is_some()
    {
        let Weight { files, bytes } = weigh(&cache, SEARCH_INDEX)?;
        if session.locked().is_some() {
            cache.remove(SEARCH_INDEX)?;
        }
        cleaned.bytes += bytes;
        cleaned.removed.push(CleanedPart { name: SEARCH_INDEX, files, bytes });
    }
    Ok(cleaned)
}
