//! Whole publications of small trees: published, damaged, checked.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::manifest::{BundleManifest, Release};
use crate::report::{Event, Reporter, Silent, Step};
use crate::site::{Access, Owners, Site, SiteError};
use crate::types::{Digest, Entry, Kind, Version};

mod compose;
mod damage;
mod input;
mod packs;
mod prune;
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
    let files = site.list().files.into_iter();
    files.map(|path| (path.clone(), site.read(&path, u64::MAX).expect("there"))).collect()
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

/// Killed after each of its documents, `init` is done by the same command; what machines may have seen is not made anew.
#[test]
fn a_publication_whose_making_was_cut_off_is_made_to_the_end() {
    let world = World::new();
    let again = || init(&world.path("site"), &world.path("keys"), NOW);
    let metadata = world.path("site/metadata");
    let names = ["1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"];
    for cut in 0..names.len() {
        for name in &names[cut..] {
            fs::remove_file(metadata.join(name)).expect("remove");
        }
        assert!(again().expect("gone on with").keys_reused);
        assert_eq!(world.check().findings, []);
    }
    let refused = || matches!(again(), Err(PublishError::Site(SiteError::NotEmpty(_))));
    assert!(refused(), "it is published");
    fs::remove_file(metadata.join("timestamp.json")).expect("remove");
    fs::copy(metadata.join("1.targets.json"), metadata.join("2.targets.json")).expect("copy");
    assert!(refused(), "no run of `init` left that");
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
