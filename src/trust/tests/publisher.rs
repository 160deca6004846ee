//! Keys and signing.

use std::os::unix::fs::PermissionsExt;

use super::super::keys::UNFINISHED;
use super::*;

fn paths(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| document.path.as_str()).collect()
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let root_keys = RootKeys::new(3, 2).expect("possible");
    let world = World::with_root_keys(root_keys);
    let lifetimes = Lifetimes::default();
    let again = || initialize(&world.keys, root_keys, &lifetimes, at(NOW)).expect("signed");
    let newest = NewestRelease::new(version(10), reference("release 10"));
    let release = || sign_release(&world.current(), &world.keys, &newest, &lifetimes, at(NOW)).expect("signed");
    let new = KeyDirectory::generate(world.home.path().join("new"), root_keys).expect("keys");
    let rotated = || rotate(&world.current(), &world.keys, &new, root_keys, &lifetimes, at(NOW)).expect("signed");
    let (first, released, turned) = (again(), release(), rotated());
    // Maps with random order would differ sooner or later.
    for _ in 0..20 {
        assert_eq!((again(), release(), rotated()), (first.clone(), released.clone(), turned.clone()));
    }
    let later = initialize(&world.keys, root_keys, &lifetimes, at("2026-03-01T12:00:01Z")).expect("signed");
    assert_ne!(later, first);
    let within = initialize(&world.keys, root_keys, &lifetimes, at("2026-03-01T12:00:00.9Z")).expect("signed");
    assert_eq!(within, first, "whole seconds");
}

#[test]
fn documents_come_in_the_order_of_writing_and_are_small() {
    let root_keys = RootKeys::new(3, 2).expect("possible");
    let mut world = World::with_root_keys(root_keys);
    let lifetimes = Lifetimes::default();
    let first = initialize(&world.keys, root_keys, &lifetimes, at(NOW)).expect("signed");
    let names =
        ["metadata/1.root.json", "metadata/1.targets.json", "metadata/1.snapshot.json", "metadata/timestamp.json"];
    assert_eq!(paths(&first), names);
    let newest = NewestRelease::new(version(4_294_967_295), reference("release"));
    let released = sign_release(&world.current(), &world.keys, &newest, &lifetimes, at(NOW)).expect("signed");
    assert_eq!(paths(&released), ["metadata/2.targets.json", "metadata/2.snapshot.json", "metadata/timestamp.json"]);
    for document in released.iter().chain(&first[1..]) {
        assert!(document.bytes.len() <= 700, "{}: {} bytes", document.path, document.bytes.len());
    }
    assert!(first[0].bytes.len() <= 2_500, "three root keys: {} bytes", first[0].bytes.len());
    world.write(released);
    let new = KeyDirectory::generate(world.home.path().join("new"), RootKeys::ONE).expect("keys");
    let rotated = rotate(&world.current(), &world.keys, &new, RootKeys::ONE, &lifetimes, at(NOW)).expect("signed");
    let names = [
        "metadata/2.root.json",
        "metadata/3.targets.json",
        "metadata/3.snapshot.json",
        "metadata/timestamp.json",
        "metadata/3.root.json",
    ];
    assert_eq!(paths(&rotated), names);
}

#[test]
fn ends_follow_the_lifetimes() {
    let mut world = World::new();
    let ends = world.look().expect("a look").expirations;
    let expected = Expirations {
        root: at("2028-02-29T12:00:00Z"),
        timestamp: at("2026-03-08T12:00:00Z"),
        snapshot: at("2026-03-29T12:00:00Z"),
        targets: at("2026-08-31T12:00:00Z"),
    };
    assert_eq!(ends, expected);
    let lifetimes = Lifetimes::default();
    let later = at("2026-03-07T12:00:00Z");
    for (what, count, moved) in [
        (Resign::From(Role::Timestamp), 1, Expirations { timestamp: at("2026-03-14T12:00:00Z"), ..expected }),
        (
            Resign::From(Role::Snapshot),
            2,
            Expirations { timestamp: at("2026-03-14T12:00:00Z"), snapshot: at("2026-04-04T12:00:00Z"), ..expected },
        ),
        (
            Resign::From(Role::Targets),
            3,
            Expirations {
                timestamp: at("2026-03-14T12:00:00Z"),
                snapshot: at("2026-04-04T12:00:00Z"),
                targets: at("2026-09-06T12:00:00Z"),
                ..expected
            },
        ),
    ] {
        let documents = resign(&world.current(), &world.keys, what, &lifetimes, later).expect("signed");
        assert_eq!(documents.len(), count);
        world.write(documents);
        let look = world.look().expect("a look");
        assert_eq!((look.expirations, look.newest.version, look.now), (moved, version(10), later), "{what:?}");
    }
}

