//! From what old contents a step is made, as far as paths do not tell it.

use super::*;

/// The contents of the step from release 10, by why they were chosen.
fn told(released: &Released) -> Vec<(&'static str, u64)> {
    let [(path, sources)] = &released.sources[..] else { panic!("one step") };
    assert!(path.starts_with("packs/10-"), "{path}");
    sources.named().map(|(name, amount)| (name, amount.contents)).collect()
}

fn step_bytes(released: &Released) -> u64 {
    released.release.packs.iter().find(|pack| pack.from.is_some()).expect("a step").length
}

fn exchange(world: &World, bundle: &str, old: &str, new: &str, content: &[u8]) {
    fs::remove_file(world.path("trees").join(bundle).join(old)).expect("there");
    world.write(bundle, new, content);
}

#[test]
fn what_is_called_otherwise_is_found_by_its_content() {
    let world = World::new();
    world.write("web", "usr/lib/one/plugin.so", &program(4));
    world.write("web", "usr/lib/two/module.so", &program(5));
    world.release(10).expect("good input");
    world.write("os-core", "usr/bin/tool", &edited(program(1)));
    exchange(&world, "web", "usr/bin/server", "usr/libexec/daemon", &edited(program(2)));
    exchange(&world, "web", "usr/lib/libx.so.1.2.3", "usr/lib/libx.so.1.2.4", &edited(program(3)));
    // The one of the same name is another program, and the one that it is like lay elsewhere.
    exchange(&world, "web", "usr/lib/two/module.so", "usr/lib/three/plugin.so", &edited(program(5)));
    world.write("web", "usr/share/new", &program(6));
    let released = world.release(20).expect("good input");
    assert_eq!(told(&released), [("same path", 1), ("renamed", 1), ("similar", 2), ("whole", 1)]);
    assert_eq!(released.sources[0].1.whole.bytes, program(6).len() as u64);
    let bytes = step_bytes(&released);
    assert!(bytes < program(6).len() as u64 + 4000, "little more than what is whole: {bytes}");
    assert_eq!(world.check().findings, []);
}

#[test]
fn a_name_counts_where_no_content_is_alike() {
    let world = World::new();
    world.write("web", "usr/lib/one/plugin.so", &program(4));
    world.release(10).expect("good input");
    exchange(&world, "web", "usr/lib/one/plugin.so", "usr/lib/two/plugin.so", &program(5));
    assert_eq!(told(&world.release(20).expect("good input")), [("same name", 1)]);
}

#[test]
fn gzip_files_are_compared_by_what_is_inside() {
    let world = World::new();
    world.write("web", "usr/share/doc/one/notes.gz", &notes("old"));
    world.release(10).expect("good input");
    exchange(&world, "web", "usr/share/doc/one/notes.gz", "usr/share/doc/two/changes.gz", &notes("new"));
    assert_eq!(told(&world.release(20).expect("good input")), [("similar", 1)]);
}

#[test]
fn what_a_machine_may_lack_is_no_base() {
    let world = World::new();
    world.release(10).expect("good input");
    // Machines with os-core alone have no server.
    world.write("os-core", "usr/libexec/daemon", &edited(program(2)));
    assert_eq!(told(&world.release(20).expect("good input")), [("whole", 1)]);
}

#[test]
fn where_paths_tell_enough_nothing_is_read() {
    let world = World::new();
    world.release(10).expect("good input");
    fs::remove_file(world.path("trees/web/usr/lib/libx.so.1.2.3")).expect("there");
    let object = world.path("site").join(Release::object_path(Digest::of(&program(3))));
    fs::write(&object, b"no object").expect("write");
    world.write("web", "usr/bin/server", &edited(program(2)));
    assert_eq!(told(&world.release(20).expect("not read")), [("same path", 1)]);
    world.write("web", "usr/lib/another", &program(4));
    assert_eq!(world.release(30).expect_err("what may be alike is read").category(), Category::Integrity);
}
