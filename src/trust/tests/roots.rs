//! The chain of roots: followed, broken, withheld, of another origin.

use serde_json::json;

use super::forge::{bytes, parse, sign};
use super::*;

#[test]
fn rotation_is_followed_and_kept() {
    let mut world = World::new();
    world.look().expect("a look");
    world.rotate("keys-2");
    world.rotate("keys-3");
    let look = world.look().expect("a look");
    assert_eq!((look.root_version, look.root), (5, world.file(Role::Root)));
    // The timestamp, two new roots for each rotation, the one that is not there, the timestamp once more, snapshot, targets.
    assert_eq!(world.asked().len(), 9);
    let content = world.content();
    for number in 1..=5 {
        assert_eq!(
            content[&format!("{number}.root.json")],
            world.mirror.files[&format!("metadata/{number}.root.json")]
        );
    }
    assert!(world.look().expect("a look").unchanged);
    assert_eq!(world.asked().len(), 1);
}

/// Plain `tough`, begun at the first root each time, forgets what it saw once the timestamp's key was ever rotated.
#[test]
fn an_old_rotation_does_not_switch_the_rollback_check_off() {
    let mut world = World::new();
    world.rotate("keys-2");
    world.look().expect("a look");
    let before = world.mirror.files.clone();
    world.release(20);
    world.look().expect("a look");
    world.mirror.files = before;
    let error = world.refused();
    assert!(matches!(error, TrustError::RolledBack { role: Role::Timestamp, .. }), "{error:?}");
}

/// A rotation of the timestamp's key alone must not free snapshot and targets.
#[test]
fn rotating_the_timestamp_key_frees_the_timestamp_alone() {
    let mut world = World::new();
    let old = world.mirror.files.clone();
    world.release(20);
    world.look().expect("a look");
    world.mirror.files = old;
    let root = world.keys.root().expect("key").remove(0);
    let fresh = World::empty();
    let fresh_key = fresh.keys.timestamp().expect("key");
    let name = hex::encode(&fresh_key.id);
    world.forge_root(&[&root], |signed| {
        signed["keys"][&name] = serde_json::to_value(&fresh_key.public).expect("JSON");
        signed["roles"]["timestamp"]["keyids"] = json!([name]);
    });
    let timestamp = parse(&world.file(Role::Timestamp))["signed"].take();
    world.mirror.files.insert("metadata/timestamp.json".to_owned(), bytes(&sign(&timestamp, &[&fresh_key])));
    let error = world.look().expect_err("snapshot 2 after 3");
    assert!(matches!(error, TrustError::RolledBack { role: Role::Snapshot, seen: 3, offered: 2 }), "{error:?}");
    // And the check survives the look that kept the new root only.
    let error = world.refused();
    assert!(matches!(error, TrustError::RolledBack { role: Role::Snapshot, seen: 3, offered: 2 }), "{error:?}");
}

/// A root may leave a stolen key's id in the role and the key itself out: nothing that it signed binds any more.
#[test]
fn a_key_that_is_named_and_not_there_is_revoked() {
    let mut world = World::new();
    world.look().expect("a look");
    world.meet_a_timestamp_thief();
    let root = world.keys.root().expect("key").remove(0);
    let (stolen, fresh) = (world.keys.timestamp().expect("key"), World::empty().keys.timestamp().expect("another key"));
    let [stolen, name] = [&stolen, &fresh].map(|key| hex::encode(&key.id));
    world.forge_root(&[&root], |signed| {
        signed["keys"].as_object_mut().expect("keys").remove(&stolen).expect("there");
        signed["keys"][&name] = serde_json::to_value(&fresh.public).expect("JSON");
        signed["roles"]["timestamp"]["keyids"] = json!([stolen, name]);
    });
    let timestamp = parse(&world.file(Role::Timestamp))["signed"].take();
    world.mirror.files.insert("metadata/timestamp.json".to_owned(), bytes(&sign(&timestamp, &[&fresh])));
    assert_eq!(world.look().expect("healed").newest.version, version(10));
}

