//! What a look that is refused midway leaves: what was verified before it, from which the next look goes on.

use serde_json::json;
use tokio::sync::Notify;

use super::forge::{KEEP, meta, only, parse};
use super::*;

const BELOW_ROOT: [Role; 3] = [Role::Timestamp, Role::Snapshot, Role::Targets];

/// The versions of the documents that are kept below the root, in the order of [`BELOW_ROOT`]; 0 where none is.
fn kept(world: &World) -> [u64; 3] {
    let content = world.content();
    let version =
        |role: Role| content.get(&format!("{role}.json")).map(|bytes| parse(bytes)["signed"]["version"].as_u64());
    BELOW_ROOT.map(|role| version(role).map_or(0, |version| version.expect("a number")))
}

/// Publishes release 20, of which the document of this role is refused in one way or another.
fn break_at(world: &mut World, role: Role, how: &str) {
    match how {
        "absent" => {
            world.release(20);
            let path = world.path(role);
            world.mirror.files.remove(&path);
        }
        "unsigned" => world.forge(KEEP, &only(role, |document| document["signatures"] = json!([]))),
        "expired" => world.forge(
            &only(role, |signed| {
                signed["expires"] = json!("2026-03-01T11:00:00Z");
                signed["issued"] = json!("2026-03-01T10:00:00Z");
            }),
            KEEP,
        ),
        "of another version" => {
            let place = format!("/meta/{role}.json");
            world.forge(
                &|which, signed| match which {
                    which if which == role => signed["version"] = json!(9),
                    _ => signed.pointer_mut(&place).into_iter().for_each(|named| *named = json!({"version": 3})),
                },
                KEEP,
            );
            let document = world.mirror.files.remove(&format!("metadata/9.{role}.json")).expect("just made");
            world.mirror.files.insert(format!("metadata/3.{role}.json"), document);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn what_was_verified_before_a_refusal_is_kept() {
    for (count, role) in BELOW_ROOT.into_iter().enumerate() {
        for how in ["absent", "unsigned", "expired", "of another version"] {
            // A timestamp is asked for without a version.
            if role == Role::Timestamp && how == "of another version" {
                continue;
            }
            for seen in [0, 2] {
                let mut world = World::new();
                if seen != 0 {
                    world.look().expect("a look");
                }
                break_at(&mut world, role, how);
                world.refused();
                let mut expected = [seen; 3];
                expected[..count].fill(3);
                assert_eq!(kept(&world), expected, "{role} {how}, seen {seen}");
                let unfinished = count > 0;
                assert_eq!(world.content().contains_key("unfinished"), unfinished, "{role} {how}, seen {seen}");
                assert_eq!(world.content().is_empty(), seen == 0 && !unfinished);
            }
        }
    }
}

/// The look was refused, and the mirror goes back to what there was before, or takes back one document alone.
#[test]
fn what_was_kept_is_not_taken_back() {
    for role in [Role::Snapshot, Role::Targets] {
        let mut world = World::new();
        world.look().expect("a look");
        let before = world.mirror.files.clone();
        break_at(&mut world, role, "absent");
        world.refused();
        world.mirror.files = before;
        let error = world.refused();
        assert!(matches!(error, TrustError::RolledBack { role: Role::Timestamp, seen: 3, offered: 2 }), "{error:?}");
    }
    let mut world = World::new();
    world.look().expect("a look");
    let old = world.file(Role::Snapshot);
    break_at(&mut world, Role::Targets, "absent");
    world.refused();
    world
        .forge(&only(Role::Timestamp, |signed| signed["meta"] = json!({"snapshot.json": meta(&old, &json!(2))})), KEEP);
    let error = world.refused();
    assert!(matches!(error, TrustError::RolledBack { role: Role::Snapshot, seen: 3, offered: 2 }), "{error:?}");
}

/// What was missing comes, or never comes and the publisher goes on: nobody is locked out, and nothing is fetched twice.
#[test]
fn the_next_look_goes_on_from_what_was_kept() {
    for (role, count) in [(Role::Snapshot, 4), (Role::Targets, 3)] {
        let mut world = World::new();
        world.look().expect("a look");
        world.release(20);
        let whole = world.mirror.files.clone();
        let path = world.path(role);
        world.mirror.files.remove(&path);
        let error = world.refused();
        assert!(error.is_unreachable(), "{error:?}");
        world.mirror.files = whole;
        let look = world.look().expect("it has come");
        assert_eq!((look.newest.version, look.unchanged), (version(20), false));
        assert_eq!(world.asked().len(), count, "{:?}", world.asked());
        assert!(!world.content().contains_key("unfinished"));
        assert!(world.look().expect("a look").unchanged);
        assert_eq!(world.asked().len(), 1);
    }
    // It never comes, and the publisher goes on.
    for role in [Role::Snapshot, Role::Targets] {
        let mut world = World::new();
        break_at(&mut world, role, "expired");
        world.refused();
        world.release(30);
        assert_eq!(world.look().expect("a look").newest.version, version(30));
    }
}

/// What a machine cannot read as a release is no release that it has seen; what was signed above it binds all the same.
#[test]
fn targets_that_cannot_be_read_are_not_kept() {
    let mut world = World::new();
    world.look().expect("a look");
    world.forge(&only(Role::Targets, |signed| signed["targets"] = json!({})), KEEP);
    let error = world.refused();
    assert!(matches!(error, TrustError::NoRelease { targets_version: 3 }), "{error:?}");
    assert_eq!(kept(&world), [3, 3, 2]);
    world.release(20);
    assert_eq!(world.look().expect("a look").newest.version, version(20));
}

/// A thief of the timestamp's key alone names a snapshot that is nowhere. Another key heals that, as it does in `attacks`.
#[test]
fn a_thief_is_forgotten_with_his_key() {
    let mut world = World::new();
    world.look().expect("a look");
    world.meet_a_timestamp_thief();
    world.release(20);
    let error = world.refused();
    assert!(matches!(error, TrustError::RolledBack { role: Role::Timestamp, .. }), "{error:?}");
    world.rotate("keys-2");
    assert_eq!(world.look().expect("healed").newest.version, version(20));
}

/// A remainder is told by its mark; without that, something was lost.
#[test]
fn a_remainder_without_its_mark_is_an_error() {
    for role in [Role::Snapshot, Role::Targets] {
        for seen in [false, true] {
            let mut world = World::new();
            if seen {
                world.look().expect("a look");
            }
            break_at(&mut world, role, "absent");
            world.refused();
            std::fs::remove_file(world.machine.path().join("unfinished")).expect("the mark");
            let error = world.refused();
            assert!(matches!(error, TrustError::LocalDamaged { .. }), "{role}, seen {seen}: {error:?}");
        }
    }
}

/// A mirror that answers one question never, and tells when it has been asked.
#[derive(Debug)]
struct Stalling<'a> {
    mirror: &'a Mirror,
    at: String,
    stalled: &'a Notify,
}

#[async_trait]
impl Source for Stalling<'_> {
    async fn fetch(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        if path == self.at {
            self.stalled.notify_one();
            std::future::pending::<()>().await;
        }
        self.mirror.fetch(path, limit_bytes).await
    }

    async fn fetch_if_changed(&self, path: &str, limit_bytes: u64, etag: Option<&str>) -> Result<Fetched, SourceError> {
        self.mirror.fetch_if_changed(path, limit_bytes, etag).await
    }
}

/// A run that is killed between two documents leaves what was there, and the next look goes its way.
#[test]
fn a_run_that_ends_between_two_documents_leaves_a_directory_that_can_be_used() {
    for role in [Role::Root, Role::Snapshot, Role::Targets] {
        for seen in [false, true] {
            let mut world = World::new();
            if seen {
                world.look().expect("a look");
            }
            world.release(20);
            let before = world.content();
            let stalled = Notify::new();
            let at_path = if role == Role::Root { "metadata/2.root.json".to_owned() } else { world.path(role) };
            let source = Stalling { mirror: &world.mirror, at: at_path, stalled: &stalled };
            let time = KnownTime::new(world.clock, at(BUILT));
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    looked = refresh(&world.machine, &world.first_root, &source, time, Expiry::Enforced) => {
                        panic!("{role}: {looked:?}");
                    }
                    () = stalled.notified() => {}
                }
            });
            assert_eq!(world.content(), before, "{role}");
            assert_eq!(world.look().expect("a look").newest.version, version(20), "{role}");
        }
    }
}
