//! What a disk may hold after a power cut, made of the log of what it was told.
//!
//! All writes up to the last flush before the cut are there. Of those after it, any may be there or not, and one of those
//! that are may be torn: only its beginning is there. They are put in place in the order in which they came, since a disk
//! never puts an older version of a sector over a newer one.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::disk::Record;

/// The content of a disk; what is not there is zero.
#[derive(Clone, Debug, Default)]
pub struct Image {
    length: u64,
    chunks: BTreeMap<u64, Vec<u8>>,
}

/// A place in the log and what the disk made of the writes that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    /// So many records had come.
    pub at: usize,
    /// Seeds what is there of the writes after the last flush.
    pub seed: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} with seed {}", self.at, self.seed)
    }
}

/// On which side of the moments at which the client reported success half of the cuts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// Shortly before: there the next tree may be there already.
    Before,
    /// Shortly after: there what was reported must be there.
    After,
}

/// Pseudo-random numbers by the splitmix64 of Steele, Lea and Flood (2014): the same everywhere for the same seed.
#[derive(Clone, Copy, Debug)]
pub struct Random(pub u64);

const CHUNK: u64 = 64 * 1024;
/// Half of the cuts are within so many records of the moment at which a transition was reported as done.
const NEAR: u64 = 25;

impl Image {
    /// The image of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut image = Self { length: bytes.len() as u64, chunks: BTreeMap::new() };
        for (index, chunk) in bytes.chunks(CHUNK as usize).enumerate() {
            if chunk.iter().any(|byte| *byte != 0) {
                image.write(index as u64 * CHUNK, chunk);
            }
        }
        image
    }

    /// Writes bytes at an offset.
    pub fn write(&mut self, mut offset: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let chunk = self.chunks.entry(offset / CHUNK).or_insert_with(|| vec![0; CHUNK as usize]);
            let start = (offset % CHUNK) as usize;
            let (here, rest) = bytes.split_at(bytes.len().min(chunk.len() - start));
            chunk[start..start + here.len()].copy_from_slice(here);
            (offset, bytes) = (offset + here.len() as u64, rest);
        }
    }

    /// Writes the image to a file that is new or becomes it, with holes where it is zero.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let save = || {
            let file = File::create(path)?;
            self.chunks.iter().try_for_each(|(index, chunk)| file.write_all_at(chunk, index * CHUNK))?;
            // At the end, since the last chunk may be longer than what is left.
            file.set_len(self.length)
        };
        save().with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Random {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }
}

/// So many cuts, in order: half of them near the end of a transition, half of them anywhere after the first record that
/// says that one is done.
pub fn cuts(log: &[Record], count: usize, seed: u64, near: Near) -> Vec<Cut> {
    let mut random = Random(seed);
    let is_mark = |(index, record): (usize, &Record)| matches!(record, Record::Acknowledged(_)).then_some(index);
    let marks: Vec<usize> = log.iter().enumerate().filter_map(is_mark).collect();
    let Some((first, later)) = marks.split_first() else { return Vec::new() };
    let mut cuts: Vec<Cut> = (0..count)
        .map(|number| {
            let at = match later {
                [_, ..] if number % 2 == 0 => {
                    let mark = later[random.below(later.len() as u64) as usize];
                    let away = random.below(NEAR) as usize;
                    match near {
                        Near::Before => mark.saturating_sub(away),
                        Near::After => mark + 1 + away,
                    }
                }
                _ => first + 1 + random.below((log.len() - first) as u64) as usize,
            };
            Cut { at: at.clamp(first + 1, log.len()), seed: random.number() }
        })
        .collect();
    cuts.sort_unstable();
    cuts
}

/// The last transition that had been reported as done at a cut.
pub fn acknowledged(log: &[Record], cut: Cut) -> usize {
    let number = |record: &Record| if let Record::Acknowledged(number) = record { Some(*number) } else { None };
    log[..cut.at].iter().rev().find_map(number).unwrap_or(0)
}

