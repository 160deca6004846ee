//! Tables for the decisions that people rely on.

mod properties;
mod ways;

use std::collections::BTreeMap;

use super::work::REQUEST_BYTES;
use super::*;
use crate::delta::Delta;
use crate::manifest::{BundleOffer, HeadName, ManifestName, Release, Status};
use crate::pack::{Block, BlockWriter, PackWriter};
use crate::types::{BundleName, Difference, Metadata, Version};

/// The number of the content without bytes.
const EMPTY: u8 = 23;

/// Content is named by a number here; its object is as long as its size and a little more. From 100 on it is noise, of
/// which nothing makes a short pack.
fn content(number: u8) -> Vec<u8> {
    if number == EMPTY {
        return Vec::new();
    }
    let mut state = u32::from(number);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..1000 + u16::from(number)).map(|_| if number < 100 { number } else { next() }).collect()
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

/// A block that makes what is inside a file is costly: here a delta that says so, which no decoder sees.
fn costly_block(new: u8, old: u8) -> (Block<Digest>, Vec<u8>) {
    let delta = Delta::make(&content(old), &content(new));
    let delta = delta.to_predicted(&content(old), &content(new)).expect("few triples");
    let mut block = BlockWriter::new(Vec::new(), 1);
    block.xz_form(digest(new), content(new).len() as u64, digest(old), &delta);
    block.finish().expect("memory")
}

/// A pack with a block for each list of (new content, old content that its delta starts from).
fn pack(blocks: &[Vec<(u8, Option<u8>)>]) -> (PackOffer, Index) {
    pack_with(blocks, &[])
}

/// The same, with costly blocks behind the others.
fn pack_with(blocks: &[Vec<(u8, Option<u8>)>], costly: &[(u8, u8)]) -> (PackOffer, Index) {
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
    made.extend(costly.iter().map(|(new, old)| costly_block(*new, *old)));
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
    plan_on(Terms::default(), old, seen, new, packs, memory)
}

fn plan_on(
    terms: Terms,
    old: &Tree,
    seen: &[Seen],
    new: &Tree,
    packs: &[(PackOffer, Index)],
    memory: &Memory,
) -> UpdatePlan {
    let offers: Vec<Offer<'_>> = packs.iter().map(|(pack, index)| Offer { pack, index, before: &[] }).collect();
    plan(Present { tree: old, seen, extra: &[] }, new, &offers, memory, terms)
}

/// The blocks that a plan takes, held ones and others.
fn taken(planned: &UpdatePlan) -> Vec<Digest> {
    planned.work.iter().flatten().flat_map(Work::blocks).map(|work| work.block.block.digest).collect()
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
    let work = planned.work.concat();
    let [Work::Range(range)] = &work[..] else { panic!("{work:?}") };
    assert_eq!(range.blocks.len(), 1);
    assert_eq!((planned.requests, planned.download_bytes), (1, range.length));
    assert_eq!(planned.counts, Counts { added: 0, changed: 2, removed: 0 });

    // The base of one delta is damaged: that blob comes alone, the other still by its delta.
    let mut seen = all_same(&old);
    seen[2] = Seen::Differs(Difference::Content);
    let planned = plan_simple(&old, &seen, &new, &packs, &Memory::default());
    assert_eq!(planned.work.iter().flatten().filter_map(Work::object).collect::<Vec<_>>(), [digest(11)]);
    assert_eq!(planned.requests, 2);

    // So it is where the base turned out to have another content: the block is taken without it.
    let rotten = Memory { struck: [digest(1)].into(), ..Memory::default() };
    let planned = plan_simple(&old, &all_same(&old), &new, &packs, &rotten);
    assert_eq!(planned.work.iter().flatten().filter_map(Work::object).collect::<Vec<_>>(), [digest(11)]);
    let makes = planned.work.iter().flatten().flat_map(Work::blocks).flat_map(|work| &work.makes);
    assert_eq!(makes.filter_map(Make::digest).collect::<Vec<_>>(), [digest(12)]);

    // The block was struck out: both come alone.
    let struck = Memory { struck: [packs[0].1.blocks()[0].block.digest].into(), ..Memory::default() };
    let planned = plan_simple(&old, &all_same(&old), &new, &packs, &struck);
    assert_eq!(planned.work.iter().flatten().filter_map(Work::object).count(), 2);

    // An earlier run left one blob, or the whole block: what is held is not fetched.
    let blob = Memory { blobs: [digest(11), digest(12)].into(), ..Memory::default() };
    assert_eq!(plan_simple(&old, &all_same(&old), &new, &packs, &blob).work.concat(), []);
    let block = Memory { blocks: [packs[0].1.blocks()[0].block.digest].into(), ..Memory::default() };
    let planned = plan_simple(&old, &all_same(&old), &new, &packs, &block);
    assert!(matches!(planned.work.concat()[..], [Work::Block(_)]) && planned.download_bytes == 0);
}

