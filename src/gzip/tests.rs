//! Forms of files that real compressors made, of any texts, and forms that lie.

use std::fs;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::tokens::MAX_MATCH;
use super::*;
use crate::delta::varint;
use crate::types::Digest;

/// Files made by gzip 1.12, and `flushed.gz` by zlib with every field of the header.
fn real(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/pack-2/");
    fs::read(format!("{folder}{name}")).expect(name)
}

fn rewrapped(form: &[u8], size: usize) -> Result<Vec<u8>, GzipError> {
    let mut out = Vec::new();
    let result = rewrap(form, size as u64, &mut out);
    assert!(out.len() <= size);
    result.map(|()| out)
}

/// A form from its parts: what stands between the header and the text as numbers.
fn form(numbers: &[u64], plain: &[u8]) -> Vec<u8> {
    let mut form = vec![10, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3];
    numbers.iter().for_each(|number| varint::push(&mut form, *number));
    form.extend_from_slice(plain);
    form
}

/// The file of a form whose file's length is not known.
fn any_size(form: &[u8]) -> Result<Vec<u8>, GzipError> {
    let mut out = Vec::new();
    match rewrap(form, u64::MAX, &mut out) {
        Err(GzipError::WrongSize { .. }) => Ok(out),
        other => other.map(|()| out),
    }
}

#[test]
fn files_of_real_compressors_come_back() {
    // How much longer than the text the form is.
    let cases = [("old-notes.gz", 40), ("new-notes.gz", 40), ("whole.gz", 16), ("from-plain.gz", 16), ("empty.gz", 16)];
    for (name, more) in cases.into_iter().chain([("flushed.gz", 60), ("stored.gz", 16)]) {
        let file = real(name);
        let form = unwrap(&file).expect(name);
        assert!(rewrapped(&form, file.len()).expect(name) == file, "{name}");
        let plain = base_form(&file).expect(name).len();
        assert!(form.len() <= plain + more, "{name}: {} bytes for {plain}", form.len());
        for size in [file.len() - 1, file.len() + 1, 0] {
            assert!(matches!(rewrapped(&form, size), Err(GzipError::WrongSize { .. })), "{name}");
        }
    }
    assert_eq!(unwrap(&real("new-notes.gz")), unwrap(&real("new-notes.gz")));
}

/// Numbers below a limit, the same for each seed.
fn numbers(seed: u32) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |limit| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % limit
    }
}

/// Letters, and what stood before, at any length and from anywhere: each level comes to other tokens.
fn repetitive(length: usize) -> Vec<u8> {
    let mut below = numbers(7);
    let mut text: Vec<u8> = Vec::new();
    while text.len() < length {
        if text.len() < 2000 || below(4) == 0 {
            let letters = 1 + below(8);
            text.extend((0..letters).map(|_| b'a' + below(3) as u8));
        } else {
            let most = if below(8) == 0 { 300 } else { 40 };
            let length = 3 + below(most);
            let start = below(text.len() - length);
            text.extend_from_within(start..start + length);
        }
    }
    text.truncate(length);
    text
}

/// Distances of which each is so much rarer than the next that the best codes are too long, and so are those of their
/// lengths.
fn steep() -> Vec<u8> {
    let periods = [257, 193, 129, 97, 65, 49, 33, 25, 17, 13, 9, 7, 5, 4, 3, 2, 1];
    let (mut text, mut count, mut next) = (Vec::new(), 1, 1);
    for (seed, period) in (0..).zip(periods) {
        let mut below = numbers(seed);
        let pattern: Vec<u8> = (0..period).map(|_| below(256) as u8).collect();
        text.extend(pattern.iter().cycle().take(MAX_MATCH * count + period));
        (count, next) = (next, count + next + 1);
    }
    text
}

/// No three bytes come twice: there are no matches.
fn without_matches() -> Vec<u8> {
    (0..60 * 60).flat_map(|number: usize| [(number / 60) as u8, 100 + (number % 60) as u8]).collect()
}

