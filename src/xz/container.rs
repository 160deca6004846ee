//! The container around compressed blocks (The .xz File Format): header, blocks, index, footer. Only what `xz` writes with
//! CRC-32 as its check, all blocks with the same header but for their sizes.

use crc32fast::hash as crc32;

use super::coder::{Chain, compress, decompress};
use super::{MAX_DICTIONARY_BYTES, XzError};
use crate::delta::varint;

/// The first bytes of a stream.
pub(super) const MAGIC: [u8; 6] = *b"\xfd7zXZ\0";
/// Stream flags: the check is CRC-32.
const FLAGS: [u8; 2] = [0, 1];
const FOOTER_MAGIC: [u8; 2] = *b"YZ";
const HEADER_BYTES: usize = MAGIC.len() + FLAGS.len() + 4;
const FOOTER_BYTES: usize = 4 + 4 + FLAGS.len() + FOOTER_MAGIC.len();
/// Filters, by their numbers in a block's header.
const X86: [u8; 2] = [4, 0];
const LZMA2: [u8; 2] = [0x21, 1];
/// A block's flags: it says both of its lengths.
const HAS_LENGTHS: u8 = 0xc0;
/// The least that a block but the last may have, and how many dictionaries at least: starting a compressor costs as much
/// as some compressing.
const MIN_BLOCK_BYTES: u32 = 1 << 20;
const MIN_BLOCK_DICTIONARIES: u32 = 3;

/// How a stream is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Filters of all blocks.
    pub(super) chain: Chain,
    /// Whether blocks say their lengths.
    pub(super) lengths: bool,
    /// First byte of each block's header: its length / 4 - 1.
    pub(super) header: u8,
    /// Payload bytes of each block but the last, which has no more.
    pub(super) block: u32,
}

/// Lengths of a block: packed (in the index with header and check, without padding), and plain.
pub(super) type Record = (u64, u64);

impl Shape {
    /// Takes the stream apart that `file` begins with: its shape, its length, and its payload appended to `payload`, which
    /// grows to at most `limit` bytes. None when it is no such stream.
    pub(super) fn open(file: &[u8], payload: &mut Vec<u8>, limit: usize) -> Option<(Self, usize)> {
        if file.get(..HEADER_BYTES)? != head() {
            return None;
        }
        let start = payload.len();
        let mut at = HEADER_BYTES;
        let mut shape: Option<Self> = None;
        let mut records: Vec<Record> = Vec::new();
        while *file.get(at)? != 0 {
            let (found, told, header) = Self::of_header(&file[at..])?;
            let before = payload.len();
            let packed = decompress(&file[at + header..], found.chain, payload, limit)?;
            let plain = &payload[before..];
            let (length, lengths) = (plain.len() as u64, (packed as u64, plain.len() as u64));
            let known = shape.get_or_insert(Self { block: u32::try_from(length).ok()?, ..found });
            let full = records.last().is_none_or(|(_, plain)| *plain == u64::from(known.block));
            let alike = Self { block: known.block, ..found } == *known && told.is_none_or(|told| told == lengths);
            let ending = file[at + header + packed..].strip_prefix(&[0; 3][..padding(packed)])?;
            // Also after the second block: a stream of millions of short ones ends here.
            let sound = ending.starts_with(&crc32(plain).to_le_bytes()) && known.check(payload.len() - start).is_ok();
            if !full || !alike || !sound || !(1..=u64::from(known.block)).contains(&length) {
                return None;
            }
            records.push(((header + packed + 4) as u64, length));
            at += (header + packed).next_multiple_of(4) + 4;
        }
        let (shape, end) = (shape?, tail(&records));
        file[at..].starts_with(&end).then_some((shape, at + end.len()))
    }

