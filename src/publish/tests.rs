//! Whole publications of small trees: published, damaged, checked.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::*;
use crate::manifest::{BundleManifest, Release};
use crate::report::{Event, Reporter, Silent};
use crate::site::{Access, Owners, Site};
use crate::types::{Digest, Entry, Kind, Version};
mod similar;

/// Publishing time of all tests: 2024-01-01.
const NOW: i64 = 1_704_067_200;

/// Input trees and a publication in a directory that goes with the value.
struct World {
    place: tempfile::TempDir,
}

impl World {
    /// `os-core` and `web`, which share a directory and a file; a publication without releases.
    fn new() -> Self {
        let world = Self { place: tempfile::tempdir().expect("a directory") };
        world.define("os-core", "title = \"Core\"\n");
        world.define("web", "title = \"Web\"\nalso_add = []\n");
        world.write("os-core", "usr/bin/tool", &program(1));
        world.write("os-core", "usr/share/doc/shared", b"said once");
        symlink("tool", world.path("trees/os-core/usr/bin/alias")).expect("symlink");
        world.write("web", "usr/bin/server", &program(2));
        world.write("web", "usr/lib/libx.so.1.2.3", &program(3));
        world.write("web", "usr/share/doc/shared", b"said once");
        init(&world.path("site"), &world.path("keys"), NOW).expect("an empty place");
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    fn define(&self, bundle: &str, text: &str) {
        fs::create_dir_all(self.path("definitions")).expect("write");
        fs::write(self.path("definitions").join(format!("{bundle}.toml")), text).expect("write");
    }

    fn write(&self, bundle: &str, path: &str, content: &[u8]) {
        let place = self.path("trees").join(bundle).join(path);
        fs::create_dir_all(place.parent().expect("not the root")).expect("write");
        fs::write(&place, content).expect("write");
    }

    fn touch(&self, path: &str, seconds: u64) {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let file = fs::File::open(self.path("trees").join(path)).expect("there");
        file.set_modified(time).expect("touch");
    }

    fn request(&self, version: u32) -> ReleaseRequest {
        ReleaseRequest {
            site: self.path("site"),
            keys: self.path("keys"),
            version: Version::new(version).expect("not zero"),
            definitions: self.path("definitions"),
            trees: self.path("trees"),
            owners: Owners::AllRoot,
            deltas: 3,
            floor: None,
            levels: Levels { objects: 1, from_nothing: 1, steps: 1 },
            published: NOW + i64::from(version),
            latest_mtime: Some(NOW),
        }
    }

    fn release(&self, version: u32) -> Result<Released, PublishError> {
        release(&self.request(version), &Silent)
    }

    fn refusal(&self, version: u32) -> String {
        let error = self.release(version).expect_err("a refusal");
        assert_eq!(error.category(), Category::Usage, "{error}");
        error.to_string()
    }

    fn check(&self) -> Checked {
        let request = CheckRequest { site: self.path("site"), trust: None, now: NOW };
        check(&request, &Silent).expect("a publication")
    }

    fn entry(&self, released: &Released, bundle: &str, path: &str) -> Entry {
        let site = Site::open(&self.path("site"), Access::Read).expect("a publication");
        let bundle = bundle.parse().expect("a name");
        let name = &released.release.bundles[&bundle].manifest;
        let (_, manifest) = published::manifest(&site, &bundle, name).expect("published");
        manifest.tree.find(&path.parse().expect("a path")).expect("an entry").clone()
    }

    /// All files of the publication with their content.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        files_of(&self.path("site"))
    }
}

fn files_of(site: &Path) -> Vec<(String, Vec<u8>)> {
    let site = Site::open(site, Access::Read).expect("a publication");
    let files = site.files().expect("readable");
    files.into_iter().map(|file| (file.path.clone(), site.read(&file.path, file.length).expect("there"))).collect()
}

/// Some content that compresses little and of which a delta is small.
fn program(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..60_000).map(|_| next()).collect()
}

