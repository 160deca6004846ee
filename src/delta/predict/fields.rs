//! Finding the fields of an old file that are likely to hold references. No disassembler: a wrong find costs a few
//! bytes.

use super::btf::{self, Reference};
use super::elf::{Elf, SECTION_BYTES, Section, u16_at, u32_at, u64_at};
use super::map::Map;

/// The most fields that are predicted; the others stay as they are.
pub(super) const MAX_FIELDS: usize = 1 << 22;
/// Length of a symbol, and of a relocation with addend.
pub(super) const ENTRY_BYTES: usize = 24;

/// A field of the old file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    /// Where it begins.
    pub(super) at: u32,
    pub(super) holds: Holds,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// 4 bytes: an address, less that of the field, less 4, less `beyond`.
    Relative {
        beyond: i8,
    },
    /// 4 bytes: an address, less that of the place `base` in the file.
    FromBase {
        base: u32,
    },
    /// 4 bytes: how far before the field a place in the file is.
    Back,
    /// 4 bytes: the number of an entry of a section.
    Entry {
        section: u32,
    },
    /// 4 bytes: an offset in a section.
    Name {
        section: u32,
    },
    /// 4 bytes: a number that shifts with those near it.
    Learned {
        reference: Reference,
    },
    /// 8 bytes: an address.
    Address,
    /// 8 bytes: an offset in a section, less `beyond`.
    Inside {
        section: u16,
        beyond: u8,
    },
    /// 8 bytes: a place in the file.
    Offset,
    /// 8 bytes: what the table of sections says of a section.
    PlaceAddress {
        section: u32,
    },
    PlaceOffset {
        section: u32,
    },
    PlaceSize {
        section: u32,
    },
}

impl Holds {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Address | Self::Inside { .. } | Self::Offset => 8,
            Self::PlaceAddress { .. } | Self::PlaceOffset { .. } | Self::PlaceSize { .. } => 8,
            _ => 4,
        }
    }
}

/// All fields, in order.
pub(super) fn find(elf: &Elf<'_>, map: &Map<'_>) -> Vec<Field> {
    let mut finder = Finder { elf, map, bytes: elf.bytes, fields: Vec::new(), tables: Vec::new() };
    finder.push(40, Holds::Offset);
    // Sections do not overlap. Where they do, no more is looked at than there is.
    let mut left = elf.bytes.len();
    for (number, section) in (0u32..).zip(&elf.sections) {
        let row = elf.table + number as usize * SECTION_BYTES;
        finder.push(row + 16, Holds::PlaceAddress { section: number });
        finder.push(row + 24, Holds::PlaceOffset { section: number });
        finder.push(row + 32, Holds::PlaceSize { section: number });
        if let Some(less) = left.checked_sub(section.range().len()).filter(|_| section.in_file()) {
            left = less;
            finder.section(section);
        }
    }
    finder.jump_tables();
    let mut fields = finder.fields;
    fields.sort_unstable();
    fields
}

struct Finder<'a> {
    elf: &'a Elf<'a>,
    map: &'a Map<'a>,
    bytes: &'a [u8],
    fields: Vec<Field>,
    /// Places in `.rodata` whose address is taken: jump tables begin there.
    tables: Vec<usize>,
}

