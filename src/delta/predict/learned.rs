//! Numbers whose shifts are learned on the way: a number shifts as the nearest one did that was seen before.

use std::collections::BTreeMap;

/// How numbers have shifted so far.
#[derive(Default)]
pub(super) struct Learned {
    shifts: BTreeMap<u32, u32>,
}

impl Learned {
    /// What an old number is likely to be in the new file.
    pub(super) fn guess(&self, old: u32) -> u32 {
        if old == 0 {
            return 0;
        }
        let below = self.shifts.range(..=old).next_back();
        // Most were seen before.
        let above = if below.is_some_and(|below| *below.0 == old) { None } else { self.shifts.range(old..).next() };
        let nearest = match (below, above) {
            (Some(below), Some(above)) => Some(if old - below.0 <= above.0 - old { below } else { above }),
            (below, above) => below.or(above),
        };
        old.wrapping_add(nearest.map_or(0, |(_, shift)| *shift))
    }

    /// Takes note of what it really is.
    pub(super) fn learn(&mut self, old: u32, new: u32) {
        if old != 0 {
            self.shifts.insert(old, new.wrapping_sub(old));
        }
    }
}
