//! 16: bytes that are no metadata, for each document and from the disk.

use super::*;

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let nested =
        |open: &str, close: &str, count: usize| [open.repeat(count), close.repeat(count)].concat().into_bytes();
    let mut cases = vec![
        ("empty", Vec::new()),
        ("a page", b"<!DOCTYPE html><title>Log in</title>".to_vec()),
        ("null", b"null".to_vec()),
        ("an array", b"[]".to_vec()),
        ("NUL", b"\0".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("bad UTF-8", b"{\"signed\": \"\xff\xfe\"}".to_vec()),
        ("half a surrogate", br#"{"signed": "\ud800"}"#.to_vec()),
        ("NaN", br#"{"signed": {"version": NaN}}"#.to_vec()),
        ("deep arrays", nested("[", "]", 7_000)),
        ("deep objects", nested("{\"a\":", "}", 2_000)),
        ("depth without end", "[".repeat(16_000).into_bytes()),
    ];
    for (name, version) in [
        ("zero", "0"),
        ("negative", "-1"),
        ("a fraction", "1.5"),
        ("a whole fraction", "3.0"),
        ("an exponent", "1e2"),
        ("huge", "99999999999999999999999999"),
        ("infinite", "1e999"),
        ("text", "\"3\""),
        ("true", "true"),
    ] {
        let text = format!(r#"{{"signatures": [], "signed": {{"spec_version": "1.0.0", "version": {version}}}}}"#);
        cases.push((name, text.into_bytes()));
    }
    cases
}

#[test]
fn every_document_is_read_with_care() {
    for role in [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets] {
        for (name, bytes) in hostile() {
            let mut world = World::new();
            // Nothing but the parsers may stand in the way: no signed digest, no signed length.
            world.forge(
                &|_, signed| {
                    for file in ["snapshot.json", "targets.json"] {
                        if signed["meta"].get(file).is_some() {
                            signed["meta"][file] = serde_json::json!({"version": 3});
                        }
                    }
                },
                forge::KEEP,
            );
            let path = if role == Role::Root { "metadata/2.root.json".to_owned() } else { world.path(role) };
            world.mirror.files.insert(path.clone(), bytes);
            let error = world.refused();
            let told = matches!(&error, TrustError::Malformed { path: told, .. } if *told == path);
            assert!(told, "{role}, {name}: {error:?}");
        }
    }
}

/// A key that comes twice, at any depth, though the document is signed as one of the readings.
#[test]
fn ambiguous_documents_are_refused() {
    for (once, twice) in [
        (r#""version":2"#, r#""version":2,"version":2"#),
        (r#""issued":"#, r#""issued":"1999-01-01T00:00:00Z","issued":"#),
        (r#""snapshot.json":{"#, r#""snapshot.json":{"version":9},"snapshot.json":{"#),
        (r#""sha256":"#, r#""sha256":"00","sha256":"#),
        (r#""signatures":"#, r#""signatures":[],"signatures":"#),
        (r#""keyid":"#, r#""keyid":"ab","keyid":"#),
        (r#""_type":"#, r#""_type":"root","_type":"#),
        (r#""_type":"#, r#""\u005ftype":"root","_type":"#),
    ] {
        let mut world = World::new();
        let text = String::from_utf8(world.file(Role::Timestamp)).expect("text");
        assert!(text.contains(once), "{once} in {text}");
        world.mirror.files.insert("metadata/timestamp.json".to_owned(), text.replacen(once, twice, 1).into_bytes());
        let error = world.refused();
        assert!(matches!(error, TrustError::Malformed { .. }), "{twice}: {error:?}");
    }
}

#[test]
fn a_given_root_is_read_with_care() {
    for (name, bytes) in hostile() {
        let mut world = World::new();
        world.first_root = bytes;
        let error = world.refused();
        assert!(matches!(error, TrustError::Malformed { .. }), "{name}: {error:?}");
        assert!(world.asked().is_empty(), "{name}");
    }
}

/// White space and the order of keys are no part of what is signed.
#[test]
fn other_bytes_of_the_same_statement_are_taken() {
    let mut world = World::new();
    world.look().expect("a look");
    let pretty = serde_json::to_vec_pretty(&forge::parse(&world.file(Role::Timestamp))).expect("JSON");
    world.mirror.files.insert("metadata/timestamp.json".to_owned(), pretty);
    assert_eq!(world.look().expect("a look").newest.version, version(10));
}
