//! Where what was at a place in the old file is in the new one: what the triples say, and the sections.

use std::collections::BTreeMap;

use super::Step;
use super::elf::{Elf, Place, Section};

/// The map from old to new places.
pub(super) struct Map<'a> {
    elf: &'a Elf,
    places: &'a [Place],
    /// Ranges of the old file that are apart from each other, in order: where, where in the new file, length.
    ranges: Vec<(u32, u32, u32)>,
    /// Sections with bytes in the file: (offset, number), in order.
    by_offset: Vec<(u64, u32)>,
    /// Sections in memory: (address, number), in order.
    by_address: Vec<(u64, u32)>,
    /// Sections that keep their inner order.
    linear: Vec<bool>,
}

impl<'a> Map<'a> {
    pub(super) fn new(elf: &'a Elf, places: &'a [Place], steps: &[Step]) -> Self {
        let numbered = || elf.sections.iter().zip(0u32..).filter(|(section, _)| section.place.size > 0);
        let mut by_offset: Vec<_> =
            numbered().filter(|(s, _)| s.in_file()).map(|(s, number)| (s.place.offset, number)).collect();
        let mut by_address: Vec<_> =
            numbered().filter(|(s, _)| s.in_memory()).map(|(s, number)| (s.place.address, number)).collect();
        by_offset.sort_unstable();
        by_address.sort_unstable();
        let linear = elf.sections.iter().zip(places).map(|(section, place)| {
            let name = &*section.name;
            let same = section.place.size == place.size && !section.executable();
            same || !section.in_file() || name.starts_with(b".got") || name.starts_with(b".plt")
        });
        Self { elf, places, ranges: ranges(steps), by_offset, by_address, linear: linear.collect() }
    }

    /// Where a place is by the triples alone; beside all ranges it keeps its distance from the nearest.
    fn moved(&self, at: u64) -> i64 {
        let next = self.ranges.partition_point(|(old, ..)| u64::from(*old) <= at);
        let shift = |(old, new, _): (u32, u32, u32)| i64::from(new) - i64::from(old);
        let before = next.checked_sub(1).map(|before| self.ranges[before]);
        let after = self.ranges.get(next).copied();
        let range = match (before, after) {
            (Some(before), Some(after)) => {
                let end = u64::from(before.0) + u64::from(before.2);
                let nearer = at >= end && u64::from(after.0) - at < at - end;
                if nearer { after } else { before }
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => (0, 0, 0),
        };
        (at as i64).wrapping_add(shift(range))
    }

    /// The number of the section that holds the place in the file, or the address.
    pub(super) fn section_at(&self, at: u64) -> Option<u32> {
        let number = self.by_offset[..self.by_offset.partition_point(|(start, _)| *start <= at)].last()?.1;
        let place = self.elf.sections[number as usize].place;
        (at - place.offset < place.size).then_some(number)
    }

    /// The section in memory that holds an address, or ends with it.
    pub(super) fn section_of(&self, address: u64) -> Option<u32> {
        let number = self.by_address[..self.by_address.partition_point(|(start, _)| *start <= address)].last()?.1;
        let place = self.elf.sections[number as usize].place;
        (address - place.address <= place.size).then_some(number)
    }

    /// Whether addresses are offsets in sections.
    pub(super) fn relocatable(&self) -> bool {
        self.elf.relocatable
    }

    pub(super) fn section(&self, number: u32) -> Option<&Section> {
        self.elf.sections.get(number as usize)
    }

    /// Where `inside` a section is in the new section; none when it is beyond the section's end.
    pub(super) fn inside(&self, section: u32, inside: u64) -> Option<u64> {
        let number = section as usize;
        let (old, new) = (self.elf.sections.get(number)?.place, self.places[number]);
        match inside {
            0 => Some(0),
            _ if inside == old.size => Some(new.size),
            _ if inside > old.size => None,
            _ if self.linear[number] => Some(inside),
            _ => {
                let moved = self.moved(old.offset.wrapping_add(inside)).wrapping_sub(new.offset as i64);
                Some((moved.max(0) as u64).min(new.size))
            }
        }
    }

    /// Where an address of the old file is in the new one.
    pub(super) fn address(&self, address: u64) -> Option<u64> {
        let number = self.section_of(address)?;
        let old = self.section(number)?.place;
        Some(self.places[number as usize].address.wrapping_add(self.inside(number, address - old.address)?))
    }

    /// Where a place of the file is in the new one.
    pub(super) fn offset(&self, at: u64) -> u64 {
        let inside = self.section_at(at).and_then(|number| {
            let new = self.inside(number, at - self.section(number)?.place.offset)?;
            Some(self.places[number as usize].offset.wrapping_add(new))
        });
        inside.unwrap_or(self.moved(at) as u64)
    }

    /// The address of what is at `old_at` in the old file, and of what is at `new_at` in the new one and belongs to the
    /// same section.
    pub(super) fn addresses(&self, old_at: u64, new_at: u64) -> Option<(u64, u64)> {
        let number = self.section_at(old_at)?;
        let (old, new) = (self.section(number)?.place, self.places[number as usize]);
        let address = |place: Place, at: u64| place.address.wrapping_add(at.wrapping_sub(place.offset));
        Some((address(old, old_at), address(new, new_at)))
    }

    pub(super) fn place(&self, section: u32) -> Option<Place> {
        self.places.get(section as usize).copied()
    }
}

/// The add ranges; where two cover the same old bytes, the longer one counts, or the one that comes first.
fn ranges(steps: &[Step]) -> Vec<(u32, u32, u32)> {
    let mut new_at = 0u32;
    let mut all = Vec::with_capacity(steps.len());
    for step in steps {
        all.push((step.old, new_at, step.add));
        new_at = new_at.saturating_add(step.add).saturating_add(step.copy);
    }
    all.sort_by_key(|(.., length)| std::cmp::Reverse(*length));
    let mut taken: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for (mut old, mut new, mut length) in all {
        if let Some((start, (_, before))) = taken.range(..=old).next_back() {
            let covered = start.saturating_add(*before).saturating_sub(old).min(length);
            (old, new, length) = (old + covered, new + covered, length - covered);
        }
        if let Some((next, _)) = taken.range(old..).next() {
            length = length.min(next - old);
        }
        if length > 0 {
            taken.insert(old, (new, length));
        }
    }
    taken.into_iter().map(|(old, (new, length))| (old, new, length)).collect()
}
