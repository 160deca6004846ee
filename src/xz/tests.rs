//! Files that `xz` made, lies, and what any bytes do.

use std::fs;

use crc32fast::hash as crc32;
use proptest::collection::vec;
use proptest::prelude::*;

use super::coder::Chain;
use super::container::Shape;
use super::*;

/// A shape that compresses quickly in tests.
const SMALL: Shape =
    Shape { chain: Chain { x86: false, dictionary: 1 << 16 }, lengths: false, header: 2, block: u32::MAX };

/// Something that compresses, with calls in it for the x86 filter.
fn payload(length: usize) -> Vec<u8> {
    let words = (0u32..).flat_map(|n| [b"some words, ".to_vec(), vec![0xe8], (n * 77).to_le_bytes().into()].concat());
    words.take(length).collect()
}

/// The stream of a payload in this shape.
fn stream(shape: Shape, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut write = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok(())
    };
    let block = shape.block.min(payload.len() as u32);
    Shape { block, ..shape }.write(payload, &mut write).expect("a good shape");
    out
}

/// A kernel image: boot sectors, perhaps bytes before the payload, the payload, more.
fn image(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 2 * 512];
    image[0x1f1] = 1;
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&[0x0f, 2]);
    image[0x248] = 16;
    [&image[..], b"what comes first", payload, b"the boot loader's own"].concat()
}

fn rewrapped(form: &[u8], size: usize) -> Result<Vec<u8>, XzError> {
    let mut out = Vec::new();
    let result = rewrap(form, size as u64, &mut out);
    assert!(out.len() <= size);
    result.map(|()| out)
}

#[test]
fn files_of_xz_come_back() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/pack-4/");
    for name in ["old-image", "new-image", "new-module.xz"] {
        let file = fs::read(format!("{folder}{name}")).expect(name);
        assert!(looks_like_xz(&file[..LOOK_BYTES]), "{name}");
        let form = unwrap(&file).expect(name);
        assert!(form.starts_with(b"\x7fELF"), "{name}: the payload comes first");
        assert!(rewrapped(&form, file.len()).expect(name) == file, "{name}");
        for size in [0, file.len() - 1, file.len() + 1] {
            assert!(matches!(rewrapped(&form, size), Err(XzError::WrongSize { .. })), "{name}");
        }
        for cut in [1, form.len() / 2, form.len() - 1] {
            assert!(rewrapped(&form[..form.len() - cut], file.len()).is_err(), "{name}");
        }
    }
}

#[test]
fn every_shape_that_is_made_is_read() {
    let short = payload(5000);
    for x86 in [false, true] {
        for lengths in [false, true] {
            for header in [2, 3, 5, 255] {
                let shape = Shape { chain: Chain { x86, ..SMALL.chain }, lengths, header, ..SMALL };
                let mut file = stream(Shape { header: header.max(if lengths { 4 } else { 2 }), ..shape }, &short);
                let form = unwrap(&file).expect("own stream");
                assert!(form.starts_with(&short) && rewrapped(&form, file.len()).expect("own form") == file);
                // One byte that is otherwise, anywhere: another file comes out, or none has this form.
                for at in (0..file.len()).step_by(7) {
                    file[at] ^= 1;
                    let again = unwrap(&file).map(|form| rewrapped(&form, file.len()).expect("own form"));
                    assert!(again.is_none_or(|again| again == file), "{at}");
                    file[at] ^= 1;
                }
            }
        }
    }
    let long = payload((5 << 20) / 2);
    let file = stream(Shape { block: 1 << 20, lengths: true, header: 4, ..SMALL }, &long);
    let form = unwrap(&file).expect("three blocks");
    assert!(form.starts_with(&long) && rewrapped(&form, file.len()).expect("own form") == file);
}

#[test]
fn images_keep_what_stands_around() {
    let short = payload(5000);
    let packed = stream(SMALL, &short);
    let mut file = image(&packed);
    assert_eq!(place(&file), Some(1024 + 16));
    let form = unwrap(&file).expect("an image");
    assert!(form.starts_with(&short) && rewrapped(&form, file.len()).expect("own form") == file);
    // Beyond the file, and an older protocol.
    file[0x24b] = 0xff;
    assert!(looks_like_xz(&file) && unwrap(&file).is_none());
    (file[0x24b], file[0x207]) = (0, 1);
    assert!(!looks_like_xz(&file) && unwrap(&file).is_none());
}

#[test]
fn other_files_stay_as_they_are() {
    let good = stream(SMALL, &payload(5000));
    let mut other_check = good.clone();
    other_check[7] = 4;
    let sum = crc32(&other_check[6..8]).to_le_bytes();
    other_check[8..12].copy_from_slice(&sum);
    for file in [&b""[..], b"\xfd7zXZ\0", b"plain", &good[..good.len() - 1], &other_check] {
        assert!(unwrap(file).is_none() && base_form(file).is_none());
    }
    // What follows is kept; a second stream too, as it is.
    let two = [&good[..], &good[..]].concat();
    let form = unwrap(&two).expect("one stream and more");
    assert!(form.len() > 5000 + good.len() && rewrapped(&form, two.len()).expect("own form") == two);
    // Another compressor, which stores: no form, but a payload.
    let plain = [b'a'; 300];
    let block = stored(&plain, 0, crc32(&plain));
    let tail = container::tail(&[(block.len() as u64, 300)]);
    let stored = [&good[..12], &block, &tail].concat();
    assert!(unwrap(&stored).is_none());
    assert!(base_form(&stored).is_some_and(|form| form.starts_with(&plain)));
}

