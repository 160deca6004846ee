//! The publisher's private keys: made here, kept in files, never overwritten, never printed.
//!
//! ```text
//! KEYS/root.pem        or root-1.pem, root-2.pem ... when there are several; may be kept offline
//!      targets.pem     signs targets and snapshot
//!      timestamp.pem   signs the timestamp; lies where cron runs
//! ```
//!
//! Ed25519 in PKCS#8 (RFC 8410) as PEM (RFC 7468), as `openssl genpkey -algorithm ED25519` also writes it. `tough` itself
//! reads PEM for RSA only; here it gets the decoded bytes.
//!
//! While keys are made, [`UNFINISHED`] lies beside them: by it a run that was cut off is told from a directory in which a key is
//! missing because it is kept elsewhere, and where none may be made.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tough::schema::decoded::{Decoded, Hex};
use tough::schema::key::Key;
use tough::sign::Sign;

use super::error::TrustError;

const MAX_ROOT_KEYS: u16 = 16;
const MAX_KEY_BYTES: u64 = 16 * 1024;
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// A directory among the keys, where they are written before they get their names.
pub(super) const UNFINISHED: &str = ".unfinished-keys";

/// How many root keys there are, and how many of them must sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootKeys {
    count: u16,
    threshold: u16,
}

/// A directory of private keys. Only the keys that an operation needs have to be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDirectory {
    path: PathBuf,
}

/// One private key, ready to sign.
pub(super) struct SigningKey {
    pair: Ed25519KeyPair,
    pub(super) public: Key,
    pub(super) id: Decoded<Hex>,
}

impl RootKeys {
    /// One key that signs alone.
    pub const ONE: Self = Self { count: 1, threshold: 1 };

    /// `threshold` of `count` keys.
    ///
    /// # Errors
    /// [`TrustError::Threshold`] unless 1 <= threshold <= count <= 16.
    pub fn new(count: u16, threshold: u16) -> Result<Self, TrustError> {
        if threshold == 0 || threshold > count || count > MAX_ROOT_KEYS {
            return Err(TrustError::Threshold { threshold: threshold.into(), count: count.into() });
        }
        Ok(Self { count, threshold })
    }

    /// How many must sign.
    pub fn threshold(self) -> u16 {
        self.threshold
    }

    fn names(self) -> Vec<String> {
        match self.count {
            1 => vec!["root.pem".to_owned()],
            count => (1..=count).map(|number| format!("root-{number}.pem")).collect(),
        }
    }
}

impl KeyDirectory {
    /// The keys in an existing directory.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes new keys for all roles, durably, each file readable by its owner alone. Makes the directory if needed. Where a run
    /// was cut off, the keys that it made stay, and the others are made.
    ///
    /// # Errors
    /// [`TrustError::KeyExists`] before anything is written, when any of the files is there already and no run was cut off;
    /// [`TrustError::Local`], [`TrustError::KeyGeneration`].
    pub fn generate(path: impl Into<PathBuf>, root_keys: RootKeys) -> Result<Self, TrustError> {
        let keys = Self::open(path);
        let failed = |source| TrustError::local("make", &keys.path, source);
        make_directory(&keys.path).map_err(failed)?;
        let mut names = root_keys.names();
        names.extend(["targets.pem".to_owned(), "timestamp.pem".to_owned()]);
        let paths = names.iter().map(|name| keys.path.join(name));
        let (existing, missing): (Vec<_>, Vec<_>) = paths.partition(|path| path.symlink_metadata().is_ok());
        let unfinished = keys.path.join(UNFINISHED);
        if let Some(path) = existing.into_iter().next().filter(|_| !unfinished.is_dir()) {
            return Err(TrustError::KeyExists { path });
        }
        make_directory(&unfinished).map_err(failed)?;
        missing.iter().try_for_each(|path| write_key(path, &unfinished))?;
        sync_directory(&keys.path).map_err(failed)?;
        fs::remove_dir_all(&unfinished).and_then(|()| sync_directory(&keys.path)).map_err(failed)?;
        Ok(keys)
    }

    /// Where the keys are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All root keys at hand, in the order of their numbers.
    pub(super) fn root(&self) -> Result<Vec<SigningKey>, TrustError> {
        let paths = self.root_paths();
        if paths.is_empty() {
            return Err(TrustError::KeyMissing { path: self.path.join("root.pem") });
        }
        paths.iter().map(|path| SigningKey::load(path)).collect()
    }

    fn root_paths(&self) -> Vec<PathBuf> {
        let numbered = (1..=MAX_ROOT_KEYS).map(|number| format!("root-{number}.pem"));
        let names = std::iter::once("root.pem".to_owned()).chain(numbered);
        names.map(|name| self.path.join(name)).filter(|path| path.exists()).collect()
    }

    /// The key of targets and snapshot.
    pub(super) fn targets(&self) -> Result<SigningKey, TrustError> {
        SigningKey::load(&self.path.join("targets.pem"))
    }

    /// The key of the timestamp.
    pub(super) fn timestamp(&self) -> Result<SigningKey, TrustError> {
        SigningKey::load(&self.path.join("timestamp.pem"))
    }
}

impl SigningKey {
    fn load(path: &Path) -> Result<Self, TrustError> {
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::NotFound => TrustError::KeyMissing { path: path.to_owned() },
            _ => TrustError::local("read", path, source),
        };
        let mut text = String::new();
        let mut file = File::open(path).map_err(failed)?.take(MAX_KEY_BYTES);
        match file.read_to_string(&mut text) {
            Err(error) if error.kind() != ErrorKind::InvalidData => return Err(failed(error)),
            _ => {}
        }
        Self::from_pem(&text).ok_or_else(|| TrustError::KeyUnusable { path: path.to_owned() })
    }

    fn from_pem(text: &str) -> Option<Self> {
        let body = text.split_once(BEGIN)?.1.split_once(END)?.0;
        let packed: String = body.split_ascii_whitespace().collect();
        let pair = Ed25519KeyPair::from_pkcs8(&STANDARD.decode(packed).ok()?).ok()?;
        let public = pair.tuf_key();
        let id = public.key_id().ok()?;
        Some(Self { pair, public, id })
    }

    /// The signature of these bytes. Ed25519 gives the same one every time.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &hex::encode(&self.id)).finish_non_exhaustive()
    }
}

/// Makes a key, which is whole and on disk before it gets its name.
fn write_key(path: &Path, unfinished: &Path) -> Result<(), TrustError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| TrustError::KeyGeneration)?;
    // Version 1, which `openssl` reads too.
    let packed = pair.to_pkcs8v1().map_err(|_| TrustError::KeyGeneration)?;
    let text = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(packed.as_ref()));
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::AlreadyExists => TrustError::KeyExists { path: path.to_owned() },
        _ => TrustError::local("write", path, source),
    };
    // Temporary files are readable by their owner alone.
    let mut file = tempfile::NamedTempFile::new_in(unfinished).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist_noclobber(path).map(drop).map_err(|error| failed(error.error))
}

/// Makes a directory for its owner alone, and those above it, durably, where they are missing.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    // What lies above a plain name is where the process is.
    let above = path.parent().filter(|above| *above != Path::new("")).unwrap_or(Path::new("."));
    make_directory(above)?;
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    sync_directory(above)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
