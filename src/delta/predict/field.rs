//! One field of the old file that is likely to hold a reference, and what it holds.

use super::btf::Reference;

/// A field of the old file, in 8 bytes: there are millions. In order of their places; where two begin at one place, in that
/// of [`Holds`] and of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    /// Where it begins.
    pub(super) at: u32,
    holds: u32,
}

impl Field {
    /// A field at a place below 96 MiB.
    pub(super) fn new(at: usize, holds: Holds) -> Self {
        // Sections have numbers below 65,535, so what is as high names none; places are below 96 MiB (`xz::MAX_BYTES`).
        let number = |section: u32| section.min(0xffff);
        let (kind, what) = match holds {
            Holds::Relative { beyond } => (0, (i32::from(beyond) + 128) as u32),
            Holds::FromBase { base } => (1, base),
            Holds::Back => (2, 0),
            Holds::Entry { section } => (3, number(section)),
            Holds::Name { section } => (4, number(section)),
            Holds::Learned { reference: Reference::Type } => (5, 0),
            Holds::Learned { reference: Reference::Name } => (5, 1),
            Holds::Address => (6, 0),
            Holds::Inside { section, beyond } => (7, u32::from(section) << 8 | u32::from(beyond)),
            Holds::Offset => (8, 0),
            Holds::PlaceAddress { section } => (9, number(section)),
            Holds::PlaceOffset { section } => (10, number(section)),
            Holds::PlaceSize { section } => (11, number(section)),
        };
        Self { at: at as u32, holds: kind << 28 | what & 0x0fff_ffff }
    }

    pub(super) fn holds(self) -> Holds {
        let what = self.holds & 0x0fff_ffff;
        match self.holds >> 28 {
            0 => Holds::Relative { beyond: (what as i32 - 128) as i8 },
            1 => Holds::FromBase { base: what },
            2 => Holds::Back,
            3 => Holds::Entry { section: what },
            4 => Holds::Name { section: what },
            5 => Holds::Learned { reference: if what == 0 { Reference::Type } else { Reference::Name } },
            6 => Holds::Address,
            7 => Holds::Inside { section: (what >> 8) as u16, beyond: what as u8 },
            8 => Holds::Offset,
            9 => Holds::PlaceAddress { section: what },
            10 => Holds::PlaceOffset { section: what },
            _ => Holds::PlaceSize { section: what },
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// 4 bytes: an address, less that of the field, less 4, less `beyond`.
    Relative {
        beyond: i8,
    },
    /// 4 bytes: an address, less that of the place `base` in the file.
    FromBase {
        base: u32,
    },
    /// 4 bytes: how far before the field a place in the file is.
    Back,
    /// 4 bytes: the number of an entry of a section.
    Entry {
        section: u32,
    },
    /// 4 bytes: an offset in a section.
    Name {
        section: u32,
    },
    /// 4 bytes: a number that shifts with those near it.
    Learned {
        reference: Reference,
    },
    /// 8 bytes: an address.
    Address,
    /// 8 bytes: an offset in a section, less `beyond`.
    Inside {
        section: u16,
        beyond: u8,
    },
    /// 8 bytes: a place in the file.
    Offset,
    /// 8 bytes: what the table of sections says of a section.
    PlaceAddress {
        section: u32,
    },
    PlaceOffset {
        section: u32,
    },
    PlaceSize {
        section: u32,
    },
}

impl Holds {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Address | Self::Inside { .. } | Self::Offset => 8,
            Self::PlaceAddress { .. } | Self::PlaceOffset { .. } | Self::PlaceSize { .. } => 8,
            _ => 4,
        }
    }
}
