//! What each file's content was when it was last hashed, by inode: a cache, never a truth.
//!
//! A fingerprint is (inode, size, mtime, ctime). As long as it is unchanged the content is taken as it was; whoever
//! changes a file cannot keep its ctime. The file that keeps them is this program's own and is thrown away when it is
//! damaged or of another format: then everything is hashed again.
//!
//! ```text
//! magic 8 bytes "SUFPRNT1" | device u64 | count u64 | count x (inode u64, size u64, mtime i64 u32, ctime i64 u32, digest 32)
//! | SHA-256 of all before                                                                (integers little-endian)
//! ```

use std::collections::HashMap;

use crate::disk::Inode;
use crate::types::{Digest, Timestamp};

/// Something that knows the content of inodes without reading them.
pub trait KnownContent: Sync {
    /// The digest of the content of `inode`, if it is known.
    fn digest(&self, inode: &Inode) -> Option<Digest>;
}

/// A file's state when it had the content `digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    size: u64,
    mtime: Timestamp,
    ctime: Timestamp,
    digest: Digest,
}

/// Fingerprints of the files of one file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints {
    device: u64,
    by_inode: HashMap<u64, Fingerprint>,
}

const MAGIC: &[u8; 8] = b"SUFPRNT1";
const HEADER_BYTES: usize = 24;
const RECORD_BYTES: usize = 72;

impl Fingerprints {
    /// Notes that `inode`, as it is now, has this content.
    pub fn note(&mut self, inode: &Inode, digest: Digest) {
        if self.by_inode.is_empty() {
            self.device = inode.device;
        }
        if self.device == inode.device {
            let fingerprint = Fingerprint { size: inode.size, mtime: inode.mtime, ctime: inode.ctime, digest };
            self.by_inode.insert(inode.number, fingerprint);
        }
    }

    /// Adds what `older` knows of other inodes.
    pub fn add(&mut self, older: Self) {
        if self.by_inode.is_empty() {
            *self = older;
        } else if self.device == older.device {
            for (number, known) in older.by_inode {
                self.by_inode.entry(number).or_insert(known);
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_inode.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_inode.is_empty()
    }

    /// The same knowledge, for a time in which this program itself changes ctimes by linking: inode, size and mtime
    /// decide.
    pub fn despite_links(&self) -> impl KnownContent + '_ {
        struct DespiteLinks<'a>(&'a Fingerprints);
        impl KnownContent for DespiteLinks<'_> {
            fn digest(&self, inode: &Inode) -> Option<Digest> {
                let known = self.0.of(inode)?;
                (known.size == inode.size && known.mtime == inode.mtime).then_some(known.digest)
            }
        }
        DespiteLinks(self)
    }

    /// Reads the file; anything but a whole one of this format gives an empty set.
    pub fn parse(bytes: &[u8]) -> Self {
        Self::parse_whole(bytes).unwrap_or_default()
    }

    /// The file. Equal sets give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut numbers: Vec<u64> = self.by_inode.keys().copied().collect();
        numbers.sort_unstable();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + numbers.len() * RECORD_BYTES + 32);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.device.to_le_bytes());
        bytes.extend_from_slice(&(numbers.len() as u64).to_le_bytes());
        for number in numbers {
            let known = &self.by_inode[&number];
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.extend_from_slice(&known.size.to_le_bytes());
            for time in [known.mtime, known.ctime] {
                bytes.extend_from_slice(&time.seconds.to_le_bytes());
                bytes.extend_from_slice(&time.nanoseconds.to_le_bytes());
            }
            bytes.extend_from_slice(known.digest.as_bytes());
        }
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes
    }

    fn of(&self, inode: &Inode) -> Option<&Fingerprint> {
        self.by_inode.get(&inode.number).filter(|_| self.device == inode.device)
    }

    fn parse_whole(bytes: &[u8]) -> Option<Self> {
        let (body, digest) = bytes.split_last_chunk::<32>()?;
        if Digest::of(body).as_bytes() != digest {
            return None;
        }
        let (magic, rest) = body.split_first_chunk::<8>()?;
        let (device, rest) = rest.split_first_chunk::<8>()?;
        let (count, records) = rest.split_first_chunk::<8>()?;
        if magic != MAGIC || records.len() as u64 != u64::from_le_bytes(*count).checked_mul(RECORD_BYTES as u64)? {
            return None;
        }
        let by_inode = records.chunks_exact(RECORD_BYTES).map(parse_record).collect::<Option<_>>()?;
        Some(Self { device: u64::from_le_bytes(*device), by_inode })
    }
}