fn edited(mut content: Vec<u8>) -> Vec<u8> {
    content[1000] ^= 1;
    content.extend_from_slice(b"and some more");
    content
}

/// A text of 170 KB that gzip has made 54 KB of; of `old` and `new` a few lines differ.
fn notes(age: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/pack-2");
    fs::read(format!("{folder}/{age}-notes.gz")).expect("a fixture")
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("write");
    for found in fs::read_dir(from).expect("a directory") {
        let found = found.expect("readable");
        let target = to.join(found.file_name());
        if found.file_type().expect("known").is_dir() {
            copy_tree(&found.path(), &target);
        } else {
            fs::copy(found.path(), target).expect("write");
        }
    }
}

#[test]
fn two_releases_are_complete_and_consistent() {
    let world = World::new();
    assert!(world.check().findings.is_empty(), "also without a release");
    let first = world.release(10).expect("good input");
    world.write("os-core", "usr/bin/tool", &edited(program(1)));
    fs::remove_file(world.path("trees/web/usr/lib/libx.so.1.2.3")).expect("remove");
    world.write("web", "usr/lib/libx.so.1.2.4", &edited(program(3)));
    let second = world.release(20).expect("good input");
    assert_eq!((first.release.floor, second.release.floor), (first.release.version, first.release.version));
    assert_eq!(second.release.predecessors[0].version, first.release.version);
    let step = second.release.packs.iter().find(|pack| pack.from.is_some()).expect("a pack for the step");
    assert_eq!(step.path, "packs/10-20/all");
    assert!(step.length < 4000, "both files are deltas, the renamed one too: {} bytes", step.length);
    let checked = world.check();
    assert_eq!(checked.findings, []);
    assert_eq!(checked.unreferenced, [""; 0]);
    assert_eq!((checked.releases, checked.packs), (2, 5));
    // A third release reaches both others, and has a pack from each.
    let third = world.release(30).expect("good input");
    let versions =
        |release: &Release| release.predecessors.iter().map(|name| name.version.number()).collect::<Vec<_>>();
    assert_eq!(versions(&third.release), [20, 10]);
    for version in [40, 50] {
        world.release(version).expect("good input");
    }
    let last = world.release(60).expect("good input");
    assert_eq!(versions(&last.release), [50, 40, 20], "1, 2 and 4 before");
    assert_eq!(world.check().findings, []);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, other) = (World::new(), World::new());
    fs::remove_dir_all(other.path("keys")).expect("remove");
    fs::remove_dir_all(other.path("site")).expect("remove");
    copy_tree(&one.path("keys"), &other.path("keys"));
    let made = init(&other.path("site"), &other.path("keys"), NOW).expect("an empty place");
    assert!(made.keys_reused);
    for world in [&one, &other] {
        world.write("web", "usr/share/doc/notes.gz", &notes("old"));
        world.release(10).expect("good input");
        world.write("web", "usr/bin/server", &edited(program(2)));
        world.write("web", "usr/share/doc/notes.gz", &notes("new"));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("threads");
    one.release(20).expect("good input");
    pool.install(|| other.release(20)).expect("good input");
    let (files, others) = (one.files(), other.files());
    assert!(files.len() > 15);
    for (file, other) in files.iter().zip(&others) {
        assert_eq!(file.0, other.0);
        assert!(file.1 == other.1, "{}", file.0);
    }
    assert_eq!(files.len(), others.len());
}

