//! Builds that are made by text deltas: the golden pack in `fixtures/golden/pack-6`, and lies.
//!
//! The pack was made by the ignored test `write_the_golden_pack_with_texts`, which refuses to write over it.

use super::golden::{Golden, pack_of};
use super::sample::proved;
use super::*;
use crate::types::{Digest, Version};

const NAMES: [&str; 5] = ["old-text", "new-text", "moved-text", "empty-text", "whole-text"];
/// What the pack makes, and from what; the last one stands for itself.
const MADE: [(&str, &str); 4] =
    [("new-text", "old-text"), ("moved-text", "new-text"), ("empty-text", "old-text"), ("whole-text", "")];

fn golden() -> Golden {
    Golden::new("pack-6")
}

fn read(name: &str) -> Vec<u8> {
    golden().read(name)
}

/// What the golden pack was made from.
fn texts() -> [Vec<u8>; 5] {
    let line =
        |number: u32| format!("{number}. Defaults lie in /usr, overrides of {} in /etc.\n", number * 7919 % 1000);
    let old: Vec<String> = (0..120).map(line).collect();
    let mut new = old.clone();
    new[40] = "Whoever changes nothing has nothing to merge.\n".to_owned();
    let mut moved = new.clone();
    moved.rotate_left(50);
    let whole = (200..210).map(line).collect();
    [old, new, moved, Vec::new(), whole].map(|lines| lines.concat().into_bytes())
}

fn block(text: impl Fn(&str) -> Vec<u8>) -> (Block<Digest>, Vec<u8>) {
    let mut writer = BlockWriter::new(Vec::new(), LEVEL);
    for (new, old) in MADE {
        let content = text(new);
        let (id, size) = (Digest::of(&content), content.len() as u64);
        if old.is_empty() {
            writer.whole(id, size, &content[..]).expect("memory");
        } else {
            let old = text(old);
            let frame = make_text_delta(&old, &content).expect("small");
            writer.text(id, size, Digest::of(&old), &frame).expect("memory");
        }
    }
    writer.finish().expect("memory")
}

#[test]
#[ignore = "writes the golden pack of a new method, once"]
fn write_the_golden_pack_with_texts() {
    let texts = texts();
    let named = |name: &str| texts[NAMES.iter().position(|known| *known == name).expect(name)].clone();
    let (pack, head_length) = pack_of(&[block(named)], texts.iter().map(|text| Digest::of(text)));
    let files: Vec<(&str, &[u8])> = NAMES.iter().zip(&texts).map(|(name, text)| (*name, &text[..])).collect();
    golden().write(&files, &pack, head_length);
}

#[test]
fn the_golden_pack_with_texts_is_read() {
    let (_, index, made) = golden().made(&NAMES);
    assert_eq!(made, MADE.map(|(name, _)| read(name)));
    let numbers: Vec<u64> = index.blocks()[0].block.builds.iter().map(|build| build.method.number()).collect();
    assert_eq!(numbers, [6, 6, 6, 0]);
}

#[test]
fn a_block_with_texts_is_proved_and_skipped() {
    let (block, bytes) = block(read);
    let blobs = golden().blobs(&NAMES);
    proved(&block, &bytes, |digest| &blobs[&digest][..]).expect("a good block");
    let mut reader = BlockReader::open(&block, &bytes, 0).expect("own block");
    for _ in 0..3 {
        reader.skip().expect("own block");
    }
    let mut out = Vec::new();
    reader.build(None, &mut out).expect("own block");
    assert_eq!(out, read("whole-text"));
    reader.finish().expect("own block");
}

#[test]
fn another_old_text_is_an_error_or_shows_in_the_digest() {
    let (block, bytes) = block(read);
    for base in [Vec::new(), b"another".to_vec(), read("whole-text")] {
        let mut reader = BlockReader::open(&block, &bytes, 0).expect("own block");
        let mut out = Vec::new();
        match reader.build(Some(&base), &mut out) {
            Ok(()) => assert!(out.len() as u64 == block.builds[0].size && Digest::of(&out) != block.builds[0].id),
            Err(error) => assert!(matches!(error, PackError::Decode { .. } | PackError::BadStream { .. }), "{error:?}"),
        }
    }
    let mut reader = BlockReader::open(&block, &bytes, 0).expect("own block");
    assert!(matches!(reader.build(None, &mut std::io::sink()), Err(PackError::NoBase { build: 0 })));
}

#[test]
fn texts_are_bounded_before_they_are_made() {
    let (block, bytes) = block(read);
    let lie = |size, frame| {
        let mut block = Block { builds: block.builds[..1].to_vec(), ..block.clone() };
        let base = block.builds[0].method.base().expect("an old text");
        (block.builds[0].size, block.builds[0].method) = (size, Method::Text { base, frame });
        block
    };
    for (size, frame) in [(MAX_TEXT_BYTES + 1, 9), (9, MAX_TEXT_BYTES + 1)] {
        let writer = PackWriter::new(None, Version::new(20).expect("not 0"), []);
        let error = writer.finish(vec![(lie(size, frame), &bytes[..])], std::io::sink()).expect_err("no such block");
        assert!(matches!(error, PackError::TooLarge { limit: MAX_TEXT_BYTES, .. }), "{error:?}");
        // Here the reader is asked without an index.
        let lie = lie(size, frame);
        let mut reader = BlockReader::open(&lie, &bytes, 0).expect("good frames");
        let made = reader.build(Some(&read("old-text")), &mut std::io::sink());
        assert!(matches!(made, Err(PackError::TooLarge { limit: MAX_TEXT_BYTES, .. })));
    }
    let mut reader = BlockReader::open(&block, &bytes, 0).expect("own block");
    let long = vec![b'a'; MAX_TEXT_BYTES as usize + 1];
    assert!(matches!(reader.build(Some(&long), &mut std::io::sink()), Err(PackError::TooLarge { .. })));
    assert!(block.decoder_memory() <= DECODER_MEMORY_BYTES);
}
