//! The commands that tell about a machine or keep it tidy, a test each that carries its name.

use std::fs;
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::machine::{Machine, error, replace, warned};
use crate::world::{NOWHERE, world};

/// The history of a machine: command, from, to, outcome.
fn history(machine: &Machine) -> Vec<[Value; 4]> {
    let result = machine.succeeds(["history"]).result;
    let entries = result["transitions"].as_array().expect("a list");
    for entry in entries {
        world().schemas.check("history-entry", entry).expect("an entry fits its schema");
    }
    entries.iter().map(|entry| ["command", "from", "to", "outcome"].map(|name| entry[name].clone())).collect()
}

#[test]
fn what_would_be_done_is_told_with_quiet_too() {
    let machine = Machine::installed(10, &[]);
    for (arguments, told) in [
        (["update", "--dry-run", "--quiet"], "would update from 10 to 20"),
        (["factory-reset", "--preview", "--quiet"], "would remove"),
        (["update", "--version=20", "--quiet"], ""),
    ] {
        let shown = world().programs.shown(&machine.root, arguments).expect("it starts").success().expect("done");
        assert!(shown.stdout.contains(told) && shown.stdout.is_empty() == told.is_empty(), "{}", shown.stdout);
    }
}

#[test]
fn logs_are_plain_where_there_is_no_terminal() {
    let machine = Machine::installed(10, &[]);
    let mut command = Command::new(&world().programs.update);
    command.args(["check-update", "--root"]).arg(&machine.root).env("STATELESS_UPDATE_LOG", "trace");
    let output = command.env("TERM", "xterm").env_remove("NO_COLOR").output().expect("it starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("DEBUG") && !log.contains('\x1b'), "{log}");
}

#[test]
fn hashdump_tells_what_manifests_have() {
    let machine = Machine::installed(10, &[]);
    let dumped = machine.succeeds(["hashdump", "/usr/lib/os-release"]).result;
    let output = Command::new("sha256sum").arg(machine.path("usr/lib/os-release")).output().expect("sha256sum");
    let digest = String::from_utf8_lossy(&output.stdout)[..64].to_owned();
    assert_eq!((&dumped["type"], &dumped["sha256"], &dumped["mode"]), (&json!("file"), &json!(digest), &json!(0o644)));
    assert_eq!(dumped["size"], fs::metadata(machine.path("usr/lib/os-release")).expect("there").len());

    let directory = machine.succeeds(["hashdump", "usr/lib/"]).result;
    assert_eq!((&directory["type"], &directory["sha256"]), (&json!("directory"), &Value::Null));
    std::os::unix::fs::symlink("/etc/passwd", machine.path("usr/lib/away")).expect("linked");
    let link = machine.succeeds(["hashdump", "usr/lib/away"]).result;
    assert_eq!((&link["type"], &link["target"]), (&json!("symlink"), &json!("/etc/passwd")));
    machine.refuses(2, ["hashdump", "usr/lib/nothing"]);
}

#[test]
fn clean_gives_back_the_store_and_keeps_trees_and_trust() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["update", "--download"]);
    let home = machine.path(".stateless-update");
    let others = || {
        let mut names: Vec<_> =
            fs::read_dir(&home).expect("listed").map(|entry| entry.expect("read").file_name()).collect();
        names.sort();
        names.retain(|name| name != "store");
        names
    };
    let before = others();
    assert!(home.join("store").exists());
    let dry = machine.succeeds(["clean", "--dry-run"]).result;
    assert!(home.join("store").exists());
    let clean = machine.succeeds(["clean"]).result;
    assert_eq!((&dry["removed"], &dry["dry_run"]), (&clean["removed"], &json!(true)));
    assert_eq!(clean["removed"][0]["name"], "store");
    assert!(!home.join("store").exists());
    assert_eq!(before, others());
    let all = machine.succeeds(["clean", "--all"]).result;
    assert_eq!(all["removed"][0]["name"], "fingerprints", "{all}");
    assert_eq!(machine.succeeds(["clean", "--all"]).result["removed"], json!([]));
    machine.succeeds(["diagnose"]);
    machine.succeeds(["update"]);
    machine.assert_holds(20, &[]);
}

