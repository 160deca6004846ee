//! The search index: which bundles of a release have which paths, in few bytes.
//!
//! Columns of front-coded paths, so that like lies with like for the compressor; `docs/formats.md`, "Search index". It is
//! read from its start to its end, and nothing is unpacked but the path that is being looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::frame;
use crate::types::{BundleName, TreePath};

/// An index as it was read: still the bytes, and where its columns begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchIndex {
    plain: Vec<u8>,
    bundles: Vec<BundleName>,
    /// Numbers of bundles.
    sets: Vec<Vec<usize>>,
    paths: usize,
    /// Where the column of shared lengths begins, which the other two follow.
    columns: usize,
}

/// Why bytes are no search index.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It does not expand to what was signed for.
    #[error("a search index does not expand to the {expected} bytes that were signed for")]
    Expansion {
        /// The signed length in bytes.
        expected: u64,
        /// What the decoder says.
        source: std::io::Error,
    },
    /// Another format.
    #[error("it is no search index of a format that this program knows")]
    Format,
    /// It is larger than any may be.
    #[error("the search index is too large: {0}")]
    TooLarge(&'static str),
    /// It breaks a rule of the format.
    #[error("the search index is damaged: {0}")]
    Damaged(&'static str),
}

const MAGIC: &[u8; 8] = b"SUSRCH01";
const MAX_PATHS: usize = 1 << 21;
const MAX_PATH_BYTES: usize = 4096;
const WORD: usize = 4;
const TOO_LONG: SearchError = SearchError::TooLarge("it is longer than 64 MiB");

impl SearchIndex {
    /// A longer one is refused, plain or compressed.
    pub const MAX_BYTES: u64 = 64 << 20;

    /// The plain form of an index of these bundles with the paths that are to be found: equal input gives equal bytes.
    pub fn make(bundles: &BTreeMap<&BundleName, Vec<&TreePath>>) -> Vec<u8> {
        let mut owners: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, paths) in bundles.values().enumerate() {
            for path in paths {
                owners.entry(path.beneath_usr()).or_default().push(number);
            }
        }
        let sets: BTreeSet<&Vec<usize>> = owners.values().collect();
        let numbers: BTreeMap<&Vec<usize>, usize> = sets.iter().enumerate().map(|(at, set)| (*set, at)).collect();
        let mut plain = MAGIC.to_vec();
        for count in [bundles.len(), sets.len(), owners.len()] {
            plain.extend(word(count));
        }
        for bundle in bundles.keys() {
            plain.extend_from_slice(bundle.as_str().as_bytes());
            plain.push(0);
        }
        for set in &sets {
            plain.extend(word(set.len()));
            plain.extend(set.iter().flat_map(|bundle| word(*bundle)));
        }
        let mut before: &[u8] = &[];
        let mut tails = Vec::new();
        for path in owners.keys() {
            let path = path.as_bytes();
            let shared = before.iter().zip(path).take(u8::MAX.into()).take_while(|(a, b)| a == b).count();
            plain.push(shared as u8);
            tails.extend_from_slice(&path[shared..]);
            tails.push(0);
            before = path;
        }
        plain.extend(owners.values().flat_map(|set| word(numbers[set])));
        plain.extend(tails);
        plain
    }

    /// The compressed form.
    pub fn compress(plain: &[u8]) -> Vec<u8> {
        frame::compress(plain)
    }

    /// Expands the compressed form to the plain one, which must have exactly `length` bytes.
    ///
    /// # Errors
    /// When the frame is damaged, or makes more or fewer bytes. No more than `length` bytes are ever made.
    pub fn expand(compressed: &[u8], length: u64) -> Result<Vec<u8>, SearchError> {
        frame::expand(compressed, length, Self::MAX_BYTES)
            .map_err(|source| SearchError::Expansion { expected: length, source })
    }

    /// Expands an index that nobody signed for, such as one that was kept from an older release.
    ///
    /// # Errors
    /// When the frame is damaged, or makes more than any index may have.
    pub fn expand_unsigned(compressed: &[u8]) -> Result<Vec<u8>, SearchError> {
        let expected = Self::MAX_BYTES;
        let plain = frame::up_to(compressed, expected).map_err(|source| SearchError::Expansion { expected, source })?;
        if plain.len() as u64 > expected { Err(TOO_LONG) } else { Ok(plain) }
    }

    /// Reads what stands before the paths. It takes no more memory than the bytes themselves do, a few times over.
    ///
    /// # Errors
    /// When it is of another format, or breaks a rule that can be seen from there.
    pub fn parse(plain: Vec<u8>) -> Result<Self, SearchError> {
        if plain.len() as u64 > Self::MAX_BYTES {
            return Err(TOO_LONG);
        }
        let mut rest = plain.strip_prefix(MAGIC).ok_or(SearchError::Format)?;
        let [bundle_count, set_count, paths] = [number(&mut rest)?, number(&mut rest)?, number(&mut rest)?];
        if paths > MAX_PATHS {
            return Err(SearchError::TooLarge("it has too many paths"));
        }
        let mut bundles: Vec<BundleName> = Vec::new();
        for _ in 0..bundle_count {
            let name = std::str::from_utf8(text(&mut rest)?).ok().and_then(|name| name.parse().ok());
            let name: BundleName = name.ok_or(SearchError::Damaged("a bundle has a name that none may have"))?;
            if bundles.last().is_some_and(|before| *before >= name) {
                return Err(SearchError::Damaged("its bundles are not in order"));
            }
            bundles.push(name);
        }
        let mut sets = Vec::new();
        for _ in 0..set_count {
            let mut set = Vec::new();
            for _ in 0..number(&mut rest)? {
                set.push(number(&mut rest)?);
            }
            if set.is_empty() || !set.is_sorted_by(|a, b| a < b) || set.last() >= Some(&bundle_count) {
                return Err(SearchError::Damaged("a set of bundles is none"));
            }
            sets.push(set);
        }
        if rest.len() < paths * (1 + WORD) {
            return Err(SearchError::Damaged("it ends early"));
        }
        let columns = plain.len() - rest.len();
        Ok(Self { bundles, sets, paths, columns, plain })
    }

    /// The bundles of the release, in order.
    pub fn bundles(&self) -> &[BundleName] {
        &self.bundles
    }

    /// Shows every path, in the order of bytes and without the leading `usr/`, with the numbers of the bundles that have
    /// it.
    ///
    /// # Errors
    /// When the paths break a rule of the format. What was shown before is right as far as it goes.
    pub fn visit(&self, mut seen: impl FnMut(&str, &[usize])) -> Result<(), SearchError> {
        let (shared, rest) = self.plain[self.columns..].split_at(self.paths);
        let (mut of_sets, mut tails) = rest.split_at(self.paths * WORD);
        let (mut path, mut before) = (Vec::new(), Vec::new());
        for shared in shared {
            let shared = usize::from(*shared);
            if shared > path.len() {
                return Err(SearchError::Damaged("a path shares more than there is"));
            }
            std::mem::swap(&mut path, &mut before);
            path.clear();
            path.extend_from_slice(&before[..shared]);
            path.extend_from_slice(text(&mut tails)?);
            if path.len() > MAX_PATH_BYTES {
                return Err(SearchError::Damaged("a path is too long"));
            }
            if path <= before {
                return Err(SearchError::Damaged("its paths are not in order"));
            }
            let set = self.sets.get(number(&mut of_sets)?).ok_or(SearchError::Damaged("a path has no bundle"))?;
            let readable = std::str::from_utf8(&path).map_err(|_| SearchError::Damaged("a path is not UTF-8"))?;
            seen(readable, set);
        }
        if tails.is_empty() { Ok(()) } else { Err(SearchError::Damaged("something stands behind the paths")) }
    }
}

fn word(number: usize) -> [u8; WORD] {
    u32::try_from(number).expect("a release has fewer paths and bundles").to_le_bytes()
}

/// Takes a number off the front.
fn number(rest: &mut &[u8]) -> Result<usize, SearchError> {
    let (word, further) = rest.split_first_chunk().ok_or(SearchError::Damaged("it ends early"))?;
    *rest = further;
    Ok(u32::from_le_bytes(*word) as usize)
}

/// Takes what stands before the next zero off the front, and the zero.
fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], SearchError> {
    let end = rest.iter().position(|byte| *byte == 0).ok_or(SearchError::Damaged("it ends early"))?;
    let (text, further) = rest.split_at(end);
    *rest = &further[1..];
    Ok(text)
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
