//! Reference prediction: old bytes that refer to something are rewritten to where that something has gone, before
//! differences are taken.
//!
//! Promises: publisher and client make the same guesses, because both run [`Predictor::add`] over the same old file,
//! layout and triples, in exact (wrapping) arithmetic; any bytes end in bounded time (n log n) and memory
//! ([`predicted_memory`]). A wrong guess costs bytes, never correctness. Needs: the old file by positional reads, and all
//! triples before the first difference. Leaves to others: whether it is worth it (`publish`).
//!
//! ```text
//! triples ─> ranges old -> new ┐
//! layout ──> sections' places ─┴> map        field of the old file ─> what it refers to ─> map ─> guess
//! ```

mod btf;
mod code;
mod elf;
mod field;
mod fields;
mod layout;
mod learned;
mod map;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

use btf::Reference;
use elf::{Elf, Place};
use field::{Field, Holds};
use fields::ENTRY_BYTES;
pub(crate) use layout::Layout;
use learned::Learned;
use map::Map;

use super::old_pages::OldPages;
use super::{DeltaError, ReadAt};

pub use code::{apply_predicted, skip_predicted};

/// The longest old and new file of a predicted delta that stands for itself; one that makes a form may be longer.
pub const MAX_PREDICTED_BYTES: u64 = 32 << 20;
/// The most triples of a predicted delta.
pub const MAX_PREDICTED_TRIPLES: usize = 1 << 19;

/// What applying a predicted delta takes at most besides what a plain one does, when neither content has more than `bytes`:
/// the fields of the old file, or one of its sections with those before it, triples and their map, and the shifts of up to
/// as many numbers.
pub const fn predicted_memory(bytes: u64) -> u64 {
    // No two bytes begin more than one field; each takes up to 32 here.
    let fields = if bytes / 2 < fields::MAX_FIELDS as u64 { bytes / 2 } else { fields::MAX_FIELDS as u64 };
    bytes + 32 * fields + (32 << 20)
}

/// A piece of old content is handed on in parts of at most this many bytes.
const PART_BYTES: usize = 16 * 1024;

/// So many kinds of guesses go wrong in ways of their own.
const ALIKE_KINDS: usize = 7;

/// A triple with its place in the old file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) old: u32,
    pub(crate) add: u32,
    pub(crate) copy: u32,
}

/// What both sides know before the first difference.
pub(super) struct Known<'a> {
    old: &'a dyn ReadAt,
    elf: Option<Elf>,
    places: Vec<Place>,
}

impl<'a> Known<'a> {
    pub(super) fn new(old: &'a dyn ReadAt, layout: &Layout) -> Result<Self, DeltaError> {
        let elf = Elf::parse(&mut OldPages::new(old)?)?;
        let places = elf.as_ref().map(|elf| layout.places(elf)).unwrap_or_default();
        Ok(Self { old, elf, places })
    }
}

/// Makes guesses, range by range in the order of the new file.
pub(super) struct Predictor<'a> {
    old: OldPages<'a>,
    /// Old content on its way to be settled.
    part: Vec<u8>,
    map: Option<Map<'a>>,
    fields: Vec<Field>,
    /// For each section, and in it each kind of guess, the last two errors: one that comes twice running is expected.
    errors: Vec<[(i64, i64); ALIKE_KINDS]>,
    types: Learned,
    names: Learned,
}

/// A guess at a field.
struct Guess {
    value: i64,
    /// What kind of guess it is, and which section it is about; none where errors say nothing about the next.
    alike: Option<(usize, u32)>,
}

impl<'a> Predictor<'a> {
    pub(super) fn new(known: &'a Known<'a>, steps: &[Step]) -> Result<Self, DeltaError> {
        let mut old = OldPages::new(known.old)?;
        let map = known.elf.as_ref().map(|elf| Map::new(elf, &known.places, steps));
        let fields = match known.elf.as_ref().zip(map.as_ref()) {
            Some((elf, map)) => fields::find(elf, map, &mut old)?,
            None => Vec::new(),
        };
        let (types, names) = (Learned::default(), Learned::default());
        let errors = vec![Default::default(); known.elf.as_ref().map_or(0, |elf| elf.sections.len() + 1)];
        Ok(Self { old, part: vec![0; PART_BYTES], map, fields, errors, types, names })
    }

    /// Gives the `length` old bytes at `old_at`, which lie in the old file, to `settle`, as they are expected at
    /// `new_at` of the new file. `settle` is given one part after the other and changes each into what is really there.
    ///
    /// # Errors
    /// When the old content cannot be read; those of `settle`.
    pub(super) fn add(
        &mut self,
        old_at: u32,
        new_at: u32,
        length: u32,
        settle: &mut impl FnMut(&mut [u8]) -> Result<(), DeltaError>,
    ) -> Result<(), DeltaError> {
        let (start, end) = (old_at as usize, old_at as usize + length as usize);
        let mut done = start;
        let mut next = self.fields.partition_point(|field| (field.at as usize) < start);
        while let Some(field) = self.fields.get(next).copied().filter(|field| (field.at as usize) < end) {
            next += 1;
            let (at, holds) = (field.at as usize, field.holds());
            let bytes = holds.bytes();
            if at < done || at + bytes > end {
                continue;
            }
            let now = u64::from(new_at) + (at - start) as u64;
            if let Holds::Learned { reference } = holds {
                self.plain(done, at, settle)?;
                self.learned(at, reference, settle)?;
                done = at + bytes;
                continue;
            }
            let Some(guess) = self.guess(at, holds, now)? else { continue };
            self.plain(done, at, settle)?;
            self.field(bytes, &guess, settle)?;
            done = at + bytes;
        }
        self.plain(done, end, settle)
    }