#[test]
fn what_was_downloaded_of_another_release_is_forgotten() {
    let machine = Machine::installed(10, &["editors"]);
    machine.succeeds(["update", "--download"]);
    let store = machine.path(".stateless-update/store");
    // The digest of what no release has.
    let foreign = store.join("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    fs::write(&foreign, "abc").expect("written");
    machine.succeeds(["update", "--download"]);
    assert!(!foreign.exists());
    assert_eq!(machine.succeeds(["update"]).number("requests"), 1);
    machine.assert_holds(20, &["editors"]);
}

#[test]
fn clean_goes_around_a_cache_that_is_kept_elsewhere() {
    let machine = Machine::installed(10, &[]);
    fs::create_dir_all(machine.path("srv/cache/stateless-update")).expect("made");
    let kept = machine.path("srv/cache/stateless-update/search-index");
    fs::write(&kept, "not ours to remove").expect("written");
    _ = fs::remove_dir_all(machine.path("var/cache"));
    fs::create_dir_all(machine.path("var")).expect("made");
    std::os::unix::fs::symlink("../srv/cache", machine.path("var/cache")).expect("linked");
    for (arguments, removed) in [(&["clean"][..], "store"), (&["clean", "--all"], "fingerprints")] {
        machine.succeeds(["update", "--download"]);
        let cleaned = machine.client(arguments).success().expect("the rest is given back");
        assert!(cleaned.result["removed"].to_string().contains(removed), "{}", cleaned.told());
    }
    assert!(kept.exists());
}

#[test]
fn history_tells_what_was_done_and_outlives_etc_and_var() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["bundle-add", "editors"]);
    machine.succeeds(["update", "--dry-run"]);
    machine.succeeds(["update"]);
    machine.succeeds(["update"]);
    machine.succeeds(["rollback"]);
    replace(&machine.path("usr/bin/ed"));
    machine.succeeds(["repair"]);
    machine.client(["update", "--url", NOWHERE, "--max-retries", "0"]);
    for directory in ["etc", "var"] {
        fs::create_dir_all(machine.path(directory)).expect("made");
        fs::remove_dir_all(machine.path(directory)).expect("removed");
    }
    let done = json!("done");
    let entry = |command: &str, from: Value, to: u32| [json!(command), from, json!(to), done.clone()];
    let wanted = [
        entry("os-install", Value::Null, 10),
        entry("bundle-add", json!(10), 10),
        entry("update", json!(10), 20),
        entry("rollback", json!(20), 10),
        entry("repair", json!(10), 10),
    ];
    assert_eq!(history(&machine), wanted);
    let result = machine.succeeds(["history"]).result;
    assert_eq!(result["transitions"][1]["bundles_added"], json!(["editors"]));
    assert!(result["transitions"][2]["download_bytes"].as_u64() > Some(0));
}

#[test]
fn history_tells_of_failures_and_never_causes_one() {
    let machine = Machine::installed(10, &[]);
    // Something that cannot be replaced by a file.
    fs::remove_file(machine.path(".stateless-update/history")).expect("removed");
    fs::create_dir_all(machine.path(".stateless-update/history/x")).expect("made");
    let update = machine.succeeds(["update"]);
    assert!(update.events.iter().any(|event| event["event"] == "warning"), "{:?}", update.events);
    machine.assert_holds(20, &[]);

    fs::remove_dir_all(machine.path(".stateless-update/history")).expect("removed");
    let empty = world().directory();
    let url = format!("file://{}", empty.path().display());
    machine.client(["bundle-add", "editors", "--url", &url]);
    machine.succeeds(["bundle-add", "editors"]);
    let last = history(&machine).pop().expect("an entry");
    assert_eq!(last, [json!("bundle-add"), json!(20), json!(20), json!("done")]);
}

