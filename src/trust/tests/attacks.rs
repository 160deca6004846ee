//! Hostile publications and mirrors; the numbers are those of the list in the design's `reliability.md`.

use serde_json::{Value, json};
use tough::schema::Error as Schema;

use super::forge::{KEEP, bytes, meta, only, parse, sign};
use super::*;
use crate::manifest::Release;

const BELOW_ROOT: [Role; 3] = [Role::Timestamp, Role::Snapshot, Role::Targets];

fn bump(signed: &mut Value, by: i64) {
    signed["version"] = json!(signed["version"].as_i64().expect("a number") + by);
}

/// 1 unsigned, 2 wrong key, 3 duplicate signature.
#[test]
fn documents_that_their_keys_did_not_sign() {
    let stranger = World::empty();
    let stranger = stranger.keys.root().expect("key").remove(0);
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Value), fn(&Schema) -> bool);
    let none = |error: &Schema| matches!(error, Schema::SignatureThreshold { threshold: 1, valid: 0, .. });
    let twice = |error: &Schema| matches!(error, Schema::DuplicateKeyId { .. });
    let cases: [Case<'_>; 6] = [
        ("no signature", &|document| document["signatures"] = json!([]), none),
        ("a stranger's", &|document| *document = sign(&document["signed"], &[&stranger]), none),
        (
            "a stranger's under the right name",
            &|document| {
                let name = document["signatures"][0]["keyid"].take();
                *document = sign(&document["signed"], &[&stranger]);
                document["signatures"][0]["keyid"] = name;
            },
            none,
        ),
        ("an empty one", &|document| document["signatures"][0]["sig"] = json!(""), none),
        (
            "the same twice",
            &|document| {
                let again = document["signatures"][0].clone();
                document["signatures"].as_array_mut().expect("a list").push(again);
            },
            twice,
        ),
        (
            "the same twice, the name in capitals",
            &|document| {
                let mut again = document["signatures"][0].clone();
                again["keyid"] = json!(again["keyid"].as_str().expect("text").to_uppercase());
                document["signatures"].as_array_mut().expect("a list").push(again);
            },
            twice,
        ),
    ];
    for role in BELOW_ROOT {
        for (name, edit, expected) in &cases {
            let mut world = World::new();
            world.forge(KEEP, &only(role, edit));
            let error = world.refused();
            let TrustError::Signature { role: told, source } = &error else { panic!("{role}, {name}: {error:?}") };
            assert!(*told == role && expected(source), "{role}, {name}: {source:?}");
        }
        let mut world = World::new();
        world.forge(KEEP, &only(role, |document| document["signed"]["version"] = json!(77)));
        let error = world.refused();
        // The snapshot's version is compared before its signature.
        let expected = match role {
            Role::Snapshot => matches!(error, TrustError::VersionMismatch { role: Role::Snapshot, found: 77, .. }),
            _ => matches!(&error, TrustError::Signature { role: told, .. } if *told == role),
        };
        assert!(expected, "{role} changed after signing: {error:?}");
    }
}

/// 3 and 4: a threshold of two is met by two keys and by nothing less.
#[test]
fn thresholds_count_keys_and_not_signatures() {
    for role in BELOW_ROOT {
        for (signers, valid) in [(1, false), (2, true)] {
            let mut world = World::new();
            let (targets, timestamp) = (world.keys.targets().expect("key"), world.keys.timestamp().expect("key"));
            world.replace_first_root(|root| {
                let both = json!([hex::encode(&targets.id), hex::encode(&timestamp.id)]);
                root["roles"][role.to_string()] = json!({"keyids": both, "threshold": 2});
            });
            // The first key of each list signs alone where only one signs.
            let (a, b) = ([&targets, &timestamp], [&timestamp, &targets]);
            world.forge_with(&a[..signers], &b[..signers], KEEP, KEEP);
            match world.look() {
                Ok(_) => assert!(valid, "{role} with {signers}"),
                Err(TrustError::Signature { role: told, source }) => {
                    let one = matches!(*source, Schema::SignatureThreshold { threshold: 2, valid: 1, .. });
                    assert!(!valid && told == role && one, "{role} with {signers}: {source:?}");
                }
                Err(error) => panic!("{role} with {signers}: {error:?}"),
            }
        }
    }
}