    fn plain(
        &mut self,
        start: usize,
        end: usize,
        settle: &mut impl FnMut(&mut [u8]) -> Result<(), DeltaError>,
    ) -> Result<(), DeltaError> {
        let mut at = start;
        while at < end {
            let part = &mut self.part[..PART_BYTES.min(end - at)];
            self.old.copy(at as u64, part)?;
            settle(part)?;
            at += part.len();
        }
        Ok(())
    }

    fn field(
        &mut self,
        bytes: usize,
        guess: &Guess,
        settle: &mut impl FnMut(&mut [u8]) -> Result<(), DeltaError>,
    ) -> Result<(), DeltaError> {
        let errors = guess.alike.and_then(|(kind, about)| self.errors.get_mut(about as usize)?.get_mut(kind));
        let usual = errors.as_ref().map_or(0, |errors| if errors.0 == errors.1 { errors.0 } else { 0 });
        let value = guess.value.wrapping_add(usual);
        let mut field = value.to_le_bytes();
        settle(&mut field[..bytes])?;
        if let Some(errors) = errors {
            let error = i64::from_le_bytes(field).wrapping_sub(guess.value);
            let error = if bytes == 4 { i64::from(error as i32) } else { error };
            *errors = (error, errors.0);
        }
        Ok(())
    }

    fn learned(
        &mut self,
        at: usize,
        reference: Reference,
        settle: &mut impl FnMut(&mut [u8]) -> Result<(), DeltaError>,
    ) -> Result<(), DeltaError> {
        let learned = match reference {
            Reference::Type => &mut self.types,
            Reference::Name => &mut self.names,
        };
        let old = self.old.u32_at(at)?;
        let guess = learned.guess(old);
        let mut field = guess.number.to_le_bytes();
        settle(&mut field)?;
        learned.learn(old, guess, u32::from_le_bytes(field));
        Ok(())
    }

    /// What the field at `at` should hold at `new_at` of the new file.
    fn guess(&mut self, at: usize, holds: Holds, new_at: u64) -> Result<Option<Guess>, DeltaError> {
        let old = match holds.bytes() {
            4 => self.old.u32_at(at)?.into(),
            _ => self.old.u64_at(at)?,
        };
        Ok(self.map.as_ref().and_then(|map| guess(map, at as u64, holds, old, new_at)))
    }
}

/// What the field at `at`, which holds `old`, should hold at `new_at` of the new file.
fn guess(map: &Map<'_>, at: u64, holds: Holds, old: u64, new_at: u64) -> Option<Guess> {
    let signed = i64::from(old as i32);
    let not_zero = || Some(old).filter(|old| *old != 0);
    let alike = |kind: usize, about: u32| Some((kind, about));
    let (value, alike) = match holds {
        Holds::Relative { beyond } => {
            let (here, now) = map.addresses(at, new_at)?;
            let from = 4 + i64::from(beyond);
            let target = here.wrapping_add_signed(from).wrapping_add_signed(signed);
            let number = if map.relocatable() { map.section_at(at)? } else { map.section_of(target)? };
            let old = map.section(number)?;
            let inside = map.inside(number, target.wrapping_sub(old.place.address))?;
            let new = map.place(number)?.address.wrapping_add(inside);
            let value = new.wrapping_sub(now).wrapping_sub(from as u64);
            (value, if old.executable() { None } else { alike(0, number) })
        }
        Holds::FromBase { base } => {
            let (here, _) = map.addresses(base.into(), 0)?;
            let target = here.wrapping_add_signed(signed);
            let value = map.address(target)?.wrapping_sub(map.address(here)?);
            (value, alike(1, map.section_of(target)?))
        }
        Holds::Back => (new_at.wrapping_sub(map.offset(at.checked_sub(old)?)), alike(2, 0)),
        Holds::Entry { section } => {
            let row = old.checked_mul(ENTRY_BYTES as u64).filter(|row| *row > 0)?;
            (map.inside(section, row)? / ENTRY_BYTES as u64, alike(3, section))
        }
        Holds::Name { section } => (map.inside(section, not_zero()?)?, alike(4, section)),
        Holds::Address => (map.address(not_zero()?)?, alike(5, map.section_of(old)?)),
        Holds::Inside { section, beyond } => {
            let inside = old.wrapping_add(beyond.into());
            (map.inside(section.into(), inside)?.wrapping_sub(beyond.into()), alike(6, section.into()))
        }
        Holds::Learned { .. } => return None,
        Holds::Offset => (map.offset(not_zero()?), None),
        Holds::PlaceAddress { section } => (map.place(section)?.address, None),
        Holds::PlaceOffset { section } => (map.place(section)?.offset, None),
        Holds::PlaceSize { section } => (map.place(section)?.size, None),
    };
    Some(Guess { value: value as i64, alike })
}
