//! What holds for every plan, against an oracle that knows nothing of packs.

use proptest::prelude::*;

use super::*;

proptest! {
    /// Whatever is installed, damaged, wanted, offered and held: every blob that the target needs and nobody has comes
    /// from exactly one place, every delta starts from an intact file of the right content, and the figures add up.
    #[test]
    fn every_missing_blob_comes_from_one_place(
        old in prop::collection::btree_map("[a-f]", 0u8..12, 0..6),
        new in prop::collection::btree_map("[a-f]", 0u8..24, 0..6),
        damage in prop::collection::vec(0u8..4, 8),
        blocks in prop::collection::vec(prop::collection::vec((0u8..24, prop::option::of(0u8..12)), 1..4), 0..5),
        costly in prop::collection::vec((0..EMPTY, 0u8..12), 0..3),
        held in prop::collection::vec(0u8..24, 0..3),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        rotten in prop::collection::vec(0u8..12, 0..3),
        terms in (any::<bool>(), prop::option::of(prop_oneof![0u64..20 << 20, Just(1 << 40)])).prop_map(|(bytes, memory)| {
            Terms { prefer: if bytes { Preference::Bytes } else { Preference::Time }, memory }
        }),
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
        let packs = [pack_with(&blocks, &costly)];
        let offered: Vec<Digest> = packs[0].1.blocks().iter().map(|placed| placed.block.digest).collect();
        let struck = gone.iter().filter(|_| !offered.is_empty()).map(|index| *index.get(&offered));
        let struck = struck.chain(rotten.into_iter().map(digest)).collect();
        let memory = Memory { blobs: held.into_iter().map(digest).collect(), struck, ..Memory::default() };
        let planned = plan_on(terms, &old, &seen, &new, &packs, &memory);
        for work in planned.work.iter().flatten().flat_map(Work::blocks) {
            let block = &work.block.block;
            prop_assert!(!memory.struck.contains(&block.digest));
            prop_assert!(terms.prefer == Preference::Bytes || !block.is_costly());
            prop_assert!(terms.memory.is_none_or(|memory| block.decoder_memory() <= memory));
        }

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
                    Make::Delta(digest, Base::Stored(base)) => {
                        brought.push(*digest);
                        prop_assert!(memory.blobs.contains(base), "{digest} starts from what nobody has");
                    }
                    Make::Delta(digest, Base::Live(from, base)) => {
                        brought.push(*digest);
                        prop_assert!(build.method.base().expect("a delta").matches(base));
                        prop_assert_eq!(*base, intact[from.as_str()]);
                        prop_assert!(!memory.struck.contains(base), "no file has it after all");
                    }
                }
            }
            Ok(())
        };
        for work in planned.work.iter().flatten() {
            match work {
                Work::Range(range) => {
                    bytes += range.length;
                    let end = |work: &BlockWork| work.block.offset + work.block.block.length();
                    prop_assert_eq!(range.blocks.last().map(end), Some(range.offset + range.length));
                    range.blocks.iter().try_for_each(&mut make)?;
                }
                Work::Block(block) => make(block)?,
                _ => {}
            }
        }
        for work in planned.work.iter().flatten() {
            match work {
                Work::Copy { from, need, .. } => {
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

    /// Over any number of packs, whatever is offered, damaged, struck and held: done stage by stage, every delta finds
    /// what it starts from, every blob that the target needs is there in the end, and objects alone cost no less.
    #[test]
    fn a_way_over_several_packs_ends_well(
        releases in prop::collection::vec(prop::collection::btree_map("[a-d]", 0u8..16, 1..4), 2..6),
        blocks in prop::collection::vec(
            prop::collection::vec(prop::collection::vec((0u8..16, prop::option::of(0u8..16)), 1..4), 0..4),
            5,
        ),
        damaged in any::<bool>(),
        struck in 0usize..6,
        held in prop::collection::vec(0u8..16, 0..3),
    ) {
        // Every other one is noise, for which a way over several packs may cost more than objects.
        let number = |number: u8| if number.is_multiple_of(2) { number } else { 100 + number };
        let trees: Vec<Tree> = releases
            .iter()
            .map(|files| {
                let files = files.iter().map(|(name, content)| (name.as_str(), number(*content), 0o644));
                tree(&files.collect::<Vec<_>>())
            })
            .collect();
        let (old, new) = (&trees[0], &trees[trees.len() - 1]);
        let unique = |block: &Vec<(u8, Option<u8>)>| -> Vec<(u8, Option<u8>)> {
            let builds = block.iter().map(|(new, old)| (number(*new), old.map(number)));
            builds.collect::<BTreeMap<_, _>>().into_iter().collect()
        };
        let packs: Vec<_> =
            blocks[1..trees.len()].iter().map(|blocks| pack(&blocks.iter().map(unique).collect::<Vec<_>>())).collect();
        let before: Vec<Vec<Need>> =
            std::iter::once(Vec::new()).chain(trees[1..].iter().map(|tree| blobs(tree.entries()))).collect();
        let offers: Vec<Offer<'_>> =
            packs.iter().zip(&before).rev().map(|((pack, index), before)| Offer { pack, index, before }).collect();
        let mut seen = all_same(old);
        if damaged {
            seen[2] = Seen::Missing;
        }
        let all_blocks = packs.iter().flat_map(|(_, index)| index.blocks());
        let memory = Memory {
            blobs: held.into_iter().map(number).map(digest).collect(),
            struck: all_blocks.map(|placed| placed.block.digest).nth(struck).into_iter().collect(),
            ..Memory::default()
        };
        let present = Present { tree: old, seen: &seen, extra: &[] };
        let planned = plan(present, new, &offers, &memory, Terms::default());

        let intact: BTreeMap<&str, Digest> = old.entries().iter().zip(&seen).filter(|(_, seen)| **seen == Seen::Same)
            .filter_map(|(entry, _)| Some((entry.path.as_str(), entry.kind.digest()?))).collect();
        let mut stored: HashSet<Digest> = memory.blobs.clone();
        let (mut made_bytes, mut paid) = (0, 0);
        for stage in &planned.work {
            let mut brought = HashMap::new();
            for work in stage {
                match work {
                    Work::Copy { from, need, .. } => {
                        prop_assert_eq!(intact.get(from.as_str()), Some(&need.digest));
                        brought.insert(need.digest, need.size);
                    }
                    Work::Object(need) => {
                        paid += need.object_bytes + REQUEST_BYTES;
                        brought.insert(need.digest, need.size);
                    }
                    Work::Block(_) => prop_assert!(false, "no block is held"),
                    Work::Range(range) => for block in &range.blocks {
                        prop_assert!(!memory.struck.contains(&block.block.block.digest));
                        paid += block.block.block.length();
                        for (make, build) in block.makes.iter().zip(&block.block.block.builds) {
                            let base = match make {
                                Make::Delta(_, Base::Live(from, _)) => Some(intact[from.as_str()]),
                                Make::Delta(_, Base::Stored(base)) => Some(*base),
                                Make::Skip | Make::Whole(_) => None,
                            };
                            if let Make::Delta(_, Base::Stored(base)) = make {
                                prop_assert!(stored.contains(base), "it is made in an earlier stage");
                            }
                            if let Some(made) = make.digest() {
                                prop_assert!(build.id.matches(&made));
                                prop_assert_eq!(base.is_some(), build.method.base().is_some());
                                prop_assert!(build.method.base().zip(base).is_none_or(|(id, base)| id.matches(&base)));
                                brought.insert(made, build.size);
                            }
                        }
                    },
                }
            }
            made_bytes += brought.values().sum::<u64>();
            stored.extend(brought.keys());
        }
        let needs = missing_blobs(present, new);
        prop_assert!(needs.iter().all(|need| stored.contains(&need.digest)));
        prop_assert!(planned.build_bytes <= made_bytes, "every blob is counted at most as often as it is made");
        let here: HashSet<Digest> = intact.values().chain(&memory.blobs).copied().collect();
        let alone = |need: &&Need| !here.contains(&need.digest);
        let alone: u64 = needs.iter().filter(alone).map(|need| need.object_bytes + REQUEST_BYTES).sum();
        prop_assert!(paid <= alone, "{} paid, {} for objects alone", paid, alone);
    }
}
