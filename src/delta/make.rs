//! Making a delta: what matches (`matcher`) is taken apart into streams.
//!
//! The matching costs about 5 bytes of memory for each byte of old content, so large files are matched window by window; that shows only in the size of the result. Equal beginnings and ends are not matched at all in large files.

use std::ops::Range;

use super::runs::RunsWriter;
use super::{Streams, matcher, varint};

/// The most old content that is matched at once: 32 MiB, which take about 160 MiB of memory.
const OLD_WINDOW_BYTES: usize = 32 << 20;
/// The new content that is matched against one window of a larger old content; smaller, so that parts may have moved.
const NEW_WINDOW_BYTES: usize = 24 << 20;

/// One delta in memory: what makes a new content of `new_size` bytes out of one old content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The streams, as plain bytes.
    pub streams: Streams<Vec<u8>>,
    /// Length of the new content in bytes.
    pub new_size: u64,
    /// What differences are taken from.
    pub references: References,
}

/// What differences are taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// The old content as it is; [`super::apply`] makes the new one.
    #[default]
    Plain,
    /// The old content with its references as they are expected; [`super::apply_predicted`] makes the new one.
    Predicted,
}

impl Delta {
    /// The delta that makes `new` out of `old`. Equal inputs give equal deltas.
    ///
    /// Takes about 5 bytes of memory for each byte of `old`, at most about 160 MiB, and about three times the length
    /// of `new`.
    pub fn make(old: &[u8], new: &[u8]) -> Self {
        Self::make_in_windows(old, new, OLD_WINDOW_BYTES, NEW_WINDOW_BYTES)
    }

    /// Whether the delta is likely to take less room than the new content alone: at most 90 % of the new content's
    /// bytes are in the delta itself.
    pub fn pays(&self) -> bool {
        let carried = (self.streams.literals.len() + self.streams.extra.len()) as u64;
        carried <= self.new_size / 10 * 9
    }

    fn make_in_windows(old: &[u8], new: &[u8], old_window: usize, new_window: usize) -> Self {
        let mut encoder = Encoder::default();
        if old == new {
            encoder.add(0, old, new);
        } else if old.len() <= old_window {
            encoder.matched(old, 0, new);
        } else {
            // What begins and ends alike needs no matching; the rest is likely to lie in the same proportion.
            let start = common_length(old.iter().zip(new));
            let end = common_length(old[start..].iter().rev().zip(new[start..].iter().rev()));
            let (old_end, new_end) = (old.len() - end, new.len() - end);
            encoder.add(0, &old[..start], &new[..start]);
            for (from, piece) in (start..).step_by(new_window).zip(new[start..new_end].chunks(new_window)) {
                let part = (from + piece.len() / 2 - start) as u128 * (old_end - start) as u128;
                let middle = start + (part / (new_end - start) as u128) as usize;
                let window = window_around(middle, old_window, old.len());
                encoder.matched(&old[window.clone()], window.start, piece);
            }
            encoder.add(old_end, &old[old_end..], &new[new_end..]);
        }
        Self { streams: encoder.finish(), new_size: new.len() as u64, references: References::Plain }
    }
}

/// `length` bytes around `middle` of content that has `total`, which are more.
fn window_around(middle: usize, length: usize, total: usize) -> Range<usize> {
    let start = middle.saturating_sub(length / 2).min(total - length);
    start..start + length
}

fn common_length<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(a, b)| a == b).count()
}

/// Gathers add and copy ranges, in the order of the new content, into streams.
#[derive(Default)]
struct Encoder {
    streams: Streams<Vec<u8>>,
    runs: RunsWriter,
    /// Where the last written triple's add range ended in the old content.
    position: usize,
    /// The triple that still grows: where its add range begins, add length, copy length.
    triple: (usize, usize, usize),
}

impl Encoder {
    /// Matches `new` against `old`, which begins at `base` of the old content.
    fn matched(&mut self, old: &[u8], base: usize, new: &[u8]) {
        let mut rest = new;
        matcher::matches(old, new, |found| {
            let (add, copy) = rest.split_at(found.add);
            self.add(base + found.old_at, &old[found.old_at..][..found.add], add);
            self.copy(&copy[..found.copy]);
            rest = &copy[found.copy..];
        });
        debug_assert!(rest.is_empty());
    }

    fn add(&mut self, at: usize, old: &[u8], new: &[u8]) {
        if new.is_empty() {
            return;
        }
        let (start, add, copy) = self.triple;
        if copy > 0 || start + add != at {
            self.end_triple();
            self.triple = (at, 0, 0);
        }
        self.triple.1 += new.len();
        self.runs.push(old, new, &mut self.streams.run_lengths, &mut self.streams.literals);
    }

    fn copy(&mut self, new: &[u8]) {
        self.triple.2 += new.len();
        self.streams.extra.extend_from_slice(new);
    }

