//! What an entry of the tree may be called, be, and become.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;

use rustix::fs::XattrFlags;
use serde_json::{Value, json};
use xtask::judge::compares_owners;
use xtask::publication::Publication;
use xtask::trees::Trees;

use super::changes::{NAMES, changes, touch};
use crate::config::write;
use crate::machine::{Machine, assert_equal};
use crate::world::{release, skipped, world};

#[test]
fn every_kind_of_entry_becomes_every_other() {
    let machine = changes().machine(10, &[]);
    machine.succeeds(["update"]);
    changes().assert_holds(&machine, 20, &[]);
    machine.succeeds(["update", "--version", "10"]);
    changes().assert_holds(&machine, 10, &[]);
    machine.succeeds(["rollback"]);
    changes().assert_holds(&machine, 20, &[]);
    assert_eq!(fs::read_link(machine.path("usr/share/dot")).expect("a link"), Path::new("."));
}

/// Writes a release of files that are what their names say, apart from what the newer one changes.
fn write_the_same_but(trees: &Trees, version: u32) {
    let newer = version == 20;
    let top = trees.of(version).join("os-core/usr");
    write(&trees.definitions.join("os-core.toml"), "title = \"core\"\n");
    for name in ["mode", "owner", "attribute-new", "attribute-other", "attribute-gone", "share/nothing"] {
        write(&top.join(name), name);
    }
    fs::create_dir(top.join("directory")).expect("made");
    let set = |name: &str, value: &str| {
        rustix::fs::setxattr(top.join(name), "user.test", value.as_bytes(), XattrFlags::empty()).expect("set");
    };
    set("attribute-other", if newer { "new" } else { "old" });
    if newer {
        set("attribute-new", "new");
        for (name, mode) in [("mode", 0o4711), ("directory", 0o750)] {
            fs::set_permissions(top.join(name), PermissionsExt::from_mode(mode)).expect("set");
        }
        if compares_owners() {
            lchown(top.join("owner"), Some(1), Some(2)).expect("set");
        }
    } else {
        set("attribute-gone", "old");
    }
    touch(&trees.of(version));
}

#[test]
fn only_mode_owner_or_attributes_change_and_no_content_is_fetched() {
    let directory = world().directory();
    let (definitions, versions) = (directory.path().join("definitions"), directory.path().join("trees"));
    let trees = Trees { definitions, versions, releases: [10, 20] };
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    for version in trees.releases {
        write_the_same_but(&trees, version);
        release(&world().programs, &publication, &trees, version);
    }
    let (url, trust) = (publication.path.display().to_string(), publication.trust().display().to_string());
    let machine = Machine::empty();
    machine.succeeds(["os-install", "--url", &url, "--trust", &trust, "--version", "10"]);
    // Nothing is left that could be fetched.
    for contents in ["objects", "packs"] {
        fs::remove_dir_all(publication.path.join(contents)).expect("removed");
    }
    let reason = |name: &str| -> Value {
        let explained = machine.succeeds(["explain", &format!("usr/{name}")]).result;
        json!([explained["next"]["action"], explained["next"]["reason"]])
    };
    let change = |what: &str| json!(["change", format!("releases 10 and 20 have {what}")]);
    assert_eq!(reason("mode"), change("mode 644 and 4711"));
    assert_eq!(reason("directory"), change("mode 755 and 750"));
    for name in ["attribute-new", "attribute-other", "attribute-gone"] {
        assert_eq!(reason(name), change("extended attributes"), "{name}");
    }
    assert_eq!(reason("share/nothing")[0], "keep");
    let mut files = 4;
    if compares_owners() {
        assert_eq!(reason("owner"), change("owner 0:0 and 1:2"));
        files += 1;
    } else {
        skipped("a change of owner alone", "not run by root");
    }
    let assert_holds = |release: u32| {
        let found = xtask::judge::Tree::of_machine(&machine.root).expect("the machine's tree is read");
        assert_equal(&trees.expected(release, &[]).expect("the trees are read"), &found);
    };
    assert_eq!(machine.succeeds(["update"]).result["files_changed"], files);
    assert_holds(20);
    assert_eq!(machine.succeeds(["update", "--version", "10"]).result["files_changed"], files);
    assert_holds(10);
}

#[test]
fn names_of_every_kind_are_names() {
    let machine = changes().machine(10, &[]);
    machine.succeeds(["update"]);
    let paths: Vec<String> = NAMES.iter().map(|name| format!("usr/share/names/{name}")).collect();
    for (name, path) in NAMES.iter().zip(&paths) {
        assert_eq!(fs::read_to_string(machine.path(path)).expect("there"), format!("{name} 20"));
        let found = machine.succeeds(["search-file", &format!("names/{name}")]).result;
        assert_eq!(found["matches"], json!([{ "bundle": "os-core", "path": path, "installed": true }]));
        let (dumped, explained) = (machine.succeeds(["hashdump", path]), machine.succeeds(["explain", path]));
        assert_eq!((&dumped.result["path"], &explained.result["bundles"]), (&json!(path), &json!(["os-core"])));
        fs::remove_file(machine.path(path)).expect("removed");
        let found = machine.client(["diagnose", "--file", path]);
        assert_eq!((found.code, &found.result["missing"]), (1, &json!([path])));
    }
    let mut missing = machine.client(["diagnose"]).result["missing"].as_array().expect("a list").clone();
    missing.sort_by_key(|path| paths.iter().position(|wanted| path == wanted));
    assert_eq!(json!(missing), json!(paths));
    // For people, each is on one line, and none tells the terminal what to do.
    for command in [&["diagnose"][..], &["search-file", "share/names"], &["bundle-info", "os-core", "--files"]] {
        let shown = world().programs.shown(&machine.root, command).expect("it starts").stdout;
        let about = shown.lines().filter(|line| line.contains("share/names/")).count();
        assert_eq!(about, NAMES.len(), "{shown}");
        assert!(!shown.contains(|letter: char| letter.is_control() && letter != '\n'), "{shown:?}");
        for escaped in [r"names/line\nfeed", r"names/\u{1b}[2Jescape\u{7}", r"names/tab\there", r"names/back\slash"] {
            assert!(shown.contains(escaped), "{shown}");
        }
    }
    machine.succeeds(["repair"]);
    changes().assert_holds(&machine, 20, &[]);
    machine.succeeds(["diagnose", "--full-verify"]);
}
