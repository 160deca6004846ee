//! The number that names a release, and with it the whole deployment.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release number: 1 to 4,294,967,295. Zero is no release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(NonZeroU32);

/// The text or number is no release number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a version: a whole number from 1 to 4294967295 is wanted")]
pub struct VersionError(String);

impl Version {
    /// The release with this number, if it is not zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number, never zero.
    pub fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| digits_only && !text.starts_with('0'))
            .map(Self)
            .ok_or_else(|| VersionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_positive_numbers_are_versions() {
        assert_eq!("20".parse::<Version>().map(Version::number), Ok(20));
        for bad in ["", "0", "+1", "-1", "01", " 1", "1.0", "4294967296", "x"] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }
}