/// Other keys for the targets alone, and a look that gets no further than the new root: the next one does.
#[test]
fn a_look_that_fails_amid_a_rotation_of_the_targets_keys_locks_nobody_out() {
    let mut world = World::new();
    world.release(10);
    world.look().expect("a look");
    world.release(20);
    let (key, spare) = (world.keys.root().expect("key").remove(0), world.keys.timestamp().expect("key"));
    let of_targets = |world: &mut World, threshold: u64| {
        world.forge_root(&[&key], |signed| {
            let mut names = signed["roles"]["targets"]["keyids"].as_array().expect("key IDs").clone();
            names.truncate(1);
            names.extend((threshold == 2).then(|| json!(hex::encode(&spare.id))));
            signed["roles"]["targets"] = json!({"keyids": names, "threshold": threshold});
        });
    };
    of_targets(&mut world, 2);
    for _ in 0..2 {
        let error = world.look().expect_err("one key signed the targets, two must");
        assert!(matches!(error, TrustError::Signature { role: Role::Targets, .. }), "{error:?}");
    }
    // The publisher sees it and takes the rotation back.
    of_targets(&mut world, 1);
    assert_eq!(world.look().expect("a look").root_version, 3);
    std::fs::remove_file(world.machine.path().join("targets.json")).expect("there");
    let error = world.look().expect_err("something was lost");
    assert!(matches!(error, TrustError::LocalDamaged { .. }), "{error:?}");
}

/// A rotation between the request for the timestamp and that for the root.
#[test]
fn a_rotation_in_the_middle_of_a_look_succeeds() {
    let mut world = World::new();
    world.look().expect("a look");
    world.release(20);
    let outdated = world.file(Role::Timestamp);
    world.rotate("keys-2");
    let later = world.mirror.files.insert("metadata/timestamp.json".to_owned(), outdated);
    world.mirror.later_timestamp = Mutex::new(later);
    assert_eq!(world.look().expect("a look").root_version, 3);
}

/// 5: a gap in the versions, and a root that repeats its predecessor's version.
#[test]
fn root_versions_have_no_gap() {
    for number in [1, 3, 1_000_000] {
        let mut world = World::new();
        let key = world.keys.root().expect("key").remove(0);
        world.forge_root(&[&key], |signed| signed["version"] = json!(number));
        let error = world.refused();
        let told =
            matches!(error, TrustError::VersionMismatch { role: Role::Root, wanted: 2, found } if found == number);
        assert!(told, "{number}: {error:?}");
    }
    let mut world = World::new();
    let key = world.keys.root().expect("key").remove(0);
    world.forge_root(&[&key], |signed| signed["version"] = json!(u64::MAX));
    let error = world.refused();
    assert!(matches!(error, TrustError::Malformed { .. }), "{error:?}");
}

/// 15: more roots than a look follows.
#[test]
fn roots_without_end_are_not_followed() {
    let mut world = World::new();
    let key = world.keys.root().expect("key").remove(0);
    for _ in 0..=MAX_ROOT_ROTATIONS {
        world.forge_root(&[&key], |_| {});
    }
    let error = world.look().expect_err("more roots than may be");
    assert!(matches!(error, TrustError::TooManyRoots { limit: MAX_ROOT_ROTATIONS }), "{error:?}");
    let most = MAX_ROOT_ROTATIONS as usize + 2;
    assert!(world.asked().len() <= most, "{} requests", world.asked().len());
}

