//! Where the old file's sections lie in the new one: sent as small numbers in front of the triples.
//!
//! The numbers say how far each section's place is from where a linker would put it that keeps to the old file's
//! habits, so almost all are 0. What they cost comes back, because the new table of sections is predicted from them.

use std::collections::HashMap;
use std::io::{self, BufRead};

use super::elf::{Elf, Place, Section};
use crate::delta::varint;

/// The most numbers: three for each of as many sections as an ELF file can have.
const MAX_NUMBERS: u64 = 3 << 16;

/// Three numbers for each section of the old file; what is missing at the end is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    numbers: Vec<i64>,
}

impl Layout {
    /// What leads from the old file's layout to the new one's. Sections are the same when their names are.
    pub(super) fn between(old: &Elf, new: &Elf) -> Self {
        let mut by_name: HashMap<(&[u8], usize), &Section> = HashMap::new();
        let mut seen: HashMap<&[u8], usize> = HashMap::new();
        let mut count = |name| {
            let count = seen.entry(name).or_insert(0);
            *count += 1;
            *count
        };
        for section in &new.sections {
            let name = &*section.name;
            by_name.insert((name, count(name)), section);
        }
        seen.clear();
        let mut count = |name| {
            let count = seen.entry(name).or_insert(0);
            *count += 1;
            *count
        };
        let mut numbers = Vec::with_capacity(3 * old.sections.len());
        let mut walk = Walk::default();
        for section in &old.sections {
            let name = &*section.name;
            let base = walk.expected(section);
            let actual = by_name.get(&(name, count(name))).map(|section| section.place);
            let size = actual.map_or(0, |actual| actual.size.wrapping_sub(section.place.size));
            let offset = actual.map_or(0, |actual| actual.offset.wrapping_sub(base.offset));
            let place = walk.step(section, [size, offset, 0]);
            let address = actual.map_or(0, |actual| actual.address.wrapping_sub(place.address));
            walk.address_shifted(section, address);
            numbers.extend([size as i64, offset as i64, address as i64]);
        }
        while numbers.pop_if(|number| *number == 0).is_some() {}
        Self { numbers }
    }

    /// The sections' places in the new file.
    pub(super) fn places(&self, old: &Elf) -> Vec<Place> {
        let mut walk = Walk::default();
        let mut numbers = self.numbers.iter().copied().chain(std::iter::repeat(0)).map(|number| number as u64);
        let mut three = || [(); 3].map(|()| numbers.next().unwrap_or_default());
        old.sections.iter().map(|section| walk.step(section, three())).collect()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        varint::push(out, self.numbers.len() as u64);
        self.numbers.iter().for_each(|number| varint::push_signed(out, *number));
    }

    pub(super) fn read(input: &mut impl BufRead) -> io::Result<Self> {
        let count = varint::read(input)?;
        if count > MAX_NUMBERS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more sections than a file can have"));
        }
        Ok(Self { numbers: (0..count).map(|_| varint::read_signed(input)).collect::<io::Result<_>>()? })
    }
}

/// Where a section is expected, given those before it.
#[derive(Default)]
struct Walk {
    /// Ends of the section before, in the old and in the new file.
    ends: (u64, u64),
    /// How far addresses have moved against offsets.
    address_shift: u64,
}

impl Walk {
    fn expected(&self, section: &Section) -> Place {
        let align = |end: u64| {
            let step = if section.align.is_power_of_two() { section.align } else { 1 };
            end.wrapping_add(step - 1) & !(step - 1)
        };
        let gap = section.place.offset.wrapping_sub(align(self.ends.0));
        Place { offset: align(self.ends.1).wrapping_add(gap), ..section.place }
    }

    fn step(&mut self, section: &Section, [size, offset, address]: [u64; 3]) -> Place {
        let expected = self.expected(section);
        let old = section.place;
        let (size, offset) = (old.size.wrapping_add(size), expected.offset.wrapping_add(offset));
        self.address_shifted(section, address);
        let moved = offset.wrapping_sub(old.offset).wrapping_add(self.address_shift);
        let address = if old.address == 0 { address } else { old.address.wrapping_add(moved) };
        let stored = |length: u64| if section.in_file() { length } else { 0 };
        self.ends = (old.offset.wrapping_add(stored(old.size)), offset.wrapping_add(stored(size)));
        Place { address, offset, size }
    }

    fn address_shifted(&mut self, section: &Section, by: u64) {
        if section.place.address != 0 {
            self.address_shift = self.address_shift.wrapping_add(by);
        }
    }
}
