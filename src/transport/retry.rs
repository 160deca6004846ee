//! When to try again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;

use super::TransportError;

/// No pause is longer, whatever an origin asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A try that failed.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: TransportError,
    pub(super) again: Again,
}

/// Whether the same origin may do better next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would answer the same.
    Never,
    /// Perhaps.
    AfterBackoff,
    /// Perhaps, and waiting would not help: what came makes no sense, but something came.
    AtOnce,
    /// It says when.
    After(Duration),
}

impl Fault {
    /// The origin would answer the same again.
    pub(super) fn lasting(error: TransportError) -> Self {
        Self { error, again: Again::Never }
    }

    /// The origin may do better next time.
    pub(super) fn passing(error: TransportError) -> Self {
        Self { error, again: Again::AfterBackoff }
    }

    /// What came is not what was asked for: a proxy or one of many servers behind a name may have answered so.
    pub(super) fn senseless(error: TransportError) -> Self {
        Self { error, again: Again::AtOnce }
    }
}

/// The pause before retry number `tries` (from 0): doubles each time, a quarter more or less so that many machines that
/// failed together do not come back together.
pub(super) fn backoff(first: Duration, tries: u32) -> Duration {
    let doubled = first.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
    let random = RandomState::new().hash_one(tries);
    doubled.mul_f64(0.75 + 0.5 * (random as f64 / u64::MAX as f64)).min(LONGEST_PAUSE)
}

/// Reads a `Retry-After` header: seconds, or a date as seen at `now`. At most a minute.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST_PAUSE));
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    let wait = u64::try_from(date.as_second().saturating_sub(now.as_second())).unwrap_or(0);
    Some(Duration::from_secs(wait).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_at_a_minute() {
        for (tries, least, most) in [(0, 750, 1250), (1, 1500, 2500), (3, 6000, 10_000), (40, 45_000, 60_000)] {
            let pause = backoff(Duration::from_secs(1), tries).as_millis();
            assert!((least..=most).contains(&pause), "{tries}: {pause}");
        }
        assert_eq!(backoff(Duration::ZERO, 5), Duration::ZERO);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2015-10-21T07:28:00Z".parse().expect("a time");
        let cases = [
            ("0", Some(0)),
            ("7", Some(7)),
            ("86400", Some(60)),
            ("Wed, 21 Oct 2015 07:28:20 GMT", Some(20)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("Wed, 21 Oct 2065 07:28:00 GMT", Some(60)),
            ("soon", None),
            ("-1", None),
        ];
        for (value, seconds) in cases {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
