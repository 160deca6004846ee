//! What a block is made of, for writer and reader alike.

use super::{DELTA_WINDOW_LOG, MAX_TEXT_BYTES, WHOLE_WINDOW_LOG};
use crate::delta::{MAX_PREDICTED_BYTES, predicted_memory};
use crate::types::Digest;
use crate::{gzip, xz};

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
    /// A file with an xz stream: its form ([`crate::xz`]) by a delta with references predicted from another blob, or from
    /// what is inside that, and itself from the form. Costs the client much time and memory.
    XzForm {
        /// That blob.
        base: I,
        /// Length of the form in bytes.
        form: u64,
    },
    /// A text: by a text delta ([`super::apply_text_delta`]) from another blob.
    Text {
        /// That blob.
        base: I,
        /// Length of the delta's frame in bytes.
        frame: u64,
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

    /// Whether it is for clients only to which bytes are dearer than time and memory.
    pub fn is_costly(&self) -> bool {
        self.builds.iter().any(|build| build.method.is_costly())
    }

    /// The most memory that decoding it takes, at most [`super::DECODER_MEMORY_BYTES`]: its windows, 1 MiB for each stream's
    /// and the delta's buffers, and the dearest of its builds.
    pub fn decoder_memory(&self) -> u64 {
        let limits = (0..STREAMS).map(|number| if number == 0 { WHOLE_WINDOW_LOG } else { DELTA_WINDOW_LOG });
        let windows = self.streams.iter().zip(limits).map(|(stream, limit)| {
            let most = 1 << limit;
            // No window is larger than the next power of two of what it is for.
            if stream.plain == 0 { 0 } else { stream.plain.min(most).next_power_of_two() }
        });
        let builds = self.builds.iter().map(|build| build.method.memory(build.size)).max();
        windows.sum::<u64>() + (STREAMS as u64 + 1) * (1 << 20) + builds.unwrap_or_default()
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
            Self::XzForm { .. } => 5,
            Self::Text { .. } => 6,
        }
    }

    /// The blob that it starts from.
    pub fn base(self) -> Option<I> {
        match self {
            Self::Whole | Self::WholeForm { .. } => None,
            Self::Delta { base } | Self::Predicted { base } => Some(base),
            Self::DeltaForm { base, .. } | Self::XzForm { base, .. } | Self::Text { base, .. } => Some(base),
        }
    }

    /// Length of what stands for the blob in the streams, where that is not the blob itself: a form, or a frame.
    pub fn inner(&self) -> Option<u64> {
        match self {
            Self::Whole | Self::Delta { .. } | Self::Predicted { .. } => None,
            Self::WholeForm { form } | Self::DeltaForm { form, .. } | Self::XzForm { form, .. } => Some(*form),
            Self::Text { frame, .. } => Some(*frame),
        }
    }

    /// Whether that, or the blob, is in the stream of whole blobs.
    pub(super) fn is_in_whole(&self) -> bool {
        matches!(self, Self::Whole | Self::WholeForm { .. } | Self::Text { .. })
    }

    /// Whether it costs so much time and memory that a blob is offered in another way too.
    pub fn is_costly(&self) -> bool {
        matches!(self, Self::XzForm { .. })
    }

    /// What making a blob of `size` bytes takes at most besides the streams.
    fn memory(&self, size: u64) -> u64 {
        match self {
            Self::Whole | Self::Delta { .. } => 0,
            Self::WholeForm { form } => form + gzip::CODER_MEMORY_BYTES,
            Self::DeltaForm { form, .. } => form + gzip::MAX_BYTES + gzip::CODER_MEMORY_BYTES,
            // The old one may be larger.
            Self::Predicted { .. } => predicted_memory(MAX_PREDICTED_BYTES),
            // First the old form stands beside the new one, then the compressor.
            Self::XzForm { form, .. } => {
                form + (xz::MAX_BYTES + predicted_memory(xz::MAX_BYTES)).max(size + xz::CODER_MEMORY_BYTES)
            }
            Self::Text { frame, .. } => frame + MAX_TEXT_BYTES + size + (1 << 20),
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
            Self::XzForm { base, form } => Method::XzForm { base: name(base), form },
            Self::Text { base, frame } => Method::Text { base: name(base), frame },
        }
    }
}
