//! Builds that are made from forms of files with an xz stream: the golden pack in `fixtures/golden/pack-4`, and lies.
//!
//! The pack was made by the ignored test `write_the_golden_pack_with_xz`, which refuses to write over it, from files that
//! stand beside it. `old-module.ko`, and what is in the others, are those of `pack-3`; xz 5.4.1 compressed them:
//! `xz --check=crc32 --x86 --lzma2=dict=32MiB` for what is in the images, `xz -T2 --check=crc32 --lzma2=dict=1MiB` for the
//! module.

use std::fs;

use super::golden::{Golden, pack_of};
use super::sample::proved;
use super::*;
use crate::delta::{Delta, ReadAt};
use crate::types::{Digest, Version};
use crate::xz;

const NAMES: [&str; 4] = ["old-image", "new-image", "old-module.ko", "new-module.xz"];
/// What the pack makes, from what.
const MADE: [(&str, &str); 3] =
    [("new-image", "old-image"), ("new-module.xz", "old-module.ko"), ("old-image", "old-module.ko")];

fn golden() -> Golden {
    Golden::new("pack-4")
}

fn read(name: &str) -> Vec<u8> {
    golden().read(name)
}

fn block() -> (Block<Digest>, Vec<u8>) {
    let mut writer = BlockWriter::new(Vec::new(), LEVEL);
    for (new, old) in MADE {
        let (old, new) = (read(old), read(new));
        let (base, form) = (xz::base_form(&old), xz::unwrap(&new).expect("a file of xz"));
        let base = base.as_deref().unwrap_or(&old);
        let delta = Delta::make(base, &form).to_predicted(base, &form).expect("few triples");
        writer.xz_form(Digest::of(&new), new.len() as u64, Digest::of(&old), &delta);
    }
    writer.finish().expect("memory")
}

fn pack() -> (Vec<u8>, u64) {
    pack_of(&[block()], golden().blobs(&NAMES).into_keys())
}

#[test]
#[ignore = "writes the golden pack of a new method, once"]
fn write_the_golden_pack_with_xz() {
    let (pack, head_length) = pack();
    golden().write(&[], &pack, head_length);
}

#[test]
fn the_golden_pack_with_xz_is_read() {
    let (_, index, made) = golden().made(&NAMES);
    assert!(made == MADE.map(|(name, _)| read(name)));
    let block = &index.blocks()[0].block;
    assert!(block.builds.iter().all(|build| build.method.number() == 5));
    assert!(block.is_costly() && block.length() < block.new_bytes() / 2);
}

#[test]
fn same_input_same_bytes() {
    assert!(pack() == pack());
}

#[test]
fn a_block_with_xz_is_proved_and_skipped() {
    let (block, bytes) = block();
    let blobs = golden().blobs(&NAMES);
    proved(&block, &bytes, |digest| &blobs[&digest][..]).expect("a good block");
    for wanted in 0..MADE.len() {
        let mut reader = BlockReader::open(&block, &bytes, 0).expect("own block");
        for (number, build) in block.builds.iter().enumerate() {
            if number != wanted {
                reader.skip().expect("own block");
                continue;
            }
            let base = build.method.base().map(|base| &blobs[&base] as &dyn ReadAt);
            let mut out = Vec::new();
            reader.build(base, &mut out).expect("own block");
            assert!(out == blobs[&build.id]);
        }
        reader.finish().expect("own block");
    }
    let mut reader = BlockReader::open(&block, &bytes, 0).expect("own block");
    assert!(matches!(reader.build(None, &mut std::io::sink()), Err(PackError::NoBase { build: 0 })));
}

#[test]
fn a_wrong_base_is_an_error() {
    let (block, bytes) = block();
    for base in [b"too short".to_vec(), read("old-module.ko"), read("old-image")[..900].to_vec()] {
        let mut reader = BlockReader::open(&block, &bytes, 0).expect("own block");
        let mut out = Vec::new();
        let error = reader.build(Some(&base), &mut out).expect_err("another base");
        assert!(matches!(error, PackError::Delta { build: 0, .. } | PackError::Xz { build: 0, .. }), "{error:?}");
        assert!(out.len() as u64 <= block.builds[0].size);
    }
}