#[test]
fn completions_know_every_command() {
    let machine = Machine::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let result = machine.succeeds(["completions", shell]).result;
        let script = result["script"].as_str().expect("a script");
        for word in ["bundle-add", "hashdump", "full-verify"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}

#[test]
fn bundle_info_tells_sizes_files_and_dependencies() {
    let machine = Machine::installed(10, &[]);
    let result = machine.succeeds(["bundle-info", "openstack-compute", "--dependencies", "--url", NOWHERE]).result;
    assert_eq!((&result["version"], &result["installed"]), (&json!(10), &json!(false)));
    assert_eq!((&result["includes"], &result["title"]), (&json!(["python3-basic"]), &json!("OpenStack compute node")));
    assert_eq!(result["dependencies"], json!(["os-core", "python3-basic"]));
    let number = |name: &str| result[name].as_u64().expect("a number");
    assert!(number("new_disk_bytes") > number("disk_bytes") && number("disk_bytes") > 0, "{result}");
    assert!(result.get("files").is_none());

    let files = machine.succeeds(["bundle-info", "editors", "--files", "--version", "20"]).result;
    assert_eq!(files["version"], 20);
    let listed = files["files"].as_array().expect("a list");
    assert!(listed.contains(&json!("usr/bin/ed")), "{files}");
    machine.assert_holds(10, &[]);
    let told = error(&machine.refuses(2, ["bundle-info", "editor"])).expect("an error").to_string();
    assert!(told.contains("did you mean editors"), "{told}");
}

#[test]
fn bundle_remove_recursive_and_force_take_what_needs_a_bundle() {
    let machine = Machine::installed(20, &["openstack-compute", "python3-basic"]);
    machine.refuses(2, ["bundle-remove", "python3-basic"]);
    let twin = machine.twin();
    machine.succeeds(["bundle-remove", "python3-basic", "--recursive"]);
    machine.assert_holds(20, &[]);
    twin.succeeds(["bundle-remove", "python3-basic", "--force"]);
    twin.assert_holds(20, &[]);
    assert_eq!(twin.succeeds(["bundle-remove", "--orphans"]).result["changed"], false);
}

#[test]
fn bundle_list_tells_dependencies_both_ways_and_orphans() {
    let machine = Machine::installed(20, &["openstack-compute"]);
    let names = |arguments: &[&str]| -> Value {
        let result = machine.client(arguments).success().expect("a list").result;
        result["bundles"].as_array().expect("a list").iter().map(|bundle| bundle["name"].clone()).collect()
    };
    assert_eq!(names(&["bundle-list", "--has-dep", "python3-basic"]), json!(["openstack-compute"]));
    assert_eq!(
        names(&["bundle-list", "--deps", "openstack-compute"]),
        json!(["openstack-compute", "os-core", "python3-basic"])
    );
    assert_eq!(names(&["bundle-list", "--orphans"]), json!([]));
    let all = json!(["editors", "openstack-compute", "python3-basic", "web-server"]);
    assert_eq!(names(&["bundle-list", "--has-dep", "os-core", "--all", "--status"]), all);
}

#[test]
fn diagnose_bundles_looks_at_theirs_only() {
    let machine = Machine::installed(20, &["editors", "python3-basic"]);
    fs::remove_file(machine.path("usr/bin/ed")).expect("removed");
    let found = machine.client(["diagnose", "--bundles", "editors,python3-basic"]);
    assert_eq!((found.code, &found.result["missing"]), (1, &json!(["usr/bin/ed"])));
    machine.succeeds(["diagnose", "--bundles", "python3-basic"]);
    assert_eq!(machine.succeeds(["repair", "--bundles", "python3-basic"]).result["changed"], false);
    machine.refuses(2, ["diagnose", "--bundles", "editor"]);
    machine.succeeds(["repair", "--bundles", "editors"]);
    machine.succeeds(["diagnose"]);
}

#[test]
fn diagnose_quick_hashes_nothing_and_full_verify_everything() {
    let machine = Machine::installed(20, &[]);
    let path = machine.path("usr/lib/os-release");
    let metadata = fs::metadata(&path).expect("there");
    let size = usize::try_from(metadata.len()).expect("small");
    fs::write(&path, "x".repeat(size)).expect("written in place");
    let file = fs::File::options().write(true).open(&path).expect("opened");
    file.set_modified(metadata.modified().expect("a time")).expect("set");
    machine.succeeds(["diagnose", "--quick"]);
    let found = machine.client(["diagnose", "--full-verify"]);
    assert_eq!((found.code, &found.result["mismatched"]), (1, &json!(["usr/lib/os-release"])));
    machine.succeeds(["repair", "--full-verify"]);
    machine.assert_holds(20, &[]);
}

#[test]
fn mirror_is_set_and_gives_content_and_unset() {
    let machine = Machine::installed(10, &[]);
    let behind = &world().server_before.url;
    let set = machine.succeeds(["mirror", "--set", behind]).result;
    assert_eq!(
        (&set["mirror"], &set["origin"], &set["changed"]),
        (&json!(behind), &json!([world().server.url]), &json!(true))
    );

    // What lies nowhere but at the mirror comes from there.
    let machine = Machine::installed(10, &[]);
    let content = world().directory();
    crate::world::copy(&world().publication.path, content.path());
    let origin = world().directory();
    crate::world::copy(&content.path().join("metadata"), &origin.path().join("metadata"));
    machine.succeeds(["mirror", "--set", &content.path().display().to_string()]);
    let record = machine.path("usr/share/stateless-update/installed.json");
    let text = fs::read_to_string(&record).expect("a record");
    fs::write(&record, text.replace(&world().server.url, &origin.path().display().to_string())).expect("written");
    let update = machine.succeeds(["update"]);
    assert!(!warned(&update, "mirror"), "{:?}", update.events);
    machine.assert_holds(20, &[]);

    // A mirror that is gone costs a warning.
    drop(content);
    let check = machine.client(["check-update"]);
    assert_eq!(check.code, 1, "{}", check.told());
    assert!(warned(&check, "cannot be read") || warned(&check, "does not have"), "{:?}", check.events);
    assert_eq!(machine.succeeds(["mirror", "--unset"]).result["mirror"], Value::Null);
    assert_eq!(machine.succeeds(["mirror", "--unset"]).result["changed"], false);
    fs::write(machine.path(".stateless-update/mirror.json"), "{").expect("written");
    assert_eq!(machine.succeeds(["mirror", "--unset"]).result["changed"], true, "one that is damaged went");
    machine.refuses(2, ["mirror", "--set", "ftp://example.org/os"]);
    machine.refuses(2, ["mirror", "--set", "http://example.org/os"]);
}

/// What is not encrypted is allowed once, when it is recorded.
#[test]
fn a_recorded_mirror_needs_no_further_leave() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["update"]);
    machine.succeeds(["mirror", "--set", "http://example.invalid/os", "--allow-insecure-http"]);
    for offline in ["info", "status", "diagnose", "repair", "rollback"] {
        machine.succeeds([offline]);
    }
    machine.refuses(2, ["check-update", "--url", "http://example.invalid/os"]);
}

