//! The name of a bundle: what users type and what files on the server are called after.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 1 to 64 characters of `a-z`, `0-9`, `-`, `_`, `.` and `+`, the first a letter or digit: safe as a file name anywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BundleName(Box<str>);

/// The text cannot name a bundle.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a bundle name: 1 to 64 of a-z 0-9 - _ . + are wanted, a letter or digit first")]
pub struct BundleNameError(String);

impl BundleName {
    /// The bundle that every system has, and that every other bundle includes.
    pub const CORE: &str = "os-core";

    /// [`BundleName::CORE`] as a name.
    pub fn core() -> Self {
        Self(Self::CORE.into())
    }

    /// Whether this is the bundle that every system has.
    pub fn is_core(&self) -> bool {
        &*self.0 == Self::CORE
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BundleName {
    type Err = BundleNameError;

    fn from_str(text: &str) -> Result<Self, BundleNameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.+".contains(&byte);
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if starts_well && text.len() <= 64 && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(BundleNameError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for BundleName {
    type Error = BundleNameError;

    fn try_from(text: String) -> Result<Self, BundleNameError> {
        text.parse()
    }
}

impl From<BundleName> for String {
    fn from(name: BundleName) -> Self {
        name.0.into()
    }
}

impl Borrow<str> for BundleName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BundleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_file_names() {
        for good in ["os-core", "g++", "python3.12", "7zip"] {
            assert!(good.parse::<BundleName>().is_ok(), "{good:?}");
        }
        let long = "a".repeat(65);
        for bad in ["", ".", "..", "-x", "a/b", "A", "ä", "a b", "a\n", &long] {
            assert!(bad.parse::<BundleName>().is_err(), "{bad:?}");
        }
    }
}
