//! The time that work goes by: the clock's, or the one that the environment asks for.

use std::time::{SystemTime, UNIX_EPOCH};

use super::common::Failure;

/// The variable that says at which time to publish and sign, in seconds since 1970.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// No clock is further ahead of this one by mistake, for whoever builds by a time that is given.
const AHEAD_SECONDS: i64 = 24 * 60 * 60;

/// The time to publish and sign at, and the latest time that an entry may have.
pub(crate) fn times() -> Result<(i64, Option<i64>), Failure> {
    match std::env::var(EPOCH) {
        Err(std::env::VarError::NotPresent) => Ok((wall_clock(), None)),
        Ok(text) => match text.parse() {
            Ok(seconds) if seconds > wall_clock().saturating_add(AHEAD_SECONDS) => Err(Failure::usage(format!(
                "{EPOCH} is {seconds}, more than a day ahead of this machine's clock: who has seen what is signed then \
                 refuses all that is signed before that time has come"
            ))),
            Ok(seconds) => Ok((seconds, Some(seconds))),
            Err(_) => Err(Failure::usage(format!("{EPOCH} is {text:?}, not a number of seconds"))),
        },
        Err(error) => Err(Failure::usage(format!("{EPOCH}: {error}"))),
    }
}

/// Whether work goes by the clock, and not by a time that the environment asks for.
pub(crate) fn is_by_the_clock() -> bool {
    std::env::var_os(EPOCH).is_none()
}

/// What a command has to be run without that is to sign by the clock; nothing where it does so anyway.
pub(crate) fn without_epoch() -> &'static str {
    if is_by_the_clock() { "" } else { ", without SOURCE_DATE_EPOCH" }
}

/// What clients take the time to be.
pub(crate) fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
