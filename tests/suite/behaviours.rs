//! What users of such systems rely on, a test each that carries its name, on two releases made for that.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::json;
use xtask::judge::Tree;
use xtask::programs::{Outcome, Server};
use xtask::publication::Publication;
use xtask::trees::Trees;

use crate::machine::{Machine, assert_equal, error};
use crate::world::{copy, release, world};

/// Releases 10 and 20 in which everything changes that can, and one publication of them.
struct Changes {
    trees: Trees,
    publication: Publication,
    server: Server,
}

/// Names that are no trouble, or should be none.
const NAMES: [&str; 7] =
    ["two words", "-leading-dash", "it's \"quoted\"", "\u{e9}t\u{e9}", "\u{65e5}\u{672c}", "back\\slash", "tab\there"];

fn changes() -> &'static Changes {
    static CHANGES: LazyLock<Changes> = LazyLock::new(Changes::new);
    &CHANGES
}

impl Changes {
    fn new() -> Self {
        let directory = world().directory().keep();
        let trees =
            Trees { definitions: directory.join("definitions"), versions: directory.join("trees"), releases: [10, 20] };
        let publication = Publication::init(&world().programs, &directory, None).expect("a publication");
        for version in trees.releases {
            write(&trees, version);
            release(&world().programs, &publication, &trees, version);
        }
        let server = world().programs.serve(&publication.path).expect("a server");
        Self { trees, publication, server }
    }

    fn machine(&self, release: u32, bundles: &[&str]) -> Machine {
        let machine = Machine::empty();
        let (url, trust, release) = (&self.server.url, self.publication.trust(), release.to_string());
        let mut line: Vec<&str> = vec!["os-install", "--url", url, "--version", &release, "--trust"];
        line.push(trust.to_str().expect("a text"));
        line.extend(bundles.iter().flat_map(|bundle| ["--bundle", bundle]));
        machine.client(line).success().expect("installed");
        machine
    }

    #[track_caller]
    fn assert_holds(&self, machine: &Machine, release: u32, bundles: &[&str]) {
        let wanted = self.trees.expected(release, bundles).expect("the trees are read");
        assert_equal(&wanted, &Tree::of_machine(&machine.root).expect("the machine's tree is read"));
    }
}

/// Writes definitions and trees of a release.
fn write(trees: &Trees, version: u32) {
    let newer = version == 20;
    let _ = fs::remove_dir_all(&trees.definitions);
    let put = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    };
    let define = |bundle: &str, rest: &str| {
        put(&trees.definitions.join(format!("{bundle}.toml")), &format!("title = \"{bundle}\"\n{rest}\n"));
    };
    let top = |bundle: &str| trees.of(version).join(bundle).join("usr");
    define("os-core", "");
    define("shared-one", "");
    define("shared-two", "also_add = [\"optional\"]");
    define("optional", "");
    define("collection", if newer { "includes = [\"shared-one\", \"fresh\"]" } else { "includes = [\"shared-one\"]" });
    for bundle in ["shared-one", "shared-two"] {
        put(&top(bundle).join("share/common"), "of both");
        put(&top(bundle).join("share").join(bundle), bundle);
    }
    put(&top("optional").join("share/optional"), "optional");
    put(&top("collection").join("share/collection"), "collection");
    if newer {
        define("fresh", "");
        put(&top("fresh").join("share/fresh"), "fresh");
    } else {
        define("doomed", "");
        put(&top("doomed").join("share/doomed"), "doomed");
    }

    let core = top("os-core");
    put(&core.join("lib/os-release"), &format!("VERSION={version}\n"));
    let kinds: [&dyn Fn(&Path); 3] =
        [&|path| put(path, "a file"), &|path| put(&path.join("inside/file"), "in a directory"), &|path| {
            symlink("elsewhere", path).expect("linked")
        }];
    for (from, make_old) in kinds.iter().enumerate() {
        for (to, make_new) in kinds.iter().enumerate() {
            let path = core.join(format!("share/kinds/{from}-{to}"));
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            if newer { make_new(&path) } else { make_old(&path) }
        }
    }
    symlink(if newer { "." } else { ".." }, core.join("share/dot")).expect("linked");
    for name in NAMES {
        put(&core.join("share/names").join(name), &format!("{name} {version}"));
    }
    let mode = core.join("bin/mode-only");
    put(&mode, "the same");
    fs::set_permissions(&mode, PermissionsExt::from_mode(if newer { 0o700 } else { 0o755 })).expect("set");
    let owner = core.join("bin/owner-only");
    put(&owner, "the same");
    if newer {
        // Only root may; for others there is nothing to change.
        let _ = std::os::unix::fs::lchown(&owner, Some(1), Some(2));
    }
    // One time for all, so that only what is meant to change does.
    let mut touched = Command::new("find");
    touched.arg(trees.of(version)).args(["-exec", "touch", "-h", "-d", "@1700000000", "{}", "+"]);
    assert!(touched.status().expect("find starts").success());
}