/// 3: a key listed twice in its role, or under two names, is one key.
#[test]
fn one_key_is_not_two() {
    let mut world = World::new();
    let key = world.keys.targets().expect("key");
    let name = hex::encode(&key.id);
    world.replace_first_root(|root| {
        root["roles"]["targets"] = json!({"keyids": [name, name.to_uppercase()], "threshold": 2});
    });
    let error = world.refused();
    assert!(matches!(&error, TrustError::Signature { role: Role::Targets, .. }), "{error:?}");

    let mut world = World::new();
    let key = world.keys.targets().expect("key");
    world.replace_first_root(|root| {
        let mut twin = root["keys"][hex::encode(&key.id)].clone();
        twin["x-salt"] = json!("pepper");
        let name = Digest::of(bytes(&twin).trim_ascii_end()).to_string();
        root["keys"][&name] = twin;
        root["roles"]["targets"] = json!({"keyids": [hex::encode(&key.id), name], "threshold": 2});
    });
    let error = world.refused();
    assert!(matches!(error, TrustError::RepeatedKey { version: 1, role: Role::Targets }), "{error:?}");
}

/// 8: each role rolled back.
#[test]
fn nothing_goes_back() {
    let mut world = World::new();
    let before = world.mirror.files.clone();
    world.release(20);
    world.look().expect("a look");
    world.mirror.files = before;
    let error = world.refused();
    assert!(matches!(error, TrustError::RolledBack { role: Role::Timestamp, seen: 3, offered: 2 }), "{error:?}");

    for (role, back) in [(Role::Snapshot, Role::Timestamp), (Role::Targets, Role::Snapshot)] {
        let mut world = World::new();
        let old = world.file(role);
        world.release(20);
        world.look().expect("a look");
        let name = format!("{role}.json");
        world.forge(&only(back, |signed| signed["meta"] = json!({&name: meta(&old, &json!(2))})), KEEP);
        let error = world.refused();
        let told = matches!(error, TrustError::RolledBack { role: r, seen: 3, offered: 2 } if r == role);
        assert!(told, "{role}: {error:?}");
    }
}

/// 9: a mirror that always says "unchanged", or always serves the same, is believed until the timestamp ends.
#[test]
fn a_freeze_ends_with_the_timestamp() {
    for always_unchanged in [true, false] {
        let mut world = World::new();
        world.look().expect("a look");
        world.mirror.always_unchanged = always_unchanged;
        world.clock = at("2026-03-08T11:59:59Z");
        assert!(world.look().expect("a look").unchanged);
        world.clock = at("2026-03-08T12:00:00Z");
        let error = world.refused();
        assert!(matches!(error, TrustError::Expired { role: Role::Timestamp, .. }), "{error:?}");
    }
}

/// 10: a thief's absurd versions lock machines out until the keys are rotated.
#[test]
fn fast_forward_is_healed_by_rotation() {
    for thief_has in [vec![Role::Timestamp], BELOW_ROOT.to_vec()] {
        let mut world = World::new();
        let honest = world.mirror.files.clone();
        let leap = |role: Role, signed: &mut Value| {
            if thief_has.contains(&role) {
                signed["version"] = json!(1_u64 << 62);
            }
        };
        world.forge(&leap, KEEP);
        world.look().expect("properly signed");
        world.mirror.files = honest;
        world.release(20);
        let error = world.refused();
        let locked_out = matches!(error, TrustError::RolledBack { role: Role::Timestamp, offered: 3, .. });
        assert!(locked_out, "{error:?}");
        world.rotate("keys-2");
        let look = world.look().expect("healed");
        assert_eq!((look.newest.version, look.root_version), (version(20), 3));
        world.release(30);
        assert_eq!(world.look().expect("a look").newest.version, version(30));
    }
}

