//! A linked program.

use super::file::{Part, linked};
use super::{
    FUNCTIONS, behind_inserted, beside, code, function_symbols, functions, names, noise, put, put_relative, relocation,
    shifted, symbol,
};

/// What comes before an operand relative to the next instruction, and how many bytes come after it.
const OPERANDS: [(&[u8], usize); 19] = [
    (&[0x48, 0x8b, 0x05], 0),
    (&[0x80, 0x3d], 1),
    (&[0x83, 0x3d], 1),
    (&[0xc6, 0x05], 1),
    (&[0xc0, 0x25], 1),
    (&[0xc1, 0x2d], 1),
    (&[0x6b, 0x15], 1),
    (&[0x81, 0x35], 4),
    (&[0xc7, 0x05], 4),
    (&[0x69, 0x0d], 4),
    (&[0xf6, 0x05], 1),
    (&[0xf6, 0x15], 0),
    (&[0xf7, 0x05], 4),
    (&[0xf7, 0x1d], 0),
    (TAKES_ADDRESS, 0),
    (&[0xe8], 0),
    (&[0xe9], 0),
    (&[0x0f, 0x84], 0),
    (&[0x0f, 0x8d], 0),
];
const TAKES_ADDRESS: &[u8] = &[0x48, 0x8d, 0x0d];

/// Constants before the jump tables, and where one of them lies that is no table.
const CONSTANTS: usize = 64;
const UNALIGNED: usize = 33;
/// Where in `.data` lies what looks like a jump table.
const TABLE_IN_DATA: usize = 4 + 4 * 32;

/// A linked program: code with calls and operands, jump tables, unwind tables, pointers with relocations, symbols.
pub(crate) fn program(version: usize) -> Vec<u8> {
    linked(version, |address| Program::new(version, address).parts())
}

struct Program<'a> {
    version: usize,
    address: &'a dyn Fn(&str) -> u64,
    /// Where the functions begin.
    starts: Vec<u64>,
}

impl<'a> Program<'a> {
    fn new(version: usize, address: &'a dyn Fn(&str) -> u64) -> Self {
        let starts = functions(version).into_iter().map(|start| address(".text") + start as u64).collect();
        Self { version, address, starts }
    }

    fn at(&self, name: &str, inside: usize) -> u64 {
        (self.address)(name) + inside as u64
    }

    /// About where a function begins.
    fn near(&self, number: usize) -> u64 {
        self.starts[number] + beside(number, self.version)
    }

    fn parts(&self) -> Vec<Part> {
        let version = self.version;
        let inserted = |length: usize, bytes: Vec<u8>| [vec![0x66; length * version], bytes].concat();
        let pointers = (0..FUNCTIONS).flat_map(|number| self.near(number).to_le_bytes());
        let (strings, symbols) = self.symbols();
        vec![
            Part::new(".text", 1, 6, self.text()),
            Part::new(".plt", 1, 6, inserted(16, noise(16 * 8, 1))),
            Part::new(".init", 1, 6, shifted(96, 2, version)),
            Part::new(".rodata", 1, 2, self.constants()),
            Part::new(".rodata.cst", 1, 2, shifted(96, 3, version)),
            Part::new(".eh_frame_hdr", 1, 2, self.unwind_index()).aligned(4),
            Part::new(".gcc_except_table", 1, 2, inserted(8, noise(4 * FUNCTIONS, 4))).aligned(4),
            Part::new(".eh_frame", 1, 2, self.unwind()).aligned(8),
            Part::new(".data.rel.ro", 1, 3, pointers.collect()),
            Part::new(".empty", 1, 3, Vec::new()).aligned(if version > 0 { 64 } else { 1 }),
            Part::new(".got", 1, 3, inserted(8, noise(8 * 16, 5))).aligned(8),
            Part::new(".tdata", 1, 0x403, vec![1; 12]).aligned(4),
            Part::new(".data", 1, 3, self.data()).aligned(4),
            Part::new(".rela.dyn", 4, 2, self.relocations()).to(".dynsym"),
            Part::new(".bss", Part::NO_BITS, 3, vec![0; self.bss_bytes()]).aligned(32),
            Part::new(".dynsym", 11, 2, symbols.clone()).to(".dynstr"),
            Part::new(".dynstr", 3, 2, strings.clone()).aligned(1),
            Part::new(".symtab", 2, 0, symbols).to(".strtab").aligned(3),
            Part::new(".strtab", 3, 0, strings).aligned(1),
            Part::new(".comment", 1, 1, self.comment()).aligned(8),
            Part::new(".over", 1, 3, vec![0; 8 * 24]).over(".rela.dyn"),
        ]
    }

