//! Tests only: small programs and kernel modules, whose code moves when `versions` differ.

/// One section that is to be put into a file.
struct Part {
    name: &'static str,
    kind: u32,
    flags: u64,
    link: u32,
    info: u32,
    bytes: Vec<u8>,
}

const FUNCTIONS: usize = 60;
const BASE: u64 = 0x1000;

/// Where each function begins: they are longer by some bytes here and there in later versions.
fn functions(version: usize) -> Vec<usize> {
    let lengths = (0..FUNCTIONS).map(|number| 48 + 16 * (number % 5) + if number % 7 == 3 { 16 * version } else { 0 });
    let starts = lengths.scan(0, |at, length| Some(std::mem::replace(at, *at + length)));
    starts.collect()
}

/// A linked program: code with calls and operands, unwind tables, a jump table, pointers with relocations, symbols.
pub(crate) fn program(version: usize) -> Vec<u8> {
    let starts = functions(version);
    let length = starts[FUNCTIONS - 1] + 512;
    // Sections follow each other in the file as in memory, aligned to 16 bytes.
    let round = |length: usize| length.next_multiple_of(16) as u64;
    let text = BASE;
    let rodata = text + round(length);
    let pointers = rodata + round(64 + 4 * FUNCTIONS + 8 * version);
    let mut code = code(&starts, length, |number, place| {
        (rodata + 64 + 4 * (number % 8) as u64).wrapping_sub(text + place as u64 + 4) as u32
    });
    code.truncate(length);
    let mut table = vec![0x11; 64 + 4 * FUNCTIONS + 8 * version];
    for (number, start) in starts.iter().enumerate() {
        let value = (text + *start as u64).wrapping_sub(rodata + 64) as u32;
        table[64 + 4 * number..][..4].copy_from_slice(&value.to_le_bytes());
    }
    let (mut data, mut relocations, mut symbols, mut unwind) = (Vec::new(), Vec::new(), vec![0; 24], Vec::new());
    let frame = pointers + 8 * FUNCTIONS as u64;
    for (number, start) in starts.iter().enumerate() {
        let address = text + *start as u64;
        data.extend(address.to_le_bytes());
        let at = pointers + 8 * number as u64;
        relocations.extend([at, 8, address].map(u64::to_le_bytes).concat());
        symbols.extend([number as u32, 0x0001_0012].map(u32::to_le_bytes).concat());
        symbols.extend([address, 48].map(u64::to_le_bytes).concat());
        let place = frame + unwind.len() as u64;
        let entry = [16, unwind.len() as u32 + 4, address.wrapping_sub(place + 8) as u32, 48, 0];
        unwind.extend(entry.map(u32::to_le_bytes).concat());
    }
    let part = |name, kind, flags, link, bytes| Part { name, kind, flags, link, info: 0, bytes };
    file(
        3,
        &[
            part(".text", 1, 6, 0, code),
            part(".rodata", 1, 2, 0, table),
            part(".data.rel.ro", 1, 3, 0, data),
            part(".eh_frame", 1, 2, 0, unwind),
            part(".rela.dyn", 4, 2, 6, relocations),
            part(".dynsym", 11, 2, 0, symbols),
        ],
    )
}

