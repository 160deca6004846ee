//! Where metadata comes from: the seam to whatever carries bytes.

use std::fmt::Debug;

use async_trait::async_trait;

/// Fetches files of a publication. Nothing that it brings is believed.
///
/// Paths are relative to the publication and made only of `metadata/`, digits, dots and role names, such as
/// `metadata/timestamp.json` or `metadata/7.snapshot.json`. Names of delegated roles, which no look for updating asks for,
/// are any text without slashes and control characters.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// Brings a whole file, and fails as soon as it turns out to be longer than `limit_bytes`.
    ///
    /// # Errors
    /// [`SourceError::NotFound`] only when the publication surely has no such file (an HTTP 404 or 410),
    /// [`SourceError::TooLarge`] when it goes beyond the limit; every other failure is [`SourceError::Failed`].
    async fn fetch(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError>;

    /// As [`Source::fetch`], but brings nothing when the file still has the given tag. Without a tag it always does.
    ///
    /// # Errors
    /// As [`Source::fetch`].
    async fn fetch_if_changed(&self, path: &str, limit_bytes: u64, etag: Option<&str>) -> Result<Fetched, SourceError>;
}

/// What a conditional question brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file is still the one with the given tag.
    Unchanged,
    /// The file as it is now.
    Body {
        /// All of it.
        bytes: Vec<u8>,
        /// Its tag, where the origin gives tags.
        etag: Option<String>,
    },
}

/// Why a source brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There surely is no such file.
    #[error("not found")]
    NotFound,
    /// The file is longer than was allowed.
    #[error("longer than allowed")]
    TooLarge,
    /// Anything else: no network, no answer, an answer that makes no sense.
    #[error("the transfer failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
