//! Writing blocks of a deflate stream as gzip and zlib do.

use super::GzipError;
use super::bits::BitWriter;
use super::huffman::{Code, fixed_lengths};
use super::tokens::{
    BlockKind, CODE_LENGTH_ORDER, DISTANCE_CODES, DISTANCES, END_OF_BLOCK, LENGTHS, LITERAL_CODES, Token, code_of,
};

/// One symbol of the description of a dynamic block's codes: it, extra bits and their number.
type Described = (usize, u32, u32);

/// Writes a stored block of at most 65,535 bytes.
pub(super) fn stored(bytes: &[u8], last: bool, out: &mut BitWriter<'_>) -> Result<(), GzipError> {
    begin(BlockKind::Stored, last, out)?;
    out.align();
    let length = bytes.len() as u16;
    out.put_bytes(&length.to_le_bytes())?;
    out.put_bytes(&(!length).to_le_bytes())?;
    out.put_bytes(bytes)
}

/// Writes a block of tokens that stand for `text`.
pub(super) fn compressed(
    tokens: &[Token],
    text: &[u8],
    dynamic: bool,
    last: bool,
    out: &mut BitWriter<'_>,
) -> Result<(), GzipError> {
    begin(if dynamic { BlockKind::Dynamic } else { BlockKind::Fixed }, last, out)?;
    let (literals, distances) = if dynamic {
        let codes = codes_for(tokens, text);
        describe(&codes.0, &codes.1, out)?;
        codes
    } else {
        let (literals, distances) = fixed_lengths();
        (Code::from_lengths(literals.to_vec()), Code::from_lengths(distances.to_vec()))
    };
    let mut put = |(bits, count): (u32, u32)| out.put(bits, count);
    for_each(tokens, text, |token, byte| match token {
        Token::Literal => put(literals.of(byte.into())),
        Token::Match(found) => {
            let code = code_of(&LENGTHS, found.length);
            let (start, extra) = LENGTHS[code];
            put(literals.of(END_OF_BLOCK + 1 + code))?;
            put((u32::from(found.length - start), extra.into()))?;
            let code = code_of(&DISTANCES, found.distance);
            let (start, extra) = DISTANCES[code];
            put(distances.of(code))?;
            put((u32::from(found.distance - start), extra.into()))
        }
    })?;
    put(literals.of(END_OF_BLOCK))
}

fn begin(kind: BlockKind, last: bool, out: &mut BitWriter<'_>) -> Result<(), GzipError> {
    out.put(u32::from(last), 1)?;
    out.put(kind as u32, 2)
}

/// Gives each token with the first byte that it stands for.
fn for_each(
    tokens: &[Token],
    text: &[u8],
    mut work: impl FnMut(Token, u8) -> Result<(), GzipError>,
) -> Result<(), GzipError> {
    let mut at = 0;
    for token in tokens {
        work(*token, text[at])?;
        at += token.length();
    }
    Ok(())
}

fn codes_for(tokens: &[Token], text: &[u8]) -> (Code, Code) {
    let (mut literals, mut distances) = ([0; LITERAL_CODES], [0; DISTANCE_CODES]);
    literals[END_OF_BLOCK] = 1;
    let mut at = 0;
    for token in tokens {
        match token {
            Token::Literal => literals[usize::from(text[at])] += 1,
            Token::Match(found) => {
                literals[END_OF_BLOCK + 1 + code_of(&LENGTHS, found.length)] += 1;
                distances[code_of(&DISTANCES, found.distance)] += 1;
            }
        }
        at += token.length();
    }
    (Code::from_counts(&literals, 15), Code::from_counts(&distances, 15))
}

/// Writes the codes of a dynamic block.
fn describe(literals: &Code, distances: &Code, out: &mut BitWriter<'_>) -> Result<(), GzipError> {
    let (literal_count, distance_count) = (literals.last() + 1, distances.last() + 1);
    let mut described = run_lengths(&literals.lengths[..literal_count]);
    described.extend(run_lengths(&distances.lengths[..distance_count]));
    let mut counts = [0; CODE_LENGTH_ORDER.len()];
    described.iter().for_each(|(symbol, ..)| counts[*symbol] += 1);
    let code = Code::from_counts(&counts, 7);
    let given = CODE_LENGTH_ORDER.iter().rposition(|symbol| code.lengths[*symbol] > 0).unwrap_or(0).max(3) + 1;
    out.put(literal_count as u32 - 257, 5)?;
    out.put(distance_count as u32 - 1, 5)?;
    out.put(given as u32 - 4, 4)?;
    for symbol in &CODE_LENGTH_ORDER[..given] {
        out.put(code.lengths[*symbol].into(), 3)?;
    }
    for (symbol, extra, count) in described {
        let (bits, length) = code.of(symbol);
        out.put(bits, length)?;
        out.put(extra, count)?;
    }
    Ok(())
}

/// `scan_tree`: runs never reach from one alphabet into the other.
fn run_lengths(lengths: &[u8]) -> Vec<Described> {
    let mut described = Vec::new();
    let mut previous = None;
    for run in lengths.chunk_by(|a, b| a == b) {
        let (value, mut left) = (run[0], run.len());
        while left > 0 {
            let (most, least) = match value {
                0 => (138, 3),
                _ if previous == Some(value) => (6, 3),
                _ => (7, 4),
            };
            let count = left.min(most);
            left -= count;
            if count < least {
                described.extend(std::iter::repeat_n((value.into(), 0, 0), count));
            } else if value != 0 {
                let mut repeated = count;
                if previous != Some(value) {
                    described.push((value.into(), 0, 0));
                    repeated -= 1;
                }
                described.push((16, repeated as u32 - 3, 2));
            } else if count <= 10 {
                described.push((17, count as u32 - 3, 3));
            } else {
                described.push((18, count as u32 - 11, 7));
            }
            previous = Some(value);
        }
    }
    described
}
