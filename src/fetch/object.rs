//! Objects: one blob each, fetched again from elsewhere where one is bad.

use std::io::Write;

use super::FetchError;
use crate::manifest::Release;
use crate::pack::ObjectDecoder;
use crate::plan::Need;
use crate::transport::{Served, SinkError, Transport, TransportError};
use crate::types::Digest;

/// The content of one blob by its object, in memory.
///
/// # Errors
/// As [`fetch`] has them.
pub async fn read_object(transport: &Transport, need: Need) -> Result<Vec<u8>, FetchError> {
    again(transport, async || {
        let (bytes, served) = decoded(transport, need, Vec::new(), |_| {}).await?;
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

/// Decodes an object into `out` while it comes, and says who gave it. Its digest is not looked at.
pub(super) async fn decoded<W: Write + Send>(
    transport: &Transport,
    need: Need,
    out: W,
    downloaded: impl Fn(u64) + Sync,
) -> Result<(W, Served), FetchError> {
    let bad = |source: SinkError| FetchError::BadObject { digest: need.digest, source };
    let mut decoder = ObjectDecoder::new(need.size, out).map_err(|error| bad(error.into()))?;
    let mut sink = |bytes: &[u8]| -> Result<(), SinkError> {
        decoder.write_all(bytes)?;
        downloaded(bytes.len() as u64);
        Ok(())
    };
    let served = match transport.object(&Release::object_path(need.digest), need.object_bytes, &mut sink).await {
        Err(TransportError::Sink { source, .. }) => return Err(bad(source)),
        other => other?,
    };
    let out = decoder.finish().map_err(|error| wrong(transport, served, need, error.into()))?;
    Ok((out, served))
}

/// A bad object, whose origin is asked last from now on.
pub(super) fn wrong(transport: &Transport, served: Served, need: Need, source: SinkError) -> FetchError {
    transport.doubt(served);
    FetchError::BadObject { digest: need.digest, source }
}
