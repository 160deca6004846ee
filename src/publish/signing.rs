//! A publication's signed metadata: made with the publication, read back, signed again in time, and signed by other keys.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::PublishError;
use super::published::{name_of, release};
use crate::site::{Access, Site, SiteError};
use crate::trust::{
    CurrentMetadata, Document, Expirations, KeyDirectory, Lifetimes, Resign, Role, RootKeys, TrustError, initialize,
    resign, rotate,
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
    /// Whether a rotation of keys was begun and is not at its end: the keys that it replaces still count.
    pub is_rotating: bool,
    /// Why clients refuse the newest release all the same.
    pub refusal: Option<String>,
}

/// What became of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Where the private keys are from now on.
    pub keys: PathBuf,
    /// Whether they were there before.
    pub keys_reused: bool,
    /// What was signed: nothing when these keys signed alone already.
    pub signed: Signed,
}

/// Where the keys of a publication are unless it is said otherwise: beside it, never in it.
pub fn default_keys(site: &Path) -> PathBuf {
    // `.` and `..` are no names: what they lead to has one.
    let site = if site.file_name().is_some() { site.to_owned() } else { resolved(site) };
    let mut name = site.file_name().unwrap_or_default().to_owned();
    name.push(".keys");
    site.with_file_name(name)
}

/// Makes an empty publication with its root of trust, and private keys where there are none yet. A run that was cut off is
/// gone on with by the next one of the same arguments.
///
/// # Errors
/// When something lies at the place already, or the keys would lie inside.
pub fn init(site: &Path, keys: &Path, now: i64) -> Result<Initialized, PublishError> {
    let time = Timestamp::from_second(now).map_err(|_| PublishError::BadTime(now))?;
    check_outside(keys, site)?;
    let opened = Site::create(site)?;
    let (directory, keys_reused) = existing_or_new(keys)?;
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
    let documents = resign(&current, &KeyDirectory::open(keys), what, &Lifetimes::default(), time)
        .map_err(|error| not_signed(error, &current))?;
    write_documents(&site, &documents)
}

/// Replaces the keys of a publication by those in `new_keys`, where they are made unless they are there. A run that was cut
/// off is gone on with by the next one of the same arguments; where the new keys sign alone already, nothing is written.
///
/// # Errors
/// When the publication is not signed by these keys, the new ones would lie inside, or the disk refuses.
pub fn rotate_keys(site: &Path, keys: &Path, new_keys: &Path, now: i64) -> Result<Rotated, PublishError> {
    let time = Timestamp::from_second(now).map_err(|_| PublishError::BadTime(now))?;
    check_outside(new_keys, site)?;
    let site = Site::open(site, Access::Write)?;
    let current = current_metadata(&site)?;
    let (new, keys_reused) = existing_or_new(new_keys)?;
    let documents = rotate(&current, &KeyDirectory::open(keys), &new, RootKeys::ONE, &Lifetimes::default(), time)?;
    Ok(Rotated { keys: new_keys.to_owned(), keys_reused, signed: write_documents(&site, &documents)? })
}

/// The newest metadata, verified.
///
/// # Errors
/// [`SiteError::NoPublication`] where the directory is another one; when the metadata is not as it must be.
pub(super) fn current_metadata(site: &Site) -> Result<CurrentMetadata, PublishError> {
    site.check_published()?;
    CurrentMetadata::read(|path, limit| match site.read(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(SiteError::Missing(_)) => Ok(None),
        Err(error) => Err(PublishError::from(error)),
    })
}

/// Why nothing was signed. Whoever goes on with the new keys while the old ones have signed what is published is not to look for
/// other keys.
pub(super) fn not_signed(error: TrustError, current: &CurrentMetadata) -> PublishError {
    match error {
        TrustError::CannotSign { .. } if current.is_rotating().is_ok_and(|is| is) => {
            PublishError::RotationUnfinished(error)
        }
        error => error.into(),
    }
}

/// Writes signed documents in their order, each on disk before the next.
pub(super) fn write_documents(site: &Site, documents: &[Document]) -> Result<Signed, PublishError> {
    for document in documents {
        site.replace(&document.path, &document.bytes)?;
    }
    let roles = documents.iter().map(|document| document.role).collect();
    let current = current_metadata(site)?;
    let refusal = refusal(site, &current)?;
    Ok(Signed { roles, ends: current.expirations()?, is_rotating: current.is_rotating()?, refusal })
}

/// Why clients refuse the newest release whose metadata they accept: the time that it says, which no key that signs it again
/// makes another. Where its document does not lie beside the metadata, that is not looked at.
pub(super) fn refusal(site: &Site, current: &CurrentMetadata) -> Result<Option<String>, PublishError> {
    let Some(newest) = current.newest()? else { return Ok(None) };
    if site.length(&newest.path())?.is_none() {
        return Ok(None);
    }
    let release = release(site, &name_of(&newest))?;
    let ends = current.expirations()?.timestamp.as_second();
    Ok(release.check_published(ends).err().map(|error| error.to_string()))
}

/// # Errors
/// When the keys would lie inside the publication.
fn check_outside(keys: &Path, site: &Path) -> Result<(), PublishError> {
    if resolved(keys).starts_with(resolved(site)) {
        return Err(PublishError::KeysInside { keys: keys.to_owned(), site: site.to_owned() });
    }
    Ok(())
}

/// The keys of that directory, made unless they are there, and whether they were.
fn existing_or_new(keys: &Path) -> Result<(KeyDirectory, bool), PublishError> {
    match KeyDirectory::generate(keys, RootKeys::ONE) {
        Ok(directory) => Ok((directory, false)),
        Err(TrustError::KeyExists { .. }) => Ok((KeyDirectory::open(keys), true)),
        Err(error) => Err(error.into()),
    }
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
