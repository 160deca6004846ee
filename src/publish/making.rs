//! How one blob goes into a block: as it is, by a delta, or, when it is a gzip file, by its form in either way; whichever
//! is likely to take the least room. A file with an xz stream may also go by its form, in a block for clients to which bytes
//! are dear.

use std::io::{Read, Write};

use super::PublishError;
use super::contents::Contents;
use crate::delta::Delta;
use crate::gzip;
use crate::pack::{self, BlockWriter, PackError};
use crate::site::ContentKind;
use crate::types::Digest;
use crate::xz;

/// What a form takes in a block is less than what it takes alone at a quick level, by a part of the file's length: it is
/// compressed harder, and together with others like it.
const SOLID_GAIN: u64 = 4;

/// A text delta is taken when it has less than this part of what the other delta takes alone: in a block that takes less.
const TEXT_PART: (u64, u64) = (3, 4);

/// A delta, and what it makes.
pub(super) enum Made {
    /// The blob.
    Blob(Delta),
    /// Its form.
    Form(Delta),
    /// The form of a file with an xz stream.
    XzForm(Delta),
    /// The blob, by a text delta: its frame.
    Text(Vec<u8>),
}

/// What is inside a file must take no more than this part of its length, or clients pay much for little.
const INSIDE_PART: u64 = 2;

impl Made {
    /// The best delta for a blob; none when the blob is better sent without its base.
    pub(super) fn best(old: &[u8], new: &[u8]) -> Option<Self> {
        let blob = Some(Delta::smallest(old, new)).filter(Delta::pays);
        let Some(form) = unwrapped(new) else { return Self::text(old, new, blob.as_ref()).or(blob.map(Self::Blob)) };
        // Plain: method 3 has no way to say that references in a form were predicted.
        let delta = Delta::make(gzip::base_form(old).as_deref().unwrap_or(old), &form);
        let by_delta = cost(&delta);
        if blob.as_ref().is_some_and(|blob| cost(blob) <= by_delta) {
            return blob.map(Self::Blob);
        }
        let alone = pack::estimate([&form[..]]).min(new.len() as u64);
        (delta.pays() && by_delta < alone).then_some(Self::Form(delta))
    }

    /// The text delta for a blob, if that takes less room than the other delta.
    fn text(old: &[u8], new: &[u8], delta: Option<&Delta>) -> Option<Self> {
        let is_text = |text: &[u8]| {
            let start = &text[..text.len().min(ContentKind::LOOK_BYTES)];
            text.len() as u64 <= pack::MAX_TEXT_BYTES && ContentKind::of(start) == ContentKind::Text
        };
        if !is_text(old) || !is_text(new) {
            return None;
        }
        let frame = pack::make_text_delta(old, new).ok()?;
        let other = delta.map_or(pack::estimate([new]), cost);
        ((frame.len() as u64) < other * TEXT_PART.0 / TEXT_PART.1).then_some(Self::Text(frame))
    }

    /// The delta for what is inside a file with an xz stream; none when there is no such stream, or it does not save much.
    pub(super) fn inside(old: &[u8], new: &[u8]) -> Option<Self> {
        let form = xz::unwrap(new)?;
        let inside = xz::base_form(old);
        // No longer one is read by who applies the delta.
        let base = inside.as_deref().or_else(|| (old.len() as u64 <= xz::MAX_BYTES).then_some(old))?;
        let delta = Delta::make(base, &form).to_predicted(base, &form)?;
        (cost(&delta) <= new.len() as u64 / INSIDE_PART).then_some(Self::XzForm(delta))
    }
}

fn cost(delta: &Delta) -> u64 {
    pack::estimate(delta.streams.as_ref().into_array().map(|bytes| &bytes[..]))
}

/// About what [`Made::inside`] takes in memory for contents of these lengths, in bytes.
pub(super) fn memory_inside(old: u64, new: u64) -> u64 {
    // Payloads are up to ten times as long as what they were compressed to.
    let payload = |length: u64| (10 * length).min(xz::MAX_BYTES);
    xz::CODER_MEMORY_BYTES.max(memory(payload(old), payload(new), false))
}

