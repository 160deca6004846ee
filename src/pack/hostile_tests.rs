//! Packs that lie: every lie ends in an error or in at most what was declared.

use std::io::{self, Read, Write};

use proptest::prelude::*;

use super::block::STREAMS;
use super::index::Index;
use super::sample::{Sample, decode, proved, sample};
use super::*;
use crate::delta::{Delta, DeltaError, ReadAt, varint};
use crate::types::{Digest, Version};

/// Short ids of hostile blocks do not matter.
fn id() -> ShortId {
    ShortId::of(&Digest::of(b""), 4)
}

fn frame(plain: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    super::frame::compress(plain, 3, super::lzma::Content::Bytes, 24, &mut frame).expect("memory");
    frame
}

/// A block of one whole blob whose stream is `bytes`, said to have `plain` bytes.
pub(super) fn whole_block(bytes: &[u8], plain: u64) -> Block<ShortId> {
    let mut streams = [StreamLengths::default(); STREAMS];
    streams[0] = StreamLengths { packed: bytes.len() as u64, plain };
    let builds = vec![Build { id: id(), size: plain, method: Method::Whole }];
    Block { digest: Digest::of(bytes), streams, builds }
}

/// What the only build of a block makes, and what is wrong.
pub(super) fn made(block: &Block<ShortId>, bytes: &[u8]) -> (Vec<u8>, Result<(), PackError>) {
    let mut out = Vec::new();
    let result = BlockReader::open(block, &bytes, 0).and_then(|mut reader| {
        reader.build(None, &mut out)?;
        reader.finish()
    });
    (out, result)
}

fn head_of(plain_index: &[u8]) -> Vec<u8> {
    let packed = frame(plain_index);
    let mut head = b"SUPACK01".to_vec();
    varint::push(&mut head, packed.len() as u64);
    varint::push(&mut head, plain_index.len() as u64);
    [head, packed].concat()
}

/// A plain index with one block of whole-blob builds: methods as given, sizes 0, no streams.
fn index_with_methods(methods: &[u8]) -> Vec<u8> {
    let mut index = vec![0, 20, 4, 0, 1, methods.len() as u8];
    index.extend([0; 2 * STREAMS]);
    index.extend([0; 32]);
    index.extend(methods);
    index.extend(vec![0; methods.len()]);
    let deltas = methods.iter().filter(|method| **method == 1).count();
    index.extend(vec![7; 4 * (methods.len() + deltas)]);
    index
}

#[test]
fn what_a_newer_publisher_makes_has_its_own_error() {
    assert!(Index::parse(&head_of(&index_with_methods(&[0, 1]))).is_ok());
    let error = Index::parse(&head_of(&index_with_methods(&[0, 1, 9]))).expect_err("method 9");
    assert!(matches!(error, PackError::UnknownMethod { method: 9, build: 2 }), "{error:?}");
    let mut head = head_of(&index_with_methods(&[0]));
    head[6..8].copy_from_slice(b"27");
    assert!(matches!(Index::parse(&head), Err(PackError::UnknownFormat { format: 27 })));
    for no_pack in [&b""[..], b"SUPACK", b"SUPACK1", b"SUPACKx1", b"<!doctype html>"] {
        assert!(matches!(Index::parse(no_pack), Err(PackError::NotAPack)), "{no_pack:?}");
    }
}

#[test]
fn counts_are_bounded_before_anything_is_allocated() {
    let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    let limit = |bytes: &[&[u8]]| Index::parse(&head_of(&bytes.concat())).expect_err("too large");
    for start in [&[0, 20, 4][..], &[0, 20, 4, 0], &[0, 20, 4, 0, 1], &[0, 20], &[0], &[]] {
        assert!(matches!(limit(&[start, &max]), PackError::TooLarge { .. }), "{start:?}");
    }
    // As many blocks and builds as may be, in an index that is far too short for them.
    for start in [&[0, 20, 4, 0, 0xff, 0xff, 3][..], &[0, 20, 4, 0xff, 0xff, 3], &[0, 20, 3], &[0, 0, 4]] {
        assert!(matches!(limit(&[start]), PackError::BadIndex { .. }), "{start:?}");
    }
    let head = [b"SUPACK01", &max[..], &max[..]].concat();
    assert!(matches!(Index::parse(&head), Err(PackError::TooLarge { limit: MAX_HEAD_BYTES, .. })));
    let head = [b"SUPACK01", &[1][..], &max[..]].concat();
    assert!(matches!(Index::parse(&head), Err(PackError::TooLarge { limit: MAX_INDEX_BYTES, .. })));
    let trailing = [&index_with_methods(&[0])[..], &[0]].concat();
    assert!(matches!(limit(&[&trailing]), PackError::BadIndex { .. }));
}

