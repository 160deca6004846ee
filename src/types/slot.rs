//! The places of a machine's trees.

use serde::{Deserialize, Serialize};

/// One of a machine's three trees, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// `/usr` as processes see it.
    Live,
    /// The release before, complete.
    Previous,
    /// The tree that is brought forward.
    Next,
}

impl Slot {
    /// Its name: that of the live tree in the root, of the others in the directory beside the trees.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "usr",
            Self::Previous => "previous",
            Self::Next => "next",
        }
    }
}
