//! The documents of a publication and of a machine: JSON and TOML bytes on one side, checked values on the other.
//!
//! Reading enforces the limits of each format before it allocates; what comes out of this module satisfies every rule
//! that the rest of the library relies on (canonical paths, sorted entries, parents that are directories, known format
//! number). Whether the bytes may be *believed* is `trust`'s business. The contract is `manifests-schema/`.

mod bundle;
mod definition;
mod each_once;
mod history;
mod installed;
mod line;
mod mirror;
mod release;
mod tree;
mod union;

pub use bundle::{BundleManifest, ManifestError};
pub use definition::{BundleDefinition, DefinitionError, Status};
pub use history::{Ending, HistoryEntry};
pub use installed::{InstalledRecord, ReleaseName};
pub(crate) use line::is_allowed_xattr;
pub use mirror::MirrorOverride;
pub use release::{BundleOffer, HeadName, ManifestName, PackOffer, Predecessor, Release, ReleaseError};
pub use tree::{Conflict, Tree, TreeError};
pub use union::Union;
pub(crate) use union::describe_difference;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or not of the document's shape.
    #[error("{what} is not valid")]
    Malformed {
        /// Which document.
        what: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// Written by a later program.
    #[error("{what} has format {found}, this program knows format {known}: update the program first")]
    FutureFormat {
        /// Which document.
        what: String,
        /// The number in the document.
        found: u32,
        /// The newest number that is known.
        known: u32,
    },
}

#[derive(serde::Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Reads a document whose `format` must be `known`; looks at that first, so that the future gets its own message.
fn read_document<T: DeserializeOwned>(what: &str, known: u32, bytes: &[u8]) -> Result<T, DocumentError> {
    let malformed = |source| DocumentError::Malformed { what: what.to_owned(), source };
    let FormatOnly { format } = serde_json::from_slice(bytes).map_err(malformed)?;
    if format != known {
        return Err(DocumentError::FutureFormat { what: what.to_owned(), found: format, known });
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

/// Writes a document for people and diffs: indented, with a line feed at the end.
fn write_document(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the documents have text keys only");
    bytes.push(b'\n');
    bytes
}
