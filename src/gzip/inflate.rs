//! Taking a deflate stream apart (RFC 1951): its text, its tokens and its blocks.

use super::MAX_BLOCK_TOKENS;
use super::bits::BitReader;
use super::huffman::fixed_lengths;
use super::tokens::{
    BlockKind, BlockShape, CODE_LENGTH_ORDER, DISTANCE_CODES, DISTANCES, END_OF_BLOCK, LENGTHS, LITERAL_CODES, Match,
    Token,
};

/// Takes what is found on the way.
pub(super) trait Visitor {
    /// The next token of a block that is not stored.
    fn token(&mut self, token: Token);
    /// The block that ends.
    fn block(&mut self, shape: BlockShape);
}

impl Visitor for () {
    fn token(&mut self, _: Token) {}
    fn block(&mut self, _: BlockShape) {}
}

/// Appends the text of the stream at the beginning of `bytes` to `plain`, which grows to at most `limit` bytes and may
/// begin with others, that are not looked back to. Gives what follows the stream; none when it is broken, or too long.
pub(super) fn inflate<'a>(
    bytes: &'a [u8],
    plain: &mut Vec<u8>,
    limit: usize,
    visitor: &mut impl Visitor,
) -> Option<&'a [u8]> {
    let start = plain.len();
    let mut input = BitReader::new(bytes);
    loop {
        let last = input.take(1)? == 1;
        let shape = match input.take(2)? {
            0 => {
                let rest = input.align();
                let (lengths, rest) = rest.split_first_chunk::<4>()?;
                let length = u16::from_le_bytes([lengths[0], lengths[1]]);
                if length != !u16::from_le_bytes([lengths[2], lengths[3]]) {
                    return None;
                }
                let (stored, rest) = rest.split_at_checked(length.into())?;
                if stored.len() > limit.checked_sub(plain.len())? {
                    return None;
                }
                plain.extend_from_slice(stored);
                input = BitReader::new(rest);
                BlockShape { kind: BlockKind::Stored, count: length.into() }
            }
            1 => {
                let (literals, distances) = fixed_lengths();
                let codes = (Decoder::new(&literals)?, Decoder::new(&distances)?);
                let count = tokens(&mut input, &codes, plain, (start, limit), visitor)?;
                BlockShape { kind: BlockKind::Fixed, count }
            }
            2 => {
                let codes = dynamic_codes(&mut input)?;
                let count = tokens(&mut input, &codes, plain, (start, limit), visitor)?;
                BlockShape { kind: BlockKind::Dynamic, count }
            }
            _ => return None,
        };
        visitor.block(shape);
        if last {
            return Some(input.align());
        }
    }
}

fn tokens(
    input: &mut BitReader<'_>,
    (literals, distances): &(Decoder, Decoder),
    plain: &mut Vec<u8>,
    (start, limit): (usize, usize),
    visitor: &mut impl Visitor,
) -> Option<u32> {
    let mut count = 0;
    loop {
        let symbol = literals.symbol(input)?;
        if symbol == END_OF_BLOCK {
            return Some(count);
        }
        count += 1;
        let token = if symbol < END_OF_BLOCK {
            plain.push(symbol as u8);
            Token::Literal
        } else {
            let (base, extra) = *LENGTHS.get(symbol - END_OF_BLOCK - 1)?;
            let length = base + input.take(extra.into())? as u16;
            let (base, extra) = *DISTANCES.get(distances.symbol(input)?)?;
            let distance = base + input.take(extra.into())? as u16;
            let from = plain.len().checked_sub(distance.into()).filter(|from| *from >= start)?;
            if usize::from(distance) >= usize::from(length) {
                plain.extend_from_within(from..from + usize::from(length));
            } else {
                (from..from + usize::from(length)).for_each(|at| plain.push(plain[at]));
            }
            Token::Match(Match { length, distance })
        };
        if plain.len() > limit || count as usize > MAX_BLOCK_TOKENS {
            return None;
        }
        visitor.token(token);
    }
}

fn dynamic_codes(input: &mut BitReader<'_>) -> Option<(Decoder, Decoder)> {
    let literals = input.take(5)? as usize + 257;
    let distances = input.take(5)? as usize + 1;
    let given = input.take(4)? as usize + 4;
    if literals > LITERAL_CODES || distances > DISTANCE_CODES {
        return None;
    }
    let mut lengths = [0; CODE_LENGTH_ORDER.len()];
    for symbol in &CODE_LENGTH_ORDER[..given] {
        lengths[*symbol] = input.take(3)? as u8;
    }
    let code = Decoder::new(&lengths)?;
    let mut lengths = Vec::with_capacity(LITERAL_CODES + DISTANCE_CODES);
    while lengths.len() < literals + distances {
        let (value, count) = match code.symbol(input)? {
            16 => (*lengths.last()?, input.take(2)? + 3),
            17 => (0, input.take(3)? + 3),
            18 => (0, input.take(7)? + 11),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(value, count as usize));
    }
    if lengths.len() != literals + distances {
        return None;
    }
    Some((Decoder::new(&lengths[..literals])?, Decoder::new(&lengths[literals..])?))
}

/// A Huffman code as one table: for the next bits, symbol and length of the code.
struct Decoder {
    bits: u32,
    table: Vec<(u16, u8)>,
}

impl Decoder {
    /// The code with these lengths; none when there is no such code. It may leave bits without a meaning.
    fn new(lengths: &[u8]) -> Option<Self> {
        let bits = u32::from(lengths.iter().copied().max()?);
        let mut table = vec![(0, 0); 1 << bits];
        let mut next = 0u32;
        for length in 1..=bits {
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, its)| u32::from(**its) == length) {
                if next >= 1 << length {
                    return None;
                }
                let code = next.reverse_bits() >> (32 - length);
                for entry in table[code as usize..].iter_mut().step_by(1 << length) {
                    *entry = (symbol as u16, length as u8);
                }
                next += 1;
            }
            next <<= 1;
        }
        Some(Self { bits, table })
    }

    fn symbol(&self, input: &mut BitReader<'_>) -> Option<usize> {
        let (bits, real) = input.peek();
        let (symbol, length) = self.table[(bits & ((1 << self.bits) - 1)) as usize];
        let length = u32::from(length);
        if length == 0 || length > real {
            return None;
        }
        input.consume(length);
        Some(symbol.into())
    }
}