    /// Writes the stream of `payload`.
    pub(super) fn write(
        self,
        payload: &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), XzError>,
    ) -> Result<(), XzError> {
        self.check(payload.len())?;
        out(&head())?;
        let mut records = Vec::new();
        for plain in payload.chunks(self.block as usize) {
            records.push(self.block(plain, out)?);
        }
        out(&tail(&records))
    }

    /// Whether a client shall make such a stream.
    fn check(self, payload: usize) -> Result<(), XzError> {
        let least = MIN_BLOCK_BYTES.max(self.chain.dictionary.saturating_mul(MIN_BLOCK_DICTIONARIES));
        match self {
            _ if payload == 0 => Err(XzError::bad("its payload is empty")),
            _ if self.chain.dictionary > MAX_DICTIONARY_BYTES => Err(XzError::bad("its dictionary is too large")),
            _ if self.block == 0 || self.block < least && (self.block as usize) < payload => {
                Err(XzError::bad("its blocks are too short"))
            }
            _ => Ok(()),
        }
    }

    fn block(self, plain: &[u8], out: &mut impl FnMut(&[u8]) -> Result<(), XzError>) -> Result<Record, XzError> {
        let mut packed = 0u64;
        // Lengths stand in front of what has them, so the block must be made before its header.
        let mut held = Vec::new();
        if !self.lengths {
            out(&self.to_header(0, 0)?)?;
        }
        compress(plain, self.chain, &mut |piece| {
            packed += piece.len() as u64;
            if self.lengths {
                held.extend_from_slice(piece);
                return Ok(());
            }
            out(piece)
        })?;
        if self.lengths {
            out(&self.to_header(packed, plain.len() as u64)?)?;
            out(&held)?;
        }
        out(&[0; 3][..padding(packed as usize)])?;
        out(&crc32(plain).to_le_bytes())?;
        Ok((self.header_bytes() as u64 + packed + 4, plain.len() as u64))
    }

    fn header_bytes(self) -> usize {
        (usize::from(self.header) + 1) * 4
    }

    /// The shape that a block's header tells but for the block's length, what it says of lengths (packed, plain), and its
    /// own length.
    fn of_header(bytes: &[u8]) -> Option<(Self, Option<Record>, usize)> {
        let length = (usize::from(*bytes.first()?) + 1) * 4;
        let header = bytes.get(..length)?;
        let flags = header[1];
        let lengths = flags & HAS_LENGTHS == HAS_LENGTHS;
        let mut rest = &header[2..];
        let (packed, plain) = match lengths {
            true => (varint::read(&mut rest).ok()?, varint::read(&mut rest).ok()?),
            false => (0, 0),
        };
        let x86 = rest.starts_with(&X86);
        let rest = if x86 { &rest[X86.len()..] } else { rest };
        let dictionary = dictionary(*rest.strip_prefix(&LZMA2)?.first()?)?;
        let shape = Self { chain: Chain { x86, dictionary }, lengths, header: bytes[0], block: 0 };
        // Everything else about it has one way to be.
        let told = lengths.then_some((packed, plain));
        (shape.to_header(packed, plain).ok()? == header).then_some((shape, told, length))
    }

    fn to_header(self, packed: u64, plain: u64) -> Result<Vec<u8>, XzError> {
        let flags = u8::from(self.chain.x86) | if self.lengths { HAS_LENGTHS } else { 0 };
        let mut header = vec![self.header, flags];
        if self.lengths {
            varint::push(&mut header, packed);
            varint::push(&mut header, plain);
        }
        if self.chain.x86 {
            header.extend_from_slice(&X86);
        }
        header.extend_from_slice(&LZMA2);
        header.push(number_of(self.chain.dictionary).ok_or(XzError::bad("its dictionary has no such size"))?);
        if header.len() + 4 > self.header_bytes() {
            return Err(XzError::bad("its blocks' headers are too short"));
        }
        header.resize(self.header_bytes() - 4, 0);
        let sum = crc32(&header);
        header.extend_from_slice(&sum.to_le_bytes());
        Ok(header)
    }
}

fn padding(length: usize) -> usize {
    length.next_multiple_of(4) - length
}

fn head() -> [u8; HEADER_BYTES] {
    let mut head = [0; HEADER_BYTES];
    head[..MAGIC.len()].copy_from_slice(&MAGIC);
    head[MAGIC.len()..][..FLAGS.len()].copy_from_slice(&FLAGS);
    head[MAGIC.len() + FLAGS.len()..].copy_from_slice(&crc32(&FLAGS).to_le_bytes());
    head
}

/// Index and footer.
pub(super) fn tail(records: &[Record]) -> Vec<u8> {
    let mut tail = vec![0];
    varint::push(&mut tail, records.len() as u64);
    for (unpadded, plain) in records {
        varint::push(&mut tail, *unpadded);
        varint::push(&mut tail, *plain);
    }
    tail.resize(tail.len().next_multiple_of(4), 0);
    let sum = crc32(&tail);
    tail.extend_from_slice(&sum.to_le_bytes());
    let mut about = [0; FOOTER_BYTES - 4 - FOOTER_MAGIC.len()];
    about[..4].copy_from_slice(&(tail.len() as u32 / 4 - 1).to_le_bytes());
    about[4..].copy_from_slice(&FLAGS);
    tail.extend_from_slice(&crc32(&about).to_le_bytes());
    tail.extend_from_slice(&about);
    tail.extend_from_slice(&FOOTER_MAGIC);
    tail
}

/// The dictionary that a number in a header stands for; none for one that is too large.
fn dictionary(number: u8) -> Option<u32> {
    let size = (2 | u64::from(number & 1)).checked_shl(u32::from(number / 2) + 11)?;
    u32::try_from(size).ok().filter(|size| *size <= MAX_DICTIONARY_BYTES)
}

fn number_of(size: u32) -> Option<u8> {
    (0..=40).find(|number| dictionary(*number) == Some(size))
}
