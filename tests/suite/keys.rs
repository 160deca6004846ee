//! `stateless-publish keys`: metadata that is signed again in time, and keys that are replaced.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use stateless_update::publish::{Levels, ReleaseRequest};
use stateless_update::report::Silent;
use stateless_update::site::Owners;
use stateless_update::types::Version;
use xtask::programs::Outcome;
use xtask::publication::Publication;

use crate::machine::{Machine, checked, warned};
use crate::world::{copy, release, world};

/// Runs a command of the publisher on a publication, with these keys.
fn publish(command: &[&str], publication: &Publication, keys: &Path, options: &[&str]) -> Outcome {
    let [site, keys] = [&publication.path, keys].map(|path: &Path| path.to_str().expect("UTF-8"));
    let place = [site, "--keys", keys, "--json"];
    let words = command.iter().chain(&place).chain(options);
    let output = world().programs.publish(words, publication.epoch).expect("it starts");
    checked(Outcome::of(output).expect("the contract of --json is kept"))
}

#[test]
fn keys_are_replaced() {
    let directory = world().directory();
    let mut publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    release(&world().programs, &publication, &world().trees, 10);
    let server = world().programs.serve(&publication.path).expect("a server");
    let machine = Machine::empty();
    let trust = publication.trust();
    let trust = trust.to_str().expect("UTF-8");
    machine.succeeds(["os-install", "--url", &server.url, "--trust", trust]);

    let (old, new) = (publication.keys.clone(), directory.path().join("new"));
    let new_path = new.to_str().expect("UTF-8");
    let rotate = ["keys", "rotate"];
    let inside = publication.path.join("keys");
    let refused = publish(&rotate, &publication, &old, &["--new-keys", inside.to_str().expect("UTF-8")]);
    assert_eq!((refused.code, inside.exists()), (2, false), "{}", refused.told());
    let begun = Publication { path: directory.path().join("begun"), ..publication.clone() };
    copy(&publication.path, &begun.path);
    let rotated = publish(&rotate, &publication, &old, &["--new-keys", new_path]).success().expect("rotated");
    assert_eq!((rotated.result["keys"].as_str(), &rotated.result["keys_reused"]), (Some(new_path), &false.into()));
    let signed = serde_json::json!(["root", "targets", "snapshot", "timestamp", "root"]);
    assert_eq!((&rotated.result["signed"], &rotated.result["ends_first"]), (&signed, &"timestamp".into()));
    // Cut off before its last document: whoever works with the publication is told, and it is gone on with.
    let last = publication.path.join("metadata/3.root.json");
    let whole = fs::read(&last).expect("there");
    fs::remove_file(&last).expect("removed");
    let unfinished = "`stateless-publish keys rotate`";
    let renewed = publish(&["keys", "refresh"], &publication, &new, &["--what", "root"]);
    assert_eq!((renewed.code, renewed.told().contains("keys rotate")), (2, true), "{}", renewed.told());
    let refreshed = publish(&["keys", "refresh"], &publication, &new, &[]).success().expect("the timestamp");
    let site = publication.path.to_str().expect("UTF-8");
    let check = || world().programs.publish(["check", site, "--json"], None).and_then(Outcome::of).expect("it starts");
    let checked = check().success().expect("clients take it");
    assert!(warned(&refreshed, unfinished) && warned(&checked, unfinished), "{:?}", refreshed.events);
    let ended = publish(&rotate, &publication, &old, &["--new-keys", new_path]).success().expect("gone on with");
    assert_eq!(ended.result["signed"], serde_json::json!(["root"]));
    assert_eq!(fs::read(&last).expect("there").len(), whole.len());
    assert!(!warned(&ended, unfinished) && !warned(&check(), unfinished), "{:?}", ended.events);
    // The tree is of before the rotation, and what the machine has seen since counts.
    let twin = machine.twin();
    assert_eq!(twin.client(["check-update"]).code, 1, "nothing is newer");
    assert_eq!(twin.succeeds(["info"]).result["trust_root"], 3);
    // One origin cannot give the next root, the other has no metadata: that is the network's doing, and no forgery.
    let [silent, bare] = ["silent", "bare"].map(|name| directory.path().join(name));
    copy(&publication.path, &silent);
    copy(&publication.path, &bare);
    fs::remove_file(silent.join("metadata/2.root.json")).expect("removed");
    fs::create_dir(silent.join("metadata/2.root.json")).expect("made");
    fs::remove_dir_all(bare.join("metadata")).expect("removed");
    let origins = [&silent, &bare].map(|path| path.to_str().expect("UTF-8"));
    let refused = machine.twin().refuses(3, ["update", "--url", origins[0], "--url", origins[1], "-r", "0"]);
    assert!(warned(&refused, "is refused") && refused.told().contains("2.root.json"), "{}", refused.told());
    let again = publish(&rotate, &publication, &old, &["--new-keys", new_path]).success().expect("nothing to do");
    assert_eq!((&again.result["keys_reused"], &again.result["signed"]), (&true.into(), &serde_json::json!([])));

    // The old keys are of no use, and whoever still has them in a script is told which those are.
    let definitions = world().trees.definitions.to_str().expect("UTF-8");
    let trees = world().trees.of(20);
    let input = ["--version", "20", "--definitions", definitions, "--trees", trees.to_str().expect("UTF-8")];
    for (command, options) in [(&["release"][..], &input[..]), (&["keys", "refresh"], &[])] {
        let refused = publish(command, &publication, &old, options);
        assert_eq!(refused.code, 2, "{command:?}: {}", refused.told());
        assert!(refused.told().contains(old.to_str().expect("UTF-8")), "{}", refused.told());
    }
    assert!(!publication.path.join("packs/10-20").exists(), "refused before the work was done");
    // Cut off after its first document, and gone on with as if it was done: it is not the keys that are wrong.
    let between = "metadata/2.root.json";
    fs::copy(publication.path.join(between), begun.path.join(between)).expect("copied");
    for (command, options) in [(&["release"][..], &input[..]), (&["keys", "refresh"], &[])] {
        let refused = publish(command, &begun, &new, options);
        let wanted = ["begun and is not at its end", "do not sign the", "`keys rotate` with the same"];
        let told = wanted.iter().all(|words| refused.told().contains(words));
        assert_eq!((refused.code, told), (2, true), "{command:?}: {}", refused.told());
    }
    publication.keys = new;
    publish(&["keys", "refresh"], &publication, &publication.keys, &[]).success().expect("refreshed");
    release(&world().programs, &publication, &world().trees, 20);
    machine.succeeds(["update"]);
    machine.assert_holds(20, &[]);
    let anew = Machine::empty();
    anew.succeeds(["os-install", "--url", &server.url, "--trust", trust]);
    anew.assert_holds(20, &[]);
    let checked = check();
    assert_eq!((checked.code, checked.number("releases")), (0, 2), "{}", checked.told());
    assert_eq!(checked.result["unreferenced"], serde_json::json!([]));
}

