//! Other repositories than ours, whose targets are delegated.

use serde_json::{Value, json};

use super::forge::{KEEP, bytes, meta, only, sign};
use super::*;

/// A delegation to a role whose keys are those of the targets.
fn delegation(world: &World, name: &str, path: &str) -> Value {
    let key = hex::encode(&world.keys.targets().expect("key").id);
    json!({"name": name, "keyids": [key], "threshold": 1, "paths": [path], "terminating": false})
}

fn targets(names: &[&str]) -> Value {
    let target = json!({"length": 3, "hashes": {"sha256": Digest::of(b"abc")}});
    names.iter().map(|name| ((*name).to_owned(), target.clone())).collect::<serde_json::Map<_, _>>().into()
}

impl World {
    fn delegations(&self, roles: &[Value]) -> Value {
        let key = self.keys.targets().expect("key");
        json!({"keys": {hex::encode(&key.id): serde_json::to_value(&key.public).expect("JSON")}, "roles": roles})
    }

    /// A role's document, and what the snapshot says of it.
    fn role(&mut self, name: &str, edit: impl Fn(&mut Value)) -> (String, Value) {
        let mut signed = json!({"_type": "targets", "spec_version": "1.0.0", "version": 1,
            "expires": "2026-04-01T00:00:00Z", "targets": {}});
        edit(&mut signed);
        let document = bytes(&sign(&signed, &[&self.keys.targets().expect("key")]));
        let named = meta(&document, &json!(1));
        self.mirror.files.insert(format!("metadata/1.{name}.json"), document);
        (format!("{name}.json"), named)
    }

    /// The top-level targets delegate to these roles, of which the snapshot names some.
    fn delegate(&mut self, roles: &[Value], named: &[(String, Value)]) {
        let delegations = self.delegations(roles);
        self.forge(
            &|which, signed| match which {
                Role::Targets => signed["delegations"] = delegations.clone(),
                Role::Snapshot => named.iter().for_each(|(file, meta)| signed["meta"][file] = meta.clone()),
                _ => {}
            },
            KEEP,
        );
    }

    fn find(&self, names: &[&str]) -> Result<Vec<Option<Reference>>, TrustError> {
        self.mirror.asked.lock().expect("no panic").clear();
        let time = KnownTime::new(self.clock, at(BUILT));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let look = refresh_targets(&self.machine, &self.first_root, &self.mirror, time, self.expiry);
            let mut look = look.await.expect("the four roles are as they should be");
            let mut found = Vec::new();
            for name in names {
                found.push(look.find(&self.mirror, name).await?.map(Trusted::into_inner));
            }
            Ok(found)
        })
    }

    /// The delegated roles that were asked for, in order.
    fn asked_roles(&self) -> Vec<String> {
        let own = |path: &str| {
            ["root", "timestamp", "snapshot", "targets"].iter().any(|role| path.ends_with(&format!("{role}.json")))
        };
        let asked = self.asked().into_iter().filter(|path| !own(path));
        asked.map(|path| path.trim_start_matches("metadata/1.").trim_end_matches(".json").to_owned()).collect()
    }
}

#[test]
fn targets_of_any_name_are_found() {
    let mut world = World::new();
    world.forge(&only(Role::Targets, |signed| signed["targets"] = targets(&["a/b.txt", "c"])), KEEP);
    let found = Some(reference("abc"));
    assert_eq!(world.find(&["a/b.txt", "c", "d"]).expect("a look"), [found, found, None]);
    let error = world.refused();
    assert!(matches!(error, TrustError::NotOneRelease { .. }), "{error:?}");
}

#[test]
fn roles_are_asked_in_order_and_once() {
    let mut world = World::new();
    let inner = world.delegations(&[delegation(&world, "c", "x/*"), delegation(&world, "a", "x/*")]);
    let named = [
        world.role("a", |_| {}),
        world.role("b", |signed| {
            signed["targets"] = targets(&["x/1"]);
            signed["delegations"] = inner.clone();
        }),
        world.role("c", |signed| signed["targets"] = targets(&["x/2", "y/2"])),
    ];
    let roles = [delegation(&world, "a", "*/?"), delegation(&world, "b", "x/*"), delegation(&world, "d", "*")];
    world.delegate(&roles, &named);
    let found = Some(reference("abc"));
    for (name, expected, asked) in [
        ("x/1", found, vec!["a", "b"]),
        ("x/2", found, vec!["a", "b", "c"]),
        // Named by a role that is not trusted with it.
        ("y/2", None, vec!["a"]),
        // `*` stands for no slash; role `d` is in no snapshot.
        ("x/1/2", None, vec![]),
        ("z", None, vec![]),
    ] {
        assert_eq!(world.find(&[name]).expect("a look"), [expected], "{name}");
        assert_eq!(world.asked_roles(), asked, "{name}");
    }
    // For updating all this is refused.
    let error = world.refused();
    assert!(matches!(error, TrustError::Delegation { .. }), "{error:?}");
}

