//! Long stretches that the old content has as they are, found before matching.
//!
//! The matcher's scan goes byte by byte, and compares to the end of the match at each, through a stretch that fits
//! elsewhere slightly better than where it lies (two copies of 125 KB that differ in 5 bytes: 9 seconds, and
//! quadratic). What is found here never comes before it, so that its matches are short. Algorithm: rsync's, with one
//! checksum (Tridgell, 1996).

use std::collections::HashMap;

/// The shortest stretch that is taken.
const SHORTEST: usize = 16 * 1024;
/// What is left to the matcher at both ends of a stretch, so that it knows how what lies beside it is placed. Without
/// these packs are 1.4 % larger.
const MARGIN: usize = 1024;
/// Old content is looked up by pieces of this many bytes at multiples of it.
const PIECE: usize = 4096;
/// Any odd number; the checksum is a polynomial in it, modulo 2^64.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A range of the new content that is the same in the old content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exact {
    /// Where it begins in the old content.
    pub(super) old_at: usize,
    /// Where it begins in the new content.
    pub(super) new_at: usize,
    /// How many bytes.
    pub(super) length: usize,
}

impl Exact {
    /// The same without its ends.
    fn inner(self) -> Self {
        Self { old_at: self.old_at + MARGIN, new_at: self.new_at + MARGIN, length: self.length - 2 * MARGIN }
    }
}

/// Long ranges of `new` that `old` has, in the order of `new` and apart from each other.
pub(super) fn long_matches(old: &[u8], new: &[u8]) -> Vec<Exact> {
    let mut found: Vec<Exact> = Vec::new();
    if old.len() < SHORTEST || new.len() < SHORTEST {
        return found;
    }
    let pieces = Pieces::of(old);
    let leaving = (0..PIECE).fold(1u64, |power, _| power.wrapping_mul(BASE));
    let (mut start, mut at) = (0, 0);
    let mut rolling = sum(&new[..PIECE]);
    loop {
        if let Some(place) = pieces.place(rolling) {
            // Where several places do equally well, going on where the last match ended takes the least.
            let onward = found.last().map(|last| last.old_at + (at - last.new_at));
            let candidates = [Some(place), onward].into_iter().flatten();
            let longest = candidates.map(|old_at| extend(old, old_at, new, at, start)).max_by_key(|exact| exact.length);
            if let Some(longest) = longest.filter(|exact| exact.length >= SHORTEST) {
                start = longest.new_at + longest.length;
                found.push(longest.inner());
                at = start;
                let Some(piece) = new.get(at..at + PIECE) else { return found };
                rolling = sum(piece);
                continue;
            }
        }
        let Some(entering) = new.get(at + PIECE) else { return found };
        let left = value(new[at]).wrapping_mul(leaving);
        rolling = rolling.wrapping_mul(BASE).wrapping_add(value(*entering)).wrapping_sub(left);
        at += 1;
    }
}

/// Where the old content has a piece with a checksum.
struct Pieces {
    places: HashMap<u64, usize>,
    /// By the first 16 bits of the checksum, whether there is any such piece: almost always not.
    any: Vec<bool>,
}

impl Pieces {
    fn of(old: &[u8]) -> Self {
        let mut pieces = Self { places: HashMap::new(), any: vec![false; 1 << 16] };
        for (number, piece) in old.chunks_exact(PIECE).enumerate() {
            let sum = sum(piece);
            // Of several equal pieces the last one stays.
            pieces.places.insert(sum, number * PIECE);
            pieces.any[(sum >> 48) as usize] = true;
        }
        pieces
    }

    fn place(&self, sum: u64) -> Option<usize> {
        if self.any[(sum >> 48) as usize] { self.places.get(&sum).copied() } else { None }
    }
}

/// The range around `at` that is the same around `old_at`, from `start` on; of length 0 when nothing is.
fn extend(old: &[u8], old_at: usize, new: &[u8], at: usize, start: usize) -> Exact {
    let equal = |pair: &(&u8, &u8)| pair.0 == pair.1;
    let old_after = old.get(old_at..).unwrap_or_default();
    let after = old_after.iter().zip(&new[at..]).take_while(equal).count();
    let old_before = old.get(..old_at).unwrap_or_default();
    let before = old_before.iter().rev().zip(new[start..at].iter().rev()).take_while(equal).count();
    if after == 0 {
        return Exact { old_at: 0, new_at: at, length: 0 };
    }
    Exact { old_at: old_at - before, new_at: at - before, length: before + after }
}

fn sum(piece: &[u8]) -> u64 {
    piece.iter().fold(0, |sum, byte| sum.wrapping_mul(BASE).wrapping_add(value(*byte)))
}

/// Zeros count as well, or runs of them would all have the same sum.
fn value(byte: u8) -> u64 {
    u64::from(byte) + 1
}

#[cfg(test)]
mod tests {
    use super::super::{Delta, Streams, apply};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn noise(length: usize, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn long_stretches_are_found_whole() {
        let (a, b, c) = (noise(50_000, 1), noise(70_000, 2), noise(3000, 9));
        let old = [&a[..], &c, &b].concat();
        let new = [&c[..], &b, &c[..100], &a, &a].concat();
        let exact = |old_at, new_at, length| Exact { old_at, new_at, length }.inner();
        let expected = [exact(50_000, 0, 73_000), exact(0, 73_100, 50_000), exact(0, 123_100, 50_000)];
        assert_eq!(long_matches(&old, &new), expected);
        assert_eq!(long_matches(&old, &noise(100_000, 4)), []);
        assert_eq!(long_matches(&a, &a[..SHORTEST - 1]), []);
    }

    fn made_by(delta: &Delta, old: &[u8]) -> Vec<u8> {
        let streams = delta.streams.as_ref().into_array().map(|bytes| &bytes[..]);
        let mut made = Vec::new();
        apply(&mut Streams::from_array(streams), &old, delta.new_size, &mut made).expect("own delta");
        made
    }

    #[test]
    fn stretches_that_fit_elsewhere_slightly_better_take_no_time() {
        let first = noise(200_000, 5);
        let mut second = first.clone();
        (0..5).for_each(|number| second[200_000 - 10 - 20 * number] ^= 1);
        let old = [&first[..], &second].concat();
        for new in [[&second[..], &first[..100]].concat(), [&second[..], &second, b"x", &first].concat()] {
            let delta = Delta::make(&old, &new);
            assert!(delta.streams.as_ref().into_array().iter().map(|bytes| bytes.len()).sum::<usize>() < 100);
            assert!(made_by(&delta, &old) == new);
        }
    }

    /// Stretches that both contents draw from: noise, and some that repeat themselves.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        vec((0u32..6, 0usize..40_000, any::<bool>()), 0..6).prop_map(|parts| {
            let part = |(seed, length, repeats): (u32, usize, bool)| {
                if repeats { noise(7, seed).into_iter().cycle().take(length).collect() } else { noise(length, seed) }
            };
            parts.into_iter().flat_map(part).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn shuffled_stretches_come_back(
            old in content(),
            new in content(),
            edits in vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let mut edited = new;
            for edit in edits {
                if !edited.is_empty() {
                    let place = edit.index(edited.len());
                    edited[place] ^= 1;
                }
            }
            prop_assert!(made_by(&Delta::make(&old, &edited), &old) == edited);
        }
    }
}
