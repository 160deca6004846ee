//! From one release to another, or not.

use std::fs;

use serde_json::json;
use xtask::publication::Publication;

use super::changes::changes;
use crate::machine::{Machine, assert_equal, error};
use crate::world::{copy, world};

#[test]
fn a_missing_pack_falls_back_to_objects() {
    let directory = world().directory();
    let copied = directory.path().join("publication");
    copy(&world().publication.path, &copied);
    fs::remove_dir_all(copied.join("packs")).expect("the packs are removed");
    let server = world().programs.serve(&copied).expect("a server");
    let machine = Machine::installed(10, &["editors"]);
    machine.succeeds(["update", "--url", &server.url]);
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn a_corrupt_object_aborts_and_is_named() {
    let directory = world().directory();
    let publication = directory.path().join("publication");
    copy(&world().publication.path, &publication);
    fs::remove_dir_all(publication.join("packs")).expect("removed");
    let mut names = Vec::new();
    for folder in fs::read_dir(publication.join("objects")).expect("objects") {
        for object in fs::read_dir(folder.expect("a folder").path()).expect("objects") {
            let path = object.expect("an object").path();
            let length = fs::metadata(&path).expect("there").len();
            fs::write(&path, vec![b'x'; usize::try_from(length).expect("small")]).expect("written");
            names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        }
    }
    let machine = Machine::installed(10, &[]);
    let refused = machine.refuses(4, ["update", "--url", &publication.display().to_string()]);
    let told = error(&refused).expect("an error").to_string();
    assert!(names.iter().any(|name| told.contains(name)), "{told}");
    machine.assert_holds(10, &[]);
}

#[test]
fn an_update_to_the_same_version_changes_nothing() {
    let machine = changes().machine(20, &["optional"]);
    let before = machine.usr();
    for arguments in [&["update"][..], &["update", "--version", "20"], &["update", "--incremental"]] {
        assert_eq!(machine.client(arguments).success().expect("done").result["changed"], false);
    }
    assert_equal(&before, &machine.usr());
}

#[test]
fn an_older_release_is_refused_unless_asked_for_and_one_below_the_floor_always() {
    let behind = &world().server_before.url;
    // A machine that never saw the newer metadata of that publication, but is at the newer release.
    let machine = Machine::installed(20, &[]);
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("removed");
    let refused = machine.refuses(4, ["update", "--url", behind]);
    assert!(error(&refused).expect("an error").to_string().contains("older"));
    machine.succeeds(["update", "--version", "10"]);
    machine.assert_holds(10, &[]);

    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let (url, trust) = (publication.path.display().to_string(), publication.trust().display().to_string());
    let machine = Machine::empty();
    for version in [10, 20] {
        let trees = &world().trees;
        let input = xtask::publication::Input { version, definitions: &trees.definitions, trees: &trees.of(version) };
        let floor = ["--floor", if version == 20 { "20" } else { "10" }];
        publication.release(&world().programs, input, &floor).expect("it starts").success().expect("published");
        if version == 10 {
            machine.succeeds(["os-install", "--url", &url, "--trust", &trust]);
        }
    }
    machine.succeeds(["update"]);
    machine.refuses(4, ["update", "--version", "10"]);
    let file = directory.path().join("below.tar");
    machine.refuses(4, ["export", &file.display().to_string(), "--version", "10"]);
    assert!(!file.exists());
    machine.refuses(4, ["rollback"]);
    // The live tree still says what the floor was.
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("removed");
    machine.refuses(4, ["rollback"]);
}

#[test]
fn state_survives_the_loss_of_etc_and_var() {
    let machine = changes().machine(10, &["collection"]);
    for name in ["etc", "var"] {
        fs::create_dir_all(machine.path(name).join("x")).expect("made");
        fs::remove_dir_all(machine.path(name)).expect("removed");
    }
    let bundles = machine.succeeds(["info"]).result["bundles"].clone();
    let explicit = |name: &str| {
        let bundle = bundles.as_array().expect("a list").iter().find(|bundle| bundle["name"] == name);
        bundle.expect("installed")["explicit"].clone()
    };
    assert_eq!((explicit("collection"), explicit("shared-one")), (json!(true), json!(false)));
    machine.succeeds(["update"]);
    changes().assert_holds(&machine, 20, &["collection"]);
}

#[test]
fn an_update_over_every_release_begins_at_the_floor() {
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let (url, trust) = (publication.path.display().to_string(), publication.trust().display().to_string());
    let machine = Machine::empty();
    for (version, like, floor) in [(10, 10, "10"), (15, 10, "10"), (20, 20, "10"), (30, 20, "20")] {
        let trees = &world().trees;
        let input = xtask::publication::Input { version, definitions: &trees.definitions, trees: &trees.of(like) };
        let released = publication.release(&world().programs, input, &["--floor", floor]).expect("it starts");
        released.success().expect("published");
        if version == 10 {
            machine.succeeds(["os-install", "--url", &url, "--trust", &trust]);
        }
    }
    machine.succeeds(["update", "--incremental"]);
    machine.assert_holds(20, &[]);
    let history = machine.succeeds(["history"]).result["transitions"].clone();
    let steps = history.as_array().expect("a list").iter().skip(1).map(|entry| json!([entry["from"], entry["to"]]));
    assert_eq!(steps.collect::<serde_json::Value>(), json!([[10, 20], [20, 30]]));
}
