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

impl FetchError {
    /// Whether it is the object that is missing or bad, while others may still be had.
    pub(super) fn is_about_the_object(&self) -> bool {
        match self {
            Self::BadObject { .. } => true,
            Self::Transport(error) => error.is_about_the_file(),
            Self::Store(_) | Self::Disk(_) | Self::Decoder(_) => false,
        }
    }
}
