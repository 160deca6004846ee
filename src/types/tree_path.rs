//! Where an entry lies: a canonical path beneath `usr`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Visible;

/// `usr`, or a path beneath it, relative to the root: `usr/bin/env`.
///
/// No component is empty, `.` or `..`, holds NUL, or is longer than 255 bytes; the whole has at most 4,095 and 128 levels, so
/// that whoever walks down a tree runs out of neither handles nor stack. Line feeds and other control characters are what
/// file systems allow; where a path is shown ([`fmt::Display`]) they are escaped as by [`Visible`], [`TreePath::as_str`] and
/// JSON have them as they are.
/// Paths are ordered component by component, so a directory comes right before everything beneath it. Clones share the
/// text.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(Arc<str>);

/// Why a text is no [`TreePath`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreePathError {
    /// Absolute, or the first component is not `usr`.
    #[error("path {0:?} does not lie beneath usr/")]
    OutsideUsr(String),
    /// A component that is empty, `.`, `..`, too long, or has a forbidden character.
    #[error("path {0:?} has a component that is empty, `.`, `..`, over 255 bytes, or holds NUL")]
    BadComponent(String),
    /// More than 4,095 bytes.
    #[error("path of {0} bytes is longer than 4095")]
    TooLong(usize),
    /// More than 128 levels.
    #[error("path has {0} levels, more than 128")]
    TooDeep(usize),
}

impl TreePath {
    /// The first component of every path.
    pub const TOP: &str = "usr";
    const MAX_BYTES: usize = 4095;
    const MAX_COMPONENT_BYTES: usize = 255;
    const MAX_LEVELS: usize = 128;

    /// `usr` itself.
    pub fn top() -> Self {
        Self(Self::TOP.into())
    }

    /// The path as text, `usr` first.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path relative to `usr`; empty for `usr` itself.
    pub fn beneath_usr(&self) -> &str {
        self.0.get(Self::TOP.len() + 1..).unwrap_or("")
    }

    /// The directory that holds this entry and its name there, both relative to `usr`; both empty for `usr` itself.
    pub fn split_beneath_usr(&self) -> (&str, &str) {
        split_path(self.beneath_usr())
    }

    /// The directory that holds this entry; none for `usr` itself.
    pub fn parent(&self) -> Option<Self> {
        self.0.rfind('/').map(|slash| Self(self.0[..slash].into()))
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The entry of that name in this directory.
    ///
    /// # Errors
    /// When `name` cannot be a component.
    pub fn join(&self, name: &str) -> Result<Self, TreePathError> {
        if name.contains('/') {
            return Err(TreePathError::BadComponent(name.to_owned()));
        }
        format!("{}/{name}", self.0).parse()
    }

    /// Whether this is `other` or lies beneath it.
    pub fn starts_with(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&*other.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The directory of a relative path, and the name in it; the directory is empty where the path is a name alone.
pub fn split_path(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl FromStr for TreePath {
    type Err = TreePathError;

    fn from_str(text: &str) -> Result<Self, TreePathError> {
        if text.len() > Self::MAX_BYTES {
            return Err(TreePathError::TooLong(text.len()));
        }
        if text != Self::TOP && !text.starts_with("usr/") {
            return Err(TreePathError::OutsideUsr(text.to_owned()));
        }
        let good = |component: &str| {
            !matches!(component, "" | "." | "..")
                && component.len() <= Self::MAX_COMPONENT_BYTES
                && !component.bytes().any(|byte| byte == 0)
        };
        if !text.split('/').all(good) {
            return Err(TreePathError::BadComponent(text.to_owned()));
        }
        match text.split('/').count() {
            levels if levels > Self::MAX_LEVELS => Err(TreePathError::TooDeep(levels)),
            _ => Ok(Self(text.into())),
        }
    }
}

impl Ord for TreePath {
    fn cmp(&self, other: &Self) -> Ordering {
        // As if `/` were the smallest character: that is component order, without splitting.
        let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
        self.0.bytes().map(rank).cmp(other.0.bytes().map(rank))
    }
}

impl PartialOrd for TreePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for TreePath {
    type Error = TreePathError;

    fn try_from(text: String) -> Result<Self, TreePathError> {
        text.parse()
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.as_str().to_owned()
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Visible(&self.0).fmt(f)
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> TreePath {
        text.parse().expect(text)
    }

    #[test]
    fn nothing_outside_usr_is_a_path() {
        for bad in ["", "/usr", "etc/passwd", "usrx", "usr/", "usr//a", "usr/../etc", "usr/./a", "usr/a\0", "../usr"] {
            assert!(bad.parse::<TreePath>().is_err(), "{bad:?}");
        }
        assert!(format!("usr/{}", "x".repeat(255)).parse::<TreePath>().is_ok());
        assert!(format!("usr/{}", "x".repeat(256)).parse::<TreePath>().is_err());
        assert!(format!("usr{}", "/x".repeat(2100)).parse::<TreePath>().is_err());
        assert!(format!("usr{}", "/x".repeat(127)).parse::<TreePath>().is_ok());
        assert_eq!(format!("usr{}", "/x".repeat(128)).parse::<TreePath>(), Err(TreePathError::TooDeep(129)));
    }

    #[test]
    fn control_characters_are_kept_and_shown_escaped() {
        let odd = path("usr/a\nb\x1b[2J");
        assert_eq!(odd.as_str(), "usr/a\nb\x1b[2J");
        assert_eq!(format!("{odd} {odd:?}"), r#"usr/a\nb\u{1b}[2J "usr/a\nb\u{1b}[2J""#);
        assert_eq!(serde_json::to_string(&odd).expect("JSON"), r#""usr/a\nb\u001b[2J""#);
    }

    #[test]
    fn parts() {
        assert_eq!(path("usr/bin/env").parent(), Some(path("usr/bin")));
        assert_eq!(path("usr/bin/env").name(), "env");
        assert_eq!(path("usr").parent(), None);
        assert_eq!(path("usr").beneath_usr(), "");
        assert_eq!(path("usr/bin").beneath_usr(), "bin");
        assert!(path("usr/bin/env").starts_with(&path("usr/bin")));
        assert!(!path("usr/binx").starts_with(&path("usr/bin")));
        assert!(path("usr").join("a/b").is_err());
    }

    proptest! {
        #[test]
        fn order_is_by_components(a in "usr(/[a-c-]{1,2}){0,4}", b in "usr(/[a-c-]{1,2}){0,4}") {
            let by_components = a.split('/').cmp(b.split('/'));
            prop_assert_eq!(path(&a).cmp(&path(&b)), by_components);
        }
    }
}
