//! Objects: every blob of a release compressed alone, the fallback where no pack has it.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Read};

use rayon::prelude::*;

use super::PublishError;
use super::compose::Blob;
use super::contents::{Contents, prove_object};
use super::published::PublishedRelease;
use crate::manifest::Release;
use crate::pack::write_object;
use crate::report::{Progress, Reporter, Step};
use crate::site::Batch;
use crate::types::{Digest, Entry, Hasher, Kind};

/// What became of the blobs.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// The length in bytes of each blob's object.
    pub lengths: HashMap<Digest, u64>,
    /// How many objects are new.
    pub added: u64,
    /// Their bytes.
    pub added_bytes: u64,
}

/// Makes the objects that the publication does not have yet and publishes them. One that it has, or had, must be as long as
/// the releases of the `past` signed for.
///
/// # Errors
/// When a blob is not what it was when it was first read, an object is damaged or cannot be made as it was, or the disk
/// refuses.
pub fn publish(
    contents: &Contents<'_>,
    blobs: &BTreeMap<Digest, Blob>,
    past: &[PublishedRelease],
    level: i32,
    reporter: &dyn Reporter,
) -> Result<Objects, PublishError> {
    let signed = signed_lengths(past);
    let mut objects = Objects::default();
    let (mut unsigned, mut missing) = (Vec::new(), Vec::new());
    for (digest, blob) in blobs {
        let path = Release::object_path(*digest);
        let Some(length) = contents.site.length(&path)? else {
            missing.push((*digest, blob));
            continue;
        };
        match signed.get(digest) {
            None => unsigned.push((*digest, blob.size)),
            Some(signed) if *signed == length => {}
            Some(_) => return Err(PublishError::Misnamed { path }),
        }
        objects.lengths.insert(*digest, length);
    }
    // Left by a run that was killed, or by releases further back. There are few, and to decode them costs less than to make
    // them.
    unsigned.par_iter().with_max_len(16).try_for_each(|(digest, size)| prove_object(contents.site, *digest, *size))?;
    // The largest first, so that no core is left alone with one at the end.
    missing.sort_by_key(|(digest, blob)| (std::cmp::Reverse(blob.size), *digest));
    let total = missing.iter().map(|(_, blob)| blob.size).sum();
    let progress = Progress::new(reporter, Step::Objects, total);
    let batch = contents.site.batch();
    let made: Vec<(Digest, u64)> = missing
        .par_iter()
        .with_max_len(1)
        .map(|(digest, blob)| {
            let length = make(&batch, contents, *digest, blob.size, level)?;
            progress.advance(blob.size);
            // It is lost, and clients of the releases that have it go by the length that is signed there.
            if let Some(signed) = signed.get(digest).copied().filter(|signed| *signed != length) {
                return Err(PublishError::OtherObject { path: Release::object_path(*digest), signed, made: length });
            }
            Ok((*digest, length))
        })
        .collect::<Result<_, PublishError>>()?;
    batch.publish()?;
    objects.added = made.len() as u64;
    objects.added_bytes = made.iter().map(|(_, length)| length).sum();
    objects.lengths.extend(made);
    Ok(objects)
}

/// How long each object is that these releases refer to.
fn signed_lengths(past: &[PublishedRelease]) -> HashMap<Digest, u64> {
    let entries = past.iter().flat_map(|release| release.tree.entries());
    let length = |entry: &Entry| match entry.kind {
        Kind::File { digest, object_bytes, .. } => Some((digest, object_bytes)),
        Kind::Directory | Kind::Symlink { .. } => None,
    };
    entries.filter_map(length).collect()
}

/// One object: reads the blob once, compresses it piece by piece and checks that it still is what it was.
fn make(
    batch: &Batch<'_>,
    contents: &Contents<'_>,
    digest: Digest,
    size: u64,
    level: i32,
) -> Result<u64, PublishError> {
    let path = Release::object_path(digest);
    let mut content = Hashed { inner: contents.open(digest)?, hasher: Hasher::default(), length: 0 };
    let mut draft = batch.draft()?;
    let written = write_object(&mut content, size, level, BufWriter::with_capacity(256 << 10, &mut draft));
    // A disk that is full ends the reading, too.
    let refused = written.as_ref().is_err_and(|error| error.raw_os_error().is_some());
    if content.length != size && !refused {
        return Err(contents.changed(digest));
    }
    written.map_err(|source| PublishError::Object { path: path.clone(), source })?;
    if content.hasher.finish() != digest {
        return Err(contents.changed(digest));
    }
    Ok(batch.add(&path, draft)?)
}

/// Hashes and counts what is read through it.
struct Hashed<R> {
    inner: R,
    hasher: Hasher,
    length: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.length += count as u64;
        Ok(count)
    }
}
