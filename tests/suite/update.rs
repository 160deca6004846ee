//! `update` and `check-update`: the machine moves as a whole.

use std::fs;
use std::path::Path;

use serde_json::json;
use xtask::judge::Tree;

use crate::machine::{Machine, figures, overwrite_in_place, replace, warned};
use crate::world::{copy, world};

#[test]
fn moves_to_the_newest_release() {
    for bundles in [&[][..], &["openstack-compute", "editors"], &["web-server"]] {
        let machine = Machine::installed(10, bundles);
        let result = machine.succeeds(["update"]).result;
        machine.assert_holds(20, bundles);
        assert_eq!((&result["from"], &result["to"], &result["changed"]), (&10.into(), &20.into(), &true.into()));
        for field in ["files_added", "files_changed", "files_removed"] {
            assert!(result[field].as_u64() > Some(0), "{field}: {result}");
        }
    }
}

#[test]
fn a_step_costs_less_than_its_files() {
    let machine = Machine::installed(10, &["openstack-compute"]);
    let update = machine.succeeds(["update"]);
    let whole = world().trees.expected(20, &["openstack-compute"]).expect("trees").bytes();
    let (bytes, requests) = (update.number("download_bytes"), update.number("requests"));
    assert!(bytes < whole / 4, "{bytes} bytes for a tree of {whole}");
    assert!(requests <= 20, "{requests} requests");
}

