//! 19 what was last seen is torn; 49, 51, 52 what others planted beside it.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

const SEEN: [&str; 4] = ["1.root.json", "timestamp.json", "snapshot.json", "targets.json"];

fn seen_world() -> World {
    let world = World::new();
    world.look().expect("a look");
    world
}

/// The rollback check stays, whatever a power cut left.
#[test]
fn torn_files_are_errors_and_never_nothing() {
    for name in SEEN.into_iter().chain(["timestamp.etag"]) {
        let original = seen_world().content()[name].clone();
        let half = original[..original.len() / 2].to_vec();
        let mut flipped = original.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x80;
        for (kind, bytes) in
            [("empty", Vec::new()), ("half", half), ("zeros", vec![0; original.len()]), ("flipped", flipped)]
        {
            if name == "timestamp.etag" && kind == "half" {
                continue; // A shorter tag is a tag; it only costs a transfer.
            }
            let world = seen_world();
            let path = world.machine.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            let error = world.refused();
            let told = matches!(&error, TrustError::LocalDamaged { path: told, .. } if *told == path);
            assert!(told, "{name}, {kind}: {error:?}");
            assert!(world.asked().is_empty());
        }
    }
}

#[test]
fn lost_files_are_errors() {
    for name in SEEN {
        let world = seen_world();
        std::fs::remove_file(world.machine.path().join(name)).expect("removed");
        let error = world.refused();
        assert!(matches!(error, TrustError::LocalDamaged { .. }), "{name}: {error:?}");
    }
    // Roots by the same keys, so that no signature tells of the gap.
    let mut world = World::new();
    let key = world.keys.root().expect("key").remove(0);
    world.forge_root(&[&key], |_| {});
    world.forge_root(&[&key], |_| {});
    world.look().expect("a look");
    std::fs::remove_file(world.machine.path().join("2.root.json")).expect("removed");
    let error = world.refused();
    let told = matches!(&error, TrustError::LocalDamaged { path, .. } if path.ends_with("3.root.json"));
    assert!(told, "{error:?}");
}

/// Files of another publication, each well-formed and signed.
#[test]
fn exchanged_files_are_errors() {
    let other = seen_world().content();
    for name in SEEN {
        let world = seen_world();
        std::fs::write(world.machine.path().join(name), &other[name]).expect("written");
        let error = world.refused();
        let told = matches!(error, TrustError::LocalDamaged { .. } | TrustError::ForeignRoot { .. });
        assert!(told, "{name}: {error:?}");
    }
}

#[test]
fn symlinks_and_devices_are_refused() {
    let elsewhere = seen_world();
    let world = World::new();
    symlink(elsewhere.machine.path(), world.machine.path()).expect("a link");
    let error = world.look().expect_err("a link");
    assert!(matches!(&error, TrustError::LocalNotPlain { path } if path == world.machine.path()), "{error:?}");

    let world = seen_world();
    let path = world.machine.path().join("timestamp.json");
    std::fs::rename(&path, world.home.path().join("kept")).expect("moved");
    symlink(world.home.path().join("kept"), &path).expect("a link");
    let error = world.look().expect_err("a link");
    assert!(matches!(&error, TrustError::LocalNotPlain { path: told } if *told == path), "{error:?}");

    std::fs::remove_file(&path).expect("removed");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .expect("a fifo");
    let error = world.look().expect_err("a fifo");
    assert!(matches!(&error, TrustError::LocalNotPlain { path: told } if *told == path), "{error:?}");
}

#[test]
fn oversized_files_are_errors() {
    let world = seen_world();
    let file = std::fs::OpenOptions::new().write(true).open(world.machine.path().join("timestamp.json")).expect("open");
    file.set_len(1 << 40).expect("sparse");
    let error = world.look().expect_err("too large");
    assert!(matches!(error, TrustError::LocalDamaged { .. }), "{error:?}");
}

