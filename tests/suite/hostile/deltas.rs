//! Deltas that lie, in packs that are sound otherwise: all of them of `usr/bin/tool`.

use stateless_update::delta::Delta;
use stateless_update::types::Digest;

use super::catalogue::{Attack, Kit};
use super::draft::content;
use super::packs::with;
use super::raw_pack::{Build, RawPack, number};

/// One delta of `tool` with these streams.
fn delta(streams: [Vec<u8>; 6]) -> RawPack {
    let (old, new) = (content(10, "tool"), content(20, "tool"));
    let [seeks, adds, copies, runs, literals, extra] = streams;
    let build = Build { size: new.len() as u64, id: Digest::of(&new), base: Some(Digest::of(&old)) };
    RawPack::new(vec![build], [Vec::new(), seeks, adds, copies, runs, literals, extra])
}

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let size = content(20, "tool").len() as u64;
    let old = content(10, "tool").len() as u64;
    let around = "blocks of packs are missing or bad";
    let made = |seeks: Vec<u8>, adds: Vec<u8>, copies: Vec<u8>, runs: Vec<u8>| {
        with(kit, delta([seeks, adds, copies, runs, vec![], vec![]]))
    };
    let zero = || number(0);
    let r = Attack::refused;
    vec![
        r(
            "delta-add-huge",
            &[40, 42],
            around,
            "Adds 2^63 bytes.",
            made(zero(), number(1 << 63), zero(), number(1 << 63)),
        ),
        r("delta-copy-huge", &[40, 42], around, "Copies 2^63 bytes.", made(zero(), zero(), number(1 << 63), zero())),
        r(
            "delta-sum-wraps",
            &[40, 35],
            around,
            "Adds and copies so much that the sum wraps to the right size.",
            made(zero(), number(u64::MAX), number(size + 1), number(1)),
        ),
        r(
            "delta-seek-negative",
            &[40],
            around,
            "Reads before the beginning of the old content.",
            made(number(1), number(size), zero(), number(size)),
        ),
        r(
            "delta-seek-far",
            &[40],
            around,
            "Reads 2^62 bytes behind the old content.",
            made(number(1 << 63), number(size), zero(), number(size)),
        ),
        r(
            "delta-reads-beyond",
            &[40, 41],
            around,
            "Reads past the end of the old content.",
            made(number(2 * (old - 5)), number(size), zero(), number(size)),
        ),
        r(
            "delta-makes-too-much",
            &[40, 42],
            around,
            "Makes a byte more than the blob has.",
            made(zero(), number(size + 1), zero(), number(size + 1)),
        ),
        r(
            "delta-ends-early",
            &[39, 40],
            around,
            "Makes less than the blob and stops.",
            made(zero(), number(9), zero(), number(9)),
        ),
        r(
            "delta-nothing-for-ever",
            &[39, 40],
            around,
            "Consists of steps that make nothing.",
            made(vec![0; 10], vec![0; 10], vec![0; 10], number(1)),
        ),
        r(
            "delta-empty-runs",
            &[40],
            around,
            "Has runs of differences without length.",
            made(zero(), number(size), zero(), vec![0; 8]),
        ),
        r(
            "delta-not-a-number",
            &[40],
            around,
            "Has numbers of more than 64 bits.",
            made(vec![0xff; 10], number(size), zero(), number(size)),
        ),
        r(
            "delta-wrong-digest",
            &[43],
            around,
            "Is a sound delta that makes another content.",
            made(zero(), number(size), zero(), number(size)),
        ),
        r("delta-wrong-base", &[41, 48], around, "Starts from another file than it was made from.", {
            let (old, new) = (content(10, "tool"), content(20, "tool"));
            let mut pack = delta(Delta::make(&old, &new).streams.into_array());
            pack.builds[0].base = Some(Digest::of(&content(10, "data")));
            with(kit, pack)
        }),
    ]
}
