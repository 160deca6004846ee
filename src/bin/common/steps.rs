//! Which of the many progress events are worth showing.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use stateless_update::report::Step;

/// How far each step is, and when it was last shown.
#[derive(Debug)]
pub(crate) struct Steps {
    pause: Duration,
    states: HashMap<Step, State>,
}

/// A progress event that is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Showing {
    /// The step is under way.
    Under,
    /// The step is at its end.
    Last,
}

#[derive(Debug)]
struct State {
    done: u64,
    total: u64,
    shown: Instant,
}

impl Steps {
    /// Shows each step at most once in a `pause`, its first and last event always.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, states: HashMap::new() }
    }

    /// Whether this event is to be shown. Events may come from several threads, so they may overtake one another: what
    /// falls back is left out, except to nothing, which is where a step begins again.
    pub(crate) fn goes_on(&mut self, now: Instant, step: Step, done: u64, total: u64) -> Option<Showing> {
        let known = self.states.get_mut(&step).filter(|_| done > 0);
        let Some(state) = known else {
            self.states.insert(step, State { done, total, shown: now });
            return Some(if done == total { Showing::Last } else { Showing::Under });
        };
        let last = done == total;
        let due = last || now.duration_since(state.shown) >= self.pause;
        if (done, total) == (state.done, state.total) || done < state.done {
            return None;
        }
        (state.done, state.total) = (done, total);
        if !due {
            return None;
        }
        state.shown = now;
        Some(if last { Showing::Last } else { Showing::Under })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_last_and_a_few_between() {
        let mut steps = Steps::new(Duration::from_millis(250));
        let start = Instant::now();
        let cases = [
            (0, 0, Some(Showing::Under)),
            (100, 10, None),
            (300, 20, Some(Showing::Under)),
            (310, 15, None),
            (700, 15, None),
            (710, 20, None),
            (720, 99, Some(Showing::Under)),
            (721, 100, Some(Showing::Last)),
            (1800, 100, None),
            (1900, 0, Some(Showing::Under)),
            (1901, 100, Some(Showing::Last)),
        ];
        for (ms, done, wanted) in cases {
            let now = start + Duration::from_millis(ms);
            assert_eq!(steps.goes_on(now, Step::Scan, done, 100), wanted, "{ms} ms, {done}");
        }
        assert_eq!(steps.goes_on(start, Step::Stage, 0, 0), Some(Showing::Last));
    }
}
