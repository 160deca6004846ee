//! What gzip and zlib make of a text at levels 4 to 9: which token comes next (`deflate_slow` and `longest_match` of
//! `deflate.c`). Where they differ, near the end of a text, this is zlib.

use super::tokens::{MAX_MATCH, MIN_MATCH, Match, Token};
use super::{GzipError, MAX_STEPS};

/// The slowest level, which is what distributions use.
pub(super) const MAX_LEVEL: u8 = 9;
/// The fastest level that looks one byte ahead; those below work otherwise.
pub(super) const MIN_LEVEL: u8 = 4;

/// How far back matches go: the window without what must be ahead.
const MAX_BACK: usize = (1 << 15) - (MAX_MATCH + MIN_MATCH + 1);
/// A match of three bytes from farther away is worth less than three literals.
const TOO_FAR: usize = 4096;
const HASH_BITS: u32 = 15;
const HASH_SHIFT: u32 = HASH_BITS.div_ceil(MIN_MATCH as u32);
const RING: usize = 1 << 15;

/// How hard a level tries.
#[derive(Clone, Copy)]
struct Effort {
    /// From this length on, only a quarter of the candidates for a better one are looked at.
    good: usize,
    /// From this length on, none.
    lazy: usize,
    /// A match of this length ends the search.
    nice: usize,
    /// How many candidates are looked at.
    chain: u32,
}

/// Walks through a text and foretells its tokens.
pub(super) struct Matcher<'a> {
    plain: &'a [u8],
    effort: Effort,
    /// Where the next token begins.
    at: usize,
    /// What the search has found here already, when a token before made it look ahead.
    here: Option<Option<Match>>,
    /// The last place with each hash, 0 for none: so nothing is ever found at the beginning, as in the original.
    heads: Vec<u32>,
    /// For each of the last places, the one before it with the same hash.
    before: Vec<u32>,
    /// Places before this are in `heads`.
    known: usize,
    steps_left: u64,
}

impl<'a> Matcher<'a> {
    /// At a level from [`MIN_LEVEL`] to [`MAX_LEVEL`]; none at others.
    pub(super) fn new(plain: &'a [u8], level: u8) -> Option<Self> {
        let (good, lazy, nice, chain) = match level {
            4 => (4, 4, 16, 16),
            5 => (8, 16, 32, 32),
            6 => (8, 16, 128, 128),
            7 => (8, 32, 128, 256),
            8 => (32, 128, 258, 1024),
            9 => (32, 258, 258, 4096),
            _ => return None,
        };
        let effort = Effort { good, lazy, nice, chain };
        let (heads, before) = (vec![0; 1 << HASH_BITS], vec![0; RING.min(plain.len())]);
        Some(Self { plain, effort, at: 0, here: None, heads, before, known: 0, steps_left: MAX_STEPS })
    }

    /// Where the next token begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes of the text are left.
    pub(super) fn left(&self) -> usize {
        self.plain.len() - self.at
    }

    /// The token that the compressor would write next, which is to be followed by [`Self::advance`]; there is text left.
    pub(super) fn predict(&mut self) -> Result<Prediction, GzipError> {
        let here = match self.here.take() {
            Some(here) => here,
            None => self.search(self.at, MIN_MATCH - 1)?,
        };
        let length = here.map_or(MIN_MATCH - 1, |found| found.length.into());
        let ahead = if length < self.effort.lazy { self.search(self.at + 1, length)? } else { None };
        Ok(match (here, ahead) {
            (Some(here), None) => Prediction { token: Token::Match(here), ahead: None },
            (_, ahead) => Prediction { token: Token::Literal, ahead: Some(ahead) },
        })
    }

    /// Goes on after `token`, which is what the file has.
    pub(super) fn advance(&mut self, token: Token, prediction: Prediction) {
        self.at += token.length();
        self.here = if token == prediction.token { prediction.ahead } else { None };
    }

    /// Passes over bytes that stand in a stored block.
    pub(super) fn pass(&mut self, count: usize) {
        self.at += count;
        self.here = None;
    }

    /// Whether a match is one: the bytes that it stands for are those that follow.
    pub(super) fn is_true(&self, found: Match) -> bool {
        let (length, distance) = (usize::from(found.length), usize::from(found.distance));
        (MIN_MATCH..=MAX_MATCH.min(self.left())).contains(&length)
            && (1..=self.at).contains(&distance)
            && (self.at..self.at + length).all(|at| self.plain[at] == self.plain[at - distance])
    }

    /// The longest match at a place that is longer than `best` bytes, the nearest of several.
    fn search(&mut self, at: usize, mut best: usize) -> Result<Option<Match>, GzipError> {
        let Some(hash) = self.hash(at) else { return Ok(None) };
        self.learn(at);
        let text = &self.plain[at..self.plain.len().min(at + MAX_MATCH)];
        let nice = self.effort.nice.min(text.len());
        let farthest = at.saturating_sub(MAX_BACK);
        let mut chain = if best >= self.effort.good { self.effort.chain >> 2 } else { self.effort.chain };
        let mut candidate = self.heads[hash] as usize;
        // The farthest place itself is looked at only when it is the first.
        let mut found = None;
        if candidate == 0 || candidate < farthest || best >= text.len() {
            return Ok(None);
        }
        loop {
            self.steps_left = self.steps_left.checked_sub(1).ok_or(GzipError::TooManySteps { limit: MAX_STEPS })?;
            let old = &self.plain[candidate..];
            if old[best] == text[best] && old[best - 1] == text[best - 1] && old[..2] == text[..2] {
                let length = common(old, text);
                if length > best {
                    best = length;
                    found = Some(Match { length: length as u16, distance: (at - candidate) as u16 });
                    if length >= nice {
                        break;
                    }
                }
            }
            candidate = self.before[candidate % RING] as usize;
            chain -= 1;
            if candidate <= farthest || chain == 0 {
                break;
            }
        }
        Ok(found.filter(|found| usize::from(found.length) > MIN_MATCH || usize::from(found.distance) <= TOO_FAR))
    }

    /// Enters all places before `at`.
    fn learn(&mut self, at: usize) {
        while self.known < at {
            let Some(hash) = self.hash(self.known) else { break };
            self.before[self.known % RING] = self.heads[hash];
            self.heads[hash] = self.known as u32;
            self.known += 1;
        }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let bytes = self.plain.get(at..at + MIN_MATCH)?;
        let hash = bytes.iter().fold(0usize, |hash, byte| (hash << HASH_SHIFT) ^ usize::from(*byte));
        Some(hash & ((1 << HASH_BITS) - 1))
    }
}

/// A foretold token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prediction {
    pub(super) token: Token,
    /// What the search has found one byte further on, after a literal.
    ahead: Option<Option<Match>>,
}

/// How many bytes are the same at the beginning.
fn common(old: &[u8], text: &[u8]) -> usize {
    let words = old.chunks_exact(8).zip(text.chunks_exact(8)).take_while(|(a, b)| a == b).count() * 8;
    words + old[words..].iter().zip(&text[words..]).take_while(|(a, b)| a == b).count()
}
