//! A kernel module.

use super::file::{Part, relocatable};
use super::{FUNCTIONS, beside, code, function_symbols, functions, names, noise, relocation, symbol};

/// Symbols before those of functions: none, three sections, one that is not defined, an absolute one.
const FIRST_SYMBOLS: usize = 6;
/// The numbers of sections.
const DATA: u16 = 1;
const TEXT: u16 = 3;

/// A kernel module: code, its relocations, symbols, and type information that refers to the kernel's.
pub(crate) fn module(version: usize) -> Vec<u8> {
    let starts = functions(version);
    let (strings, name_at) = names(version);
    let mut symbols = symbol(0, 0, 0, 0);
    for section in [DATA, 2, TEXT] {
        symbols.extend(symbol(0, 3, section, 0));
    }
    symbols.extend([symbol(1, 0x12, 0, 5), symbol(0x5000, 0x11, 0xfff1, 0x300)].concat());
    symbols.extend(symbol(1, 0x11, DATA, 40).repeat(version));
    let value = |number: usize| starts[number] as u64 + beside(number, version);
    symbols.extend(function_symbols(version, &name_at, TEXT, value));
    let (text, data) = (usize::from(TEXT), usize::from(DATA));
    let (mut in_code, mut in_data) = (Vec::new(), Vec::new());
    for number in 0..FUNCTIONS {
        let beside = beside(number, version);
        let target = starts[number * 7 % FUNCTIONS] as u64 + beside;
        let own = FIRST_SYMBOLS + version + number + (beside / 4) as usize;
        let (symbol, how, addend) = match number % 6 {
            0 => (text, 4, target.wrapping_sub(4)),
            1 => (text, 11, target),
            2 => (own, 2, 0x400),
            3 => (data, 2, 40 + 16 * version as u64 + 4 * (number as u64 % 8) - 4),
            _ => (text, 2, target.wrapping_sub(4)),
        };
        in_code.extend(relocation(value(number) + 40, symbol, how, addend));
        let (symbol, how, addend) = match number % 4 {
            0 => (own, 1, target),
            1 => (text, 1, target),
            _ => (text, 2, target.wrapping_sub(4)),
        };
        in_data.extend(relocation(16 * version as u64 + 8 * number as u64, symbol, how, addend));
    }
    // What looks like addresses of a linked program.
    let pointers = (0..FUNCTIONS as u64).flat_map(|number| (0x1010 + 16 * number).to_le_bytes());
    relocatable(vec![
        Part::new(".data", 1, 3, vec![0x55; 16 * version].into_iter().chain(pointers).collect()),
        Part::new(".init.text", 1, 6, noise(64, 1)),
        Part::new(".text", 1, 6, code(version)),
        Part::new(".rela.text", 4, 0, in_code).to(".symtab").about(".text").aligned(8),
        Part::new(".rela.data", 4, 0, in_data).to(".symtab").about(".data").aligned(8),
        Part::new(".symtab", 2, 0, symbols).to(".strtab").aligned(8),
        Part::new(".strtab", 3, 0, strings).aligned(1),
        Part::new(".BTF", 1, 0, types(version)),
    ])
}

/// Type information of all kinds.
fn types(version: usize) -> Vec<u8> {
    // Types from some number on, and names, have moved in a later kernel.
    let shifted = |number: u32| if number > 4000 { number + 37 * version as u32 } else { number };
    let name = |number: u32| if number.is_multiple_of(11) { 0 } else { 90_000 + 500 * version as u32 + number };
    let mut types: Vec<u32> = Vec::new();
    // A type where there was none; a number as far from one that has moved as from one that has not.
    types.extend([name(3), 2 << 24, 4500 * version as u32, name(4), 2 << 24, 1]);
    types.extend([name(1), 3 << 24, 0, shifted(3998), shifted(4002), 5, name(2), 2 << 24, 4000]);
    for number in 0..FUNCTIONS as u32 {
        let kernel = number * 613 % 9000;
        let [own, other, third] = [0, 1, 5].map(|by| shifted(kernel + by));
        let [a, b] = [3, 7].map(|by| name(kernel + by));
        let kind = 1 + number % 19;
        // With a flag in the highest bit.
        let counted = |count: u32| kind << 24 | (number & 1) << 31 | count;
        types.push(name(kernel));
        types.extend(match kind {
            1 => vec![counted(0), 4, kernel],
            3 => vec![counted(0), 0, own, other, number],
            4 | 5 => vec![counted(2), 16, a, own, 0, b, other, 8],
            6 => vec![counted(2), 4, a, 1, b, 2],
            7 | 16 => vec![counted(0), 8],
            13 => vec![counted(2), third, a, own, b, other],
            14 | 17 => vec![counted(0), own, number],
            15 => vec![counted(2), 8, own, 0, 4, other, 4, 4],
            19 => vec![counted(2), 8, a, 1, 2, b, 3, 4],
            _ => vec![counted(0), own],
        });
    }
    // So many members that their number takes two bytes.
    types.extend([name(5), 6 << 24 | 260, 4]);
    types.extend((0..260).flat_map(|number| [name(7000 + 3 * number), number]));
    types.extend([name(6), 18 << 24, shifted(8000)]);
    let bytes = 4 * types.len() as u32;
    let header = [0x0001_eb9f, 24, 8, bytes, bytes, 0, 7, 7];
    header.into_iter().chain(types).flat_map(u32::to_le_bytes).collect()
}