#[test]
fn a_block_takes_the_place_of_an_object_that_is_nowhere() {
    let (old, new) = (tree(&[]), tree(&[("a", 101, 0o755)]));
    // Most of it nobody wants.
    let dear = [pack(&[(101..=140).map(|number| (number, None)).collect()])];
    let on = |packs: &[(PackOffer, Index)], memory: &Memory| {
        let planned = plan_simple(&old, &all_same(&old), &new, packs, memory);
        let objects: Vec<Digest> = planned.work.iter().flatten().filter_map(Work::object).collect();
        (taken(&planned), objects)
    };
    let nowhere = Memory { without_object: [digest(101)].into(), ..Memory::default() };
    assert_eq!(on(&dear, &Memory::default()), (vec![], vec![digest(101)]));
    assert_eq!(on(&dear, &nowhere), (vec![dear[0].1.blocks()[0].block.digest], vec![]));
    assert_eq!(on(&[], &nowhere), (vec![], vec![digest(101)]), "there is nothing else");

    let pack = PackOffer { from: None, ..dear[0].0.clone() };
    let (packs, missing) = ([(pack, [digest(101)].into())], blobs(new.entries()));
    let looks = |memory: &Memory| worth_a_look(&packs, &missing, memory).len();
    assert_eq!((looks(&Memory::default()), looks(&nowhere)), (0, 1));
}

#[test]
fn costly_blocks_are_taken_when_bytes_are_dear() {
    let (old, new) = (tree(&[("a", 1, 0o755), ("b", 2, 0o755)]), tree(&[("a", 11, 0o755), ("b", 12, 0o755)]));
    let packs = [pack_with(&[vec![(12, Some(2))], vec![(11, None)]], &[(11, 1)])];
    let [small, plain, costly] = packs[0].1.blocks() else { panic!("three blocks") };
    let [small, plain, costly] = [small, plain, costly].map(|placed| placed.block.digest);
    let same = all_same(&old);
    let bytes = Terms { prefer: Preference::Bytes, memory: None };
    let on = |terms: Terms, memory: Memory| plan_on(terms, &old, &same, &new, &packs, &memory);
    assert_eq!(taken(&on(Terms::default(), Memory::default())), [small, plain]);
    assert_eq!(taken(&on(bytes, Memory::default())), [small, costly]);
    // One that is struck is replaced by the other, and both by the object.
    let struck = |blocks: &[Digest]| Memory { struck: blocks.iter().copied().collect(), ..Memory::default() };
    assert_eq!(taken(&on(bytes, struck(&[costly]))), [small, plain]);
    let planned = on(bytes, struck(&[costly, plain]));
    assert_eq!(
        (taken(&planned), planned.work.iter().flatten().filter_map(Work::object).collect()),
        (vec![small], vec![digest(11)])
    );
    // What is held already costs no bytes.
    let held = Memory { blocks: [plain].into(), ..Memory::default() };
    let mut blocks = taken(&on(bytes, held));
    blocks.sort_by_key(|digest| *digest == plain);
    assert_eq!(blocks, [small, plain]);
    // A costly block that is held is not made for one who wants no delay.
    let held = Memory { blocks: [costly].into(), ..Memory::default() };
    assert_eq!(taken(&on(Terms::default(), held)), [small, plain]);
}