#[test]
fn a_terminating_role_ends_the_search() {
    let mut world = World::new();
    let named = [world.role("a", |_| {}), world.role("b", |signed| signed["targets"] = targets(&["x"]))];
    let mut roles = [delegation(&world, "a", "*"), delegation(&world, "b", "*")];
    world.delegate(&roles, &named);
    assert_eq!(world.find(&["x"]).expect("a look"), [Some(reference("abc"))]);
    roles[0]["terminating"] = json!(true);
    world.delegate(&roles, &named);
    assert_eq!(world.find(&["x"]).expect("a look"), [None]);
    assert_eq!(world.asked_roles(), ["a"]);
}

/// What a delegated role must be: named by the snapshot, signed by the delegator's keys, of its type, not past its end.
#[test]
fn delegated_roles_are_verified() {
    type Edit = fn(&mut World, &mut Value, &mut Value);
    type Refusal = fn(&TrustError) -> bool;
    let cases: [(&str, Edit, Refusal); 8] = [
        (
            "another key",
            |world, role, _| role["keyids"] = json!([hex::encode(&world.keys.timestamp().expect("key").id)]),
            |error| matches!(error, TrustError::Signature { role: Role::Targets, .. }),
        ),
        (
            "two keys",
            |_, role, _| role["threshold"] = json!(2),
            |error| matches!(error, TrustError::Signature { role: Role::Targets, .. }),
        ),
        (
            "another digest",
            |_, _, named| named["hashes"]["sha256"] = json!(Digest::of(b"x")),
            |error| matches!(error, TrustError::Malformed { .. }),
        ),
        (
            "another length",
            |_, _, named| named["length"] = json!(10),
            |error| matches!(error, TrustError::TooLarge { limit_bytes: 10, .. }),
        ),
        (
            "another version",
            |world, _, named| {
                let document = world.mirror.files["metadata/1.a.json"].clone();
                world.mirror.files.insert("metadata/2.a.json".to_owned(), document);
                named["version"] = json!(2);
            },
            |error| matches!(error, TrustError::VersionMismatch { role: Role::Targets, wanted: 2, found: 1 }),
        ),
        (
            "absent",
            |world, _, _| drop(world.mirror.files.remove("metadata/1.a.json")),
            |error| matches!(error, TrustError::Missing { .. }),
        ),
        (
            "past its end",
            |world, _, named| {
                *named = world.role("a", |signed| signed["expires"] = json!("2026-03-01T11:00:00Z")).1;
            },
            |error| matches!(error, TrustError::Expired { role: Role::Targets, .. }),
        ),
        (
            "another type",
            |world, _, named| {
                *named = world.role("a", |signed| signed["_type"] = json!("snapshot")).1;
            },
            |error| matches!(error, TrustError::Malformed { .. }),
        ),
    ];
    for (name, edit, expected) in cases {
        let mut world = World::new();
        let (file, mut named) = world.role("a", |signed| signed["targets"] = targets(&["x"]));
        let mut role = delegation(&world, "a", "*");
        edit(&mut world, &mut role, &mut named);
        world.delegate(&[role], &[(file, named)]);
        let error = world.find(&["x"]).expect_err(name);
        assert!(expected(&error), "{name}: {error:?}");
    }
}

#[test]
fn names_of_roles_lead_nowhere() {
    for name in ["../1.root", "/a", "a\\b", "a\n", ""] {
        let mut world = World::new();
        world.delegate(&[delegation(&world, name, "*")], &[(format!("{name}.json"), json!({"version": 1}))]);
        let error = world.find(&["x"]).expect_err("no such role");
        assert!(matches!(error, TrustError::Delegation { .. }), "{name:?}: {error:?}");
        assert!(world.asked_roles().is_empty(), "{name:?}");
    }
}

/// A search ends, however many roles there are, also in a circle.
#[test]
fn roles_without_end_are_not_followed() {
    let mut world = World::new();
    let mut named = Vec::new();
    for number in 0..40 {
        let next = world.delegations(&[delegation(&world, &format!("r{}", (number + 1) % 40), "*")]);
        named.push(world.role(&format!("r{number}"), |signed| signed["delegations"] = next.clone()));
    }
    world.delegate(&[delegation(&world, "r0", "*")], &named);
    assert_eq!(world.find(&["x"]).expect("a look"), [None]);
    assert_eq!(world.asked_roles().len(), 32);
}
