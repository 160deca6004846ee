//! Long repetitive stretches are shortened before matching, and come back in what was matched.
//!
//! The matcher's scan takes quadratic time where both contents repeat themselves for long (400 KB of zeros with one
//! byte in another place: 28 seconds), and such stretches are common: padding, tables, fonts.
//!
//! ```text
//! whole     a b c 0 0 0 0 0 0 0 0 0 0 0 0 d e
//! squeezed  a b c 0 0 0 | d e                    a cut: nine bytes of the whole were taken out here
//! ```

use std::borrow::Cow;
use std::ops::Range;

/// Stretches that repeat after this many bytes are shortened: it is a multiple of 1 to 6, 8, 10, 12, 15, 16, 20, 24,
/// 30, 32, 40, 48, 60, 80, 96, 120, 160 and 240, so tables of entries of those sizes repeat after it as well.
const PERIOD: usize = 480;
/// What is kept of a stretch beyond its first period.
const KEPT: usize = 4096;

/// Content without most of its repetitive stretches.
pub(super) struct Squeezed<'a> {
    /// The content as it is.
    pub(super) whole: &'a [u8],
    /// The content as it is to be matched.
    pub(super) bytes: Cow<'a, [u8]>,
    cuts: Vec<Cut>,
}

/// Bytes that were taken out.
#[derive(Clone, Copy)]
struct Cut {
    /// Before which squeezed byte; never the first.
    at: usize,
    /// How many.
    removed: usize,
    /// How many up to here, these included.
    removed_so_far: usize,
}

/// A part of a match, in the whole contents.
pub(super) enum Part {
    /// The old content from here on is like this range of the new content.
    Add(usize, Range<usize>),
    /// This range of the new content has no counterpart.
    Copy(Range<usize>),
}

impl<'a> Squeezed<'a> {
    pub(super) fn new(whole: &'a [u8]) -> Self {
        let mut squeezed = Self { whole, bytes: Cow::Borrowed(whole), cuts: Vec::new() };
        let (mut kept, mut removed_so_far, mut repeated) = (0, 0, 0);
        for end in PERIOD..=whole.len() {
            if end < whole.len() && whole[end] == whole[end - PERIOD] {
                repeated += 1;
                continue;
            }
            let removed = repeated.max(KEPT) - KEPT;
            let removed = removed - removed % PERIOD;
            if removed > 0 {
                if squeezed.cuts.is_empty() {
                    squeezed.bytes = Cow::Owned(Vec::new());
                }
                let cut = end - repeated + KEPT;
                squeezed.bytes.to_mut().extend_from_slice(&whole[kept..cut]);
                kept = cut + removed;
                removed_so_far += removed;
                squeezed.cuts.push(Cut { at: squeezed.bytes.len(), removed, removed_so_far });
            }
            repeated = 0;
        }
        if !squeezed.cuts.is_empty() {
            squeezed.bytes.to_mut().extend_from_slice(&whole[kept..]);
        }
        squeezed
    }

    /// Where a squeezed byte lies in the whole.
    pub(super) fn place(&self, at: usize) -> usize {
        let before = self.cuts.partition_point(|cut| cut.at <= at);
        at + before.checked_sub(1).map_or(0, |last| self.cuts[last].removed_so_far)
    }

    /// Bytes of the whole that go on as the squeezed bytes before `at` do, if a cut is near: as many as the cut
    /// removed.
    fn stretch_at(&self, at: usize) -> Option<Range<usize>> {
        let next = self.cuts.partition_point(|cut| cut.at <= at);
        let behind = next.checked_sub(1).map(|last| self.cuts[last]).filter(|cut| at - cut.at < KEPT);
        let ahead = self.cuts.get(next).filter(|cut| cut.at - at < KEPT);
        let place = self.place(at);
        match (behind, ahead) {
            (Some(behind), ahead) if ahead.is_none_or(|ahead| at - behind.at <= ahead.at - at) => {
                Some(place - behind.removed..place)
            }
            (_, ahead) => ahead.map(|ahead| place..place + ahead.removed),
        }
    }

