//! `explain`: where a path comes from, what overrides do to it, and what the next update does.

use std::fs;

use rustix::fs::XattrFlags;
use serde_json::{Value, json};

use crate::config::{SECRET, machine, write};
use crate::machine::{Machine, replace, warned};
use crate::world::{NOWHERE, world};

#[test]
fn explain_tells_origin_override_and_the_next_step() {
    let machine = Machine::installed(10, &["editors"]);
    let explain = |path: &str| machine.succeeds(["explain", path]).result;
    let step = |result: &Value| (result["state"].clone(), result["next"]["action"].clone());
    let told = |state: &str, action: &str| (json!(state), json!(action));

    let config = "usr/share/defaults/etc/ssh/sshd_config";
    assert_eq!(explain(config)["override"], Value::Null);
    fs::create_dir_all(machine.path("etc/ssh")).expect("made");
    fs::write(machine.path("etc/ssh/sshd_config"), "mine").expect("written");
    let result = explain(config);
    assert_eq!((&result["override"], &result["bundles"]), (&json!("etc/ssh/sshd_config"), &json!(["os-core"])));
    assert_eq!(step(&result), told("same", "change"));
    assert!(result["next"]["reason"].as_str().is_some_and(|reason| reason.contains("mode")), "{result}");

    let hello = explain("/usr/bin/hello");
    assert_eq!((step(&hello), &hello["since"], &hello["type"]), (told("same", "keep"), &json!(10), &json!("file")));
    // What `diagnose` sees is seen here, by the same comparison.
    rustix::fs::setxattr(machine.path("usr/bin/hello"), "user.test", b"1", XattrFlags::empty()).expect("set");
    assert_eq!(step(&explain("usr/bin/hello")), told("attributes", "repair"));
    replace(&machine.path("usr/bin/hello"));
    assert_eq!(step(&explain("usr/bin/hello")), told("content", "repair"));
    assert_eq!(step(&explain("usr/bin/collect-logs")), told("same", "remove"));
    assert_eq!(step(&explain("usr/bin/wait-online")), told("absent", "add"));
    assert_eq!(explain("usr/share/licenses/common/MIT")["bundles"].as_array().map(Vec::is_empty), Some(false));
    fs::write(machine.path("usr/bin/stray"), "").expect("written");
    assert_eq!(step(&explain("usr/bin/stray")), told("unowned", "remove"));
    assert_eq!(step(&explain("usr/bin/nothing")), told("absent", "none"));
    assert_eq!(step(&explain("usr/share/stateless-update/installed.json")), told("unowned", "change"));
    fs::rename(machine.path("usr/share/licenses"), machine.path("usr/share/moved")).expect("moved");
    std::os::unix::fs::symlink("moved", machine.path("usr/share/licenses")).expect("linked");
    assert_eq!(step(&explain("usr/share/licenses/common/MIT")), told("missing", "repair"), "a symlink is on the way");

    let offline = machine.succeeds(["explain", "usr/bin/ed", "--url", NOWHERE, "--max-retries", "0"]);
    assert_eq!((&offline.result["bundles"], &offline.result["next"]), (&json!(["editors"]), &Value::Null));
    assert!(offline.events.iter().any(|event| event["event"] == "warning"));
}

#[test]
fn explain_tells_what_an_override_does_by_the_model() {
    let machine = machine(&[
        ("etc/app/app.conf", "[DEFAULT]\nthreads = 9\n"),
        ("etc/app/app.conf.d/local.conf", &format!("[db]\nhost = mine\npassword = {SECRET}\n")),
        ("etc/web/web.conf", "mine\n"),
        ("etc/old/old.conf", "[other]\nk=1\n"),
    ]);
    let configured = |path: &str| {
        let found = machine.succeeds(["explain", path]).result["configuration"].clone();
        assert!(!found.to_string().contains(SECRET), "{found}");
        found
    };
    let effect = |found: &Value| json!([found["app"], found["model"], found["effect"]]);
    // What the file says, not what another one or none says.
    let app = configured("usr/share/defaults/app/app.conf");
    assert_eq!(effect(&app), json!(["app", "oslo", "options"]));
    let overrides = app["overrides"].as_array().expect("a list").iter();
    let told: Vec<_> = overrides.map(|one| json!([one["key"], one["kind"], one["file"], one["line"]])).collect();
    let [workers, host] = [
        json!(["workers", "deprecated", "/etc/app/app.conf", 2]),
        json!(["host", "override", "/etc/app/app.conf.d/local.conf", 2]),
    ];
    assert_eq!(told, [workers, host]);
    let web = configured("usr/share/defaults/etc/web/web.conf");
    assert_eq!((effect(&web), &web["overrides"][0]["key"]), (json!(["web", "opaque", "whole"]), &json!("web.conf")));
    assert_eq!(effect(&configured("usr/share/defaults/etc/web/same.conf")), json!(["web", "opaque", "none"]));
    assert_eq!(effect(&configured("usr/share/defaults/old/old.conf")), json!(["old", "ini", "none"]));
    // A list of options and a declaration say nothing to a program.
    assert_eq!(configured("usr/share/defaults/app/options.conf"), Value::Null);
    assert_eq!(configured("usr/share/defaults/app/.overlay.toml"), Value::Null);

    let shown = world().programs.shown(&machine.root, ["explain", "usr/share/defaults/app/app.conf"]);
    let shown = shown.expect("it starts").stdout;
    assert!(shown.contains("all of it but 2 options is in force (app is oslo:"), "{shown}");
    assert!(shown.contains("app [db] host\n") && !shown.contains(SECRET), "{shown}");

    // What cannot be read costs a warning.
    write(&machine.path("etc/app/app.conf"), "no option\n");
    let broken = machine.succeeds(["explain", "usr/share/defaults/app/app.conf"]);
    assert!(broken.result["configuration"].is_null() && warned(&broken, "cannot be told"), "{:?}", broken.events);
}

#[test]
fn explain_tells_of_a_file_of_one_name_that_takes_the_place_of_another() {
    let machine = machine(&[
        ("usr/lib/systemd/journald.conf", "[Journal]\nStorage=auto\n"),
        ("usr/lib/systemd/journald.conf.d/vendor.conf", "[Journal]\nAudit=no\n"),
    ]);
    let effect = |path: &str| machine.succeeds(["explain", path]).result["configuration"]["effect"].clone();
    let (main, vendor) = ("usr/lib/systemd/journald.conf", "usr/lib/systemd/journald.conf.d/vendor.conf");
    assert_eq!((effect(main), effect(vendor)), (json!("none"), json!("none")));
    write(&machine.path("etc/systemd/journald.conf.d/local.conf"), "[Journal]\nStorage=none\n");
    assert_eq!((effect(main), effect(vendor)), (json!("options"), json!("none")));
    write(&machine.path("etc/systemd/journald.conf.d/vendor.conf"), "");
    assert_eq!((effect(main), effect(vendor)), (json!("options"), json!("whole")));
    write(&machine.path("etc/systemd/journald.conf"), "[Journal]\nCompress=no\n");
    assert_eq!(effect(main), json!("whole"));
}
