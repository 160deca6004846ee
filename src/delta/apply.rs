//! Applying a delta: streams and old content in, new content out, in a fixed amount of memory.
//!
//! Everything is checked against what is known from elsewhere (`new_size`, the length of the old content) before it is
//! used, so whatever the streams say, the work is bounded by `new_size` and the memory by the pages that
//! are kept of the old content.

use std::io::{BufRead, Write};

use super::old_pages::OldPages;
use super::runs::RunsReader;
use super::streams::consume;
use super::{DeltaError, ReadAt, Role, Streams, varint};

/// New content is gathered in pieces of this many bytes before it is written.
const OUT_BYTES: usize = 64 * 1024;

/// Makes the new content: reads one delta from `streams`, which may go on with the next, and writes exactly `new_size`
/// bytes.
///
/// # Errors
/// Whatever is wrong with the streams, with reading `old` or with writing; up to `new_size` bytes have then been
/// written.
pub fn apply<R: BufRead>(
    streams: &mut Streams<R>,
    old: &dyn ReadAt,
    new_size: u64,
    out: &mut dyn Write,
) -> Result<(), DeltaError> {
    let mut old = OldPages::new(old)?;
    let mut out = Out::new(out, new_size);
    let mut runs = RunsReader::default();
    for_each_triple(streams, new_size, old.length(), |streams, mut at, mut add, copy| {
        while add > 0 {
            let piece = out.room(add)?;
            old.copy(at, piece)?;
            runs.add(piece, &mut streams.run_lengths, &mut streams.literals)?;
            at += piece.len() as u64;
            add -= piece.len() as u64;
        }
        consume(Role::Extra, &mut streams.extra, copy, |bytes| out.append(bytes))
    })?;
    runs.finish()?;
    out.flush()
}

/// Reads one delta from `streams` and makes nothing of it: for a build that is not wanted and whose old content is not
/// here.
///
/// # Errors
/// Whatever is wrong with the streams, as far as it shows without the old content.
pub fn skip<R: BufRead>(streams: &mut Streams<R>, new_size: u64) -> Result<(), DeltaError> {
    let mut runs = RunsReader::default();
    for_each_triple(streams, new_size, u64::MAX, |streams, _, add, copy| {
        runs.skip(add, &mut streams.run_lengths, &mut streams.literals)?;
        consume(Role::Extra, &mut streams.extra, copy, |_| Ok(()))
    })?;
    runs.finish()
}

/// Calls `work` with (place in the old content, bytes to add to, bytes to copy) until `new_size` bytes are accounted
/// for.
pub(super) fn for_each_triple<R: BufRead>(
    streams: &mut Streams<R>,
    new_size: u64,
    limit: u64,
    mut work: impl FnMut(&mut Streams<R>, u64, u64, u64) -> Result<(), DeltaError>,
) -> Result<(), DeltaError> {
    let mut left = new_size;
    let mut offset = 0u64;
    while left > 0 {
        let seek = varint::read_signed(&mut streams.seeks).map_err(|e| DeltaError::stream(Role::Seeks, e))?;
        let add = varint::read(&mut streams.add_lengths).map_err(|e| DeltaError::stream(Role::AddLengths, e))?;
        let copy = varint::read(&mut streams.copy_lengths).map_err(|e| DeltaError::stream(Role::CopyLengths, e))?;
        let length = add.saturating_add(copy);
        if length == 0 {
            return Err(DeltaError::EmptyTriple);
        }
        if length > left {
            return Err(DeltaError::TooMuch { length, left });
        }
        let start = offset.checked_add_signed(seek);
        let end = start.and_then(|start| start.checked_add(add)).filter(|end| *end <= limit);
        let (Some(start), Some(end)) = (start, end) else {
            return Err(DeltaError::OutsideOld { offset, seek, length: add, limit });
        };
        work(streams, start, add, copy)?;
        offset = end;
        left -= length;
    }
    Ok(())
}

/// New content on its way out.
pub(super) struct Out<'a> {
    out: &'a mut dyn Write,
    bytes: Vec<u8>,
}

impl<'a> Out<'a> {
    pub(super) fn new(out: &'a mut dyn Write, new_size: u64) -> Self {
        Self { out, bytes: Vec::with_capacity(new_size.min(OUT_BYTES as u64) as usize) }
    }

    /// Room for the next bytes: at least one, at most `wanted`, to be filled by the caller at once.
    fn room(&mut self, wanted: u64) -> Result<&mut [u8], DeltaError> {
        if self.bytes.len() == OUT_BYTES {
            self.flush()?;
        }
        let start = self.bytes.len();
        let count = wanted.min((OUT_BYTES - start) as u64) as usize;
        self.bytes.resize(start + count, 0);
        Ok(&mut self.bytes[start..])
    }

