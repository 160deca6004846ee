//! Sketches of contents: a few numbers by which it is estimated how much two contents have in common, without comparing
//! them. Pure, and the same everywhere.
//!
//! A content is the set of its shingles, that is of all runs of [`SHINGLE_BYTES`] bytes in it. Their hashes fall into
//! [`PLACES`] places, of each of which the smallest counts (one permutation hashing: Li, Owen and Zhang, 2012, after
//! Broder, "On the resemblance and containment of documents", 1997). The share of places in which two sketches agree is
//! about the share of shingles that both contents have.

use std::collections::{BTreeMap, HashMap};

/// Bytes of a shingle: long enough that one says something, short enough that some survive between the addresses that
/// change in a program.
const SHINGLE_BYTES: usize = 8;
/// Minima of a sketch.
const PLACES: usize = 32;
/// So many minima must two contents share to be alike: about an eighth of what either holds. By chance, contents that have
/// nothing in common share none.
const ENOUGH: usize = 4;
/// Of a minimum that more contents share, only the first so many are found by it: it is a licence's header, or the like.
const MAX_SHARERS: usize = 64;

/// What is left of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch([Option<u64>; PLACES]);

/// Contents, to be found by their sketches.
#[derive(Debug, Default)]
pub struct Index {
    sharers: HashMap<u64, Vec<usize>>,
}

impl Sketch {
    /// The sketch of a content.
    pub fn of(content: &[u8]) -> Self {
        let mut minima = [u64::MAX; PLACES];
        for shingle in content.windows(SHINGLE_BYTES) {
            let hash = hash(u64::from_le_bytes(shingle.try_into().expect("a window has that length")));
            let place = &mut minima[hash as usize % PLACES];
            *place = hash.min(*place);
        }
        Self(minima.map(|minimum| Some(minimum).filter(|minimum| *minimum < u64::MAX)))
    }

    fn minima(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flatten().copied()
    }
}

impl Index {
    /// An index of contents, which are told by their place in this order.
    pub fn new<'a>(sketches: impl IntoIterator<Item = &'a Sketch>) -> Self {
        let mut index = Self::default();
        for (number, sketch) in sketches.into_iter().enumerate() {
            for minimum in sketch.minima() {
                let sharers = index.sharers.entry(minimum).or_default();
                if sharers.len() < MAX_SHARERS {
                    sharers.push(number);
                }
            }
        }
        index
    }

    /// The contents of the index that are like this one, with how many minima they share, in order.
    pub fn alike(&self, sketch: &Sketch) -> Vec<(usize, usize)> {
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for number in sketch.minima().filter_map(|minimum| self.sharers.get(&minimum)).flatten() {
            *shared.entry(*number).or_default() += 1;
        }
        shared.into_iter().filter(|(_, shared)| *shared >= ENOUGH).collect()
    }
}

/// SplitMix64: all bits of the result depend on all bits of the shingle, and zeros are like any other.
fn hash(shingle: u64) -> u64 {
    let mut mixed = shingle.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Bytes that have nothing in common for different seeds.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        (0..length as u64).map(|at| hash(seed << 32 | at) as u8).collect()
    }

    fn shared(a: &[u8], b: &[u8]) -> usize {
        Index::new([&Sketch::of(a)]).alike(&Sketch::of(b)).first().map_or(0, |(_, shared)| *shared)
    }

    #[test]
    fn what_is_alike_is_found() {
        let old = noise(1, 10_000);
        let scattered: Vec<u8> =
            old.iter().enumerate().map(|(at, byte)| if at % 50 == 0 { !byte } else { *byte }).collect();
        let cases: [(&str, Vec<u8>, std::ops::RangeInclusive<usize>); 8] = [
            ("the same", old.clone(), PLACES..=PLACES),
            ("something in front", [b"new", &old[..]].concat(), PLACES - 2..=PLACES),
            ("its halves exchanged", [&old[5000..], &old[..5000]].concat(), PLACES - 2..=PLACES),
            ("half of it", old[..5000].to_vec(), 8..=24),
            ("every fiftieth byte another", scattered, 16..=30),
            ("noise", noise(2, 10_000), 0..=0),
            ("zeros", vec![0; 10_000], 0..=0),
            ("nothing", Vec::new(), 0..=0),
        ];
        for (what, new, wanted) in cases {
            let found = shared(&old, &new);
            assert!(wanted.contains(&found), "{what}: {found}");
        }
        assert_eq!(shared(&[0; 10_000], &[0; 10_000]), 0, "zeros alone tell nothing");
    }

    #[test]
    fn common_minima_find_only_the_first() {
        let sketch = Sketch::of(&noise(1, 1000));
        let index = Index::new(vec![&sketch; 3 * MAX_SHARERS]);
        assert_eq!(index.alike(&sketch).len(), MAX_SHARERS);
    }

    proptest! {
        #[test]
        fn an_edited_copy_is_found_among_others(
            seed in 0u64..1 << 20,
            edits in vec((0usize..4000, vec(any::<u8>(), 0..40)), 0..8),
        ) {
            let old = noise(seed, 4000);
            let mut new = old.clone();
            for (at, text) in edits {
                let end = (at + text.len()).min(new.len());
                new.splice(at.min(end)..end, text);
            }
            let others: Vec<Sketch> = (1..20).map(|other| Sketch::of(&noise(seed + other, 4000))).collect();
            let own = Sketch::of(&old);
            let index = Index::new(others.iter().chain([&own]));
            let found: Vec<usize> = index.alike(&Sketch::of(&new)).into_iter().map(|(number, _)| number).collect();
            prop_assert_eq!(found, [others.len()]);
        }

        #[test]
        fn any_bytes_have_a_sketch(content in vec(any::<u8>(), 0..2000)) {
            let sketch = Sketch::of(&content);
            prop_assert_eq!(&sketch, &Sketch::of(&content));
            prop_assert!(sketch.minima().count() <= content.len().saturating_sub(SHINGLE_BYTES - 1));
        }
    }
}
