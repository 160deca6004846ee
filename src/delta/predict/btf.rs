//! References in the type information of kernel modules: numbers of types and offsets of names, most of which belong
//! to the kernel's own and shift with it. Source: the kernel's `Documentation/bpf/btf.rst`.

use super::elf::{u16_at, u32_at};

/// What a 4-byte field refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reference {
    Type,
    Name,
}

/// All references of a `.BTF` section, in order, by their places in it. Ends at the first thing that is none.
pub(super) fn references(bytes: &[u8], mut push: impl FnMut(usize, Reference)) -> Option<()> {
    let header = u32_at(bytes, 4)? as usize;
    if u16_at(bytes, 0)? != 0xeb9f || header < 24 {
        return None;
    }
    let mut at = header.checked_add(u32_at(bytes, 8)? as usize)?;
    let end = at.checked_add(u32_at(bytes, 12)? as usize)?;
    let bytes = bytes.get(..end)?;
    while at + 12 <= end {
        let info = u32_at(bytes, at + 4)?;
        let (kind, members) = (info >> 24 & 31, info as usize & 0xffff);
        push(at, Reference::Name);
        if matches!(kind, 2 | 8..=14 | 17 | 18) {
            push(at + 8, Reference::Type);
        }
        at += 12;
        // What follows: how many, how long each, where a name is in it, and types.
        use Reference::{Name, Type};
        let (count, length, fields): (usize, usize, &[(usize, Reference)]) = match kind {
            1 | 14 | 17 => (1, 4, &[]),
            3 => (1, 12, &[(0, Type), (4, Type)]),
            4 | 5 => (members, 12, &[(0, Name), (4, Type)]),
            6 => (members, 8, &[(0, Name)]),
            13 => (members, 8, &[(0, Name), (4, Type)]),
            15 => (members, 12, &[(0, Type)]),
            19 => (members, 12, &[(0, Name)]),
            2 | 7..=12 | 16 | 18 => (0, 0, &[]),
            _ => return None,
        };
        if count * length > end - at {
            return None;
        }
        for member in 0..count {
            fields.iter().for_each(|(inside, reference)| push(at + member * length + inside, *reference));
        }
        at += count * length;
    }
    Some(())
}
