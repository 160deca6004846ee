//! A gzip file as its text and what its compressor did.

use std::io::Write;

use super::MAX_BYTES;
use super::inflate::{Visitor, inflate};
use super::matcher::{MAX_LEVEL, Matcher};
use super::member::{TRAILER, header_length, trailer};
use super::replay::rewrap;
use super::tokens::{BlockKind, BlockShape, Exception, Token};
use crate::delta::varint;

/// Levels in the order in which they are tried; the first two are what nearly everyone uses.
const LEVELS: [u8; 6] = [9, 6, 8, 7, 5, 4];
/// One exception in so many tokens is as many as there may be: more would cost more than they bring.
const TOKENS_PER_EXCEPTION: usize = 16;
/// So many there may be in any file.
const FREE_EXCEPTIONS: usize = 4;

/// What a compressor did that cannot be foretold.
#[derive(Default)]
struct Recipe {
    level: u8,
    /// Empty for one dynamic block.
    blocks: Vec<BlockShape>,
    exceptions: Vec<Exception>,
}

/// The form of a file that is one gzip member; none when it is anything else, or its compressor is not one that can be
/// repeated, or it or its form is longer than [`MAX_BYTES`].
pub fn unwrap(file: &[u8]) -> Option<Vec<u8>> {
    let mut tokens = Tokens::default();
    let (header, plain) = open(file, Vec::new(), &mut tokens)?;
    if let [BlockShape { kind: BlockKind::Dynamic, .. }] = tokens.blocks[..] {
        tokens.blocks.clear();
    }
    let mut limit = FREE_EXCEPTIONS + tokens.tokens.len() / TOKENS_PER_EXCEPTION;
    let mut best: Option<(u8, Vec<Exception>)> = None;
    for level in LEVELS {
        if let Some(exceptions) = tokens.exceptions(&plain, level, limit) {
            if exceptions.is_empty() {
                best = Some((level, exceptions));
                break;
            }
            // The next must be better.
            limit = exceptions.len() - 1;
            best = Some((level, exceptions));
        }
    }
    let (level, exceptions) = best?;
    let form = Recipe { level, blocks: tokens.blocks, exceptions }.form(header, &plain);
    drop(plain);
    let mut again = Compare::new(file);
    rewrap(&form, file.len() as u64, &mut again).ok()?;
    (form.len() as u64 <= MAX_BYTES).then_some(form)
}

/// What a delta to a form starts from when the old file is `old`: if that is one gzip member, and it and its text are
/// not too long, the form that it would have if nothing about it were exceptional. None for any other file: the delta
/// then starts from the file as it is.
pub fn base_form(old: &[u8]) -> Option<Vec<u8>> {
    let header = &old[..header_length(old)?];
    let start = Recipe { level: MAX_LEVEL, ..Recipe::default() }.form(header, &[]);
    let (_, form) = open(old, start, &mut ())?;
    (form.len() as u64 <= MAX_BYTES).then_some(form)
}

/// Takes a member apart: its header, and its text appended to `plain`.
fn open<'a>(file: &'a [u8], mut plain: Vec<u8>, visitor: &mut impl Visitor) -> Option<(&'a [u8], Vec<u8>)> {
    if file.len() as u64 > MAX_BYTES {
        return None;
    }
    let (header, rest) = file.split_at(header_length(file)?);
    let start = plain.len();
    // A hint, so that memory is taken once; whether it is right shows at the end.
    let hint = u32::from_le_bytes(*file.last_chunk::<4>()?);
    plain.reserve_exact(u64::from(hint).min(MAX_BYTES) as usize);
    let rest = inflate(rest, &mut plain, start + MAX_BYTES as usize, visitor)?;
    (rest.len() == TRAILER && *rest == trailer(&plain[start..])).then_some((header, plain))
}

/// A file's tokens and blocks.
#[derive(Default)]
struct Tokens {
    tokens: Vec<Token>,
    blocks: Vec<BlockShape>,
}

impl Visitor for Tokens {
    fn token(&mut self, token: Token) {
        self.tokens.push(token);
    }

    fn block(&mut self, shape: BlockShape) {
        self.blocks.push(shape);
    }
}

impl Tokens {
    /// Where the tokens are not those of a level; none when that is in more than `limit` places.
    fn exceptions(&self, plain: &[u8], level: u8, limit: usize) -> Option<Vec<Exception>> {
        let mut matcher = Matcher::new(plain, level)?;
        let (mut exceptions, mut after) = (Vec::new(), 0);
        let mut each = |matcher: &mut Matcher<'_>, token: Token| {
            let prediction = matcher.predict().ok()?;
            if prediction.token == token {
                after += 1;
            } else {
                exceptions.push(Exception { after: std::mem::take(&mut after), token });
            }
            matcher.advance(token, prediction);
            (exceptions.len() <= limit).then_some(())
        };
        let mut tokens = self.tokens.iter();
        for block in &self.blocks {
            match block.kind {
                BlockKind::Stored => matcher.pass(block.count as usize),
                _ => tokens.by_ref().take(block.count as usize).try_for_each(|token| each(&mut matcher, *token))?,
            }
        }
        tokens.try_for_each(|token| each(&mut matcher, *token))?;
        Some(exceptions)
    }
}

impl Recipe {
    fn form(&self, header: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut form = Vec::with_capacity(header.len() + plain.len() + 16);
        varint::push(&mut form, header.len() as u64);
        form.extend_from_slice(header);
        form.push(self.level);
        varint::push(&mut form, self.blocks.len() as u64);
        self.blocks.iter().for_each(|block| varint::push(&mut form, u64::from(block.count) * 3 + block.kind as u64));
        varint::push(&mut form, self.exceptions.len() as u64);
        self.exceptions.iter().for_each(|exception| varint::push(&mut form, exception.after));
        let matches = self.exceptions.iter().map(|exception| match exception.token {
            Token::Literal => (0, 0),
            Token::Match(found) => (found.length, found.distance),
        });
        matches.clone().for_each(|(length, _)| varint::push(&mut form, length.into()));
        matches.filter(|found| found.0 > 0).for_each(|(_, distance)| varint::push(&mut form, distance.into()));
        form.extend_from_slice(plain);
        form
    }
}

/// Takes only what is the same.
pub(crate) struct Compare<'a> {
    rest: &'a [u8],
}

impl<'a> Compare<'a> {
    pub(crate) fn new(file: &'a [u8]) -> Self {
        Self { rest: file }
    }
}

impl Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