    pub(super) fn append(&mut self, mut bytes: &[u8]) -> Result<(), DeltaError> {
        while !bytes.is_empty() {
            let piece = self.room(bytes.len() as u64)?;
            let (now, later) = bytes.split_at(piece.len());
            piece.copy_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), DeltaError> {
        self.out.write_all(&self.bytes).map_err(|source| DeltaError::Write { source })?;
        self.bytes.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Delta;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Streams from bytes in the order of [`Role::ALL`].
    fn streams(bytes: &[Vec<u8>; 6]) -> Streams<&[u8]> {
        Streams::from_array(bytes.each_ref().map(|bytes| &bytes[..]))
    }

    fn result(bytes: [&[u8]; 6], old: &[u8], new_size: u64) -> Result<Vec<u8>, DeltaError> {
        let mut new = Vec::new();
        apply(&mut Streams::from_array(bytes), &old, new_size, &mut new)?;
        Ok(new)
    }

    #[test]
    fn each_lie_has_its_name() {
        let old = b"0123456789";
        let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let good = result([&[4], &[3], &[1], &[1, 1, 1], &[1], b"x"], old, 4).expect("a good delta");
        assert_eq!(good, b"244x");
        use DeltaError::*;
        let error = |bytes, new_size| result(bytes, old, new_size).expect_err("a bad delta");
        assert!(matches!(error([&[], &[], &[], &[], &[], &[]], 4), Stream { role: Role::Seeks, .. }));
        assert!(matches!(error([&[0], &[0], &[0], &[], &[], &[]], 4), EmptyTriple));
        assert!(matches!(error([&[0], &[3], &[2], &[], &[], &[]], 4), TooMuch { length: 5, left: 4 }));
        assert!(matches!(error([&[0], &max, &max, &[], &[], &[]], 4), TooMuch { .. }));
        assert!(matches!(error([&[14], &[4], &[0], &[4], &[], &[]], 4), OutsideOld { length: 4, limit: 10, .. }));
        assert!(matches!(error([&[1], &[4], &[0], &[4], &[], &[]], 4), OutsideOld { seek: -1, .. }));
        assert!(matches!(error([&max, &[4], &[0], &[4], &[], &[]], 4), OutsideOld { seek: i64::MIN, .. }));
        assert!(matches!(error([&[0], &[4], &[0], &[0, 1, 0], &[1], &[]], 4), EmptyRun));
        assert!(matches!(error([&[0], &[4], &[0], &[6], &[], &[]], 4), RunTooLong { beyond: 2 }));
        assert!(matches!(error([&[0], &[4], &[0], &[0, 4], &[1], &[]], 4), Stream { role: Role::Literals, .. }));
        assert!(matches!(error([&[0], &[0], &[4], &[], &[], b"abc"], 4), Stream { role: Role::Extra, .. }));
    }

    #[test]
    fn large_contents_pass_through_small_windows() {
        let old: Vec<u8> = (0..300_000u32).map(|number| (number.wrapping_mul(number) >> 7) as u8).collect();
        let mut new = old[200_000..].to_vec();
        new.extend_from_slice(&old[..150_000]);
        new.extend((0..100_000u32).map(|number| ((number * 7) >> 3) as u8));
        let delta = Delta::make(&old, &new);
        let bytes = delta.streams.into_array();
        let mut out = Vec::new();
        apply(&mut streams(&bytes), &old, delta.new_size, &mut out).expect("own delta");
        assert!(out == new);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_bounds(
            control in vec(vec(prop_oneof![4 => 0u8..20, 1 => any::<u8>()], 0..40), 4),
            bytes in vec(vec(any::<u8>(), 0..200), 2),
            old in vec(any::<u8>(), 0..100),
            new_size in prop_oneof![0u64..200, Just(u64::MAX)],
        ) {
            let all: Vec<_> = control.into_iter().chain(bytes).collect();
            let all: [Vec<u8>; 6] = all.try_into().expect("six");
            let mut out = Vec::new();
            let applied = apply(&mut streams(&all), &old, new_size, &mut out);
            prop_assert!(out.len() as u64 <= new_size);
            prop_assert!(applied.is_err() || out.len() as u64 == new_size);
            let skipped = skip(&mut streams(&all), new_size);
            prop_assert!(applied.is_err() || skipped.is_ok(), "what applies can be skipped");
        }
    }
}
