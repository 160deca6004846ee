//! A gzip file around its deflate stream: header and trailer (RFC 1952).

use crc32fast::hash as crc32;

/// The first bytes: magic and method deflate.
pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// The shortest header.
pub(super) const MIN_HEADER: usize = 10;
/// CRC-32 and length of the plain text.
pub(super) const TRAILER: usize = 8;

const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const UNKNOWN: u8 = 0xe0;

/// Length of the header at the beginning of `bytes`; none when there is no whole header.
pub(super) fn header_length(bytes: &[u8]) -> Option<usize> {
    let fixed = bytes.get(..MIN_HEADER).filter(|fixed| fixed.starts_with(&MAGIC))?;
    let flags = fixed[3];
    if flags & UNKNOWN != 0 {
        return None;
    }
    let mut length = MIN_HEADER;
    if flags & EXTRA != 0 {
        let field = bytes.get(length..)?.first_chunk::<2>()?;
        length += 2 + usize::from(u16::from_le_bytes(*field));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            length += 1 + bytes.get(length..)?.iter().position(|byte| *byte == 0)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        length += 2;
    }
    (length <= bytes.len()).then_some(length)
}

/// What follows the deflate stream of a text.
pub(super) fn trailer(plain: &[u8]) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..4].copy_from_slice(&crc32(plain).to_le_bytes());
    // Modulo 2^32, as the format says.
    trailer[4..].copy_from_slice(&(plain.len() as u32).to_le_bytes());
    trailer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_with_every_field() {
        let header = |flags: u8, fields: &[u8]| [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 2, 3], fields].concat();
        let cases: [(u8, &[u8]); 6] = [
            (0, b""),
            (NAME, b"name\0"),
            (EXTRA, &[3, 0, 1, 2, 3]),
            (HEADER_CRC, &[1, 2]),
            (NAME | COMMENT, b"name\0comment\0"),
            (EXTRA | NAME | COMMENT | HEADER_CRC | 1, &[1, 0, 9, b'n', 0, b'c', 0, 1, 2]),
        ];
        for (flags, fields) in cases {
            let whole = header(flags, fields);
            assert_eq!(header_length(&[&whole[..], b"more"].concat()), Some(whole.len()));
            for cut in 0..whole.len() {
                assert_eq!(header_length(&whole[..cut]), None, "{flags} {cut}");
            }
        }
        assert_eq!(header_length(&header(0x20, b"")), None);
        assert_eq!(header_length(b"\x1f\x8b\x07\0\0\0\0\0\0\x03"), None);
    }
}