/// 11: signed documents of different states do not mix.
#[test]
fn states_do_not_mix() {
    for role in [Role::Snapshot, Role::Targets] {
        for hashed in [true, false] {
            let mut world = World::new();
            let old = world.file(role);
            let link = if role == Role::Snapshot { Role::Timestamp } else { Role::Snapshot };
            let name = format!("{role}.json");
            world.forge(
                &only(link, |signed| {
                    if !hashed {
                        signed["meta"][&name] = json!({"version": 3});
                    }
                }),
                KEEP,
            );
            world.mirror.files.insert(world.path(role), old);
            let error = world.refused();
            let told = match &error {
                TrustError::MetadataDigest { path, .. } => hashed && *path == world.path(role),
                TrustError::VersionMismatch { role: told, wanted: 3, found: 2 } => !hashed && *told == role,
                _ => false,
            };
            assert!(told, "{role}, hashed {hashed}: {error:?}");
        }
    }
}

/// 12: the same version with other content.
#[test]
fn a_version_says_one_thing() {
    for role in BELOW_ROOT {
        let mut world = World::new();
        world.look().expect("a look");
        world.forge(
            &only(role, |signed| {
                bump(signed, -1);
                signed["expires"] = json!("2026-03-05T00:00:00Z");
            }),
            KEEP,
        );
        let error = world.refused();
        let told = matches!(error, TrustError::SameVersion { role: told, version: 2 } if told == role);
        assert!(told, "{role}: {error:?}");
    }
}

/// 13: length and digest of metadata.
#[test]
fn metadata_is_as_long_as_signed() {
    for (role, link) in [(Role::Snapshot, Role::Timestamp), (Role::Targets, Role::Snapshot)] {
        let name = format!("{role}.json");
        let mut world = World::new();
        world.forge(&only(link, |signed| signed["meta"][&name]["length"] = json!(100)), KEEP);
        let error = world.refused();
        assert!(matches!(&error, TrustError::TooLarge { limit_bytes: 100, .. }), "{role}: {error:?}");

        let mut world = World::new();
        let digest = Digest::of(b"something else");
        world.forge(&only(link, |signed| signed["meta"][&name]["hashes"]["sha256"] = json!(digest)), KEEP);
        let error = world.refused();
        assert!(matches!(&error, TrustError::MetadataDigest { .. }), "{role}: {error:?}");
    }
}

/// 14: endless documents, also where an absurd length is signed for, from sources that keep limits and that do not.
#[test]
fn documents_end() {
    let caps = [
        (Role::Root, MAX_ROOT_BYTES),
        (Role::Timestamp, MAX_TIMESTAMP_BYTES),
        (Role::Snapshot, MAX_METADATA_BYTES),
        (Role::Targets, MAX_METADATA_BYTES),
    ];
    for keeps_limits in [true, false] {
        for (role, cap) in caps {
            let mut world = World::new();
            world.mirror.keeps_limits = keeps_limits;
            world.forge(
                &|which, signed| match which {
                    Role::Timestamp => signed["meta"]["snapshot.json"] = json!({"version": 3, "length": 1_u64 << 62}),
                    Role::Snapshot => signed["meta"]["targets.json"] = json!({"version": 3, "length": 1_u64 << 62}),
                    _ => {}
                },
                KEEP,
            );
            let path = if role == Role::Root { "metadata/2.root.json".to_owned() } else { world.path(role) };
            let mut endless = world.mirror.files.get(&path).cloned().unwrap_or_default();
            endless.resize(usize::try_from(cap).expect("small") + 1, b' ');
            world.mirror.files.insert(path.clone(), endless);
            let error = world.refused();
            let told =
                matches!(&error, TrustError::TooLarge { path: p, limit_bytes } if *p == path && *limit_bytes == cap);
            assert!(told, "{role}: {error:?}");
            assert!(!error.is_unreachable());
        }
    }
}