/// A block that stores `plain`, with these bytes where padding is and this sum, after the header that `SMALL` has.
fn stored(plain: &[u8], padding: u8, sum: u32) -> Vec<u8> {
    let header = &stream(SMALL, b"x")[12..24];
    let packed = [&[1][..], &(plain.len() as u16 - 1).to_be_bytes(), plain, &[0]].concat();
    let padding = vec![padding; packed.len().next_multiple_of(4) - packed.len()];
    [header, &packed, &padding, &sum.to_le_bytes()].concat()
}

#[test]
fn what_does_not_add_up_has_no_base_form() {
    let plain = [b'a'; 301];
    let records = [(12 + 3 + 301 + 1 + 4, 301)];
    let file =
        |padding, sum| [&stream(SMALL, b"x")[..12], &stored(&plain, padding, sum), &container::tail(&records)].concat();
    let sum = crc32(&plain);
    assert!(base_form(&file(0, sum)).is_some());
    assert!(base_form(&file(1, sum)).is_none() && base_form(&file(0, sum ^ 1)).is_none());
    // A header that says other lengths, with its own sum right.
    let good = stream(Shape { lengths: true, header: 4, ..SMALL }, &payload(3000));
    assert!(base_form(&good).is_some());
    for length in [14, 16] {
        let mut file = good.clone();
        file[length] ^= 1;
        let sum = crc32(&file[12..28]).to_le_bytes();
        file[28..32].copy_from_slice(&sum);
        assert!(base_form(&file).is_none(), "{length}");
    }
}

/// Else each block would cost a decoder, and a look at all blocks before it.
#[test]
fn a_stream_of_short_blocks_ends_at_the_second() {
    let block = stored(b"a", 0, crc32(b"a"));
    let records = vec![(block.len() as u64 - 3, 1); 1000];
    let file = [&stream(SMALL, b"x")[..12], &block.repeat(1000), &container::tail(&records)].concat();
    let mut payload = Vec::new();
    assert!(Shape::open(&file, &mut payload, 1 << 20).is_none());
    assert_eq!(payload, b"aa");
}

#[test]
fn each_lie_has_its_name() {
    let short = payload(100);
    let file = stream(SMALL, &short);
    let good = unwrap(&file).expect("own stream");
    let changed = |from_end: usize, bytes: &[u8]| {
        let mut form = good.clone();
        let at = form.len() - from_end;
        form[at..at + bytes.len()].copy_from_slice(bytes);
        rewrapped(&form, file.len()).expect_err("a lie").to_string()
    };
    let cases: [(&str, usize, &[u8]); 9] = [
        ("cut off", 18, &[0xff, 0xff]),
        ("cut off", 14, &[1, 0xff]),
        ("payload is empty", 18, &[0, 0]),
        ("blocks are too short", 10, &[99, 0]),
        ("blocks are too short", 10, &[0, 0]),
        ("dictionary is too large", 6, &[0, 0, 0, 4]),
        ("dictionary has no such size", 6, &[1, 0, 1, 0]),
        ("headers are too short", 2, &[1]),
        ("flags are unknown", 1, &[4]),
    ];
    for (what, from_end, bytes) in cases {
        let error = changed(from_end, bytes);
        assert!(error.contains(what), "{what}: {error}");
    }
    assert!(matches!(rewrapped(&[], 9), Err(XzError::BadForm { what: "it is cut off" })));
    let long = vec![0; MAX_BYTES as usize + 1];
    assert!(matches!(rewrapped(&long, 9), Err(XzError::BadForm { what: "it is too long" })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changed_forms_end_in_bounds(
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
        cut: Option<prop::sample::Index>,
    ) {
        let file = stream(SMALL, &payload(3000));
        let mut form = unwrap(&file).expect("own stream");
        for (at, byte, near) in changes {
            // What is at the end is hit as often as the payload.
            let length = form.len();
            let at = if near { length - 18 + at.index(18) } else { at.index(length) };
            form[at] = byte;
        }
        if let Some(cut) = cut {
            form.truncate(cut.index(form.len()));
        }
        if let Ok(out) = rewrapped(&form, file.len()) {
            prop_assert_eq!(out.len(), file.len());
        }
    }

    #[test]
    fn changed_files_are_unwrapped_exactly_or_not(at: prop::sample::Index, byte: u8, sums_too: bool) {
        let mut file = stream(Shape { lengths: true, header: 4, ..SMALL }, &payload(3000));
        // The first bytes are those that say most.
        let at = if sums_too { 12 + at.index(16) } else { at.index(file.len()) };
        file[at] = byte;
        if sums_too {
            let sum = crc32(&file[12..28]).to_le_bytes();
            file[28..32].copy_from_slice(&sum);
        }
        if let Some(form) = unwrap(&file) {
            prop_assert!(rewrapped(&form, file.len()).expect("own form") == file);
        }
        // The sum of the payload is compared, whatever compressor it was.
        prop_assert!(base_form(&file).is_none_or(|form| form.starts_with(&payload(3000))));
    }

    #[test]
    fn any_bytes_are_opened_in_bounds(bytes in vec(any::<u8>(), 0..300)) {
        let mut out = Vec::new();
        let _ = coder::decompress(&bytes, SMALL.chain, &mut out, 1000);
        prop_assert!(out.len() <= 1000);
    }
}
