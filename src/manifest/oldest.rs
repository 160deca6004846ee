//! How far back a publication goes, once its publisher has dropped old releases.

use serde::{Deserialize, Serialize};

use super::{DocumentError, Format, ReleaseName, read_document, write_document};

/// `releases/oldest.json`: nobody signs for it and no client reads it. It tells the publisher's own programs which releases are
/// not there on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldestRelease {
    format: Format<{ OldestRelease::FORMAT }>,
    /// The oldest release that is kept. With its digest, so that a number that was damaged is no other release's.
    pub oldest: ReleaseName,
}

impl OldestRelease {
    const FORMAT: u32 = 1;
    /// Where it lies in a publication.
    pub const PATH: &str = "releases/oldest.json";
    /// Longer documents are refused before they are read.
    pub const MAX_BYTES: u64 = 4 << 10;

    /// The document that names this release.
    pub fn new(oldest: ReleaseName) -> Self {
        Self { format: Format, oldest }
    }

    /// Reads the JSON.
    ///
    /// # Errors
    /// When it is damaged or of a later format.
    pub fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        read_document(Self::PATH, Self::FORMAT, json)
    }

    /// The JSON.
    pub fn to_json(&self) -> Vec<u8> {
        write_document(self)
    }
}
