//! Tables for the decisions that people rely on, and properties against an oracle that knows nothing of packs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::sources::REQUEST_BYTES;
use super::*;
use crate::delta::Delta;
use crate::manifest::{BundleOffer, HeadName, ManifestName, Release, Status};
use crate::pack::{BlockWriter, PackWriter};
use crate::types::{BundleName, Difference, Metadata, Version};

/// Content is named by a number here; its object is as long as its size and a little more.
fn content(number: u8) -> Vec<u8> {
    vec![number; 1000 + usize::from(number)]
}

fn digest(number: u8) -> Digest {
    Digest::of(&content(number))
}

fn version(number: u32) -> Version {
    Version::new(number).expect("not zero")
}

/// A tree of files `usr/bin/NAME` with the content of that number and this mode.
fn tree(files: &[(&str, u8, u32)]) -> Tree {
    let directory = |path: &str| Entry {
        path: path.parse().expect(path),
        kind: Kind::Directory,
        metadata: Metadata { mode: 0o755, ..Metadata::default() },
    };
    let file = |(name, number, mode): &(&str, u8, u32)| Entry {
        path: format!("usr/bin/{name}").parse().expect("a path"),
        kind: Kind::File {
            size: content(*number).len() as u64,
            digest: digest(*number),
            object_bytes: content(*number).len() as u64 + 20,
            since: version(1),
        },
        metadata: Metadata { mode: *mode, ..Metadata::default() },
    };
    let mut entries = vec![directory("usr"), directory("usr/bin")];
    entries.extend(files.iter().map(file));
    entries[2..].sort_by(|a, b| a.path.cmp(&b.path));
    Tree::from_sorted(entries).expect("a tree")
}

/// A pack with a block for each list of (new content, old content that its delta starts from).
fn pack(blocks: &[Vec<(u8, Option<u8>)>]) -> (PackOffer, Index) {
    let mut made = Vec::new();
    for builds in blocks {
        let mut block = BlockWriter::new(Vec::new(), 1);
        for (new, old) in builds {
            match old {
                None => {
                    let plain = content(*new);
                    block.whole(digest(*new), plain.len() as u64, &plain[..]).expect("memory");
                }
                Some(old) => block.delta(digest(*new), digest(*old), &Delta::make(&content(*old), &content(*new))),
            }
        }
        made.push(block.finish().expect("memory"));
    }
    let known = (0..=u8::MAX).map(digest);
    let mut bytes = Vec::new();
    let blocks = made.iter().map(|(block, bytes)| (block.clone(), &bytes[..])).collect();
    let summary = PackWriter::new(Some(version(1)), version(2), known).finish(blocks, &mut bytes).expect("memory");
    let head = HeadName { sha256: summary.head_digest, length: summary.head_length };
    let index = Index::parse(&bytes[..summary.head_length as usize]).expect("its own output");
    (
        PackOffer {
            from: Some(version(1)),
            bundle: None,
            path: "packs/1-2/all".into(),
            head,
            length: summary.total_length,
        },
        index,
    )
}

fn all_same(tree: &Tree) -> Vec<Seen> {
    vec![Seen::Same; tree.entries().len()]
}

fn plan_simple(old: &Tree, seen: &[Seen], new: &Tree, packs: &[(PackOffer, Index)], memory: &Memory) -> UpdatePlan {
    let offers: Vec<Offer<'_>> = packs.iter().map(|(pack, index)| Offer { pack, index }).collect();
    plan(Present { tree: old, seen, extra: &[] }, new, &offers, memory)
}

#[test]
fn nothing_to_do_is_no_work() {
    let old = tree(&[("a", 1, 0o755)]);
    let planned = plan_simple(&old, &all_same(&old), &old, &[pack(&[vec![(1, None)]])], &Memory::default());
    assert!(planned.work.is_empty() && !planned.tree_differs && planned.kept.iter().all(|kept| *kept));
    assert_eq!(planned.counts, Counts::default());
}

