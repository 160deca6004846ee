//! Damage to what the trees say of themselves: a machine moves on from it, or says so before it changes anything.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use stateless_update::client::{self, Mode, UpdateRequest};
use stateless_update::report::{Checkpoint, Event, Reporter};
use xtask::judge::Tree;

use crate::library::{self, UPDATE, settings};
use crate::machine::{Machine, assert_equal, error, overwrite_in_place, warned};
use crate::world::{NOWHERE, world};

const BUNDLES: &[&str] = &["openstack-compute"];

/// A machine at release 10 that keeps 20 and has 20 staged once more.
fn with_three_trees() -> Machine {
    let machine = Machine::installed(10, BUNDLES);
    machine.succeeds(["update"]);
    machine.succeeds(["update", "--version", "10"]);
    machine.succeeds(["update", "--download"]);
    machine
}

fn record(machine: &Machine, tree: &str) -> PathBuf {
    machine.path(".stateless-update").join(tree).join("share/stateless-update/installed.json")
}

/// A machine that has never been updated has no tree to go back to.
#[test]
fn a_torn_live_record_of_a_fresh_install_is_made_anew_as_the_hint_says() {
    let machine = Machine::installed(10, BUNDLES);
    let live = machine.path("usr/share/stateless-update/installed.json");
    fs::write(&live, "").expect("written");
    let told = machine.refuses(5, ["update"]).told();
    assert!(told.contains("if not, make usr anew by `os-install`"), "{told}");
    assert!(!machine.path(".stateless-update/previous").exists());
    let (usr, damaged) = (machine.path("usr"), machine.path("usr.damaged"));
    fs::create_dir_all(usr.join("local/bin")).expect("made");
    fs::write(usr.join("local/bin/mine"), "mine").expect("written");
    fs::rename(&usr, &damaged).expect("moved");
    machine.install(&world().server.url, 10, BUNDLES).success().expect("installed anew");
    fs::rename(damaged.join("local"), usr.join("local")).expect("moved");
    machine.succeeds(["update"]);
    assert_eq!(fs::read_to_string(usr.join("local/bin/mine")).expect("it is there"), "mine");
    machine.succeeds(["diagnose"]);
}

#[test]
fn a_torn_record_beside_the_live_tree_keeps_nothing_from_moving_on() {
    let sound = with_three_trees();
    let commands: &[(&[&str], u32, &[&str])] = &[
        (&["status"], 10, BUNDLES),
        (&["info"], 10, BUNDLES),
        (&["diagnose"], 10, BUNDLES),
        (&["update", "--download"], 10, BUNDLES),
        (&["update"], 20, BUNDLES),
        (&["bundle-add", "editors"], 10, &["openstack-compute", "editors"]),
        (&["bundle-remove", "openstack-compute"], 10, &[]),
        (&["repair"], 10, BUNDLES),
        (&["rollback"], 20, BUNDLES),
    ];
    for (tree, torn) in [("next", ""), ("next", "{\"form"), ("previous", ""), ("previous", "\0\0\0\0")] {
        for (command, release, bundles) in commands {
            let machine = sound.twin();
            fs::write(record(&machine, tree), torn).expect("written");
            if command == &["repair"] {
                overwrite_in_place(&machine.path("usr/bin/hello"));
            }
            if (*command, tree) == (&["rollback"], "previous") {
                let refused = machine.refuses(5, ["rollback"]);
                let told = error(&refused).expect("an error").to_string();
                assert!(told.contains("kept release") && told.contains("--version"), "{told}");
            } else {
                machine
                    .client(*command)
                    .success()
                    .unwrap_or_else(|error| panic!("{tree} {torn:?} {command:?}: {error:#}"));
                machine.assert_holds(*release, bundles);
            }
            assert!(!machine.path(".stateless-update/journal").exists(), "{tree} {command:?}");
            machine.succeeds(["bundle-add", "editors"]);
            machine.succeeds(["update"]);
            machine.assert_holds(20, &[*bundles, &["editors"]].concat());
            machine.succeeds(["rollback"]);
        }
    }
}

/// Only a person can say then what the live tree is. What the hint tells him to do works.
#[test]
fn a_torn_record_of_the_live_tree_is_told_with_the_way_out() {
    let machine = with_three_trees();
    let mine = ["usr/local/bin/mine", "usr/src/mine.c"].map(|path| machine.path(path));
    let write = |content: &str| {
        for path in &mine {
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path.with_extension("new"), content).expect("written");
            fs::rename(path.with_extension("new"), path).expect("renamed");
        }
    };
    // What the kept tree has of it is as old as that tree.
    write("old");
    machine.succeeds(["bundle-add", "editors"]);
    write("new");
    let live = machine.path("usr/share/stateless-update/installed.json");
    fs::remove_file(&live).expect("removed");
    fs::write(&live, "").expect("written");
    for command in [&["status"][..], &["update"], &["repair"], &["rollback"]] {
        let outcome = machine.client(command);
        assert_eq!(outcome.code, 5, "{command:?}");
        let told = error(&outcome).expect("an error").to_string();
        assert!(told.contains("usr.damaged/local") && told.contains(".stateless-update/previous"), "{told}");
    }
    let (usr, damaged) = (machine.path("usr"), machine.path("usr.damaged"));
    fs::rename(&usr, &damaged).expect("moved");
    fs::rename(machine.path(".stateless-update/previous"), &usr).expect("moved");
    for place in ["local", "src"] {
        fs::remove_dir_all(usr.join(place)).expect("removed");
        fs::rename(damaged.join(place), usr.join(place)).expect("moved");
    }
    for (command, release) in [("repair", 10), ("update", 20), ("rollback", 10)] {
        machine.succeeds([command]);
        for path in &mine {
            assert_eq!(fs::read_to_string(path).expect("it is there"), "new", "{command}");
        }
        let expected = world().trees.expected(release, BUNDLES).expect("the published trees are read");
        let found = Tree::of_machine(&machine.root).expect("the machine's tree is read");
        assert_equal(&expected, &found.filtered(|path| !path.starts_with("usr/local") && !path.starts_with("usr/src")));
    }
}

