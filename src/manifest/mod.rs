//! The documents of a publication and of a machine: JSON and TOML bytes on one side, checked values on the other.
//!
//! Reading enforces the limits of each format before it allocates; what comes out of this module satisfies every rule
//! that the rest of the library relies on (canonical paths, sorted entries, parents that are directories, known format
//! number). Whether the bytes may be *believed* is `trust`'s business. The contract is `manifests-schema/`.

pub mod archive;
mod bundle;
mod definition;
mod each_once;
mod frame;
mod history;
mod installed;
mod line;
mod mirror;
mod offers;
mod oldest;
mod release;
mod search;
mod tree;
mod union;

pub use bundle::{BundleManifest, ManifestError};
pub use definition::{BundleDefinition, DefinitionError, Status};
pub use history::{Ending, HistoryEntry};
pub use installed::{InstalledRecord, ReleaseName};
pub(crate) use line::{check_entry, is_allowed_xattr};
pub use mirror::MirrorOverride;
pub use offers::{BundleOffer, HeadName, ManifestName, PackOffer};
pub use oldest::OldestRelease;
pub use release::{Predecessor, Release, ReleaseError};
pub use search::{SearchError, SearchIndex};
pub use tree::{Conflict, Tree, TreeError};
pub use union::Union;
pub(crate) use union::describe_difference;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// The format number of a document, which is always the one that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format<const KNOWN: u32>;

impl<const KNOWN: u32> Serialize for Format<KNOWN> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(KNOWN)
    }
}

impl<'de, const KNOWN: u32> Deserialize<'de> for Format<KNOWN> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u32::deserialize(deserializer)?;
        if found == KNOWN { Ok(Self) } else { Err(serde::de::Error::custom(format_args!("format {found}"))) }
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Reads a document that has a [`Format`]. What cannot be read is looked at once more for its number alone, so that the
/// future gets its own message.
fn read_document<'de, T: Deserialize<'de>>(what: &str, known: u32, bytes: &'de [u8]) -> Result<T, DocumentError> {
    serde_json::from_slice(bytes).map_err(|source| match serde_json::from_slice(bytes) {
        Ok(FormatOnly { format: found }) if found != known => {
            DocumentError::FutureFormat { what: what.to_owned(), found, known }
        }
        _ => DocumentError::Malformed { what: what.to_owned(), source },
    })
}

/// Writes a document for people and diffs: indented, with a line feed at the end.
fn write_document(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the documents have text keys only");
    bytes.push(b'\n');
    bytes
}
