//! The few header fields of an x86-64 ELF file that prediction needs.
//!
//! Read by hand, not by a crate: publisher and client must see the same sections in the same bytes for ever, also where
//! the bytes are damaged, and no crate promises that across its versions. Source: System V ABI, "Object Files".

use std::ops::Range;

use crate::delta::DeltaError;
use crate::delta::old_pages::OldPages;

/// Length of the file's header.
const HEADER_BYTES: usize = 64;
/// Length of one entry of the table of sections.
pub(super) const SECTION_BYTES: usize = 64;
const MACHINE_X86_64: u16 = 62;

/// A section's name counts up to this length.
const NAME_BYTES: u64 = 256;

/// An old file, as far as its sections tell.
pub(super) struct Elf {
    /// How many bytes it has.
    pub(super) length: u64,
    /// Whether its addresses are offsets in sections: an object file, such as a kernel module.
    pub(super) relocatable: bool,
    /// Where the table of sections begins.
    pub(super) table: usize,
    /// The sections in their order.
    pub(super) sections: Vec<Section>,
}

/// One section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Empty when it has none.
    pub(super) name: Box<[u8]>,
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

    /// A row of the table, but for the name; none when the section does not lie in a file of this length.
    fn parse(row: &[u8], length: u64) -> Option<Self> {
        let section = Self {
            name: Box::default(),
            kind: u32_at(row, 4)?,
            flags: u64_at(row, 8)?,
            place: Place { address: u64_at(row, 16)?, offset: u64_at(row, 24)?, size: u64_at(row, 32)? },
            link: u32_at(row, 40)?,
            info: u32_at(row, 44)?,
            align: u64_at(row, 48)?,
        };
        let end = section.place.offset.checked_add(section.place.size)?;
        (!section.in_file() || end <= length).then_some(section)
    }

    /// Its bytes in the file; none when it has none. They lie in the file: `parse` has seen to it.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.place.offset as usize;
        if self.in_file() { start..start + self.place.size as usize } else { 0..0 }
    }
}

impl Elf {
    /// The sections; none when this is no such file, or its sections do not lie inside it.
    ///
    /// # Errors
    /// When the content cannot be read.
    pub(super) fn parse(old: &mut OldPages<'_>) -> Result<Option<Self>, DeltaError> {
        let length = old.length();
        let mut head = [0; HEADER_BYTES];
        if length < HEADER_BYTES as u64 {
            return Ok(None);
        }
        old.copy(0, &mut head)?;
        let Some(Header { table, rows, names, relocatable }) = Header::parse(&head) else { return Ok(None) };
        let table_bytes = rows * SECTION_BYTES;
        if table.checked_add(table_bytes as u64).is_none_or(|end| end > length) {
            return Ok(None);
        }
        let mut rows = vec![0; table_bytes];
        old.copy(table, &mut rows)?;
        let parsed = rows.chunks_exact(SECTION_BYTES).map(|row| Section::parse(row, length));
        let Some(mut sections) = parsed.collect::<Option<Vec<_>>>() else { return Ok(None) };
        let names = sections.get(names).map_or(0, |names| names.range().start as u64);
        let mut name = [0; NAME_BYTES as usize];
        for (section, row) in sections.iter_mut().zip(rows.chunks_exact(SECTION_BYTES)) {
            let start = names.saturating_add(u32_at(row, 0).unwrap_or_default().into());
            let name = &mut name[..length.saturating_sub(start).min(NAME_BYTES) as usize];
            if !name.is_empty() {
                old.copy(start, name)?;
            }
            section.name = name.split(|byte| *byte == 0).next().unwrap_or_default().into();
        }
        Ok(Some(Self { length, relocatable, table: table as usize, sections }))
    }
}

/// What the file's header says.
struct Header {
    table: u64,
    rows: usize,
    /// The section that has the names.
    names: usize,
    relocatable: bool,
}

impl Header {
    fn parse(head: &[u8; HEADER_BYTES]) -> Option<Self> {
        let kind = u16_at(head, 16)?;
        let known = head.starts_with(b"\x7fELF\x02\x01") && u16_at(head, 18)? == MACHINE_X86_64;
        if !known || !(1..=3).contains(&kind) || usize::from(u16_at(head, 58)?) != SECTION_BYTES {
            return None;
        }
        let (rows, names) = (u16_at(head, 60)?.into(), u16_at(head, 62)?.into());
        Some(Self { table: u64_at(head, 40)?, rows, names, relocatable: kind == 1 })
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