/// `trust/` was removed, as is advised to whoever cannot go on otherwise: a rollback brings back a tree with an older root.
#[test]
fn a_machine_that_forgot_what_it_saw_goes_back_over_a_rotation() {
    let directory = world().directory();
    let mut publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    release(&world().programs, &publication, &world().trees, 10);
    let machine = Machine::empty();
    let [site, trust] = [publication.path.clone(), publication.trust()].map(|path| path.display().to_string());
    machine.succeeds(["os-install", "--url", &site, "--trust", &trust]);
    let new = directory.path().join("new");
    let options = ["--new-keys", new.to_str().expect("UTF-8")];
    publish(&["keys", "rotate"], &publication, &publication.keys, &options).success().expect("rotated");
    publication.keys = new;
    release(&world().programs, &publication, &world().trees, 20);
    machine.succeeds(["update"]);
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("removed");
    machine.succeeds(["update", "--dry-run"]);
    assert_eq!(machine.client(["check-update"]).code, 1, "nothing is newer");
    machine.succeeds(["rollback"]);
    machine.succeeds(["check-update"]);
    // Forgotten once more, it is the live tree that has the older root.
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("removed");
    machine.succeeds(["check-update"]);
    machine.succeeds(["update"]);
    machine.assert_holds(20, &[]);
    // Damage to the kept tree's root is no reason not to look.
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("removed");
    fs::write(machine.path(".stateless-update/previous/share/stateless-update/root.json"), "{}").expect("written");
    assert_eq!(machine.client(["check-update"]).code, 1, "nothing is newer");
}

