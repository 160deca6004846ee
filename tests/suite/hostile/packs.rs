//! Packs from release 10 to release 20 that lie. Their heads have the signed digest, their blocks the digest of the head
//! unless the attack is about that; the objects are good, so the client must find the way around.

use stateless_update::delta::Delta;
use stateless_update::types::Digest;

use super::catalogue::{Attack, Kit};
use super::deltas;
use super::draft::{Draft, Files, content};
use super::raw_pack::{Build, RawPack, frame};

/// The good second step: a delta of each of two files, a whole blob, and the manifest as a delta.
pub fn good(kit: &Kit) -> Files {
    with(kit, sound())
}

pub fn with(kit: &Kit, pack: RawPack) -> Files {
    let pack = pack.with_manifest(&Draft::new(10).plain_text("os-core"), &Draft::new(20).plain_text("os-core"));
    bare(kit, &pack)
}

fn bare(kit: &Kit, pack: &RawPack) -> Files {
    kit.changed(|draft| draft.packs.push(pack.finish()))
}

/// Deltas of `tool` and `data`.
fn sound() -> RawPack {
    let mut builds = Vec::new();
    let mut streams: [Vec<u8>; 7] = Default::default();
    for name in ["tool", "data"] {
        let (old, new) = (content(10, name), content(20, name));
        let delta = Delta::make(&old, &new);
        for (stream, bytes) in streams[1..].iter_mut().zip(delta.streams.into_array()) {
            stream.extend(bytes);
        }
        builds.push(Build { size: new.len() as u64, id: Digest::of(&new), base: Some(Digest::of(&old)) });
    }
    RawPack::new(builds, streams)
}

/// `tool` whole, with this content.
fn whole(plain: Vec<u8>) -> RawPack {
    let new = content(20, "tool");
    let build = Build { size: new.len() as u64, id: Digest::of(&new), base: None };
    RawPack::new(vec![build], [plain, vec![], vec![], vec![], vec![], vec![], vec![]])
}

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let mut attacks = heads(kit);
    attacks.extend(blocks(kit));
    attacks.extend(deltas::attacks(kit));
    attacks.extend(manifests(kit));
    attacks.into_iter().map(|attack| attack.survived().of_update()).collect()
}

fn heads(kit: &Kit) -> Vec<Attack> {
    let pack = |change: fn(&mut RawPack)| {
        let mut pack = sound();
        change(&mut pack);
        with(kit, pack)
    };
    let r = Attack::refused;
    vec![
        r(
            "pack-of-the-future",
            &[36],
            "has format 2",
            "Is a pack of format 2.",
            pack(|p| p.magic = b"SUPACK02".to_vec()),
        ),
        r("pack-is-none", &[16], "is no pack", "Is no pack.", pack(|p| p.magic = b"GIF89a..".to_vec())),
        r(
            "pack-unknown-method",
            &[36],
            "by method 99",
            "Makes its blobs in a way of the future.",
            pack(|p| p.methods = Some(99)),
        ),
        r(
            "pack-blocks-absurd",
            &[33, 35],
            "number of blocks is",
            "Says that it has 2^62 blocks.",
            pack(|p| p.blocks = 1 << 62),
        ),
        r(
            "pack-blocks-many",
            &[33],
            "shorter than one of its columns",
            "Says that it has 65,536 blocks.",
            pack(|p| p.blocks = 1 << 16),
        ),
        r(
            "pack-builds-absurd",
            &[33, 35],
            "number of builds is",
            "Says that a block has 2^63 builds.",
            pack(|p| p.build_count = Some(1 << 63)),
        ),
        r(
            "pack-builds-many",
            &[33],
            "is not used",
            "Says that a block has a million builds.",
            pack(|p| p.build_count = Some(1 << 20)),
        ),
        r(
            "pack-stream-absurd",
            &[35, 42],
            "length of a stream is",
            "Says that a stream has 2^63 bytes.",
            pack(|p| p.lengths = Some((6, 1 << 63, 1 << 63))),
        ),
        r(
            "pack-stream-beyond-its-builds",
            &[38],
            "is not used",
            "Says that a stream has 2^40 plain bytes where its builds make 5 KB.",
            pack(|p| p.lengths = Some((6, 40, 1 << 40))),
        ),
        r("pack-short-ids", &[48], "fewer than 4 bytes", "Names blobs by one byte.", pack(|p| p.id_length = 1)),
        r("pack-long-ids", &[48], "is not used", "Names blobs by 200 bytes.", pack(|p| p.id_length = 200)),
        r("pack-version-zero", &[35], "version 0", "Leads to version 0.", pack(|p| p.to = 0)),
        r(
            "pack-index-trailing",
            &[39],
            "bytes follow its last column",
            "Has bytes behind its index.",
            pack(|p| p.index = |i| [&i[..], b"more"].concat()),
        ),
        r(
            "pack-index-cut-off",
            &[39],
            "is not used",
            "Has half an index.",
            pack(|p| p.index = |i| i[..i.len() / 2].to_vec()),
        ),
        r(
            "pack-index-bomb",
            &[38],
            "length of the index is",
            "Has an index of 130 MiB in a few KB.",
            pack(|p| p.index = |i| [&i[..], &vec![0; 130 << 20]].concat()),
        ),
    ]
}

