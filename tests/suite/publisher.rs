//! `stateless-publish`: what it refuses, and that equal input gives equal bytes.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::crash::can_trace;
use xtask::judge::{Kind, Tree};
use xtask::programs::Output;
use xtask::publication::{Input, Publication};

use crate::machine::{Machine, signalled};
use crate::world::{copy, release, skipped, world};

/// A publication of its own with release 10, and trees of a release 20 that can be spoilt.
struct Draft {
    publication: Publication,
    definitions: PathBuf,
    trees: PathBuf,
    _directory: tempfile::TempDir,
}

impl Draft {
    fn new() -> Self {
        let world = world();
        let directory = world.directory();
        let publication = Publication::init(&world.programs, directory.path(), None).expect("a publication");
        release(&world.programs, &publication, &world.trees, 10);
        let (definitions, trees) = (directory.path().join("definitions"), directory.path().join("trees"));
        copy(&world.trees.definitions, &definitions);
        copy(&world.trees.of(20), &trees);
        Self { publication, definitions, trees, _directory: directory }
    }

    fn publish(&self) -> Output {
        let input = Input { version: 20, definitions: &self.definitions, trees: &self.trees };
        self.publication.release(&world().programs, input, &[]).expect("the publisher starts")
    }

    /// Asserts that the release is refused with an error that names all of that, and that clients see nothing of it.
    fn refused(&self, named: &[&str]) {
        let metadata = || Tree::read(&self.publication.path.join("metadata")).expect("metadata");
        let before = metadata();
        let output = self.publish();
        assert_ne!(output.code, 0, "{}", output.stdout);
        let told = format!("{}{}", output.stdout, output.stderr);
        for name in named {
            assert!(told.contains(name), "{name:?} is not named: {told}");
        }
        assert_eq!(before, metadata());
    }

    fn path(&self, path: &str) -> PathBuf {
        self.trees.join(path)
    }
}

#[test]
fn special_files_are_refused() {
    let draft = Draft::new();
    let socket = draft.path("editors/usr/share/editors/socket");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    draft.refused(&["editors", "usr/share/editors/socket"]);
    fs::remove_file(socket).expect("removed");

    let make = |name: &str, kind: &[&str]| {
        let path = draft.path("editors/usr/share/editors").join(name);
        let made = Command::new("mknod").arg(&path).args(kind).status().is_ok_and(|status| status.success());
        made.then_some(path)
    };
    let pipe = make("pipe", &["p"]).expect("anyone may make a pipe");
    draft.refused(&["editors", "usr/share/editors/pipe"]);
    fs::remove_file(pipe).expect("removed");

    if make("device", &["c", "1", "3"]).is_none() {
        return skipped("special_files_are_refused (device)", "device nodes cannot be made here");
    }
    draft.refused(&["editors", "usr/share/editors/device"]);
}

#[test]
fn names_that_are_not_utf_8_are_refused() {
    let draft = Draft::new();
    let name = OsStr::from_bytes(b"named-\xff");
    fs::write(draft.path("editors/usr/share/editors").join(name), "").expect("written");
    draft.refused(&["editors", "usr/share/editors/named-"]);
}

/// The path may be a wrong one: nothing is made there, and it is the caller's mistake.
#[test]
fn a_directory_without_a_publication_is_told_as_such() {
    let directory = world().directory();
    let [site, keys, empty] = ["site", "keys", "definitions"].map(|name| directory.path().join(name));
    [&site, &empty].into_iter().for_each(|path| fs::create_dir(path).expect("a directory"));
    let [site, keys, definitions] = [site, keys, empty].map(|path| path.display().to_string());
    let input = ["--version", "1", "--definitions", &definitions, "--trees", &definitions];
    for line in [
        vec!["check", &site],
        vec!["keys", "refresh", &site],
        vec!["keys", "rotate", &site, "--new-keys", &keys],
        [&["release", &site][..], &input].concat(),
    ] {
        let output = world().programs.publish(&line, None).expect("it starts");
        assert!(output.code == 2 && output.stderr.contains("is no publication"), "{line:?}: {}", output.stderr);
    }
    assert!(!Path::new(&keys).exists() && fs::read_dir(&site).expect("a directory").next().is_none());
    world().programs.publish(["init", &site], None).and_then(|output| output.success()).expect("made");
    let output = world().programs.publish([&["release", &site][..], &input].concat(), None).expect("it starts");
    assert!(output.code == 2 && output.stderr.contains("no definition os-core.toml"), "{}", output.stderr);
}

