//! Every file of a publication, damaged in turn: the client either finds another way to the right tree, or refuses and
//! leaves everything as it was; and `stateless-publish check` sees it.

use std::fs;
use std::path::{Path, PathBuf};

use xtask::judge::{Kind, Tree};
use xtask::programs::Server;

use crate::machine::{Machine, assert_equal};
use crate::world::{copy, world};

const BUNDLES: &[&str] = &["openstack-compute", "editors"];

/// What is done to a file.
type Damage = fn(&[u8]) -> Vec<u8>;

const DAMAGES: [(&str, Damage); 2] = [
    ("one bit flipped", |content| {
        let mut content = content.to_vec();
        let middle = content.len() / 2;
        content[middle] ^= 0x10;
        content
    }),
    ("cut in half", |content| content[..content.len() / 2].to_vec()),
];

/// A copy of the publication of which one file at a time is damaged.
struct Tampered {
    path: PathBuf,
    files: Vec<PathBuf>,
    _directory: tempfile::TempDir,
}

impl Tampered {
    fn new() -> Self {
        let directory = world().directory();
        let path = directory.path().join("publication");
        copy(&world().publication.path, &path);
        let tree = Tree::read(&path).expect("the publication is read");
        let is_file = |kind: &Kind| matches!(kind, Kind::File { size: 1.., .. });
        let files = tree.nodes().iter().filter(|(_, node)| is_file(&node.kind)).map(|(path, _)| path.clone()).collect();
        Self { path, files, _directory: directory }
    }

    fn serve(&self) -> Server {
        world().programs.serve(&self.path).expect("a server")
    }

    /// Calls `attempt` once for each file and damage, with what was done.
    fn each(&self, attempt: impl Fn(&str)) {
        for file in &self.files {
            let path = self.path.join(file);
            let content = fs::read(&path).expect("read");
            for (name, damage) in DAMAGES {
                put(&path, &damage(&content));
                attempt(&format!("{}, {name}", file.display()));
            }
            put(&path, &content);
        }
    }
}

/// Puts a file with that content in a file's place.
fn put(path: &Path, content: &[u8]) {
    let new = path.with_extension("put");
    fs::write(&new, content).expect("written");
    fs::rename(new, path).expect("renamed");
}

#[test]
fn an_update_takes_another_way_or_refuses() {
    let tampered = Tampered::new();
    let server = tampered.serve();
    let at_10 = Machine::installed(10, BUNDLES);
    let before = at_10.usr();
    tampered.each(|what| {
        let machine = at_10.twin();
        let outcome = machine.client(["update", "--url", &server.url, "--max-retries", "0", "--retry-delay", "0"]);
        match outcome.code {
            0 => machine.assert_holds(20, BUNDLES),
            3 | 4 => assert_equal(&before, &machine.usr()),
            _ => panic!("{what}: {}\n{}", outcome.told(), outcome.stderr),
        }
    });
}

#[test]
fn an_installation_takes_another_way_or_refuses() {
    let tampered = Tampered::new();
    // Without packs every object matters.
    fs::remove_dir_all(tampered.path.join("packs")).expect("the packs are removed");
    let files = tampered.files.iter().filter(|file| !file.starts_with("packs")).cloned().collect();
    let tampered = Tampered { files, ..tampered };
    let server = tampered.serve();
    tampered.each(|what| {
        let machine = Machine::empty();
        let outcome = machine.install(&server.url, 20, &["editors"]);
        match outcome.code {
            0 => machine.assert_holds(20, &["editors"]),
            3 | 4 => assert!(!machine.path("usr").exists(), "{what}: something was installed"),
            _ => panic!("{what}: {}\n{}", outcome.told(), outcome.stderr),
        }
    });
}

#[test]
fn the_publisher_sees_all_damage() {
    let tampered = Tampered::new();
    let path = tampered.path.clone();
    let check = || world().programs.publish(["check".as_ref(), path.as_os_str()], None).expect("it starts");
    check().success().expect("undamaged");
    // Metadata that newer metadata has replaced is no longer part of what is proved.
    let files = tampered.files.iter().filter(|file| !is_superseded(file, &tampered.files)).cloned().collect();
    let tampered = Tampered { files, ..tampered };
    // The object of nothing has bits in its frame header that mean nothing: flipped, it is still the object of nothing.
    let is_still_whole = |what: &str| what.starts_with("objects/e3/e3b0c44298fc1c14") && what.ends_with("flipped");
    tampered.each(|what| assert!(check().code != 0 || is_still_whole(what), "{what}: not seen"));
    check().success().expect("undamaged again");
}

/// Whether a file such as `metadata/1.targets.json` has a successor of the same role.
fn is_superseded(file: &Path, files: &[PathBuf]) -> bool {
    let parts = |file: &Path| {
        let name = file.strip_prefix("metadata").ok()?.to_str()?.to_owned();
        let (number, role) = name.split_once('.')?;
        Some((number.parse::<u64>().ok()?, role.to_owned()))
    };
    let Some((number, role)) = parts(file).filter(|(_, role)| role != "root.json") else { return false };
    files.iter().filter_map(|other| parts(other)).any(|(other, same)| same == role && other > number)
}
