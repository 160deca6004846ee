//! What contents look like: contents of one kind lie together in packs.

use crate::xz;

/// What a content looks like from its first bytes. Contents of one kind compress best beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentKind {
    /// An executable or library.
    Elf,
    /// A relocatable ELF file, such as a kernel module.
    Object,
    /// No zero byte near the beginning.
    Text,
    /// A gzip member.
    Gzip,
    /// A file with one xz stream, such as a kernel image.
    Xz,
    /// Any other.
    Other,
}

impl ContentKind {
    /// Bytes that a look needs.
    pub const LOOK_BYTES: usize = xz::LOOK_BYTES;

    /// The kind of a content that begins so.
    pub fn of(start: &[u8]) -> Self {
        if start.starts_with(b"\x7fELF") {
            // e_type 1 is ET_REL, in the file's byte order.
            if matches!(start.get(16..18), Some([1, 0] | [0, 1])) { Self::Object } else { Self::Elf }
        } else if start.starts_with(b"\x1f\x8b") {
            Self::Gzip
        } else if xz::looks_like_xz(start) {
            Self::Xz
        } else if !start.contains(&0) {
            Self::Text
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_first_bytes() {
        let elf = |kind: u8| {
            let mut bytes = b"\x7fELF".to_vec();
            bytes.resize(16, 0);
            bytes.extend([kind, 0]);
            bytes
        };
        assert_eq!(ContentKind::of(&elf(3)), ContentKind::Elf);
        assert_eq!(ContentKind::of(&elf(1)), ContentKind::Object);
        assert_eq!(ContentKind::of(b"\x1f\x8b\x08\0"), ContentKind::Gzip);
        assert_eq!(ContentKind::of(b"\xfd7zXZ\0\0\x01"), ContentKind::Xz);
        assert_eq!(ContentKind::of(b"#!/bin/sh\n"), ContentKind::Text);
        assert_eq!(ContentKind::of(b""), ContentKind::Text);
        assert_eq!(ContentKind::of(b"a\0b"), ContentKind::Other);
    }
}
