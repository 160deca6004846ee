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

mod editing;
mod formats;
mod keeping;
mod mounted;

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
        // Written for another client than this one.
        (
            "usr/share/defaults/kv/.overlay.toml",
            format!("model = \"keyvalue\"\n{}", ["", "unheard_of = 1\n"][usize::from(version == 20)]),
        ),
        ("usr/share/defaults/kv/kv.conf", "k=1\n".to_owned()),
        ("usr/share/web-current.conf", format!("release {version}\n")),
        ("usr/lib/web.conf", format!("release {version}\n")),
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
        // As packages bring them: a directory that is no program's, a link to what is not there and one to a default.
        let defaults = trees.join("os-core/usr/share/defaults/etc");
        fs::create_dir_all(defaults.join("empty.d")).expect("a directory");
        symlink("../moved", defaults.join("web/moved.conf")).expect("a link");
        symlink("../../../web-current.conf", defaults.join("web/current.conf")).expect("a link");
        symlink("/lib/web.conf", defaults.join("web/lib.conf")).expect("a link");
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
    let wanted = [("app", "oslo"), ("kv", "keyvalue"), ("old", "ini"), ("web", "opaque")]
        .map(|(name, model)| (json!(name), json!(model)));
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
fn programs_of_systemd_read_a_file_of_their_own_each() {
    let machine = machine(&[
        ("usr/lib/systemd/journald.conf", "[Journal]\nStorage=auto\n"),
        ("usr/lib/systemd/logind.conf", "[Login]\n#HandlePowerKey=poweroff\n"),
        ("etc/systemd/system.conf", "[Manager]\nLogLevel=debug\n"),
        ("etc/systemd/user.conf", "[Manager]\nLogLevel=notice\n"),
    ]);
    let set = machine.succeeds(["config", "set", "systemd", "Login.HandlePowerKey", "ignore"]).result;
    assert_eq!(
        (&set["app"], &set["files"]),
        (&json!("systemd-logind"), &json!(["/etc/systemd/logind.conf.d/zz-local.conf"]))
    );
    let get = |app: &str, option: &str| machine.client(["config", "get", app, option]).result["value"].clone();
    assert_eq!(get("systemd", "Login.HandlePowerKey"), "ignore");
    assert_eq!(get("systemd-journald", "Login.HandlePowerKey"), Value::Null, "it never reads that file");
    assert_eq!(get("systemd-user", "Manager.LogLevel"), "notice");
    let refused = machine.refuses(2, ["config", "unset", "systemd", "Manager.LogLevel"]).told();
    assert!(refused.contains("systemd-system, systemd-user\""), "{refused}");
    machine.refuses(2, ["config", "show", "systemd"]);
    machine.succeeds(["config", "unset", "systemd-system", "Manager.LogLevel"]);
    assert!(!machine.path("etc/systemd/system.conf").exists() && machine.path("etc/systemd/user.conf").exists());

    let names = |result: &Value, list: &str| -> Vec<String> {
        let all = result[list].as_array().expect("a list").iter();
        all.map(|one| one["name"].as_str().or(one["app"].as_str()).expect("a name").to_owned()).collect()
    };
    let listed = names(&machine.succeeds(["config", "list"]).result, "apps");
    let of_systemd: Vec<_> = listed.iter().filter(|name| name.starts_with("systemd")).collect();
    assert_eq!(of_systemd, ["systemd-journald", "systemd-logind", "systemd-user"]);
    for diff in [&["config", "diff"][..], &["config", "diff", "systemd"]] {
        assert_eq!(names(&machine.client(diff).result, "changes"), ["systemd-logind", "systemd-user"]);
    }
    assert_eq!(machine.client(["config", "check", "systemd"]).code, 0);
    write(&machine.path("etc/systemd/journald.conf"), "Storage\n");
    let found = machine.client(["config", "check", "systemd"]).result;
    assert_eq!(names(&found, "findings"), ["systemd-journald"]);
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
fn a_program_that_cannot_be_read_hides_no_other() {
    let machine = machine(&[("etc/kv/kv.conf", "k=2\n"), ("etc/app/app.conf", "[DEFAULT]\nworkers = 5\n")]);
    let is_told = |outcome: &Outcome, words: &str| {
        let told = warnings(outcome);
        assert!(told.iter().any(|text| text.contains(words)), "{words}: {told:?}");
    };
    let diff = machine.succeeds(["config", "diff", "--to", "20"]);
    assert_eq!(kinds(&diff), pairs(&[("workers", "default-changed")]));
    is_told(&diff, "kv of release 20 is left out: /usr/share/defaults/kv/.overlay.toml, line 2: unknown field");
    let refused = machine.refuses(5, ["config", "diff", "kv", "--to", "20"]).told();
    assert!(refused.contains("as release 20 reads it") && refused.contains("tell its publisher"), "{refused}");
    let update = machine.succeeds(["update"]);
    is_told(&update, "kv of release 20 is left out");
    is_told(&update, "app [DEFAULT] workers: the default changes");

    let listed = machine.succeeds(["config", "list"]).result;
    let apps = listed["apps"].as_array().expect("apps");
    let row = |name: &str| apps.iter().find(|app| app["name"] == name).expect(name);
    assert_eq!((&row("app")["model"], &row("app")["error"]), (&json!("oslo"), &Value::Null));
    assert_eq!(row("kv")["model"], Value::Null);
    assert!(row("kv")["error"].as_str().expect("why").contains("unknown field"), "{listed}");
    machine.refuses(5, ["config", "show", "kv"]);
}
