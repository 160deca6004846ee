//! What gzip and zlib make of a text at levels 4 to 9: which token comes next (`deflate_slow` and `longest_match` of
//! `deflate.c`). Where they differ, near the end of a text, this is zlib.
//!
//! The originals walk along the places that begin with the same three bytes, up to 4,096 of them, and take the longest
//! match, the nearest of several. Here the places are found that begin with the same six bytes, or four, where such a match
//! is to be had: of those there are few. What the originals would not have come to is known by numbering the places along
//! their chain.

use super::chains::{Chains, RING};
use super::tokens::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH, Match, Token};
use super::{GzipError, MAX_STEPS};

/// The slowest level, which is what distributions use.
pub(super) const MAX_LEVEL: u8 = 9;
/// The fastest level that looks one byte ahead; those below work otherwise.
pub(super) const MIN_LEVEL: u8 = 4;

/// How far back matches go: the window without what must be ahead.
const MAX_BACK: usize = (1 << 15) - (MAX_MATCH + MIN_MATCH + 1);
/// A match of three bytes from farther away is worth less than three literals.
const TOO_FAR: usize = 4096;

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
    triples: Chains<MIN_MATCH>,
    fours: Chains<4>,
    sixes: Chains<6>,
    /// The number of each of the last places along its chain of `triples`.
    numbers: Box<[u32; RING]>,
    /// Places before this were entered.
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
        let (triples, fours, sixes) = (Chains::new(), Chains::new(), Chains::new());
        let numbers = Box::new([0; RING]);
        Some(Self { plain, effort, at: 0, here: None, triples, fours, sixes, numbers, known: 0, steps_left: MAX_STEPS })
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
            && (1..=MAX_DISTANCE.min(self.at)).contains(&distance)
            && (self.at..self.at + length).all(|at| self.plain[at] == self.plain[at - distance])
    }

    /// The longest match at a place that is longer than `best` bytes, the nearest of several.
    fn search(&mut self, at: usize, best: usize) -> Result<Option<Match>, GzipError> {
        self.learn(at);
        let text = &self.plain[at..self.plain.len().min(at + MAX_MATCH)];
        let farthest = at.saturating_sub(MAX_BACK);
        let first = self.triples.first(self.plain, at).filter(|first| *first >= farthest && best < text.len());
        let Some(first) = first else { return Ok(None) };
        let chain = if best >= self.effort.good { self.effort.chain >> 2 } else { self.effort.chain };
        let least_number = (self.numbers[first % RING] + 1).saturating_sub(chain);
        let nice = self.effort.nice.min(text.len());
        let mut search = Search { at, text, first, farthest, least_number, numbers: &self.numbers, steps: 0 };
        let mut found = search.walk(&self.sixes, self.plain, best.max(5), nice);
        if found.is_none() && best < 5 {
            found = search.walk(&self.fours, self.plain, best.max(3), nice.min(5));
        }
        if found.is_none() && best < 3 {
            found = search.walk(&self.triples, self.plain, best, nice.min(3));
        }
        let left = self.steps_left.checked_sub(search.steps);
        self.steps_left = left.ok_or(GzipError::TooManySteps { limit: MAX_STEPS })?;
        Ok(found.filter(|found| usize::from(found.length) > MIN_MATCH || usize::from(found.distance) <= TOO_FAR))
    }

    /// Enters all places before `at`.
    fn learn(&mut self, at: usize) {
        for place in self.known..at {
            let next = self.triples.enter(self.plain, place);
            self.numbers[place % RING] = next.map_or(0, |next| self.numbers[next % RING] + 1);
            self.fours.enter(self.plain, place);
            self.sixes.enter(self.plain, place);
        }
        self.known = self.known.max(at);
    }
}

/// A search for a match at one place.
struct Search<'a> {
    at: usize,
    text: &'a [u8],
    /// The candidate that the original looks at first.
    first: usize,
    /// It looks at no candidate before this, and at this one only when it is the first.
    farthest: usize,
    /// It looks at none with a smaller number.
    least_number: u32,
    numbers: &'a [u32; RING],
    steps: u64,
}

