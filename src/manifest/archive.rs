//! The header of a file in a publication that travels as one file: a tar archive of a strict kind.
//!
//! What is written is POSIX ustar (POSIX.1-2024, `pax`, "ustar Interchange Format"), files only. What is read is that, or
//! what GNU tar makes of a publication's directory: files and directories. Anything that another reader could understand
//! in another way is refused.

/// Headers and contents begin at multiples of this.
pub const BLOCK: usize = 512;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// A file, whose content follows.
    File {
        /// Its path in the publication.
        path: String,
        /// Length of the content in bytes.
        length: u64,
    },
    /// A directory, which says nothing.
    Directory,
    /// The end of the archive.
    End,
}

/// Why a block is no header that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not the format.
    #[error("it is no tar archive")]
    NoTar,
    /// The checksum is another.
    #[error("a header is damaged")]
    Damaged,
    /// Anything but files and directories.
    #[error("it has an entry of type `{0}`, neither a file nor a directory")]
    Type(char),
    /// A path that is none in a publication.
    #[error("it has an entry with a path that leads elsewhere")]
    Path,
    /// No number.
    #[error("a length is no number")]
    Length,
}

const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..265;
const PREFIX: std::ops::Range<usize> = 345..500;

impl Header {
    /// The longest content: 8 GiB, less one byte.
    pub const MAX_LENGTH: u64 = (1 << 33) - 1;

    /// The header of a file: its owner is root, its time the beginning of 1970, so that the same files make the same
    /// archive. None when the path or the length has no room.
    pub fn of_file(path: &str, length: u64) -> Option<[u8; BLOCK]> {
        if path.len() > NAME.len() || length > Self::MAX_LENGTH {
            return None;
        }
        let mut block = [0; BLOCK];
        let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
        put(NAME.start, path.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(SIZE.start, format!("{length:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        put(TYPE, b"0");
        put(MAGIC.start, b"ustar\x0000");
        let checksum = checksum(&block);
        block[CHECKSUM].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
        Some(block)
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When it is none, or not one of a publication's.
    pub fn parse(block: &[u8; BLOCK]) -> Result<Self, HeaderError> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(Self::End);
        }
        let is_gnu = match &block[MAGIC] {
            b"ustar\x0000" => false,
            b"ustar  \0" => true,
            _ => return Err(HeaderError::NoTar),
        };
        if number(&block[CHECKSUM]) != Some(checksum(block).into()) {
            return Err(HeaderError::Damaged);
        }
        let name = text(&block[NAME])?;
        // In GNU's format other things stand in the place of the prefix.
        let prefix = if is_gnu { "" } else { text(&block[PREFIX])? };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let path = path.strip_prefix("./").unwrap_or(&path);
        // None in a publication is longer; so what a reader remembers of an archive is bounded.
        if path.len() > NAME.len() {
            return Err(HeaderError::Path);
        }
        let length = number(&block[SIZE]).ok_or(HeaderError::Length)?;
        match block[TYPE] {
            b'5' if length == 0 && is_directory(path) => Ok(Self::Directory),
            b'0' | 0 if is_plain(path) => Ok(Self::File { path: path.to_owned(), length }),
            b'0' | 0 | b'5' => Err(HeaderError::Path),
            other => Err(HeaderError::Type(char::from(other))),
        }
    }

    /// How many bytes a content takes with what fills its last block.
    pub fn padded(length: u64) -> u64 {
        length.next_multiple_of(BLOCK as u64)
    }
}

/// Whether a path is one that a publication has: no other characters, nothing that leads elsewhere.
fn is_plain(path: &str) -> bool {
    let plain = |part: &str| {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte));
        letters && !matches!(part, "" | "." | "..")
    };
    path.split('/').all(plain)
}

/// Whether a path is that of a directory of a publication, or of the publication itself.
fn is_directory(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    matches!(path, "" | ".") || is_plain(path)
}

/// A text that ends with its first NUL, or its field.
fn text(field: &[u8]) -> Result<&str, HeaderError> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).map_err(|_| HeaderError::Path)
}