#[test]
fn status_names_what_runs_from_the_old_tree_and_nothing_else() {
    let machine = Machine::installed(10, &[]);
    // Programs that run here, in place of those of the small OS: one that the release owns, one that the administrator does.
    let owned = machine.path("usr/bin/hello");
    fs::remove_file(&owned).expect("removed");
    let carried = machine.path("usr/local/bin/mine");
    fs::create_dir_all(carried.parent().expect("a parent")).expect("made");
    let start = |program: &std::path::Path| {
        // By a process of its own: a child of another thread would inherit the file while it is open for writing.
        assert!(Command::new("cp").arg("/bin/cat").arg(program).status().expect("it runs").success());
        Command::new(program).stdin(std::process::Stdio::piped()).spawn().expect("it runs")
    };
    let mut children = [start(&owned), start(&carried)];
    let before = machine.succeeds(["status"]).result;
    machine.succeeds(["update"]);
    let after = machine.succeeds(["status"]).result;
    end(&mut children);
    assert_eq!((&before["live"], &before["previous"], &before["pending"]), (&json!(10), &Value::Null, &Value::Null));
    assert_eq!((&before["stale"], &before["due"], &before["reasons"]), (&json!([]), &json!("none"), &json!([])));
    assert_eq!((&after["live"], &after["previous"], &after["pending"]), (&json!(20), &json!(10), &Value::Null));
    assert_eq!(after["stale"].as_array().map(Vec::len), Some(1), "{after}");
    assert_eq!((&after["stale"][0]["pid"], &after["due"]), (&json!(children[0].id()), &json!("services")), "{after}");
    assert_eq!(after["stale"][0]["paths"], json!(["usr/bin/hello"]));
    assert_eq!(after["reasons"].as_array().map(Vec::len), Some(1));
    assert_eq!(machine.succeeds(["status"]).result["due"], "none");
}

