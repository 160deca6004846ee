//! Bundle manifests that say what no manifest may: their digests, lengths and signatures are right.

use serde_json::{Value, json};

use super::catalogue::{Attack, Kit};
use super::draft::{Draft, directory, symlink};

/// Adds an entry that only its path makes special.
fn odd_path(path: &'static str) -> impl FnOnce(&mut Draft) {
    move |draft| {
        let entry = draft.file(path, 0o644, b"planted");
        draft.core().push(entry);
    }
}

/// Changes one field of the entry of `usr/bin/tool`.
fn odd_field(field: &'static str, value: Value) -> impl FnOnce(&mut Draft) {
    move |draft| draft.entry("usr/bin/tool")[field] = value
}

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let mut attacks = paths(kit);
    attacks.extend(trees(kit));
    attacks.extend(fields(kit));
    attacks
}

fn paths(kit: &Kit) -> Vec<Attack> {
    let long = Box::leak(format!("usr/{}", "x".repeat(256)).into_boxed_str());
    let rows: [(_, &'static [u8], _, _, &'static str); 11] = [
        ("path-absolute", &[21], "does not lie beneath", "Lists a file at `/usr/planted`.", "/usr/planted"),
        ("path-upwards", &[22], "component", "Lists a file at `usr/../etc/planted`.", "usr/../etc/planted"),
        ("path-upwards-first", &[22], "does not lie beneath", "Lists a file at `../planted`.", "../planted"),
        ("path-outside-usr", &[27], "does not lie beneath", "Lists a file at `etc/planted`.", "etc/planted"),
        ("path-empty", &[23], "does not lie beneath", "Lists a file without a path.", ""),
        ("path-dot", &[23], "component", "Lists a file at `usr/./planted`.", "usr/./planted"),
        ("path-empty-component", &[23], "component", "Lists a file at `usr//planted`.", "usr//planted"),
        ("path-nul", &[23], "NUL", "Lists a path with a NUL in it.", "usr/planted\0.txt"),
        (
            "path-of-escapes",
            &[23],
            "component",
            "Lists a bad path that would clear the screen and write a message of its own, if it were shown as it is.",
            "usr/planted\x1b[2J\nerror: none/..",
        ),
        ("path-long-component", &[23], "component", "Lists a name of 256 bytes.", long),
        (
            "path-of-the-record",
            &[27],
            "own record",
            "Lists a file where the client keeps its own record of the tree.",
            "usr/share/stateless-update/installed.json",
        ),
    ];
    rows.map(|(name, numbers, says, does, path)| {
        Attack::refused(name, numbers, says, does, kit.changed(odd_path(path)))
    })
    .into()
}

fn trees(kit: &Kit) -> Vec<Attack> {
    let refused = Attack::refused;
    let conflict = |draft: &mut Draft| {
        let mut other = draft.bundles["os-core"].clone();
        other.retain(|entry| entry["path"] == "usr" || entry["path"] == "usr/bin" || entry["path"] == "usr/bin/tool");
        other[2]["mode"] = json!(0o4755);
        draft.bundles.insert("other".to_owned(), other);
        draft.release = Box::new(|release| release["bundles"]["os-core"]["includes"] = json!(["other"]));
    };
    let deep = |draft: &mut Draft| {
        let paths = (1..1500).map(|depth| format!("usr/lib/x{}", "/d".repeat(depth)));
        let entries: Vec<Value> = paths.map(|path| directory(&path)).collect();
        draft.core().push(directory("usr/lib/x"));
        draft.core().extend(entries);
    };
    vec![
        refused(
            "path-twice",
            &[24],
            "listed twice",
            "Lists `usr/lib/os-release` twice.",
            kit.changed(|draft| {
                let again = draft.entry("usr/lib/os-release").clone();
                draft.core().push(again);
            }),
        ),
        refused(
            "path-out-of-order",
            &[24],
            "listed twice",
            "Lists `usr/lib/a` after `usr/lib/os-release`, so that a reader who trusts the order misses one of them.",
            kit.changed(|draft| draft.add_file("usr/lib/a", 0o644, b"hidden")),
        ),
        refused(
            "file-as-parent",
            &[25],
            "not listed as a directory",
            "Lists a file beneath the file `usr/lib/os-release`.",
            kit.changed(|draft| draft.add_file("usr/lib/os-release/planted", 0o644, b"planted")),
        ),
        refused(
            "symlink-as-parent",
            &[26, 45],
            "not listed as a directory",
            "Lists the symlink `usr/out -> /etc` and a file beneath it.",
            kit.changed(|draft| {
                draft.core().push(symlink("usr/out", "/etc"));
                draft.add_file("usr/out/planted", 0o644, b"planted");
            }),
        ),
        refused(
            "symlink-then-directory",
            &[45],
            "listed twice",
            "Lists `usr/out` as a symlink to `/etc`, then as a directory, then a file beneath it.",
            kit.changed(|draft| {
                draft.core().extend([symlink("usr/out", "/etc"), directory("usr/out")]);
                draft.add_file("usr/out/planted", 0o644, b"planted");
            }),
        ),
        refused(
            "no-parent",
            &[25],
            "not listed as a directory",
            "Lists a file whose directory is not listed.",
            kit.changed(|draft| draft.add_file("usr/nowhere/planted", 0o644, b"planted")),
        ),
        refused(
            "usr-is-a-symlink",
            &[26],
            "must be a directory",
            "Lists `usr` itself as a symlink to `/etc`.",
            kit.changed(|draft| draft.core()[0] = symlink("usr", "/etc")),
        ),
        refused(
            "bundles-disagree",
            &[24],
            "disagree about usr/bin/tool",
            "An included bundle has `usr/bin/tool` setuid, `os-core` has it without.",
            kit.changed(conflict),
        ),
        refused(
            "deep-tree",
            &[23],
            "levels",
            "Lists directories 1,500 deep, so that whoever walks down runs out of handles or stack.",
            kit.changed(deep),
        ),
    ]
}

