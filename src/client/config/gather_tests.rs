//! Tests of what is found of programs, and of what is told to be left out.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::report::{Silent, Warnings};

/// A root with these files.
fn root(files: &[&str]) -> tempfile::TempDir {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    for file in files {
        let path = temporary.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, "").expect("written");
    }
    temporary
}

fn opened(path: &Path) -> Directory {
    Directory::open_path(path).expect("it opens")
}

#[test]
fn a_program_with_two_names_is_found_once() {
    let temporary = root(&["usr/lib/systemd/logind.conf", "usr/share/defaults/systemd-logind/x"]);
    let root = opened(temporary.path());
    let gatherer = Gatherer::new(&root, &Silent);
    let found = gatherer.all().expect("listed");
    assert_eq!(found.map(|(name, _)| name).collect::<Vec<_>>(), ["systemd-logind"]);
}

/// What is told to be left out of a program that has only its directory in `etc`.
fn left_out(root: &Path) -> Vec<String> {
    let warned = Warnings::default();
    let root = opened(root);
    Gatherer::new(&root, &warned).files("nginx").expect("found");
    warned.told()
}

#[test]
fn what_is_left_out_is_told() {
    type Harm = fn(&Path);
    let cases: [(Harm, &str); 5] = [
        (
            |etc| fs::write(etc.join(OsStr::from_bytes(b"\xff\n")), "").expect("written"),
            "/\u{fffd}\\n is left out: its name",
        ),
        (
            |etc| symlink(OsStr::from_bytes(b"\xff"), etc.join("link")).expect("linked"),
            "/link is left out: it is a symlink",
        ),
        (|etc| symlink("..", etc.join("up")).expect("linked"), "/up is left out: it is no file"),
        (|etc| fs::create_dir_all(etc.join("d/".repeat(MAX_DEPTH + 1))).expect("made"), "it lies too deep"),
        (
            |etc| (0..MAX_FILES).for_each(|number| fs::write(etc.join(format!("{number:05}")), "").expect("written")),
            "/nginx.conf is left out: it and what follows",
        ),
    ];
    for (harm, wanted) in cases {
        let temporary = root(&["etc/nginx/nginx.conf"]);
        assert_eq!(left_out(temporary.path()), Vec::<String>::new(), "{wanted}");
        harm(&temporary.path().join("etc/nginx"));
        let told = left_out(temporary.path());
        assert!(matches!(&told[..], [one] if one.contains(wanted)), "{wanted}: {told:?}");
    }
}

#[test]
fn a_symlink_over_directories_that_are_symlinks_is_followed() {
    let temporary = root(&["usr/lib/alt/ut.conf", "etc/ut/up.conf"]);
    let place = |path: &str| temporary.path().join(path);
    fs::write(place("usr/lib/alt/ut.conf"), "a = 77\n").expect("written");
    for (target, path) in [("usr/lib", "lib"), ("/lib/alt/ut.conf", "etc/ut/ut.conf"), ("/lib/no", "etc/ut/no.conf")] {
        symlink(target, place(path)).expect("linked");
    }
    let (root, warned) = (opened(temporary.path()), Warnings::default());
    let gatherer = Gatherer::new(&root, &warned);
    let content = |path: &str| gatherer.content(path).expect("looked at");
    assert_eq!(content("etc/ut/ut.conf"), Some(Content::File(b"a = 77\n".to_vec())));
    assert_eq!(warned.told(), Vec::<String>::new());
    assert_eq!(content("etc/ut/no.conf"), None);
    let told = warned.told();
    assert!(matches!(&told[..], [one] if one.starts_with("/etc/ut/no.conf is left out: ")), "{told:?}");
}