/// 17: what targets may not name.
#[test]
fn targets_name_one_release_document() {
    let target =
        |number: u64| json!({"length": 1, "hashes": {"sha256": Digest::of(b"x")}, "custom": {"version": number}});
    let named = |name: &str, number| json!({name: target(number)});
    let mut cases = vec![
        json!({"releases/10.json": target(10), "releases/11.json": target(11)}),
        named("releases/10.json", 11),
        json!({"releases/10.json": {"length": 1, "hashes": {"sha256": Digest::of(b"x")}}}),
        json!({"releases/10.json": {"length": 1, "hashes": {"sha256": "abcd"}, "custom": {"version": 10}}}),
        json!({"releases/10.json":
            {"length": Release::MAX_BYTES + 1, "hashes": {"sha256": Digest::of(b"x")}, "custom": {"version": 10}}}),
    ];
    for deltas in [json!([9]), json!({"9": "long"}), json!({"0": 1}), json!({"nine": 1}), json!({"9": -1})] {
        cases.push(json!({"releases/10.json":
            {"length": 1, "hashes": {"sha256": Digest::of(b"x")}, "custom": {"version": 10, "deltas": deltas}}}));
    }
    for name in [
        "../../x",
        "releases/../../10.json",
        "/releases/10.json",
        "releases/010.json",
        "releases/0.json",
        "releases/4294967296.json",
        "releases/10.json/",
        "releases/10",
        "10.json",
        "releases/+10.json",
        "releases/10.json\n",
        "releases//10.json",
        "./releases/10.json",
        "releases/1\u{660}.json",
    ] {
        cases.push(named(name, 10));
    }
    for case in cases {
        let mut world = World::new();
        world.forge(&only(Role::Targets, |signed| signed["targets"] = case.clone()), KEEP);
        let error = world.refused();
        assert!(matches!(error, TrustError::NotOneRelease { .. }), "{case}: {error:?}");
    }
    // Names that `tough` itself cannot read.
    for name in ["..", "", "/", "../..", "."] {
        let mut world = World::new();
        world.forge(&only(Role::Targets, |signed| signed["targets"] = named(name, 10)), KEEP);
        let error = world.refused();
        assert!(matches!(error, TrustError::Malformed { .. }), "{name:?}: {error:?}");
    }
}

/// 17: roles are never followed, wherever their names lead.
#[test]
fn delegations_are_refused() {
    for name in ["other", "../../x", "root", "targets", ""] {
        for listed in [true, false] {
            let mut world = World::new();
            let role = json!({"name": name, "keyids": [], "threshold": 1, "paths": ["*"], "terminating": false});
            world.forge(
                &|which, signed| match which {
                    Role::Targets => signed["delegations"] = json!({"keys": {}, "roles": [role]}),
                    Role::Snapshot if listed && name != "targets" => {
                        signed["meta"][format!("{name}.json")] = json!({"version": 1})
                    }
                    _ => {}
                },
                KEEP,
            );
            let error = world.refused();
            assert!(matches!(error, TrustError::Delegation { .. }), "{name:?}, listed {listed}: {error:?}");
            let asked = world.asked();
            assert_eq!(asked.last().map(String::as_str), Some("metadata/3.targets.json"), "{name:?}: {asked:?}");
        }
    }
}

#[test]
fn an_inconsistent_snapshot_is_refused() {
    let mut world = World::new();
    world.replace_first_root(|root| root["consistent_snapshot"] = json!(false));
    for role in [Role::Snapshot, Role::Targets] {
        world.mirror.files.insert(format!("metadata/{role}.json"), world.file(role));
    }
    let error = world.refused();
    assert!(matches!(error, TrustError::NotOneRelease { .. }), "{error:?}");
}

/// A document of one role is no document of another, though the same key signs both.
#[test]
fn roles_are_not_exchanged() {
    let mut world = World::new();
    let key = world.keys.targets().expect("key");
    let mut snapshot = parse(&world.file(Role::Snapshot))["signed"].take();
    snapshot["targets"] = parse(&world.file(Role::Targets))["signed"]["targets"].take();
    snapshot["version"] = json!(3);
    let both = bytes(&sign(&snapshot, &[&key]));
    world.forge(&only(Role::Snapshot, |signed| signed["meta"] = json!({"targets.json": meta(&both, &json!(3))})), KEEP);
    world.mirror.files.insert("metadata/3.targets.json".to_owned(), both);
    let error = world.refused();
    assert!(matches!(&error, TrustError::Malformed { path, .. } if path == "metadata/3.targets.json"), "{error:?}");
}