fn end(children: &mut [Child]) {
    for child in children {
        child.kill().expect("ended");
        child.wait().expect("gone");
    }
}

/// A service that was started before an update and has a library of the old tree mapped, as its control group says.
#[test]
fn status_names_a_service_that_has_a_changed_library_and_no_other() {
    let name = format!("su-test-{}.service", std::process::id());
    // One hierarchy, or several as older systems have them.
    let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/cpu"];
    let mut groups = places.map(|place| std::path::Path::new(place).join(&name)).into_iter();
    let made = groups.find(|group| {
        let is_group = || group.join("cgroup.procs").exists() || fs::remove_dir(group).is_err();
        fs::create_dir(group).is_ok() && is_group()
    });
    let Some(group) = made else {
        return crate::world::skipped("a service in status", "no control group can be made here");
    };
    let machine = Machine::installed(10, &[]);
    // A real library in place of one of the small OS: cat is started with it loaded. It is damage, so the update changes it.
    let library = machine.path("usr/lib/libdemo.so.1.2.3");
    fs::remove_file(&library).expect("removed");
    let found = Command::new("sh")
        .args(["-c", "ldconfig -p | awk '/libz.so.1 |libzstd.so.1 |libacl.so.1 /{print $NF; exit}'"])
        .output();
    let system = String::from_utf8(found.expect("sh runs").stdout).expect("a path");
    fs::copy(system.trim(), &library).expect("a library of this system");
    let start = |with: Option<&std::path::Path>| {
        let mut command = Command::new("/bin/cat");
        command.stdin(std::process::Stdio::piped());
        with.map(|library| command.env("LD_PRELOAD", library));
        command.spawn().expect("it runs")
    };
    let mut children = [start(Some(&library)), start(None)];
    for child in &children {
        fs::write(group.join("cgroup.procs"), child.id().to_string()).expect("moved");
    }
    let maps = format!("/proc/{}/maps", children[0].id());
    while !fs::read_to_string(&maps).expect("it runs").contains("libdemo") {
        std::thread::yield_now();
    }
    let unit = group.file_name().expect("a name").to_string_lossy().into_owned();
    let asked = |question: &str| {
        let output = world().programs.shown(&machine.root, ["status", question]).expect("it starts");
        (output.code, output.stdout)
    };
    let no = (1, String::new());
    assert_eq!((asked("--needs-restart"), asked("--needs-reboot")), (no.clone(), no.clone()));
    let before = machine.succeeds(["status"]).result;
    machine.succeeds(["update"]);
    let after = machine.succeeds(["status"]).result;
    assert_eq!((asked("--needs-restart"), asked("--needs-reboot")), ((0, format!("{unit}\n")), no));
    let scripted = machine.succeeds(["status", "--needs-restart"]).result;
    assert_eq!((&scripted["services"], &scripted["stale"]), (&json!([unit]), &after["stale"]));
    assert_eq!(machine.client(["status", "--needs-reboot"]).code, 1);
    end(&mut children);
    fs::remove_dir(&group).expect("removed");
    assert_eq!((&before["stale"], &before["services"]), (&json!([]), &json!([])));
    let wanted = json!([{ "pid": children[0].id(), "unit": unit, "paths": ["usr/lib/libdemo.so.1.2.3"] }]);
    assert_eq!((&after["stale"], &after["due"]), (&wanted, &json!("services")), "{after}");
    assert_eq!(after["reasons"], json!([format!("{unit} runs from an old tree")]));
}