/// Left-overs of a crash go; a planted link goes, and not what it points to; nothing else beside is touched.
#[test]
fn left_overs_are_removed() {
    let mut world = World::new();
    let home = world.home.path().to_owned();
    std::fs::create_dir_all(home.join(".trust.scratch-dead/load")).expect("made");
    std::fs::write(home.join(".trust.scratch-dead/1.root.json"), "half").expect("written");
    std::fs::create_dir(home.join("precious")).expect("made");
    std::fs::write(home.join("precious/file"), "x").expect("written");
    symlink(home.join("precious"), home.join(".trust.scratch-link")).expect("a link");
    std::fs::write(home.join(".trust.scratch-file"), "x").expect("written");
    world.look().expect("a look");
    world.release(20);
    world.look().expect("a look");
    let mut names: Vec<_> = std::fs::read_dir(&home)
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["keys", "precious", "trust"]);
    assert!(home.join("precious/file").exists());
}

#[test]
fn everything_is_for_the_owner_alone_and_nothing_of_tough_stays() {
    let world = seen_world();
    let mode = |path: &std::path::Path| path.metadata().expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode(world.machine.path()), 0o700);
    let names: Vec<_> = world.content().into_keys().collect();
    assert_eq!(names, ["1.root.json", "snapshot.json", "targets.json", "timestamp.etag", "timestamp.json"]);
    for name in names {
        assert_eq!(mode(&world.machine.path().join(&name)), 0o600, "{name}");
    }
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        assert_eq!(world.content()[&format!("{role}.json")], world.file(role), "as fetched");
    }
}

#[test]
fn the_newest_release_document_outlives_looks() {
    let mut world = World::new();
    assert!(world.machine.last_release().expect("readable").is_none());
    let document = Trusted::assume(b"release 10".to_vec());
    let error = world.machine.remember_release(&document).expect_err("no directory yet");
    assert!(matches!(&error, TrustError::Local { .. }) && error.is_local(), "{error:?}");
    world.look().expect("a look");
    world.machine.remember_release(&document).expect("remembered");
    std::fs::write(world.machine.path().join("release.json.new"), "left over").expect("written");
    world.release(20);
    world.look().expect("a look");
    assert_eq!(world.machine.last_release().expect("readable"), Some(document));
    std::fs::write(world.machine.path().join("release.json.new"), "left over").expect("written");
    let next = Trusted::assume(b"release 20".to_vec());
    world.machine.remember_release(&next).expect("remembered");
    assert_eq!(world.machine.last_release().expect("readable"), Some(next));
    assert!(!world.content().contains_key("release.json.new"));
    world.machine.forget().expect("forgotten");
    assert!(world.machine.last_release().expect("readable").is_none());
    world.machine.forget().expect("nothing to forget");
}

/// Who only looks has no lock: meanwhile a run may swap in what it saw, or the owner may remove all of it.
#[test]
fn what_is_exchanged_while_it_is_read_is_read_anew() {
    let mut world = seen_world();
    world.release(20);
    let (before, mut reads) = (world.content(), 0);
    let read = world.machine.read_while(|| {
        reads += 1;
        if reads == 1 {
            world.look().expect("a look");
        }
    });
    assert_ne!(world.content(), before);
    assert_eq!((read.expect("readable"), reads), (world.content(), 2));

    let again = || world.machine.scratch().and_then(|scratch| scratch.commit(&before)).expect("exchanged");
    let error = world.machine.read_while(again).expect_err("it never stays");
    assert!(error.is_local(), "{error:?}");

    let forgotten = world.machine.read_while(|| world.machine.forget().expect("removed"));
    assert!(forgotten.expect("nothing is there").is_empty());
}

#[test]
fn a_missing_parent_is_an_error() {
    let mut world = World::new();
    world.machine = TrustDirectory::new(world.home.path().join("absent/trust"));
    let error = world.look().expect_err("no parent");
    assert!(matches!(error, TrustError::Local { .. }), "{error:?}");
}

#[test]
fn an_empty_directory_is_a_beginning() {
    let world = World::new();
    std::fs::create_dir(world.machine.path()).expect("made");
    world.look().expect("a look");
    assert!(world.look().expect("a look").unchanged);
}
