//! The door to the store: verified blobs by digest, waiting to be staged. A cache, never a truth.
//!
//! Content gets its name only when its digest has been checked ([`Incoming::finish`]), and whatever an earlier run left
//! is hashed again before it is believed ([`Store::open`]), so a torn write or a planted file is never used. Blobs are
//! plain content; blocks of packs lie here compressed, as they came, until they are decoded.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::disk::{Directory, DiskError};
use crate::types::{Digest, Hasher};

/// What the store does not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Other content than was named.
    #[error("content with digest {found} came for {wanted}")]
    OtherContent {
        /// The digest that was wanted.
        wanted: Digest,
        /// The digest of what came.
        found: Digest,
    },
}

/// What is kept under a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// The content of a file.
    Blob,
    /// A block of a pack, compressed.
    Block,
}

/// The store of one machine.
#[derive(Debug)]
pub struct Store {
    directory: Directory,
    next_incoming: AtomicU64,
}

/// What an earlier run left behind, verified.
#[derive(Debug, Default)]
pub struct Held {
    /// Blobs.
    pub blobs: HashSet<Digest>,
    /// Blocks.
    pub blocks: HashSet<Digest>,
}

/// Content on its way into the store. Without a name when it is dropped, it goes.
#[derive(Debug)]
pub struct Incoming<'a> {
    file: File,
    hasher: Hasher,
    temporary: Temporary<'a>,
}

/// A file of the store that has no digest for its name yet.
#[derive(Debug)]
struct Temporary<'a> {
    directory: &'a Directory,
    name: String,
    has_its_name: bool,
}

const BLOCK_PREFIX: &str = "block-";
const INCOMING_PREFIX: &str = "incoming-";

impl Shelf {
    fn name(self, digest: Digest) -> String {
        match self {
            Self::Blob => digest.to_string(),
            Self::Block => format!("{BLOCK_PREFIX}{digest}"),
        }
    }
}

impl Store {
    /// Its name in the directory beside the trees. Whoever removes that forgets everything.
    pub const NAME: &str = "store";

    /// Opens the store in the directory beside the trees. Everything in it is hashed again; what is not what its name
    /// says is removed.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn open(home: &Directory) -> Result<(Self, Held), DiskError> {
        let directory = home.ensure_subdirectory(Self::NAME, 0o700)?;
        let names = directory.names()?;
        let good = names
            .into_par_iter()
            .map(|name| {
                let name = name.to_string_lossy().into_owned();
                let (shelf, digest) = match name.strip_prefix(BLOCK_PREFIX) {
                    Some(digest) => (Shelf::Block, digest.parse::<Digest>()),
                    None => (Shelf::Blob, name.parse::<Digest>()),
                };
                let found = digest.ok().filter(|digest| is_content(&directory, &name, *digest));
                if found.is_none() {
                    directory.remove(&name)?;
                }
                Ok(found.map(|digest| (shelf, digest)))
            })
            .collect::<Result<Vec<_>, DiskError>>()?;
        let mut held = Held::default();
        for (shelf, digest) in good.into_iter().flatten() {
            match shelf {
                Shelf::Blob => held.blobs.insert(digest),
                Shelf::Block => held.blocks.insert(digest),
            };
        }
        Ok((Self { directory, next_incoming: AtomicU64::new(0) }, held))
    }

    /// The directory of the store; a blob's name in it is its digest.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// A place for new content.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn incoming(&self) -> Result<Incoming<'_>, DiskError> {
        let number = self.next_incoming.fetch_add(1, Ordering::Relaxed);
        // A run that is ending may still write here: what it finishes must not be what another has begun.
        let name = format!("{INCOMING_PREFIX}{}-{number}", std::process::id());
        let file = self.directory.create_file(&name, 0o600)?;
        let temporary = Temporary { directory: &self.directory, name, has_its_name: false };
        Ok(Incoming { file, hasher: Hasher::default(), temporary })
    }

    /// Keeps content that is in memory.
    ///
    /// # Errors
    /// When it is not the content of that name, or the disk is full.
    pub fn add(&self, shelf: Shelf, digest: Digest, content: &[u8]) -> Result<(), StoreError> {
        let mut incoming = self.incoming()?;
        let failed = |source| DiskError { action: "write to", path: self.directory.path().to_owned(), source };
        incoming.write_all(content).map_err(failed)?;
        incoming.finish(shelf, digest)
    }

    /// Opens what is kept under `digest`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open_content(&self, shelf: Shelf, digest: Digest) -> Result<File, DiskError> {
        self.directory.open_file(shelf.name(digest))
    }

    /// Forgets everything but these blobs.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn retain(&self, keep: impl Fn(&Digest) -> bool) -> Result<(), DiskError> {
        let kept = |name: &OsString| name.to_str()?.parse().ok().filter(&keep);
        let names = self.directory.names()?;
        names.iter().filter(|name| kept(name).is_none()).try_for_each(|name| self.directory.remove(name))
    }

    /// Forgets what is kept under `digest`, if anything is.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn remove(&self, shelf: Shelf, digest: Digest) -> Result<(), DiskError> {
        self.directory.remove(shelf.name(digest))
    }
}

