//! What can be wrong with a form.

use std::io;

/// Why a file could not be made from its form.
#[derive(Debug, thiserror::Error)]
pub enum XzError {
    /// The form is not as the format says.
    #[error("the form of a file with an xz stream is broken: {what}")]
    BadForm {
        /// What is wrong.
        what: &'static str,
    },
    /// The form makes another number of bytes than was said.
    #[error("the form of a file with an xz stream makes more or less than {size} bytes")]
    WrongSize {
        /// What was said.
        size: u64,
    },
    /// The compressor gave up; it may lack memory.
    #[error("the xz stream cannot be compressed")]
    Compress {
        /// Why.
        source: liblzma::stream::Error,
    },
    /// The file could not be written.
    #[error("the file cannot be written")]
    Write {
        /// Why.
        source: io::Error,
    },
}

impl XzError {
    pub(super) const fn bad(what: &'static str) -> Self {
        Self::BadForm { what }
    }
}