#[test]
fn a_block_is_one_request_and_a_lone_blob_its_object() {
    let (old, new) = (tree(&[("a", 1, 0o755), ("b", 2, 0o755)]), tree(&[("a", 11, 0o755), ("b", 12, 0o755)]));
    let packs = [pack(&[vec![(11, Some(1)), (12, Some(2))]])];
    let planned = plan_simple(&old, &all_same(&old), &new, &packs, &Memory::default());
    let [Work::Range(range)] = &planned.work[..] else { panic!("{:?}", planned.work) };
    assert_eq!(range.blocks.len(), 1);
    assert_eq!((planned.requests, planned.download_bytes), (1, range.length));
    assert_eq!(planned.counts, Counts { added: 0, changed: 2, removed: 0 });

    // The base of one delta is damaged: that blob comes alone, the other still by its delta.
    let mut seen = all_same(&old);
    seen[2] = Seen::Differs(Difference::Content);
    let planned = plan_simple(&old, &seen, &new, &packs, &Memory::default());
    assert_eq!(planned.work.iter().filter_map(Work::object).collect::<Vec<_>>(), [digest(11)]);
    assert_eq!(planned.requests, 2);

    // The block was struck out: both come alone.
    let struck = Memory { struck: [packs[0].1.blocks()[0].block.digest].into(), ..Memory::default() };
    let planned = plan_simple(&old, &all_same(&old), &new, &packs, &struck);
    assert_eq!(planned.work.iter().filter_map(Work::object).count(), 2);

    // An earlier run left one blob, or the whole block: what is held is not fetched.
    let blob = Memory { blobs: [digest(11), digest(12)].into(), ..Memory::default() };
    assert_eq!(plan_simple(&old, &all_same(&old), &new, &packs, &blob).work, []);
    let block = Memory { blocks: [packs[0].1.blocks()[0].block.digest].into(), ..Memory::default() };
    let planned = plan_simple(&old, &all_same(&old), &new, &packs, &block);
    assert!(matches!(planned.work[..], [Work::Block(_)]) && planned.download_bytes == 0);
}

#[test]
fn a_whole_block_is_taken_though_its_objects_are_smaller() {
    let (old, new) = (tree(&[]), tree(&[("a", 1, 0o755), ("b", 2, 0o755), ("c", 3, 0o755)]));
    let packs = [pack(&[vec![(1, None), (2, None), (3, None)], vec![(4, None)]])];
    let length = packs[0].1.blocks()[0].block.length();
    let mut entries = new.entries().to_vec();
    for entry in &mut entries {
        if let Kind::File { object_bytes, .. } = &mut entry.kind {
            *object_bytes = 1;
        }
    }
    let new = Tree::from_sorted(entries).expect("a tree");
    let planned = plan_simple(&old, &all_same(&old), &new, &packs, &Memory::default());
    assert!(length > 3 && planned.work.iter().all(|work| matches!(work, Work::Range(_))));
    assert_eq!((planned.download_bytes, planned.requests), (length, 1));
}

#[test]
fn other_metadata_is_a_copy_and_not_a_download() {
    let (old, new) = (tree(&[("a", 1, 0o755)]), tree(&[("a", 1, 0o4755), ("b", 1, 0o755)]));
    let planned = plan_simple(&old, &all_same(&old), &new, &[], &Memory::default());
    assert!(matches!(&planned.work[..], [Work::Copy { need, .. }] if need.digest == digest(1)));
    assert_eq!(planned.counts, Counts { added: 1, changed: 1, removed: 0 });
}

#[test]
fn damage_is_counted_as_what_it_is() {
    let old = tree(&[("a", 1, 0o755), ("b", 2, 0o755), ("c", 3, 0o755)]);
    let mut seen = all_same(&old);
    (seen[2], seen[3]) = (Seen::Missing, Seen::Differs(Difference::Mode));
    let extra = [PathBuf::from("bin/planted"), PathBuf::from("local/mine")];
    let planned = plan(Present { tree: &old, seen: &seen, extra: &extra }, &old, &[], &Memory::default());
    assert_eq!(planned.counts, Counts { added: 1, changed: 1, removed: 1 });
    assert_eq!(planned.carried, [PathBuf::from("local")], "no release owns usr/local: it goes along as a whole");
    assert_eq!(planned.damaged.len(), 2);
    assert!(planned.tree_differs);
}

#[test]
fn what_the_target_owns_wins_over_what_is_carried() {
    let entry = |path: &str, kind| Entry { path: path.parse().expect(path), kind, metadata: Metadata::default() };
    let link = || Kind::Symlink { target: "x".into() };
    let target = Tree::from_sorted(vec![
        entry("usr", Kind::Directory),
        entry("usr/local", Kind::Directory),
        entry("usr/local/bin", link()),
    ]);
    let extra = ["local/bin/mine", "local/etc/x", "local/etc/y", "local/z", "lib/no"].map(PathBuf::from);
    let carried = carried(&extra, &target.expect("a tree"));
    assert_eq!(carried, ["local/etc", "local/z"].map(PathBuf::from));
}

fn release(bundles: &[(&str, &[&str], &[&str])]) -> Release {
    let mut release = Release::new(version(1), 0, version(1));
    let set = |names: &[&str]| names.iter().map(|name| name.parse().expect("a name")).collect();
    for (name, includes, also_add) in bundles {
        let offer = BundleOffer {
            title: (*name).to_owned(),
            description: String::new(),
            status: Status::Active,
            includes: set(includes),
            also_add: set(also_add),
            manifest: ManifestName { sha256: digest(0), length: 0, wire_bytes: 0 },
            files: 0,
            disk_bytes: 0,
            download_bytes: 0,
        };
        release.bundles.insert(name.parse().expect("a name"), offer);
    }
    release
}

fn names(names: &[&str]) -> BTreeSet<BundleName> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
}

