//! How long a run took, without the time that somebody thought about a question.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs from when it is made, apart from its pauses.
#[derive(Debug)]
pub(super) struct Stopwatch {
    started: Instant,
    paused: Mutex<Duration>,
}

impl Stopwatch {
    /// One that starts now.
    pub fn start() -> Self {
        Self::from(Instant::now())
    }

    fn from(started: Instant) -> Self {
        Self { started, paused: Mutex::default() }
    }

    /// Does something in a pause.
    pub fn pause<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = Instant::now();
        let done = work();
        self.leave_out(before.elapsed());
        done
    }

    /// Milliseconds since the start, without pauses.
    pub fn elapsed_ms(&self) -> u64 {
        self.ms_until(Instant::now())
    }

    fn leave_out(&self, pause: Duration) {
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) += pause;
    }

    fn ms_until(&self, now: Instant) -> u64 {
        let paused = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        let run = now.saturating_duration_since(self.started).saturating_sub(paused);
        u64::try_from(run.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_do_not_count() {
        let start = Instant::now();
        let watch = Stopwatch::from(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(watch.ms_until(at(3)), 3_000);
        watch.leave_out(Duration::from_secs(60));
        watch.leave_out(Duration::from_millis(500));
        assert_eq!(watch.ms_until(at(70)), 9_500);
        assert_eq!(watch.ms_until(at(3)), 0, "never below nothing");
        assert_eq!(watch.pause(|| 7), 7);
    }
}
