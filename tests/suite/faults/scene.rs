//! The publication that is fetched over broken networks, and the machines that do so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use stateless_update::trust::{CurrentMetadata, KeyDirectory, Lifetimes, Resign, Role, TrustError, resign};
use xtask::judge::Tree;
use xtask::programs::Outcome;
use xtask::publication::Publication;
use xtask::trees::Trees;

use super::origin::{Files, Origin};
use super::request::Kind;
use crate::world::{copy, release, world};

/// What the machine asked for; there are others, whose part of a pack it leaves out.
const SOME: &[&str] = &["web-server"];
/// What a machine asks for that leaves nothing out, so that many blocks of a pack come in one range.
const ALL: &[&str] = &["web-server", "editors", "openstack-compute"];

/// Releases 10 and 20 of the small OS with files that do not compress, and a root that was renewed.
pub struct Scene {
    /// What is tried.
    pub scenarios: Vec<Scenario>,
    /// An update that takes many blocks at once.
    pub resuming: Scenario,
}

/// A command, where it starts and where it must lead.
pub struct Scenario {
    pub name: &'static str,
    /// The machine before; none for an empty root.
    base: Option<PathBuf>,
    pub files: Files,
    /// An origin that serves them as they are.
    pub sound: Origin,
    pub command: Vec<String>,
    pub before: Tree,
    pub target: Tree,
    /// What it has when the last release is kept from it.
    pub frozen: Tree,
    /// What it asks for when nothing is wrong.
    pub kinds: BTreeSet<Kind>,
    /// How many ranges of packs it asks for, heads not counted.
    pub pack_ranges: usize,
}

/// The scene, made by whoever asks first.
pub fn scene() -> &'static Scene {
    static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);
    &SCENE
}

/// The tree of a machine; empty when there is none.
pub fn tree_of(root: &Path) -> Tree {
    if root.join("usr").exists() { Tree::of_machine(root).expect("read") } else { Tree::default() }
}

impl Scene {
    fn new() -> Self {
        let directory = world().directory().keep();
        let trees = trees(&directory);
        let publication = Publication::init(&world().programs, &directory, None).expect("a publication");
        let older = directory.join("older");
        release(&world().programs, &publication, &trees, 10);
        copy(&publication.path, &older);
        release(&world().programs, &publication, &trees, 20);
        renew_root(&publication);
        let without_packs = directory.join("without-packs");
        copy(&publication.path, &without_packs);
        fs::remove_dir_all(without_packs.join("packs")).expect("removed");

        let trust = publication.trust().to_str().expect("UTF-8").to_owned();
        let install = |bundles: &[&str]| -> Vec<String> {
            let bundles = bundles.iter().flat_map(|bundle| ["--bundle", bundle]);
            ["os-install", "--trust", &trust].into_iter().chain(bundles).map(str::to_owned).collect()
        };
        let at_10 = Origin::new(&Files { now: older.clone(), older: older.clone() }, "", None);
        let installed = |name: &str, bundles: &[&str]| {
            let (machine, install) = (directory.join(name), install(bundles));
            fs::create_dir(&machine).expect("a root");
            let arguments = install.iter().map(String::as_str).chain(["--url", &at_10.url]);
            world().programs.client(&machine, arguments).and_then(Outcome::success).expect("installed");
            machine
        };
        let trees_of = |bundles| trees.releases.map(|release| trees.expected(release, bundles).expect("trees"));
        let (machine, [ten, twenty]) = (installed("some", SOME), trees_of(SOME));
        let update = vec!["update".to_owned()];
        let with_packs = Files { now: publication.path.clone(), older };
        let objects = Files { now: without_packs, ..with_packs.clone() };
        let updating = |name, files| Scenario::new(name, Some(&machine), files, &update, [&ten, &twenty, &ten]);
        let nothing = Tree::default();
        let (larger, [before, after]) = (installed("all", ALL), trees_of(ALL));
        let trees = [&before, &after, &before];
        Self {
            resuming: Scenario::new("resuming", Some(&larger), with_packs.clone(), &update, trees),
            scenarios: vec![
                updating("update", with_packs.clone()),
                updating("update-by-objects", objects),
                Scenario::new("os-install", None, with_packs, &install(SOME), [&nothing, &twenty, &ten]),
            ],
        }
    }
}