#[test]
fn status_tells_what_is_staged() {
    let machine = Machine::installed(10, &[]);
    machine.succeeds(["update", "--download"]);
    assert_eq!(machine.succeeds(["status"]).result["pending"], 20);
    machine.succeeds(["update"]);
    machine.succeeds(["rollback"]);
    let status = machine.succeeds(["status"]).result;
    assert_eq!((&status["live"], &status["previous"], &status["pending"]), (&json!(10), &json!(20), &Value::Null));
}

#[test]
fn autoupdate_is_a_timer_beneath_the_root() {
    let machine = Machine::installed(10, &[]);
    let link = machine.path("etc/systemd/system/timers.target.wants/stateless-update.timer");
    let unit = |name: &str| machine.path("etc/systemd/system").join(name);
    assert_eq!(machine.client(["autoupdate"]).code, 1, "off is a plain no");
    let on = machine.succeeds(["autoupdate", "--enable"]).result;
    assert_eq!((&on["enabled"], &on["changed"]), (&json!(true), &json!(true)));
    let service = fs::read_to_string(unit("stateless-update.service")).expect("a unit");
    assert!(service.contains("ExecStart=/usr/bin/stateless-update update"), "{service}");
    assert!(fs::canonicalize(&link).expect("the link leads somewhere").ends_with("stateless-update.timer"));
    assert_eq!(machine.succeeds(["autoupdate", "--enable"]).result["changed"], false);
    assert_eq!(machine.succeeds(["autoupdate"]).result["units"].as_array().map(Vec::len), Some(2));
    machine.succeeds(["autoupdate", "--disable"]);
    assert!(!link.exists() && !unit("stateless-update.service").exists() && !unit("stateless-update.timer").exists());
    assert_eq!(machine.client(["autoupdate"]).code, 1);
    assert_eq!(machine.succeeds(["autoupdate", "--disable"]).result["changed"], false);

    // What a power cut can leave of a unit, which systemd takes for a masked one.
    machine.succeeds(["autoupdate", "--enable"]);
    fs::write(unit("stateless-update.timer"), "").expect("written");
    assert_eq!(machine.client(["autoupdate"]).code, 1);
    assert_eq!(machine.succeeds(["autoupdate", "--enable"]).result["changed"], true);
    assert!(fs::read_to_string(unit("stateless-update.timer")).expect("a unit").contains("OnCalendar"));
    fs::write(unit("stateless-update.timer"), "").expect("written");
    machine.succeeds(["autoupdate", "--disable"]);
    assert!(!link.is_symlink() && !unit("stateless-update.timer").exists());

    // A timer that the administrator changed is theirs; it is used and stays.
    fs::write(unit("stateless-update.timer"), "[Timer]\nOnCalendar=weekly\n").expect("written");
    machine.succeeds(["autoupdate", "--enable"]);
    machine.succeeds(["autoupdate", "--disable"]);
    assert!(fs::read_to_string(unit("stateless-update.timer")).expect("kept").contains("weekly"));
    machine.refuses(2, ["autoupdate", "--enable", "--disable"]);
    Machine::empty().refuses(2, ["autoupdate"]);
}
