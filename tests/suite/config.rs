//! Configuration layers on a machine: `config`, what `update` says of overrides, and `factory-reset`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use xtask::programs::Outcome;
use xtask::publication::{Input, Publication};

use crate::machine::{Machine, error};
use crate::world::world;

/// What no command may print, in no way.
pub const SECRET: &str = "hunter2-never-shown";

const DECLARATION: &str = "\
model = \"oslo\"
multi = [\"DEFAULT.tag\"]
secret = [\"db.password\"]
deprecated = { \"DEFAULT.threads\" = \"DEFAULT.workers\" }
options = \"options.conf\"
";

/// The shipped files of program `app` in both releases, and the list of options.
fn shipped(version: u32) -> Vec<(&'static str, String)> {
    let (workers, gone, extra) = match version {
        10 => (4, "gone = 1\n", "#gone = 1\n"),
        _ => (8, "", ""),
    };
    let app = "usr/share/defaults/app";
    let main = format!(
        "[DEFAULT]\ndebug = false\nworkers = {workers}\nlevel = info\n{gone}tag = shipped\n[db]\nurl = db://$host\nhost = h\n"
    );
    let list = format!(
        "[DEFAULT]\n\n#debug = false\n\n# How many. (integer value)\n# Maximum value: {}\n#workers = 1\n\n#level = info\n\n{extra}\n#tag = x\n\n[db]\n\n#host = h\n\n#url = u\n\n#password = p\n",
        if version == 10 { 64 } else { 16 }
    );
    let leak = |name: &str| format!("{app}/{name}").leak() as &'static str;
    let mut files = vec![
        (leak(".overlay.toml"), DECLARATION.to_owned()),
        (leak("app.conf"), main),
        (leak("options.conf"), list),
        ("usr/share/defaults/etc/web/web.conf", format!("release {version}\n")),
        ("usr/share/defaults/etc/web/same.conf", "same\n".to_owned()),
    ];
    if version == 10 {
        files.push(("usr/share/defaults/old/.overlay.toml", "model = \"ini\"\n".to_owned()));
        files.push(("usr/share/defaults/old/old.conf", "[s]\nk=1\n".to_owned()));
    }
    files
}

/// Releases 10 and 20 of two programs.
struct Layers {
    publication: Publication,
    machine: Machine,
    _directory: tempfile::TempDir,
}

static LAYERS: LazyLock<Layers> = LazyLock::new(|| {
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let definitions = directory.path().join("definitions");
    fs::create_dir(&definitions).expect("a directory");
    fs::write(definitions.join("os-core.toml"), "title = \"core\"\n").expect("a definition");
    for version in [10, 20] {
        let trees = directory.path().join(version.to_string());
        for (path, text) in shipped(version) {
            write(&trees.join("os-core").join(path), &text);
        }
        // As packages bring them: a directory that is no program's, and a link to what is not there.
        let defaults = trees.join("os-core/usr/share/defaults/etc");
        fs::create_dir_all(defaults.join("empty.d")).expect("a directory");
        symlink("../moved", defaults.join("web/moved.conf")).expect("a link");
        let input = Input { version, definitions: &definitions, trees: &trees };
        publication.release(&world().programs, input, &[]).expect("starts").success().expect("published");
    }
    let machine = Machine::empty();
    let url = publication.path.to_str().expect("text").to_owned();
    let trust = publication.trust();
    let trust = trust.to_str().expect("text");
    machine.succeeds(["os-install", "--url", &url, "--version", "10", "--trust", trust]);
    Layers { publication, machine, _directory: directory }
});

/// A machine at release 10 with these files of the administrator.
pub fn machine(files: &[(&str, &str)]) -> Machine {
    let machine = LAYERS.machine.twin();
    for (path, text) in files {
        write(&machine.path(path), text);
    }
    machine
}

/// Writes a file and the directories that lead to it.
pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
    fs::write(path, text).expect("written");
}

fn value<'a>(result: &'a Value, section: &str, key: &str) -> &'a Value {
    let values = result["values"].as_array().expect("values");
    values.iter().find(|value| value["section"] == section && value["key"] == key).unwrap_or(&Value::Null)
}

/// Kinds by option.
fn kinds(outcome: &Outcome) -> Vec<(String, String)> {
    let changes = outcome.result["changes"].as_array().expect("changes").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    changes.map(|change| (text(&change["key"]), text(&change["kind"]))).collect()
}

