//! Which bytes of the old content the new content is like: Percival's matching over a suffix array.
//!
//! Promises: add and copy ranges that cover the new content, the same for equal inputs, in time that grows little faster
//! than the contents, however they repeat themselves; five bytes of memory for each byte of old content. Needs: old
//! content below 2 GiB. Leaves to others: what becomes of the ranges (`make`).
//!
//! Algorithm: Colin Percival, "Naive differences of executable code" (2003), with one departure: where the new content
//! goes on for [`ALIKE`] bytes as the old one does at the present distance, nothing is searched for. That is most of the
//! time; and a stretch that fits elsewhere slightly better, where the original compares to the end of it at each byte,
//! takes no time. The sorting is crate `divsufsort`'s (Yuta Mori's algorithm).

/// As many bytes that go on as before are taken without looking for better ones.
const ALIKE: usize = 16;
/// By how many bytes a match must be better than what the present distance has, to be worth another triple.
const WORTH: usize = 8;

/// The next part of the new content: `add` bytes like the old ones at `old_at`, then `copy` bytes like none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) old_at: usize,
    pub(super) add: usize,
    pub(super) copy: usize,
}

/// Calls `each` with matches that together cover `new`, in its order.
pub(super) fn matches(old: &[u8], new: &[u8], mut each: impl FnMut(Match)) {
    let index = Index::new(old);
    let mut present = Aligned { old_at: 0, new_at: 0 };
    let (mut scan, mut length) = (0, 0);
    while scan < new.len() {
        scan += length;
        // How many bytes from `scan` to `scored` are the same at the present distance.
        let (mut score, mut scored) = (0, scan);
        let mut place = 0;
        length = 0;
        while scan < new.len() {
            let alike = present.common(old, new, scan);
            if alike >= ALIKE {
                (scan, length) = (scan + alike, 0);
                (score, scored) = (0, scan);
                continue;
            }
            (place, length) = index.longest(&new[scan..], present.old_at + (scan - present.new_at));
            while scored < scan + length {
                score += usize::from(present.is_same(old, new, scored));
                scored += 1;
            }
            if length > 0 && length == score || length > score + WORTH {
                break;
            }
            if scored > scan {
                score -= usize::from(present.is_same(old, new, scan));
            }
            scan += 1;
            scored = scored.max(scan);
        }
        if length == score && scan < new.len() {
            continue;
        }
        let next = Aligned { old_at: place, new_at: scan };
        let (end, start) = present.split(&next, old, new);
        each(Match { old_at: present.old_at, add: end - present.new_at, copy: start - end });
        present = Aligned { old_at: place - (scan - start), new_at: start };
    }
}

/// A place in the old content and the one in the new content that belongs to it.
struct Aligned {
    old_at: usize,
    new_at: usize,
}

impl Aligned {
    /// Whether the byte of the new content at `at`, not before this place, is the same at this distance.
    fn is_same(&self, old: &[u8], new: &[u8], at: usize) -> bool {
        old.get(self.old_at + (at - self.new_at)) == new.get(at)
    }

    /// How many bytes from `at` on, not before this place, are the same at this distance.
    fn common(&self, old: &[u8], new: &[u8], at: usize) -> usize {
        common(old.get(self.old_at + (at - self.new_at)..).unwrap_or_default(), &new[at..])
    }

    /// Where in the new content what follows this place ends, and what belongs to the `next` one begins: each reaches
    /// as far as more than half of its bytes are the same, and where they meet, most bytes are.
    fn split(&self, next: &Self, old: &[u8], new: &[u8]) -> (usize, usize) {
        let forward = new[self.new_at..next.new_at].iter().zip(&old[self.old_at..]).map(|(a, b)| a == b);
        let end = self.new_at + farthest(forward);
        if next.new_at == new.len() {
            return (end, next.new_at);
        }
        let backward = new[self.new_at..next.new_at].iter().rev().zip(old[..next.old_at].iter().rev());
        let start = next.new_at - farthest(backward.map(|(a, b)| a == b));
        if end <= start {
            return (end, start);
        }
        let before = &old[self.old_at + (start - self.new_at)..];
        let after = &old[next.old_at - (next.new_at - start)..];
        let (mut sum, mut best, mut at) = (0, 0, start);
        for (number, ((new, before), after)) in new[start..end].iter().zip(before).zip(after).enumerate() {
            sum += i64::from(new == before) - i64::from(new == after);
            if sum > best {
                (best, at) = (sum, start + number + 1);
            }
        }
        (at, at)
    }
}

