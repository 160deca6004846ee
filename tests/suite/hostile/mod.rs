//! Hostile publications: `fixtures/hostile` holds one folder for each, made and signed here.
//!
//! Each is met by `os-install` and `update`, from a directory and over HTTP, in bounded memory. A refusal must leave
//! everything as it was, inside the root and beside it; where there is another way to the right tree, the machine must
//! get there. That the good publication, made by the same code and signed by the same keys, is taken shows that no
//! refusal is for a wrong reason.

mod catalogue;
mod deltas;
mod documents;
mod draft;
mod forge;
mod manifest_texts;
mod manifests;
mod metadata;
mod objects;
mod packs;
mod raw_pack;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stateless_update::trust::KeyDirectory;
use xtask::judge::Tree;
use xtask::programs::Outcome;

use crate::machine::{assert_equal, checked, error};
use crate::world::{CHECKOUT, copy, skipped, world};
use draft::Files;

/// The most memory that a client may take: private memory, which is what a bomb would fill.
const MEMORY_BYTES: u64 = 256 << 20;

fn fixtures() -> PathBuf {
    Path::new(CHECKOUT).join("fixtures/hostile")
}

/// Everything as it should be in [`fixtures`].
fn generated() -> Files {
    let keys = world().directory();
    for name in forge::KEYS {
        fs::write(keys.path().join(format!("{name}.pem")), forge::pem(name)).expect("a key");
    }
    catalogue::files(KeyDirectory::open(keys.path()))
}

/// Files of a directory, but for the page for readers.
fn read(directory: &Path) -> Files {
    let mut files = Files::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("beneath").to_str().expect("UTF-8").to_owned();
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files.remove("README.md");
    files
}

/// What `cargo xtask hostile` runs.
#[test]
#[ignore = "writes fixtures/hostile"]
fn write_fixtures() {
    let generated = generated();
    for path in read(&fixtures()).keys().filter(|path| !generated.contains_key(*path)) {
        fs::remove_file(fixtures().join(path)).expect("removed");
    }
    for (path, bytes) in &generated {
        let path = fixtures().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, bytes).expect("written");
    }
}

#[test]
fn fixtures_are_fresh_and_small() {
    let (expected, found) = (generated(), read(&fixtures()));
    let stale: Vec<_> =
        expected.iter().filter(|(path, bytes)| found.get(*path) != Some(*bytes)).map(|(path, _)| path).collect();
    assert!(stale.is_empty(), "stale, run `cargo xtask hostile`: {stale:?}");
    let extra: Vec<_> = found.keys().filter(|path| !expected.contains_key(*path)).collect();
    assert!(extra.is_empty(), "made by nobody, run `cargo xtask hostile`: {extra:?}");
    let bytes: usize = found.values().map(Vec::len).sum();
    assert!(bytes < 1_500_000, "{bytes} bytes");
}

/// A place with a root in it and nothing else.
struct Place {
    directory: tempfile::TempDir,
    root: PathBuf,
}

impl Place {
    fn empty() -> Self {
        let directory = world().directory();
        let root = directory.path().join("root");
        fs::create_dir(&root).expect("a root");
        fs::create_dir(directory.path().join("canary")).expect("a canary");
        Self { directory, root }
    }

    fn twin(&self) -> Self {
        let twin = Self::empty();
        copy(&self.root, &twin.root);
        twin
    }

    /// Runs the client in bounded memory.
    fn client(&self, command: &str, url: &str) -> Result<Outcome, String> {
        let limit = format!("--data={MEMORY_BYTES}");
        let prefix: &[&str] = if has_prlimit() { &["prlimit", &limit] } else { &[] };
        let trust = fixtures().join("good/publication-1/metadata/1.root.json");
        let mut arguments = vec![command, "--url", url];
        if command == "os-install" {
            arguments.extend(["--trust", trust.to_str().expect("UTF-8")]);
        }
        Ok(checked(
            world().programs.client_within(prefix, &self.root, arguments).map_err(|error| format!("{error:#}"))?,
        ))
    }

