//! The administrator's mirror: where content is read first.

use serde::{Deserialize, Serialize};

use super::{DocumentError, Format, read_document, write_document};

/// `mirror.json`, beside the trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorOverride {
    format: Format<{ MirrorOverride::FORMAT }>,
    /// Its URL.
    pub url: String,
}

impl MirrorOverride {
    const FORMAT: u32 = 1;

    /// The override that names this URL.
    pub fn new(url: String) -> Self {
        Self { format: Format, url }
    }

    /// Reads the JSON.
    ///
    /// # Errors
    /// When it is damaged or of a later format.
    pub fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        read_document("the mirror of this machine (mirror.json)", Self::FORMAT, json)
    }

    /// The JSON.
    pub fn to_json(&self) -> Vec<u8> {
        write_document(self)
    }
}