fn warned(outcome: &Outcome, text: &str) -> bool {
    outcome.events.iter().any(|event| event["event"] == "warning" && event.to_string().contains(text))
}

#[test]
fn a_bundle_removed_upstream_is_reported_and_dropped() {
    let machine = changes().machine(10, &["doomed", "optional"]);
    assert_eq!(machine.succeeds(["check-update"]).result["available"], true);
    machine.succeeds(["explain", "usr/share/doomed"]);
    let update = machine.succeeds(["update"]);
    assert!(warned(&update, "has no bundle doomed"), "{:?}", update.events);
    changes().assert_holds(&machine, 20, &["optional"]);
    let again = machine.succeeds(["update"]);
    assert!(again.result["changed"] == false && !warned(&again, "doomed"), "it is told once");
}

#[test]
fn a_bundle_newly_included_by_another_is_installed() {
    let machine = changes().machine(10, &["collection"]);
    assert!(!machine.path("usr/share/fresh").exists());
    machine.succeeds(["update"]);
    assert!(machine.path("usr/share/fresh").exists());
    changes().assert_holds(&machine, 20, &["collection"]);
}

#[test]
fn os_core_is_always_installed() {
    let machine = changes().machine(10, &[]);
    changes().assert_holds(&machine, 10, &[]);
    let result = machine.succeeds(["bundle-add", "optional"]).result;
    assert_eq!(result["bundles"], json!(["optional", "os-core"]));
    machine.refuses(2, ["bundle-remove", "os-core"]);
}

#[test]
fn optional_bundles_come_with_bundle_add_and_not_with_update() {
    let machine = changes().machine(10, &[]);
    machine.succeeds(["bundle-add", "shared-two", "--skip-optional"]);
    machine.succeeds(["update"]);
    changes().assert_holds(&machine, 20, &["shared-two"]);
    // Their absence is no fault.
    machine.succeeds(["diagnose", "--full-verify"]);
    assert_eq!(machine.succeeds(["repair"]).result["changed"], false);
    machine.succeeds(["bundle-add", "shared-two"]);
    changes().assert_holds(&machine, 20, &["shared-two", "optional"]);
}

#[test]
fn an_update_to_the_same_version_changes_nothing() {
    let machine = changes().machine(20, &["optional"]);
    let before = machine.usr();
    for arguments in [&["update"][..], &["update", "--version", "20"], &["update", "--incremental"]] {
        assert_eq!(machine.client(arguments).success().expect("done").result["changed"], false);
    }
    assert_equal(&before, &machine.usr());
}

#[test]
fn an_older_release_is_refused_unless_asked_for_and_one_below_the_floor_always() {
    let behind = &world().server_before.url;
    // A machine that never saw the newer metadata of that publication, but is at the newer release.
    let machine = Machine::installed(20, &[]);
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("removed");
    let refused = machine.refuses(4, ["update", "--url", behind]);
    assert!(error(&refused).expect("an error").to_string().contains("older"));
    machine.succeeds(["update", "--version", "10"]);
    machine.assert_holds(10, &[]);

    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    for version in [10, 20] {
        let trees = &world().trees;
        let input = xtask::publication::Input { version, definitions: &trees.definitions, trees: &trees.of(version) };
        let floor = ["--floor", if version == 20 { "20" } else { "10" }];
        publication.release(&world().programs, input, &floor).expect("it starts").success().expect("published");
    }
    let (url, trust) = (publication.path.display().to_string(), publication.trust().display().to_string());
    let machine = Machine::empty();
    machine.succeeds(["os-install", "--url", &url, "--trust", &trust]);
    machine.refuses(4, ["update", "--version", "10"]);
}

#[test]
fn every_kind_of_entry_becomes_every_other() {
    let machine = changes().machine(10, &[]);
    machine.succeeds(["update"]);
    changes().assert_holds(&machine, 20, &[]);
    machine.succeeds(["update", "--version", "10"]);
    changes().assert_holds(&machine, 10, &[]);
    machine.succeeds(["rollback"]);
    changes().assert_holds(&machine, 20, &[]);
    assert_eq!(fs::read_link(machine.path("usr/share/dot")).expect("a link"), Path::new("."));
}

#[test]
fn only_mode_or_owner_change_without_a_download_of_content() {
    let machine = changes().machine(10, &[]);
    machine.succeeds(["update"]);
    let mode = fs::metadata(machine.path("usr/bin/mode-only")).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    let why = machine.client(["update", "--version", "10"]).success().expect("updated");
    assert_eq!(why.result["changed"], true);
    let explained = machine.succeeds(["explain", "usr/bin/mode-only"]).result;
    assert_eq!((&explained["since"], &explained["next"]["action"]), (&json!(10), &json!("change")));
    changes().assert_holds(&machine, 10, &[]);
}