    fn bss_bytes(&self) -> usize {
        0x200 + 0x40 * self.version
    }

    /// Code. Each function has an operand, a call or a jump of another kind.
    fn text(&self) -> Vec<u8> {
        let mut code = code(self.version);
        let starts = functions(self.version);
        let text = self.at(".text", 0);
        for (number, start) in starts.iter().enumerate() {
            let mut put = |at: usize, operation: &[u8], target: u64, immediate: usize| {
                put_relative(&mut code, start + at, operation, target.wrapping_sub(text), &[0x7f; 4][..immediate]);
            };
            put(20, &[0x48, 0x8d, 0x05], self.at(".rodata", CONSTANTS + 16 * (number % 8)), 0);
            put(27, &[0xe8], self.at(".plt", 16 * (number % 8)), 0);
            let (operation, immediate) = OPERANDS[number % OPERANDS.len()];
            put(32, operation, self.operand(number, operation, immediate) + beside(number, self.version), immediate);
        }
        // An operand without an operation before it; what would be an operand but lies nowhere, with a call in it.
        put(&mut code, 0, &[0x3d, 0, 8, 0, 0]);
        let inside = starts[40] + 43;
        put(&mut code, inside, &[0x8b, 0x05]);
        put_relative(&mut code, inside + 2, &[0xe8], starts[10] as u64, &[]);
        code
    }

    /// What the operand of a function says.
    fn operand(&self, number: usize, operation: &[u8], immediate: usize) -> u64 {
        let behind_inserted = self.starts[behind_inserted(number)];
        let inside = 8 * (number % 8);
        match number / OPERANDS.len() {
            0 if operation == TAKES_ADDRESS => self.at(".rodata", UNALIGNED),
            // A byte more or less is elsewhere in a later version.
            _ if immediate > 0 => behind_inserted,
            0 => behind_inserted - 1,
            1 if operation[0] == 0xe8 => self.at(".init", 20),
            1 if operation[0] == 0xe9 || operation[0] == 0x0f => self.at(".rodata", inside),
            1 if number.is_multiple_of(3) => self.at(".got", inside),
            1 if number % 3 == 1 => self.at(".bss", 64 + inside),
            1 => self.at(".rodata.cst", 20 + inside / 8),
            _ if operation == TAKES_ADDRESS => self.at(".data", TABLE_IN_DATA),
            2 => self.at(".data", 4 + inside),
            _ => self.at(".rodata", CONSTANTS + 1),
        }
    }

    /// Constants, jump tables, and then what looks like another one, but leads to data.
    fn constants(&self) -> Vec<u8> {
        let mut bytes = vec![0x11; CONSTANTS];
        // Not where a table may begin.
        let value = self.starts[30].wrapping_sub(self.at(".rodata", UNALIGNED)) as u32;
        put(&mut bytes, UNALIGNED, &value.to_le_bytes());
        let base = |table: usize| self.at(".rodata", CONSTANTS + 16 * table);
        for number in 0..FUNCTIONS {
            // Eight tables of four entries, the last of which goes on.
            bytes.extend((self.near(number).wrapping_sub(base((number / 4).min(7))) as u32).to_le_bytes());
        }
        for number in 0..8 {
            bytes.extend((self.at(".data", 8 * number).wrapping_sub(base(7)) as u32).to_le_bytes());
        }
        bytes.extend(noise(64, 10));
        bytes.extend(vec![0x22; 24 * self.version]);
        // This was in `.data` before.
        bytes.extend(noise(64 * self.version, 6));
        bytes
    }

    /// The index of the unwind tables: for each function where it is, and where its entry.
    fn unwind_index(&self) -> Vec<u8> {
        let base = self.at(".eh_frame_hdr", 0);
        let mut bytes = vec![1, 0x1b, 3, 0x3b];
        bytes.extend((self.at(".eh_frame", 0).wrapping_sub(base + 4) as u32).to_le_bytes());
        bytes.extend((FUNCTIONS as u32).to_le_bytes());
        for number in 0..FUNCTIONS {
            let entry = self.at(".eh_frame", 24 + 28 * (number + self.version));
            bytes.extend([self.near(number), entry].map(|to| (to.wrapping_sub(base) as u32).to_le_bytes()).concat());
        }
        bytes
    }

