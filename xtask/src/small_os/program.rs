//! Bytes that behave like a program: made from a seed, and again as a newer build of the same source would be.
//!
//! What matters to a delta is kept: a small vocabulary, calls that hold addresses, a few functions that grew, so that
//! everything behind them moved and every address into it changed. Nothing here runs.

/// Functions in a row of which one grows in the newer build.
const GROWING: usize = 24;

/// Which build of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The first.
    Old,
    /// The same source with small changes, linked again.
    New,
}

/// A pseudo-random sequence (SplitMix64: public domain, Sebastiano Vigna).
struct Random(u64);

enum Instruction {
    /// One word of the vocabulary.
    Word(usize),
    /// A call of the function with this number.
    Call(usize),
}

/// About `kib` KiB that depend on the seed, on the build and on nothing else.
pub fn program(seed: &str, kib: usize, build: Build) -> Vec<u8> {
    let mut random = Random::from_text(seed);
    let vocabulary: Vec<Vec<u8>> = (0..200).map(|_| random.word()).collect();
    let count = kib * 1024 / 160;
    let mut functions: Vec<Vec<Instruction>> = (0..count).map(|_| random.function(&vocabulary, count, 40)).collect();
    if build == Build::New {
        let mut changes = Random::from_text(&format!("{seed} again"));
        for function in functions.iter_mut().step_by(GROWING) {
            function.extend(changes.function(&vocabulary, count, 6));
        }
    }
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(link(&functions, &vocabulary));
    bytes.extend(Random::from_text(&format!("{seed} signed as {build:?}")).bytes(64));
    bytes
}

/// Lays the functions out one behind the other and puts addresses into the calls.
fn link(functions: &[Vec<Instruction>], vocabulary: &[Vec<u8>]) -> Vec<u8> {
    let length = |instruction: &Instruction| match instruction {
        Instruction::Word(word) => vocabulary[*word].len(),
        Instruction::Call(_) => 5,
    };
    let mut addresses = Vec::with_capacity(functions.len());
    let mut address = 0;
    for function in functions {
        addresses.push(address as u32);
        address += function.iter().map(length).sum::<usize>();
    }
    let mut bytes = Vec::with_capacity(address);
    for instruction in functions.iter().flatten() {
        match instruction {
            Instruction::Word(word) => bytes.extend(&vocabulary[*word]),
            Instruction::Call(target) => {
                bytes.push(0xe8);
                bytes.extend(addresses[*target].to_le_bytes());
            }
        }
    }
    bytes
}

impl Random {
    /// Seeded by FNV-1a of the text.
    fn from_text(text: &str) -> Self {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    fn word(&mut self) -> Vec<u8> {
        let length = 2 + self.below(5);
        self.bytes(length)
    }

    /// So many instructions; some words come far more often than others, and one in eight is a call.
    fn function(&mut self, vocabulary: &[Vec<u8>], functions: usize, instructions: usize) -> Vec<Instruction> {
        let instruction = |random: &mut Self| match random.below(8) {
            0 => Instruction::Call(random.below(functions)),
            _ => Instruction::Word(random.below(vocabulary.len()).min(random.below(vocabulary.len()))),
        };
        (0..instructions).map(|_| instruction(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_bytes() {
        assert_eq!(program("a", 8, Build::Old), program("a", 8, Build::Old));
        assert_ne!(program("a", 8, Build::Old), program("b", 8, Build::Old));
    }

    #[test]
    fn the_newer_build_is_longer_and_begins_alike() {
        let (old, new) = (program("a", 64, Build::Old), program("a", 64, Build::New));
        assert!(old.len() < new.len() && new.len() < old.len() + old.len() / 20, "{} {}", old.len(), new.len());
        assert_eq!(old[..16], new[..16]);
    }
}