#[test]
fn paths_outside_usr_are_refused() {
    let draft = Draft::new();
    fs::create_dir(draft.path("editors/etc")).expect("a directory");
    fs::write(draft.path("editors/etc/edrc"), "").expect("written");
    draft.refused(&["editors", "etc"]);
}

#[test]
fn attributes_that_file_systems_may_have_no_room_for_are_refused() {
    let draft = Draft::new();
    let noted = draft.path("editors/usr/share/editors/noted");
    fs::write(&noted, "").expect("written");
    if rustix::fs::setxattr(&noted, "user.note", &[b'x'; 3_600], rustix::fs::XattrFlags::empty()).is_err() {
        return skipped(
            "attributes_that_file_systems_may_have_no_room_for_are_refused",
            "the file system here has no room for such attributes",
        );
    }
    draft.refused(&["editors", "usr/share/editors/noted", "user.note", "3584 bytes"]);
}

#[test]
fn bundles_that_disagree_are_refused() {
    type Change = fn(&Path);
    let changes: [Change; 3] = [
        |path| fs::write(path, "other terms").expect("written"),
        |path| fs::set_permissions(path, Permissions::from_mode(0o600)).expect("mode"),
        |path| {
            fs::remove_file(path).expect("removed");
            fs::create_dir(path).expect("a directory");
        },
    ];
    for change in changes {
        let draft = Draft::new();
        change(&draft.path("editors/usr/share/licenses/common/MIT"));
        draft.refused(&["editors", "web-server", "usr/share/licenses/common/MIT"]);
    }
}

#[test]
fn an_included_bundle_must_exist() {
    for field in ["includes", "also_add"] {
        let draft = Draft::new();
        let text = format!("title = \"Editors\"\n{field} = [\"dictionaries\"]\n");
        fs::write(draft.definitions.join("editors.toml"), text).expect("written");
        draft.refused(&["editors", "dictionaries"]);
    }
}

#[test]
fn includes_in_a_circle_are_refused_or_harmless() {
    let draft = Draft::new();
    let text = "title = \"Python\"\nincludes = [\"openstack-compute\"]\n";
    fs::write(draft.definitions.join("python3-basic.toml"), text).expect("written");
    let output = draft.publish();
    assert!(output.code == 0 || output.stderr.contains("python3-basic"), "{}", output.stderr);
}

#[test]
fn a_rebuilt_but_equal_file_is_no_change() {
    let draft = Draft::new();
    fs::remove_dir_all(&draft.trees).expect("removed");
    copy(&world().trees.of(10), &draft.trees);
    let touched = Command::new("find").arg(&draft.trees).args(["-type", "f", "-exec", "touch", "{}", "+"]).status();
    assert!(touched.is_ok_and(|status| status.success()));
    draft.publish().success().expect("published");
    let server = world().programs.serve(&draft.publication.path).expect("a server");
    let machine = Machine::empty();
    let trust = draft.publication.trust();
    let trust = trust.to_str().expect("UTF-8");
    machine.succeeds(["os-install", "--version", "10", "--url", &server.url, "--trust", trust]);
    let update = machine.succeeds(["update"]);
    for field in ["files_added", "files_changed", "files_removed"] {
        assert_eq!(update.number(field), 0, "{field}: {}", update.told());
    }
    machine.assert_holds(10, &[]);
    assert_eq!(machine.succeeds(["info"]).result["version"], 20);
}

#[test]
fn equal_input_gives_equal_bytes() {
    let world = world();
    let directory = world.directory();
    let first = directory.path().join("first");
    fs::create_dir(&first).expect("a directory");
    let first = Publication::init(&world.programs, &first, Some(1_750_000_000)).expect("a publication");
    let second = directory.path().join("second");
    copy(&directory.path().join("first"), &second);
    let second =
        Publication { path: second.join("publication"), keys: second.join("keys"), epoch: Some(1_750_000_000) };
    let contents = |publication: &Publication| {
        for version in [10, 20] {
            release(&world.programs, publication, &world.trees, version);
        }
        let tree = Tree::read(&publication.path).expect("the publication is read");
        let kinds: Vec<(PathBuf, Kind)> =
            tree.nodes().iter().map(|(path, node)| (path.clone(), node.kind.clone())).collect();
        kinds
    };
    let (first, second) = (contents(&first), contents(&second));
    for (one, other) in first.iter().zip(&second) {
        assert_eq!(one, other);
    }
    assert_eq!(first.len(), second.len());
}