    /// The unwind tables: an entry for all, one for each function, an end, and what looks like one more.
    fn unwind(&self) -> Vec<u8> {
        let base = self.at(".eh_frame", 0);
        let word = |value: u64| (value as u32).to_le_bytes();
        let to = |target: u64, place: usize| word(target.wrapping_sub(base + place as u64));
        let mut bytes = [word(20), word(0), to(self.starts[20], 8), word(0x0c), word(7), word(8)].concat();
        let inserted = std::iter::repeat_n(0, self.version);
        for (entry, number) in inserted.chain((0..FUNCTIONS).chain([30])).enumerate() {
            if entry == FUNCTIONS + self.version {
                bytes.extend(word(0));
            }
            let at = bytes.len();
            let back = at as u64 + 4 + beside(number, self.version);
            let ends = number == FUNCTIONS - 1;
            let length = if ends { 16 } else { 24 };
            bytes.extend([word(length), word(back), to(self.near(number), at + 8), word(48)].concat());
            match number % 3 {
                // The last one is short, and what follows it looks like handlers of exceptions.
                _ if ends => bytes.extend(word(4 | 0x2480 << 8)),
                0 => bytes.extend([&[9], &word(-0x1000_i64 as u64)[..], &[0; 7]].concat()),
                1 => {
                    let handlers = self.at(".gcc_except_table", 8 * self.version + 4 * number);
                    bytes.extend([&[4], &to(handlers, at + 17)[..], &[0; 7]].concat());
                }
                _ => bytes.extend([0; 12]),
            }
        }
        bytes
    }

    /// Variables, what looks like a jump table, pointers, and content that goes, comes twice, or lies elsewhere later.
    fn data(&self) -> Vec<u8> {
        let version = self.version;
        let mut bytes = vec![0x44; TABLE_IN_DATA];
        let table = self.at(".data", TABLE_IN_DATA);
        for start in &self.starts[..8] {
            bytes.extend((start.wrapping_sub(table) as u32).to_le_bytes());
        }
        bytes.extend(noise(24 * version, 11));
        // So far from here the pointers end.
        let contents = bytes.len() + 16 * 80;
        let pointers = (0..24).map(|number| self.at(".rodata", 4 * number));
        let pointers = pointers.chain((0..8).map(|number| self.at(".bss", 8 * number)));
        let pointers = pointers.chain([self.at(".bss", self.bss_bytes()), self.at(".data.rel.ro", 8 * FUNCTIONS)]);
        let pointers = pointers.chain([self.at(".tdata", 4), 0x100, 0, self.at(".tdata", 8)]);
        bytes.extend(among_others(pointers.chain((0..80 - 38).map(|number| self.at(".data", contents + 4 * number)))));
        let stays = noise(400, 9);
        bytes.extend(match version {
            0 => [noise(40, 7), noise(64, 6), noise(64, 8), stays].concat(),
            _ => [&stays[..300], &stays[100..]].concat(),
        });
        bytes
    }

    /// Pointers in what is not in memory, and what was in `.data` before.
    fn comment(&self) -> Vec<u8> {
        let pointers = among_others((0..8).map(|number| self.at(".data", 8 * number)));
        [pointers, noise(64 * self.version, 8)].concat()
    }

    /// Names, and symbols.
    fn symbols(&self) -> (Vec<u8>, Vec<u8>) {
        let (strings, name_at) = names(self.version);
        let mut symbols = symbol(0, 0, 0, 0);
        symbols.extend([symbol(1, 0x12, 0, 0x1900), symbol(0x5000, 0x11, 0xfff1, 100)].concat());
        symbols.extend(symbol(1, 0x11, 0xfff1, 77).repeat(self.version));
        symbols.extend(function_symbols(self.version, &name_at, 1, |number| self.near(number)));
        (strings, symbols)
    }

    fn relocations(&self) -> Vec<u8> {
        let of = |number: usize| {
            let beside = beside(number, self.version);
            let by_symbol = number + 3 + self.version + (beside / 4) as usize;
            let place = self.at(".data.rel.ro", 8 * number) + beside;
            relocation(place, if number.is_multiple_of(3) { 0 } else { by_symbol }, 8, self.near(number))
        };
        (0..FUNCTIONS).flat_map(of).collect()
    }
}

/// Pointers between words that stay, by which they are found again.
fn among_others(pointers: impl Iterator<Item = u64>) -> Vec<u8> {
    pointers
        .zip(1u64..)
        .flat_map(|(pointer, number)| [pointer, number << 56 | number << 48].map(u64::to_le_bytes))
        .flatten()
        .collect()
}