#[test]
fn an_equal_file_keeps_its_time_and_its_release() {
    let world = World::new();
    world.touch("os-core/usr/bin/tool", 1000);
    world.touch("os-core/usr/share/doc/shared", 1000);
    world.touch("web/usr/share/doc/shared", 2000);
    world.touch("os-core/usr/bin", 1000);
    world.touch("web/usr/bin", 1000);
    let first = world.release(10).expect("times are no disagreement");
    let shared = world.entry(&first, "os-core", "usr/share/doc/shared");
    assert_eq!(shared.metadata.mtime.seconds, 2000, "the newest counts");
    assert_eq!(shared, world.entry(&first, "web", "usr/share/doc/shared"));

    world.touch("os-core/usr/bin/tool", 5000);
    world.touch("os-core/usr/bin", 5000);
    world.write("web", "usr/bin/server", b"other content");
    world.touch("web/usr/bin/server", 5000);
    let second = world.release(20).expect("good input");
    let facts = |released: &Released, bundle, path| {
        let entry = world.entry(released, bundle, path);
        let since = match entry.kind {
            Kind::File { since, .. } => since.number(),
            _ => 0,
        };
        (entry.metadata.mtime.seconds, since)
    };
    assert_eq!(facts(&second, "os-core", "usr/bin/tool"), (1000, 10));
    assert_eq!(facts(&second, "web", "usr/bin/server"), (5000, 20));
    assert_eq!(facts(&second, "os-core", "usr/bin"), (1000, 0), "the same names in it");
    assert_eq!(
        first.release.bundles["os-core"].manifest, second.release.bundles["os-core"].manifest,
        "a bundle in which nothing changed keeps its manifest"
    );

    world.write("web", "usr/bin/new", b"");
    world.touch("web/usr/bin", NOW as u64 + 99);
    fs::set_permissions(world.path("trees/os-core/usr/bin/tool"), fs::Permissions::from_mode(0o755)).expect("chmod");
    let third = world.release(30).expect("good input");
    assert_eq!(facts(&third, "os-core", "usr/bin"), (NOW, 0), "another name in it, and no time is later than allowed");
    assert_eq!(facts(&third, "os-core", "usr/bin/tool"), (1000, 10), "another mode is no other content");
    assert_eq!(world.check().findings, []);
}

#[test]
fn what_cannot_be_published_is_refused_by_name() {
    type Change = fn(&World);
    let cases: [(Change, &[&str]); 10] = [
        (|w| w.write("web", "usr/share/doc/shared", b"said otherwise"), &["os-core and web", "usr/share/doc/shared"]),
        (
            |w| {
                let place = w.path("trees/web/usr/bin");
                fs::set_permissions(place, fs::Permissions::from_mode(0o700)).expect("chmod");
            },
            &["os-core and web", "usr/bin", "mode 755 and 700"],
        ),
        (|w| w.write("web", "etc/passwd", b""), &["bundle web", "etc lies beside usr"]),
        (|w| w.define("web", "title = \"x\"\nincludes = [\"ghost\"]\n"), &["bundle web includes ghost"]),
        (|w| w.define("web", "title = \"x\"\nalso_add = [\"ghost\"]\n"), &["bundle web also_adds ghost"]),
        (
            |w| {
                w.define("web", "title = \"x\"\nincludes = [\"site\"]\n");
                w.define("site", "title = \"x\"\nincludes = [\"web\"]\n");
            },
            &["circle", "site", "web"],
        ),
        (|w| w.define("os-core", "title = \"x\"\nincludes = [\"web\"]\n"), &["os-core -> web -> os-core"]),
        (|w| w.define("empty", "title = \"x\"\n"), &["bundle empty", "no tree"]),
        (|w| fs::remove_file(w.path("definitions/os-core.toml")).expect("remove"), &["no bundle os-core"]),
        (|w| w.define("web", "titel = \"x\"\n"), &["web.toml is not valid"]),
    ];
    for (change, wanted) in cases {
        let world = World::new();
        change(&world);
        let said = world.refusal(10);
        assert!(wanted.iter().all(|word| said.contains(word)), "{said}\n  not: {wanted:?}");
    }
    let world = World::new();
    world.release(10).expect("good input");
    for version in [9, 10] {
        assert!(world.refusal(version).contains("not newer than release 10"));
    }
    for floor in [9, 21] {
        let request = ReleaseRequest { floor: Version::new(floor), ..world.request(20) };
        let error = release(&request, &Silent).expect_err("a refusal");
        assert!(matches!(error, PublishError::BadFloor { .. }));
    }
    let keys = world.path("new/keys");
    assert!(matches!(init(&world.path("new"), &keys, NOW), Err(PublishError::KeysInside { .. })));
    assert!(init(&world.path("site"), &world.path("keys"), NOW).is_err(), "not empty");
    assert_eq!(default_keys(Path::new("a/site/")), Path::new("a/site.keys"));
}

