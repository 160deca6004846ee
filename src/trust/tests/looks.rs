//! Honest looks, what they cost, and what stands in the way of one.

use super::forge::{KEEP, only};
use super::*;
use serde_json::json;

const FULL: [&str; 4] =
    ["metadata/timestamp.json", "metadata/2.root.json", "metadata/2.snapshot.json", "metadata/2.targets.json"];

#[test]
fn a_first_look_costs_four_requests_and_the_next_one() {
    for tags in [true, false] {
        let mut world = World::new();
        world.mirror.tags = tags;
        let look = world.look().expect("a look");
        let newest = NewestRelease::new(version(10), reference("release 10"));
        assert_eq!(look.newest.get(), &newest);
        assert_eq!((look.unchanged, look.root_version, &look.root), (false, 1, &world.first_root));
        assert_eq!(world.asked(), FULL);

        let content = world.content();
        assert_eq!(content.contains_key("timestamp.etag"), tags);
        let again = world.look().expect("a look");
        assert_eq!((again.newest.get(), again.unchanged), (&newest, true));
        assert_eq!(world.asked(), FULL[..1], "tags: {tags}");
        assert_eq!(world.content(), content);

        world.release(20);
        let next = world.look().expect("a look");
        assert_eq!((next.newest.version, next.unchanged), (version(20), false));
        assert_eq!(world.asked().len(), 4);

        // A timestamp that was only signed again names what is there.
        let later =
            resign(&world.current(), &world.keys, Resign::From(Role::Timestamp), &Lifetimes::default(), at(NOW));
        world.write(later.expect("signed again"));
        let next = world.look().expect("a look");
        assert_eq!((next.newest.version, next.unchanged), (version(20), false));
        assert_eq!(world.asked(), FULL[..2], "tags: {tags}");
    }
}

#[test]
fn deltas_to_the_release_document_are_named() {
    let mut world = World::new();
    let mut newest = NewestRelease::new(version(20), reference("release 20"));
    newest.deltas = [(version(9), 70), (version(10), 80)].into();
    let documents = sign_release(&world.current(), &world.keys, &newest, &Lifetimes::default(), at(NOW));
    world.write(documents.expect("signed"));
    assert_eq!(world.look().expect("a look").newest.get(), &newest);
    let later = resign(&world.current(), &world.keys, Resign::From(Role::Targets), &Lifetimes::default(), at(NOW));
    world.write(later.expect("signed again"));
    assert_eq!(world.look().expect("a look").newest.get(), &newest);
}

#[test]
fn a_publication_without_a_release_says_so() {
    let world = World::empty();
    let error = world.refused();
    assert!(matches!(error, TrustError::NoRelease { targets_version: 1 }), "{error:?}");
    assert!(error.is_unreachable());
}

#[test]
fn a_source_that_fails_is_told_from_a_publication_that_is_refused() {
    for path in FULL {
        let mut world = World::new();
        world.mirror.broken.insert(path.to_owned());
        let error = world.refused();
        assert!(matches!(&error, TrustError::Unreachable { path: told, .. } if told == path), "{error:?}");
        assert!(error.is_unreachable());
        assert_eq!(world.asked().last().map(String::as_str), Some(path), "nothing is asked for after it");
        let chain = [&error as &dyn std::error::Error].into_iter().flat_map(|error| {
            std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>()
        });
        assert_eq!(chain.last().as_deref(), Some("the line is dead"));
    }
    for path in [FULL[0], FULL[2], FULL[3]] {
        let mut world = World::new();
        world.mirror.files.remove(path);
        let error = world.refused();
        assert!(matches!(&error, TrustError::Missing { path: told } if told == path), "{error:?}");
        assert!(error.is_unreachable());
    }
}

#[test]
fn unchanged_without_a_tag_is_no_answer() {
    let mut world = World::new();
    world.mirror.always_unchanged = true;
    let error = world.refused();
    assert!(matches!(error, TrustError::Unreachable { .. }), "{error:?}");
}

#[test]
fn a_release_document_is_admitted_by_length_and_digest() {
    let world = World::new();
    let named = world.look().expect("a look").newest.map(|newest| newest.reference);
    let admitted = named.admit(b"release 10".to_vec()).expect("the document");
    assert_eq!(*admitted, b"release 10");
    let error = named.admit(b"release 100".to_vec()).expect_err("longer");
    assert!(matches!(error, TrustError::Length { wanted: 10, found: 11 }), "{error:?}");
    let error = named.admit(b"release 11".to_vec()).expect_err("another");
    assert!(matches!(error, TrustError::Digest { .. }), "{error:?}");
    assert!(!error.is_unreachable());
}