/// What befalls the manifests that a tree's record has.
type Harm = fn(&Path);

const HARMS: [Harm; 4] = [
    |manifest| fs::remove_file(manifest).expect("removed"),
    // In place: every tree that shares the inode has it.
    |manifest| fs::write(manifest, "damaged").expect("written"),
    |manifest| {
        fs::remove_file(manifest).expect("removed");
        symlink("elsewhere", manifest).expect("linked");
    },
    |manifest| {
        fs::remove_file(manifest).expect("removed");
        fs::create_dir(manifest).expect("made");
    },
];

fn manifests(machine: &Machine, tree: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(machine.path(tree).join("share/stateless-update/manifests")).expect("listed");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn a_lost_or_damaged_manifest_is_put_right_by_the_next_transition() {
    let sound = Machine::installed(10, BUNDLES);
    let commands: &[(&[&str], u32, &[&str])] = &[
        (&["repair"], 10, BUNDLES),
        (&["update"], 20, BUNDLES),
        (&["bundle-add", "editors"], 10, &["openstack-compute", "editors"]),
        (&["bundle-remove", "openstack-compute"], 10, &[]),
    ];
    for harm in HARMS {
        for (command, release, bundles) in commands {
            let machine = sound.twin();
            manifests(&machine, "usr").iter().for_each(|manifest| harm(manifest));
            let done = machine.client(*command).success().unwrap_or_else(|error| panic!("{command:?}: {error:#}"));
            assert_eq!(done.result["changed"], true, "{command:?}");
            assert!(warned(&done, "manifest"), "{command:?}: {}", done.told());
            machine.assert_holds(*release, bundles);
            let again = machine.succeeds(["repair", "--url", NOWHERE]);
            assert_eq!(again.result["changed"], false, "{command:?}: {}", again.told());
        }
    }
}

#[test]
fn a_rollback_takes_manifests_from_whichever_tree_has_them() {
    let sound = Machine::installed(10, BUNDLES);
    sound.succeeds(["bundle-add", "editors"]);
    let [lost, damaged, ..] = HARMS.map(|harm| {
        let machine = sound.twin();
        manifests(&machine, ".stateless-update/previous").iter().for_each(|manifest| harm(manifest));
        machine
    });
    lost.succeeds(["rollback", "--url", NOWHERE]);
    lost.assert_holds(10, BUNDLES);
    assert_eq!(lost.succeeds(["repair", "--url", NOWHERE]).result["changed"], true);
    assert_eq!(lost.succeeds(["repair", "--url", NOWHERE]).result["changed"], false);

    // No tree has them any more, and a rollback fetches nothing.
    let refused = damaged.refuses(5, ["rollback"]);
    let told = error(&refused).expect("an error").to_string();
    assert!(told.contains("kept release") && !told.contains("mirror"), "{told}");
    damaged.succeeds(["repair"]);
    damaged.succeeds(["rollback", "--url", NOWHERE]);
    damaged.assert_holds(10, BUNDLES);
}

#[test]
fn a_rollback_asks_nobody_for_what_the_live_tree_lost() {
    let sound = Machine::installed(10, BUNDLES);
    sound.succeeds(["update"]);
    for harm in HARMS {
        let machine = sound.twin();
        fs::create_dir(machine.path("usr/local")).expect("made");
        fs::write(machine.path("usr/local/mine"), "mine").expect("written");
        manifests(&machine, "usr").iter().for_each(|manifest| harm(manifest));
        let done = machine.succeeds(["rollback", "--url", NOWHERE]);
        assert!(warned(&done, "manifest of bundle os-core"), "{}", done.told());
        assert_eq!((&done.result["download_bytes"], &done.result["requests"]), (&0.into(), &0.into()));
        assert_eq!(fs::read_to_string(machine.path("usr/local/mine")).expect("carried"), "mine");
    }
}

/// Notes where a run comes by.
#[derive(Default)]
struct Noting(Mutex<Vec<Checkpoint>>);

impl Reporter for Noting {
    fn report(&self, _: Event) {}

    fn passes(&self, checkpoint: Checkpoint) {
        self.0.lock().expect("no thread panics while it notes").push(checkpoint);
    }
}

#[test]
fn what_is_told_to_be_staged_is_on_disk() {
    let machine = Machine::installed(10, BUNDLES);
    let noting = Arc::new(Noting::default());
    let reporter: Arc<dyn Reporter> = noting.clone();
    let request = UpdateRequest { mode: Mode::DownloadOnly, ..UPDATE };
    library::run(client::update(&settings(&machine.root), &request, &reporter)).expect("staged");
    let passed = noting.0.lock().expect("no thread panics while it notes");
    assert_eq!(passed.last(), Some(&Checkpoint::TreesSynced), "{passed:?}");
}
