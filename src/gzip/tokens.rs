//! Tokens of a deflate stream, and the codes of lengths and distances (RFC 1951, section 3.2.5).

/// The shortest match.
pub(super) const MIN_MATCH: usize = 3;
/// The longest match.
pub(super) const MAX_MATCH: usize = 258;
/// The farthest match that the format has.
pub(super) const MAX_DISTANCE: usize = 1 << 15;
/// The symbol that ends a block.
pub(super) const END_OF_BLOCK: usize = 256;
/// How many symbols there are for literals and lengths.
pub(super) const LITERAL_CODES: usize = 286;
/// How many symbols there are for distances.
pub(super) const DISTANCE_CODES: usize = 30;
/// The order in which a dynamic block gives the lengths of the codes for code lengths.
pub(super) const CODE_LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What a deflate stream says next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The next byte of the text, as it is.
    Literal,
    /// Bytes that stand further back.
    Match(Match),
}

/// A repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// How many bytes: [`MIN_MATCH`] to [`MAX_MATCH`].
    pub(super) length: u16,
    /// How far back: 1 to [`MAX_DISTANCE`].
    pub(super) distance: u16,
}

/// A token that is not the one that was foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    /// How many tokens that were foretold stand between the last one and this.
    pub(super) after: u64,
    pub(super) token: Token,
}

/// How a block is written; the numbers are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Stored = 0,
    Fixed = 1,
    Dynamic = 2,
}

/// One block of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockShape {
    pub(super) kind: BlockKind,
    /// Tokens, or bytes when it is stored.
    pub(super) count: u32,
}

impl Token {
    /// How many bytes of the text it stands for.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Literal => 1,
            Self::Match(found) => usize::from(found.length),
        }
    }
}

/// Smallest value and number of extra bits of each length code, from symbol 257 on.
pub(super) const LENGTHS: [(u16, u8); 29] = lengths();
/// Smallest value and number of extra bits of each distance code.
pub(super) const DISTANCES: [(u16, u8); DISTANCE_CODES] = distances();

const fn lengths() -> [(u16, u8); 29] {
    let mut table = [(0, 0); 29];
    let (mut code, mut start) = (0, MIN_MATCH as u16);
    while code < 28 {
        let extra = if code < 8 { 0 } else { code / 4 - 1 };
        table[code] = (start, extra as u8);
        start += 1 << extra;
        code += 1;
    }
    // The longest has a code of its own, though the one before could say it too.
    table[28] = (MAX_MATCH as u16, 0);
    table
}

const fn distances() -> [(u16, u8); DISTANCE_CODES] {
    let mut table = [(0, 0); DISTANCE_CODES];
    let (mut code, mut start) = (0, 1u32);
    while code < DISTANCE_CODES {
        let extra = if code < 4 { 0 } else { code / 2 - 1 };
        table[code] = (start as u16, extra as u8);
        start += 1 << extra;
        code += 1;
    }
    table
}

/// Which code stands for a length or distance.
pub(super) fn code_of(table: &[(u16, u8)], value: u16) -> usize {
    table.partition_point(|(start, _)| *start <= value) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_the_format() {
        assert_eq!((LENGTHS[0], LENGTHS[8], LENGTHS[27], LENGTHS[28]), ((3, 0), (11, 1), (227, 5), (258, 0)));
        assert_eq!((DISTANCES[0], DISTANCES[4], DISTANCES[29]), ((1, 0), (5, 1), (24_577, 13)));
        assert_eq!((code_of(&LENGTHS, 258), code_of(&LENGTHS, 257), code_of(&LENGTHS, 3)), (28, 27, 0));
        assert_eq!((code_of(&DISTANCES, 32_768), code_of(&DISTANCES, 1), code_of(&DISTANCES, 6)), (29, 0, 4));
    }
}
