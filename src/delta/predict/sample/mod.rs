//! Tests only: small programs and kernel modules, whose code moves when versions differ. They have every kind of field that
//! is predicted, and of what looks like one; the golden pack that is made of them (`fixtures/golden/pack-7`) thus shows
//! when a guess changes.

mod file;
mod module;
mod program;

pub(crate) use module::module;
pub(crate) use program::program;

const FUNCTIONS: usize = 60;
/// The code ends so many bytes after the last function's beginning.
const TAIL: usize = 512;

/// Where each function begins: they are longer by some bytes here and there in later versions.
fn functions(version: usize) -> Vec<usize> {
    let lengths = (0..FUNCTIONS).map(|number| 64 + 16 * (number % 5) + if number % 7 == 3 { 16 * version } else { 0 });
    let starts = lengths.scan(0, |at, length| Some(std::mem::replace(at, *at + length)));
    starts.collect()
}

/// Later versions refer to something so much further than what has moved would say: some of them alone, others in a row,
/// which is then expected.
fn beside(number: usize, version: usize) -> u64 {
    let by = match number {
        20..30 => 4,
        40..44 => 8,
        _ if number.is_multiple_of(13) => 12,
        _ => 0,
    };
    by * version as u64
}

/// The first function behind bytes that a later version puts in, which are not those that fill the code: what refers to it
/// moves, what refers to the byte before does not.
fn behind_inserted(number: usize) -> usize {
    4 + 7 * (number % 8)
}

/// Functions that call and jump to others. Each has 24 bytes of its own at 20.
fn code(version: usize) -> Vec<u8> {
    let starts = functions(version);
    let mut code = vec![0x90; starts[FUNCTIONS - 1] + TAIL];
    let length = code.len() as u64;
    for (number, start) in starts.iter().enumerate() {
        put(&mut code, *start, &[0x55, number as u8, 0x41, (number * 37) as u8]);
        let other = |by: usize| starts[(number * 11 + by) % FUNCTIONS] as u64;
        put_relative(&mut code, start + 8, &[0xe8], other(1), &[]);
        // One goes to the section's end.
        put_relative(&mut code, start + 14, &[0xe9], if number == 10 { length } else { other(18) }, &[]);
        put_relative(&mut code, start + 50, &[0x0f, 0x80 | number as u8 & 15], other(30), &[]);
        if number > 0 && (number - 1) % 7 == 3 {
            put(&mut code, start - 16 * version, &vec![0xcc; 16 * version]);
            // What a relocation fills.
            put(&mut code, start - 16 * version - 5, &[0xe8, 0, 0, 0, 0]);
        }
    }
    // As near to the end as a call is looked for, and one whose operand looks like another.
    put_relative(&mut code, length as usize - 7, &[0xe8], starts[5] as u64, &[]);
    put(&mut code, length as usize - 40, &[0xe8, 0xe8, 1, 0, 0, 0]);
    code
}

/// Writes an instruction: what it begins with, how far it is to the target, and an immediate operand.
fn put_relative(code: &mut [u8], at: usize, operation: &[u8], target: u64, immediate: &[u8]) {
    let end = at + operation.len() + 4 + immediate.len();
    let value = target.wrapping_sub(end as u64) as u32;
    put(code, at, &[operation, &value.to_le_bytes(), immediate].concat());
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// Bytes that look like nothing.
pub(crate) fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// An entry of a table of symbols: offset of the name, what it is (3 is a section), the number of its section, value.
fn symbol(name: usize, kind: u32, section: u16, value: u64) -> Vec<u8> {
    let head = [name as u32, u32::from(section) << 16 | kind].map(u32::to_le_bytes).concat();
    [head, value.to_le_bytes().into(), 48u64.to_le_bytes().into()].concat()
}

/// The symbols of all functions, with these names and values, which lie in that section.
fn function_symbols(version: usize, names: &[usize], section: u16, value: impl Fn(usize) -> u64) -> Vec<u8> {
    let name = |number: usize| match names[number] {
        0 => 0,
        name => name + beside(number, version) as usize,
    };
    (0..FUNCTIONS).flat_map(|number| symbol(name(number), 0x12, section, value(number))).collect()
}

/// A relocation with addend.
fn relocation(place: u64, symbol: usize, how: u64, addend: u64) -> Vec<u8> {
    [place, (symbol as u64) << 32 | how, addend].map(u64::to_le_bytes).concat()
}

/// As many bytes, of which the first are in the middle in later versions.
fn shifted(length: usize, seed: u32, version: usize) -> Vec<u8> {
    [vec![seed as u8; 16 * version], noise(length - 16 * version, seed)].concat()
}

/// Names, and where each is; one has none. Later versions have more at the beginning.
fn names(version: usize) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = vec![0];
    bytes.extend_from_slice("first_of_all\0".repeat(version).as_bytes());
    let mut places = Vec::new();
    for number in 0..FUNCTIONS {
        places.push(if number == 25 { 0 } else { bytes.len() });
        bytes.extend_from_slice(format!("function_{number}\0").as_bytes());
    }
    (bytes, places)
}