#[test]
fn release_documents_fit_their_schema() {
    for version in [10, 20] {
        let releases = world().publication.path.join("releases");
        let paths = fs::read_dir(releases).expect("a directory").map(|entry| entry.expect("an entry").path());
        let mut of_version = paths.filter(|path| path.to_string_lossy().ends_with(&format!(".{version}.json")));
        let text = fs::read_to_string(of_version.next().expect("one")).expect("a release document");
        assert_eq!(of_version.next(), None);
        let document = serde_json::from_str(&text).expect("JSON");
        world().schemas.check("release", &document).expect("it fits");
    }
}

#[test]
fn keys_are_not_published() {
    let tree = Tree::read(&world().publication.path).expect("the publication is read");
    let published: Vec<_> = tree.nodes().values().map(|node| node.kind.clone()).collect();
    for (path, key) in Tree::read(&world().publication.keys).expect("keys").nodes() {
        if matches!(key.kind, Kind::File { .. }) {
            assert!(!published.contains(&key.kind), "{} is published", path.display());
            assert_eq!(key.mode & 0o077, 0, "{} can be read by others", path.display());
        }
    }
}

/// A directory has its name only when it has its mode: one that a killed run left half made would stay.
#[test]
fn a_killed_publisher_leaves_no_directory_that_others_cannot_read() {
    if !can_trace() {
        return skipped("a_killed_publisher", "`strace` is not installed or may not trace");
    }
    let world = world();
    let directory = world.directory();
    let (site, trees) = (directory.path().join("site"), world.trees.of(10));
    let publish = |command: &str, options: &[&Path], killed_at: Option<u32>| {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"umask 077; exec "$@""#, "sh"]);
        shell.args(killed_at.map(|time| signalled("KILL", "chmod", time)).unwrap_or_default());
        shell.arg(&world.programs.publish).arg(command).arg(&site).arg("--quiet").args(options);
        shell.status().expect("it starts").success()
    };
    let [version, definitions, from] = ["--version=10", "--definitions", "--trees"].map(Path::new);
    let input = [version, definitions, &world.trees.definitions, from, &trees];
    for (command, options, times) in [("init", &[][..], [1, 2]), ("release", &input, [1, 3])] {
        for time in times {
            assert!(!publish(command, options, Some(time)), "{command} is killed at chmod {time}");
        }
        assert!(publish(command, options, None), "the next run goes on");
    }
    for (path, node) in Tree::read(&site).expect("the publication is read").nodes() {
        let is_file = matches!(node.kind, Kind::File { .. });
        assert!(is_file || node.mode & 0o7777 == 0o755, "{}: {:o}", path.display(), node.mode);
    }
    assert_eq!(fs::metadata(&site).expect("there").permissions().mode() & 0o7777, 0o755);
}

#[test]
fn whatever_the_umask_everybody_may_read_the_publication() {
    let world = world();
    let directory = world.directory();
    let place = directory.path().join("place");
    fs::create_dir(&place).expect("a directory");
    fs::set_permissions(&place, Permissions::from_mode(0o700)).expect("mode");
    let (site, trees) = (place.join("site"), world.trees.of(10));
    let publish = |command: &str, options: &[&Path]| {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"umask 077; exec "$@""#, "sh"]).arg(&world.programs.publish).arg(command).arg(&site);
        assert!(shell.arg("--quiet").args(options).status().is_ok_and(|status| status.success()), "{command}");
    };
    publish("init", &[]);
    let [version, definitions, from] = ["--version=10", "--definitions", "--trees"].map(Path::new);
    publish("release", &[version, definitions, &world.trees.definitions, from, &trees]);
    for (path, node) in Tree::read(&site).expect("the publication is read").nodes() {
        let wanted = if matches!(node.kind, Kind::File { .. }) { 0o644 } else { 0o755 };
        assert_eq!(node.mode & 0o7777, wanted, "{}", path.display());
    }
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    assert_eq!((mode(&site), mode(&place)), (0o755, 0o700));
}
