//! Finding the fields of an old file that are likely to hold references. No disassembler: a wrong find costs a few
//! bytes.

use std::collections::BTreeMap;

use super::btf;
use super::elf::{Elf, SECTION_BYTES, Section, u32_at};
use super::field::{Field, Holds};
use super::map::Map;
use crate::delta::DeltaError;
use crate::delta::old_pages::OldPages;

/// The most fields that are predicted; the others stay as they are.
pub(super) const MAX_FIELDS: usize = 1 << 22;
/// The most fields that begin at one place. Where sections do not overlap it is one, as in all of 1,880 programs and libraries
/// of Debian 12; without a limit a file whose sections all lie at one place would cost as many tries for each triple there.
const MAX_FIELDS_AT_ONE_PLACE: usize = 8;
/// Length of a symbol, and of a relocation with addend.
pub(super) const ENTRY_BYTES: usize = 24;

/// Code is looked through in pieces of this many bytes.
const CODE_BYTES: usize = 64 * 1024;

/// All fields, in order.
///
/// # Errors
/// When the old content cannot be read.
pub(super) fn find(elf: &Elf, map: &Map<'_>, old: &mut OldPages<'_>) -> Result<Vec<Field>, DeltaError> {
    let (fields, rows, tables, owners) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    let mut finder = Finder { elf, map, old, fields, rows, tables, owners, owners_left: elf.length as usize };
    finder.push(40, Holds::Offset);
    // Sections do not overlap. Where they do, no more is looked at than there is.
    let mut left = elf.length as usize;
    for (number, section) in (0u32..).zip(&elf.sections) {
        let row = elf.table + number as usize * SECTION_BYTES;
        finder.row(row + 16, Holds::PlaceAddress { section: number });
        finder.row(row + 24, Holds::PlaceOffset { section: number });
        finder.row(row + 32, Holds::PlaceSize { section: number });
        if let Some(less) = left.checked_sub(section.range().len()).filter(|_| section.in_file()) {
            left = less;
            finder.section(section)?;
        }
    }
    finder.jump_tables()?;
    let mut fields = finder.fields;
    fields.append(&mut finder.rows);
    // Mostly in order already, section by section, which the stable sort makes use of.
    fields.sort();
    let (mut place, mut count) = (0, 0);
    fields.retain(|field| {
        count = if field.at == place { count + 1 } else { 1 };
        place = field.at;
        count <= MAX_FIELDS_AT_ONE_PLACE
    });
    Ok(fields)
}

struct Finder<'a, 'b> {
    elf: &'a Elf,
    map: &'a Map<'a>,
    old: &'a mut OldPages<'b>,
    fields: Vec<Field>,
    /// Those in the table of sections, which lies at the end of most files: in between they would leave nothing in order.
    rows: Vec<Field>,
    /// Places in `.rodata` whose address is taken: jump tables begin there.
    tables: Vec<u32>,
    /// For each table of symbols that relocations refer to, the sections whose symbols they are; 0 for other symbols.
    owners: BTreeMap<u32, Vec<u16>>,
    /// So many bytes of such tables are still read.
    owners_left: usize,
}

impl Finder<'_, '_> {
    fn push(&mut self, at: usize, holds: Holds) {
        if !self.is_full() {
            self.fields.push(Field::new(at, holds));
        }
    }

    fn row(&mut self, at: usize, holds: Holds) {
        if !self.is_full() {
            self.rows.push(Field::new(at, holds));
        }
    }

    fn is_full(&self) -> bool {
        self.fields.len() + self.rows.len() >= MAX_FIELDS
    }

    fn section(&mut self, section: &Section) -> Result<(), DeltaError> {
        match section.kind {
            Section::SYMBOLS | Section::DYNAMIC_SYMBOLS => self.symbols(section),
            Section::RELOCATIONS if self.elf.relocatable => self.object_relocations(section),
            Section::RELOCATIONS => self.relocations(section),
            _ if section.executable() => self.code(section),
            _ if *section.name == *b".BTF" => self.types(section),
            _ if self.elf.relocatable => Ok(()),
            _ if *section.name == *b".eh_frame_hdr" => self.unwind_index(section),
            _ if *section.name == *b".eh_frame" => self.unwind(section),
            _ if section.writable() => self.pointers(section),
            _ => Ok(()),
        }
    }

