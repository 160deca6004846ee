//! What can be wrong with a pack, or with making one.

use std::io;

use crate::delta::DeltaError;
use crate::gzip::GzipError;
use crate::types::Digest;
use crate::xz::XzError;

/// Why a pack could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The head does not begin as a pack does.
    #[error("this is no pack: the magic is missing")]
    NotAPack,
    /// A pack in a format that this program does not know.
    #[error("the pack has format {format}, and this program knows format 1")]
    UnknownFormat {
        /// The format's number, from 0 to 99.
        format: u32,
    },
    /// A build is made in a way that this program does not know; its blob is to be had elsewhere.
    #[error("build {build} of the pack is made by method {method}, which this program does not know")]
    UnknownMethod {
        /// The method's number.
        method: u64,
        /// Which build, counted over all blocks from 0.
        build: u64,
    },
    /// A count or length is beyond its limit.
    #[error("the pack's {what} is {value}, more than {limit}")]
    TooLarge {
        /// What is counted or measured.
        what: &'static str,
        /// What the pack says, or the least that it can be.
        value: u64,
        /// What it may be.
        limit: u64,
    },
    /// The index is not as the format says.
    #[error("the pack's index is broken: {what}")]
    BadIndex {
        /// What is wrong.
        what: &'static str,
    },
    /// A compressed stream is not one frame of exactly the declared lengths.
    #[error("the pack's {stream} is broken: {what}")]
    BadStream {
        /// Which stream.
        stream: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// A compressed stream cannot be read or decoded.
    #[error("the pack's {stream} cannot be decoded")]
    Decode {
        /// Which stream.
        stream: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A build's delta cannot be applied.
    #[error("build {build} of the block cannot be made")]
    Delta {
        /// Which build of the block, from 0.
        build: usize,
        /// Why.
        source: DeltaError,
    },
    /// A build's gzip file cannot be made from its form.
    #[error("build {build} of the block cannot be made from its form")]
    Gzip {
        /// Which build of the block, from 0.
        build: usize,
        /// Why.
        source: GzipError,
    },
    /// A build's file with an xz stream cannot be made from its form.
    #[error("build {build} of the block cannot be made from its form")]
    Xz {
        /// Which build of the block, from 0.
        build: usize,
        /// Why.
        source: XzError,
    },
    /// A build was asked for without the old content that it needs.
    #[error("build {build} of the block needs its old content")]
    NoBase {
        /// Which build of the block, from 0.
        build: usize,
    },
    /// A build was asked for after the last one, or the block was finished before it.
    #[error("the block has {builds} builds, and {asked} were read")]
    WrongBuildCount {
        /// How many builds the block has.
        builds: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// The new content cannot be written.
    #[error("the content that build {build} of the block makes cannot be written")]
    Write {
        /// Which build of the block, from 0.
        build: usize,
        /// Why.
        source: io::Error,
    },
    /// Writer: a pack or block cannot be compressed, read back or written.
    #[error("cannot {action} while making a pack")]
    Make {
        /// What failed, as a verb phrase.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Writer: content is not as long as was said.
    #[error("{what} has {found} bytes instead of {expected}")]
    WrongLength {
        /// What.
        what: &'static str,
        /// How many bytes were said.
        expected: u64,
        /// How many there are; one more than said stands for any number more.
        found: u64,
    },
    /// Proof: what a build makes is another blob.
    #[error("a build makes {found} instead of blob {expected}")]
    WrongBlob {
        /// The digest of the blob that was expected.
        expected: Digest,
        /// The digest of what was made.
        found: Digest,
    },
    /// Proof: a block, or what a text delta makes, is not what it was made from.
    #[error("{what} has digest {found} instead of {expected}")]
    WrongDigest {
        /// What.
        what: &'static str,
        /// The digest that was expected.
        expected: Digest,
        /// The digest that was found.
        found: Digest,
    },
}