#[test]
fn bundles_bring_what_they_include() {
    let release = release(&[
        ("os-core", &[], &[]),
        ("python", &[], &[]),
        ("compute", &["python", "net"], &["tools"]),
        ("net", &["compute"], &[]),
        ("tools", &[], &["docs"]),
        ("docs", &[], &[]),
    ]);
    assert_eq!(closure(&release, &names(&[])), Ok(names(&["os-core"])));
    assert_eq!(closure(&release, &names(&["compute"])), Ok(names(&["compute", "net", "os-core", "python"])));
    assert_eq!(with_recommended(&release, &names(&["compute"])), names(&["compute", "tools", "docs"]));
    assert_eq!(
        dependents(&release, &"python".parse().expect("a name"), &names(&["compute", "tools"])),
        names(&["compute"])
    );
    let BundleError::Unknown { similar, .. } = closure(&release, &names(&["compote"])).expect_err("no such bundle");
    assert_eq!(similar.first().map(BundleName::as_str), Some("compute"));
}

proptest! {
    /// Whatever is installed, damaged, wanted, offered and held: every blob that the target needs and nobody has comes
    /// from exactly one place, every delta starts from an intact file of the right content, and the figures add up.
    #[test]
    fn every_missing_blob_comes_from_one_place(
        old in prop::collection::btree_map("[a-f]", 0u8..12, 0..6),
        new in prop::collection::btree_map("[a-f]", 0u8..24, 0..6),
        damage in prop::collection::vec(0u8..4, 8),
        blocks in prop::collection::vec(prop::collection::vec((0u8..24, prop::option::of(0u8..12)), 1..4), 0..5),
        held in prop::collection::vec(0u8..24, 0..3),
    ) {
        let make = |files: &BTreeMap<String, u8>| {
            tree(&files.iter().map(|(name, number)| (name.as_str(), *number, 0o644)).collect::<Vec<_>>())
        };
        let (old, new) = (make(&old), make(&new));
        let mut seen = all_same(&old);
        for (seen, damage) in seen[2..].iter_mut().zip(damage) {
            *seen = [Seen::Same, Seen::Same, Seen::Missing, Seen::Differs(Difference::Content)][usize::from(damage)];
        }
        let blocks: Vec<Vec<(u8, Option<u8>)>> = blocks
            .into_iter()
            .map(|block| block.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
            .collect();
        let packs = [pack(&blocks)];
        let memory = Memory { blobs: held.into_iter().map(digest).collect(), ..Memory::default() };
        let planned = plan_simple(&old, &seen, &new, &packs, &memory);

        let intact: BTreeMap<&str, Digest> = old.entries().iter().zip(&seen).filter(|(_, seen)| **seen == Seen::Same)
            .filter_map(|(entry, _)| Some((entry.path.as_str(), entry.kind.digest()?))).collect();
        let wanted: BTreeSet<Digest> = new.entries().iter()
            .filter(|entry| entry.kind.digest() != intact.get(entry.path.as_str()).copied())
            .filter_map(|entry| entry.kind.digest())
            .filter(|digest| !memory.blobs.contains(digest))
            .collect();

        let mut brought = Vec::new();
        let mut bytes = 0;
        let mut make = |block: &BlockWork| -> Result<(), TestCaseError> {
            for (make, build) in block.makes.iter().zip(&block.block.block.builds) {
                match make {
                    Make::Skip => {}
                    Make::Whole(digest) => brought.push(*digest),
                    Make::Delta(digest, from) => {
                        brought.push(*digest);
                        let base = build.method.base().expect("a delta");
                        prop_assert!(base.matches(&intact[from.as_str()]));
                    }
                }
            }
            Ok(())
        };
        for work in &planned.work {
            match work {
                Work::Range(range) => {
                    bytes += range.length;
                    range.blocks.iter().try_for_each(&mut make)?;
                }
                Work::Block(block) => make(block)?,
                _ => {}
            }
        }
        for work in &planned.work {
            match work {
                Work::Copy { from, need } => {
                    prop_assert_eq!(intact.get(from.as_str()), Some(&need.digest));
                    brought.push(need.digest);
                }
                Work::Object(need) => {
                    bytes += need.object_bytes;
                    brought.push(need.digest);
                }
                _ => {}
            }
        }
        let unique: BTreeSet<Digest> = brought.iter().copied().collect();
        prop_assert_eq!(unique.len(), brought.len(), "a blob is made twice");
        prop_assert_eq!(unique, wanted);
        prop_assert_eq!(planned.download_bytes, bytes);
        let alone: u64 = missing_blobs(Present { tree: &old, seen: &seen, extra: &[] }, &new)
            .iter().filter(|need| !memory.blobs.contains(&need.digest)).map(|need| need.object_bytes + REQUEST_BYTES).sum();
        prop_assert!(planned.download_bytes <= alone + 5 * REQUEST_BYTES, "packs never cost much more than they save");
    }
}
