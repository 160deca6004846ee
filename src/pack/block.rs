//! What a block is made of, for writer and reader alike.

use crate::types::Digest;

/// How many streams a block has: whole blobs, then a delta's six in the order of [`crate::delta::Role::ALL`].
pub const STREAMS: usize = 7;

/// The streams' names in errors, in their order.
pub(super) const STREAM_NAMES: [&str; STREAMS] = [
    "stream of whole blobs",
    "stream of seeks",
    "stream of add lengths",
    "stream of copy lengths",
    "stream of run lengths",
    "stream of literals",
    "stream of extra bytes",
];

/// One stream of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamLengths {
    /// Bytes in the file, or nothing when there are no plain bytes.
    pub packed: u64,
    /// Bytes that they decode to.
    pub plain: u64,
}

/// How a blob is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method<I> {
    /// From the block alone.
    Whole,
    /// By a delta from another blob.
    Delta {
        /// That blob.
        base: I,
    },
    /// A gzip file: its form ([`crate::gzip`]) from the block alone, and itself from that.
    WholeForm {
        /// Length of the form in bytes.
        form: u64,
    },
    /// A gzip file: its form by a delta from another blob, or from what is inside that, and itself from the form.
    DeltaForm {
        /// That blob.
        base: I,
        /// Length of the form in bytes.
        form: u64,
    },
    /// By a delta from another blob, an ELF file, with references predicted.
    Predicted {
        /// That blob.
        base: I,
    },
}

/// One blob that a block makes. Blobs are named by [`Digest`] in the writer, by [`super::ShortId`] in the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build<I> {
    /// The blob.
    pub id: I,
    /// Its length in bytes.
    pub size: u64,
    /// How it is made.
    pub method: Method<I>,
}

/// One block: what can be fetched, verified and decoded alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<I> {
    /// SHA-256 of the block as it is in the file.
    pub digest: Digest,
    /// Its streams, which follow each other in the file.
    pub streams: [StreamLengths; STREAMS],
    /// What it makes, in order.
    pub builds: Vec<Build<I>>,
}

impl<I> Block<I> {
    /// Length in the file in bytes.
    pub fn length(&self) -> u64 {
        self.streams.iter().map(|stream| stream.packed).sum()
    }

    /// Bytes of new content that all builds together make.
    pub fn new_bytes(&self) -> u64 {
        self.builds.iter().map(|build| build.size).sum()
    }
}

impl<I> Method<I> {
    /// The method's number in the format.
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Whole => 0,
            Self::Delta { .. } => 1,
            Self::WholeForm { .. } => 2,
            Self::DeltaForm { .. } => 3,
            Self::Predicted { .. } => 4,
        }
    }

    /// The blob that it starts from.
    pub fn base(self) -> Option<I> {
        match self {
            Self::Whole | Self::WholeForm { .. } => None,
            Self::Delta { base } | Self::DeltaForm { base, .. } | Self::Predicted { base } => Some(base),
        }
    }

    /// Length of the form, when it is one that the block makes.
    pub fn form(&self) -> Option<u64> {
        match self {
            Self::Whole | Self::Delta { .. } | Self::Predicted { .. } => None,
            Self::WholeForm { form } | Self::DeltaForm { form, .. } => Some(*form),
        }
    }

    /// The same from a blob that is named otherwise.
    pub(super) fn map<J>(self, name: impl FnOnce(I) -> J) -> Method<J> {
        match self {
            Self::Whole => Method::Whole,
            Self::Delta { base } => Method::Delta { base: name(base) },
            Self::WholeForm { form } => Method::WholeForm { form },
            Self::DeltaForm { base, form } => Method::DeltaForm { base: name(base), form },
            Self::Predicted { base } => Method::Predicted { base: name(base) },
        }
    }
}
