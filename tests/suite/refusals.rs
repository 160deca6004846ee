//! Runs that must not happen: on a root that is not managed, beside another run, for what does not exist.

use std::fs::{self, File};
use std::process::Command;

use xtask::publication::Publication;

use crate::machine::{Machine, error};
use crate::world::{NOWHERE, world};

#[test]
fn a_root_without_a_record_is_not_managed() {
    let machine = Machine::empty();
    fs::create_dir_all(machine.path("usr/bin")).expect("directories");
    fs::write(machine.path("usr/bin/mine"), "mine").expect("written");
    let url = &world().server.url;
    for arguments in [
        &["update", "--url", url][..],
        &["check-update", "--url", url],
        &["bundle-add", "editors"],
        &["bundle-remove", "editors"],
        &["bundle-list"],
        &["info"],
        &["diagnose"],
        &["repair"],
        &["rollback"],
    ] {
        let outcome = machine.refuses(2, arguments);
        assert_eq!(outcome.result["ok"], false, "{arguments:?}");
        let names: Vec<_> =
            fs::read_dir(&machine.root).expect("listed").map(|entry| entry.expect("entry").file_name()).collect();
        assert_eq!(names, ["usr"], "{arguments:?} left something behind");
    }
}

#[test]
fn a_second_run_at_the_same_time_is_refused() {
    let machine = Machine::installed(10, &[]);
    let lock = File::open(machine.path(".stateless-update/lock")).expect("the lock file");
    lock.try_lock().expect("no run holds it");
    for command in ["update", "repair", "rollback"] {
        machine.refuses(6, [command]);
    }
    machine.refuses(6, ["bundle-add", "editors"]);
    lock.unlock().expect("unlocked");
    machine.succeeds(["update"]);
    machine.assert_holds(20, &[]);
}

#[test]
fn a_release_that_does_not_exist_is_told() {
    let machine = Machine::installed(10, &[]);
    let outcome = machine.refuses(3, ["update", "--version", "15"]);
    let told = error(&outcome).expect("an error").to_string();
    assert!(told.contains("15") && told.contains("none for the newest"), "{told}");
    let empty = Machine::empty();
    assert_eq!(empty.install(&world().server.url, 15, &[]).code, 3);
    assert!(!empty.path("usr").exists());
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let [url, trust] = [publication.path.clone(), publication.trust()].map(|path| path.display().to_string());
    let told = empty.refuses(3, ["os-install", "--url", &url, "--trust", &trust]).told();
    assert!(told.contains("no release yet") && told.contains("when its publisher has published one"), "{told}");
}

/// The likeliest reason is a URL that is wrong.
#[test]
fn a_url_that_leads_to_no_publication_is_named() {
    let machine = Machine::installed(10, &[]);
    let directory = world().directory();
    let [nope, empty, tar] = ["nope", "empty", "other.tar"].map(|name| directory.path().join(name));
    fs::create_dir(&empty).expect("made");
    let packed = Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&empty).arg(".").status();
    assert!(packed.is_ok_and(|status| status.success()));
    let [nope, empty, tar] = [nope, empty, tar].map(|path| path.display().to_string());
    let elsewhere = format!("{}elsewhere", world().server.url);
    for url in [&nope, &empty, &elsewhere] {
        let refused = machine.refuses(3, ["update", "--url", url]);
        let error = error(&refused).expect("an error");
        assert!(error["message"].as_str().is_some_and(|told| told.contains(url)), "{error}");
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("check the URL")), "{error}");
    }
    let other = machine.client(["update", "--url", &tar]);
    assert!([3, 4].contains(&other.code) && other.told().contains(&tar), "{}", other.told());
    // One that did not answer may have what the other lacks.
    let refused = machine.refuses(3, ["update", "--url", NOWHERE, "--url", &elsewhere, "--max-retries", "0"]);
    let told = refused.told();
    assert!([NOWHERE, &elsewhere, "refused"].iter().all(|part| told.contains(part)), "{told}");
    let refused = machine.refuses(2, ["update", "--url", "nope.tar"]);
    assert!(refused.told().contains("nor the path of something that is there"), "{}", refused.told());
}

#[test]
fn errors_say_what_to_do() {
    let machine = Machine::installed(10, &[]);
    let outcome = machine.refuses(3, ["update", "--url", NOWHERE, "--max-retries", "0"]);
    let error = error(&outcome).expect("an error");
    assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
