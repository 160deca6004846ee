//! Metadata that is signed again, to end later.

use std::path::Path;

use super::forge::{bytes, parse, sign};
use super::*;

const LIFETIMES: Lifetimes = Lifetimes { root_days: 730, targets_days: 183, snapshot_days: 28, timestamp_days: 7 };

fn signed(world: &World, what: Resign, now: &str) -> Vec<Role> {
    let documents = resign(&world.current(), &world.keys, what, &LIFETIMES, at(now)).expect("signed");
    documents.iter().map(|document| document.role).collect()
}

/// How a key comes to be of no use to a daily job: it is elsewhere, encrypted, or not to be read. By whoever may read everything
/// a directory is not, either.
const AWAY: [fn(&Path); 3] = [
    |_| (),
    |key| std::fs::write(key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGb\n").expect("written"),
    |key| std::fs::create_dir(key).expect("made"),
];

#[test]
fn what_is_due_is_signed_where_its_key_is() {
    use Role::{Root, Snapshot, Targets, Timestamp};
    // The metadata of 1 March: the snapshot ends on the 29th, the targets on 31 August, the root at the end of February 2028.
    for (now, all, without_root, timestamp_alone, first) in [
        ("2026-03-02T12:00:00Z", vec![Timestamp], vec![Timestamp], vec![], Timestamp),
        ("2026-03-20T03:00:00Z", vec![Timestamp], vec![Timestamp], vec![], Timestamp),
        ("2026-03-20T04:00:00Z", vec![Snapshot, Timestamp], vec![Snapshot, Timestamp], vec![Snapshot], Timestamp),
        ("2026-03-25T12:00:00Z", vec![Snapshot, Timestamp], vec![Snapshot, Timestamp], vec![Snapshot], Snapshot),
        (
            "2026-08-02T12:00:00Z",
            vec![Targets, Snapshot, Timestamp],
            vec![Targets, Snapshot, Timestamp],
            vec![Targets],
            Snapshot,
        ),
        (
            "2028-02-01T12:00:00Z",
            vec![Root, Targets, Snapshot, Timestamp],
            vec![Targets, Snapshot, Timestamp],
            vec![Root, Targets],
            Snapshot,
        ),
    ] {
        let mut world = World::new();
        assert_eq!(signed(&world, Resign::Due, now), all, "{now}");
        world.write(resign(&world.current(), &world.keys, Resign::Due, &LIFETIMES, at(now)).expect("signed"));
        let ends = world.current().expirations().expect("sound");
        assert_eq!((due(&ends, &LIFETIMES, at(now)), ends.first().0), (vec![], Timestamp), "{now}: nothing is left");

        let mut world = World::new();
        for (key, left) in [("root.pem", &without_root[..]), ("targets.pem", &[Timestamp])] {
            let key = world.keys.path().join(key);
            std::fs::remove_file(&key).expect("taken offline");
            for (number, leave) in AWAY.into_iter().enumerate() {
                leave(&key);
                assert_eq!(signed(&world, Resign::Due, now), left, "{now}, {}, {number}", key.display());
                let _ = std::fs::remove_file(&key);
            }
        }
        world.write(resign(&world.current(), &world.keys, Resign::Due, &LIFETIMES, at(now)).expect("signed"));
        let ends = world.current().expirations().expect("sound");
        assert_eq!(
            (due(&ends, &LIFETIMES, at(now)), ends.first().0),
            (timestamp_alone, first),
            "{now}: the keys are away"
        );
        // What it is good until is when a client refuses.
        let (role, end) = ends.first();
        world.clock = end;
        let error = world.refused();
        let told = matches!(&error, TrustError::Expired { expired_at, .. } if *expired_at <= end);
        assert!(told, "{now}, {role}: {error:?}");
    }
}

/// For three years, every day: nobody is refused.
#[test]
fn a_job_that_has_all_keys_keeps_a_publication_alive() {
    let mut world = World::new();
    let day = jiff::SignedDuration::from_hours(24);
    for number in 0..3 * 365 {
        let now = at(NOW) + day * number;
        world.write(resign(&world.current(), &world.keys, Resign::Due, &LIFETIMES, now).expect("signed"));
        let (role, end) = world.current().expirations().expect("sound").first();
        assert!(end > now + day * 6, "{now}: {role} ends at {end}");
    }
    world.clock = at(NOW) + day * (3 * 365 - 1);
    assert_eq!(world.look().expect("a look").root_version, 2);
}

/// With the root's key alone, and followed by whoever has only the first root.
#[test]
fn the_root_is_renewed_by_its_own_key() {
    let mut world = World::new();
    for name in ["targets.pem", "timestamp.pem"] {
        std::fs::remove_file(world.keys.path().join(name)).expect("elsewhere");
    }
    let before = world.look().expect("a look").expirations;
    let later = "2026-03-02T12:00:00Z";
    let documents = resign(&world.current(), &world.keys, Resign::From(Role::Root), &LIFETIMES, at(later));
    let documents = documents.expect("signed");
    assert_eq!(documents.iter().map(|document| document.path.as_str()).collect::<Vec<_>>(), ["metadata/2.root.json"]);
    world.write(documents);
    let ends = Expirations { root: at("2028-03-01T12:00:00Z"), ..before };
    assert_eq!(world.current().expirations().expect("sound"), ends);
    world.machine.forget().expect("forgotten");
    let look = world.look().expect("a look");
    assert_eq!((look.root_version, look.expirations), (2, ends));
}

/// A threshold that the keys at hand do not reach is no reason to let the timestamp end.
#[test]
fn too_few_root_keys_are_none() {
    let world = World::with_root_keys(RootKeys::new(3, 2).expect("possible"));
    let late = "2028-02-01T12:00:00Z";
    let below = [Role::Targets, Role::Snapshot, Role::Timestamp];
    for (number, wanted) in [(3, [&[Role::Root], &below[..]].concat()), (2, below.to_vec())] {
        std::fs::remove_file(world.keys.path().join(format!("root-{number}.pem"))).expect("taken offline");
        assert_eq!(signed(&world, Resign::Due, late), wanted);
    }
}

/// One key was replaced, and the daily job still has the old ones: it signs what they still sign.
#[test]
fn keys_that_are_no_longer_the_roles_are_none() {
    use Role::{Root, Snapshot, Targets, Timestamp};
    for (replaced, wanted) in [("root.pem", vec![Targets, Snapshot, Timestamp]), ("targets.pem", vec![Root, Timestamp])]
    {
        let mut world = World::new();
        let new = KeyDirectory::generate(world.home.path().join("new"), RootKeys::ONE).expect("keys");
        for name in ["root.pem", "targets.pem", "timestamp.pem"].into_iter().filter(|name| *name != replaced) {
            std::fs::copy(world.keys.path().join(name), new.path().join(name)).expect("copied");
        }
        let rotated = rotate(&world.current(), &world.keys, &new, RootKeys::ONE, &LIFETIMES, at(NOW));
        world.write(rotated.expect("signed"));
        assert_eq!(signed(&world, Resign::Due, "2028-02-01T12:00:00Z"), wanted, "{replaced}");
    }
}

/// Whoever can write into the publication puts a root there that names a key of his beside ours, and what that key signed.
#[test]
fn what_others_signed_is_not_carried_over() {
    let world = World::new();
    let thief = World::empty();
    let own =
        [thief.keys.root(), thief.keys.targets().map(|key| vec![key]), thief.keys.timestamp().map(|key| vec![key])];
    let keys: Vec<_> = own.into_iter().flat_map(|keys| keys.expect("keys")).collect();
    let mut root = parse(&world.first_root)["signed"].take();
    for key in &keys {
        let name = hex::encode(&key.id);
        root["keys"][&name] = serde_json::to_value(&key.public).expect("JSON");
        for role in ["root", "targets", "snapshot", "timestamp"] {
            root["roles"][role]["keyids"].as_array_mut().expect("names").push(name.clone().into());
        }
    }
    let [root_key, targets_key, timestamp_key] = &keys[..] else { panic!("three keys") };
    let new = KeyDirectory::generate(world.home.path().join("new"), RootKeys::ONE).expect("keys");
    // All of it, or as little as makes our keys sign for a version after which there is none.
    for his in
        [&[Role::Targets, Role::Snapshot, Role::Timestamp][..], &[Role::Snapshot, Role::Timestamp], &[Role::Timestamp]]
    {
        let document = |role, key| {
            let ours = world.file(role);
            if !his.contains(&role) {
                return ours;
            }
            let mut signed = parse(&ours)["signed"].take();
            signed["version"] = (u64::MAX - 1).into();
            bytes(&sign(&signed, &[key]))
        };
        let forged = CurrentMetadata {
            root: bytes(&sign(&root, &[root_key])),
            targets: document(Role::Targets, targets_key),
            snapshot: document(Role::Snapshot, targets_key),
            timestamp: document(Role::Timestamp, timestamp_key),
        };
        forged.expirations().expect("its root says that it is signed");
        let roles = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];
        let signed = roles.map(|role| resign(&forged, &world.keys, Resign::From(role), &LIFETIMES, at(NOW)));
        let rotated = rotate(&forged, &world.keys, &new, RootKeys::ONE, &LIFETIMES, at(NOW));
        let newest = NewestRelease::new(version(20), reference("release 20"));
        let released = sign_release(&forged, &world.keys, &newest, &LIFETIMES, at(NOW));
        for signed in signed.into_iter().chain([rotated, released]) {
            let error = signed.expect_err("others signed that");
            let told = matches!(error, TrustError::CannotSign { threshold: 1, valid: 0, .. });
            assert!(told, "{his:?}: {error:?}");
        }
    }
}