/// Octal digits, with spaces before and a space or NUL behind them.
fn number(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok()?.trim_start_matches(' ').trim_end_matches(['\0', ' ']);
    let octal = !digits.is_empty() && digits.bytes().all(|byte| (b'0'..b'8').contains(&byte));
    octal.then(|| u64::from_str_radix(digits, 8).ok()).flatten()
}

/// The sum of all bytes, those of the checksum itself taken for spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let others = block.iter().enumerate().filter(|(at, _)| !CHECKSUM.contains(at));
    others.map(|(_, byte)| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(at: usize, text: &[u8]) -> [u8; BLOCK] {
        let mut block = Header::of_file("objects/ab/abc", 5).expect("it has room");
        block[at..at + text.len()].copy_from_slice(text);
        let checksum = checksum(&block);
        block[CHECKSUM].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
        block
    }

    fn directory(path: &str) -> [u8; BLOCK] {
        let mut block = Header::of_file(path, 0).expect("it has room");
        block[TYPE] = b'5';
        let checksum = checksum(&block);
        block[CHECKSUM].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
        block
    }

    #[test]
    fn what_is_written_is_read() {
        for (path, length) in [("a", 0), ("metadata/1.root.json", 1), (&"x".repeat(100), Header::MAX_LENGTH)] {
            let header = Header::of_file(path, length).expect("it has room");
            assert_eq!(Header::parse(&header), Ok(Header::File { path: path.to_owned(), length }));
        }
        assert_eq!(Header::of_file(&"x".repeat(101), 0), None);
        assert_eq!(Header::of_file("x", Header::MAX_LENGTH + 1), None);
        assert_eq!(Header::parse(&[0; BLOCK]), Ok(Header::End));
        assert_eq!([0, 1, 512, 513].map(Header::padded), [0, 512, 512, 1024]);
    }

    #[test]
    fn what_is_not_of_a_publication_is_refused() {
        let mut damaged = Header::of_file("a", 1).expect("it has room");
        damaged[0] = b'b';
        for (block, wanted) in [
            (changed(MAGIC.start, b"pax"), HeaderError::NoTar),
            ([7; BLOCK], HeaderError::NoTar),
            (damaged, HeaderError::Damaged),
            (changed(TYPE, b"2"), HeaderError::Type('2')),
            (changed(TYPE, b"L"), HeaderError::Type('L')),
            (changed(TYPE, b"x"), HeaderError::Type('x')),
            (changed(TYPE, b"5"), HeaderError::Path),
            (changed(0, b"../etc"), HeaderError::Path),
            (changed(0, b"/etc"), HeaderError::Path),
            (changed(0, b"a//b"), HeaderError::Path),
            (changed(0, b"a/\xff"), HeaderError::Path),
            (changed(PREFIX.start, b".."), HeaderError::Path),
            (changed(PREFIX.start, b"\xff"), HeaderError::Path),
            (directory("../"), HeaderError::Path),
            (directory("a//"), HeaderError::Path),
            (changed(SIZE.start, b"\x80\0\0\0"), HeaderError::Length),
            (changed(SIZE.start, b"-0000000001"), HeaderError::Length),
        ] {
            assert_eq!(Header::parse(&block), Err(wanted));
        }
    }

    #[test]
    fn what_gnu_tar_writes_is_read() {
        let gnu = changed(MAGIC.start, b"ustar  \0");
        assert_eq!(Header::parse(&gnu), Ok(Header::File { path: "objects/ab/abc".to_owned(), length: 5 }));
        let dotted = changed(0, b"./jects/ab/abc");
        assert_eq!(Header::parse(&dotted), Ok(Header::File { path: "jects/ab/abc".to_owned(), length: 5 }));
        for path in ["./", ".", "./metadata/", "objects/00/"] {
            assert_eq!(Header::parse(&directory(path)), Ok(Header::Directory), "{path}");
        }
    }
}
