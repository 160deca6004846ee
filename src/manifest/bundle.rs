//! The bundle manifest: the entries of one bundle in one release.
//!
//! JSON, one line per entry so that a delta between two releases stays small. It does not name its release: a bundle
//! that did not change keeps its manifest and its digest.

use std::io::Write;

use serde::Deserialize;

use super::line::{Entries, Line};
use super::{DocumentError, Format, Tree, TreeError, frame, read_document};
use crate::types::BundleName;

/// The entries of one bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleManifest {
    /// Whose entries they are.
    pub bundle: BundleName,
    /// The entries.
    pub tree: Tree,
}

/// Why bytes are no bundle manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the document that is wanted.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The manifest of another bundle.
    #[error("the manifest of bundle {wanted} names itself {found}")]
    OtherBundle {
        /// The bundle it was fetched for.
        wanted: BundleName,
        /// The bundle it names.
        found: BundleName,
    },
    /// An entry breaks a rule.
    #[error("bundle {bundle}: entry {path:?}: {reason}")]
    BadEntry {
        /// The bundle.
        bundle: BundleName,
        /// The entry's path, as written.
        path: String,
        /// The rule.
        reason: String,
    },
    /// The entries are no tree.
    #[error("bundle {bundle}: the entries are no tree")]
    BadTree {
        /// The bundle.
        bundle: BundleName,
        /// Why.
        source: TreeError,
    },
    /// More entries than any manifest may have.
    #[error("bundle {bundle} has more than {limit} entries")]
    TooMany {
        /// The bundle.
        bundle: BundleName,
        /// How many there may be.
        limit: usize,
    },
    /// The compressed form cannot be expanded to the length that was signed for.
    #[error("a manifest does not expand to the {expected} bytes that were signed for")]
    Expansion {
        /// The signed length in bytes.
        expected: u64,
        /// What the decoder says.
        source: std::io::Error,
    },
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "format")]
    _format: Format<{ BundleManifest::FORMAT }>,
    bundle: BundleName,
    entries: Entries,
}

impl BundleManifest {
    /// The format number that is written and read.
    pub const FORMAT: u32 = 1;
    /// More plain bytes than this are refused, and so are the manifests of one machine that have more together: room
    /// for about 350,000 files.
    pub const MAX_BYTES: u64 = 64 << 20;
    /// More entries than this are refused, in one manifest and in those of one machine together.
    pub const MAX_ENTRIES: usize = 1 << 19;

    /// Checks that there may be so many entries, of which the last are those of `bundle`: of one manifest, or of those of one
    /// machine together.
    ///
    /// # Errors
    /// [`ManifestError::TooMany`] when there may not.
    pub fn check_count(bundle: &BundleName, entries: usize) -> Result<(), ManifestError> {
        match entries > Self::MAX_ENTRIES {
            true => Err(ManifestError::TooMany { bundle: bundle.clone(), limit: Self::MAX_ENTRIES }),
            false => Ok(()),
        }
    }

    /// Reads the plain JSON.
    ///
    /// # Errors
    /// When it is another bundle's, or any entry breaks a rule of the format.
    pub fn parse(wanted: &BundleName, json: &[u8]) -> Result<Self, ManifestError> {
        let document: Document = read_document(&format!("the manifest of {wanted}"), Self::FORMAT, json)?;
        let bundle = document.bundle;
        if bundle != *wanted {
            return Err(ManifestError::OtherBundle { wanted: wanted.clone(), found: bundle });
        }
        let Entries { read, bad, too_many } = document.entries;
        if too_many {
            return Err(ManifestError::TooMany { bundle, limit: Self::MAX_ENTRIES });
        }
        if let Some((path, reason)) = bad {
            return Err(ManifestError::BadEntry { bundle, path, reason });
        }
        let tree =
            Tree::from_sorted(read).map_err(|source| ManifestError::BadTree { bundle: bundle.clone(), source })?;
        Ok(Self { bundle, tree })
    }

    /// Expands the compressed form to the plain JSON, which must have exactly `length` bytes.
    ///
    /// # Errors
    /// When the frame is damaged, or makes more or fewer bytes. No more than `length` bytes are ever made.
    pub fn expand(compressed: &[u8], length: u64) -> Result<Vec<u8>, ManifestError> {
        frame::expand(compressed, length, Self::MAX_BYTES)
            .map_err(|source| ManifestError::Expansion { expected: length, source })
    }