#[test]
fn bundles_that_only_include_and_trees_without_definition() {
    #[derive(Default)]
    struct Warnings(Mutex<Vec<String>>);
    impl Reporter for Warnings {
        fn report(&self, event: Event) {
            if let Event::Warning(text) = event {
                self.0.lock().expect("no panic").push(text);
            }
        }
    }
    let world = World::new();
    world.define("server", "title = \"All of it\"\nincludes = [\"web\"]\n");
    world.write("full", "usr/bin/tool", b"not what os-core says");
    let warnings = Warnings::default();
    let released = release(&world.request(10), &warnings).expect("good input");
    let said = warnings.0.lock().expect("no panic").join("\n");
    assert!(said.contains("left out: full") && said.contains("owned by 0:0"), "{said}");
    let server = &released.release.bundles["server"];
    assert_eq!((server.files, server.download_bytes), (0, 0));
    assert_eq!(world.entry(&released, "server", "usr"), world.entry(&released, "os-core", "usr"));
    assert_eq!(world.check().findings, []);
    fs::remove_file(world.path("definitions/server.toml")).expect("remove");
    release(&world.request(20), &warnings).expect("good input");
    assert!(
        warnings.0.lock().expect("no panic").iter().any(|text| text.contains("bundle server of release 10 is gone"))
    );
}

#[test]
fn an_archive_is_the_tree_that_is_in_it() {
    let world = World::new();
    let long = format!("usr/share/{}/{}", "d".repeat(120), "n".repeat(120));
    world.write("web", &long, b"a long name");
    fs::hard_link(world.path("trees/web/usr/bin/server"), world.path("trees/web/usr/bin/again")).expect("link");
    symlink("x".repeat(200), world.path("trees/web/usr/share/link")).expect("symlink");
    let _ = rustix::fs::setxattr(
        world.path("trees/web/usr/bin/server"),
        "user.test",
        b"two\nlines\0",
        rustix::fs::XattrFlags::empty(),
    );
    fs::create_dir(world.path("archives")).expect("write");
    for bundle in ["os-core", "web"] {
        let archive = world.path("archives").join(format!("{bundle}.tar"));
        let options = ["--xattrs", "--format=pax", "--owner=0", "--group=0", "--numeric-owner", "-C"];
        let tree = world.path("trees").join(bundle);
        let made =
            std::process::Command::new("tar").args(options).arg(tree).arg("-cf").arg(archive).arg("usr").status();
        assert!(made.expect("GNU tar is there").success());
    }
    init(&world.path("other"), &world.path("keys"), NOW).expect("an empty place");
    world.release(10).expect("good input");
    let request = ReleaseRequest { site: world.path("other"), trees: world.path("archives"), ..world.request(10) };
    release(&request, &Silent).expect("good archives");
    let (files, others) = (files_of(&world.path("site")), files_of(&world.path("other")));
    assert_eq!(
        files.iter().map(|file| &file.0).collect::<Vec<_>>(),
        others.iter().map(|file| &file.0).collect::<Vec<_>>()
    );
    assert!(files == others, "the same names with other bytes");
    assert!(!world.path("other/.staging").exists(), "the spool is gone");

    fs::create_dir(world.path("archives/web")).expect("write");
    let error = release(&ReleaseRequest { version: Version::new(20).expect("not zero"), ..request }, &Silent);
    let error = error.expect_err("a directory and an archive");
    assert!(error.category() == Category::Usage && error.to_string().contains("web.tar"), "{error}");
}

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