/// A publication without a release for four weeks, whose timestamp is signed again all the while.
#[test]
fn a_refresh_tells_what_ends_first() {
    let day = 24 * 60 * 60;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let signed = |outcome: &Outcome| outcome.result["signed"].to_string();
    for (age, code, first) in [(1, 0, "timestamp"), (27, 0, "snapshot"), (29, 4, "snapshot"), (190, 4, "snapshot")] {
        let directory = world().directory();
        let begun = Publication::init(&world().programs, directory.path(), Some(now - age * day)).expect("made");
        let publication = Publication { epoch: None, ..begun };
        let refresh = |options: &[&str]| publish(&["keys", "refresh"], &publication, &publication.keys, options);
        let alone = refresh(&["--what", "timestamp"]);
        assert_eq!((alone.code, &alone.result["ends_first"]), (code, &first.into()), "{age}: {}", alone.told());
        assert_eq!(signed(&alone), r#"["timestamp"]"#);
        let is_the_timestamps_end = alone.result["good_until"] == alone.result["timestamp_ends"];
        assert_eq!(is_the_timestamps_end, first == "timestamp", "{age}");
        let command = if age > 183 { "--what targets" } else { "--what snapshot" };
        assert_eq!(warned(&alone, command), first == "snapshot", "{age}: {:?}", alone.events);

        let targets_key = publication.keys.join("targets.pem");
        let offline = directory.path().join("targets.pem");
        fs::rename(&targets_key, &offline).expect("taken offline");
        let due = refresh(&[]);
        assert_eq!((due.code, signed(&due).as_str()), (code, r#"["timestamp"]"#), "{age}: {}", due.told());
        assert_eq!(warned(&due, command), first == "snapshot", "{age}: {:?}", due.events);
        fs::rename(&offline, &targets_key).expect("back");
        let due = refresh(&[]).success().expect("everything is there");
        let wanted = match age {
            1 => r#"["timestamp"]"#,
            190 => r#"["targets","snapshot","timestamp"]"#,
            _ => r#"["snapshot","timestamp"]"#,
        };
        assert_eq!((signed(&due).as_str(), &due.result["ends_first"]), (wanted, &"timestamp".into()), "{age}");
        assert!(!due.events.iter().any(|event| event["event"] == "warning"), "{age}: {:?}", due.events);
    }
}

/// Nobody signs at a time that is far ahead any more; where somebody did, whoever works with the publication is told.
#[test]
fn a_release_that_is_dated_far_ahead_is_told() {
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    release(&world().programs, &publication, &world().trees, 10);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let ahead = |days: u64| Publication { epoch: Some(now + days * 24 * 60 * 60), ..publication.clone() };
    let refused = publish(&["keys", "refresh"], &ahead(2), &publication.keys, &[]);
    assert_eq!((refused.code, refused.told().contains("SOURCE_DATE_EPOCH")), (2, true), "{}", refused.told());

    // As a publisher whose clock is wrong does it: the library goes by no clock.
    let later = i64::try_from(now).expect("a time") + 400 * 24 * 60 * 60;
    let request = ReleaseRequest {
        site: publication.path.clone(),
        keys: publication.keys.clone(),
        version: Version::new(20).expect("a version"),
        definitions: world().trees.definitions.clone(),
        trees: world().trees.of(20),
        owners: Owners::of_this_process(),
        deltas: 0,
        floor: None,
        levels: Levels { objects: 1, from_nothing: 1, steps: 1 },
        published: later,
        latest_mtime: None,
    };
    stateless_update::publish::release(&request, &Silent).expect("published");
    let new = directory.path().join("new");
    let new = new.to_str().expect("UTF-8");
    let why = "published after the metadata that names it ends";
    let rotated = publish(&["keys", "rotate"], &publication, &publication.keys, &["--new-keys", new]);
    assert_eq!((rotated.code, warned(&rotated, why)), (4, true), "{}", rotated.told());
    let site = publication.path.to_str().expect("UTF-8");
    let checked = world().programs.publish(["check", site, "--json"], None).and_then(Outcome::of).expect("it starts");
    assert_eq!((checked.code, checked.result["findings"].to_string().contains(why)), (4, true), "{}", checked.told());
    let machine = Machine::empty();
    let trust = publication.trust();
    let refused = machine.client(["os-install", "--url", site, "--trust", trust.to_str().expect("UTF-8")]);
    assert_eq!((refused.code, refused.told().contains(why)), (4, true), "{}", refused.told());
}

/// Whoever signs with one key alone, in time, and forgets the root for two years: known before anything is made.
#[test]
fn no_release_is_made_that_clients_would_refuse() {
    let directory = world().directory();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let begun = Publication::init(&world().programs, directory.path(), Some(now - 731 * 24 * 60 * 60)).expect("made");
    let publication = Publication { epoch: None, ..begun };
    let (definitions, trees) = (world().trees.definitions.display().to_string(), world().trees.of(10));
    let trees = trees.display().to_string();
    let release = |publication: &Publication| {
        let input = ["--version", "10", "--definitions", &definitions, "--trees", &trees, "--level", "1"];
        publish(&["release"], publication, &publication.keys, &input)
    };
    let refresh = |what| publish(&["keys", "refresh"], &publication, &publication.keys, &["--what", what]);
    assert_eq!(refresh("targets").code, 4);
    let refused = release(&publication);
    let told =
        ["the root metadata expired", "`keys refresh --what root`"].iter().all(|word| refused.told().contains(word));
    assert_eq!((refused.code, told), (2, true), "{}", refused.told());
    assert!(!publication.path.join("objects").exists(), "refused before the work was done");
    refresh("root").success().expect("renewed");
    let refused = release(&Publication { epoch: Some(now - 24 * 60 * 60), ..publication.clone() });
    let told =
        ["was last signed at", "SOURCE_DATE_EPOCH", "wait until"].iter().all(|word| refused.told().contains(word));
    assert_eq!((refused.code, told), (2, true), "{}", refused.told());
    release(&publication).success().expect("published");
}
