//! What no manifest may carry: refused before anything is made of it.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::publish::compose::{Digests, InputBundle, compose};
use crate::site::{ContentKind, FileId, InputEntry, InputKind};
use crate::types::{BundleName, Metadata, TreePath};

const FILE: FileId = FileId::OnDisk { device: 1, inode: 1 };

fn entry(path: &str, kind: InputKind) -> InputEntry {
    let metadata = Metadata { mode: 0o755, ..Metadata::default() };
    InputEntry { path: path.parse().expect(path), kind, metadata }
}

fn refusal(entries: Vec<InputEntry>, latest: Option<i64>) -> Option<PublishError> {
    let definition = toml::from_str("title = \"Core\"").expect("a definition");
    let bundles = BTreeMap::from([(BundleName::core(), InputBundle { definition, entries })]);
    let digests: Digests = HashMap::from([(FILE, (Digest::of(b""), ContentKind::Text))]);
    compose(Version::new(10).expect("not zero"), &bundles, &digests, None, latest).err().map(PublishError::from)
}

fn link(target: &str) -> InputKind {
    InputKind::Symlink { target: target.into() }
}

#[test]
fn what_no_manifest_may_carry_is_refused_by_name() {
    type Change = fn(&mut InputEntry);
    let cases: [(Change, &str); 8] = [
        (|entry| entry.metadata.mtime.seconds = 1 << 34, "not a time that file systems keep"),
        (|entry| entry.metadata.mtime.seconds = -(1 << 32), "not a time that file systems keep"),
        (|entry| entry.metadata.uid = u32::MAX, "nobody's number"),
        (|entry| entry.kind = link(""), "target has 0 bytes"),
        (|entry| entry.kind = link(&"x".repeat(4096)), "target has 4096 bytes"),
        (|entry| entry.kind = link("a\0b"), "NUL"),
        (|entry| drop(entry.metadata.xattrs.insert("user.x".into(), vec![0; 65537].into())), "attribute \"user.x\""),
        (|entry| entry.kind = InputKind::File { size: (1 << 40) + 1, id: FILE }, "more than 1099511627776 bytes"),
    ];
    for (change, wanted) in cases {
        let mut odd = entry("usr/odd", InputKind::File { size: 0, id: FILE });
        assert!(refusal(vec![entry("usr", InputKind::Directory), odd.clone()], None).is_none(), "{wanted}");
        change(&mut odd);
        let error = refusal(vec![entry("usr", InputKind::Directory), odd], None).expect(wanted);
        let said = error.to_string();
        assert!(["bundle os-core", "\"usr/odd\"", wanted].iter().all(|word| said.contains(word)), "{said}: {wanted}");
        assert_eq!(error.category(), Category::Usage);
    }
    let mut late = entry("usr", InputKind::Directory);
    late.metadata.mtime.seconds = 1 << 40;
    assert!(refusal(vec![late], Some(NOW)).is_none(), "what is published counts");
}

#[test]
fn more_entries_than_a_manifest_may_have_are_refused() {
    let path = |number: usize| TreePath::top().join(&number.to_string()).expect("a path");
    let numbered = |number| InputEntry { path: path(number), ..entry("usr", InputKind::Directory) };
    let entries = (0..=BundleManifest::MAX_ENTRIES).map(numbered).collect();
    let error = refusal(entries, None).expect("too many");
    assert!(error.to_string().contains("os-core has more than 524288 entries"), "{error}");
    assert_eq!(error.category(), Category::Usage);
}
