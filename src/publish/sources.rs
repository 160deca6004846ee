//! From what the contents of a step are made, and why: for whoever asks what a step costs.

use std::collections::BTreeMap;

use super::bases::Reason;
use super::grouping::Way;
use super::planning::PackPlan;

/// The new contents of a step by the old ones that were chosen for them. Where the delta does not pay, the pack has the
/// content whole all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Those for which there is an old content, by why it was chosen.
    pub by_reason: BTreeMap<Reason, Amount>,
    /// Those for which there is none.
    pub whole: Amount,
}

/// Contents and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub contents: u64,
    /// Their length together.
    pub bytes: u64,
}

impl Sources {
    /// Those of a plan. What it offers in two ways counts once.
    pub fn of(plan: &PackPlan) -> Self {
        let mut sources = Self::default();
        for build in plan.blocks.iter().flatten().filter(|build| build.way == Way::Cheap) {
            let amount = match build.base {
                Some(base) => sources.by_reason.entry(base.reason).or_default(),
                None => &mut sources.whole,
            };
            amount.contents += 1;
            amount.bytes += build.size;
        }
        sources
    }

    /// All of them with a name for each, those with an old content first.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, Amount)> {
        let by_reason = self.by_reason.iter().map(|(reason, amount)| (reason.name(), *amount));
        by_reason.chain([("whole", self.whole)]).filter(|(_, amount)| amount.contents > 0)
    }
}