/// A kernel module: code, its relocations, symbols, and type information that refers to the kernel's.
pub(crate) fn module(version: usize) -> Vec<u8> {
    let starts = functions(version);
    let length = starts[FUNCTIONS - 1] + 512;
    let mut relocations = Vec::new();
    let mut symbols = [vec![0; 24], vec![0, 0, 0, 0, 3, 0, 1, 0], vec![0; 16]].concat();
    let mut types = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let target = starts[number * 7 % FUNCTIONS] as u64;
        relocations.extend([*start as u64 + 20, 1 << 32 | 2, target.wrapping_sub(4)].map(u64::to_le_bytes).concat());
        symbols.extend([number as u32, 0x0001_0012].map(u32::to_le_bytes).concat());
        symbols.extend([*start as u64, 48].map(u64::to_le_bytes).concat());
        let kernel = (number * 613 % 9000) as u32;
        let number = if kernel > 4000 { kernel + 37 * version as u32 } else { kernel };
        types.extend([90_000 + 500 * version as u32 + kernel, 2 << 24, number].map(u32::to_le_bytes).concat());
        types.extend([7, 13 << 24 | 2, number, 0, number + 1, 3, number + 2].map(u32::to_le_bytes).concat());
    }
    let header = [0x0001_eb9f, 24, 0, types.len() as u32, types.len() as u32, 0].map(u32::to_le_bytes).concat();
    let part = |name, kind, flags, link, info, bytes| Part { name, kind, flags, link, info, bytes };
    file(
        1,
        &[
            part(".text", 1, 6, 0, 0, code(&starts, length, |_, _| 0)),
            part(".rela.text", 4, 0, 3, 1, relocations),
            part(".symtab", 2, 0, 4, 0, symbols),
            part(".strtab", 3, 0, 0, 0, vec![b'x'; 100]),
            part(".BTF", 1, 0, 0, 0, [header, types].concat()),
        ],
    )
}

/// Functions that call others and take an address.
fn code(starts: &[usize], length: usize, operand: impl Fn(usize, usize) -> u32) -> Vec<u8> {
    let mut code = vec![0x90; length];
    for (number, start) in starts.iter().enumerate() {
        code[*start..start + 4].copy_from_slice(&[0x55, number as u8, 0x41, (number * 37) as u8]);
        for call in 0..2 {
            let place = start + 8 + 6 * call;
            let target = starts[(number * 11 + call * 17 + 1) % FUNCTIONS];
            code[place] = 0xe8;
            let value = (target as u32).wrapping_sub(place as u32 + 5);
            code[place + 1..place + 5].copy_from_slice(&value.to_le_bytes());
        }
        let place = start + 24;
        code[place..place + 3].copy_from_slice(&[0x48, 0x8d, 0x05]);
        code[place + 3..place + 7].copy_from_slice(&operand(number, place + 3).to_le_bytes());
    }
    code
}

/// The file: parts from [`BASE`] on, names, table. In a linked one each part's address is its offset.
fn file(kind: u16, parts: &[Part]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(BASE as usize, 0);
    let mut names = vec![0];
    let mut rows = vec![0; 64];
    let all = parts.iter().map(|part| (part.name, part.kind, part.flags, part.link, part.info, &part.bytes[..]));
    let mut push = |(name, kind, flags, link, info): (u32, u32, u64, u32, u32), content: &[u8], linked: bool| {
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        let offset = bytes.len() as u64;
        rows.extend([name, kind].map(u32::to_le_bytes).concat());
        rows.extend(
            [flags, if linked { offset } else { 0 }, offset, content.len() as u64].map(u64::to_le_bytes).concat(),
        );
        rows.extend([link, info].map(u32::to_le_bytes).concat());
        rows.extend([16u64, 0].map(u64::to_le_bytes).concat());
        bytes.extend_from_slice(content);
    };
    for (name, section, flags, link, info, content) in all {
        let at = names.len() as u32;
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        push((at, section, flags, link, info), content, kind == 3 && flags & 2 != 0);
    }
    push((0, 3, 0, 0, 0), &names, false);
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    let table = bytes.len() as u64;
    bytes.extend_from_slice(&rows);
    bytes[16..18].copy_from_slice(&kind.to_le_bytes());
    bytes[18] = 62;
    bytes[40..48].copy_from_slice(&table.to_le_bytes());
    bytes[58] = 64;
    bytes[60..62].copy_from_slice(&(parts.len() as u16 + 2).to_le_bytes());
    bytes[62..64].copy_from_slice(&(parts.len() as u16 + 1).to_le_bytes());
    bytes
}