/// About what [`Made::best`] takes in memory for contents of these lengths, in bytes, `gzip` when the new one may be a
/// gzip file.
pub(super) fn memory(old: u64, new: u64, gzip: bool) -> u64 {
    // Prediction holds the old file again, and its fields.
    let alone = |old: u64, new: u64| 5 * old.min(32 << 20) + 5 * old + 5 * new;
    // Texts are a few times as long as their files; the few that are more are short of it by little.
    let text = |length: u64| (16 * length).min(gzip::MAX_BYTES);
    if gzip { alone(old.max(text(old)), new + text(new)) } else { alone(old, new) }
}

/// Adds a blob to a block without a base. One of another length than when it was first read is told by its name.
pub(super) fn whole<W: Write>(
    writer: &mut BlockWriter<W>,
    contents: &Contents<'_>,
    digest: Digest,
    size: u64,
) -> Result<(), BlockError> {
    if !looks_like_gzip(contents, digest, size)? {
        return writer.whole(digest, size, contents.open(digest)?).map_err(|error| match error {
            PackError::WrongLength { .. } => contents.changed(digest).into(),
            error => error.into(),
        });
    }
    let file = contents.bytes(digest, size)?;
    let form = unwrapped(&file).filter(|form| pack::estimate([&form[..]]) <= size + size / SOLID_GAIN);
    match form {
        Some(form) => writer.whole_form(digest, size, &form)?,
        None => writer.whole(digest, size, &file[..])?,
    }
    Ok(())
}

/// Whether a new blob may be a gzip file that has a form.
pub(super) fn looks_like_gzip(contents: &Contents<'_>, digest: Digest, size: u64) -> Result<bool, PublishError> {
    if size > gzip::MAX_BYTES {
        return Ok(false);
    }
    let mut start = Vec::new();
    let read = contents.open(digest)?.take(gzip::MAGIC_BYTES as u64).read_to_end(&mut start);
    read.map_err(|source| PublishError::Blob { digest, source })?;
    Ok(gzip::looks_like_gzip(&start))
}

fn unwrapped(file: &[u8]) -> Option<Vec<u8>> {
    gzip::looks_like_gzip(file).then(|| gzip::unwrap(file))?
}

/// A failure inside a block, which does not know its pack.
pub(super) enum BlockError {
    Publish(PublishError),
    Pack(PackError),
}

impl BlockError {
    pub(super) fn named(self, name: impl FnOnce(PackError) -> PublishError) -> PublishError {
        match self {
            Self::Publish(error) => error,
            Self::Pack(error) => name(error),
        }
    }
}

impl From<PublishError> for BlockError {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl From<PackError> for BlockError {
    fn from(error: PackError) -> Self {
        Self::Pack(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/fixtures/golden/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
    }

    fn fixture(name: &str) -> Vec<u8> {
        golden(&format!("pack-2/{name}"))
    }

    #[test]
    fn what_is_inside_must_save_much() {
        let [old, new, module] =
            ["old-image", "new-image", "new-module.xz"].map(|name| golden(&format!("pack-4/{name}")));
        assert!(matches!(Made::inside(&old, &new), Some(Made::XzForm(_))));
        assert!(Made::inside(b"another", &module).is_none(), "all of it is new");
        assert!(Made::inside(&old, &fixture("whole.gz")).is_none());
        let mut too_long = xz::base_form(&old).expect("an image");
        too_long.resize(xz::MAX_BYTES as usize + 1, 0);
        assert!(Made::inside(&too_long, &new).is_none(), "no client reads that as an old content");
    }

    #[test]
    fn the_smallest_way_is_taken() {
        let (old, new, other) = (fixture("old-notes.gz"), fixture("new-notes.gz"), fixture("stored.gz"));
        assert!(matches!(Made::best(&old, &new), Some(Made::Form(_))));
        assert!(Made::best(&other, &new).is_none(), "nothing is alike");
        // What has no form, or is better as it is.
        let members = fixture("two-members.gz");
        let longer = [&members[..], &[0; 100]].concat();
        assert!(matches!(Made::best(&longer, &members), Some(Made::Blob(_))));
        assert!(matches!(Made::best(&new, &new), Some(Made::Blob(_))));
        assert!(matches!(Made::best(b"abc", b"abc"), Some(Made::Blob(_))));
    }
}
