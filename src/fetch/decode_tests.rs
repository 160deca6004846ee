//! What a block makes where files that its builds start from are not what is known of them, and where the block lies.

use std::collections::HashSet;
use std::fs;

use super::*;
use crate::delta::Delta;
use crate::disk::Directory;
use crate::fetch::testing::transport;
use crate::fetch::{Doors, Fetched};
use crate::pack::{BlockWriter, Index, PackWriter, PlacedBlock};
use crate::report::{Progress, Reporter, Silent, Step};
use crate::store::Store;
use crate::types::Version;

#[test]
fn decoders_never_take_the_whole_pool() {
    for (jobs, blocks, wanted) in
        [(0, 5, 1), (1, 5, 1), (4, 2, 2), (600, 0, 0), (600, 3, 3), (600, 10_000, MAX_DECODERS)]
    {
        assert_eq!(decoders(jobs, blocks), wanted, "{jobs} jobs for {blocks} blocks");
    }
}

/// The old content of that number: nothing like another.
fn old(number: u8) -> Vec<u8> {
    let mut state = u32::from(number) + 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(20_000).collect()
}

/// What became of it: one byte at its beginning, and one more at its end.
fn new(number: u8) -> Vec<u8> {
    let mut content = old(number);
    content[0] ^= 1;
    content.push(number);
    content
}

/// A block of deltas, each from old content to new, and its bytes. The first build is said to make what `named` says.
fn block(builds: &[(Vec<u8>, Vec<u8>)], named: Digest) -> (PlacedBlock, Vec<u8>) {
    let mut block = BlockWriter::new(Vec::new(), 1);
    for (number, (old, new)) in builds.iter().enumerate() {
        let digest = if number == 0 { named } else { Digest::of(new) };
        block.delta(digest, Digest::of(old), &Delta::make(old, new));
    }
    let (block, bytes) = block.finish().expect("memory");
    let known: Vec<Digest> =
        block.builds.iter().flat_map(|build| [Some(build.id), build.method.base()]).flatten().collect();
    let version = |number| Version::new(number).expect("not zero");
    let mut pack = Vec::new();
    let writer = PackWriter::new(Some(version(1)), version(2), known);
    let summary = writer.finish(vec![(block, &bytes[..])], &mut pack).expect("memory");
    let index = Index::parse(&pack[..summary.head_length as usize]).expect("its own output");
    (index.blocks()[0].clone(), bytes)
}

/// Decodes a block of which build N starts from `usr/FILE`, where the live tree has such `files`. Gives what the block lacks and
/// the blobs that are in the store then.
fn decoded(
    builds: &[(Vec<u8>, Vec<u8>)],
    from: &[&str],
    named: Digest,
    files: &[(&str, Vec<u8>)],
) -> (Fetched, HashSet<Digest>) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("usr")).expect("made");
    for (name, content) in files {
        fs::write(directory.path().join("usr").join(name), content).expect("written");
    }
    let home = Directory::open_path(directory.path()).expect("it opens");
    let (store, _) = Store::open(&home).expect("it opens");
    let (block, bytes) = block(builds, named);
    store.add(Shelf::Block, block.block.digest, &bytes).expect("its digest");
    let live = Directory::open_path(&directory.path().join("usr")).expect("it opens");
    let doors = Doors {
        transport: Arc::new(transport(directory.path())),
        store: Arc::new(store),
        trees: [(Slot::Live, Arc::new(live))].into(),
        jobs: 1,
        parallel: 1,
    };
    let bar = || Arc::new(Progress::new(Arc::new(Silent) as Arc<dyn Reporter>, Step::Build, 0));
    let fetcher = Fetcher { doors, fetched: Arc::default(), uses: Arc::default(), downloaded: bar(), built: bar() };
    let makes = builds.iter().zip(from).enumerate().map(|(number, ((old, new), from))| {
        let path = format!("usr/{from}").parse().expect("a path");
        Make::Delta(if number == 0 { named } else { Digest::of(new) }, Base::Live(path, Digest::of(old)))
    });
    fetcher.decode(&BlockWork { block, makes: makes.collect() }).expect("no trouble with the disk");
    let fetched = std::mem::take(&mut *fetcher.fetched());
    let (_, held) = Store::open(&home).expect("it opens");
    assert!(held.blocks.is_empty(), "it was its last use");
    (fetched, held.blobs)
}

#[tokio::test]
async fn a_file_with_another_content_costs_its_own_blobs_alone() {
    let mut flipped = old(1);
    flipped[9_000] ^= 1;
    let files = [("a", old(0)), ("flipped", flipped), ("b", old(2)), ("cut", old(3)[..100].to_vec()), ("c", old(5))];
    let from = ["a", "flipped", "b", "cut", "gone", "flipped", "c"];
    let mut builds: Vec<_> = [0, 1, 2, 3, 4, 1, 5].map(|number| (old(number), new(number))).into();
    // A second one from the same file.
    builds[5].1.push(0);
    let (fetched, blobs) = decoded(&builds, &from, Digest::of(&new(0)), &files);
    assert_eq!(blobs, [0, 2, 5].map(|number| Digest::of(&new(number))).into());
    assert_eq!(fetched.uncopied, [1, 3, 4].map(|number| Digest::of(&old(number))).into());
    assert!(fetched.struck.is_empty() && !fetched.is_complete(), "{fetched:?}");
}

/// Else a publication could have all files of a machine taken for damaged.
#[tokio::test]
async fn a_block_that_makes_another_blob_of_a_good_file_is_struck() {
    let builds: Vec<_> = [0, 1].map(|number| (old(number), new(number))).into();
    let (fetched, blobs) = decoded(&builds, &["a", "b"], Digest::of(b"another"), &[("a", old(0)), ("b", old(1))]);
    assert_eq!((fetched.struck.len(), fetched.uncopied.len(), blobs.len()), (1, 0, 0), "{fetched:?}");
}
