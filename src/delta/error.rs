//! What can be wrong with a delta.

use std::io;

use super::Role;

/// Why a delta could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    /// A stream could not be read, ended too early or held what is no number.
    #[error("the delta's stream of {role} cannot be read")]
    Stream {
        /// Which stream.
        role: Role,
        /// Why.
        source: io::Error,
    },
    /// The old content could not be read.
    #[error("the old content cannot be read at {offset}")]
    Old {
        /// Where in the old content, in bytes.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The new content could not be written.
    #[error("the new content cannot be written")]
    Write {
        /// Why.
        source: io::Error,
    },
    /// A triple reads outside the old content: a hostile delta, or another old content than the one it was made from.
    #[error("the delta reads {length} bytes at {offset} plus {seek} of old content that has {limit}")]
    OutsideOld {
        /// Where the last triple had ended in the old content.
        offset: u64,
        /// How far to go from there.
        seek: i64,
        /// How many bytes to read.
        length: u64,
        /// Length of the old content.
        limit: u64,
    },
    /// A triple makes more than is left of the new content.
    #[error("the delta makes {length} bytes where {left} are left of the new content")]
    TooMuch {
        /// How many bytes the triple makes.
        length: u64,
        /// How many bytes were still to be made.
        left: u64,
    },
    /// A triple makes nothing.
    #[error("the delta has a step that makes nothing")]
    EmptyTriple,
    /// A run of differences, not the first, has no length.
    #[error("the delta has an empty run of differences")]
    EmptyRun,
    /// A run of differences goes on where there is nothing more to add to.
    #[error("the delta's last run of differences is {beyond} bytes too long")]
    RunTooLong {
        /// How many bytes too long.
        beyond: u64,
    },
    /// References are not predicted in files as long as this, or with as many triples.
    #[error("the delta predicts references with {count} {of}, more than {limit}")]
    TooLargeToPredict {
        /// What there is too much of.
        of: &'static str,
        /// How many.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
}

impl DeltaError {
    pub(super) fn stream(role: Role, source: io::Error) -> Self {
        Self::Stream { role, source }
    }
}
