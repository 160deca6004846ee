//! What packs are made of.

use super::*;

#[test]
fn blocks_of_the_release_before_are_taken_over() {
    let world = World::new();
    let text = |seed: u32| (0..40_000).map(|n| format!("{} ", n * n % 7919 + seed)).collect::<String>().into_bytes();
    world.write("os-core", "usr/share/doc/text", &text(1));
    let counts = |released: Released| (released.blocks, released.blocks_reused);
    let at = |version, level| {
        let levels = Levels { objects: 1, from_nothing: level, steps: 1 };
        release(&ReleaseRequest { levels, ..world.request(version) }, &Silent).expect("good input")
    };
    assert_eq!(counts(at(10, 3)), (2, 0));
    world.write("web", "usr/bin/server", &edited(program(2)));
    let second = at(20, 3);
    let pack = |version, bundle: &str| {
        let pack = fs::read(world.path("site").join(format!("packs/nothing-{version}/{bundle}"))).expect("there");
        pack[pack.len() - 1000..].to_vec()
    };
    assert_eq!(counts(second), (2, 1), "that of os-core");
    assert_eq!(pack(10, "os-core"), pack(20, "os-core"));
    assert_eq!(counts(at(30, 9)), (2, 0), "another level makes other bytes");
    assert_eq!(counts(at(40, 9)), (2, 2));
    // Damage to the head, which is read before a block is looked for, and to the block itself.
    for (version, from_end) in [(40, false), (50, true)] {
        let damaged = world.path("site").join(format!("packs/nothing-{version}/os-core"));
        let good = fs::read(&damaged).expect("there");
        let mut bad = good.clone();
        bad[if from_end { good.len() - 20 } else { 20 }] ^= 1;
        fs::write(&damaged, bad).expect("write");
        assert_eq!(counts(at(version + 10, 9)), (2, 1), "damage to release {version}");
        fs::write(&damaged, &good).expect("write");
    }
    assert_eq!(world.check().findings, []);
}

#[test]
fn gzip_files_travel_by_what_is_inside() {
    let world = World::new();
    let at = |version| {
        let levels = Levels { objects: 1, from_nothing: 19, steps: 19 };
        release(&ReleaseRequest { levels, ..world.request(version) }, &Silent).expect("good input")
    };
    let length = |released: &Released, from: bool| {
        let mut packs = released.release.packs.iter();
        packs.find(|pack| pack.from.is_some() == from && (from || pack.path.ends_with("/web"))).expect("a pack").length
    };
    let small = length(&at(10), false);
    world.write("web", "usr/share/doc/notes.gz", &notes("old"));
    let old = notes("old").len() as u64;
    let added = length(&at(20), false) - small;
    assert!(added < old * 9 / 10, "from nothing: {added} bytes for {old}");
    world.write("web", "usr/share/doc/notes.gz", &notes("new"));
    let third = at(30);
    assert!(length(&third, true) < 3000, "by delta: {} bytes", length(&third, true));
    assert_eq!(at(40).blocks_reused, 2, "blocks with forms are taken over too");
    assert_eq!(world.check().findings, []);
}
