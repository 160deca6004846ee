//! Why blobs could not be brought.

use crate::disk::DiskError;
use crate::store::StoreError;
use crate::transport::TransportError;
use crate::types::Digest;

/// Why the blobs could not be brought.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The publication cannot be read.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The store cannot be written.
    #[error("cannot write to the store")]
    Store(#[from] StoreError),
    /// The disk says no.
    #[error("cannot write to the store")]
    Disk(#[from] DiskError),
    /// An object is not what its name says.
    #[error("the object of blob {digest} is damaged or forged")]
    BadObject {
        /// The blob.
        digest: Digest,
        /// What was wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A thread that decodes ended without a result.
    #[error("decoding ended unexpectedly")]
    Decoder(#[source] tokio::task::JoinError),
}