/// The timestamp is signed where no other key is.
#[test]
fn the_timestamp_needs_its_own_key_alone() {
    let mut world = World::new();
    for name in ["root.pem", "targets.pem"] {
        std::fs::remove_file(world.keys.path().join(name)).expect("taken offline");
    }
    let lifetimes = Lifetimes::default();
    let documents =
        resign(&world.current(), &world.keys, Resign::From(Role::Timestamp), &lifetimes, at(NOW)).expect("signed");
    world.write(documents);
    world.look().expect("a look");
    let error =
        resign(&world.current(), &world.keys, Resign::From(Role::Snapshot), &lifetimes, at(NOW)).expect_err("no key");
    assert!(matches!(&error, TrustError::KeyMissing { path } if path.ends_with("targets.pem")), "{error:?}");
    let error = initialize(&world.keys, RootKeys::ONE, &lifetimes, at(NOW)).expect_err("no key");
    assert!(matches!(&error, TrustError::KeyMissing { path } if path.ends_with("root.pem")), "{error:?}");
}

#[test]
fn a_tampered_site_or_foreign_keys_are_not_signed_on() {
    let lifetimes = Lifetimes::default();
    let newest = NewestRelease::new(version(20), reference("release 20"));
    let world = World::new();
    let other = World::new();
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        let mut current = world.current();
        let slot = match role {
            Role::Timestamp => &mut current.timestamp,
            Role::Snapshot => &mut current.snapshot,
            _ => &mut current.targets,
        };
        *slot = other.file(role);
        let error = sign_release(&current, &world.keys, &newest, &lifetimes, at(NOW)).expect_err("foreign");
        assert!(matches!(&error, TrustError::Signature { role: told, .. } if *told == role), "{error:?}");
    }
    let error = sign_release(&world.current(), &other.keys, &newest, &lifetimes, at(NOW)).expect_err("foreign keys");
    let told = matches!(&error, TrustError::CannotSign { keys, role: Role::Targets, threshold: 1, valid: 0 } if *keys == other.keys.path());
    assert!(told, "{error:?}");
    let error = rotate(&world.current(), &other.keys, &other.keys, RootKeys::ONE, &lifetimes, at(NOW))
        .expect_err("foreign keys");
    assert!(matches!(error, TrustError::CannotSign { role: Role::Root, threshold: 1, valid: 0, .. }), "{error:?}");
}

#[test]
fn keys_are_private_and_never_overwritten() {
    let home = TempDir::new().expect("a directory");
    let path = home.path().join("keys");
    let two_of_three = RootKeys::new(3, 2).expect("possible");
    KeyDirectory::generate(&path, two_of_three).expect("keys");
    let mut names: Vec<_> = std::fs::read_dir(&path)
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["root-1.pem", "root-2.pem", "root-3.pem", "targets.pem", "timestamp.pem"]);
    let before: Vec<_> = names.iter().map(|name| std::fs::read(path.join(name)).expect("a key")).collect();
    for name in &names {
        let mode = path.join(name).metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    assert_eq!(path.metadata().expect("there").permissions().mode() & 0o7777, 0o700);
    let error = KeyDirectory::generate(&path, RootKeys::ONE).expect_err("targets.pem is there");
    assert!(matches!(&error, TrustError::KeyExists { path } if path.ends_with("targets.pem")), "{error:?}");
    assert!(!path.join("root.pem").exists(), "nothing was written");
    let after: Vec<_> = names.iter().map(|name| std::fs::read(path.join(name)).expect("a key")).collect();
    assert_eq!(after, before);
}

/// Cut off before each of the keys, amid its writing: what is there stays, and what is missing is made.
#[test]
fn keys_whose_making_was_cut_off_are_made_to_the_end() {
    let home = TempDir::new().expect("a directory");
    let names = ["root.pem", "targets.pem", "timestamp.pem"];
    let content = |path: &std::path::Path| names.map(|name| std::fs::read_to_string(path.join(name)).expect("a key"));
    let whole = home.path().join("whole");
    KeyDirectory::generate(&whole, RootKeys::ONE).expect("keys");
    let made = content(&whole);
    for cut in 0..=names.len() {
        let path = home.path().join(format!("above/cut-{cut}"));
        let unfinished = path.join(UNFINISHED);
        std::fs::create_dir_all(&unfinished).expect("made");
        std::fs::write(unfinished.join(".tmpX"), &made[0][..40]).expect("written");
        for name in &names[..cut] {
            std::fs::copy(whole.join(name), path.join(name)).expect("copied");
        }
        let keys = KeyDirectory::generate(&path, RootKeys::ONE).expect("gone on with");
        assert_eq!(content(&path)[..cut], made[..cut]);
        initialize(&keys, RootKeys::ONE, &Lifetimes::default(), at(NOW)).expect("all keys are usable");
        assert_eq!(std::fs::read_dir(&path).expect("listed").count(), names.len(), "nothing else is left");
        // A key that is missing from then on is kept elsewhere.
        std::fs::remove_file(path.join("root.pem")).expect("taken offline");
        let error = KeyDirectory::generate(&path, RootKeys::ONE).expect_err("the others are there");
        assert!(matches!(error, TrustError::KeyExists { .. }), "{error:?}");
        assert!(!path.join("root.pem").exists());
    }
}

