//! The records of one entry's pax header, as far as a release can carry them.
//!
//! A record is `LENGTH KEY=VALUE` and a line feed, where the length counts all of it. Crate tar reads records line by line,
//! but the value of an attribute may hold line feeds: so they are read here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::ArchiveError;
use crate::types::Timestamp;

/// What a pax header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    /// The name.
    pub(super) path: Option<Vec<u8>>,
    /// The target of a link.
    pub(super) link_path: Option<Vec<u8>>,
    /// Length of the content in bytes.
    pub(super) size: Option<u64>,
    /// Owner.
    pub(super) uid: Option<u64>,
    /// Group.
    pub(super) gid: Option<u64>,
    /// Time of the last change.
    pub(super) mtime: Option<Timestamp>,
    /// Extended attributes, with access lists by the names that tar gives them.
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
    /// Whether the content is stored without its holes.
    pub(super) is_sparse: bool,
}

impl Pax {
    /// Reads all records. Each key is there once: of two, readers take different ones.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let mut pax = Self::default();
        let mut seen = BTreeSet::new();
        for (key, value) in records(bytes)? {
            if !seen.insert(key.clone()) {
                return Err(ArchiveError::Disagree("pax records"));
            }
            match &*key {
                "path" => pax.path = Some(value.to_vec()),
                "linkpath" => pax.link_path = Some(value.to_vec()),
                "size" => pax.size = Some(number(value).ok_or(ArchiveError::BadNumber("length"))?),
                "uid" => pax.uid = Some(number(value).ok_or(ArchiveError::BadNumber("owner"))?),
                "gid" => pax.gid = Some(number(value).ok_or(ArchiveError::BadNumber("group"))?),
                "mtime" => pax.mtime = Some(time(value).ok_or(ArchiveError::BadNumber("time"))?),
                _ if key.starts_with("GNU.sparse.") => pax.is_sparse = true,
                _ => {
                    let name = key.strip_prefix("SCHILY.xattr.");
                    let acl = key.strip_prefix("SCHILY.acl.").map(|_| &*key);
                    if let Some(name) = name.or(acl) {
                        pax.xattrs.insert(name.to_owned(), value.to_vec());
                    }
                }
            }
        }
        Ok(pax)
    }
}

/// All records: keys and values.
pub(super) fn records(mut bytes: &[u8]) -> Result<Vec<(String, &[u8])>, ArchiveError> {
    let malformed = || ArchiveError::Malformed(io::Error::other("malformed pax records"));
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
        let length = number(&bytes[..space]).and_then(|length| usize::try_from(length).ok()).ok_or_else(malformed)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or_else(malformed)?;
        let record = record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(malformed)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
        records.push((String::from_utf8_lossy(&record[..equals]).into_owned(), &record[equals + 1..]));
        bytes = rest;
    }
    Ok(records)
}

fn number(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)?.parse().ok()
}

/// `1700000000.25`, with as many digits as the writer likes; what is finer than a nanosecond is cut off.
fn time(value: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(value).ok()?;
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = i64::try_from(number(whole.as_bytes())?).ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some(match (is_negative, nanoseconds) {
        (false, nanoseconds) => Timestamp { seconds, nanoseconds },
        (true, 0) => Timestamp { seconds: -seconds, nanoseconds: 0 },
        // Nanoseconds count forward.
        (true, nanoseconds) => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_as_long_as_they_say() {
        let found = records(b"9 a=1\n2=\n6 b==\n").expect("two records");
        assert_eq!(found, [("a".to_owned(), &b"1\n2="[..]), ("b".to_owned(), &b"="[..])]);
        for bad in [
            "a=1\n",
            "6 a=1",
            "7 a=1\n",
            "5 a=1\n",
            "4 a\n",
            "0 a=1\n",
            "1 ",
            " a=1\n",
            "-6 a=1\n",
            "99999999999999999999 a=1\n",
        ] {
            assert!(records(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times_have_a_sign_and_a_fraction() {
        let cases = [
            ("0", Some((0, 0))),
            ("1700000000.25", Some((1_700_000_000, 250_000_000))),
            ("1.1234567899", Some((1, 123_456_789))),
            ("-1", Some((-1, 0))),
            ("-1.5", Some((-2, 500_000_000))),
            ("1.", Some((1, 0))),
            ("", None),
            ("+1", None),
            ("1.-5", None),
            ("99999999999999999999", None),
        ];
        for (text, wanted) in cases {
            let found = time(text.as_bytes()).map(|time| (time.seconds, time.nanoseconds));
            assert_eq!(found, wanted, "{text}");
        }
    }
}