/// A form without exceptions is the same file for ever, and the one that zlib 1.2.13 made (from Python, without the header).
#[test]
fn files_are_those_of_zlib() {
    let one_distance = [b"abc".repeat(1000), without_matches()].concat();
    let files = [
        (4, repetitive(60_000), "ca1bab3dbea34aabb7c44c117d8990740a3297c968394b82c49b3be03c6c58fc"),
        (5, repetitive(60_000), "5be0138b87c7a0d74410f9175ff86eca3e1532206e6fc9775356e02985346751"),
        (6, repetitive(60_000), "d30129c2a8ea6c37490b1adb664a5a5ac9081e6e189cede88953fac4d79d5cca"),
        (7, repetitive(60_000), "c38a0956a9d20ebafbb8f31fe5e66d06fc124608d71bbeb83a750df8be64fbd4"),
        (8, repetitive(60_000), "d14400ac768a6c7d4073cb0282a55c0af237903f8dfff189e5bd0ba2903402b6"),
        (9, repetitive(60_000), "397451accd9ab24a8a8561207a83b2ff0d4bbf01c08bc713f916b5b7db50f6f9"),
        (6, steep(), "a83eb1215db20bcd4b3a3b3f55f30057d0d9c488f403deb4536db7498bb61461"),
        (6, without_matches(), "754d916add608c2ddc5f11ab5569d64e93db950fdc78ec74e93adca002790e5e"),
        (6, one_distance, "851aea40f3fa906cc1410b6b81765aac0611f681a3b644e78f69649a5b3322e3"),
    ];
    for (level, text, digest) in files {
        let file = any_size(&form(&[level, 0, 0], &text)).expect("a good form");
        assert_eq!(Digest::of(&file[10..]).to_string(), digest, "level {level}, {} bytes", text.len());
    }
}

#[test]
fn other_files_stay_as_they_are() {
    // A level that works otherwise; its text is to be had all the same.
    assert_eq!(unwrap(&real("fast.gz")), None);
    assert_eq!(
        base_form(&real("fast.gz")),
        base_form(&real("whole.gz")).map(|mut form| {
            form[9] = real("fast.gz")[8];
            form
        })
    );
    let file = real("whole.gz");
    let mut wrong_sum = file.clone();
    wrong_sum[file.len() - 8] ^= 1;
    let followed = [&file[..], b"x"].concat();
    for bytes in [real("two-members.gz"), wrong_sum, followed, real("old-plain"), Vec::new(), b"\x1f\x8b\x08".into()] {
        assert!(unwrap(&bytes).is_none() && base_form(&bytes).is_none());
    }
    for cut in 0..file.len() {
        assert!(unwrap(&file[..cut]).is_none());
    }
}

#[test]
fn each_lie_has_its_name() {
    let text = b"abcabcabcabc";
    let good = form(&[9, 0, 0], text);
    let file = any_size(&good).expect("a good form");
    assert!(rewrapped(&good, file.len()).is_ok() && unwrap(&file).is_some());
    // Four literals, the third an exception, and a match: `abc` at 0 is no candidate.
    any_size(&form(&[9, 1, 3 * 5 + 2, 1, 2, 0], text)).expect("as many tokens as there are");
    let cases: [(&str, Vec<u8>); 16] = [
        ("cut off", vec![11]),
        ("header is none", vec![0]),
        ("header is none", [&[11][..], &form(&[], b"")[1..], &[0]].concat()),
        ("level is none", form(&[3, 0, 0], text)),
        ("level is none", form(&[10, 0, 0], text)),
        ("shortest form", form(&[9], b"")),
        ("cut off", form(&[9, 1 << 60, 0], text)),
        ("cut off", form(&[9, 0, 1 << 60], text)),
        ("block is too long", form(&[9, 1, 3 * 65_536, 0], text)),
        ("block is too long", form(&[9, 1, 3 * 65_537 + 2, 0], text)),
        ("beyond its text", form(&[9, 1, 3 * 13 + 2, 0], text)),
        ("beyond its text", form(&[9, 1, 3 * 6 + 2, 1, 2, 0], text)),
        ("before its text", form(&[9, 1, 3 * 4 + 2, 1, 2, 0], text)),
        ("beyond its text", form(&[9, 1, 3 * 13, 0], text)),
        ("before its text", form(&[9, 1, 3 * 2 + 2, 0], text)),
        ("no match", form(&[9, 0, 1, 0, 3, 1], text)),
    ];
    for (what, form) in cases {
        let error = any_size(&form).expect_err(what);
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
    let long = form(&[9, 0, 0], &vec![0; MAX_BYTES as usize]);
    assert!(matches!(rewrap(&long, 1 << 30, &mut std::io::sink()), Err(GzipError::BadForm { .. })));
}

#[test]
fn no_text_takes_for_ever() {
    // Six bytes that are everywhere, and are never followed by the same: all candidates are looked at, each time.
    let unit = |n: u32| [1, 1, 1, 1, 1, 1, 2 | (n >> 14) as u8, 2 | (n >> 7) as u8, n as u8];
    let text: Vec<u8> = (0u32..900_000).flat_map(unit).collect();
    let blocks = vec![3 * 60_000 + 2; 100];
    let form = form(&[&[9, 100][..], &blocks, &[0]].concat(), &text);
    assert!(matches!(any_size(&form), Err(GzipError::TooManySteps { .. })));
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        vec(b'a'..b'd', 1..6),
        vec(any::<u8>(), 1..9),
        (any::<u8>(), 1usize..600).prop_map(|(b, n)| vec![b; n])
    ];
    (vec(word, 1..12), vec(any::<prop::sample::Index>(), 0..600))
        .prop_map(|(words, picks)| picks.iter().flat_map(|pick| pick.get(&words).clone()).collect())
}