    /// The compressed form of plain JSON.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn compress(json: &[u8]) -> Vec<u8> {
        frame::compress(json)
    }

    /// A compressed form that is not published: made in no time, somewhat longer.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn compress_quickly(json: &[u8]) -> Vec<u8> {
        zstd::encode_all(json, 1).expect("compressing memory to memory")
    }

    /// The plain JSON: a line for the head, a line for each entry. Equal manifests give equal bytes.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json =
            format!("{{\"format\":{},\"bundle\":\"{}\",\"entries\":[", Self::FORMAT, self.bundle).into_bytes();
        for (index, entry) in self.tree.entries().iter().enumerate() {
            json.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
            serde_json::to_writer(&mut json, &Line::of(entry)).expect("writing to memory");
        }
        json.write_all(b"\n]}\n").expect("writing to memory");
        json
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;

    use super::*;
    use crate::types::Digest;

    fn core() -> BundleName {
        BundleName::core()
    }

    fn document(entries: &str) -> String {
        let top = r#"{"path":"usr","type":"directory","mode":493,"uid":0,"gid":0,"mtime":1}"#;
        format!(r#"{{"format":1,"bundle":"os-core","entries":[{top}{entries}]}}"#)
    }

    fn refusal(entries: &str) -> String {
        match BundleManifest::parse(&core(), document(entries).as_bytes()) {
            Ok(_) => String::new(),
            Err(error) => {
                format!("{error}: {}", std::error::Error::source(&error).map_or(String::new(), |e| e.to_string()))
            }
        }
    }

    #[test]
    fn written_and_read_again_it_is_the_same() {
        let digest = Digest::of(b"x");
        let text = document(&format!(
            r#",{{"path":"usr/a","type":"file","mode":2541,"uid":1,"gid":2,"mtime":-5,"mtime_ns":7,"size":1,"sha256":"{digest}","object_bytes":9,"since":10,"xattrs":{{"security.capability":"AQA="}}}},{{"path":"usr/b","type":"symlink","mode":511,"uid":0,"gid":0,"mtime":1,"target":"../x"}}"#
        ));
        let manifest = BundleManifest::parse(&core(), text.as_bytes()).expect("valid");
        let json = manifest.to_json();
        assert_eq!(BundleManifest::parse(&core(), &json).expect("its own output"), manifest);
        assert_eq!(String::from_utf8(json.clone()).expect("text").replace('\n', ""), text);
        let compressed = BundleManifest::compress(&json);
        assert_eq!(BundleManifest::expand(&compressed, json.len() as u64).expect("right length"), json);
        for wrong in [0, json.len() as u64 - 1, json.len() as u64 + 1, u64::MAX] {
            assert!(BundleManifest::expand(&compressed, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hostile_entries_are_refused() {
        let sha = Digest::of(b"");
        let file = |path: &str, rest: &str| {
            format!(
                r#",{{"path":"{path}","type":"file","mode":420,"uid":0,"gid":0,"mtime":1,"size":0,"object_bytes":1,"since":1,"sha256":"{sha}"{rest}}}"#
            )
        };
        // The name takes 8 bytes, and what stands before it 16.
        let attributes = |bytes: usize| format!(r#","xattrs":{{"user.a":"{}"}}"#, BASE64.encode(vec![0; bytes]));
        assert_eq!(refusal(&file("usr/a", &attributes(3560))), "");
        let cases = [
            (file("/usr/a", ""), "does not lie beneath"),
            (file("usr/../etc/passwd", ""), "component"),
            (file("etc/passwd", ""), "does not lie beneath"),
            (file("usr/a\\u0000b", ""), "NUL"),
            (file("usr/a/b", ""), "parent"),
            (file("usr/a", r#","target":"x""#), "fields do not fit"),
            (file("usr/share", ""), "must be a directory"),
            (file("usr/share/stateless-update", ""), "own record"),
            (file("usr/a", r#","xattrs":{"security.selinux":"AA=="}"#), "not one that a release may carry"),
            (file("usr/a", r#","xattrs":{"user.a":"AA==","user.a":"AQ=="}"#), "`user.a` comes twice"),
            (
                file("usr/a", &attributes(3561)),
                "attribute \"user.a\" its extended attributes take more than the 3584 bytes",
            ),
            (
                format!(
                    r#",{{"path":"usr/l","type":"symlink","mode":511,"uid":0,"gid":0,"mtime":1,"target":"x"{}}}"#,
                    attributes(1)
                ),
                "symlinks have no extended attributes",
            ),
            (file("usr/a", r#","device":1"#), "unknown field"),
            (file("usr/a", "") + &file("usr/a", ""), "twice"),
            (file("usr/b", "") + &file("usr/a", ""), "twice"),
            (file("usr/a", "").replace("420", "65535"), "permission bits"),
            (file("usr/a", "").replace(r#""uid":0"#, r#""uid":4294967295"#), "nobody's"),
            (file("usr/a", "").replace(r#""uid":0"#, r#""uid":4294967296"#), "expected u32"),
            (
                file("usr/a", "").replace(r#""size":0"#, r#""size":18446744073709551615"#),
                "more than 1099511627776 bytes",
            ),
            (r#",{"path":"usr/d","type":"device","mode":1,"uid":0,"gid":0,"mtime":1}"#.to_owned(), "unknown variant"),
            (
                r#",{"path":"usr/l","type":"symlink","mode":511,"uid":0,"gid":0,"mtime":1,"target":""}"#.to_owned(),
                "0 bytes, not 1 to 4095",
            ),
        ];
        for (entries, wanted) in cases {
            let said = refusal(&entries);
            assert!(said.contains(wanted), "{entries}\n  said: {said}\n  not: {wanted}");
        }
    }

    #[test]
    fn the_future_and_other_bundles_have_their_own_message() {
        let future = document("").replace(r#""format":1"#, r#""format":2"#);
        let error = BundleManifest::parse(&core(), future.as_bytes()).expect_err("future");
        assert!(matches!(error, ManifestError::Document(DocumentError::FutureFormat { found: 2, .. })));
        let other = "web".parse().expect("a name");
        let error = BundleManifest::parse(&other, document("").as_bytes()).expect_err("other");
        assert!(matches!(error, ManifestError::OtherBundle { .. }));
    }
}
