//! Streams of LZMA2: what can be made of good ones, of those that lie, and of any bytes; and the golden pack with them,
//! `fixtures/golden/pack-5`, which is never written again, and read for ever.
//!
//! It was made by the ignored test `write_the_golden_pack`, which refuses to write over it.

use std::io::{self, Read, Write};

use proptest::prelude::*;

use super::golden::{Golden, pack_of};
use super::hostile_tests::{made, whole_block};
use super::lzma::{self, Content};
use super::sample::proved;
use super::*;
use crate::delta::Delta;
use crate::types::Digest;

const CONTENTS: [Content; 4] = [Content::Numbers, Content::Bytes, Content::Files, Content::X86Programs];

fn lzma(plain: &[u8], content: Content) -> Vec<u8> {
    let window_log = super::frame::window_log(plain.len() as u64, DELTA_WINDOW_LOG);
    let mut encoder = lzma::encoder(Vec::new(), content, window_log).expect("memory");
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

/// Text that repeats itself over distances of up to 200 KB.
fn text(lines: u32) -> Vec<u8> {
    let line = |n: u32| format!("usr/share/{}/{:x}\n", n % 7_001, n.wrapping_mul(0x9e37_79b9) % 40_009);
    (0..lines).map(line).collect::<String>().into_bytes()
}

/// What looks like a program for x86: calls to few places from many, which the filter makes alike.
fn program(calls: u32) -> Vec<u8> {
    let mut program = [&b"\x7fELF\x02\x01\x01"[..], &[0; 9], &[3, 0, 62, 0]].concat();
    for n in 0..calls {
        let between = (n.wrapping_mul(0x9e37_79b9) & 0x7f7f_7f7f).to_le_bytes();
        program.extend_from_slice(&between[..2 + n as usize % 3]);
        let target = (0x1000 * (n * n % 17)).wrapping_sub(program.len() as u32 + 5);
        program.push(0xe8);
        program.extend_from_slice(&target.to_le_bytes());
    }
    program
}

/// A stream that is no good, with what it is said to make.
fn refused(bytes: &[u8], plain: u64) -> PackError {
    let (out, result) = made(&whole_block(bytes, plain), bytes);
    assert!(out.len() as u64 <= plain);
    result.expect_err("a bad stream")
}

#[test]
fn every_content_comes_back() {
    for plain in [&b"a"[..], b"\xe8\0\0\0\0", &program(900), &text(20_000), &[0; 70_000]] {
        for content in CONTENTS {
            let packed = lzma(plain, content);
            assert_eq!(packed[0], if content == Content::X86Programs { 2 } else { 1 });
            let (out, result) = made(&whole_block(&packed, plain.len() as u64), &packed);
            assert!(out == plain && result.is_ok(), "{content:?}: {result:?}");
            assert!(packed == lzma(plain, content), "same input, same bytes");
        }
    }
}

#[test]
fn programs_are_told_by_their_headers() {
    let header = |kind: u8, machine: u8| [&b"\x7fELF\x02\x01\x01"[..], &[0; 9], &[kind, 0, machine, 0]].concat();
    assert!(lzma::is_x86_program(&header(2, 62)) && lzma::is_x86_program(&header(3, 3)));
    for other in [&header(1, 62)[..], &header(3, 183), &header(3, 62)[..19], b"#!/bin/sh\nexit 0 # and more", b""] {
        assert!(!lzma::is_x86_program(other), "{other:?}");
    }
}

#[test]
fn the_level_chooses_the_coder() {
    let plain = text(2_000);
    let first_byte = |level, blob: &[u8]| {
        let mut writer = BlockWriter::new(Vec::new(), level);
        writer.whole(Digest::of(blob), blob.len() as u64, blob).expect("memory");
        let (block, bytes) = writer.finish().expect("memory");
        proved(&block, &bytes, |_| &b""[..]).expect("a good block");
        bytes[0]
    };
    assert_eq!([1, LEVEL - 1].map(|level| first_byte(level, &plain)), [0x28, 0x28]);
    assert_eq!([LEVEL, 22].map(|level| first_byte(level, &plain)), [1, 1]);
    assert_eq!([1, LEVEL].map(|level| first_byte(level, &program(3_000))), [0x28, 2]);
    assert_eq!(first_byte(LEVEL, &program(3_000)[1..]), 1, "what is no program is not filtered");
    let alike = [program(0), text(2_000)].concat();
    assert_eq!(first_byte(LEVEL, &alike), 1, "what does not become smaller is not filtered");
    assert_eq!(first_byte(LEVEL, &[b'a'; 5_000]), 0x28, "the smaller one is taken");
}

/// More than is held back goes through the encoder piece by piece.
#[test]
fn long_blobs_stream_through() {
    let size = 33 << 20;
    let content = || io::repeat(0).take(size - 5).chain(&b"the e"[..]);
    let (digest, _) = Digest::of_reader(content()).expect("memory");
    let mut writer = BlockWriter::new(Vec::new(), LEVEL);
    writer.whole(digest, size, content()).expect("memory");
    let (block, bytes) = writer.finish().expect("memory");
    assert_eq!(bytes[..2], [1, 24]);
    proved(&block, &bytes, |_| &b""[..]).expect("a good block");
}

#[test]
fn streams_that_lie_are_refused() {
    for content in CONTENTS {
        let plain = text(300);
        let length = plain.len() as u64;
        let good = lzma(&plain, content);
        for cut in 0..good.len() {
            refused(&good[..cut], length);
        }
        for behind in [&b"x"[..], b"\0", &good] {
            let error = refused(&[&good[..], behind].concat(), length);
            assert!(matches!(error, PackError::BadStream { what: "bytes follow its end", .. }), "{error:?}");
        }
        let error = refused(&good, length + 1);
        assert!(matches!(error, PackError::Decode { .. }), "{error:?}");
        let error = refused(&good, length - 1);
        assert!(matches!(error, PackError::BadStream { .. }), "{error:?}");
    }
    // A stream with the end mark alone, and a bomb.
    refused(&[1, 12, 0], 1);
    assert!(made(&whole_block(&[1, 12, 0], 0), &[1, 12, 0]).1.is_ok(), "the index refuses this one");
    refused(&lzma(&vec![0; 4 << 20], Content::Files), 1000);
}

#[test]
fn dictionaries_are_bounded_by_the_declared_length() {
    let good = lzma(&text(300), Content::Files);
    let length = text(300).len() as u64;
    let with = |coder: u8, log: u8| [&[coder, log], &good[2..]].concat();
    let allowed = length.next_power_of_two().ilog2() as u8;
    assert_eq!(good[..2], [1, allowed]);
    for log in (0..12).chain(allowed + 1..=255) {
        let error = refused(&with(1, log), length);
        assert!(matches!(error, PackError::BadStream { .. }), "{log}: {error:?}");
    }
    // Whatever the declared length, no more than the stream may have.
    assert!(matches!(refused(&[1, 28, 0], 1 << 40), PackError::BadStream { .. }));
    assert!(matches!(refused(&[1, 27, 0], 1 << 40), PackError::Decode { .. }));
    for coder in (0..=255).filter(|coder| ![1, 2].contains(coder)) {
        let error = refused(&with(coder, allowed), length);
        assert!(matches!(error, PackError::BadStream { .. }), "{coder}: {error:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_come_back(plain in prop::collection::vec(0xe0u8..=0xff, 1..2_000), content in 0..4usize) {
        let packed = lzma(&plain, CONTENTS[content]);
        let (out, result) = made(&whole_block(&packed, plain.len() as u64), &packed);
        prop_assert!(result.is_ok() && out == plain);
    }

    #[test]
    fn any_bytes_behind_a_header_make_no_more_than_declared(
        coder in 1u8..=2,
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at: prop::sample::Index,
        bits in 1u8..=255,
        plain in 1u64..9_000,
    ) {
        let bytes = [&[coder, 12][..], &noise].concat();
        let (out, result) = made(&whole_block(&bytes, plain), &bytes);
        prop_assert!(out.len() as u64 <= plain && (result.is_err() || out.len() as u64 == plain));
        let content = CONTENTS[usize::from(coder) + 1];
        let mut flipped = lzma(&text(300), content);
        let place = at.index(flipped.len());
        flipped[place] ^= bits;
        let length = text(300).len() as u64;
        let (out, result) = made(&whole_block(&flipped, length), &flipped);
        prop_assert!(out.len() as u64 <= length && (result.is_err() || out.len() as u64 == length));
    }
}

const NAMES: [&str; 4] = ["old-program", "new-program", "whole-program", "whole-text"];

fn golden() -> Golden {
    Golden::new("pack-5")
}

#[test]
#[ignore = "writes the golden pack, once"]
fn write_the_golden_pack() {
    let blobs = [program(2_000), program(2_200), program(3_000), text(900)];
    let id = |number: usize| Digest::of(&blobs[number]);
    let mut first = BlockWriter::new(Vec::new(), LEVEL);
    first.whole(id(2), blobs[2].len() as u64, &blobs[2][..]).expect("memory");
    let mut second = BlockWriter::new(Vec::new(), LEVEL);
    second.delta(id(1), id(0), &Delta::make(&blobs[0], &blobs[1]));
    second.whole(id(3), blobs[3].len() as u64, &blobs[3][..]).expect("memory");
    let blocks = [first, second].map(|writer| writer.finish().expect("memory"));
    let (pack, head_length) = pack_of(&blocks, blobs.iter().map(|blob| Digest::of(blob)));
    let files = [0, 1, 2, 3].map(|number| (NAMES[number], &blobs[number][..]));
    golden().write(&files, &pack, head_length);
}

#[test]
fn the_golden_pack_is_read() {
    let (pack, index, made) = golden().made(&NAMES);
    let coders = index.blocks().iter().map(|placed| pack[placed.offset as usize]);
    assert!(coders.eq([2, 1]));
    assert_eq!(made, ["whole-program", "new-program", "whole-text"].map(|name| golden().read(name)));
}