impl Finder<'_> {
    fn push(&mut self, at: usize, holds: Holds) {
        if self.fields.len() < MAX_FIELDS {
            self.fields.push(Field { at: at as u32, holds });
        }
    }

    fn section(&mut self, section: &Section) {
        let name = self.elf.name(section);
        match section.kind {
            Section::SYMBOLS | Section::DYNAMIC_SYMBOLS => self.symbols(section),
            Section::RELOCATIONS if self.elf.relocatable => self.object_relocations(section),
            Section::RELOCATIONS => self.relocations(section),
            _ if section.executable() => self.code(section),
            _ if name == b".BTF" => self.types(section),
            _ if self.elf.relocatable => {}
            _ if name == b".eh_frame_hdr" => self.unwind_index(section),
            _ if name == b".eh_frame" => self.unwind(section),
            _ if section.writable() => self.pointers(section),
            _ => {}
        }
    }

    fn executable(&self, address: u64) -> bool {
        let section = self.map.section_of(address).and_then(|number| self.map.section(number));
        section.is_some_and(|s| s.executable() && address - s.place.address < s.place.size)
    }

    /// Calls, jumps and operands relative to the next instruction.
    fn code(&mut self, section: &Section) {
        let range = section.range();
        let mut at = range.start;
        while at + 6 < range.end {
            let byte = self.bytes[at];
            let call = byte == 0xe8 || byte == 0xe9;
            let jump = byte == 0x0f && self.bytes[at + 1] & 0xf0 == 0x80;
            // A ModR/M byte that says "relative", with the operation before it.
            let operand = byte & 0xc7 == 0x05 && at > range.start && !self.elf.relocatable;
            if !(call || jump || operand) {
                at += 1;
                continue;
            }
            let field = at + if jump { 2 } else { 1 };
            let operation = self.bytes[at.max(1) - 1];
            let beyond = if operand { immediate_bytes(operation, byte) } else { 0 };
            let value = i64::from(u32_at(self.bytes, field).unwrap_or_default() as i32);
            let from = (field - range.start) as i64 + 4 + i64::from(beyond);
            let target = section.place.address.wrapping_add_signed(from + value);
            let fits = if self.elf.relocatable {
                // References to other sections are relocations, and their fields are 0.
                value != 0 && (0..section.place.size as i64).contains(&(from + value))
            } else if operand {
                self.map.section_of(target).is_some()
            } else {
                self.executable(target)
            };
            if !fits {
                at += 1;
                continue;
            }
            self.push(field, Holds::Relative { beyond });
            if operand && operation == 0x8d {
                self.table(target);
            }
            at = field + 4;
        }
    }

    /// Takes note of an address that the code takes, if it is one of constants.
    fn table(&mut self, address: u64) {
        let section = self.map.section_of(address).and_then(|number| self.map.section(number));
        let Some(section) = section.filter(|section| section.in_file() && !section.executable()) else { return };
        if self.elf.name(section) == b".rodata" && self.tables.len() < MAX_FIELDS {
            self.tables.push(section.range().start + (address - section.place.address) as usize);
        }
    }

    /// Tables of 4-byte distances from their own beginning to code.
    fn jump_tables(&mut self) {
        let mut tables = std::mem::take(&mut self.tables);
        tables.sort_unstable();
        tables.dedup();
        for (number, base) in tables.iter().copied().enumerate() {
            let Some(section) = self.map.section_at(base as u64).and_then(|number| self.map.section(number)) else {
                continue;
            };
            let range = section.range();
            let end = tables.get(number + 1).copied().unwrap_or(range.end).min(range.end);
            let address = section.place.address.wrapping_add((base - range.start) as u64);
            for at in (base..end).step_by(4).take_while(|at| at + 4 <= end) {
                let value = u32_at(self.bytes, at).unwrap_or_default() as i32;
                if address % 4 != 0 || !self.executable(address.wrapping_add_signed(value.into())) {
                    break;
                }
                self.push(at, Holds::FromBase { base: base as u32 });
            }
        }
    }

    fn symbols(&mut self, section: &Section) {
        for at in entries(section) {
            self.push(at, Holds::Name { section: section.link });
            let owner = u16_at(self.bytes, at + 6).unwrap_or_default();
            if owner == 0 {
                continue;
            }
            if !self.elf.relocatable {
                self.push(at + 8, Holds::Address);
            } else if usize::from(owner) < self.elf.sections.len() {
                self.push(at + 8, Holds::Inside { section: owner, beyond: 0 });
            }
        }
    }

    fn relocations(&mut self, section: &Section) {
        for at in entries(section) {
            self.push(at, Holds::Address);
            self.push(at + 12, Holds::Entry { section: section.link });
            self.push(at + 16, Holds::Address);
        }
    }

    fn object_relocations(&mut self, section: &Section) {
        let sections = &self.elf.sections;
        let (Some(target), Some(symbols)) = (sections.get(section.info as usize), sections.get(section.link as usize))
        else {
            return;
        };
        for at in entries(section) {
            self.push(at, Holds::Inside { section: section.info as u16, beyond: 0 });
            self.push(at + 12, Holds::Entry { section: section.link });
            let symbol = u32_at(self.bytes, at + 12).unwrap_or_default() as usize;
            let row = symbol.checked_mul(ENTRY_BYTES).and_then(|row| self.bytes.get(symbols.range())?.get(row..));
            let (Some(kind), Some(owner)) = (row.and_then(|r| r.get(4)), row.and_then(|r| u16_at(r, 6))) else {
                continue;
            };
            // The addend counts from a section only where the symbol is that section's.
            if kind & 15 == 3 && usize::from(owner) < sections.len() {
                let how = u32_at(self.bytes, at + 8).unwrap_or_default();
                // Operands count from the next instruction, which is 4 bytes on.
                let beyond = if (how == 2 || how == 4) && target.executable() { 4 } else { 0 };
                self.push(at + 16, Holds::Inside { section: owner, beyond });
            }
        }
    }

    fn types(&mut self, section: &Section) {
        let range = section.range();
        let bytes = &self.bytes[range.clone()];
        // What was found before something unknown counts all the same.
        let _ = btf::references(bytes, |at, reference| self.push(range.start + at, Holds::Learned { reference }));
    }

    fn unwind_index(&mut self, section: &Section) {
        let range = section.range();
        self.push(range.start + 4, Holds::Relative { beyond: -4 });
        for at in (range.start + 12..range.end).step_by(4).take_while(|at| at + 4 <= range.end) {
            self.push(at, Holds::FromBase { base: range.start as u32 });
        }
    }

    fn unwind(&mut self, section: &Section) {
        let range = section.range();
        let mut at = range.start;
        while at + 8 <= range.end {
            let length = u32_at(self.bytes, at).unwrap_or_default() as usize;
            if length == 0 || length > range.end - at - 4 {
                break;
            }
            if u32_at(self.bytes, at + 4) != Some(0) && length >= 12 {
                self.push(at + 4, Holds::Back);
                self.push(at + 8, Holds::Relative { beyond: -4 });
                if length >= 17 && self.bytes[at + 16] == 4 {
                    self.push(at + 17, Holds::Relative { beyond: -4 });
                }
            }
            at += 4 + length;
        }
    }

    fn pointers(&mut self, section: &Section) {
        let range = section.range();
        for at in (range.start.next_multiple_of(8)..range.end).step_by(8).take_while(|at| at + 8 <= range.end) {
            let value = u64_at(self.bytes, at).unwrap_or_default();
            if value > 0x1000 && self.map.section_of(value).is_some() {
                self.push(at, Holds::Address);
            }
        }
    }
}

fn entries(section: &Section) -> impl Iterator<Item = usize> + use<> {
    let range = section.range();
    range.clone().step_by(ENTRY_BYTES).take_while(move |at| at + ENTRY_BYTES <= range.end)
}

/// How many bytes of an immediate operand follow the relative one.
fn immediate_bytes(operation: u8, operand: u8) -> i8 {
    match operation {
        0x80 | 0x83 | 0xc6 | 0xc0 | 0xc1 | 0x6b => 1,
        0x81 | 0xc7 | 0x69 => 4,
        0xf6 if operand & 0x38 == 0 => 1,
        0xf7 if operand & 0x38 == 0 => 4,
        _ => 0,
    }
}