/// Not a bit of what decides can change unnoticed.
#[test]
fn flipped_bits_change_nothing_or_are_refused() {
    let mut world = World::new();
    let key = world.keys.root().expect("key").remove(0);
    world.forge_root(&[&key], |_| {});
    world.forge(KEEP, KEEP);
    world.look().expect("a look");
    let honest = world.mirror.files.clone();
    for (path, bits) in [("metadata/timestamp.json", [0x01, 0x20]), ("metadata/2.root.json", [0x02, 0x20])] {
        // Every third byte, the bits in turn: each look makes and syncs a directory.
        for place in (0..honest[path].len()).step_by(3) {
            world.machine.forget().expect("forgotten");
            world.mirror.files = honest.clone();
            world.mirror.files.get_mut(path).expect("there")[place] ^= bits[place % 2];
            match world.look() {
                // Hexadecimal digits in capitals, a changed name of a field outside of what is signed.
                Ok(look) => assert_eq!((look.newest.version, look.root_version), (version(10), 2), "{path} {place}"),
                Err(error) => assert!(!error.is_unreachable() && !error.is_local(), "{path} {place}: {error:?}"),
            }
        }
    }
}

#[test]
fn trust_passes_through_pure_functions() {
    let trusted = Trusted::assume("20".to_owned());
    assert_eq!(trusted.as_ref().map(|text| text.len()).into_inner(), 2);
    assert_eq!(trusted.clone().try_map(|text| text.parse::<u32>()).expect("a number").into_inner(), 20);
    assert!(trusted.map(|_| "x".to_owned()).try_map(|text| text.parse::<u32>()).is_err());
}

#[test]
fn fields_of_the_future_are_passed_over() {
    let mut world = World::new();
    world.forge(
        &|role, signed| {
            signed["x-future"] = json!({"deep": [1, {"er": null}]});
            signed["spec_version"] = json!("1.9.7");
            if role == Role::Targets {
                signed["targets"]["releases/10.json"]["custom"]["colour"] = json!("blue");
                signed["targets"]["releases/10.json"]["x-more"] = json!([]);
            }
        },
        &|_, document| document["x-outer"] = json!(true),
    );
    assert_eq!(world.look().expect("a look").newest.version, version(10));
}

#[test]
fn specifications_of_the_future_are_refused() {
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        for spec in ["2.0.0", "10.0", "", "one"] {
            let mut world = World::new();
            world.forge(&only(role, |signed| signed["spec_version"] = json!(spec)), KEEP);
            let error = world.refused();
            let path = world.path(role);
            let told = matches!(&error, TrustError::SpecVersion { path: p, found } if *p == path && found == spec);
            assert!(told, "{role} {spec}: {error:?}");
        }
    }
    let mut world = World::new();
    let key = world.keys.root().expect("key").remove(0);
    world.forge_root(&[&key], |signed| signed["spec_version"] = json!("2.0.0"));
    let error = world.refused();
    assert!(matches!(error, TrustError::SpecVersion { .. }), "{error:?}");
}

#[test]
fn only_the_four_roles_are_asked_for() {
    use super::super::feed::{BASE, document_of};
    let document = |name: &str| document_of(&format!("{BASE}{name}").parse().expect("a URL"));
    for (name, wanted) in [
        ("timestamp.json", Role::Timestamp),
        ("2.root.json", Role::Root),
        ("7.snapshot.json", Role::Snapshot),
        ("targets.json", Role::Targets),
    ] {
        assert_eq!(document(name), Some((format!("metadata/{name}"), wanted)));
    }
    for name in [
        "",
        "root.json",
        "1.timestamp.json",
        "02.root.json",
        "+2.root.json",
        ".root.json",
        "2.root.json?x",
        "x.json",
        "2.root.json#x",
        "1.a%2Fb.json",
        "..%2F1.root.json",
        "../1.root.json",
        "../metadata2/1.root.json",
        "1.2.root.json",
        "1.root.json/",
        "99999999999999999999.root.json",
        "1.ROOT.json",
        "//evil.example/1.root.json",
    ] {
        let url = url::Url::parse(BASE).and_then(|base| base.join(name)).expect("a URL");
        assert_eq!(document_of(&url), None, "{name}");
        assert_eq!(document(name), None, "{name}");
    }
}