impl Scenario {
    fn new(
        name: &'static str,
        base: Option<&Path>,
        files: Files,
        command: &[String],
        [before, target, frozen]: [&Tree; 3],
    ) -> Self {
        let sound = Origin::new(&files, "", None);
        let mut scenario = Self {
            name,
            base: base.map(Path::to_owned),
            files,
            sound,
            command: command.to_vec(),
            before: before.clone(),
            target: target.clone(),
            frozen: frozen.clone(),
            kinds: BTreeSet::new(),
            pack_ranges: 0,
        };
        let directory = world().directory();
        let root = scenario.machine(directory.path());
        let arguments = scenario.command.iter().map(String::as_str).chain(["--url", &scenario.sound.url]);
        world().programs.client(&root, arguments).and_then(Outcome::success).expect("it succeeds");
        let differences = target.differences(&tree_of(&root));
        assert!(differences.is_empty(), "{differences}");
        let asked: Vec<Kind> = scenario.sound.take_log().iter().map(|entry| entry.request.kind()).collect();
        scenario.pack_ranges = asked.iter().filter(|kind| **kind == Kind::PackRange).count();
        scenario.kinds = asked.into_iter().collect();
        scenario
    }

    /// The machine that it starts from, in that directory.
    pub fn machine(&self, directory: &Path) -> PathBuf {
        let root = directory.join("root");
        match &self.base {
            Some(base) => copy(base, &root),
            None => fs::create_dir(&root).expect("a root"),
        }
        root
    }
}

/// The small OS, and in release 20 files that do not compress: in the core, in what the machine has, and in what it has
/// not, so that its part of a pack has gaps.
fn trees(directory: &Path) -> Trees {
    let versions = directory.join("trees");
    for version in world().trees.releases {
        copy_into(&world().trees.of(version), &versions.join(version.to_string()));
    }
    for (bundle, count) in [("os-core", 3), ("editors", 3), ("web-server", 3)] {
        let shared = versions.join("20").join(bundle).join("usr/share");
        let place = shared.join(format!("noise-{bundle}"));
        fs::create_dir_all(&place).expect("a directory");
        for number in 0..count {
            fs::write(place.join(format!("noise-{number}")), noise(bundle, number)).expect("written");
        }
        // Bundles agree about the directories that they share, and the time of this one is another now.
        let before = world().trees.of(20).join(bundle).join("usr/share");
        let set = std::process::Command::new("touch").arg("-r").args([before, shared]).status();
        assert!(set.expect("touch starts").success());
    }
    Trees { definitions: world().trees.definitions.clone(), versions, releases: world().trees.releases }
}

fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("it lies in a directory")).expect("directories");
    copy(from, to);
}

fn noise(bundle: &str, number: u64) -> Vec<u8> {
    let mut state = bundle.bytes().fold(number + 1, |sum, byte| (sum << 7) ^ u64::from(byte));
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(24 << 10).collect()
}

/// Signs root 2 and everything below it.
fn renew_root(publication: &Publication) {
    let read = |path: &str, _| Ok::<_, TrustError>(fs::read(publication.path.join(path)).ok());
    let keys = KeyDirectory::open(&publication.keys);
    for role in [Role::Root, Role::Targets] {
        let current = CurrentMetadata::read(read).expect("the publication is sound");
        let now = jiff::Timestamp::now();
        let signed = resign(&current, &keys, Resign::From(role), &Lifetimes::default(), now).expect("signed");
        for document in signed {
            fs::write(publication.path.join(&document.path), &document.bytes).expect("written");
        }
    }
}
