//! Reference prediction: old bytes that refer to something are rewritten to where that something has gone, before
//! differences are taken.
//!
//! Promises: publisher and client make the same guesses, because both run [`Predictor::add`] over the same old file,
//! layout and triples, in exact (wrapping) arithmetic; any bytes end in bounded time (n log n) and memory
//! ([`predicted_memory`]). A wrong guess costs bytes, never correctness. Needs: the whole old file, and all triples before
//! the first difference. Leaves to others: whether it is worth it (`publish`).
//!
//! ```text
//! triples ─> ranges old -> new ┐
//! layout ──> sections' places ─┴> map        field of the old file ─> what it refers to ─> map ─> guess
//! ```

mod btf;
mod code;
mod elf;
mod fields;
mod layout;
mod learned;
mod map;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use btf::Reference;
use elf::{Elf, Place, u32_at, u64_at};
use fields::{ENTRY_BYTES, Field, Holds};
pub(crate) use layout::Layout;
use learned::Learned;
use map::Map;

pub use code::{apply_predicted, skip_predicted};

/// The longest old and new file of a predicted delta that stands for itself; one that makes a form may be longer.
pub const MAX_PREDICTED_BYTES: u64 = 32 << 20;
/// The most triples of a predicted delta.
pub const MAX_PREDICTED_TRIPLES: usize = 1 << 19;

/// What applying a predicted delta takes at most besides what a plain one does, when neither content has more than `bytes`:
/// the old file, its fields, triples and their map, and the shifts of up to as many numbers.
pub const fn predicted_memory(bytes: u64) -> u64 {
    // No two bytes begin more than one field; each takes up to 32 here.
    let fields = if bytes / 2 < fields::MAX_FIELDS as u64 { bytes / 2 } else { fields::MAX_FIELDS as u64 };
    bytes + 32 * fields + (32 << 20)
}

/// A piece of old content is handed on in parts of at most this many bytes.
const PART_BYTES: usize = 16 * 1024;

/// A triple with its place in the old file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) old: u32,
    pub(crate) add: u32,
    pub(crate) copy: u32,
}

/// What both sides know before the first difference.
pub(super) struct Known<'a> {
    old: &'a [u8],
    elf: Option<Elf<'a>>,
    places: Vec<Place>,
}

impl<'a> Known<'a> {
    pub(super) fn new(old: &'a [u8], layout: &Layout) -> Self {
        let elf = Elf::parse(old);
        let places = elf.as_ref().map(|elf| layout.places(elf)).unwrap_or_default();
        Self { old, elf, places }
    }
}

/// Makes guesses, range by range in the order of the new file.
pub(super) struct Predictor<'a> {
    old: &'a [u8],
    map: Option<Map<'a>>,
    fields: Vec<Field>,
    /// For each kind of field and what it refers to, the last two errors: one that comes twice running is expected.
    errors: HashMap<(u8, u32), (i64, i64)>,
    types: Learned,
    names: Learned,
}

/// A guess at a field.
struct Guess {
    value: i64,
    /// What kind of guess it is; none where errors say nothing about the next.
    alike: Option<(u8, u32)>,
}

impl<'a> Predictor<'a> {
    pub(super) fn new(known: &'a Known<'a>, steps: &[Step]) -> Self {
        let map = known.elf.as_ref().map(|elf| Map::new(elf, &known.places, steps));
        let fields = known.elf.as_ref().zip(map.as_ref()).map(|(elf, map)| fields::find(elf, map)).unwrap_or_default();
        Self {
            old: known.old,
            map,
            fields,
            errors: HashMap::new(),
            types: Learned::default(),
            names: Learned::default(),
        }
    }

    /// Gives the `length` old bytes at `old_at`, which lie in the old file, to `settle`, as they are expected at
    /// `new_at` of the new file. `settle` is given one part after the other and changes each into what is really there.
    pub(super) fn add<E>(
        &mut self,
        old_at: u32,
        new_at: u32,
        length: u32,
        settle: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (start, end) = (old_at as usize, old_at as usize + length as usize);
        let mut done = start;
        let mut next = self.fields.partition_point(|field| (field.at as usize) < start);
        while let Some(field) = self.fields.get(next).copied().filter(|field| (field.at as usize) < end) {
            next += 1;
            let (at, bytes) = (field.at as usize, field.holds.bytes());
            if at < done || at + bytes > end {
                continue;
            }
            let now = u64::from(new_at) + (at - start) as u64;
            if let Holds::Learned { reference } = field.holds {
                self.plain(done, at, settle)?;
                self.learned(at, reference, settle)?;
                done = at + bytes;
                continue;
            }
            let Some(guess) = self.guess(field, now) else { continue };
            self.plain(done, at, settle)?;
            self.field(bytes, &guess, settle)?;
            done = at + bytes;
        }
        self.plain(done, end, settle)
    }