impl Search<'_> {
    /// The longest match of more than `best` bytes among places that begin alike, the nearest of several, or the nearest of
    /// at least `nice`.
    fn walk<const K: usize>(
        &mut self,
        chains: &Chains<K>,
        plain: &[u8],
        mut best: usize,
        nice: usize,
    ) -> Option<Match> {
        let mut found = None;
        let mut end = pair(self.text, best - 1)?;
        let mut next = chains.first(plain, self.at);
        while let Some(candidate) = next.filter(|place| *place > self.farthest || *place == self.first) {
            self.steps += 1;
            if pair(plain, candidate + best - 1) == Some(end) {
                let length = common(&plain[candidate..], self.text);
                // With fewer bytes alike the place may be of another chain, where its number says something else.
                if length > best && self.numbers[candidate % RING] >= self.least_number {
                    best = length;
                    found = Some(Match { length: length as u16, distance: (self.at - candidate) as u16 });
                    if length >= nice {
                        break;
                    }
                    end = pair(self.text, best - 1)?;
                }
            }
            next = chains.next(candidate);
        }
        found
    }
}

/// A foretold token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prediction {
    pub(super) token: Token,
    /// What the search has found one byte further on, after a literal.
    ahead: Option<Option<Match>>,
}

fn pair(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// How many bytes are the same at the beginning.
fn common(old: &[u8], text: &[u8]) -> usize {
    let words = old.chunks_exact(8).zip(text.chunks_exact(8)).take_while(|(a, b)| a == b).count() * 8;
    words + old[words..].iter().zip(&text[words..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The search as the originals do it: along all places that begin with the same three bytes, or seem to.
    fn original(plain: &[u8], at: usize, mut best: usize, effort: Effort) -> Option<Match> {
        let hash = |at: usize| plain[at..at + 3].iter().fold(0, |hash, byte| (hash << 5 ^ usize::from(*byte)) & 0x7fff);
        let text = &plain[at..plain.len().min(at + MAX_MATCH)];
        if text.len() < 3 || best >= text.len() {
            return None;
        }
        let (mut found, farthest) = (None, at.saturating_sub(MAX_BACK));
        let mut chain = if best >= effort.good { effort.chain >> 2 } else { effort.chain };
        let alike = (1..at).rev().filter(|place| hash(*place) == hash(at));
        for (number, candidate) in alike.enumerate() {
            if candidate < farthest || (number > 0 && candidate == farthest) || chain == 0 {
                break;
            }
            chain -= 1;
            let length = common(&plain[candidate..], text);
            if length > best {
                best = length;
                found = Some(Match { length: length as u16, distance: (at - candidate) as u16 });
                if length >= effort.nice.min(text.len()) {
                    break;
                }
            }
        }
        found.filter(|found| found.length > 3 || usize::from(found.distance) <= TOO_FAR)
    }

    fn assert_as_original(plain: &[u8], level: u8, places: impl Iterator<Item = (usize, usize)>) {
        let mut matcher = Matcher::new(plain, level).expect("a level");
        for (at, best) in places {
            let found = matcher.search(at, best).expect("few steps");
            assert_eq!(found, original(plain, at, best, matcher.effort), "level {level}, at {at}, over {best}");
        }
    }

    proptest! {
        #[test]
        fn matches_are_those_of_the_originals(
            words in prop::collection::vec((0usize..40, 1usize..12), 1..400),
            level in MIN_LEVEL..=MAX_LEVEL,
            letters in 2u8..6,
            best in 2usize..40,
        ) {
            let letter = |at: usize| b'a' + ((at * at + at / 7) % usize::from(letters)) as u8;
            let plain: Vec<u8> = words.iter().flat_map(|(from, length)| (*from..from + length).map(letter)).collect();
            let best = |at: usize| if at.is_multiple_of(3) { 2 } else { best };
            assert_as_original(&plain, level, (0..plain.len()).map(|at| (at, best(at))));
        }
    }

    #[test]
    fn the_window_ends_where_that_of_the_originals_does() {
        let unlike = |at: usize| (at.wrapping_mul(2_654_435_761) >> 11) as u8;
        let mut plain: Vec<u8> = (0..100_000).map(unlike).collect();
        for (from, back) in [(40_000, MAX_BACK - 1), (50_000, MAX_BACK), (60_000, MAX_BACK + 1), (70_000, RING)] {
            plain.copy_within(from - back..from - back + 20, from);
            assert_as_original(&plain, 9, (from - 3..from + 20).map(|at| (at, 2)));
            // The same with more places in between that begin alike.
            for nearer in 1..5 {
                plain.copy_within(from..from + 5, from - nearer * 1000);
            }
            assert_as_original(&plain, 9, (from - 3..from + 20).map(|at| (at, 2)));
        }
        // More places than are looked at.
        for (number, at) in (0..99_000).step_by(40).enumerate() {
            plain.splice(at..at + 6, [1, 2, 3, 4, number as u8 % 7, 9]);
        }
        for level in MIN_LEVEL..=MAX_LEVEL {
            assert_as_original(&plain, level, (0..99_000).step_by(40).skip(100).step_by(50).map(|at| (at, 2)));
        }
    }
}
