//! `os-install`: a machine out of nothing.

use std::fs;

use serde_json::Value;
use xtask::publication::Publication;

use crate::machine::{Machine, error, figures};
use crate::world::{NOWHERE, copy, release, world};

#[test]
fn installs_what_was_published() {
    for (release, bundles) in [(10, &[][..]), (20, &["openstack-compute"]), (20, &["web-server", "editors"])] {
        let machine = Machine::empty();
        let outcome = machine.install(&world().server.url, release, bundles).success().expect("installed");
        machine.assert_holds(release, bundles);
        assert_eq!((&outcome.result["from"], &outcome.result["to"]), (&Value::Null, &Value::from(release)));
        assert_eq!(outcome.result["changed"], true);
        for field in ["files_added", "download_bytes", "requests", "disk_peak_bytes"] {
            assert!(outcome.number(field) > 0, "{field}: {}", outcome.told());
        }
    }
}

#[test]
fn installs_the_newest_release_unless_told() {
    let machine = Machine::empty();
    let trust = world().publication.trust();
    let trust = trust.to_str().expect("UTF-8");
    machine.succeeds(["os-install", "--url", &world().server.url, "--trust", trust]);
    machine.assert_holds(20, &[]);
}

#[test]
fn tells_what_is_installed() {
    let machine = Machine::installed(20, &["openstack-compute"]);
    let info = machine.succeeds(["info"]).result;
    assert_eq!(info["version"], 20);
    let explicit = |name: &str| {
        let bundles = info["bundles"].as_array().expect("a list");
        bundles.iter().find(|bundle| bundle["name"] == name).map(|bundle| bundle["explicit"] == true)
    };
    assert_eq!(explicit("openstack-compute"), Some(true));
    assert_eq!(explicit("python3-basic"), Some(false));
    assert_eq!(explicit("web-server"), None);
    assert!(info["origin"].to_string().contains(world().server.url.trim_end_matches('/')), "{info}");
}

#[test]
fn the_record_in_the_tree_fits_its_schema() {
    let machine = Machine::installed(20, &["editors"]);
    let record = fs::read_to_string(machine.path("usr/share/stateless-update/installed.json")).expect("a record");
    let record: Value = serde_json::from_str(&record).expect("JSON");
    world().schemas.check("installed", &record).expect("it fits");
    assert_eq!(record["release"]["version"], 20);
}

#[test]
fn a_root_that_is_not_empty_is_refused() {
    let machine = Machine::installed(10, &[]);
    let trust = world().publication.trust();
    let arguments = ["os-install", "--url", &world().server.url, "--trust", trust.to_str().expect("UTF-8")];
    machine.refuses(2, arguments);

    let foreign = Machine::empty();
    fs::create_dir_all(foreign.path("usr/bin")).expect("directories");
    fs::write(foreign.path("usr/bin/mine"), "mine").expect("written");
    foreign.refuses(2, arguments);
}

#[test]
fn a_dry_run_leaves_nothing_and_tells_what_the_run_takes() {
    let machine = Machine::empty();
    fs::remove_dir(&machine.root).expect("removed");
    let above = machine.root.parent().expect("a directory").to_owned();
    let trust = world().publication.trust().display().to_string();
    let arguments = ["os-install", "--url", &world().server.url, "--trust", &trust, "--bundle", "editors"];
    let ahead = machine.client(arguments.iter().chain(&["--dry-run"])).success().expect("told");
    assert_eq!(fs::read_dir(&above).expect("listed").count(), 0, "no root, and nothing beside it");
    let done = machine.succeeds(arguments);
    assert_eq!(figures(&ahead), figures(&done));
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn a_first_root_that_is_none_is_named() {
    let machine = Machine::empty();
    let file = world().trees.definitions.join("os-core.toml").display().to_string();
    let refused = machine.refuses(4, ["os-install", "--url", &world().server.url, "--trust", &file]);
    assert!(refused.told().contains("os-core.toml, which --trust names"), "{}", refused.told());
}

#[test]
fn nothing_is_installed_without_an_origin() {
    let machine = Machine::empty();
    let outcome = machine.install(NOWHERE, 10, &[]);
    assert_eq!(outcome.code, 3, "{}", outcome.told());
    assert!(!machine.path("usr").exists());
}

#[test]
fn what_a_failed_install_saw_binds_no_install_of_another_publication() {
    let directory = world().directory();
    let incomplete = directory.path().join("incomplete");
    copy(&world().publication.path, &incomplete);
    for contents in ["objects", "packs"] {
        fs::remove_dir_all(incomplete.join(contents)).expect("removed");
    }
    let machine = Machine::empty();
    assert_eq!(
        machine.install(&incomplete.display().to_string(), 20, &[]).code,
        3,
        "it was looked at, and lacks content"
    );
    // The same publication as it was before, which was seen to be past.
    let older = machine.install(&world().server_before.url, 10, &[]);
    assert_eq!(older.code, 4, "{}", older.told());

    let another = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    release(&world().programs, &another, &world().trees, 10);
    let (url, trust) = (another.path.display().to_string(), another.trust().display().to_string());
    machine.succeeds(["os-install", "--url", &url, "--trust", &trust]);
    machine.assert_holds(10, &[]);

    // Where a system is installed, only its owner forgets; the hint says how.
    let trust = world().publication.trust().display().to_string();
    let refused = machine.refuses(4, ["update", "--url", &world().server.url, "--trust", &trust]);
    let hint = error(&refused).expect("an error")["hint"].as_str().expect("a hint").to_owned();
    assert!(hint.contains(" .stateless-update/trust beneath --root"), "{hint}");
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("removed");
    machine.succeeds(["update", "--url", &world().server.url, "--trust", &trust]);
    machine.assert_holds(20, &[]);
}
