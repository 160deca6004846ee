//! The file around sections: header, contents, names, table.

use std::collections::BTreeMap;

/// Where the first section lies.
const BASE: usize = 0x1000;
/// Sections that programs write to lie so many pages further in memory than in the file, and more in later versions.
const PAGES_BETWEEN: usize = 2;
const PAGE: usize = 0x1000;

/// A section. Others are named, for their numbers.
pub(super) struct Part {
    name: &'static str,
    kind: u32,
    flags: u64,
    align: usize,
    link: &'static str,
    info: &'static str,
    over: &'static str,
    bytes: Vec<u8>,
}

impl Part {
    pub(super) const NO_BITS: u32 = 8;

    pub(super) fn new(name: &'static str, kind: u32, flags: u64, bytes: Vec<u8>) -> Self {
        Self { name, kind, flags, align: 16, link: "", info: "", over: "", bytes }
    }

    pub(super) fn to(self, link: &'static str) -> Self {
        Self { link, ..self }
    }

    pub(super) fn about(self, info: &'static str) -> Self {
        Self { info, ..self }
    }

    pub(super) fn aligned(self, align: usize) -> Self {
        Self { align, ..self }
    }

    /// Lies where another one does, which no linker makes.
    pub(super) fn over(self, over: &'static str) -> Self {
        Self { over, ..self }
    }

    fn stored(&self) -> &[u8] {
        if self.kind == Self::NO_BITS || !self.over.is_empty() { &[] } else { &self.bytes }
    }

    /// Where it lies in memory, if it does.
    fn address(&self, offset: usize, version: usize) -> u64 {
        match self.flags & 3 {
            2 => offset as u64,
            3 => (offset + PAGE * (PAGES_BETWEEN + version)) as u64,
            _ => 0,
        }
    }
}

/// Where parts lie in the file.
fn offsets(parts: &[Part]) -> BTreeMap<&'static str, usize> {
    let mut offsets = BTreeMap::new();
    let mut end = BASE;
    for part in parts {
        let offset = offsets.get(part.over).copied().unwrap_or(end.next_multiple_of(part.align));
        offsets.insert(part.name, offset);
        end = end.max(offset + part.stored().len());
    }
    offsets
}

/// A linked file. Its parts need each other's addresses; their lengths do not depend on them.
pub(super) fn linked(version: usize, parts: impl Fn(&dyn Fn(&str) -> u64) -> Vec<Part>) -> Vec<u8> {
    let rough = parts(&|_| 0);
    let offsets = offsets(&rough);
    let addresses: BTreeMap<_, _> =
        rough.iter().map(|part| (part.name, part.address(offsets[part.name], version))).collect();
    file(3, version, parts(&|name| addresses[name]))
}

/// An object file, whose addresses are offsets in sections.
pub(super) fn relocatable(parts: Vec<Part>) -> Vec<u8> {
    file(1, 0, parts)
}

fn file(kind: u16, version: usize, mut parts: Vec<Part>) -> Vec<u8> {
    let mut names = vec![0];
    let mut name_at = Vec::new();
    for name in parts.iter().map(|part| part.name).chain([".shstrtab"]) {
        name_at.push(names.len() as u32);
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    parts.push(Part::new(".shstrtab", 3, 0, names).aligned(1));
    let number = |name: &str| parts.iter().position(|part| part.name == name).map_or(0, |at| at as u32 + 1);

    let offsets = offsets(&parts);
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(BASE, 0);
    let mut rows = vec![0; 64];
    for (part, name_at) in parts.iter().zip(name_at) {
        let offset = offsets[part.name];
        bytes.resize(bytes.len().max(offset), 0);
        let address = if kind == 3 { part.address(offset, version) } else { 0 };
        rows.extend([name_at, part.kind].map(u32::to_le_bytes).concat());
        rows.extend([part.flags, address, offset as u64, part.bytes.len() as u64].map(u64::to_le_bytes).concat());
        rows.extend([number(part.link), number(part.info)].map(u32::to_le_bytes).concat());
        rows.extend([part.align as u64, 0].map(u64::to_le_bytes).concat());
        bytes.extend_from_slice(part.stored());
    }
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    let table = bytes.len() as u64;
    bytes.extend_from_slice(&rows);
    bytes[16..18].copy_from_slice(&kind.to_le_bytes());
    bytes[18] = 62;
    bytes[40..48].copy_from_slice(&table.to_le_bytes());
    bytes[58] = 64;
    bytes[60..62].copy_from_slice(&(parts.len() as u16 + 1).to_le_bytes());
    bytes[62..64].copy_from_slice(&(parts.len() as u16).to_le_bytes());
    bytes
}
