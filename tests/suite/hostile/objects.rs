//! Objects, the publisher's fallback for whatever no pack has, that are not the blob: only `usr/bin/tool`'s is bad.

use std::io::Write;

use serde_json::json;
use stateless_update::types::Digest;

use super::catalogue::{Attack, Kit};
use super::draft::{Draft, content, object, object_path};

/// A frame that asks for a window of 2 GiB; RFC 8878, 3.1.1.1.2: exponent 21, mantissa 0.
pub fn wide(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3];
    // One raw block, the last: its length and two flags in three bytes.
    let header = (content.len() as u32) << 3 | 1;
    frame.extend_from_slice(&header.to_le_bytes()[..3]);
    frame.extend_from_slice(content);
    frame
}

/// The same with a window of 128 MiB, the largest that any client takes.
fn as_wide_as_allowed(content: &[u8]) -> Vec<u8> {
    let mut frame = wide(content);
    frame[5] = 17 << 3;
    frame
}

/// A frame without content that decoders must pass over; RFC 8878, 3.1.2.
fn skippable(bytes: usize) -> Vec<u8> {
    [&0x184d_2a50u32.to_le_bytes()[..], &(bytes as u32).to_le_bytes(), &vec![0; bytes]].concat()
}

/// What the entry says that the bomb makes.
const BOMB_SIZE: u64 = 1 << 20;

/// The object of that many blanks, in a window that suits [`BOMB_SIZE`].
pub fn bomb(bytes: u64) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("memory");
    encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(20)).expect("a window");
    let piece = vec![b' '; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&piece).expect("memory");
    }
    encoder.finish().expect("memory")
}

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let tool = content(20, "tool");
    let bad = |bytes: Vec<u8>| {
        let path = object_path(&tool);
        kit.changed(move |draft: &mut Draft| {
            draft.entry("usr/bin/tool")["object_bytes"] = json!(bytes.len());
            draft.objects.insert(path, bytes);
        })
    };
    let good = object(&tool);
    let refused = Attack::refused;
    let two = |first: &[u8], second: &[u8]| [first, second].concat();
    vec![
        refused(
            "object-bomb",
            &[38, 42],
            "more bytes than the blob has",
            "Expands to 512 MiB, 10^4 times its length.",
            kit.changed(|draft| {
                let (path, bytes) = (object_path(&tool), bomb(512 << 20));
                draft.entry("usr/bin/tool")["object_bytes"] = json!(bytes.len());
                draft.entry("usr/bin/tool")["size"] = json!(BOMB_SIZE);
                draft.objects.insert(path, bytes);
            }),
        ),
        refused("object-window", &[37], "damaged or forged", "Asks for a window of 2^31 bytes.", bad(wide(&tool))),
        refused(
            "object-window-beyond-its-size",
            &[37],
            "damaged or forged",
            "Asks for a window of 128 MiB to make 2 KB.",
            bad(as_wide_as_allowed(&tool)),
        ),
        refused(
            "object-of-something-else",
            &[43],
            "damaged or forged",
            "Is a sound object of another content of the same length.",
            bad(object(&tool.iter().map(|byte| byte ^ 1).collect::<Vec<_>>())),
        ),
        refused(
            "object-too-short",
            &[39, 43],
            "damaged or forged",
            "Makes less than the blob.",
            bad(object(&tool[..100])),
        ),
        refused(
            "object-with-garbage-behind",
            &[39],
            "damaged or forged",
            "Is followed by what is no frame.",
            bad(two(&good, b"and more")),
        ),
        refused(
            "object-twice",
            &[39],
            "bytes follow the object's frame",
            "Is followed by a second frame with content.",
            bad(two(&good, &good)),
        ),
        refused(
            "object-cut-off",
            &[39],
            "damaged or forged",
            "Ends in the middle of its frame.",
            bad(good[..good.len() / 2].to_vec()),
        ),
        refused("object-not-compressed", &[39], "damaged or forged", "Is the plain content.", bad(tool.clone())),
        refused(
            "object-skippable-frames",
            &[39],
            "damaged or forged",
            "Is nothing but frames to be skipped.",
            bad(skippable(500).repeat(3)),
        ),
        refused(
            "object-empty-frames",
            &[39],
            "damaged or forged",
            "Is nothing but frames without content.",
            bad(object(b"").repeat(50)),
        ),
        refused(
            "object-longer-than-signed",
            &[13, 14],
            "bytes instead of",
            "Is longer than its manifest says.",
            kit.changed({
                let (path, bytes) = (object_path(&tool), two(&good, &skippable(600)));
                move |draft| drop(draft.objects.insert(path, bytes))
            }),
        )
        .ending(3),
        refused(
            "object-missing",
            &[13],
            "does not exist",
            "Is not there.",
            kit.changed({
                let path = object_path(&tool);
                move |draft| drop(draft.objects.remove(&path))
            }),
        )
        .ending(3),
        refused(
            "object-of-another-place",
            &[43, 48],
            "damaged or forged",
            "Has the content of a file that the publication has elsewhere.",
            kit.changed({
                let (path, other) = (object_path(&tool), content(20, "data"));
                move |draft| {
                    let bytes = object(&other);
                    draft.entry("usr/bin/tool")["object_bytes"] = json!(bytes.len());
                    draft.entry("usr/bin/tool")["size"] = json!(other.len());
                    debug_assert_ne!(Digest::of(&other), Digest::of(&content(20, "tool")));
                    draft.objects.insert(path, bytes);
                }
            }),
        ),
    ]
}
