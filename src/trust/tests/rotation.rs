//! Other keys, by documents of which each may be the last for a while.

use super::forge::parse;
use super::*;

/// The keys of a rotation.
struct Rotation {
    old: KeyDirectory,
    new: KeyDirectory,
}

impl Rotation {
    fn of(world: &World) -> Self {
        let new = KeyDirectory::generate(world.home.path().join("new"), RootKeys::ONE).expect("keys");
        Self { old: world.keys.clone(), new }
    }

    /// With the timestamp's key alone being another.
    fn of_the_timestamp(world: &World) -> Self {
        let rotation = Self::of(world);
        for name in ["root.pem", "targets.pem"] {
            std::fs::copy(rotation.old.path().join(name), rotation.new.path().join(name)).expect("copied");
        }
        rotation
    }

    fn left(&self, world: &World) -> Result<Vec<Document>, TrustError> {
        rotate(&published(world)?, &self.old, &self.new, RootKeys::ONE, &Lifetimes::default(), at(NOW))
    }
}

/// What a publisher finds, who passes over what no timestamp names.
fn published(world: &World) -> Result<CurrentMetadata, TrustError> {
    CurrentMetadata::read(|path, _| Ok(world.mirror.files.get(path).cloned()))
}

/// A look by a machine that knows no more than that.
fn look_of(seen: &TrustDirectory, world: &World) -> Look {
    let (_directory, machine) = seen.throwaway_copy().expect("copied");
    let (time, runtime) = (KnownTime::new(at(NOW), at(BUILT)), tokio::runtime::Builder::new_current_thread().build());
    let look = refresh(&machine, &world.first_root, &world.mirror, time, Expiry::Enforced);
    runtime.expect("a runtime").block_on(look).expect("a look")
}

/// Cut off after each document: whoever looks is answered, the other keys sign on, and the rotation goes on to its end.
#[test]
fn a_rotation_has_no_moment_in_which_clients_are_refused() {
    type Keys = fn(&World) -> Rotation;
    for (whose, keys) in [("all", Rotation::of as Keys), ("the timestamp's", Rotation::of_the_timestamp)] {
        // Targets and snapshot that no timestamp names are written again.
        for (cut, still_to_write) in [5, 4, 4, 4, 1, 0].into_iter().enumerate() {
            let told = format!("{whose}, cut off after {cut}");
            let mut world = World::new();
            let rotation = keys(&world);
            let nothing = TrustDirectory::new(world.home.path().join("nothing"));
            world.look().expect("a look before it");
            let (_directory, before) = world.machine.throwaway_copy().expect("copied");
            let documents = rotation.left(&world).expect("signed");
            assert_eq!(documents.len(), 5, "{told}");
            for document in documents.into_iter().take(cut) {
                world.write(vec![document]);
                world.look().unwrap_or_else(|error| panic!("{told}: {error:?}"));
            }
            // A machine that looked before it and one that never did.
            for seen in [&before, &nothing] {
                assert_eq!(look_of(seen, &world).newest.version, version(10), "{told}");
            }
            // The old keys are of no more use once the first document is there.
            if cut > 0 {
                std::fs::remove_dir_all(rotation.old.path()).expect("removed");
            }
            let left = rotation.left(&world).unwrap_or_else(|error| panic!("{told}: {error:?}"));
            assert_eq!(left.len(), still_to_write, "{told}");
            for document in left {
                world.write(vec![document]);
                world.look().unwrap_or_else(|error| panic!("{told}, gone on with: {error:?}"));
            }
            for seen in [&before, &nothing] {
                assert_eq!(look_of(seen, &world).newest.version, version(10), "{told}");
            }
            assert_eq!(rotation.left(&world).expect("nothing is left"), [], "{told}");
            world.keys = rotation.new;
            world.release(20);
            let look = world.look().expect("a look after it");
            assert_eq!((look.newest.version, look.root_version), (version(20), 3), "{told}");
        }
    }
}

/// Whoever is only replaced as the root's signer needs no root between.
#[test]
fn another_root_key_takes_one_root() {
    let mut world = World::new();
    let rotation = Rotation::of(&world);
    for name in ["targets.pem", "timestamp.pem"] {
        std::fs::copy(rotation.old.path().join(name), rotation.new.path().join(name)).expect("copied");
    }
    let documents = rotation.left(&world).expect("signed");
    assert_eq!(documents.iter().map(|document| document.path.as_str()).collect::<Vec<_>>(), ["metadata/2.root.json"]);
    world.write(documents);
    assert_eq!(world.look().expect("a look").root_version, 2);
    assert_eq!(rotation.left(&world).expect("nothing is left"), []);
}