fn blocks(kit: &Kit) -> Vec<Attack> {
    let tool = content(20, "tool");
    let around = "blocks of packs are missing or bad";
    let framed = |frame: fn(&[u8]) -> Vec<u8>| {
        let mut pack = whole(content(20, "tool"));
        pack.frame = frame;
        with(kit, pack)
    };
    let r = Attack::refused;
    vec![
        r("block-flipped", &[13], around, "One bit of the block is flipped.", {
            let mut pack = sound();
            pack.block = |mut block| {
                block[20] ^= 4;
                block
            };
            with(kit, pack)
        }),
        r(
            "block-wrong-blob",
            &[43],
            around,
            "Makes another content of the same length.",
            with(kit, whole(vec![b'x'; tool.len()])),
        ),
        r(
            "block-bomb",
            &[38],
            around,
            "Its stream expands to 6 MB where 2 KB are declared.",
            framed(|_| frame(&vec![0; 6_000_000])),
        ),
        r("block-window", &[37], around, "Its stream asks for a window of 2 GiB.", framed(super::objects::wide)),
        r("block-no-frame", &[39], around, "Its stream is no frame.", framed(<[u8]>::to_vec)),
        r(
            "block-skippable-frames",
            &[39],
            around,
            "Its stream begins with a frame to be skipped.",
            framed(|plain| [b"\x50\x2a\x4d\x18\x02\0\0\0xx", &frame(plain)[..]].concat()),
        ),
        r(
            "block-two-frames",
            &[39],
            around,
            "Its stream is two frames.",
            framed(|plain| [frame(&plain[..9]), frame(&plain[9..])].concat()),
        ),
        r(
            "block-trailing",
            &[39],
            around,
            "Bytes follow the frame of its stream.",
            framed(|plain| [frame(plain), b"more".to_vec()].concat()),
        ),
        r(
            "block-empty-frames",
            &[39],
            around,
            "Its stream is a frame without content, many times.",
            framed(|_| b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00".repeat(20)),
        ),
    ]
}

fn manifests(kit: &Kit) -> Vec<Attack> {
    let (old, new) = (Draft::new(10).plain_text("os-core"), Draft::new(20).plain_text("os-core"));
    // What is wrong with them is no news: the manifest is fetched instead, which takes a request more.
    let r = |name, numbers, does, files| Attack::refused(name, numbers, "", does, files).asking_more();
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut pack = sound().with_manifest(&old, &new);
        change(&mut pack.manifest_delta.as_mut().expect("just made").frame);
        bare(kit, &pack)
    };
    let other = |text: String| bare(kit, &sound().with_manifest(&old, &text));
    vec![
        r("manifest-delta-garbage", &[39], "The manifest's delta is no frame.", changed(|frame| frame.fill(7))),
        r(
            "manifest-delta-of-another",
            &[43],
            "The manifest's delta makes a manifest with a planted file.",
            other(new.replace("usr/bin/tool", "usr/bin/evil")),
        ),
        r(
            "manifest-delta-bomb",
            &[38],
            "The manifest's delta makes 50 MB.",
            other(format!("{new}{}", " ".repeat(50_000_000))),
        ),
    ]
}