#[test]
fn forms_are_bounded_before_they_are_made() {
    let (block, bytes) = block();
    let lie = |size, form| {
        let mut block = Block { builds: block.builds[..1].to_vec(), ..block.clone() };
        let base = block.builds[0].method.base().expect("a delta");
        (block.builds[0].size, block.builds[0].method) = (size, Method::XzForm { base, form });
        block
    };
    for (size, form) in [(xz::MAX_BYTES + 1, 9), (9, xz::MAX_BYTES + 1)] {
        let writer = PackWriter::new(None, Version::new(20).expect("not 0"), []);
        let error = writer.finish(vec![(lie(size, form), &bytes[..])], std::io::sink()).expect_err("no such block");
        assert!(matches!(error, PackError::TooLarge { limit, .. } if limit == xz::MAX_BYTES), "{error:?}");
    }
    // What the index lets through, no more is taken for than it says; here the reader is asked without an index.
    let lie = lie(9, u64::MAX);
    let mut reader = BlockReader::open(&lie, &bytes, 0).expect("good frames");
    assert!(matches!(reader.build(Some(&read("old-image")), &mut Vec::new()), Err(PackError::Xz { build: 0, .. })));
}

#[test]
fn a_block_says_what_its_decoder_takes() {
    let (block, _) = block();
    let form = block.builds.iter().filter_map(|build| build.method.inner()).max().expect("a form");
    assert!(block.decoder_memory() > xz::CODER_MEMORY_BYTES + form);
    assert!(block.decoder_memory() <= DECODER_MEMORY_BYTES);
    let mut writer = BlockWriter::new(Vec::new(), LEVEL);
    writer.whole(Digest::of(b"abc"), 3, &b"abc"[..]).expect("memory");
    let (whole, _) = writer.finish().expect("memory");
    assert!(!whole.is_costly() && whole.decoder_memory() <= 9 << 20, "{}", whole.decoder_memory());
    let most = StreamLengths { packed: 1, plain: MAX_PLAIN_BYTES };
    let method = Method::XzForm { base: Digest::of(b""), form: xz::MAX_BYTES };
    let builds = vec![Build { id: Digest::of(b""), size: xz::MAX_BYTES, method }];
    let largest = Block { digest: Digest::of(b""), streams: [most; STREAMS], builds };
    assert_eq!(largest.decoder_memory(), DECODER_MEMORY_BYTES);
}

/// Reads lines of an old and a new path from the file that `XZ_PAIRS` names, and makes a block of all in each way.
#[test]
#[ignore = "measures files that are named from outside"]
#[allow(clippy::print_stderr, reason = "what it is for")]
fn measure() {
    let list = fs::read_to_string(std::env::var("XZ_PAIRS").expect("XZ_PAIRS")).expect("a list");
    let (mut cheap, mut inside) = (BlockWriter::new(Vec::new(), LEVEL), BlockWriter::new(Vec::new(), LEVEL));
    let (mut files, mut bytes, mut forms) = (0, 0, 0);
    for (old, new) in list.lines().filter_map(|line| line.split_once(' ')) {
        let (old, new) = (fs::read(old).expect(old), fs::read(new).expect(new));
        let (id, base_id, size) = (Digest::of(&new), Digest::of(&old), new.len() as u64);
        let delta = Delta::smallest(&old, &new);
        match delta.pays() {
            true => cheap.delta(id, base_id, &delta),
            false => cheap.whole(id, size, &new[..]).expect("memory"),
        }
        let form = xz::unwrap(&new).expect("a file of xz");
        let base = xz::base_form(&old);
        let base = base.as_deref().unwrap_or(&old);
        let delta = Delta::make(base, &form).to_predicted(base, &form).expect("few triples");
        inside.xz_form(id, size, base_id, &delta);
        (files, bytes, forms) = (files + 1, bytes + size, forms + form.len());
    }
    let [cheap, inside] = [cheap, inside].map(|writer| writer.finish().expect("memory").0.length());
    eprintln!("{files} files of {bytes} bytes, {forms} inside: {cheap} bytes plain, {inside} by what is inside");
}