/// 6: both the old and the new keys must sign; 4: as many of each as their threshold says.
#[test]
fn a_new_root_is_signed_by_old_and_new() {
    let two_of_three = RootKeys::new(3, 2).expect("possible");
    let mut world = World::with_root_keys(two_of_three);
    world.release(10);
    let new = KeyDirectory::generate(world.home.path().join("new"), two_of_three).expect("keys");
    let (old_keys, new_keys) = (world.keys.root().expect("keys"), new.root().expect("keys"));
    for (old, new, good) in [(0, 3, false), (1, 3, false), (3, 0, false), (3, 1, false), (0, 0, false), (2, 2, true)] {
        let below = [world.keys.targets().expect("key"), world.keys.timestamp().expect("key")];
        let signers: Vec<_> = old_keys[..old].iter().chain(&new_keys[..new]).collect();
        world.forge_root(&signers, |signed| {
            signed["keys"] = json!(
                new_keys
                    .iter()
                    .chain(&below)
                    .map(|key| (hex::encode(&key.id), serde_json::to_value(&key.public).expect("JSON")))
                    .collect::<BTreeMap<_, _>>()
            );
            let names: Vec<_> = new_keys.iter().map(|key| hex::encode(&key.id)).collect();
            signed["roles"]["root"] = json!({"keyids": names, "threshold": 2});
        });
        match world.look() {
            Ok(look) => assert!(good && look.root_version == 2, "{old} old, {new} new"),
            Err(TrustError::Signature { role: Role::Root, .. }) => assert!(!good, "{old} old, {new} new"),
            Err(error) => panic!("{old} old, {new} new: {error:?}"),
        }
        world.mirror.files.remove("metadata/2.root.json");
    }
}

/// A new root that was verified stays, even when the rest of the look fails: it may revoke a stolen key.
#[test]
fn a_verified_root_outlives_a_failed_look() {
    let mut world = World::new();
    world.look().expect("a look");
    let stolen = world.mirror.files.clone();
    world.rotate("keys-2");
    world.mirror.broken.insert(world.path(Role::Targets));
    let error = world.look().expect_err("unreachable");
    assert!(error.is_unreachable(), "{error:?}");
    let content = world.content();
    assert!(content.contains_key("2.root.json"));
    assert_eq!(content["timestamp.json"], world.file(Role::Timestamp), "verified by the new root's keys");
    assert!(!content.contains_key("targets.json"), "the rotation freed them");
    // The thief's mirror withholds the new root; its key is of no use any more.
    world.mirror.files = stolen;
    world.mirror.broken.clear();
    let error = world.refused();
    assert!(matches!(error, TrustError::Signature { role: Role::Timestamp, .. }), "{error:?}");
}

/// 15: more roots than one look follows.
#[test]
fn roots_end() {
    let mut world = World::new();
    let key = world.keys.root().expect("key").remove(0);
    let mut signed = parse(&world.first_root)["signed"].take();
    for number in 2..=1_100 {
        signed["version"] = json!(number);
        world.mirror.files.insert(format!("metadata/{number}.root.json"), bytes(&sign(&signed, &[&key])));
    }
    let error = world.look().expect_err("too many");
    assert!(matches!(error, TrustError::TooManyRoots { limit: MAX_ROOT_ROTATIONS }), "{error:?}");
    assert_eq!(world.asked().len(), 1 + 1_024);
    // What was verified is kept, so the next look goes on from there.
    assert_eq!(world.look().expect("a look").root_version, 1_100);
}

/// Whose publication was seen: told by what the root says, not by its bytes, and for later ones by who signed them.
#[test]
fn what_was_seen_is_of_a_root_that_it_has_or_leads_to() {
    let (mut world, mut other) = (World::new(), World::new());
    let first = world.first_root.clone();
    let spaced = serde_json::to_vec_pretty(&parse(&first)).expect("JSON");
    assert_ne!(spaced, first);
    assert!(world.machine.follows(&other.first_root).expect("nothing was seen"));
    world.look().expect("a look");
    let later = |world: &mut World| {
        let key = world.keys.root().expect("key").remove(0);
        (0..2).map(|_| world.forge_root(&[&key], |_| {})).last().expect("two")
    };
    let (own_later, foreign_later) = (later(&mut world), later(&mut other));
    for (root, wanted, what) in [
        (&first, true, "the root itself"),
        (&spaced, true, "with other white space"),
        (&own_later, true, "the one after the next"),
        (&other.first_root, false, "of another publication"),
        (&foreign_later, false, "a later one of another publication"),
    ] {
        assert_eq!(world.machine.follows(root).expect(what), wanted, "{what}");
    }
    world.machine.follows(b"no root").expect_err("no root");
}

