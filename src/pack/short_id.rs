//! The first bytes of a digest: enough to find a blob among those of two releases.

use std::fmt;

use crate::types::Digest;

/// The fewest bytes of a short id.
pub(super) const MIN_LENGTH: usize = 4;
/// The most bytes of a short id: the whole digest.
pub(super) const MAX_LENGTH: usize = 32;

/// The first 4 to 32 bytes of a blob's digest; how many, its pack says.
///
/// A hint and no proof: what is made by it is checked against the whole digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortId {
    /// Zero beyond `length`.
    bytes: [u8; MAX_LENGTH],
    length: u8,
}

impl ShortId {
    /// The first `length` bytes of a digest.
    ///
    /// # Panics
    /// When `length` is not 4 to 32.
    pub fn of(digest: &Digest, length: usize) -> Self {
        Self::from_bytes(&digest.as_bytes()[..length])
    }

    /// A short id from its bytes, 4 to 32.
    pub(super) fn from_bytes(prefix: &[u8]) -> Self {
        assert!((MIN_LENGTH..=MAX_LENGTH).contains(&prefix.len()), "a short id has 4 to 32 bytes");
        let mut bytes = [0; MAX_LENGTH];
        bytes[..prefix.len()].copy_from_slice(prefix);
        Self { bytes, length: prefix.len() as u8 }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Whether the digest begins with this.
    pub fn matches(&self, digest: &Digest) -> bool {
        digest.as_bytes().starts_with(self.as_bytes())
    }

    /// The one of `sorted` digests that begins with this; none when several do.
    pub fn resolve(&self, sorted: &[Digest]) -> Option<Digest> {
        let first = sorted.partition_point(|digest| digest.as_bytes()[..] < *self.as_bytes());
        let found = *sorted.get(first).filter(|digest| self.matches(digest))?;
        let others = sorted[first..].iter().take_while(|digest| self.matches(digest));
        others.into_iter().all(|other| *other == found).then_some(found)
    }
}

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShortId({self})")
    }
}

/// How many bytes, from 4 to 32, tell all of these digests apart.
pub fn short_id_length(digests: impl IntoIterator<Item = Digest>) -> usize {
    let mut sorted: Vec<Digest> = digests.into_iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let common = |pair: &[Digest]| {
        let bytes = pair[0].as_bytes().iter().zip(pair[1].as_bytes());
        bytes.take_while(|(a, b)| a == b).count()
    };
    let longest = sorted.windows(2).map(common).max().unwrap_or(0);
    (longest + 1).max(MIN_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_long_as_they_need_to_be() {
        let digest = |start: [u8; 6]| {
            let mut bytes = [9; 32];
            bytes[..6].copy_from_slice(&start);
            Digest::from_bytes(bytes)
        };
        let (a, b, c) = (digest([1, 2, 3, 4, 5, 6]), digest([1, 2, 3, 4, 5, 7]), digest([2; 6]));
        assert_eq!(short_id_length([]), 4);
        assert_eq!(short_id_length([a, a, c]), 4);
        assert_eq!(short_id_length([a, b, c]), 6);
        let sorted = [a, b, c];
        assert_eq!(ShortId::of(&b, 6).resolve(&sorted), Some(b));
        assert_eq!(ShortId::of(&b, 5).resolve(&sorted), None, "two begin like this");
        assert_eq!(ShortId::of(&c, 4).resolve(&sorted), Some(c));
        assert_eq!(ShortId::of(&digest([3; 6]), 32).resolve(&sorted), None);
        assert_eq!(ShortId::of(&a, 4).to_string(), "01020304");
    }
}
