//! By what a file of a publication is known to be the right one, and the look at it while it comes.

use std::collections::VecDeque;
use std::io::Write;

use crate::manifest::{BundleManifest, HeadName, ManifestName, SearchIndex};
use crate::pack::{Index, MAX_HEAD_BYTES, ObjectDecoder};
use crate::types::{Digest, Hasher};

/// By what a file is known.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// A document, by the digest of its bytes.
    Document(Digest),
    /// A manifest, by its plain form.
    Manifest(ManifestName),
    /// A search index, by its plain form.
    Search(ManifestName),
    /// An object, by digest and length of its blob.
    Object {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// A pack, by its head, which names the digests of all blocks.
    Pack(HeadName),
}

/// A file that is looked at while it comes.
pub(super) enum Check<'a> {
    /// Kept in memory, and looked at when it is whole.
    Document(&'a Proof, Vec<u8>),
    /// Decoded, as far as it can be.
    Object(Digest, Option<ObjectDecoder<Hasher>>),
    /// Cut into its parts.
    Pack(Parts),
}

impl Proof {
    /// The look at a file.
    pub fn check(&self) -> Check<'_> {
        match self {
            Self::Document(_) | Self::Manifest(_) | Self::Search(_) => Check::Document(self, Vec::new()),
            Self::Object { digest, size } => Check::Object(*digest, ObjectDecoder::new(*size, Hasher::default()).ok()),
            Self::Pack(head) => Check::Pack(Parts::of(head)),
        }
    }

    /// Whether these are the bytes of a document.
    fn holds_for(&self, bytes: &[u8]) -> bool {
        let is = |plain: Vec<u8>, name: &ManifestName| Digest::of(&plain) == name.sha256;
        match self {
            Self::Document(digest) => Digest::of(bytes) == *digest,
            Self::Manifest(name) => BundleManifest::expand(bytes, name.length).is_ok_and(|plain| is(plain, name)),
            Self::Search(name) => SearchIndex::expand(bytes, name.length).is_ok_and(|plain| is(plain, name)),
            Self::Object { .. } | Self::Pack(_) => unreachable!("these are not kept in memory"),
        }
    }
}

impl Check<'_> {
    /// The next bytes of the file.
    pub fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Document(_, kept) => kept.extend_from_slice(bytes),
            Self::Object(_, decoder) => {
                // What cannot be decoded any more is no object, whatever follows.
                decoder.take_if(|decoder| decoder.write_all(bytes).is_err());
            }
            Self::Pack(parts) => parts.take(bytes),
        }
    }

    /// Whether the file, which has come to its end, is the right one.
    pub fn holds(self) -> bool {
        match self {
            Self::Document(proof, kept) => proof.holds_for(&kept),
            Self::Object(digest, decoder) => {
                decoder.and_then(|decoder| decoder.finish().ok()).is_some_and(|hasher| hasher.finish() == digest)
            }
            Self::Pack(parts) => parts.hold(),
        }
    }
}

/// A pack, cut into the parts whose digests are known: the head, then the blocks that it names. Manifest deltas have no
/// digests in it; what they make has.
pub(super) struct Parts {
    /// Those that have not come whole: first byte, end, digest.
    next: VecDeque<(u64, u64, Digest)>,
    /// The head, until it has come whole.
    head: Option<Vec<u8>>,
    /// The part that is coming.
    hasher: Hasher,
    /// Place in the pack of the next byte.
    at: u64,
    right: bool,
}

impl Parts {
    fn of(head: &HeadName) -> Self {
        // One that is longer is used by nobody, so nobody misses its blocks.
        let kept = (head.length <= MAX_HEAD_BYTES).then(Vec::new);
        let next = VecDeque::from([(0, head.length, head.sha256)]);
        Self { next, head: kept, hasher: Hasher::default(), at: 0, right: true }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some((start, end, digest)) = self.next.front().copied().filter(|_| !bytes.is_empty()) {
            // Bytes between two parts are nobody's.
            let gap = start.saturating_sub(self.at).min(bytes.len() as u64);
            self.at += gap;
            bytes = &bytes[gap as usize..];
            let (mine, rest) = bytes.split_at(end.saturating_sub(self.at).min(bytes.len() as u64) as usize);
            self.at += mine.len() as u64;
            bytes = rest;
            self.hasher.update(mine);
            if let Some(head) = &mut self.head {
                head.extend_from_slice(mine);
            }
            if self.at == end {
                self.next.pop_front();
                self.right &= std::mem::take(&mut self.hasher).finish() == digest;
                self.open_head();
            }
        }
    }

    /// The blocks that the head names are the next parts. Those of a later format are not known.
    fn open_head(&mut self) {
        let Some(head) = self.head.take().filter(|_| self.right) else { return };
        if let Ok(index) = Index::parse(&head) {
            let parts = index.blocks().iter().map(|placed| (placed.offset, placed.block.length(), placed.block.digest));
            let parts = parts.filter(|(_, length, _)| *length > 0);
            self.next.extend(parts.map(|(start, length, digest)| (start, start + length, digest)));
        }
    }

    fn hold(&self) -> bool {
        self.right && self.next.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::write_object;

    fn holds(proof: &Proof, bytes: &[u8], piece: usize) -> bool {
        let mut check = proof.check();
        bytes.chunks(piece).for_each(|piece| check.take(piece));
        check.holds()
    }

    fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    }

    #[test]
    fn a_pack_is_its_head_and_its_blocks() {
        let pack = include_bytes!("../../fixtures/golden/pack-1/pack");
        let length = include_str!("../../fixtures/golden/pack-1/head-length").trim().parse().expect("a number");
        let head = &pack[..length];
        let proof = Proof::Pack(HeadName { sha256: Digest::of(head), length: length as u64 });
        let index = Index::parse(head).expect("the golden head");
        let deltas: u64 = index.manifest_deltas().iter().map(|place| place.length).sum();
        for piece in [1, 7, pack.len()] {
            assert!(holds(&proof, pack, piece), "in pieces of {piece}");
            assert!(!holds(&proof, &pack[..pack.len() - 1], piece), "cut off");
        }
        let unseen = (0..pack.len()).filter(|at| holds(&proof, &flipped(pack, *at), 100)).count();
        assert_eq!(unseen as u64, deltas, "all but the manifest deltas is proved");
    }

    #[test]
    fn objects_and_documents_are_their_content() {
        let content = vec![b'x'; 5000];
        let (digest, size, length) = (Digest::of(&content), 5000, 5000);
        let mut object = Vec::new();
        write_object(&content[..], size, 3, &mut object).expect("memory");
        let name = |plain: &[u8]| ManifestName { sha256: Digest::of(plain), length, wire_bytes: 0 };
        for (what, proof, good) in [
            ("object", Proof::Object { digest, size }, object),
            ("document", Proof::Document(digest), content.clone()),
            ("manifest", Proof::Manifest(name(&content)), BundleManifest::compress(&content)),
            ("search index", Proof::Search(name(&content)), SearchIndex::compress(&content)),
        ] {
            for piece in [1, good.len()] {
                assert!(holds(&proof, &good, piece), "{what} in pieces of {piece}");
                assert!(!holds(&proof, &good[..good.len() - 1], piece), "{what} cut off");
                assert!(!holds(&proof, &flipped(&good, 0), piece), "{what} damaged");
            }
        }
        let other = Proof::Object { digest: Digest::of(b"other"), size };
        let mut object = Vec::new();
        write_object(&content[..], size, 3, &mut object).expect("memory");
        assert!(!holds(&other, &object, 100), "the object of something else");
    }
}