    fn end_triple(&mut self) {
        let (start, add, copy) = self.triple;
        if add + copy > 0 {
            varint::push_signed(&mut self.streams.seeks, start as i64 - self.position as i64);
            varint::push(&mut self.streams.add_lengths, add as u64);
            varint::push(&mut self.streams.copy_lengths, copy as u64);
            self.position = start + add;
        }
    }

    fn finish(mut self) -> Streams<Vec<u8>> {
        self.end_triple();
        self.runs.finish(&mut self.streams.run_lengths);
        self.streams
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Role, apply, skip};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::io::BufReader;

    fn readers(delta: &Delta) -> Streams<&[u8]> {
        Streams::from_array(delta.streams.as_ref().into_array().map(|bytes| &bytes[..]))
    }

    fn applied(old: &[u8], delta: &Delta) -> Vec<u8> {
        let mut streams = readers(delta);
        let mut new = Vec::new();
        apply(&mut streams, &old, delta.new_size, &mut new).expect("own delta");
        assert!(streams.into_array().iter().all(|rest| rest.is_empty()), "everything is used");
        // The same where the streams come in small pieces.
        for capacity in [1, 3] {
            let small = readers(delta).into_array().map(|bytes| BufReader::with_capacity(capacity, bytes));
            let mut again = Vec::new();
            apply(&mut Streams::from_array(small), &old, delta.new_size, &mut again).expect("own delta");
            assert!(again == new, "pieces of {capacity} bytes make no difference");
        }
        let mut streams = readers(delta);
        skip(&mut streams, delta.new_size).expect("own delta");
        assert!(streams.into_array().iter().all(|rest| rest.is_empty()), "skipping uses everything");
        new
    }

    /// An edit of the old content: (where, how many bytes go, what comes), all modulo its length.
    type Edit = (usize, usize, Vec<u8>);

    fn edited(old: &[u8], edits: &[Edit]) -> Vec<u8> {
        let mut new = old.to_vec();
        for (at, gone, come) in edits {
            let start = at % (new.len() + 1);
            let end = (start + gone).min(new.len());
            new.splice(start..end, come.iter().copied());
        }
        new
    }

    #[test]
    fn nothing_to_do_costs_next_to_nothing() {
        let old = vec![7; 100_000];
        let same = Delta::make(&old, &old);
        assert_eq!(same.streams.into_array().iter().map(Vec::len).sum::<usize>(), 1 + 3 + 1 + 3);
        assert_eq!(Delta::make(&old, &[]), Delta::default());
        assert_eq!(applied(b"", &Delta::make(b"", b"new")), b"new");
    }

    #[test]
    fn what_is_mostly_new_does_not_pay() {
        let all_new = Delta::make(&[0; 1000], &[1; 1000]);
        assert!(!all_new.pays() && all_new.streams.extra == [1; 1000]);
        let numbers: Vec<u8> = (0..4000u32).flat_map(u32::to_le_bytes).collect();
        assert!(Delta::make(&numbers, &numbers[4..]).pays());
        assert!(!Delta::make(b"", b"abc").pays());
    }

    #[test]
    fn the_streams_are_as_the_format_says() {
        let old: Vec<u8> = (0..=255).collect();
        let mut new = old.clone();
        new[100] = 101;
        new[101] = 100;
        let delta = Delta::make(&old, &new);
        let expected = Streams {
            seeks: vec![0],
            add_lengths: vec![0x80, 2],
            copy_lengths: vec![0],
            run_lengths: vec![100, 2, 0x9a, 1],
            literals: vec![1, 255],
            extra: vec![],
        };
        assert_eq!(delta.streams, expected);
        assert_eq!(Role::ALL.len(), expected.into_array().len());
    }

    proptest! {
        #[test]
        fn any_two_contents(old in vec(any::<u8>(), 0..400), new in vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(applied(&old, &Delta::make(&old, &new)), new);
        }

        #[test]
        fn few_letters(old in vec(0u8..3, 0..400), new in vec(0u8..3, 0..400)) {
            prop_assert_eq!(applied(&old, &Delta::make(&old, &new)), new);
        }

        #[test]
        fn related_contents(
            old in vec(any::<u8>(), 0..3000),
            edits in vec((any::<usize>(), 0usize..200, vec(any::<u8>(), 0..100)), 0..8),
            window in 1usize..2000,
        ) {
            let edits: Vec<Edit> = edits.into_iter().map(|(at, gone, come)| (at / 2, gone, come)).collect();
            let new = edited(&old, &edits);
            prop_assert_eq!(&applied(&old, &Delta::make(&old, &new)), &new);
            let windowed = Delta::make_in_windows(&old, &new, window, window / 2 + 1);
            prop_assert_eq!(&applied(&old, &windowed), &new);
        }
    }
}