#[test]
fn streams_longer_than_their_builds_are_refused() {
    for stream in 0..STREAMS {
        let mut index = index_with_methods(&[0, 1]);
        // Right after the build count: the packed column and the plain column of each stream, one block each.
        index[6 + 2 * stream] = 5;
        index[6 + 2 * stream + 1] = 5;
        let error = Index::parse(&head_of(&index)).expect_err("builds of no bytes");
        let numbers = stream == 4;
        let limit = if numbers { 2 } else { 0 };
        assert!(matches!(error, PackError::TooLarge { value: 5, limit: l, .. } if l == limit), "{stream}: {error:?}");
    }
    let mut index = index_with_methods(&[0]);
    index[6] = 5;
    assert!(matches!(Index::parse(&head_of(&index)), Err(PackError::BadStream { .. })));
}

#[test]
fn frames_that_lie_about_their_length() {
    let bomb = frame(&vec![0; 50 << 20]);
    let (out, result) = made(&whole_block(&bomb, 1000), &bomb);
    assert!(out.len() <= 1000 && result.is_err(), "more than declared: {result:?}");

    let short = frame(b"short");
    let (out, result) = made(&whole_block(&short, 6), &short);
    assert!(out.len() <= 6 && matches!(result, Err(PackError::Decode { .. })), "{result:?}");
    let (out, result) = made(&whole_block(&short, 4), &short);
    assert!(out.len() <= 4 && result.is_err(), "{result:?}");
    assert!(made(&whole_block(&short, 5), &short).1.is_ok());
}

#[test]
fn only_one_plain_frame_is_a_stream() {
    let good = frame(b"good");
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    let legacy = [0x27, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0];
    for bytes in [[&skippable[..], &good].concat(), legacy.to_vec(), b"x".to_vec(), good[1..].to_vec()] {
        assert!(matches!(made(&whole_block(&bytes, 4), &bytes).1, Err(PackError::BadStream { .. })), "{bytes:?}");
    }
    for bytes in [[&good[..], &skippable].concat(), [&good[..], &good].concat(), [&good[..], b"x"].concat()] {
        let (out, result) = made(&whole_block(&bytes, 4), &bytes);
        assert!(matches!(result, Err(PackError::BadStream { .. })), "{result:?}");
        assert_eq!(out, b"good");
    }
    let cut = &good[..good.len() - 1];
    assert!(made(&whole_block(cut, 4), cut).1.is_err());
    let empty = frame(b"");
    assert!(empty.is_empty());
}

#[test]
fn windows_are_bounded_by_the_declared_length() {
    // A frame header with a window descriptor instead of a content size: exponent 21 and mantissa 0 make 2^31.
    for (descriptor, plain) in [(21 << 3, 1 << 30), (18 << 3, 1 << 30), (11 << 3, 1000)] {
        let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0, descriptor, 1, 0, 0];
        let (out, result) = made(&whole_block(&bytes, plain), &bytes);
        let Err(PackError::Decode { source, .. }) = result else { panic!("{result:?}") };
        assert!(out.is_empty() && source.to_string().contains("memory"), "{source}");
    }
    // The same with a window that the stream may have: it is merely too short.
    let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 1, 0, 0];
    let Err(PackError::Decode { source, .. }) = made(&whole_block(&bytes, 1 << 30), &bytes).1 else {
        panic!("too short")
    };
    assert_eq!(source.kind(), io::ErrorKind::UnexpectedEof, "{source}");
}