    /// The first cut after squeezed byte `at`.
    fn cut_after(&self, at: usize) -> Option<Cut> {
        self.cuts.get(self.cuts.partition_point(|cut| cut.at <= at)).copied()
    }
}

/// The parts of the whole contents for `length` squeezed bytes that match, the old ones from `old_at` and the new ones
/// from `new_at` on. Together they cover the new content up to where byte `new_at + length` lies.
pub(super) fn parts(
    (old, mut old_at): (&Squeezed<'_>, usize),
    (new, mut new_at): (&Squeezed<'_>, usize),
    mut length: usize,
) -> Vec<Part> {
    let mut parts = Vec::new();
    while length > 0 {
        let (old_cut, new_cut) = (old.cut_after(old_at), new.cut_after(new_at));
        let reach = |cut: Option<Cut>, at: usize| cut.map_or(length, |cut| (cut.at - at).min(length));
        let step = reach(old_cut, old_at).min(reach(new_cut, new_at));
        let new_place = new.place(new_at);
        parts.push(Part::Add(old.place(old_at), new_place..new_place + step));
        (old_at, new_at, length) = (old_at + step, new_at + step, length - step);
        if let Some(cut) = new_cut.filter(|cut| cut.at == new_at) {
            let removed = new_place + step..new_place + step + cut.removed;
            match old.stretch_at(old_at) {
                None => parts.push(Part::Copy(removed)),
                Some(stretch) => {
                    let starts = removed.clone().step_by(stretch.len());
                    let ranges = starts.map(|start| start..removed.end.min(start + stretch.len()));
                    parts.extend(ranges.map(|range| Part::Add(stretch.start, range)));
                }
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::{Delta, Streams, apply};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn plain_content_is_left_alone() {
        let plain: Vec<u8> = (0..20_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert!(matches!(Squeezed::new(&plain).bytes, Cow::Borrowed(_)));
        assert!(matches!(Squeezed::new(&[0; KEPT + 2 * PERIOD - 1]).bytes, Cow::Borrowed(_)));
        assert_eq!(Squeezed::new(&[0; 1 << 20]).bytes.len(), KEPT + PERIOD + ((1 << 20) - KEPT - PERIOD) % PERIOD);
    }

    /// Stretches of a repeated pattern with single bytes between.
    fn stretches() -> impl Strategy<Value = Vec<u8>> {
        let stretch = (vec(any::<u8>(), 1..4), 0usize..20_000, any::<u8>());
        vec(stretch, 0..5).prop_map(|stretches| {
            let mut content = Vec::new();
            for (pattern, length, end) in stretches {
                content.extend(pattern.iter().cycle().take(length));
                content.push(end);
            }
            content
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn repetitive_contents_come_back(old in stretches(), new in stretches(), at: usize, byte: u8) {
            let mut edited = old.clone();
            if let Some(length @ 1..) = Some(edited.len()) {
                edited[at % length] = byte;
            }
            for new in [new, edited] {
                let delta = Delta::make(&old, &new);
                let mut out = Vec::new();
                let bytes = delta.streams.as_ref().into_array().map(|bytes| &bytes[..]);
                apply(&mut Streams::from_array(bytes), &old, delta.new_size, &mut out).expect("own delta");
                prop_assert!(out == new);
            }
        }
    }

    #[test]
    fn long_repetitions_take_no_time() {
        let (mut old, mut new) = (vec![0; 4 << 20], vec![0; 4 << 20]);
        (old[2 << 20], new[(2 << 20) + 3]) = (1, 1);
        let delta = Delta::make(&old, &new);
        assert!(delta.streams.into_array().iter().map(Vec::len).sum::<usize>() < 1000, "and match nonetheless");
    }
}
