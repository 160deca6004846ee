//! A publication's signed metadata: made with the publication, read back, and signed again in time.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::PublishError;
use crate::site::{Access, Site, SiteError};
use crate::trust::{
    CurrentMetadata, Document, Expirations, KeyDirectory, Lifetimes, Resign, Role, RootKeys, TrustError, initialize,
    resign,
};

/// What was made of a new publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialized {
    /// The file that a machine's owner is to be given: the first root of trust.
    pub root: PathBuf,
    /// Where the private keys are.
    pub keys: PathBuf,
    /// Whether the keys were there before.
    pub keys_reused: bool,
}

/// What was signed, and until when clients take what is published now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Whose metadata was signed, in the order of writing.
    pub roles: Vec<Role>,
    /// When each role's metadata ends, whether or not it was signed now: with the first of them the publication ends.
    pub ends: Expirations,
}

/// Where the keys of a publication are unless it is said otherwise: beside it, never in it.
pub fn default_keys(site: &Path) -> PathBuf {
    // `.` and `..` are no names: what they lead to has one.
    let site = if site.file_name().is_some() { site.to_owned() } else { resolved(site) };
    let mut name = site.file_name().unwrap_or_default().to_owned();
    name.push(".keys");
    site.with_file_name(name)
}

/// Makes an empty publication with its root of trust, and private keys where there are none yet.
///
/// # Errors
/// When something lies at the place already, or the keys would lie inside.
pub fn init(site: &Path, keys: &Path, now: i64) -> Result<Initialized, PublishError> {
    let time = Timestamp::from_second(now).map_err(|_| PublishError::BadTime(now))?;
    if resolved(keys).starts_with(resolved(site)) {
        return Err(PublishError::KeysInside { keys: keys.to_owned(), site: site.to_owned() });
    }
    let opened = Site::create(site)?;
    let (directory, keys_reused) = match KeyDirectory::generate(keys, RootKeys::ONE) {
        Ok(directory) => (directory, false),
        Err(TrustError::KeyExists { .. }) => (KeyDirectory::open(keys), true),
        Err(error) => return Err(error.into()),
    };
    let documents = initialize(&directory, RootKeys::ONE, &Lifetimes::default(), time)?;
    write_documents(&opened, &documents)?;
    Ok(Initialized { root: site.join("metadata/1.root.json"), keys: keys.to_owned(), keys_reused })
}

/// Signs metadata again so that it ends later.
///
/// # Errors
/// When the publication is not signed by these keys, or the disk refuses.
pub fn refresh(site: &Path, keys: &Path, what: Resign, now: i64) -> Result<Signed, PublishError> {
    let time = Timestamp::from_second(now).map_err(|_| PublishError::BadTime(now))?;
    let site = Site::open(site, Access::Write)?;
    let current = current_metadata(&site)?;
    let documents = resign(&current, &KeyDirectory::open(keys), what, &Lifetimes::default(), time)?;
    write_documents(&site, &documents)
}

/// The newest metadata, verified.
pub(super) fn current_metadata(site: &Site) -> Result<CurrentMetadata, PublishError> {
    CurrentMetadata::read(|path, limit| match site.read(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(SiteError::Missing(_)) => Ok(None),
        Err(error) => Err(PublishError::from(error)),
    })
}

/// Writes signed documents in their order, each on disk before the next.
pub(super) fn write_documents(site: &Site, documents: &[Document]) -> Result<Signed, PublishError> {
    for document in documents {
        site.replace(&document.path, &document.bytes)?;
    }
    let roles = documents.iter().map(|document| document.role).collect();
    Ok(Signed { roles, ends: current_metadata(site)?.expirations()? })
}

/// The path without symlinks and `..`, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
    match existing {
        Some((ancestor, real)) => real.join(path.strip_prefix(ancestor).unwrap_or(Path::new(""))),
        None => path,
    }
}
