//! Numbers whose shifts are learned on the way: a number shifts as the nearest one did that was seen before.

use std::collections::BTreeMap;

/// How numbers have shifted so far.
#[derive(Default)]
pub(super) struct Learned {
    shifts: BTreeMap<u32, u32>,
}

/// A guess.
#[derive(Clone, Copy, Debug)]
pub(super) struct LearnedGuess {
    /// The number in the new file.
    pub(super) number: u32,
    /// Whether this very number was seen before.
    seen: bool,
}

impl Learned {
    /// What an old number is likely to be in the new file.
    pub(super) fn guess(&self, old: u32) -> LearnedGuess {
        if old == 0 {
            return LearnedGuess { number: 0, seen: true };
        }
        let below = self.shifts.range(..=old).next_back();
        // Most were seen before.
        let seen = below.is_some_and(|below| *below.0 == old);
        let above = if seen { None } else { self.shifts.range(old..).next() };
        let nearest = match (below, above) {
            (Some(below), Some(above)) => Some(if old - below.0 <= above.0 - old { below } else { above }),
            (below, above) => below.or(above),
        };
        LearnedGuess { number: old.wrapping_add(nearest.map_or(0, |(_, shift)| *shift)), seen }
    }

    /// Takes note of what it really is.
    pub(super) fn learn(&mut self, old: u32, guess: LearnedGuess, new: u32) {
        let known = guess.seen && guess.number == new;
        if old != 0 && !known {
            self.shifts.insert(old, new.wrapping_sub(old));
        }
    }
}