/// After a rotation the old keys sign nothing any more, and say whose they are.
#[test]
fn the_old_keys_are_refused() {
    let mut world = World::new();
    let old = world.keys.clone();
    let new = world.rotate("keys-2");
    let (lifetimes, newest) = (Lifetimes::default(), NewestRelease::new(version(20), reference("release 20")));
    let foreign = World::empty();
    for (what, error) in [
        ("check", world.current().check_signing(&old, &lifetimes, at(NOW)).map(|()| Vec::new())),
        ("release", sign_release(&world.current(), &old, &newest, &lifetimes, at(NOW))),
        ("due", resign(&world.current(), &old, Resign::Due, &lifetimes, at(NOW))),
        ("timestamp", resign(&world.current(), &old, Resign::From(Role::Timestamp), &lifetimes, at(NOW))),
        ("snapshot", resign(&world.current(), &old, Resign::From(Role::Snapshot), &lifetimes, at(NOW))),
        ("targets", resign(&world.current(), &old, Resign::From(Role::Targets), &lifetimes, at(NOW))),
        ("root", resign(&world.current(), &old, Resign::From(Role::Root), &lifetimes, at(NOW))),
        ("rotate", rotate(&world.current(), &old, &foreign.keys, RootKeys::ONE, &lifetimes, at(NOW))),
    ] {
        let error = error.expect_err(what);
        let told = matches!(&error, TrustError::CannotSign { keys, valid: 0, .. } if keys == old.path());
        assert!(told, "{what}: {error:?}");
        assert!(error.to_string().contains(&old.path().display().to_string()), "{error}");
    }
    world.current().check_signing(&new, &lifetimes, at(NOW)).expect("the new ones sign");
}

/// Both roots of a rotation have been published, and a mirror serves the first alone: what the old keys once signed, and a
/// machine has passed, does not come back.
#[test]
fn the_root_between_frees_nothing() {
    let mut world = World::new();
    let older = world.mirror.files.clone();
    world.release(20);
    world.look().expect("a look");
    world.rotate("keys-2");
    let between = world.mirror.files["metadata/2.root.json"].clone();
    world.mirror.files = older;
    world.mirror.files.insert("metadata/2.root.json".to_owned(), between);
    let error = world.refused();
    let told = matches!(error, TrustError::RolledBack { role: Role::Timestamp, seen: 3, offered: 2 });
    assert!(told, "{error:?}");
}

/// Nor do they get any by being signed again: what is due of a rotation that was cut off is its end.
#[test]
fn the_root_between_is_not_renewed() {
    let mut world = World::new();
    let lifetimes = Lifetimes { root_days: 30, ..Lifetimes::default() };
    let due = resign(&world.current(), &world.keys, Resign::From(Role::Root), &lifetimes, at(NOW)).expect("signed");
    world.write(due);
    let rotation = Rotation::of(&world);
    let is_rotating = |world: &World| published(world).and_then(|current| current.is_rotating()).expect("sound");
    let again = |world: &World, keys, what| resign(&published(world)?, keys, what, &Lifetimes::default(), at(NOW));
    assert!(!is_rotating(&world));
    for (document, keys) in rotation.left(&world).expect("signed").into_iter().zip([
        Some(&rotation.old),
        Some(&rotation.old),
        Some(&rotation.old),
        Some(&rotation.new),
        None,
    ]) {
        world.write(vec![document]);
        assert_eq!(is_rotating(&world), keys.is_some());
        let Some(keys) = keys else { continue };
        let error = again(&world, &rotation.new, Resign::From(Role::Root)).expect_err("it is not the last");
        assert!(matches!(error, TrustError::Rotating), "{error:?}");
        let signed = again(&world, keys, Resign::Due).expect("the timestamp has its key");
        assert_eq!(signed.iter().map(|document| document.role).collect::<Vec<_>>(), [Role::Timestamp]);
    }
}

/// The root between gives the old keys no more time than they had, but for the days of a timestamp.
#[test]
fn the_root_between_ends_with_the_one_before() {
    for (days, end) in [(30, "2026-03-31T12:00:00Z"), (0, "2026-03-08T12:00:00Z")] {
        let mut world = World::new();
        let lifetimes = Lifetimes { root_days: days, ..Lifetimes::default() };
        world.write(
            resign(&world.current(), &world.keys, Resign::From(Role::Root), &lifetimes, at(NOW)).expect("signed"),
        );
        let documents = Rotation::of(&world).left(&world).expect("signed");
        let ends: Vec<_> = documents
            .iter()
            .filter(|document| document.role == Role::Root)
            .map(|document| parse(&document.bytes)["signed"]["expires"].take())
            .collect();
        assert_eq!(ends, [end, "2028-02-29T12:00:00Z"]);
    }
}

#[test]
fn a_root_leads_to_the_next_one_alone() {
    let (mut world, other) = (World::new(), World::new());
    world.rotate("keys-2");
    let [first, second, third] =
        [1, 2, 3].map(|number| world.mirror.files[&format!("metadata/{number}.root.json")].clone());
    check_leads_to(&first, &second).expect("the one before");
    check_leads_to(&second, &third).expect("the one before");
    let mut damaged = first.clone();
    *damaged.iter_mut().rfind(|byte| **byte == b'e').expect("a letter of the document") ^= 0x10;
    for (root, next, what) in [
        (&first, &third, "one is between them"),
        (&second, &second, "the same"),
        (&second, &first, "the other way round"),
        (&other.first_root, &second, "another publication's"),
        (&damaged, &second, "damaged"),
    ] {
        check_leads_to(root, next).expect_err(what);
    }
}
