//! Searching the index of a release, and what shells say of a command that is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};
use xtask::programs::Outcome;

use crate::machine::Machine;
use crate::world::{NOWHERE, copy, world};

const KEPT: &str = "var/cache/stateless-update/search-index";

/// Bundle and path of each match.
fn matches(outcome: &Outcome) -> Vec<(String, String)> {
    let matches = outcome.result["matches"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    matches.iter().map(|found| (text(&found["bundle"]), text(&found["path"]))).collect()
}

#[test]
fn search_finds_bundles_by_name_title_and_programs() {
    let machine = Machine::installed(20, &["editors"]);
    let names = |arguments: &[&str]| -> Vec<String> {
        let result = machine.client(arguments).success().expect("found").result;
        let bundles = result["bundles"].as_array().expect("a list");
        bundles.iter().map(|found| found["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&["search", "editors"]), ["editors"]);
    assert_eq!(names(&["search", "NODE"]), ["openstack-compute"], "upper and lower case are one");
    assert_eq!(names(&["search", "qemu-sys"]), ["openstack-compute"], "a program");
    assert_eq!(names(&["search", "--regexp", "^(vi|ping)$"]), ["editors", "os-core"]);
    // The name comes before the title, and that before a program.
    assert_eq!(names(&["search", "python"])[0], "python3-basic");
    assert_eq!(names(&["search", "o", "--order", "alpha", "--top", "2"]), ["editors", "openstack-compute"]);
    let found = machine.succeeds(["search", "vi"]).result["bundles"].clone();
    let editors = found.as_array().expect("a list").iter().find(|found| found["name"] == "editors").expect("found");
    assert_eq!((&editors["installed"], &editors["matched"]), (&json!(true), &json!(["usr/bin/vi"])));
    let none = machine.client(["search", "no-such-thing"]);
    assert_eq!((none.code, &none.result["bundles"]), (1, &json!([])));
}

#[test]
fn search_file_finds_the_bundles_of_a_path() {
    let machine = Machine::installed(20, &["editors"]);
    let ed = machine.succeeds(["search-file", "/usr/bin/ed"]);
    assert_eq!(ed.result["matches"], json!([{ "bundle": "editors", "path": "usr/bin/ed", "installed": true }]));
    let virt = matches(&machine.succeeds(["search-file", "/usr/lib/python3.11/nova/virt"]));
    assert!(virt.len() == 4 && virt.iter().all(|(bundle, _)| bundle == "openstack-compute"), "{virt:?}");
    assert_eq!(matches(&machine.succeeds(["search-file", "libdemo.so*", "--library"])).len(), 3);
    let programs = matches(&machine.succeeds(["search-file", "nova", "--binary"]));
    assert_eq!(programs, [("openstack-compute".to_owned(), "usr/bin/nova-compute".to_owned())]);
    let both = matches(&machine.succeeds(["search-file", "/usr/share/licenses/common/MIT", "--order", "alpha"]));
    assert!(both.len() > 1 && both.is_sorted(), "{both:?}");
    let by_size = machine.succeeds(["search-file", "licenses/common/MIT", "--order", "size", "--top", "1"]);
    assert_eq!(matches(&by_size).len(), 1);
    assert_eq!(machine.client(["search-file", "/usr/bin/e"]).code, 1, "a path is no beginning of one");
    machine.refuses(2, ["search-file", "--regexp", "("]);
}

#[test]
fn every_path_of_a_release_is_found_in_its_bundle() {
    let machine = Machine::installed(20, &[]);
    let found = matches(&machine.succeeds(["search-file", "--regexp", "."]));
    let mut wanted = Vec::new();
    for bundle in ["editors", "openstack-compute", "os-core", "python3-basic", "web-server"] {
        let tree = xtask::judge::Tree::read(&world().trees.of(20).join(bundle)).expect("a tree");
        let files = tree.nodes().iter().filter(|(_, node)| !matches!(node.kind, xtask::judge::Kind::Directory));
        wanted.extend(files.map(|(path, _)| (bundle.to_owned(), path.display().to_string())));
    }
    wanted.sort();
    let mut sorted = found.clone();
    sorted.sort();
    assert_eq!(sorted, wanted);
}

#[test]
fn the_index_is_fetched_once_and_never_believed() {
    let machine = Machine::installed(20, &[]);
    let search = |machine: &Machine, url: &str| machine.client(["search-file", "bin/ed", "--url", url, "-r", "0"]);
    assert_eq!(search(&machine, NOWHERE).code, 3);
    let warned = machine.succeeds(["search", "editors", "--url", NOWHERE, "-r", "0"]);
    assert!(warned.events.iter().any(|event| event["event"] == "warning"), "{:?}", warned.events);

    machine.succeeds(["search-file", "bin/ed"]);
    assert_eq!(search(&machine, NOWHERE).code, 0, "it was kept");
    let kept = fs::read(machine.path(KEPT)).expect("kept");
    let mode = fs::metadata(machine.path(KEPT)).expect("kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "everybody may read it");
    for damaged in [b"nonsense".to_vec(), Vec::new(), kept[..kept.len() - 1].to_vec(), [&kept[..], b"x"].concat()] {
        fs::write(machine.path(KEPT), &damaged).expect("written");
        machine.succeeds(["search-file", "bin/ed"]);
        machine.client(["command-not-found", "ed"]).success().expect("found");
    }
    // That of another release is another.
    machine.succeeds(["update", "--version", "10"]);
    assert_eq!(machine.client(["search-file", "usr/bin/wait-online"]).code, 1);
    let cleaned = machine.succeeds(["clean", "--all"]).result;
    assert!(cleaned["removed"].to_string().contains("search-index"), "{cleaned}");
    assert!(!machine.path(KEPT).exists());

    // An origin that gives another one is refused.
    let directory = world().directory();
    let publication = directory.path().join("publication");
    copy(&world().publication.path, &publication);
    for index in fs::read_dir(publication.join("search")).expect("indexes") {
        fs::write(index.expect("an index").path(), b"another").expect("written");
    }
    let another = publication.display().to_string();
    let refused = search(&machine, &another);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(!machine.path(KEPT).exists());
    // One behind it has the right one.
    machine.succeeds(["search-file", "bin/ed", "--url", &another, "--url", &world().server.url, "-r", "0"]);
}

/// What a shell with the hook says of a command, when `stateless-update` works on that machine.
fn asked(machine: &Machine, shell: &str, command: &str) -> Option<(i32, String)> {
    let shell_path = Command::new("sh").args(["-c", &format!("command -v {shell}")]).output().expect("a shell");
    if !shell_path.status.success() {
        crate::world::skipped("command-not-found", &format!("{shell} is not installed"));
        return None;
    }
    let script = machine.succeeds(["completions", shell, "--command-not-found"]).result["script"].clone();
    let directory = world().directory();
    let wrapper = directory.path().join("stateless-update");
    let program = world().programs.update.display();
    let line = format!("#!/bin/sh\nexec {program} --root {} \"$@\"\n", machine.root.display());
    fs::write(&wrapper, line).expect("written");
    fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("set");
    let hook = directory.path().join("hook");
    fs::write(&hook, script.as_str().expect("a text")).expect("written");
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").expect("a path"));
    let line = format!(". {}; {command}", hook.display());
    let output = Command::new(shell).args(["-c", &line]).env("PATH", path).output().expect("the shell runs");
    assert!(output.stdout.is_empty(), "{output:?}");
    Some((output.status.code().expect("an exit code"), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn command_not_found_is_answered_in_bash_and_zsh() {
    let machine = Machine::installed(20, &[]);
    for shell in ["bash", "zsh"] {
        let before = asked(&machine, shell, "nova-compute --version");
        machine.succeeds(["search-file", "bin"]);
        let Some((code, said)) = before else { continue };
        assert_eq!((code, said.contains("command not found")), (127, true), "{shell}: {said}");
        let (code, said) = asked(&machine, shell, "nova-compute --version").expect("it is installed");
        assert!(code == 127 && said.contains("bundle-add openstack-compute"), "{shell}: {said}");
        let (code, said) = asked(&machine, shell, "-odd").expect("it is installed");
        assert!(code == 127 && said.contains("command not found"), "{shell}: {said}");
        machine.succeeds(["clean", "--all"]);
    }
    machine.refuses(2, ["completions", "fish", "--command-not-found"]);
}