#[test]
fn unusable_keys_are_named() {
    let world = World::new();
    let path = world.keys.path().join("timestamp.pem");
    let good = std::fs::read_to_string(&path).expect("a key");
    let lifetimes = Lifetimes::default();
    let cut = good.replacen("MC4", "", 1);
    for bad in ["", "not a key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", &cut, &good[..40]] {
        std::fs::write(&path, bad).expect("written");
        let error =
            resign(&world.current(), &world.keys, Resign::From(Role::Timestamp), &lifetimes, at(NOW)).expect_err("bad");
        assert!(matches!(&error, TrustError::KeyUnusable { path: told } if *told == path), "{bad:?}: {error:?}");
    }
    std::fs::write(&path, b"\xff\xfe").expect("written");
    let error =
        resign(&world.current(), &world.keys, Resign::From(Role::Timestamp), &lifetimes, at(NOW)).expect_err("bad");
    assert!(matches!(error, TrustError::KeyUnusable { .. }), "{error:?}");
    // As text of other origin: carriage returns and words around it.
    std::fs::write(&path, format!("# my key\r\n{}", good.replace('\n', "\r\n"))).expect("written");
    resign(&world.current(), &world.keys, Resign::From(Role::Timestamp), &lifetimes, at(NOW)).expect("signed");
}

#[test]
fn thresholds_are_possible() {
    for (count, threshold) in [(0, 0), (1, 0), (1, 2), (17, 1)] {
        let error = RootKeys::new(count, threshold).expect_err("impossible");
        assert!(matches!(error, TrustError::Threshold { .. }), "{count}, {threshold}: {error:?}");
    }
    let world = World::with_root_keys(RootKeys::new(3, 2).expect("possible"));
    for number in [2, 3] {
        std::fs::remove_file(world.keys.path().join(format!("root-{number}.pem"))).expect("taken offline");
    }
    let lifetimes = Lifetimes::default();
    let both = RootKeys::new(2, 2).expect("possible");
    let error = initialize(&world.keys, both, &lifetimes, at(NOW)).expect_err("one of two");
    assert!(matches!(error, TrustError::CannotSign { role: Role::Root, threshold: 2, valid: 1, .. }), "{error:?}");
}

#[test]
fn times_out_of_range_are_refused() {
    let world = World::new();
    let lifetimes = Lifetimes::default();
    let last = Timestamp::MAX;
    let error = resign(&world.current(), &world.keys, Resign::From(Role::Timestamp), &lifetimes, last)
        .expect_err("no later time");
    assert!(matches!(error, TrustError::OutOfRange { what: "time" }), "{error:?}");
    let before = at("2026-03-01T11:59:59Z");
    let newest = NewestRelease::new(version(20), reference("release 20"));
    for error in [
        resign(&world.current(), &world.keys, Resign::From(Role::Timestamp), &lifetimes, before),
        sign_release(&world.current(), &world.keys, &newest, &lifetimes, before),
    ] {
        let error = error.expect_err("before the last signing");
        let told = matches!(error, TrustError::TimeWentBack { issued, now } if issued == at(NOW) && now == before);
        assert!(told, "{error:?}");
    }
    let new = KeyDirectory::generate(world.home.path().join("new"), RootKeys::ONE).expect("keys");
    rotate(&world.current(), &world.keys, &new, RootKeys::ONE, &lifetimes, before).expect("rotation heals");
}

/// Clients go by the root: whatever is signed beneath one that has ended, they refuse.
#[test]
fn nothing_is_signed_beneath_a_root_that_has_ended() {
    let mut world = World::new();
    let lifetimes = Lifetimes::default();
    let newest = NewestRelease::new(version(20), reference("release 20"));
    let both = |world: &World, now| {
        let current = world.current();
        let checked = current.check_signing(&world.keys, &lifetimes, now).map(|()| Vec::new());
        [checked, sign_release(&current, &world.keys, &newest, &lifetimes, now)]
    };
    let end = at("2028-02-29T12:00:00Z");
    assert!(both(&world, at("2028-02-29T11:59:59Z")).iter().all(Result::is_ok));
    for refused in both(&world, end) {
        let error = refused.expect_err("the root has ended");
        let told = matches!(error, TrustError::Expired { role: Role::Root, expired_at, now } if expired_at == end && now == end);
        assert!(told, "{error:?}");
    }
    let new = KeyDirectory::generate(world.home.path().join("new"), RootKeys::ONE).expect("keys");
    let rotated = rotate(&world.current(), &world.keys, &new, RootKeys::ONE, &lifetimes, at(NOW)).expect("signed");
    world.write(rotated.into_iter().take(1).collect());
    for refused in both(&world, end) {
        let error = refused.expect_err("the root between has ended");
        assert!(matches!(error, TrustError::Rotating), "{error:?}");
    }
}