    /// The same, and it must succeed.
    fn succeeds(&self, command: &str, url: &str) -> Result<Outcome, String> {
        self.client(command, url)?.success().map_err(|error| format!("{error:#}"))
    }

    /// Everything but what the client keeps beside the trees: `usr` with its record, what else is in the root, and what lies
    /// beside that.
    fn all(&self) -> Tree {
        let tree = Tree::read(self.directory.path()).expect("read");
        // The root itself changes when the client makes a place for itself.
        let made = ["root", "canary"].map(Path::new);
        tree.filtered(|path| !made.contains(&path) && !path.starts_with("root/.stateless-update"))
    }
}

/// Without the record, which also tells by which ways the machine came to its tree.
fn without_record(tree: Tree) -> Tree {
    tree.filtered(|path| !path.starts_with("root/usr/share/stateless-update"))
}

/// What a run told as errors and warnings.
fn told(outcome: &Outcome) -> Vec<String> {
    let matters = |event: &&Value| event["event"] == "error" || event["event"] == "warning";
    outcome.events.iter().filter(matters).map(Value::to_string).collect()
}

/// What the good publication leads to.
struct Good {
    /// The tree, without its record.
    tree: Tree,
    /// What an update to it asks for.
    requests: u64,
}

fn has_prlimit() -> bool {
    std::process::Command::new("prlimit").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// An attack as a test reads it, from its folder.
struct Folder {
    name: String,
    description: Value,
}

impl Folder {
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = fs::read_dir(fixtures())
            .expect("fixtures/hostile")
            .map(|entry| entry.expect("an entry").path())
            .filter_map(|path| {
                let text = fs::read_to_string(path.join("attack.json")).ok()?;
                let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
                Some(Self { name, description: serde_json::from_str(&text).expect("JSON") })
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(all.len() > 100, "{} attacks", all.len());
        all
    }

    fn met_by(&self, command: &str) -> bool {
        self.description["commands"].as_array().expect("commands").iter().any(|name| name == command)
    }

    /// Lets the client meet the attack; says what is not as it should be.
    fn meet(&self, command: &str, url: &str, before: &Place, good: &Good) -> Result<(), String> {
        let place = before.twin();
        let (code, says) = (&self.description["exit_code"], self.description["says"].as_str().expect("text"));
        let outcome = place.client(command, url).map_err(|error| format!("{}: {error}", self.name))?;
        let told = told(&outcome);
        let mut wrong = Vec::new();
        if outcome.code != *code {
            wrong.push(format!("exit code {} instead of {code}", outcome.code));
        }
        if says.is_empty() && !told.is_empty() {
            wrong.push("it says something where there is nothing to say".to_owned());
        }
        if !says.is_empty() && !told.iter().any(|told| told.contains(says)) {
            wrong.push(format!("it does not say `{says}`"));
        }
        if outcome.code != 0 && (error(&outcome).is_none() || says.is_empty()) {
            wrong.push("it tells no error, or which is not known".to_owned());
        }
        let requests = outcome.number("requests");
        if self.description["asks_more"] == true && requests <= good.requests {
            wrong.push(format!("{requests} requests, no more than the good publication takes"));
        }
        let differences = match self.description["release_after"].is_null() {
            true => before.all().differences(&place.all()),
            false => good.tree.differences(&without_record(place.all())),
        };
        if !differences.is_empty() {
            wrong.push(differences.to_string());
        }
        if outcome.stderr.contains("panicked") || outcome.stderr.contains('\u{1b}') {
            wrong.push(format!("standard error: {}", outcome.stderr));
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(format!("{}: {}\n{}\n{}", self.name, wrong.join("; "), told.join("\n"), outcome.result)),
        }
    }
}

/// Lets a command meet all attacks; `url` gives the address of a folder's publication.
fn meet_all(command: &str, url: impl Fn(&str) -> String) {
    if !has_prlimit() {
        skipped("bounded memory against hostile publications", "`prlimit` (util-linux) is not installed");
    }
    let machine = Place::empty();
    let first = url("good/publication-1");
    machine.succeeds("os-install", &first).expect("the good release 10 is installed");
    let updated = machine.twin();
    let outcome = updated.succeeds("update", &url("good/publication-2")).expect("the good release 20 is taken");
    assert!(told(&outcome).is_empty(), "{:?}", told(&outcome));
    let before = if command == "update" { &machine } else { &Place::empty() };
    let attacks: Vec<_> = Folder::all().into_iter().filter(|attack| attack.met_by(command)).collect();
    let good = Good { tree: without_record(updated.all()), requests: outcome.number("requests") };
    let meet = |attack: &Folder| attack.meet(command, &url(&format!("{}/publication", attack.name)), before, &good);
    let failed: Vec<String> = attacks.iter().filter_map(|attack| meet(attack).err()).collect();
    assert!(failed.is_empty(), "{} of {} attacks\n\n{}", failed.len(), attacks.len(), failed.join("\n\n"));
}

fn from_a_directory(path: &str) -> String {
    fixtures().join(path).to_str().expect("UTF-8").to_owned()
}

#[test]
fn an_install_from_a_directory_meets_them_all() {
    meet_all("os-install", from_a_directory);
}

#[test]
fn an_update_from_a_directory_meets_them_all() {
    meet_all("update", from_a_directory);
}

#[test]
fn an_install_over_http_meets_them_all() {
    let server = world().programs.serve(&fixtures()).expect("a server");
    meet_all("os-install", |path| format!("{}{path}/", server.url));
}

#[test]
fn an_update_over_http_meets_them_all() {
    let server = world().programs.serve(&fixtures()).expect("a server");
    meet_all("update", |path| format!("{}{path}/", server.url));
}

/// Its floor would hold where no network is: for a rollback.
#[test]
fn a_release_document_that_is_refused_is_not_remembered() {
    let machine = Place::empty();
    machine.succeeds("os-install", &from_a_directory("good/publication-1")).expect("installed");
    let remembered = |place: &Place| fs::read(place.root.join(".stateless-update/trust/release.json")).expect("there");
    for name in ["release-floor-above-itself", "release-from-the-future"] {
        let place = machine.twin();
        let outcome = place.client("update", &from_a_directory(&format!("{name}/publication"))).expect("it runs");
        assert_eq!(outcome.code, 4, "{}", outcome.told());
        assert!(remembered(&place) == remembered(&machine), "{name}: it was remembered");
    }
}

/// Whatever names or words an attack brings, a terminal gets lines and nothing else.
#[test]
fn what_people_see_of_them_has_no_control_characters() {
    let machine = Place::empty();
    machine.succeeds("os-install", &from_a_directory("good/publication-1")).expect("installed");
    for attack in Folder::all().iter().filter(|attack| attack.met_by("update")) {
        let url = from_a_directory(&format!("{}/publication", attack.name));
        let arguments = ["update", "--dry-run", "--url", &url, "--max-retries", "0"];
        let shown = world().programs.shown(&machine.root, arguments).expect("it starts");
        let text = shown.stdout + &shown.stderr;
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{}: {text:?}", attack.name);
        assert!(!text.contains("\nerror: none"), "{}: {text:?}", attack.name);
    }
}

#[test]
fn the_good_publication_is_good() {
    let place = Place::empty();
    let updated = Place::empty();
    let runs = [
        place.succeeds("os-install", &from_a_directory("good/publication-2")),
        updated.succeeds("os-install", &from_a_directory("good/publication-1")),
        updated.succeeds("update", &from_a_directory("good/publication-2")),
    ];
    for run in runs {
        let told = told(&run.expect("it succeeds"));
        assert!(told.is_empty(), "{told:?}");
    }
    let machine = |place: &Place| Tree::of_machine(&place.root).expect("read");
    assert_equal(&machine(&place), &machine(&updated));
}
