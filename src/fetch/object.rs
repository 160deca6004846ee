//! Objects: one blob each, fetched again from elsewhere where one is bad.

use std::io::{self, Write};
use std::path::Path;

use super::FetchError;
use crate::disk::DiskError;
use crate::manifest::Release;
use crate::pack::ObjectDecoder;
use crate::plan::Need;
use crate::transport::{Served, SinkError, Transport, TransportError};
use crate::types::Digest;

/// The content of one blob by its object, in memory.
///
/// # Errors
/// As `fetch` has them.
pub async fn read_object(transport: &Transport, need: Need) -> Result<Vec<u8>, FetchError> {
    again(transport, async || {
        // Memory has no place, and refuses nothing.
        let (bytes, served) = decoded(transport, need, (Vec::new(), Path::new("")), |_| {}).await?;
        match Digest::of(&bytes) == need.digest {
            true => Ok(bytes),
            false => Err(wrong(transport, served, need, "it has another content".into())),
        }
    })
    .await
}

/// Does something once more for each chance that there is, as long as an object is bad.
pub(super) async fn again<T>(
    transport: &Transport,
    once: impl AsyncFn() -> Result<T, FetchError>,
) -> Result<T, FetchError> {
    let mut chances = transport.chances();
    loop {
        match once().await {
            Err(FetchError::BadObject { .. }) if chances > 0 => chances -= 1,
            done => return done,
        }
    }
}

/// Decodes an object into `out`, which lies at `place`, while it comes, and says who gave it. Its digest is not looked at.
pub(super) async fn decoded<W: Write + Send>(
    transport: &Transport,
    need: Need,
    (out, place): (W, &Path),
    downloaded: impl Fn(u64) + Sync,
) -> Result<(W, Served), FetchError> {
    let refused = |source: SinkError| match source.downcast::<io::Error>() {
        // The system's own error numbers come from the disk, never from what was decoded.
        Ok(error) if error.raw_os_error().is_some() => {
            DiskError { action: "write to", path: place.to_owned(), source: *error }.into()
        }
        Ok(error) => FetchError::BadObject { digest: need.digest, source: error },
        Err(source) => FetchError::BadObject { digest: need.digest, source },
    };
    let mut decoder = ObjectDecoder::new(need.size, out).map_err(|error| refused(error.into()))?;
    let mut sink = |bytes: &[u8]| -> Result<(), SinkError> {
        decoder.write_all(bytes)?;
        downloaded(bytes.len() as u64);
        Ok(())
    };
    let served = match transport.object(&Release::object_path(need.digest), need.object_bytes, &mut sink).await {
        Err(TransportError::Sink { source }) => return Err(refused(source)),
        other => other?,
    };
    match decoder.finish() {
        Ok(out) => Ok((out, served)),
        Err(error) => {
            transport.doubt(served);
            Err(refused(error.into()))
        }
    }
}

/// A bad object, whose origin is asked last from now on.
pub(super) fn wrong(transport: &Transport, served: Served, need: Need, source: SinkError) -> FetchError {
    transport.doubt(served);
    FetchError::BadObject { digest: need.digest, source }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::fetch::testing::transport;
    use crate::pack::write_object;

    /// A full disk is no forgery, and no other origin helps against it.
    #[tokio::test]
    async fn a_disk_that_refuses_is_told_from_a_bad_object() {
        // More than what is written at the end of an object alone, and that.
        for size in [4 << 20, 5] {
            let content = vec![b'x'; size];
            let mut object = Vec::new();
            write_object(&content[..], size as u64, 3, &mut object).expect("memory");
            let need = Need { digest: Digest::of(&content), size: size as u64, object_bytes: object.len() as u64 };
            let origin = tempfile::tempdir().expect("a directory");
            let path = origin.path().join(Release::object_path(need.digest));
            fs::create_dir_all(path.parent().expect("beneath")).expect("made");
            fs::write(&path, &object).expect("written");
            let transport = transport(origin.path());

            let full = Path::new("/dev/full");
            let out = File::options().write(true).open(full).expect("Linux has it");
            let error = decoded(&transport, need, (out, full), |_| {}).await.map(drop).expect_err("no space");
            let FetchError::Disk(error) = error else { panic!("{size}: {error:?}") };
            assert!(error.is_full() && error.path == full, "{error:?}");

            object[4] ^= 0xff;
            fs::write(&path, &object).expect("written");
            let error = read_object(&transport, need).await.expect_err("damaged");
            assert!(matches!(error, FetchError::BadObject { .. }), "{size}: {error:?}");
        }
    }
}
