//! 7 each role past its end, 20 clocks in 1970 and in 2100.

use serde_json::json;

use super::forge::{KEEP, only};
use super::*;

#[test]
fn each_role_ends() {
    let end = at("2026-03-01T11:00:00Z");
    for role in [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets] {
        let mut world = World::new();
        // Signed before that end: a timestamp that was issued after its own end is refused for that.
        let edit = |signed: &mut serde_json::Value| {
            signed["expires"] = json!(end.to_string());
            if role == Role::Timestamp {
                signed["issued"] = json!("2026-03-01T10:00:00Z");
            }
        };
        if role == Role::Root {
            world.replace_first_root(edit);
        } else {
            world.forge(&only(role, edit), KEEP);
        }
        let error = world.refused();
        let told = matches!(error, TrustError::Expired { role: told, expired_at, now }
            if told == role && expired_at == end && now == at(NOW));
        assert!(told, "{role}: {error:?}");
        assert!(!error.is_unreachable());
        world.expiry = Expiry::Ignored;
        assert_eq!(world.look().expect("ends are ignored").newest.version, version(10), "{role}");
    }
}

/// Ignoring ends widens nothing else.
#[test]
fn ignoring_ends_does_not_ignore_rollbacks() {
    let mut world = World::new();
    world.expiry = Expiry::Ignored;
    let before = world.mirror.files.clone();
    world.release(20);
    world.look().expect("a look");
    world.mirror.files = before;
    let error = world.refused();
    assert!(matches!(error, TrustError::RolledBack { role: Role::Timestamp, .. }), "{error:?}");
}

#[test]
fn a_clock_in_1970_locks_nobody_out() {
    let mut world = World::new();
    world.clock = at("1970-01-01T00:00:00Z");
    let look = world.look().expect("a look");
    assert_eq!(look.now, at(NOW), "the signed time is known");
    assert!(world.look().expect("a look").unchanged);
}

#[test]
fn a_clock_in_1970_does_not_take_what_ended_before_anything_seen() {
    // Ended before the program was built.
    let mut world = World::new();
    world.clock = at("1970-01-01T00:00:00Z");
    world.forge(
        &only(Role::Timestamp, |signed| {
            signed["issued"] = json!("2025-12-01T00:00:00Z");
            signed["expires"] = json!("2025-12-08T00:00:00Z");
        }),
        KEEP,
    );
    let error = world.refused();
    let told = matches!(error, TrustError::Expired { role: Role::Timestamp, now, .. } if now == at(BUILT));
    assert!(told, "{error:?}");

    // Ended before the newest signed time seen, though after the program was built.
    let mut world = World::new();
    world.clock = at("1970-01-01T00:00:00Z");
    world.look().expect("a look");
    world.forge(
        &only(Role::Timestamp, |signed| {
            signed["issued"] = json!("2026-02-01T00:00:00Z");
            signed["expires"] = json!("2026-02-08T00:00:00Z");
        }),
        KEEP,
    );
    let error = world.refused();
    let told = matches!(error, TrustError::Expired { role: Role::Timestamp, now, .. } if now == at(NOW));
    assert!(told, "{error:?}");

    // Snapshot and targets that ended before the timestamp beside them was signed.
    for role in [Role::Snapshot, Role::Targets] {
        let mut world = World::new();
        world.clock = at("1970-01-01T00:00:00Z");
        world.forge(&only(role, |signed| signed["expires"] = json!("2026-02-08T00:00:00Z")), KEEP);
        let error = world.refused();
        assert!(matches!(error, TrustError::Expired { role: told, .. } if told == role), "{error:?}");
    }
}

#[test]
fn a_clock_in_2100_blocks_only_while_it_is_wrong() {
    let mut world = World::new();
    world.look().expect("a look");
    world.clock = at("2100-01-01T00:00:00Z");
    let error = world.refused();
    assert!(matches!(error, TrustError::Expired { role: Role::Root, .. }), "{error:?}");
    world.expiry = Expiry::Ignored;
    world.release(20);
    assert_eq!(world.look().expect("ends are ignored").newest.version, version(20));
    world.expiry = Expiry::Enforced;
    world.clock = at(NOW);
    assert!(world.look().expect("a look").unchanged);
    world.release(30);
    assert_eq!(world.look().expect("a look").newest.version, version(30));
}

#[test]
fn signed_times_make_sense() {
    for issued in [json!("2999-01-01T00:00:00Z"), json!("yesterday"), json!(5), json!(null)] {
        let mut world = World::new();
        world.forge(&only(Role::Timestamp, |signed| signed["issued"] = issued.clone()), KEEP);
        let error = world.refused();
        assert!(matches!(error, TrustError::Malformed { .. }), "{issued}: {error:?}");
    }
    let mut world = World::new();
    let remove = |signed: &mut serde_json::Value| drop(signed.as_object_mut().expect("an object").remove("issued"));
    world.forge(&only(Role::Timestamp, remove), KEEP);
    world.look().expect("a publisher without it is fine");
}

/// A thief who signs a time far ahead locks out only until the timestamp's key is rotated.
#[test]
fn a_stolen_future_is_healed_by_rotation() {
    let mut world = World::new();
    let honest = world.mirror.files.clone();
    let far = |role: Role, signed: &mut serde_json::Value| {
        signed["expires"] = json!("2090-01-01T00:00:00Z");
        if role == Role::Timestamp {
            signed["issued"] = json!("2027-01-01T00:00:00Z");
        }
    };
    world.forge(&far, KEEP);
    world.look().expect("properly signed, and no end before that time");
    world.mirror.files = honest;
    world.release(20);
    let error = world.refused();
    assert!(matches!(error, TrustError::SameVersion { role: Role::Timestamp, version: 3 }), "{error:?}");
    world.release(30);
    let error = world.refused();
    assert!(matches!(error, TrustError::Expired { role: Role::Timestamp, .. }), "{error:?}");
    world.rotate("keys-2");
    assert_eq!(world.look().expect("healed").now, at(NOW));
}

#[test]
fn known_time_is_the_latest_of_all() {
    let time = KnownTime::new(at("1970-01-01T00:00:00Z"), at(BUILT));
    assert_eq!(time.now(), at(BUILT));
    assert_eq!(time.not_before(at(NOW)).now(), at(NOW));
    assert_eq!(time.not_before(at("1980-01-01T00:00:00Z")).now(), at(BUILT));
    assert_eq!(KnownTime::new(at(NOW), at(BUILT)).now(), at(NOW));
}
