//! Metadata that its own keys signed and that says what it must not, and metadata that does not fit together.

use serde_json::{Value, json};
use stateless_update::trust::Lifetimes;

use super::catalogue::{Attack, Kit};
use super::draft::{Draft, FOR_LONG, Files};
use super::forge::{Key, forge, path};

/// The good publication with that edit of what is signed.
fn edited(good: &Files, which: &'static str, edit: impl Fn(&mut Value)) -> Files {
    let mut files = good.clone();
    let edit = |role: &str, signed: &mut Value| {
        if role == which {
            edit(signed)
        }
    };
    forge(&mut files, edit, |_, _| {});
    files
}

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let good = &kit.publish(&Draft::new(20));
    let refused = Attack::refused;
    let lifetimes = |lifetimes: Lifetimes| kit.changed(|draft| draft.lifetimes = lifetimes);
    let target = |edit: fn(&mut serde_json::Map<String, Value>)| {
        edited(good, "targets", |signed| edit(signed["targets"].as_object_mut().expect("targets")))
    };
    let rename = |to: &'static str| {
        edited(good, "targets", move |signed| {
            let target = signed["targets"]["releases/20.json"].take();
            signed["targets"] = json!({to: target});
        })
    };
    let raw = |bytes: Vec<u8>| {
        let mut files = good.clone();
        files.insert(path("timestamp"), bytes);
        files
    };
    let timestamp = good[&path("timestamp")].clone();
    let replaced =
        |from: &str, to: &str| String::from_utf8(timestamp.clone()).expect("text").replacen(from, to, 1).into_bytes();
    // Everything of release 10 but the timestamp; and the other way round.
    let mut mixed = good.clone();
    mixed.insert(path("targets"), kit.first["metadata/2.targets.json"].clone());
    let mut old = good.clone();
    let stale = |path: &str| kit.first[path].clone();
    old.insert(path("timestamp"), stale("metadata/timestamp.json"));
    let mut other = good.clone();
    let document = other.keys().find(|path| path.starts_with("releases/")).expect("there").clone();
    other.insert(document.clone(), [&good[&document][..], b" "].concat());
    let mut flipped = good.clone();
    flipped.get_mut(&document).expect("there")[40] ^= 1;
    let version = |role, to: u64| edited(good, role, move |signed| signed["version"] = json!(to));
    let back = "went back from version 2 to 1";
    vec![
        refused(
            "expired-timestamp",
            &[7, 9],
            "timestamp metadata expired",
            "The timestamp ended in 2024; somebody keeps the machine at an old release.",
            lifetimes(Lifetimes { timestamp_days: 1, ..FOR_LONG }),
        ),
        refused(
            "expired-snapshot",
            &[7],
            "snapshot metadata expired",
            "The snapshot ended in 2024.",
            lifetimes(Lifetimes { snapshot_days: 1, ..FOR_LONG }),
        ),
        refused(
            "expired-targets",
            &[7],
            "targets metadata expired",
            "The targets ended in 2024.",
            lifetimes(Lifetimes { targets_days: 1, ..FOR_LONG }),
        ),
        refused(
            "rolled-back-timestamp",
            &[8],
            back,
            "The timestamp has version 1, the machine has seen 2.",
            version("timestamp", 1),
        )
        .of_update(),
        refused(
            "mix-and-match",
            &[11],
            "was signed for",
            "The targets are those of release 10, the rest is newer.",
            mixed,
        ),
        refused(
            "same-version-other-bytes",
            &[12],
            "while its version stayed",
            "The timestamp says something else than the one of the same version that the machine has seen.",
            version("timestamp", 2),
        )
        .of_update(),
        refused(
            "frozen",
            &[9, 8],
            "",
            "An old timestamp is served for a new release: nothing new is seen, nothing is lost.",
            old,
        )
        .ending(0)
        .of_update(),
        refused(
            "fast-forward-overflow",
            &[10, 16],
            "",
            "The timestamp has version 2^64 - 1: valid, and healed by a new root with another timestamp key.",
            version("timestamp", u64::MAX),
        )
        .survived(),
        refused(
            "target-upwards",
            &[17],
            "a target is named `../../planted`",
            "The release document is called `../../planted`.",
            rename("../../planted"),
        ),
        refused(
            "target-absolute",
            &[17],
            "a target is named `/etc/planted`",
            "The release document is called `/etc/planted`.",
            rename("/etc/planted"),
        ),
        refused(
            "two-targets",
            &[17],
            "does not name one release document",
            "The targets name two releases.",
            target(|targets| {
                let target = targets["releases/20.json"].clone();
                targets.insert("releases/21.json".to_owned(), target);
            }),
        ),
        refused(
            "no-target",
            &[17],
            "no release yet",
            "The targets name no release.",
            target(|targets| targets.clear()),
        )
        .ending(3),
        refused(
            "target-length-huge",
            &[13, 14],
            "does not name one release document",
            "The release document is said to have 2^60 bytes.",
            target(|targets| targets["releases/20.json"]["length"] = json!(1u64 << 60)),
        ),
        refused(
            "delegation",
            &[17],
            "delegat",
            "The targets delegate to a stranger.",
            edited(good, "targets", |signed| {
                let stranger = Key::named("stranger");
                let role =
                    json!({"name": "x", "keyids": [stranger.id], "threshold": 1, "terminating": true, "paths": ["*"]});
                signed["delegations"] = json!({"keys": {&stranger.id: stranger.public}, "roles": [role]});
            }),
        ),
        refused(
            "document-longer-than-signed",
            &[13],
            "is longer than 297 bytes, the most that it may be",
            "The release document has a byte more than was signed for.",
            other,
        )
        .ending(3),
        refused("document-flipped", &[13], "was signed for", "One bit of the release document is flipped.", flipped)
            .ending(4),
        refused(
            "metadata-unknown-field",
            &[18],
            "",
            "Metadata has a field that this program does not know; TUF allows that.",
            edited(good, "targets", |signed| signed["x-note"] = json!("hello")),
        )
        .survived(),
        refused(
            "metadata-key-twice",
            &[16],
            "comes twice",
            "The timestamp has one key twice.",
            raw(replaced("\"signed\":{", "\"signed\":{\"version\":9,")),
        ),
        refused(
            "metadata-huge-integer",
            &[16],
            "not well-formed",
            "The timestamp has a version of 40 digits.",
            raw(replaced("\"version\":3", &format!("\"version\":{}", "9".repeat(40)))),
        ),
        refused(
            "metadata-deep",
            &[16],
            "not well-formed",
            "The timestamp is nested 10,000 deep.",
            raw("[".repeat(10_000).into_bytes()),
        ),
        refused(
            "metadata-bad-utf8",
            &[16],
            "not well-formed",
            "The timestamp is not UTF-8.",
            raw(b"{\"signed\":\"\xff\xfe\"}".to_vec()),
        ),
        refused(
            "metadata-endless",
            &[14],
            "larger than 16384 bytes",
            "The timestamp has 17 KB of blanks behind it.",
            raw([&timestamp[..], &[b' '; 17_000]].concat()),
        ),
        refused(
            "metadata-of-the-future",
            &[18],
            "follows TUF specification",
            "The timestamp follows version 2 of TUF.",
            edited(good, "timestamp", |signed| signed["spec_version"] = json!("2.0.0")),
        ),
        refused(
            "metadata-is-a-web-page",
            &[16],
            "web page",
            "The network's login page comes instead of the timestamp.",
            raw(b"<!DOCTYPE html><html><title>Login</title></html>".to_vec()),
        )
        .ending(3),
    ]
}
