//! A file from its form: the compressor runs again and is told where it did otherwise.
//!
//! The numbers of a form are checked once and then read where they stand, for a form may have millions of them: what is in
//! memory besides the form is what the compressor remembers and the tokens of one block.

use std::io::Write;

use super::bits::BitWriter;
use super::encoder;
use super::matcher::{MAX_LEVEL, MIN_LEVEL, Matcher};
use super::member::{header_length, trailer};
use super::tokens::{BlockKind, BlockShape, Exception, Match, Token};
use super::{GzipError, MAX_BLOCK_TOKENS, MAX_BYTES};
use crate::delta::varint;

/// Writes the file of `size` bytes that has this form.
///
/// # Errors
/// When the form is broken or does not make a file of that length, takes too long, or `out` cannot be written. At most
/// `size` bytes have been written.
pub fn rewrap(form: &[u8], size: u64, out: &mut dyn Write) -> Result<(), GzipError> {
    let form = Form::parse(form)?;
    let mut out = BitWriter::new(out, size);
    out.put_bytes(form.header)?;
    form.encode(&mut out)?;
    out.align();
    out.put_bytes(&trailer(form.plain))?;
    out.finish()
}

/// A form, taken apart.
struct Form<'a> {
    header: &'a [u8],
    level: u8,
    /// Empty for one dynamic block.
    blocks: Numbers<'a>,
    exceptions: Exceptions<'a>,
    plain: &'a [u8],
}

impl<'a> Form<'a> {
    fn parse(form: &'a [u8]) -> Result<Self, GzipError> {
        if form.len() as u64 > MAX_BYTES {
            return Err(GzipError::bad("it is too long"));
        }
        let mut rest = form;
        let header = number(&mut rest)?;
        let header = usize::try_from(header).ok().and_then(|length| rest.split_at_checked(length));
        let (header, mut rest) = header.ok_or(GzipError::bad("it is cut off"))?;
        if header_length(header) != Some(header.len()) {
            return Err(GzipError::bad("its header is none"));
        }
        let level = number(&mut rest)?;
        let level = u8::try_from(level).ok().filter(|level| (MIN_LEVEL..=MAX_LEVEL).contains(level));
        let level = level.ok_or(GzipError::bad("its level is none"))?;
        let count = number(&mut rest)?;
        let blocks = Numbers::split(&mut rest, count)?;
        let count = number(&mut rest)?;
        let after = Numbers::split(&mut rest, count)?;
        let lengths = Numbers::split(&mut rest, count)?;
        let matches = lengths.clone().filter(|length| *length > 0).count();
        let distances = Numbers::split(&mut rest, matches as u64)?;
        Ok(Self { header, level, blocks, exceptions: Exceptions { after, lengths, distances }, plain: rest })
    }

    fn encode(&self, out: &mut BitWriter<'_>) -> Result<(), GzipError> {
        let plain = self.plain;
        let matcher = Matcher::new(plain, self.level).ok_or(GzipError::bad("its level is none"))?;
        let mut replay = Replay { matcher, exceptions: self.exceptions.clone().peekable(), foretold: 0 };
        let mut blocks = self.blocks.clone();
        if blocks.left == 0 {
            let tokens = replay.tokens(usize::MAX)?;
            encoder::compressed(&tokens, plain, true, true, out)?;
        }
        while let Some(block) = blocks.next() {
            let block = shape(block)?;
            let (start, count, last) = (replay.matcher.at(), block.count as usize, blocks.left == 0);
            if block.kind == BlockKind::Stored {
                let bytes = plain[start..].get(..count).ok_or(GzipError::bad("a block goes beyond its text"))?;
                replay.matcher.pass(count);
                encoder::stored(bytes, last, out)?;
                continue;
            }
            let tokens = replay.tokens(count)?;
            if tokens.len() != count {
                return Err(GzipError::bad("a block goes beyond its text"));
            }
            encoder::compressed(&tokens, &plain[start..], block.kind == BlockKind::Dynamic, last, out)?;
        }
        if replay.matcher.left() > 0 || replay.exceptions.next().is_some() {
            return Err(GzipError::bad("its blocks end before its text or exceptions"));
        }
        Ok(())
    }
}

/// The block that a number of a form stands for.
fn shape(number: u64) -> Result<BlockShape, GzipError> {
    let kind = [BlockKind::Stored, BlockKind::Fixed, BlockKind::Dynamic][(number % 3) as usize];
    let most = if kind == BlockKind::Stored { u16::MAX.into() } else { MAX_BLOCK_TOKENS as u64 };
    let count = Some(number / 3).filter(|count| *count <= most);
    count.map(|count| BlockShape { kind, count: count as u32 }).ok_or(GzipError::bad("a block is too long"))
}

/// The tokens of a file, from what is foretold and what is not.
struct Replay<'a> {
    matcher: Matcher<'a>,
    exceptions: std::iter::Peekable<Exceptions<'a>>,
    /// Tokens since the last exception.
    foretold: u64,
}

impl Replay<'_> {
    /// The next `count` tokens, or as many as the text has.
    fn tokens(&mut self, count: usize) -> Result<Vec<Token>, GzipError> {
        let mut tokens = Vec::with_capacity(count.min(self.matcher.left()).min(MAX_BLOCK_TOKENS));
        while tokens.len() < count && self.matcher.left() > 0 {
            if tokens.len() == MAX_BLOCK_TOKENS {
                return Err(GzipError::bad("a block is too long"));
            }
            let prediction = self.matcher.predict()?;
            let token = match self.exceptions.next_if(|exception| exception.after == self.foretold) {
                Some(exception) => {
                    self.foretold = 0;
                    exception.token
                }
                None => {
                    self.foretold += 1;
                    prediction.token
                }
            };
            if let Token::Match(found) = token
                && !self.matcher.is_true(found)
            {
                return Err(GzipError::bad("an exception is no match"));
            }
            self.matcher.advance(token, prediction);
            tokens.push(token);
        }
        Ok(tokens)
    }
}

/// Numbers in a form, each in its shortest form.
#[derive(Clone)]
struct Numbers<'a> {
    left: u64,
    bytes: &'a [u8],
}

impl<'a> Numbers<'a> {
    /// The next `count` numbers of `rest`, which begins behind them afterwards.
    fn split(rest: &mut &'a [u8], count: u64) -> Result<Self, GzipError> {
        let numbers = Self { left: count, bytes: *rest };
        if count > rest.len() as u64 {
            return Err(GzipError::bad("it is cut off"));
        }
        for _ in 0..count {
            number(rest)?;
        }
        Ok(numbers)
    }
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        Some(number(&mut self.bytes).expect("all were read when they were split off"))
    }
}

/// What is not as foretold. Whether a match can be one is for [`Matcher::is_true`] to say.
#[derive(Clone)]
struct Exceptions<'a> {
    after: Numbers<'a>,
    lengths: Numbers<'a>,
    distances: Numbers<'a>,
}

impl Iterator for Exceptions<'_> {
    type Item = Exception;

    fn next(&mut self) -> Option<Exception> {
        // What is too large for the field is so for any match.
        let small = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
        let (after, length) = (self.after.next()?, self.lengths.next()?);
        let token = match length {
            0 => Token::Literal,
            length => Token::Match(Match { length: small(length), distance: small(self.distances.next()?) }),
        };
        Some(Exception { after, token })
    }
}

fn number(rest: &mut &[u8]) -> Result<u64, GzipError> {
    varint::read(rest).map_err(|_| GzipError::bad("a number is cut off or not in its shortest form"))
}