/// Bad sectors of a medium, or rights that one file lacks: all else is read from it.
#[test]
fn a_pack_that_cannot_be_read_is_gone_around() {
    let directory = world().directory();
    let copied = directory.path().join("publication");
    copy(&world().publication.path, &copied);
    let pack = copied.join("packs/10-20/all");
    assert!(pack.is_file());
    fs::remove_file(&pack).expect("removed");
    fs::create_dir(&pack).expect("made");
    let machine = Machine::installed(10, &["editors"]);
    let update = machine.succeeds(["update", "--url", &copied.display().to_string()]);
    assert!(warned(&update, "packs/10-20/all is not used"), "{:?}", update.events);
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn a_release_document_comes_as_a_delta_and_whole_where_that_is_bad() {
    let directory = world().directory();
    let publication = directory.path().join("publication");
    copy(&world().publication.path, &publication);
    let server = world().programs.serve(&publication).expect("a server");
    // From the publication before release 20: a machine that has seen its document would not ask for it.
    let machine = Machine::empty();
    machine.install(&world().server_before.url, 10, &["editors"]).success().expect("installed");
    let update = |what: &str| {
        let twin = machine.twin();
        let outcome = twin.client(["update", "--url", &server.url]);
        let outcome = outcome.success().unwrap_or_else(|error| panic!("{what}: {error:#}"));
        twin.assert_holds(20, &["editors"]);
        (outcome.number("download_bytes"), outcome.number("requests"))
    };
    let files = || fs::read_dir(publication.join("releases")).expect("listed").map(|file| file.expect("a file").path());
    let delta = files().find(|path| path.to_string_lossy().ends_with(".20.from-10")).expect("a delta");
    let whole = files().find(|path| path.to_string_lossy().ends_with(".20.json")).expect("a document");
    let whole = fs::metadata(whole).expect("a document").len();
    let good = fs::read(&delta).expect("a delta");
    let (bytes, requests) = update("as published");
    let bad = b"not a frame at all";
    fs::write(&delta, bad).expect("written");
    let damaged = (bytes - good.len() as u64 + bad.len() as u64 + whole, requests + 1);
    assert_eq!(update("damaged"), damaged);
    fs::remove_file(&delta).expect("removed");
    assert_eq!(update("missing").1, requests + 1);
}

#[test]
fn moves_to_a_given_release_and_back() {
    let machine = Machine::installed(20, &["editors"]);
    machine.succeeds(["update", "--version", "10"]);
    machine.assert_holds(10, &["editors"]);
    machine.succeeds(["update", "--version", "20"]);
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn a_second_update_does_next_to_nothing() {
    let machine = Machine::installed(10, &["editors"]);
    machine.succeeds(["update"]);
    let before = machine.usr();
    let again = machine.succeeds(["update"]);
    assert_eq!(again.result["changed"], false);
    assert!(again.number("download_bytes") <= 8192 && again.number("requests") <= 4, "{}", again.told());
    let third = machine.succeeds(["update"]);
    assert_eq!(third.number("requests"), 1, "nothing changed since the last look: {}", third.told());
    assert_eq!(before, machine.usr());
}

#[test]
fn tells_whether_there_is_something_newer() {
    let machine = Machine::installed(10, &[]);
    let look = machine.client(["check-update"]);
    assert_eq!(look.code, 0, "{}", look.told());
    let fields = ["current", "latest", "available"].map(|name| &look.result[name]);
    assert_eq!(fields, [&json!(10), &json!(20), &json!(true)]);
    let update = machine.succeeds(["update"]);
    let (foretold, came) = (look.number("download_bytes"), update.number("download_bytes"));
    assert!(foretold > 0 && foretold <= came, "{foretold} foretold, {came} came");
    let look = machine.client(["check-update"]);
    assert_eq!((look.code, &look.result["available"]), (1, &false.into()), "{}", look.told());
}

#[test]
fn a_dry_run_foretells_every_figure_and_changes_nothing() {
    let machine = Machine::installed(10, &["openstack-compute"]);
    replace(&machine.path("usr/bin/hello"));
    fs::remove_file(machine.path("usr/bin/qemu-system")).expect("removed");
    for (command, release, bundles) in [
        (&["repair"][..], 10, &["openstack-compute"][..]),
        (&["bundle-add", "editors"], 10, &["openstack-compute", "editors"]),
        (&["update"], 20, &["openstack-compute", "editors"]),
        (&["bundle-remove", "openstack-compute"], 20, &["editors"]),
        (&["rollback"], 20, &["openstack-compute", "editors"]),
    ] {
        let before = machine.usr();
        let dry = machine.client(command.iter().chain(&["--dry-run"])).success().expect("dry run");
        assert_eq!(dry.result["dry_run"], true, "{command:?}");
        assert_eq!(before, machine.usr(), "{command:?} --dry-run changed the tree");
        let real = machine.client(command).success().expect("real run");
        assert_eq!(figures(&dry), figures(&real), "{command:?}");
        machine.assert_holds(release, bundles);
    }
}

#[test]
fn the_tree_is_the_release_afterwards_whatever_was_done_to_it() {
    let machine = Machine::installed(10, &["editors"]);
    overwrite_in_place(&machine.path("usr/bin/ed"));
    replace(&machine.path("usr/lib/os-release"));
    fs::remove_file(machine.path("usr/bin/su")).expect("removed");
    fs::remove_dir_all(machine.path("usr/share/zoneinfo")).expect("removed");
    machine.succeeds(["update"]);
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn what_belongs_to_the_administrator_is_carried() {
    let machine = Machine::installed(10, &[]);
    for path in ["usr/local/bin/mine", "usr/src/mine.c"] {
        fs::create_dir_all(machine.path(path).parent().expect("a parent")).expect("directories");
        fs::write(machine.path(path), "mine").expect("written");
    }
    machine.succeeds(["update"]);
    for path in ["usr/local/bin/mine", "usr/src/mine.c"] {
        assert_eq!(fs::read_to_string(machine.path(path)).expect("carried"), "mine");
    }
    let tree = Tree::of_machine(&machine.root).expect("tree");
    assert!(tree.nodes().contains_key(Path::new("usr/bin/wait-online")));
}

#[test]
fn nothing_beside_usr_is_touched() {
    let machine = Machine::installed(10, &[]);
    for path in ["etc/ssh/sshd_config", "var/lib/data", "home/someone/letter"] {
        fs::create_dir_all(machine.path(path).parent().expect("a parent")).expect("directories");
        fs::write(machine.path(path), "theirs").expect("written");
    }
    let beside = || ["etc", "var", "home"].map(|name| Tree::read(&machine.path(name)).expect("tree"));
    let before = beside();
    machine.succeeds(["update"]);
    assert_eq!(before, beside());
}

#[test]
fn progress_is_told_and_never_falls() {
    let machine = Machine::installed(10, &["openstack-compute"]);
    let events = machine.succeeds(["update"]).events;
    let mut last = std::collections::BTreeMap::new();
    for event in events.iter().filter(|event| event["event"] == "progress") {
        let (done, total) = (event["done"].as_u64(), event["total"].as_u64());
        assert!(done <= total, "{event}");
        let before = last.insert(event["step"].to_string(), done);
        assert!(before.is_none_or(|before| before <= done), "{event}");
    }
    assert!(last.contains_key("\"download\""), "{last:?}");
    assert_eq!(events.first().expect("events")["event"], "start");
}

#[test]
fn many_decoders_leave_threads_for_the_rest() {
    let machine = Machine::installed(10, &["openstack-compute"]);
    // Files of a directory are read by threads of the same pool.
    let url = world().publication.path.display().to_string();
    machine.succeeds(["update", "--jobs", "600", "--url", &url]);
    machine.assert_holds(20, &["openstack-compute"]);
}
