//! What can be wrong with a form.

use std::io;

/// Why a file could not be made from its form.
#[derive(Debug, thiserror::Error)]
pub enum GzipError {
    /// The form is not as the format says.
    #[error("the form of a gzip file is broken: {what}")]
    BadForm {
        /// What is wrong.
        what: &'static str,
    },
    /// The form makes another number of bytes than was said.
    #[error("the form of a gzip file makes more or less than {size} bytes")]
    WrongSize {
        /// What was said.
        size: u64,
    },
    /// The text is one that takes the compressor too long.
    #[error("the form of a gzip file takes more than {limit} steps")]
    TooManySteps {
        /// The limit.
        limit: u64,
    },
    /// The file could not be written.
    #[error("the file cannot be written")]
    Write {
        /// Why.
        source: io::Error,
    },
}

impl GzipError {
    pub(super) const fn bad(what: &'static str) -> Self {
        Self::BadForm { what }
    }
}