/// Where the writes begin that no flush had made durable at a cut.
pub fn durable(log: &[Record], cut: Cut) -> usize {
    log[..cut.at].iter().rposition(|record| *record == Record::Flush).map_or(0, |flush| flush + 1)
}

/// What is there of the writes of `volatile`, which no flush had made durable: some of them, one perhaps torn at a
/// multiple of `sector` bytes.
pub fn leftovers(volatile: &[Record], seed: u64, sector: u64) -> Vec<(u64, &[u8])> {
    let mut random = Random(seed);
    // Disks differ in how much they have written of what they were told: from nothing to everything.
    let share = random.below(101);
    let mut there: Vec<(u64, &[u8])> = Vec::new();
    for record in volatile {
        if let Record::Write(offset, bytes) = record
            && random.below(100) < share
        {
            there.push((*offset, bytes));
        }
    }
    if !there.is_empty() {
        let one = random.below(there.len() as u64) as usize;
        let (_, torn) = &mut there[one];
        let sectors = torn.len() as u64 / sector;
        *torn = &torn[..(random.below(sectors + 1) * sector) as usize];
    }
    there
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: u64, byte: u8) -> Record {
        Record::Write(offset, vec![byte; 1024])
    }

    #[test]
    fn an_image_is_what_was_written() {
        let mut bytes = vec![0; 300_000];
        let mut image = Image::of(&bytes);
        for (offset, length) in [(0, 10), (65_530, 20), (131_000, 70_000), (299_999, 1)] {
            let piece = vec![7; length];
            bytes[offset..offset + length].copy_from_slice(&piece);
            image.write(offset as u64, &piece);
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        image.save(file.path()).expect("saved");
        assert_eq!(std::fs::read(file.path()).expect("read"), bytes);
        Image::of(&bytes).save(file.path()).expect("saved over it");
        assert_eq!(std::fs::read(file.path()).expect("read"), bytes);
    }

    #[test]
    fn what_was_flushed_is_there_and_the_rest_is_a_choice() {
        let log = [
            Record::Acknowledged(0),
            write(0, 1),
            Record::Flush,
            write(4096, 2),
            write(8192, 3),
            Record::Acknowledged(1),
            write(0, 4),
        ];
        let cut = Cut { at: 5, seed: 9 };
        assert_eq!((durable(&log, cut), acknowledged(&log, cut)), (3, 0));
        assert_eq!(acknowledged(&log, Cut { at: 6, seed: 9 }), 1);
        let (mut none, mut all, mut torn) = (0, 0, 0);
        for seed in 0..2000 {
            let there = leftovers(&log[3..5], seed, 512);
            none += usize::from(there.is_empty());
            all += usize::from(there.len() == 2);
            torn += usize::from(there.iter().any(|(_, bytes)| bytes.len() == 512));
            assert!(there.iter().all(|(_, bytes)| bytes.len() % 512 == 0));
        }
        assert!(none > 100 && all > 100 && torn > 100, "{none} {all} {torn}");
    }

    #[test]
    fn cuts_repeat_and_are_often_near_the_end_of_a_transition() {
        let mut log = vec![write(0, 1); 1000];
        log[100] = Record::Acknowledged(0);
        log[900] = Record::Acknowledged(1);
        let found = cuts(&log, 200, 5, Near::Before);
        assert_eq!(found, cuts(&log, 200, 5, Near::Before));
        assert_ne!(found, cuts(&log, 200, 6, Near::Before));
        assert!(found.iter().all(|cut| cut.at > 100 && cut.at <= 1000));
        for (near, places) in [(Near::Before, 876..=900), (Near::After, 901..=925)] {
            let count = cuts(&log, 200, 5, near).iter().filter(|cut| places.contains(&cut.at)).count();
            assert!(count >= 100, "{near:?}: {count}");
        }
    }
}
