//! The content of blobs: new ones from the input trees, old ones from the publication's objects.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::PublishError;
use super::compose::Blob;
use crate::manifest::Release;
use crate::pack::ObjectDecoder;
use crate::site::{InputTrees, Site};
use crate::types::{Digest, Hasher};

/// Where contents are to be had.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The publication, with the objects of all releases so far.
    pub site: &'a Site,
    /// The input of the release that is being made, with its blobs.
    pub input: Option<(&'a InputTrees, &'a BTreeMap<Digest, Blob>)>,
}

impl Contents<'_> {
    /// Opens a blob of the input for reading from its beginning. Whoever reads it checks its digest.
    ///
    /// # Errors
    /// When it is not in the input, or cannot be opened.
    pub fn open(&self, digest: Digest) -> Result<impl Read + Send + use<>, PublishError> {
        match self.input_of(digest) {
            Some((input, blob)) => Ok(input.open(&blob.bundle, &blob.paths[0], blob.file)?),
            None => {
                let source = io::Error::new(io::ErrorKind::NotFound, "the input does not have it");
                Err(PublishError::Blob { digest, source })
            }
        }
    }

    /// A whole blob of `size` bytes in memory, with the digest that it should have.
    ///
    /// # Errors
    /// When it cannot be read, or is another.
    pub fn bytes(&self, digest: Digest, size: u64) -> Result<Vec<u8>, PublishError> {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        if self.input_of(digest).is_some() {
            let read = self.open(digest)?.take(size + 1).read_to_end(&mut bytes);
            read.map_err(|source| PublishError::Blob { digest, source })?;
        } else {
            bytes = decode_object(self.site, digest, size, bytes)?;
        }
        if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(self.changed(digest)) }
    }

    /// The error for a blob that is not what it should be.
    pub fn changed(&self, digest: Digest) -> PublishError {
        match self.input_of(digest) {
            Some((input, blob)) => input.changed(&blob.bundle, &blob.paths[0], blob.file).into(),
            None => PublishError::Misnamed { path: Release::object_path(digest) },
        }
    }

    fn input_of(&self, digest: Digest) -> Option<(&InputTrees, &Blob)> {
        let (input, blobs) = self.input?;
        Some((input, blobs.get(&digest)?))
    }
}

/// Decodes a published object of a blob of `size` bytes and compares what comes out with the blob's digest.
///
/// # Errors
/// When it cannot be decoded, or holds something else.
pub fn prove_object(site: &Site, digest: Digest, size: u64) -> Result<(), PublishError> {
    match decode_object(site, digest, size, Hasher::default())?.finish() == digest {
        true => Ok(()),
        false => Err(PublishError::Misnamed { path: Release::object_path(digest) }),
    }
}

/// Writes the blob of `size` bytes that a published object holds. Its digest is not checked.
///
/// # Errors
/// When there is no such object, or it is damaged or of another size.
pub fn decode_object<W: Write>(site: &Site, digest: Digest, size: u64, out: W) -> Result<W, PublishError> {
    let path = Release::object_path(digest);
    let mut file = site.open_file(&path)?;
    let decode = move || {
        let mut decoder = ObjectDecoder::new(size, out)?;
        io::copy(&mut file, &mut decoder)?;
        decoder.finish()
    };
    decode().map_err(|source| PublishError::Object { path, source })
}