impl KnownContent for Fingerprints {
    fn digest(&self, inode: &Inode) -> Option<Digest> {
        let known = self.of(inode)?;
        (known.size == inode.size && known.mtime == inode.mtime && known.ctime == inode.ctime).then_some(known.digest)
    }
}

impl<K: KnownContent + ?Sized> KnownContent for &K {
    fn digest(&self, inode: &Inode) -> Option<Digest> {
        (**self).digest(inode)
    }
}

/// What either knows.
impl<A: KnownContent, B: KnownContent> KnownContent for (A, B) {
    fn digest(&self, inode: &Inode) -> Option<Digest> {
        self.0.digest(inode).or_else(|| self.1.digest(inode))
    }
}

fn parse_record(record: &[u8]) -> Option<(u64, Fingerprint)> {
    let number = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let time = |at: usize| {
        let nanoseconds = u32::from_le_bytes(record.get(at + 8..at + 12)?.try_into().ok()?);
        Some(Timestamp { seconds: number(at)?.cast_signed(), nanoseconds })
    };
    let digest = Digest::from_bytes(record.get(40..RECORD_BYTES)?.try_into().ok()?);
    Some((number(0)?, Fingerprint { size: number(8)?, mtime: time(16)?, ctime: time(28)?, digest }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileType;

    fn inode(number: u64) -> Inode {
        let time = Timestamp { seconds: -3, nanoseconds: 9 };
        Inode {
            device: 5,
            number,
            file_type: FileType::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 7,
            links: 1,
            mtime: time,
            ctime: time,
            is_fixed: false,
            is_mount_point: false,
        }
    }

    #[test]
    fn any_change_is_forgetting() {
        let mut known = Fingerprints::default();
        known.note(&inode(1), Digest::of(b"x"));
        assert_eq!(known.digest(&inode(1)), Some(Digest::of(b"x")));
        let later = Timestamp { seconds: -3, nanoseconds: 10 };
        for changed in [
            Inode { number: 2, ..inode(1) },
            Inode { device: 6, ..inode(1) },
            Inode { size: 8, ..inode(1) },
            Inode { mtime: later, ..inode(1) },
            Inode { ctime: later, ..inode(1) },
        ] {
            assert_eq!(known.digest(&changed), None, "{changed:?}");
        }
        assert!(known.despite_links().digest(&Inode { ctime: later, ..inode(1) }).is_some());
        assert!(known.despite_links().digest(&Inode { mtime: later, ..inode(1) }).is_none());
    }

    #[test]
    fn a_damaged_file_is_an_empty_one() {
        let mut known = Fingerprints::default();
        for number in 1..20 {
            known.note(&inode(number), Digest::of(&number.to_le_bytes()));
        }
        let bytes = known.to_bytes();
        assert_eq!(Fingerprints::parse(&bytes), known);
        for cut in [0, 7, 40, bytes.len() - 1] {
            assert!(Fingerprints::parse(&bytes[..cut]).is_empty(), "{cut}");
        }
        for flip in 0..bytes.len() {
            let mut torn = bytes.clone();
            torn[flip] ^= 1;
            assert!(Fingerprints::parse(&torn).is_empty(), "{flip}");
        }
    }
}
