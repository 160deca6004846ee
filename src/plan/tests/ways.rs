//! Ways over several packs, and contents that need no bytes.

use super::*;

/// A pack with what it holds, and the blobs of the release on the way that it leads from.
type Step<'a> = (&'a (PackOffer, Index), &'a [Need]);

/// The plan for an intact tree with these packs, the last first.
fn plan_over(old: &Tree, new: &Tree, steps: [Step<'_>; 2], memory: &Memory) -> UpdatePlan {
    let offers = steps.map(|((pack, index), before)| Offer { pack, index, before });
    plan(Present { tree: old, seen: &all_same(old), extra: &[] }, new, &offers, memory, Terms::default())
}

/// The plan for an intact tree with a pack to a release on the way, whose blobs are `between`, and one from there.
fn plan_by(
    old: &Tree,
    new: &Tree,
    [first, last]: [&(PackOffer, Index); 2],
    between: &[Need],
    memory: &Memory,
) -> UpdatePlan {
    plan_over(old, new, [(last, between), (first, &[])], memory)
}

fn objects(planned: &UpdatePlan) -> Vec<Digest> {
    planned.work.iter().flatten().filter_map(Work::object).collect()
}

#[test]
fn packs_over_several_releases_make_one_way() {
    let (old, new) = (tree(&[("a", 1, 0o755), ("b", 2, 0o755)]), tree(&[("a", 21, 0o755), ("b", 12, 0o755)]));
    let between = blobs(tree(&[("a", 11, 0o755), ("b", 12, 0o755), ("c", 13, 0o755)]).entries());
    let (first, last) = (pack(&[vec![(11, Some(1)), (12, Some(2))], vec![(13, None)]]), pack(&[vec![(21, Some(11))]]));
    let plan_between = |before: &[Need], memory: &Memory| plan_by(&old, &new, [&first, &last], before, memory);
    let planned = plan_between(&between, &Memory::default());
    let [first_stage, second_stage] = &planned.work[..] else { panic!("{:?}", planned.work) };
    let [Work::Range(range)] = &first_stage[..] else { panic!("{first_stage:?}") };
    assert_eq!(range.blocks.len(), 1, "nobody wants 13");
    let [Work::Range(range)] = &second_stage[..] else { panic!("{second_stage:?}") };
    assert_eq!(range.blocks[0].makes, [Make::Delta(digest(21), Base::Stored(digest(11)))]);
    let size = |number: u8| content(number).len() as u64;
    assert_eq!(planned.build_bytes, size(11) + size(12) + size(21), "what is on the way counts");

    // What an earlier run left on the way serves.
    let memory = Memory { blobs: [digest(11), digest(12)].into(), ..Memory::default() };
    let planned = plan_between(&between, &memory);
    assert_eq!(planned.work.len(), 1);
    assert_eq!((planned.requests, planned.build_bytes), (1, size(21)));

    // Without its first block, or where the release on the way is not known, the way is none.
    let struck = Memory { struck: [first.1.blocks()[0].block.digest].into(), ..Memory::default() };
    assert_eq!(plan_between(&between, &struck).work.iter().flatten().filter_map(Work::object).count(), 2);
    let planned = plan_between(&[], &Memory::default());
    assert_eq!(planned.work.iter().flatten().filter_map(Work::object).collect::<Vec<_>>(), [digest(21)]);
}

/// What the target needs, and no pack brings, is there before what starts from it.
#[test]
fn a_base_that_comes_anyway_serves() {
    let old = tree(&[("a", 1, 0o755)]);
    let between = blobs(tree(&[("a", 111, 0o755), ("new", 113, 0o755)]).entries());
    let (first, last) = (pack(&[vec![(111, Some(1))]]), pack(&[vec![(121, Some(113))]]));
    let new = tree(&[("a", 121, 0o755), ("new", 113, 0o755)]);
    let planned = plan_by(&old, &new, [&first, &last], &between, &Memory::default());
    assert_eq!(objects(&planned), [digest(113)]);
    assert_eq!(taken(&planned), [last.1.blocks()[0].block.digest]);

    // So is what another tree has: it is copied, and no block is paid for it.
    let (first, elsewhere) = (pack(&[vec![(113, None)]]), (Slot::Previous, "usr/bin/x".parse().expect("a path")));
    let memory = Memory { elsewhere: [(digest(113), elsewhere)].into(), ..Memory::default() };
    let planned = plan_by(&old, &new, [&first, &last], &between, &memory);
    assert_eq!(taken(&planned), [last.1.blocks()[0].block.digest]);
    assert_eq!((objects(&planned), planned.requests), (vec![], 1));
}

/// What a pack makes out of itself, or out of what starts from it, is no step: it comes as an object, once.
#[test]
fn what_the_release_before_has_is_not_made_again() {
    let old = tree(&[("a", 1, 0o755)]);
    let new = tree(&[("a", 111, 0o755), ("new", 113, 0o755)]);
    let between = blobs(new.entries());
    for circle in [vec![(111, Some(111))], vec![(111, Some(113)), (113, Some(111))]] {
        let planned = plan_by(&old, &new, [&pack(&[]), &pack(&[circle])], &between, &Memory::default());
        assert_eq!((taken(&planned).len(), objects(&planned).len()), (0, 2));
    }
}

/// What was in a release, left, and came back is made once, though a pack between starts from it.
#[test]
fn what_comes_back_is_not_made_twice() {
    let (old, new) = (tree(&[("a", 1, 0o755)]), tree(&[("a", 121, 0o755), ("new", 113, 0o755)]));
    let [there, gone] = [113, 121].map(|number| blobs(tree(&[("a", number, 0o755)]).entries()));
    let (back, between) = (pack(&[vec![(113, None)]]), pack(&[vec![(121, Some(113))]]));
    let planned = plan_over(&old, &new, [(&back, &gone), (&between, &there)], &Memory::default());
    assert_eq!((taken(&planned), objects(&planned)), (vec![back.1.blocks()[0].block.digest], vec![digest(121)]));
}

/// A block without bytes is in no range: what it would bring comes as an object.
#[test]
fn an_empty_file_alone_in_a_block_comes() {
    let old = tree(&[]);
    for wanted in [&[("empty", EMPTY, 0o644)][..], &[("a", 111, 0o755), ("empty", EMPTY, 0o644)]] {
        let packs = [pack(&[vec![(111, None)], vec![(EMPTY, None)]])];
        assert_eq!(packs[0].1.blocks()[1].block.length(), 0);
        let planned = plan_simple(&old, &all_same(&old), &tree(wanted), &packs, &Memory::default());
        assert_eq!(objects(&planned), [digest(EMPTY)]);
        for work in planned.work.iter().flatten() {
            assert!(!matches!(work, Work::Range(range) if range.length == 0 || range.blocks.is_empty()));
        }
    }
}