#[test]
fn what_takes_too_much_memory_is_left_out() {
    let (old, new) = (tree(&[("a", 1, 0o755)]), tree(&[("a", 11, 0o755)]));
    let packs = [pack_with(&[vec![(11, None)]], &[(11, 1)])];
    let [plain, costly] = packs[0].1.blocks() else { panic!("two blocks") };
    let on = |memory: u64| {
        let terms = Terms { prefer: Preference::Bytes, memory: Some(memory) };
        (plan_on(terms, &old, &all_same(&old), &new, &packs, &Memory::default()), terms)
    };
    let needed = costly.block.decoder_memory();
    for (memory, wanted) in [(needed, vec![costly]), (needed - 1, vec![plain]), (1 << 20, vec![])] {
        let wanted: Vec<Digest> = wanted.into_iter().map(|placed| placed.block.digest).collect();
        assert_eq!(taken(&on(memory).0), wanted, "{memory}");
    }
    // As many decoders as fit, but always one.
    for (memory, jobs) in [(needed, 1), (3 * needed - 1, 2), (u64::MAX, 4)] {
        let (planned, terms) = on(memory);
        assert_eq!(planned.decoders(4, terms), jobs, "{memory}");
    }
    let (planned, terms) = on(0);
    assert_eq!((planned.decoders(4, terms), planned.decoders(4, Terms::default())), (4, 4), "nothing is decoded");
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
    assert!(length > 3 && planned.work.iter().flatten().all(|work| matches!(work, Work::Range(_))));
    assert_eq!((planned.download_bytes, planned.requests), (length, 1));
}

#[test]
fn other_metadata_is_a_copy_and_not_a_download() {
    let (old, new) = (tree(&[("a", 1, 0o755)]), tree(&[("a", 1, 0o4755), ("b", 1, 0o755)]));
    let planned = plan_simple(&old, &all_same(&old), &new, &[], &Memory::default());
    let is_copy = |wanted| {
        move |work: &Work| match work {
            Work::Copy { tree, need, .. } => (*tree, need.digest) == (wanted, digest(1)),
            _ => false,
        }
    };
    assert!(planned.work.concat().iter().all(is_copy(Slot::Live)) && planned.work.len() == 1);
    assert_eq!(planned.counts, Counts { added: 1, changed: 1, removed: 0 });

    // So is a file of another tree.
    let elsewhere = [(digest(1), (Slot::Previous, "usr/bin/a".parse().expect("a path")))].into();
    let memory = Memory { elsewhere, ..Memory::default() };
    let planned = plan_simple(&Tree::default(), &[], &new, &[pack(&[vec![(1, None)]])], &memory);
    assert!(planned.work.concat().iter().all(is_copy(Slot::Previous)) && planned.requests == 0);
}

#[test]
fn damage_is_counted_as_what_it_is() {
    let old = tree(&[("a", 1, 0o755), ("b", 2, 0o755), ("c", 3, 0o755)]);
    let mut seen = all_same(&old);
    (seen[2], seen[3]) = (Seen::Missing, Seen::Differs(Difference::Mode));
    let extra = [PathBuf::from("bin/planted"), PathBuf::from("local")];
    let planned =
        plan(Present { tree: &old, seen: &seen, extra: &extra }, &old, &[], &Memory::default(), Terms::default());
    assert_eq!(planned.counts, Counts { added: 1, changed: 1, removed: 1 });
    assert_eq!(planned.carried.paths, [PathBuf::from("local")], "no release owns usr/local: it goes along as a whole");
    assert_eq!(planned.damaged.len(), 2);
    assert!(planned.tree_differs);
}