    fn plain<E>(&self, start: usize, end: usize, settle: &mut impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<(), E> {
        let mut part = [0; PART_BYTES];
        for old in self.old[start..end].chunks(PART_BYTES) {
            let part = &mut part[..old.len()];
            part.copy_from_slice(old);
            settle(part)?;
        }
        Ok(())
    }

    fn field<E>(
        &mut self,
        bytes: usize,
        guess: &Guess,
        settle: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let usual = guess.alike.and_then(|alike| self.errors.get(&alike)).filter(|(last, before)| last == before);
        let value = guess.value.wrapping_add(usual.map_or(0, |(error, _)| *error));
        let mut field = value.to_le_bytes();
        settle(&mut field[..bytes])?;
        if let Some(alike) = guess.alike {
            let actual = i64::from_le_bytes(field);
            let error = actual.wrapping_sub(guess.value);
            let error = if bytes == 4 { i64::from(error as i32) } else { error };
            let errors = self.errors.entry(alike).or_default();
            *errors = (error, errors.0);
        }
        Ok(())
    }

    fn learned<E>(
        &mut self,
        at: usize,
        reference: Reference,
        settle: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let learned = match reference {
            Reference::Type => &mut self.types,
            Reference::Name => &mut self.names,
        };
        let old = u32_at(self.old, at).unwrap_or_default();
        let mut field = learned.guess(old).to_le_bytes();
        settle(&mut field)?;
        learned.learn(old, u32::from_le_bytes(field));
        Ok(())
    }

    /// What the field should hold at `new_at` of the new file.
    fn guess(&self, field: Field, new_at: u64) -> Option<Guess> {
        let map = self.map.as_ref()?;
        let at = field.at as usize;
        let short = || u32_at(self.old, at);
        let signed = || Some(i64::from(short()? as i32));
        let long = || u64_at(self.old, at).filter(|value| *value != 0);
        let alike = |kind: u8, about: u32| Some((kind, about));
        let (value, alike) = match field.holds {
            Holds::Relative { beyond } => {
                let (here, now) = map.addresses(at as u64, new_at)?;
                let from = 4 + i64::from(beyond);
                let target = here.wrapping_add_signed(from).wrapping_add_signed(signed()?);
                let number = if map.relocatable() { map.section_at(at as u64)? } else { map.section_of(target)? };
                let old = map.section(number)?;
                let new = map
                    .place(number)?
                    .address
                    .wrapping_add(map.inside(number, target.wrapping_sub(old.place.address))?);
                let value = new.wrapping_sub(now).wrapping_sub(from as u64);
                (value, if old.executable() { None } else { alike(0, number) })
            }
            Holds::FromBase { base } => {
                let (here, _) = map.addresses(base.into(), 0)?;
                let target = here.wrapping_add_signed(signed()?);
                let value = map.address(target)?.wrapping_sub(map.address(here)?);
                (value, alike(1, map.section_of(target)?))
            }
            Holds::Back => {
                let back = u64::from(short()?);
                (new_at.wrapping_sub(map.offset((at as u64).checked_sub(back)?)), alike(2, 0))
            }
            Holds::Entry { section } => {
                let row = u64::from(short()?).checked_mul(ENTRY_BYTES as u64).filter(|row| *row > 0)?;
                (map.inside(section, row)? / ENTRY_BYTES as u64, alike(3, section))
            }
            Holds::Name { section } => {
                let name = short().filter(|name| *name > 0)?;
                (map.inside(section, name.into())?, alike(4, section))
            }
            Holds::Address => {
                let target = long()?;
                (map.address(target)?, alike(5, map.section_of(target)?))
            }
            Holds::Inside { section, beyond } => {
                let inside = u64_at(self.old, at)?.wrapping_add(beyond.into());
                (map.inside(section.into(), inside)?.wrapping_sub(beyond.into()), alike(6, section.into()))
            }
            Holds::Learned { .. } => return None,
            Holds::Offset => (map.offset(long()?), None),
            Holds::PlaceAddress { section } => (map.place(section)?.address, None),
            Holds::PlaceOffset { section } => (map.place(section)?.offset, None),
            Holds::PlaceSize { section } => (map.place(section)?.size, None),
        };
        Some(Guess { value: value as i64, alike })
    }
}