#[test]
fn every_planted_damage_is_found() {
    let world = World::new();
    world.release(10).expect("good input");
    world.write("os-core", "usr/bin/tool", &edited(program(1)));
    let second = world.release(20).expect("good input");
    let object = Release::object_path(Digest::of(&program(2)));
    let manifest = Release::manifest_path(second.release.bundles["os-core"].manifest.sha256);
    let document = world.files().into_iter().find(|(path, _)| path.ends_with(".10.json")).expect("there").0;
    let newest = world.files().into_iter().find(|(path, _)| path.ends_with(".20.json")).expect("there").0;
    let head = second.release.packs[0].head.length as usize;
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 1;
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
    type Damage<'a> = Box<dyn Fn(&mut Vec<u8>) + 'a>;
    let cases: Vec<(&str, Damage<'_>, &str)> = vec![
        (&object, Box::new(flip(30_000)), &object),
        (&object, Box::new(cut), &object),
        (&manifest, Box::new(flip(20)), &manifest),
        (&manifest, Box::new(cut), &manifest),
        (&document, Box::new(flip(20)), &document),
        (&newest, Box::new(flip(20)), &newest),
        ("packs/10-20/all", Box::new(flip(10)), "packs/10-20/all"),
        ("packs/10-20/all", Box::new(flip(head + 5)), "packs/10-20/all"),
        (
            "packs/10-20/all",
            Box::new(move |bytes| {
                let last = bytes.len() - 1;
                bytes[last] ^= 1
            }),
            "packs/10-20/all",
        ),
        ("packs/nothing-20/web", Box::new(cut), "packs/nothing-20/web"),
        ("metadata/timestamp.json", Box::new(flip(30)), "metadata/timestamp.json"),
        ("metadata/3.targets.json", Box::new(flip(30)), "metadata/timestamp.json"),
    ];
    for (path, damage, wanted) in cases {
        let place = world.path("site").join(path);
        let good = fs::read(&place).expect(path);
        let mut bad = good.clone();
        damage(&mut bad);
        fs::write(&place, &bad).expect("write");
        let findings = world.check().findings;
        assert!(findings.iter().any(|finding| finding.path == wanted), "{path}: {findings:?}");
        fs::remove_file(&place).expect("remove");
        let findings = world.check().findings;
        assert!(findings.iter().any(|finding| finding.path == wanted), "{path} missing: {findings:?}");
        fs::write(&place, &good).expect("write");
    }
    fs::write(world.path("site/objects/stray"), "").expect("write");
    let checked = world.check();
    assert_eq!((checked.findings.len(), checked.unreferenced), (0, vec!["objects/stray".to_owned()]));

    let trust = world.path("other.json");
    let other = World::new();
    fs::copy(other.path("site/metadata/1.root.json"), &trust).expect("write");
    let request = CheckRequest { site: world.path("site"), trust: Some(trust), now: NOW };
    assert!(!check(&request, &Silent).expect("a publication").findings.is_empty(), "another root");
    let late = CheckRequest { site: world.path("site"), trust: None, now: NOW + 30 * 86_400 };
    assert!(check(&late, &Silent).expect("a publication").findings[0].problem.contains("expired"));
    refresh(&world.path("site"), &world.path("keys"), crate::trust::Resign::Snapshot, NOW + 30 * 86_400).expect("keys");
    assert_eq!(check(&late, &Silent).expect("a publication").findings, []);
}

#[test]
fn nothing_is_built_on_a_damaged_publication() {
    let world = World::new();
    let first = world.release(10).expect("good input");
    let manifest = world.path("site").join(Release::manifest_path(first.release.bundles["web"].manifest.sha256));
    let good = fs::read(&manifest).expect("there");
    fs::write(&manifest, BundleManifest::compress(b"{}")).expect("write");
    assert_eq!(world.release(20).expect_err("damaged").category(), Category::Integrity);
    fs::write(&manifest, good).expect("write");
    let object = world.path("site").join(Release::object_path(Digest::of(&program(2))));
    fs::write(&object, b"no object").expect("write");
    world.write("web", "usr/bin/server", &edited(program(2)));
    assert!(world.release(20).is_err(), "a delta from a damaged object");
    let keys = World::new().path("keys");
    let request = ReleaseRequest { keys, ..world.request(20) };
    assert!(release(&request, &Silent).is_err(), "other keys");
}