#[test]
fn builds_come_in_order_and_can_be_skipped_without_their_base() {
    let Sample { pack, summary, blobs, sorted } = sample();
    let index = Index::parse(&pack[..summary.head_length as usize]).expect("own head");
    let PlacedBlock { offset, block } = &index.blocks()[0];
    let expected = |number: usize| &blobs[&block.builds[number].id.resolve(&sorted).expect("known")];
    // Each subset of the four builds.
    for wanted in 0..1 << block.builds.len() {
        let mut reader = BlockReader::open(block, &pack, *offset).expect("own block");
        for (number, build) in block.builds.iter().enumerate() {
            if wanted & (1 << number) == 0 {
                reader.skip().expect("own block");
                continue;
            }
            let base = build.method.base().map(|base| &blobs[&base.resolve(&sorted).expect("known")]);
            let mut out = Vec::new();
            reader.build(base.map(|base| base as &dyn ReadAt), &mut out).expect("own block");
            assert_eq!(&out, expected(number));
        }
        reader.finish().expect("own block");
    }
    let mut reader = BlockReader::open(block, &pack, *offset).expect("own block");
    reader.skip().expect("own block");
    assert!(matches!(reader.build(None, &mut io::sink()), Err(PackError::NoBase { build: 1 })));
    let reader = BlockReader::open(block, &pack, *offset).expect("own block");
    assert!(matches!(reader.finish(), Err(PackError::WrongBuildCount { builds: 4, asked: 0 })));
}

#[test]
fn a_wrong_base_is_an_error_or_a_wrong_digest() {
    let Sample { pack, summary, blobs, .. } = sample();
    let index = Index::parse(&pack[..summary.head_length as usize]).expect("own head");
    let PlacedBlock { offset, block } = &index.blocks()[1];
    let attempt = |base: Vec<u8>| {
        let mut out = Vec::new();
        BlockReader::open(block, &pack, *offset)?.build(Some(&base), &mut out).map(|()| out)
    };
    let out = attempt(vec![b'x'; 100_000]).expect("long enough");
    assert_eq!(out.len() as u64, block.builds[0].size);
    assert!(!blobs.values().any(|blob| *blob == out));
    let error = attempt(b"too short".to_vec()).expect_err("too short");
    assert!(matches!(error, PackError::Delta { source: DeltaError::OutsideOld { limit: 9, .. }, .. }), "{error:?}");
}

#[test]
fn the_writer_checks_what_it_is_given() {
    let content = b"content";
    let mut writer = BlockWriter::new(Vec::new(), 3);
    for size in [6, 8] {
        let result = writer.whole(Digest::of(content), size, &content[..]);
        assert!(matches!(result, Err(PackError::WrongLength { .. })), "{result:?}");
    }
    let mut writer = BlockWriter::new(Vec::new(), 3);
    writer.whole(Digest::of(content), 7, &content[..]).expect("memory");
    let (block, bytes) = writer.finish().expect("memory");
    proved(&block, &bytes, |_| &b""[..]).expect("what was packed");
    let mut lie = block.clone();
    lie.builds[0].id = Digest::of(b"other");
    let result = proved(&lie, &bytes, |_| &b""[..]);
    assert!(matches!(result, Err(PackError::WrongBlob { .. })), "{result:?}");
    for bytes in [&bytes[1..], &[&bytes[..], b"x"].concat(), &vec![0; bytes.len()]] {
        let pack = PackWriter::new(None, Version::new(1).expect("not 0"), []);
        assert!(pack.finish(vec![(block.clone(), bytes)], io::sink()).is_err());
    }
}

#[test]
fn a_large_blob_streams_through() {
    let size = 40 << 20;
    let content = || io::repeat(b'a').take(size - 5).chain(&b"the e"[..]);
    let (digest, _) = Digest::of_reader(content()).expect("memory");
    let old = b"something else\n".repeat(9);
    let mut writer = BlockWriter::new(Vec::new(), 1);
    writer.whole(digest, size, content()).expect("memory");
    let new = old.repeat(2);
    writer.delta(Digest::of(&new), Digest::of(&old), &Delta::make(&old, &new));
    let (block, bytes) = writer.finish().expect("memory");
    assert_eq!(block.streams[0].plain, size);
    proved(&block, &bytes, |_| &old[..]).expect("a good block");
    let mut shifted = vec![1, 2, 3];
    shifted.write_all(&bytes).expect("memory");
    prove(&block, &shifted, 3, |build| Ok(build.id), |_| Ok::<_, PackError>(&old[..]))
        .expect("a good block at another place");
}