    fn executable(&self, address: u64) -> bool {
        let section = self.map.section_of(address).and_then(|number| self.map.section(number));
        section.is_some_and(|s| s.executable() && address - s.place.address < s.place.size)
    }

    /// Calls, jumps and operands relative to the next instruction.
    fn code(&mut self, section: &Section) -> Result<(), DeltaError> {
        let range = section.range();
        let may_begin = MayBegin::new(self.elf.relocatable);
        let mut at = range.start;
        let (mut start, mut bytes) = (at, Vec::new());
        while at + 6 < range.end {
            if at + 6 >= start + bytes.len() {
                start = at.saturating_sub(1);
                bytes.resize(CODE_BYTES.min(range.end - start), 0);
                self.old.copy(start as u64, &mut bytes)?;
            }
            at += may_begin.passed(&bytes[at - start..bytes.len() - 6]);
            if at + 6 == start + bytes.len() {
                continue;
            }
            let here = &bytes[at - start..];
            let byte = here[0];
            let call = byte == 0xe8 || byte == 0xe9;
            let jump = byte == 0x0f && here[1] & 0xf0 == 0x80;
            // A ModR/M byte that says "relative", with the operation before it.
            let operand = byte & 0xc7 == 0x05 && at > range.start && !self.elf.relocatable;
            if !(call || jump || operand) {
                at += 1;
                continue;
            }
            let before = if jump { 2 } else { 1 };
            let operation = if operand { bytes[at - start - 1] } else { 0 };
            let beyond = if operand { immediate_bytes(operation, byte) } else { 0 };
            let value = i64::from(u32_at(here, before).unwrap_or_default() as i32);
            let field = at + before;
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
        Ok(())
    }

    /// Takes note of an address that the code takes, if it is one of constants.
    fn table(&mut self, address: u64) {
        let section = self.map.section_of(address).and_then(|number| self.map.section(number));
        let Some(section) = section.filter(|section| section.in_file() && !section.executable()) else { return };
        if *section.name == *b".rodata" && self.tables.len() < MAX_FIELDS {
            self.tables.push((section.range().start as u64 + (address - section.place.address)) as u32);
        }
    }

    /// Tables of 4-byte distances from their own beginning to code.
    fn jump_tables(&mut self) -> Result<(), DeltaError> {
        let mut tables = std::mem::take(&mut self.tables);
        tables.sort_unstable();
        tables.dedup();
        for (number, base) in tables.iter().map(|base| *base as usize).enumerate() {
            let Some(section) = self.map.section_at(base as u64).and_then(|number| self.map.section(number)) else {
                continue;
            };
            let range = section.range();
            let end = tables.get(number + 1).map_or(range.end, |next| *next as usize).min(range.end);
            let address = section.place.address.wrapping_add((base - range.start) as u64);
            for at in (base..end).step_by(4).take_while(|at| at + 4 <= end) {
                let value = self.old.u32_at(at)? as i32;
                if address % 4 != 0 || !self.executable(address.wrapping_add_signed(value.into())) {
                    break;
                }
                self.push(at, Holds::FromBase { base: base as u32 });
            }
        }
        Ok(())
    }

    fn symbols(&mut self, section: &Section) -> Result<(), DeltaError> {
        for at in entries(section) {
            self.push(at, Holds::Name { section: section.link });
            let owner = self.old.u16_at(at + 6)?;
            if owner == 0 {
                continue;
            }
            if !self.elf.relocatable {
                self.push(at + 8, Holds::Address);
            } else if usize::from(owner) < self.elf.sections.len() {
                self.push(at + 8, Holds::Inside { section: owner, beyond: 0 });
            }
        }
        Ok(())
    }

    fn relocations(&mut self, section: &Section) -> Result<(), DeltaError> {
        for at in entries(section) {
            self.push(at, Holds::Address);
            self.push(at + 12, Holds::Entry { section: section.link });
            self.push(at + 16, Holds::Address);
        }
        Ok(())
    }

    fn object_relocations(&mut self, section: &Section) -> Result<(), DeltaError> {
        let sections = &self.elf.sections;
        let (Some(target), Some(_)) = (sections.get(section.info as usize), sections.get(section.link as usize)) else {
            return Ok(());
        };
        self.read_owners(section.link)?;
        for at in entries(section) {
            self.push(at, Holds::Inside { section: section.info as u16, beyond: 0 });
            self.push(at + 12, Holds::Entry { section: section.link });
            let (how, symbol) = (self.old.u32_at(at + 8)?, self.old.u32_at(at + 12)?);
            let owner = self.owners.get(&section.link).and_then(|owners| owners.get(symbol as usize));
            // The addend counts from a section only where the symbol is that section's.
            if let Some(owner) = owner.copied().filter(|owner| *owner != 0) {
                // Operands count from the next instruction, which is 4 bytes on.
                let beyond = if (how == 2 || how == 4) && target.executable() { 4 } else { 0 };
                self.push(at + 16, Holds::Inside { section: owner, beyond });
            }
        }
        Ok(())
    }

    /// Whose symbols those of a table are, unless that is known.
    fn read_owners(&mut self, number: u32) -> Result<(), DeltaError> {
        let section = &self.elf.sections[number as usize];
        let left = self.owners_left.checked_sub(section.range().len());
        let Some(left) = left.filter(|_| !self.owners.contains_key(&number)) else { return Ok(()) };
        let mut owners = Vec::with_capacity(section.range().len() / ENTRY_BYTES);
        for at in entries(section) {
            let (kind, owner) = (self.old.u16_at(at + 4)? & 15, self.old.u16_at(at + 6)?);
            let known = kind == 3 && usize::from(owner) < self.elf.sections.len();
            owners.push(if known { owner } else { 0 });
        }
        self.owners_left = left;
        self.owners.insert(number, owners);
        Ok(())
    }

    fn types(&mut self, section: &Section) -> Result<(), DeltaError> {
        let range = section.range();
        let mut bytes = vec![0; range.len()];
        self.old.copy(range.start as u64, &mut bytes)?;
        // What was found before something unknown counts all the same.
        let _ = btf::references(&bytes, |at, reference| self.push(range.start + at, Holds::Learned { reference }));
        Ok(())
    }

    fn unwind_index(&mut self, section: &Section) -> Result<(), DeltaError> {
        let range = section.range();
        self.push(range.start + 4, Holds::Relative { beyond: -4 });
        for at in (range.start + 12..range.end).step_by(4).take_while(|at| at + 4 <= range.end) {
            self.push(at, Holds::FromBase { base: range.start as u32 });
        }
        Ok(())
    }

    fn unwind(&mut self, section: &Section) -> Result<(), DeltaError> {
        let range = section.range();
        let mut at = range.start;
        while at + 8 <= range.end {
            let length = self.old.u32_at(at)? as usize;
            if length == 0 || length > range.end - at - 4 {
                break;
            }
            if self.old.u32_at(at + 4)? != 0 && length >= 12 {
                self.push(at + 4, Holds::Back);
                self.push(at + 8, Holds::Relative { beyond: -4 });
                if length >= 17 && self.old.u16_at(at + 16)? & 0xff == 4 {
                    self.push(at + 17, Holds::Relative { beyond: -4 });
                }
            }
            at += 4 + length;
        }
        Ok(())
    }

    fn pointers(&mut self, section: &Section) -> Result<(), DeltaError> {
        let range = section.range();
        for at in (range.start.next_multiple_of(8)..range.end).step_by(8).take_while(|at| at + 8 <= range.end) {
            let value = self.old.u64_at(at)?;
            if value > 0x1000 && self.map.section_of(value).is_some() {
                self.push(at, Holds::Address);
            }
        }
        Ok(())
    }
}

/// The bytes with which an instruction may begin that has a relative operand.
struct MayBegin([bool; 256]);

impl MayBegin {
    fn new(relocatable: bool) -> Self {
        let call_or_jump = |byte: usize| matches!(byte, 0xe8 | 0xe9 | 0x0f);
        Self(std::array::from_fn(|byte| call_or_jump(byte) || (!relocatable && byte & 0xc7 == 0x05)))
    }

    /// How many bytes come before the first of them.
    fn passed(&self, bytes: &[u8]) -> usize {
        bytes.iter().position(|byte| self.0[usize::from(*byte)]).unwrap_or(bytes.len())
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