#[test]
fn what_the_target_owns_wins_over_what_is_carried() {
    let entry = |path: &str, kind| Entry { path: path.parse().expect(path), kind, metadata: Metadata::default() };
    let link = || Kind::Symlink { target: "x".into() };
    let directories = |paths: &[&str]| paths.iter().map(|path| entry(path, Kind::Directory)).collect::<Vec<_>>();
    let old = directories(&["usr", "usr/local", "usr/local/etc", "usr/local/lib"]);
    let mut new = directories(&["usr", "usr/local"]);
    new.extend([
        entry("usr/local/bin", link()),
        entry("usr/local/etc", Kind::Directory),
        entry("usr/local/lib", link()),
    ]);
    let [old, target] = [old, new].map(|entries| Tree::from_sorted(entries).expect("a tree"));
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let extra = paths(&["lib/no", "local/bin", "local/etc/x", "local/etc/y", "local/lib/mine", "local/z", "src"]);
    let seen = all_same(&old);
    let present = Present { tree: &old, seen: &seen, extra: &extra };
    let planned = plan(present, &target, &[], &Memory::default(), Terms::default());
    assert_eq!(planned.carried.paths, paths(&["local/etc/x", "local/etc/y", "local/z", "src"]));
    assert_eq!(planned.carried.displaced, paths(&["local/bin", "local/lib/mine"]));
    assert_eq!(planned.counts, Counts { added: 2, changed: 0, removed: 2 }, "lib/no and local/lib/mine go");
    let later = paths(&["local/etc/x", "local/bin/mine", "local/new", "src/new"]);
    assert_eq!(
        planned.carried.among(&later).0,
        paths(&["local/etc/x", "local/new", "src/new"]),
        "the same rule later on"
    );
    let later = paths(&["lib/no", "local/bin/mine", "local/new", "local/lib"]);
    assert_eq!(planned.carried.among(&later).1, paths(&["local/bin/mine", "local/lib"]));
    // What is of another type than the live release's is nothing of that: neither it nor what was in it.
    let mut taken = seen.clone();
    (taken[1], taken[2], taken[3]) = (Seen::Differs(Difference::Type), Seen::Missing, Seen::Missing);
    assert_eq!(taken_over(&old, &taken).collect::<Vec<_>>(), [Path::new("local")]);
    assert_eq!(Carried::new(Present { tree: &old, seen: &taken, extra: &[] }, &target).live.entries().len(), 1);
    // Back again, the directory that only the live release owns is known by what that says.
    let back = Carried::new(Present { tree: &target, seen: &[], extra: &[] }, &Tree::default());
    assert!(back.directory(Path::new("local/etc")).is_some() && back.directory(Path::new("local/z")).is_none());
    let shared =
        ["local", "local/etc", "local/bin", "local/z", "", "lib"].map(|path| is_shared(Path::new(path), &target));
    assert_eq!(shared, [true, true, false, false, false, false]);
}

#[test]
fn what_differs_in_more_than_content_takes_room_of_its_own() {
    let disk_bytes = |files: &[(&str, u8, u32)]| {
        let (old, target) = (tree(&[]), tree(files));
        let seen = all_same(&old);
        let present = Present { tree: &old, seen: &seen, extra: &[] };
        plan(present, &target, &[], &Memory::default(), Terms::default()).disk_bytes
    };
    let one = disk_bytes(&[("a", 1, 0o644)]);
    assert_eq!(disk_bytes(&[("a", 1, 0o644), ("b", 1, 0o644)]), one);
    assert_eq!(disk_bytes(&[("a", 1, 0o644), ("b", 1, 0o755), ("c", 1, 0o755)]), one + 2 * DISK_UNIT_BYTES);
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
    let tree = |name: &str, among: &[&str]| dependents_tree(&release, &name.parse().expect("a name"), &names(among));
    assert_eq!(tree("python", &["compute", "net", "tools"]), "python\n  compute\n    net\n      compute");
    assert_eq!(tree("python", &["tools"]), "python");
    let BundleError::Unknown { similar, .. } = closure(&release, &names(&["compote"])).expect_err("no such bundle");
    assert_eq!(similar.first().map(BundleName::as_str), Some("compute"));
}