proptest! {
    #[test]
    fn any_text_at_any_level(text in texts(), level in 4u64..10, fixed: bool) {
        let file = any_size(&form(&[level, 0, 0], &text)).expect("a good form");
        let again = unwrap(&file).expect("a file of the compressor");
        prop_assert!(rewrapped(&again, file.len()).expect("own form") == file);
        // Text and header are the form's, whatever compressor it is.
        let base = base_form(&file).expect("a file");
        prop_assert!(base == form(&[9, 0, 0], &text));
        if fixed && text.len() < 60_000 {
            let stored = form(&[9, 2, 3 * (text.len() as u64 / 2), 3 * (text.len() - text.len() / 2) as u64, 0], &text);
            let file = any_size(&stored).expect("a good form");
            prop_assert!(base_form(&file).expect("a file") == base);
        }
    }

    #[test]
    fn changed_forms_end_in_bounds(
        name in prop::sample::select(vec!["whole.gz", "flushed.gz", "stored.gz", "empty.gz"]),
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
        cut: Option<prop::sample::Index>,
    ) {
        let file = real(name);
        let mut form = unwrap(&file).expect(name);
        for (at, byte, near) in changes {
            // Most of a form is text; what is in front of it is hit as often.
            let at = if near { at.index(form.len().min(60)) } else { at.index(form.len()) };
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
    fn any_numbers_end_in_bounds(
        numbers in vec(prop_oneof![4 => 0u64..40, 1 => 0u64..400_000, 1 => any::<u64>()], 1..12),
        level in 4u64..10,
        text in texts(),
    ) {
        let numbers = [vec![level], numbers].concat();
        let _ = rewrapped(&form(&numbers, &text), 5000);
    }

    #[test]
    fn changed_files_are_unwrapped_exactly_or_not(
        name in prop::sample::select(vec!["whole.gz", "flushed.gz", "stored.gz", "two-members.gz", "fast.gz"]),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut file = real(name);
        let at = at.index(file.len());
        file[at] = byte;
        if let Some(form) = unwrap(&file) {
            prop_assert!(rewrapped(&form, file.len()).expect("own form") == file);
        }
        let _ = base_form(&file);
    }

    #[test]
    fn any_bytes_are_inflated_in_bounds(bytes in vec(any::<u8>(), 0..300)) {
        let mut plain = vec![7];
        let _ = inflate::inflate(&bytes, &mut plain, 1000, &mut ());
        prop_assert!(plain.len() <= 1000 + 258);
    }
}

/// Reads the paths of gzip files from the file that `GZIP_LIST` names.
#[test]
#[ignore = "measures files that are named from outside"]
#[allow(clippy::print_stderr, reason = "what it is for")]
fn measure() {
    let list = fs::read_to_string(std::env::var("GZIP_LIST").expect("GZIP_LIST")).expect("a list");
    let (mut files, mut exact, mut bytes, mut recipes, mut longest) = (0, 0, 0, 0, 0);
    let (mut forward, mut back) = (Duration::ZERO, Duration::ZERO);
    for path in list.lines() {
        let file = fs::read(path).expect(path);
        (files, bytes) = (files + 1, bytes + file.len());
        let start = Instant::now();
        let Some(form) = unwrap(&file) else {
            eprintln!("{path}: {} bytes stay as they are", file.len());
            continue;
        };
        forward += start.elapsed();
        exact += 1;
        longest = longest.max(form.len());
        recipes += form.len() - (base_form(&file).expect("a member").len() - 14);
        let start = Instant::now();
        assert!(rewrapped(&form, file.len()).expect("own form") == file);
        back += start.elapsed();
    }
    eprintln!("{files} files of {bytes} bytes: {exact} have a form, {recipes} bytes of recipes, longest {longest}");
    eprintln!("unwrap {forward:?}, rewrap {back:?}");
}