fn fields(kit: &Kit) -> Vec<Attack> {
    let device = || json!({"path": "usr/null", "type": "device", "mode": 0o666, "uid": 0, "gid": 0, "mtime": 1});
    let fifo = || json!({"path": "usr/null", "type": "fifo", "mode": 0o666, "uid": 0, "gid": 0, "mtime": 1});
    let hard = || json!({"path": "usr/s", "type": "hardlink", "mode": 0, "uid": 0, "gid": 0, "mtime": 1, "target": "/etc/shadow"});
    let label = json!({"security.selinux": "c3lzdGVtX3U="});
    let overlay = json!({"trusted.overlay.redirect": "L2V0Yw=="});
    let big = 1u64 << 63;
    let refused = |name, numbers, says, does, change: Box<dyn FnOnce(&mut Draft)>| {
        Attack::refused(name, numbers, says, does, kit.changed(change))
    };
    let odd = |field, value| Box::new(odd_field(field, value)) as Box<dyn FnOnce(&mut Draft)>;
    vec![
        refused("device", &[29], "unknown variant", "Lists a device.", Box::new(move |d| d.core().push(device()))),
        refused("fifo", &[29], "unknown variant", "Lists a pipe.", Box::new(move |d| d.core().push(fifo()))),
        refused(
            "hard-link-outwards",
            &[28],
            "unknown variant",
            "Lists a hard link to `/etc/shadow`.",
            Box::new(move |d| d.core().push(hard())),
        ),
        refused("unknown-field", &[18], "unknown field", "Gives a file a device number.", odd("device", json!(259))),
        refused(
            "mode-overflow",
            &[31],
            "permission bits",
            "Gives a file mode 0o104755.",
            odd("mode", json!(0o104_755)),
        ),
        refused(
            "mode-huge",
            &[31],
            "invalid value",
            "Gives a file mode 2^32 + 0o755.",
            odd("mode", json!((1u64 << 32) + 0o755)),
        ),
        refused(
            "uid-overflow",
            &[31],
            "invalid value",
            "Gives a file to user 2^32, which wraps to root.",
            odd("uid", json!(1u64 << 32)),
        ),
        refused(
            "uid-nobody",
            &[31],
            "nobody's number",
            "Gives a file to user 2^32 - 1, which means `leave it`.",
            odd("uid", json!(u32::MAX)),
        ),
        refused(
            "size-huge",
            &[35],
            "more than 1099511627776 bytes",
            "Says that a file has 2^63 bytes.",
            odd("size", json!(big)),
        ),
        refused("size-negative", &[35], "invalid value", "Says that a file has -1 bytes.", odd("size", json!(-1))),
        refused(
            "object-bytes-huge",
            &[35],
            "more than 1099511627776 bytes",
            "Says that an object has 2^63 bytes.",
            odd("object_bytes", json!(big)),
        ),
        refused(
            "time-huge",
            &[31],
            "mtime",
            "Says that a file changed in second 2^62, which no file system keeps.",
            odd("mtime", json!(1i64 << 62)),
        ),
        refused(
            "nanoseconds-overflow",
            &[31],
            "mtime_ns",
            "Says that a second has 10^9 nanoseconds and more.",
            odd("mtime_ns", json!(1_000_000_000)),
        ),
        refused(
            "security-label",
            &[30],
            "not one that a release may carry",
            "Ships a label of a security module.",
            odd("xattrs", label),
        ),
        refused(
            "overlay-redirect",
            &[30],
            "not one that a release may carry",
            "Ships an attribute that redirects an overlay.",
            odd("xattrs", overlay),
        ),
        refused(
            "symlink-with-nul",
            &[23],
            "NUL in it",
            "Lists a symlink with a NUL in its target.",
            Box::new(|d| d.core().push(symlink("usr/s", "a\0b"))),
        ),
        refused(
            "one-content-two-sizes",
            &[13, 35],
            "bytes elsewhere",
            "Lists one digest with two sizes.",
            Box::new(|draft| {
                let mut twin = draft.entry("usr/lib/os-release").clone();
                (twin["path"], twin["size"]) = (json!("usr/lib/z"), json!(7_000));
                draft.core().push(twin);
            }),
        ),
        refused(
            "sizes-that-sum-up",
            &[35, 42],
            "needed on the file system",
            "Lists 3,000 files of 2^40 bytes, the most that one may have.",
            Box::new(|draft| {
                let entry = draft.entry("usr/bin/tool").clone();
                for number in 0..3_000u32 {
                    let mut entry = entry.clone();
                    entry["path"] = json!(format!("usr/lib/z{number:05}"));
                    entry["size"] = json!(1u64 << 40);
                    entry["object_bytes"] = json!(1u64 << 40);
                    entry["sha256"] = json!(format!("{number:064x}"));
                    draft.core().push(entry);
                }
            }),
        )
        .ending(5),
    ]
}