fn pairs(kinds: &[(&str, &str)]) -> Vec<(String, String)> {
    kinds.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

const OVERRIDES: &[(&str, &str)] = &[
    ("etc/app/app.conf", "[DEFAULT]\ndebug = false\nthreads = 2\ntag = mine\nlevel = warn\n"),
    ("etc/app/app.conf.d/10.conf", "[DB]\npassword = hunter2-never-shown\n[DEFAULT]\nlevel = error\ngone = 5\n"),
];

#[test]
fn show_tells_where_each_value_comes_from() {
    let machine = machine(OVERRIDES);
    let shown = machine.succeeds(["config", "show", "app", "--effective", "--origin"]).result;
    let level = value(&shown, "DEFAULT", "level");
    assert_eq!(level["value"], "error");
    assert_eq!(level["origin"], json!({ "file": "/etc/app/app.conf.d/10.conf", "line": 4 }));
    let overrides = json!([
        { "file": "/etc/app/app.conf", "line": 5, "value": "warn" },
        { "file": "/usr/share/defaults/app/app.conf", "line": 4, "value": "info" },
    ]);
    assert_eq!(level["overrides"], overrides);
    assert_eq!(value(&shown, "DEFAULT", "tag")["values"], json!(["shipped", "mine"]));
    assert_eq!(value(&shown, "DEFAULT", "workers")["value"], "2", "by its former name");
    assert_eq!(value(&shown, "db", "url")["value"], "db://h");
    assert_eq!(machine.succeeds(["config", "get", "app", "db.url"]).result["value"], "db://h");
    assert_eq!(machine.client(["config", "get", "app", "db.nothing"]).code, 1);

    let listed = machine.succeeds(["config", "list"]).result;
    let apps: Vec<_> =
        listed["apps"].as_array().expect("apps").iter().map(|app| (&app["name"], &app["model"])).collect();
    let wanted = [("app", "oslo"), ("old", "ini"), ("web", "opaque")].map(|(name, model)| (json!(name), json!(model)));
    assert_eq!(apps, wanted.each_ref().map(|(name, model)| (name, model)));
    let argv = machine.succeeds(["config", "argv", "app"]).result;
    let wanted = json!([
        "--config-file",
        "/usr/share/defaults/app/app.conf",
        "--config-file",
        "/etc/app/app.conf",
        "--config-dir",
        "/etc/app/app.conf.d",
    ]);
    assert_eq!(argv["arguments"], wanted);
    machine.refuses(2, ["config", "argv", "web"]);
    for name in ["nothing", "..", "", "a/b", ".hidden"] {
        machine.refuses(2, ["config", "show", name]);
    }
}

#[test]
fn diff_tells_what_an_update_does_to_overrides() {
    let machine = machine(OVERRIDES);
    write(&machine.path("etc/web/web.conf"), "mine\n");
    write(&machine.path("etc/web/same.conf"), "same\n");
    let now = [
        ("debug", "redundant"),
        ("gone", "override"),
        ("level", "override"),
        ("tag", "override"),
        ("workers", "deprecated"),
        ("password", "override"),
    ];
    assert_eq!(kinds(&machine.succeeds(["config", "diff", "app"])), pairs(&now));
    let then = machine.succeeds(["config", "diff", "--to", "20"]);
    let wanted = [
        ("debug", "redundant"),
        ("gone", "unknown"),
        ("level", "override"),
        ("tag", "override"),
        ("workers", "deprecated"),
        ("password", "override"),
        ("same.conf", "redundant"),
        ("web.conf", "conflict"),
    ];
    assert_eq!(kinds(&then), pairs(&wanted));
    let changes = then.result["changes"].as_array().expect("changes");
    let workers = changes.iter().find(|change| change["key"] == "workers").expect("workers");
    assert_eq!(
        [&workers["default"], &workers["override"], &workers["next_default"]],
        [&json!("4"), &json!("2"), &json!("8")]
    );
    assert_eq!(workers["app"], "app");

    write(&machine.path("etc/app/app.conf"), "[DEFAULT]\nworkers = 32\nlevel = info\n");
    let wanted = [("gone", "unknown"), ("level", "override"), ("workers", "conflict"), ("password", "override")];
    assert_eq!(kinds(&machine.succeeds(["config", "diff", "app", "--to", "20"])), pairs(&wanted));
    write(&machine.path("etc/app/app.conf"), "[DEFAULT]\nworkers = 8\n");
    assert_eq!(
        kinds(&machine.succeeds(["config", "diff", "app", "--to", "20"]))[2],
        pairs(&[("workers", "redundant")])[0]
    );
    write(&machine.path("etc/app/app.conf"), "[DEFAULT]\nworkers = 5\n");
    let one = machine.succeeds(["config", "diff", "app", "--to", "20"]);
    assert_eq!(kinds(&one)[2], pairs(&[("workers", "default-changed")])[0]);
    machine.refuses(3, ["config", "diff", "--to", "15"]);
}

#[test]
fn overrides_of_a_program_that_goes_are_orphaned() {
    let machine = machine(&[]);
    machine.succeeds(["config", "set", "old", "s.k", "2"]);
    assert_eq!(fs::read_to_string(machine.path("etc/old/old.conf.d/zz-local.conf")).expect("there"), "[s]\nk=2\n");
    assert_eq!(kinds(&machine.succeeds(["config", "diff", "old"])), pairs(&[("k", "override")]));
    assert_eq!(kinds(&machine.succeeds(["config", "diff", "--to", "20"])), pairs(&[("k", "orphaned")]));
    let told = warnings(&machine.succeeds(["update"]));
    assert!(
        told.iter().any(|text| text.contains("old [s] k overrides a default that the release does not have")),
        "{told:?}"
    );
}

/// The messages of a run that warn.
fn warnings(outcome: &Outcome) -> Vec<String> {
    let warnings = outcome.events.iter().filter(|event| event["event"] == "warning");
    warnings.map(|event| event["message"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn update_says_which_overrides_it_touches() {
    let machine = machine(&[("etc/app/app.conf", "[DEFAULT]\nworkers = 5\nlevel = warn\n[db]\nhost = mine\n")]);
    let dry = machine.succeeds(["update", "--dry-run"]);
    let told = |outcome: &Outcome| {
        warnings(outcome)
            .into_iter()
            .filter(|text| text.contains("config") || text.contains("[DEFAULT]"))
            .collect::<Vec<_>>()
    };
    let wanted = [
        "app [DEFAULT] workers: the default changes from \"4\" to \"8\", beneath your \"5\"",
        "`config diff --to 20` shows what release 20 does to overrides",
    ];
    assert_eq!(told(&dry), wanted);
    let real = machine.succeeds(["update"]);
    assert_eq!(told(&real), wanted);
    assert_eq!(crate::machine::figures(&dry), crate::machine::figures(&real));
    let plain = LAYERS.machine.twin().succeeds(["update"]);
    assert!(told(&plain).is_empty(), "no overrides, no word");
    assert!(warnings(&plain).iter().all(|text| !text.contains("left out")), "nor of the publisher's links to nothing");
    let linked = self::machine(&[("etc/web/web.conf", "mine\n")]);
    symlink("nowhere", linked.path("etc/web/linked.conf")).expect("linked");
    let warned = linked.succeeds(["update"]);
    assert!(warnings(&warned).iter().any(|text| text.contains("/etc/web/linked.conf is left out")), "{warned:?}");
    let broken = self::machine(&[("etc/app/app.conf", "no section\n")]);
    assert_eq!(broken.succeeds(["update"]).result["changed"], true, "what cannot be told holds nothing up");
}

#[test]
fn set_writes_the_smallest_file_and_unset_takes_it_away() {
    let machine = machine(&[("etc/app/app.conf", "# by hand\n[DEFAULT]\nlevel = warn\n")]);
    fs::set_permissions(machine.path("etc/app/app.conf"), fs::Permissions::from_mode(0o640)).expect("set");
    let set = machine.succeeds(["config", "set", "app", "DEFAULT.debug", "true"]).result;
    let own = machine.path("etc/app/app.conf.d/zz-local.conf");
    assert_eq!(set["files"], json!(["/etc/app/app.conf.d/zz-local.conf"]));
    assert_eq!(fs::read_to_string(&own).expect("there"), "[DEFAULT]\ndebug = true\n");
    assert_eq!(fs::metadata(&own).expect("there").mode() & 0o7777, 0o640, "as the main file's");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).expect("set");
    machine.succeeds(["config", "set", "app", "db.host", "there"]);
    assert_eq!(fs::metadata(&own).expect("there").mode() & 0o7777, 0o600, "kept");
    assert_eq!(machine.succeeds(["config", "set", "app", "db.host", "there"]).result["changed"], false);
    assert_eq!(machine.succeeds(["config", "get", "app", "db.url"]).result["value"], "db://there");
    machine.succeeds(["config", "set", "app", "tag", "a", "b"]);
    assert_eq!(
        machine.succeeds(["config", "get", "app", "DEFAULT.tag"]).result["values"],
        json!(["shipped", "a", "b"])
    );
    assert_eq!(
        machine.succeeds(["config", "set", "app", "threads", "9"]).result["key"],
        "workers",
        "by its present name"
    );

    // A later file would win, so it is changed itself.
    write(&machine.path("etc/app/app.conf.d/zzz.conf"), "[DEFAULT]\nlevel = late\n");
    let set = machine.succeeds(["config", "set", "app", "DEFAULT.level", "now"]).result;
    assert_eq!(set["files"], json!(["/etc/app/app.conf.d/zzz.conf"]));

    let unset = machine.succeeds(["config", "unset", "app", "DEFAULT.level"]).result;
    assert_eq!(unset["files"], json!(["/etc/app/app.conf", "/etc/app/app.conf.d/zzz.conf"]));
    assert_eq!(fs::read_to_string(machine.path("etc/app/app.conf")).expect("there"), "# by hand\n[DEFAULT]\n");
    assert!(!machine.path("etc/app/app.conf.d/zzz.conf").exists());
    for option in ["debug", "db.host", "tag", "workers"] {
        machine.succeeds(["config", "unset", "app", option]);
    }
    assert!(!own.exists());
    machine.refuses(2, ["config", "set", "web", "x", "1"]);
    machine.refuses(2, ["config", "set", "app", "db.host", "one", "two"]);
    let open = machine.succeeds(["config", "set", "app", "db.password", SECRET]);
    assert_eq!(fs::metadata(&own).expect("there").mode() & 0o7777, 0o640);
    assert!(warnings(&open).is_empty(), "{}", open.told());
    fs::set_permissions(&own, fs::Permissions::from_mode(0o644)).expect("set");
    let open = machine.succeeds(["config", "set", "app", "db.password", "another"]);
    assert!(warnings(&open)[0].contains("everybody may read it"), "{}", open.told());
    machine.succeeds(["config", "unset", "app", "db.password"]);
    machine.refuses(2, ["config", "set", "app", "db.host", "a\n\nb"]);
    symlink("/etc/passwd", &own).expect("linked");
    assert_ne!(machine.client(["config", "set", "app", "db.host", "x"]).code, 0);
    assert!(!fs::read_to_string("/etc/passwd").expect("there").contains("host"));
}

#[test]
fn redundant_overrides_are_pruned() {
    let machine = machine(&[
        ("etc/app/app.conf", "[DEFAULT]\ndebug = false\nlevel = warn\n"),
        ("etc/web/same.conf", "same\n"),
        ("etc/web/web.conf", "mine\n"),
    ]);
    let found = machine.succeeds(["config", "redundant"]);
    assert_eq!(kinds(&found), pairs(&[("debug", "redundant"), ("same.conf", "redundant")]));
    assert!(machine.path("etc/web/same.conf").exists());
    let pruned = machine.succeeds(["config", "redundant", "--prune"]).result;
    assert_eq!(pruned["pruned"], json!(["/etc/app/app.conf", "/etc/web/same.conf"]));
    assert_eq!(fs::read_to_string(machine.path("etc/app/app.conf")).expect("there"), "[DEFAULT]\nlevel = warn\n");
    assert!(!machine.path("etc/web/same.conf").exists() && machine.path("etc/web/web.conf").exists());
    assert_eq!(kinds(&machine.succeeds(["config", "redundant"])), []);
}

#[test]
fn what_a_whole_file_needs_is_not_pruned() {
    let declared = "model = \"uapi\"\n";
    let shipped = "[A]\na=1\nb=1\n";
    let machine = machine(&[
        ("usr/share/defaults/whole/.overlay.toml", declared),
        ("usr/lib/whole/whole.conf", shipped),
        ("etc/whole/whole.conf", "[A]\na=1\nb=2\n"),
    ]);
    let found = machine.succeeds(["config", "redundant", "whole", "--prune"]);
    assert_eq!((&found.result["pruned"], kinds(&found).len()), (&json!([]), 0), "{}", found.told());
    assert!(warnings(&found)[0].contains("[A] a stays"), "{}", found.told());
    write(&machine.path("etc/whole/whole.conf"), "[A]\na=1\nb=1\n");
    machine.succeeds(["config", "redundant", "whole", "--prune"]);
    assert!(!machine.path("etc/whole/whole.conf").exists(), "one that says nothing else goes as a whole");
}

#[test]
fn check_names_lines_and_exits_with_1() {
    let machine =
        machine(&[("etc/app/app.conf", "[DEFAULT]\nlevl = warn\nworkers = 99\nthreads = 1\n[db]\nurl = $nobody\n")]);
    let found = machine.client(["config", "check", "app"]);
    assert_eq!(found.code, 1);
    let all: Vec<_> = found.result["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| (one["kind"].as_str().unwrap_or(""), one["line"].as_u64().unwrap_or(0)))
        .collect();
    assert_eq!(all, [("unknown", 2), ("value", 3), ("reference", 6)]);
    assert!(found.told().contains("did you mean level?"), "{}", found.told());
    write(&machine.path("etc/app/app.conf"), "[DEFAULT]\n\nbroken\n");
    let found = machine.client(["config", "check"]);
    assert_eq!(
        (found.code, &found.result["findings"][0]["kind"], &found.result["findings"][0]["line"]),
        (1, &json!("syntax"), &json!(3))
    );
    assert_eq!(machine.refuses(5, ["config", "show", "app"]).code, 5);
    fs::remove_file(machine.path("etc/app/app.conf")).expect("removed");
    assert_eq!(machine.client(["config", "check"]).code, 0);
}

#[test]
fn overrides_survive_the_loss_of_etc() {
    let machine = machine(OVERRIDES);
    write(&machine.path("etc/web/web.conf"), "mine\n");
    write(&machine.path("etc/web/same.conf"), "same\n");
    write(&machine.path("etc/unrelated"), "not an override\n");
    symlink("/dev/null", machine.path("etc/app/app.conf.d/20.conf")).expect("linked");
    fs::set_permissions(machine.path("etc/app/app.conf"), fs::Permissions::from_mode(0o640)).expect("set");
    let show = |machine: &Machine| machine.succeeds(["config", "show", "app"]).result["values"].clone();
    let (before, diff) = (show(&machine), kinds(&machine.succeeds(["config", "diff"])));
    let file = machine.path("overrides.tar");
    let name = file.to_str().expect("text");
    let saved = machine.succeeds(["config", "save", name]).result;
    let wanted =
        json!(["/etc/app/app.conf", "/etc/app/app.conf.d/10.conf", "/etc/app/app.conf.d/20.conf", "/etc/web/web.conf"]);
    assert_eq!(saved["paths"], wanted);
    assert_eq!(fs::metadata(&file).expect("there").mode() & 0o7777, 0o600);
    fs::remove_dir_all(machine.path("etc")).expect("removed");
    let restored = machine.succeeds(["config", "restore", name]).result;
    assert_eq!(restored["restored"], wanted);
    assert_eq!(show(&machine), before);
    assert_eq!(fs::metadata(machine.path("etc/app/app.conf")).expect("there").mode() & 0o7777, 0o640);
    let mut again = kinds(&machine.succeeds(["config", "diff"]));
    again.push(("same.conf".into(), "redundant".into()));
    again.sort();
    let mut diff = diff;
    diff.sort();
    assert_eq!(again, diff, "only what was redundant is gone");
    let again = machine.succeeds(["config", "restore", name]).result;
    assert_eq!((&again["restored"], &again["unchanged"]), (&json!([]), &wanted));

    // Nothing outside is written, whatever is in the way and in the archive.
    let away = machine.path("away");
    fs::create_dir(&away).expect("made");
    fs::remove_dir_all(machine.path("etc/app")).expect("removed");
    symlink(&away, machine.path("etc/app")).expect("linked");
    assert_ne!(machine.client(["config", "restore", name]).code, 0);
    assert_eq!(fs::read_dir(&away).expect("listed").count(), 0);
    let mut bytes = fs::read(&file).expect("read");
    let at = bytes.windows(4).position(|window| window == b"mine").expect("the content");
    bytes[at] ^= 1;
    fs::write(&file, bytes).expect("written");
    machine.refuses(4, ["config", "restore", name]);
}

#[test]
fn no_command_prints_a_secret() {
    let mut files = OVERRIDES.to_vec();
    let url = "[db]\nurl = db://u:$password@h\nhost = h\n[DEFAULT]\nlevel = ${db.password}\n";
    files.push(("etc/app/app.conf.d/20.conf", url));
    let machine = machine(&files);
    let file = machine.path("overrides.tar");
    let file = file.to_str().expect("text");
    let commands: &[&[&str]] = &[
        &["config", "list"],
        &["config", "show", "app"],
        &["config", "show", "app", "--origin"],
        &["config", "show", "app", "--effective"],
        &["config", "get", "app", "db.password"],
        &["config", "get", "app", "db.url"],
        &["config", "diff"],
        &["config", "diff", "--to", "20"],
        &["config", "check"],
        &["config", "redundant"],
        &["config", "argv", "app"],
        &["config", "save", file],
        &["config", "restore", file],
        &["config", "set", "app", "db.password", SECRET],
        &["config", "set", "app", "db.password", "hunter2-never-shown\n\nx"],
        &["update", "--dry-run"],
        &["config", "unset", "app", "db.password"],
        &["factory-reset", "--preview"],
    ];
    for command in commands {
        // Undone by each run, so that `unset` and `set` find it.
        write(&machine.path("etc/app/app.conf.d/10.conf"), OVERRIDES[1].1);
        for face in [&["--json"][..], &["--verbose"]] {
            let mut program = Command::new(&world().programs.update);
            let output =
                program.args(*command).args(face).arg("--root").arg(&machine.root).output().expect("it starts");
            let told = [output.stdout, output.stderr].concat();
            let told = String::from_utf8_lossy(&told).into_owned();
            assert!(!told.contains("hunter2"), "{command:?} {face:?}: {told}");
        }
    }
    // What looks like the name of an option may be a part of a secret.
    write(&machine.path("etc/app/app.conf.d/30.conf"), "[db]\npassword = x$hunter2\n");
    let checked = machine.client(["config", "check"]);
    assert!(checked.told().contains("$$ is one") && !checked.told().contains("hunter2"), "{}", checked.told());
    // A line that cannot be read may be a secret too.
    write(&machine.path("etc/app/app.conf"), &format!("[db]\npassword {SECRET}\n"));
    for command in [
        &["config", "show", "app"][..],
        &["config", "check"],
        &["config", "diff"],
        &["config", "set", "app", "db.host", "x"],
    ] {
        let outcome = machine.client(command);
        assert!(!format!("{}{}", outcome.told(), outcome.stderr).contains("hunter2"), "{command:?}");
    }
}

#[test]
fn a_factory_reset_leaves_defaults_and_what_is_kept() {
    let machine = machine(OVERRIDES);
    write(&machine.path("etc/machine-id"), "0123\n");
    write(&machine.path("var/lib/data/x"), "data\n");
    write(&machine.path("var/lib/kept/y"), "data\n");
    write(&machine.path("home/someone/letter"), "theirs\n");
    symlink(machine.path("home"), machine.path("var/home")).expect("linked");
    let usr = machine.usr();
    let preview =
        machine.succeeds(["factory-reset", "--preview", "--keep", "/etc/machine-id", "--keep", "var/lib/kept"]).result;
    assert!(machine.path("etc/app/app.conf").exists());
    assert_eq!(preview["removed"], json!(["/etc/app", "/var/home", "/var/lib/data"]));
    let reset = machine.succeeds(["factory-reset", "--keep", "/etc/machine-id", "--keep", "var/lib/kept"]).result;
    assert_eq!((&reset["removed"], &reset["files"]), (&preview["removed"], &preview["files"]));
    assert_eq!(reset["kept"], json!(["/etc/machine-id", "/var/lib/kept"]));
    assert!(machine.path("etc/machine-id").exists() && machine.path("var/lib/kept/y").exists());
    assert!(!machine.path("etc/app").exists() && !machine.path("var/lib/data").exists());
    assert!(machine.path("home/someone/letter").exists());
    assert_eq!(usr, machine.usr());
    assert_eq!(kinds(&machine.succeeds(["config", "diff"])), []);
    machine.refuses(2, ["factory-reset", "--keep", "/usr/lib"]);
    machine.refuses(2, ["factory-reset", "--keep", "/etc/../home"]);
    assert!(error(&Machine::empty().client(["factory-reset"])).is_some(), "not managed, not touched");
    assert!(LAYERS.publication.path.exists());
}