/// Streams of a block that are longer than any buffer between file and output.
#[test]
fn long_streams_pass_through_small_buffers() {
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let old: Vec<u8> = (0..500_000).map(|_| random()).collect();
    let mut new: Vec<u8> = old.iter().map(|byte| if random() < 80 { byte.wrapping_add(3) } else { *byte }).collect();
    new.extend((0..200_000).map(|_| random()));
    let mut writer = BlockWriter::new(Vec::new(), 3);
    writer.whole(Digest::of(&old), old.len() as u64, &old[..]).expect("memory");
    let delta = Delta::make(&old, &new);
    writer.delta(Digest::of(&new), Digest::of(&old), &delta);
    assert!(delta.streams.literals.len() > 100_000 && delta.streams.extra.len() > 100_000);
    let (block, bytes) = writer.finish().expect("memory");
    proved(&block, &bytes, |_| &old[..]).expect("a good block");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn flipped_and_cut_packs_make_no_more_than_declared(
        at: prop::sample::Index,
        bits in 1u8..=255,
        cut: prop::sample::Index,
        in_head: bool,
    ) {
        let Sample { pack, summary, blobs, sorted } = sample();
        let head_length = summary.head_length as usize;
        let mut flipped = pack.clone();
        let place = if in_head { at.index(head_length) } else { head_length + at.index(pack.len() - head_length) };
        flipped[place] ^= bits;
        if let Ok(index) = Index::parse(&flipped[..head_length]) {
            let sizes: Vec<_> = index.blocks().iter().flat_map(|placed| &placed.block.builds).map(|b| b.size).collect();
            if let Ok(made) = decode(&flipped, head_length, &blobs, &sorted) {
                prop_assert!(made.iter().map(|blob| blob.len() as u64).eq(sizes));
            }
        }
        let short = &pack[..head_length + cut.index(pack.len() - head_length)];
        prop_assert!(decode(short, head_length, &blobs, &sorted).is_err());
        prop_assert!(Index::parse(&pack[..cut.index(head_length)]).is_err());
    }

    #[test]
    fn any_index_ends_in_bounds(plain in prop::collection::vec(prop_oneof![0u8..5, any::<u8>()], 0..200)) {
        let start = [0, 20, 4, 0];
        let _ = Index::parse(&head_of(&plain));
        if let Ok(index) = Index::parse(&head_of(&[&start[..], &plain].concat())) {
            // What can be read is what is written.
            let head = index.to_head().expect("memory");
            prop_assert_eq!(Index::parse(&head).expect("own head").blocks().len(), index.blocks().len());
        }
    }

    #[test]
    fn any_bytes_as_streams_end_in_bounds(
        plain in prop::collection::vec(prop::collection::vec(0u8..30, 0..60), STREAMS),
        size in 0u64..300,
        method in 0..7,
        form in 0u64..300,
    ) {
        let frames: Vec<_> = plain.iter().map(|plain| frame(plain)).collect();
        let mut streams = [StreamLengths::default(); STREAMS];
        for (stream, (frame, plain)) in streams.iter_mut().zip(frames.iter().zip(&plain)) {
            *stream = StreamLengths { packed: frame.len() as u64, plain: plain.len() as u64 };
        }
        let method = match method {
            0 => Method::Whole,
            1 => Method::Delta { base: id() },
            2 => Method::WholeForm { form },
            3 => Method::DeltaForm { base: id(), form },
            4 => Method::Predicted { base: id() },
            5 => Method::XzForm { base: id(), form },
            _ => Method::Text { base: id(), frame: form },
        };
        let bytes = frames.concat();
        let block = Block { digest: Digest::of(&bytes), streams, builds: vec![Build { id: id(), size, method }] };
        let mut reader = BlockReader::open(&block, &bytes, 0).expect("good frames");
        let mut out = Vec::new();
        let result = reader.build(Some(&vec![1u8; 50]), &mut out);
        prop_assert!(out.len() as u64 <= size && (result.is_err() || out.len() as u64 == size));
        let _ = BlockReader::open(&block, &bytes, 0).expect("good frames").skip();
    }
}