/// The root of another publication neither overrides the directory nor is overridden by it.
#[test]
fn a_foreign_root_is_refused() {
    let mut world = World::new();
    world.look().expect("a look");
    let other = World::new();
    let own_root = std::mem::replace(&mut world.first_root, other.first_root.clone());
    let error = world.refused();
    assert!(matches!(error, TrustError::ForeignRoot { version: 1, oldest: 1, newest: 1, .. }), "{error:?}");
    assert!(world.asked().is_empty(), "refused before anything is asked");
    // Even where the mirror has changed sides too.
    let own_files = std::mem::replace(&mut world.mirror.files, other.mirror.files.clone());
    let error = world.refused();
    assert!(matches!(error, TrustError::ForeignRoot { .. }), "{error:?}");
    world.machine.forget().expect("forgotten");
    world.look().expect("a new start with the other publication");
    world.machine.forget().expect("forgotten");
    (world.first_root, world.mirror.files) = (own_root, own_files);
    world.look().expect("and back");
}

#[test]
fn a_root_given_ahead_of_the_directory_must_be_reached() {
    let mut world = World::new();
    world.look().expect("a look");
    let before = world.mirror.files.clone();
    let old_root = world.first_root.clone();
    world.rotate("keys-2");
    world.first_root = world.file(Role::Root);
    // Withheld by the mirror.
    let after = std::mem::replace(&mut world.mirror.files, before);
    let error = world.refused();
    assert!(matches!(error, TrustError::RolledBack { role: Role::Root, seen: 3, offered: 1 }), "{error:?}");
    // Published.
    world.mirror.files = after;
    assert_eq!(world.look().expect("a look").root_version, 3);
    // The tree went back: its root is in the chain.
    world.first_root = old_root;
    assert_eq!(world.look().expect("a look").root_version, 3);
    // Another root in its place, signed by the right keys all the same.
    let mut world = World::new();
    world.look().expect("a look");
    let key = world.keys.root().expect("key").remove(0);
    world.first_root = world.forge_root(&[&key], |signed| signed["expires"] = json!("2027-01-01T00:00:00Z"));
    world.forge_root(&[&key], |_| {});
    world.mirror.files.remove("metadata/3.root.json");
    world.mirror.files.insert("metadata/2.root.json".to_owned(), {
        let mut signed = parse(&world.first_root)["signed"].take();
        signed["expires"] = json!("2027-02-01T00:00:00Z");
        bytes(&sign(&signed, &[&key]))
    });
    let error = world.refused();
    assert!(matches!(error, TrustError::ForeignRoot { version: 2, .. }), "{error:?}");
}

#[test]
fn a_root_from_before_the_directory_is_refused() {
    let mut world = World::new();
    let first = world.first_root.clone();
    world.rotate("keys-2");
    world.first_root = world.file(Role::Root);
    world.look().expect("a look");
    world.first_root = first;
    let error = world.refused();
    assert!(matches!(error, TrustError::ForeignRoot { version: 1, oldest: 3, newest: 3, .. }), "{error:?}");
}

#[test]
fn a_first_root_must_sign_itself() {
    let mut world = World::new();
    let mut root = parse(&world.first_root);
    root["signed"]["expires"] = json!("2099-01-01T00:00:00Z");
    world.first_root = bytes(&root);
    let error = world.refused();
    assert!(matches!(error, TrustError::Signature { role: Role::Root, .. }), "{error:?}");
}
