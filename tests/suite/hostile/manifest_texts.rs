//! Bundle manifests whose text or compressed form is odd: too long, too deep, of the future, no JSON.

use serde_json::json;

use super::catalogue::{Attack, Kit};
use super::draft::Draft;

/// Changes the text of the manifest.
fn odd_text(change: impl Fn(String) -> Vec<u8> + 'static) -> impl FnOnce(&mut Draft) {
    move |draft| draft.text = Box::new(move |_, text| change(text))
}

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let refused = |name, numbers, says, does, change: Box<dyn Fn(String) -> Vec<u8>>| {
        Attack::refused(name, numbers, says, does, kit.changed(odd_text(change)))
    };
    let replaced = |from: &'static str, to: &'static str| {
        Box::new(move |text: String| text.replacen(from, to, 1).into_bytes()) as Box<dyn Fn(String) -> Vec<u8>>
    };
    let length = |to: u64| {
        move |draft: &mut Draft| {
            draft.release = Box::new(move |release| release["bundles"]["os-core"]["manifest"]["length"] = json!(to));
        }
    };
    let blank = |bytes: usize| {
        Box::new(move |text: String| [text.as_bytes(), &vec![b' '; bytes]].concat()) as Box<dyn Fn(String) -> Vec<u8>>
    };
    vec![
        refused(
            "manifest-of-the-future",
            &[36],
            "format 2",
            "Is a manifest of format 2.",
            replaced("\"format\":1", "\"format\":2"),
        ),
        refused(
            "manifest-of-another-bundle",
            &[11],
            "names itself",
            "Is the manifest of another bundle.",
            replaced("os-core", "os-other"),
        ),
        refused(
            "manifest-deep",
            &[16],
            "is not valid",
            "Is nested 5,000 deep.",
            Box::new(|_| format!("{{\"format\":1,\"x\":{}", "[".repeat(5_000)).into_bytes()),
        ),
        refused(
            "manifest-key-twice",
            &[16],
            "duplicate field",
            "Has its entries twice.",
            replaced("\"entries\"", "\"entries\":[],\"entries\""),
        ),
        refused(
            "manifest-huge-number",
            &[16],
            "number out of range",
            "Has a number of 400 digits.",
            Box::new(|text| text.replacen("\"mode\":493", &format!("\"mode\":{}", "9".repeat(400)), 1).into_bytes()),
        ),
        refused(
            "manifest-not-a-number",
            &[16],
            "expected value",
            "Has NaN where a number should be.",
            replaced("\"mode\":493", "\"mode\":NaN"),
        ),
        refused(
            "manifest-bad-utf8",
            &[16],
            "invalid unicode",
            "Has bytes that are not UTF-8 in a path.",
            Box::new(|text| {
                let at = text.find("usr/bin/tool").expect("there") + 4;
                let mut bytes = text.into_bytes();
                bytes[at] = 0xff;
                bytes
            }),
        ),
        refused("manifest-empty", &[23], "is not valid", "Is empty.", Box::new(|_| Vec::new())),
        refused(
            "manifest-cut-off",
            &[16],
            "is not valid",
            "Ends in the middle.",
            Box::new(|text| text.into_bytes()[..400].to_vec()),
        ),
        refused(
            "manifest-with-more-behind",
            &[16],
            "trailing characters",
            "Has a second document behind it.",
            Box::new(|text| [text.as_bytes(), text.as_bytes()].concat()),
        ),
        refused(
            "manifest-escapes",
            &[23],
            "component",
            "Has terminal escape sequences in a path that is refused.",
            replaced("\"usr/bin/tool\"", "\"usr/../\\u001b]0;owned\\u0007\\u001b[2J\""),
        ),
        refused(
            "manifest-bomb",
            &[38, 33],
            "longer than any may be",
            "Is 150 MB of blanks in a few KB.",
            blank(150_000_000),
        ),
        refused(
            "manifest-of-many-entries",
            &[33],
            "more than 524288 entries",
            "Lists 900,000 entries in a few KB.",
            Box::new(many),
        ),
        Attack::refused(
            "manifest-expands-beyond",
            &[38],
            "does not expand",
            "Is said to have 1 KB and expands to 256 MiB.",
            kit.changed(|draft| draft.wire = Box::new(|_| super::objects::bomb(256 << 20))),
        ),
        Attack::refused(
            "manifest-length-too-short",
            &[13],
            "does not expand",
            "Is longer than the release document says.",
            kit.changed(length(300)),
        ),
        Attack::refused(
            "manifest-length-too-long",
            &[13],
            "does not expand",
            "Is shorter than the release document says.",
            kit.changed(length(4_000_000)),
        ),
        Attack::refused(
            "manifest-length-huge",
            &[14, 35],
            "longer than any may be",
            "Is said to have 2^63 bytes.",
            kit.changed(length(1 << 63)),
        ),
        Attack::refused(
            "manifest-not-compressed",
            &[39],
            "does not expand",
            "Is not compressed.",
            kit.changed(|draft| draft.wire = Box::new(<[u8]>::to_vec)),
        ),
        Attack::refused(
            "manifest-window",
            &[37],
            "does not expand",
            "Asks for a window of 2 GiB to expand it.",
            kit.changed(|draft| draft.wire = Box::new(super::objects::wide)),
        ),
    ]
}

/// A million entries, all for one path: that shows only when all of them are read.
fn many(text: String) -> Vec<u8> {
    let line = r#"{"path":"usr","type":"directory","mode":0,"uid":0,"gid":0,"mtime":0}"#;
    let head = text.find("[\n").expect("a list") + 2;
    format!("{}{}\n]}}\n", &text[..head], vec![line; 900_000].join(",\n")).into_bytes()
}