impl Write for Incoming<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming<'_> {
    /// Gives the content its name, if it is the content of that name; throws it away otherwise.
    ///
    /// # Errors
    /// [`StoreError::OtherContent`] when it is not.
    pub fn finish(self, shelf: Shelf, wanted: Digest) -> Result<(), StoreError> {
        let Self { mut temporary, hasher, .. } = self;
        let found = hasher.finish();
        if found != wanted {
            return Err(StoreError::OtherContent { wanted, found });
        }
        let directory = temporary.directory;
        directory.rename(&temporary.name, directory, shelf.name(wanted))?;
        temporary.has_its_name = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.has_its_name {
            // It only takes space: the next run clears what is left here.
            if let Err(error) = self.directory.remove(&self.name) {
                tracing::debug!(%error, "content without a name stays in the store");
            }
        }
    }
}

fn is_content(directory: &Directory, name: &str, digest: Digest) -> bool {
    let read = directory.open_file(name).map(Digest::of_reader);
    matches!(read, Ok(Ok((found, _))) if found == digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_its_digest_has_its_name() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let home = Directory::open_path(temporary.path()).expect("it opens");
        let (good, other) = (Digest::of(b"good"), Digest::of(b"other"));
        let (store, held) = Store::open(&home).expect("opened");
        assert!(held.blobs.is_empty());
        for (shelf, name, content) in
            [(Shelf::Blob, good, b"good".as_slice()), (Shelf::Block, good, b"good"), (Shelf::Blob, other, b"good")]
        {
            let mut incoming = store.incoming().expect("room");
            incoming.write_all(content).expect("written");
            assert_eq!(incoming.finish(shelf, name).is_ok(), name == good);
        }
        store.incoming().expect("room").write_all(b"half").expect("written");
        assert_eq!(store.directory().names().expect("listed").len(), 2, "what got no name is gone");
        std::fs::write(temporary.path().join("store/incoming-9"), b"half").expect("written");
        std::fs::write(temporary.path().join("store").join(other.to_string()), b"planted").expect("written");

        let (store, held) = Store::open(&home).expect("opened");
        assert_eq!(held.blobs, [good].into());
        assert_eq!(held.blocks, [good].into());
        assert_eq!(store.directory().names().expect("listed").len(), 2);
        store.add(Shelf::Blob, other, b"other").expect("room");
        store.retain(|digest| *digest == other).expect("the rest is forgotten");
        assert_eq!(store.directory().names().expect("listed"), [other.to_string().as_str()]);
        store.add(Shelf::Blob, good, b"good").expect("room");
        store.remove(Shelf::Blob, good).expect("removed");
        assert!(store.open_content(Shelf::Blob, good).is_err());
    }
}
