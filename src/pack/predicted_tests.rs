//! The golden packs with predicted references, in `fixtures/golden/pack-3` and `pack-7`: they are never written again, and
//! read for ever. They show that guesses never change: the files of the second have every kind of field, and most of what
//! only looks like one.
//!
//! They were made by the ignored test `write_the_golden_pack`, which refuses to write over one.

use super::golden::{Golden, pack_of};
use super::*;
use crate::delta::Delta;
use crate::delta::predict::sample::{module, program};
use crate::types::Digest;

const PACKS: [&str; 2] = ["pack-3", "pack-7"];
const NAMES: [&str; 4] = ["old-program", "new-program", "old-module", "new-module"];

#[test]
#[ignore = "writes the golden pack, once"]
fn write_the_golden_pack() {
    let blobs = [program(0), program(1), module(0), module(1)];
    let mut writer = BlockWriter::new(Vec::new(), LEVEL);
    for [old, new] in [[0, 1], [2, 3]] {
        let delta = Delta::smallest(&blobs[old], &blobs[new]);
        writer.delta(Digest::of(&blobs[new]), Digest::of(&blobs[old]), &delta);
    }
    let block = writer.finish().expect("memory");
    let (pack, head_length) = pack_of(&[block], blobs.iter().map(|blob| Digest::of(blob)));
    let files = [0, 1, 2, 3].map(|number| (NAMES[number], &blobs[number][..]));
    Golden::new(PACKS[1]).write(&files, &pack, head_length);
}

#[test]
fn the_golden_packs_are_read() {
    for golden in PACKS.map(Golden::new) {
        let (_, index, made) = golden.made(&NAMES);
        let builds = index.blocks().iter().flat_map(|placed| &placed.block.builds);
        assert!(builds.map(|build| build.method.number()).eq([4, 4]));
        assert_eq!(made, ["new-program", "new-module"].map(|name| golden.read(name)));
    }
}