/// After how many bytes the same ones have outweighed the others by most.
fn farthest(same: impl Iterator<Item = bool>) -> usize {
    let (mut sum, mut best, mut length) = (0i64, 0, 0);
    for (number, same) in same.enumerate() {
        sum += if same { 1 } else { -1 };
        if sum > best {
            (best, length) = (sum, number + 1);
        }
    }
    length
}

/// Old content with its suffixes in order.
struct Index<'a> {
    old: &'a [u8],
    suffixes: Vec<i32>,
    /// For each two bytes, how many suffixes come before those that begin with them.
    starts: Vec<u32>,
}

impl<'a> Index<'a> {
    fn new(old: &'a [u8]) -> Self {
        let mut suffixes = vec![0; old.len()];
        divsufsort::sort_in_place(old, &mut suffixes);
        let mut starts = vec![0; (1 << 16) + 1];
        old.array_windows().for_each(|pair| starts[two(*pair) + 1] += 1);
        // The last byte alone comes before all that begin with it.
        if let Some(last) = old.last() {
            starts[two([*last, 0])] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { old, suffixes, starts }
    }

    /// Where the old content has the most bytes that `wanted` begins with, and how many; nothing for fewer than two. Of
    /// several such places the one nearest to `near` among those looked at: neighbours tend to have moved together.
    fn longest(&self, wanted: &[u8], near: usize) -> (usize, usize) {
        let Some(first) = wanted.first_chunk() else { return (0, 0) };
        let (mut low, mut high) = (self.starts[two(*first)] as usize, self.starts[two(*first) + 1] as usize);
        // What the suffixes right below and above have in common with what is wanted; those between have no less.
        let (mut below, mut above) = (0, 0);
        let mut best: (usize, usize) = (0, 0);
        while low < high {
            let middle = low + (high - low) / 2;
            let place = self.suffixes[middle] as usize;
            let known = below.min(above);
            let length = known + common(&self.old[place + known..], &wanted[known..]);
            let nearer = length == best.1 && place.abs_diff(near) < best.0.abs_diff(near);
            if length > best.1 || nearer {
                best = (place, length);
            }
            if self.old.get(place + length) < wanted.get(length) {
                (low, below) = (middle + 1, length);
            } else {
                (high, above) = (middle, length);
            }
        }
        best
    }
}

fn two(bytes: [u8; 2]) -> usize {
    u16::from_be_bytes(bytes).into()
}

/// How many bytes are the same from the beginning on.
fn common(a: &[u8], b: &[u8]) -> usize {
    let (mut eights, mut length) = (a.chunks_exact(8).zip(b.chunks_exact(8)), 0);
    if eights.by_ref().any(|(a, b)| {
        length += 8;
        a != b
    }) {
        length -= 8;
    }
    length + a[length..].iter().zip(&b[length..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::super::predict::sample::{module, noise, program};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Matches, how many bytes differ in their add ranges, and how many they copy.
    fn cost(old: &[u8], new: &[u8]) -> (Vec<Match>, usize, usize) {
        let (mut all, mut at, mut differ, mut copied) = (Vec::new(), 0, 0, 0);
        matches(old, new, |found| {
            let old = &old[found.old_at..found.old_at + found.add];
            differ += old.iter().zip(&new[at..]).filter(|(a, b)| a != b).count();
            copied += found.copy;
            at += found.add + found.copy;
            all.push(found);
        });
        assert_eq!(at, new.len(), "matches cover the new content");
        (all, differ, copied)
    }

    /// The same of crate `bsdiff`, which is the oracle: differing and copied bytes.
    fn cost_of_the_original(old: &[u8], new: &[u8]) -> (usize, usize) {
        let mut raw = Vec::new();
        bsdiff::diff(old, new, &mut raw).expect("writing to memory does not fail");
        let (mut rest, mut differ, mut copied) = (&raw[..], 0, 0);
        while let Some((control, after)) = rest.split_first_chunk::<24>() {
            let number = |at: usize| u64::from_le_bytes(control[at..at + 8].try_into().expect("eight bytes")) as usize;
            let (add, copy) = (number(0), number(8));
            differ += after[..add].iter().filter(|byte| **byte != 0).count();
            copied += copy;
            rest = &after[add + copy..];
        }
        (differ, copied)
    }

    #[test]
    fn what_moved_is_found_where_it_went() {
        let (a, b, c) = (noise(5000, 1), noise(7000, 2), noise(300, 9));
        let old = [&a[..], &c, &b].concat();
        let new = [&c[..], &b, &c[..100], &a, &a].concat();
        let found = |old_at, add, copy| Match { old_at, add, copy };
        let expected =
            [found(0, 0, 0), found(5000, 7300, 0), found(5000, 100, 0), found(0, 5000, 0), found(0, 5000, 0)];
        assert_eq!(cost(&old, &new).0, expected);
        assert_eq!(cost(b"", b"abc").0, [found(0, 0, 3)]);
        assert_eq!(cost(b"abc", b"").0, []);
    }

    #[test]
    fn nothing_is_lost_against_the_original() {
        for (old, new) in [(program(0), program(2)), (module(0), module(2))] {
            let (_, differ, copied) = cost(&old, &new);
            let (theirs, their_copied) = cost_of_the_original(&old, &new);
            let (ours, theirs) = (differ + copied, theirs + their_copied);
            assert!(ours <= theirs + theirs / 50, "{ours} bytes, and {theirs}");
        }
    }

    #[test]
    fn repetitions_and_near_copies_take_no_time() {
        // The original compares to the end at each byte in all of these.
        let (mut old, mut new) = (vec![0; 4 << 20], vec![0; 4 << 20]);
        (old[2 << 20], new[(2 << 20) + 3]) = (1, 1);
        let first = noise(200_000, 5);
        let mut second = first.clone();
        (0..5).for_each(|number| second[200_000 - 10 - 20 * number] ^= 1);
        let twice = [&first[..], &second].concat();
        let table = |length: usize| b"abcdefg".iter().copied().cycle().take(length).collect::<Vec<u8>>();
        let cases = [
            (old, new),
            (twice.clone(), [&second[..], &first[..100]].concat()),
            (twice, [&second[..], &second, b"x", &first].concat()),
            ([table(1 << 20), vec![1], table(1 << 20)].concat(), [table(1_500_000), vec![2], table(500_000)].concat()),
        ];
        for (old, new) in cases {
            let (found, differ, copied) = cost(&old, &new);
            assert!(found.len() < 100 && differ + copied < 100, "{} {differ} {copied}", found.len());
        }
    }

    /// Stretches that both contents draw from: noise, and some that repeat themselves.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        vec((0u32..6, 0usize..20_000, 0usize..9), 0..6).prop_map(|parts| {
            let part = |(seed, length, period): (u32, usize, usize)| match period {
                0 => noise(length, seed),
                period => noise(period, seed).into_iter().cycle().take(length).collect(),
            };
            parts.into_iter().flat_map(part).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_contents_are_covered(
            old in prop_oneof![content(), vec(any::<u8>(), 0..300), vec(0u8..3, 0..300)],
            new in prop_oneof![content(), vec(any::<u8>(), 0..300), vec(0u8..3, 0..300)],
            edits in vec(any::<prop::sample::Index>(), 0..4),
        ) {
            cost(&old, &new);
            let mut edited = old.clone();
            for edit in edits {
                if !edited.is_empty() {
                    let place = edit.index(edited.len());
                    edited[place] ^= 1;
                }
            }
            let (_, differ, copied) = cost(&old, &edited);
            // Only the edits, or, near the ends, what is not worth a triple.
            prop_assert!(differ + copied <= 4 * (ALIKE + WORTH), "{differ} {copied}");
        }
    }
}
