//! The few header fields of an x86-64 ELF file that prediction needs.
//!
//! Read by hand, not by a crate: publisher and client must see the same sections in the same bytes for ever, also where
//! the bytes are damaged, and no crate promises that across its versions. Source: System V ABI, "Object Files".

use std::ops::Range;

/// Length of the file's header.
const HEADER_BYTES: usize = 64;
/// Length of one entry of the table of sections.
pub(super) const SECTION_BYTES: usize = 64;
const MACHINE_X86_64: u16 = 62;

/// An old file, as far as its sections tell.
pub(super) struct Elf<'a> {
    /// All of it.
    pub(super) bytes: &'a [u8],
    /// Whether its addresses are offsets in sections: an object file, such as a kernel module.
    pub(super) relocatable: bool,
    /// Where the table of sections begins.
    pub(super) table: usize,
    /// The sections in their order.
    pub(super) sections: Vec<Section>,
    names: usize,
}

/// One section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    name: u32,
    pub(super) kind: u32,
    flags: u64,
    /// Where it lies.
    pub(super) place: Place,
    pub(super) link: u32,
    pub(super) info: u32,
    pub(super) align: u64,
}

/// Where a section lies; sums of these numbers wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// In memory.
    pub(super) address: u64,
    /// In the file.
    pub(super) offset: u64,
    /// In bytes.
    pub(super) size: u64,
}

impl Section {
    pub(super) const SYMBOLS: u32 = 2;
    pub(super) const RELOCATIONS: u32 = 4;
    pub(super) const NO_BITS: u32 = 8;
    pub(super) const DYNAMIC_SYMBOLS: u32 = 11;

    pub(super) fn in_file(&self) -> bool {
        self.kind != 0 && self.kind != Self::NO_BITS
    }

    pub(super) fn executable(&self) -> bool {
        self.flags & 4 != 0
    }

    /// Whether it is in memory under its address; what belongs to a thread is elsewhere.
    pub(super) fn in_memory(&self) -> bool {
        self.flags & 2 != 0 && self.flags & 0x400 == 0
    }

    pub(super) fn writable(&self) -> bool {
        self.flags & 3 == 3
    }

    /// Its bytes in the file; none when it has none. They lie in the file: `parse` has seen to it.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.place.offset as usize;
        if self.in_file() { start..start + self.place.size as usize } else { 0..0 }
    }
}

impl<'a> Elf<'a> {
    /// The sections; none when this is no such file, or its sections do not lie inside it.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.get(..HEADER_BYTES)?;
        let kind = u16_at(head, 16)?;
        let known = head.starts_with(b"\x7fELF\x02\x01") && u16_at(head, 18)? == MACHINE_X86_64;
        if !known || !(1..=3).contains(&kind) || usize::from(u16_at(head, 58)?) != SECTION_BYTES {
            return None;
        }
        let table = usize::try_from(u64_at(head, 40)?).ok()?;
        let length = usize::from(u16_at(head, 60)?) * SECTION_BYTES;
        let rows = bytes.get(table..table.checked_add(length)?)?;
        let sections = rows.chunks_exact(SECTION_BYTES).map(|row| {
            let section = Section {
                name: u32_at(row, 0)?,
                kind: u32_at(row, 4)?,
                flags: u64_at(row, 8)?,
                place: Place { address: u64_at(row, 16)?, offset: u64_at(row, 24)?, size: u64_at(row, 32)? },
                link: u32_at(row, 40)?,
                info: u32_at(row, 44)?,
                align: u64_at(row, 48)?,
            };
            let end = section.place.offset.checked_add(section.place.size)?;
            (!section.in_file() || end <= bytes.len() as u64).then_some(section)
        });
        let sections: Vec<Section> = sections.collect::<Option<_>>()?;
        let names = sections.get(usize::from(u16_at(head, 62)?)).map_or(0, |names| names.range().start);
        Some(Self { bytes, relocatable: kind == 1, table, sections, names })
    }

    /// A section's name; empty when it has none.
    pub(super) fn name(&self, section: &Section) -> &'a [u8] {
        let start = self.names.saturating_add(section.name as usize);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let rest = &rest[..rest.len().min(256)];
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