#[test]
fn names_of_every_kind_are_names() {
    let machine = changes().machine(10, &[]);
    machine.succeeds(["update"]);
    for name in NAMES {
        let path = machine.path("usr/share/names").join(name);
        assert_eq!(fs::read_to_string(&path).expect("there"), format!("{name} 20"));
        fs::remove_file(&path).expect("removed");
    }
    let found = machine.client(["diagnose"]);
    assert_eq!((found.code, found.result["missing"].as_array().map(Vec::len)), (1, Some(NAMES.len())));
    machine.succeeds(["repair"]);
    changes().assert_holds(&machine, 20, &[]);
    let found = machine.succeeds(["search-file", "-leading-dash"]).result;
    assert_eq!(found["matches"][0]["path"], "usr/share/names/-leading-dash");
}

#[test]
fn a_file_of_two_bundles_survives_the_removal_of_one() {
    let machine = changes().machine(20, &["shared-one", "shared-two"]);
    machine.succeeds(["bundle-remove", "shared-one"]);
    assert_eq!(fs::read_to_string(machine.path("usr/share/common")).expect("kept"), "of both");
    changes().assert_holds(&machine, 20, &["shared-two"]);
    machine.succeeds(["bundle-remove", "shared-two"]);
    changes().assert_holds(&machine, 20, &[]);
}

#[test]
fn repair_then_diagnose_is_always_clean() {
    let machine = changes().machine(20, &["collection"]);
    for damage in [
        |machine: &Machine| fs::write(machine.path("usr/share/fresh"), "other").expect("written"),
        |machine: &Machine| fs::remove_dir_all(machine.path("usr/share/names")).expect("removed"),
        |machine: &Machine| fs::write(machine.path("usr/share/stray"), "stray").expect("written"),
        |machine: &Machine| {
            fs::remove_file(machine.path("usr/share/dot")).expect("removed");
            fs::create_dir(machine.path("usr/share/dot")).expect("made");
        },
        |machine: &Machine| {
            let mode = PermissionsExt::from_mode(0o777);
            fs::set_permissions(machine.path("usr/bin/mode-only"), mode).expect("set");
        },
    ] {
        damage(&machine);
        assert_eq!(machine.client(["diagnose", "--full-verify", "--picky"]).code, 1);
        machine.succeeds(["repair", "--full-verify", "--picky"]);
        machine.succeeds(["diagnose", "--full-verify", "--picky"]);
        changes().assert_holds(&machine, 20, &["collection"]);
    }
}

#[test]
fn a_corrupt_object_aborts_and_names_it() {
    let directory = world().directory();
    let publication = directory.path().join("publication");
    copy(&world().publication.path, &publication);
    fs::remove_dir_all(publication.join("packs")).expect("removed");
    let mut names = Vec::new();
    for folder in fs::read_dir(publication.join("objects")).expect("objects") {
        for object in fs::read_dir(folder.expect("a folder").path()).expect("objects") {
            let path = object.expect("an object").path();
            let length = fs::metadata(&path).expect("there").len();
            fs::write(&path, vec![b'x'; usize::try_from(length).expect("small")]).expect("written");
            names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        }
    }
    let machine = Machine::installed(10, &[]);
    let refused = machine.refuses(4, ["update", "--url", &publication.display().to_string()]);
    let told = error(&refused).expect("an error").to_string();
    assert!(names.iter().any(|name| told.contains(name)), "{told}");
    machine.assert_holds(10, &[]);
}

#[test]
fn state_survives_the_loss_of_etc_and_var() {
    let machine = changes().machine(10, &["collection"]);
    for name in ["etc", "var"] {
        fs::create_dir_all(machine.path(name).join("x")).expect("made");
        fs::remove_dir_all(machine.path(name)).expect("removed");
    }
    let bundles = machine.succeeds(["info"]).result["bundles"].clone();
    let explicit = |name: &str| {
        let bundle = bundles.as_array().expect("a list").iter().find(|bundle| bundle["name"] == name);
        bundle.expect("installed")["explicit"].clone()
    };
    assert_eq!((explicit("collection"), explicit("shared-one")), (json!(true), json!(false)));
    machine.succeeds(["update"]);
    changes().assert_holds(&machine, 20, &["collection"]);
}

#[test]
fn update_incremental_goes_over_every_release() {
    let machine = changes().machine(10, &["optional"]);
    let done = machine.succeeds(["update", "--incremental"]).result;
    assert_eq!((&done["from"], &done["to"], &done["changed"]), (&json!(10), &json!(20), &json!(true)));
    changes().assert_holds(&machine, 20, &["optional"]);
}
