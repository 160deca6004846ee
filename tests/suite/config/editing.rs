//! Overrides that are set, taken away, pruned and checked.

use super::*;

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

/// Of several files none is changed where one of them cannot be; a link goes, and what it leads to stays.
#[test]
fn unset_changes_all_files_or_none() {
    let (main, late) = ("# by hand\r\n[DEFAULT]\r\nlevel = warn\r\n", "[DEFAULT]\nlevel = late\ndebug = true\n");
    let machine = machine(&[("etc/app/app.conf", main), ("etc/shared.conf", late)]);
    let own = |name: &str| machine.path(&format!("etc/app/{name}"));
    fs::create_dir(own("app.conf.d")).expect("made");
    symlink("../../shared.conf", own("app.conf.d/zzz.conf")).expect("linked");
    machine.refuses(2, ["config", "unset", "app", "DEFAULT.level"]);
    assert_eq!(fs::read_to_string(own("app.conf")).expect("there"), main);

    let shared = "[DEFAULT]\nlevel = late\n";
    write(&machine.path("etc/shared.conf"), shared);
    let unset = machine.succeeds(["config", "unset", "app", "DEFAULT.level"]).result;
    assert_eq!(unset["files"], json!(["/etc/app/app.conf", "/etc/app/app.conf.d/zzz.conf"]));
    assert_eq!(fs::read_to_string(own("app.conf")).expect("there"), "# by hand\r\n[DEFAULT]\r\n");
    assert!(fs::symlink_metadata(own("app.conf.d/zzz.conf")).is_err(), "the link is gone");
    assert_eq!(fs::read_to_string(machine.path("etc/shared.conf")).expect("there"), shared);
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
fn what_cannot_be_pruned_holds_up_no_other_program() {
    let machine = machine(&[
        ("usr/share/defaults/block/.overlay.toml", "model = \"yaml\"\n"),
        ("usr/share/defaults/block/block.conf", "a: 1\n"),
        ("etc/block/block.conf", "a: 1\nb: 2\n"),
        ("etc/old/old.conf", "[s]\nk=1\n"),
        ("etc/shared.conf", "[DEFAULT]\ndebug = false\nlevel = warn\n"),
    ]);
    fs::create_dir(machine.path("etc/app")).expect("made");
    symlink("../shared.conf", machine.path("etc/app/app.conf")).expect("linked");
    for name in ["block", "app"] {
        machine.refuses(2, ["config", "redundant", name, "--prune"]);
    }
    let pruned = machine.succeeds(["config", "redundant", "--prune"]);
    assert_eq!(
        (&pruned.result["pruned"], kinds(&pruned)),
        (&json!(["/etc/old/old.conf"]), pairs(&[("k", "redundant")]))
    );
    for name in ["block", "app"] {
        let wanted = format!("what is redundant of {name} stays: /etc/");
        assert!(warnings(&pruned).iter().any(|text| text.contains(&wanted)), "{}", pruned.told());
    }
}

/// What is too long to be read is not taken for nothing.
#[test]
fn a_file_that_is_left_out_is_not_replaced() {
    let long = "# a line of a comment\n".repeat((5 << 20) / 22);
    let own = "etc/app/app.conf.d/zz-local.conf";
    let machine = machine(&[(own, &long)]);
    let refused = machine.refuses(2, ["config", "set", "app", "db.host", "x"]).told();
    assert!(refused.contains(own) && refused.contains("cannot be edited"), "{refused}");
    assert!(fs::read_to_string(machine.path(own)).expect("there") == long);
}

#[test]
fn what_a_program_reads_alone_is_neither_pruned_nor_left_out() {
    let machine = machine(&[("usr/share/openssh/sshd_config", "Port 22\n"), ("etc/ssh/sshd_config", "Port 22\n")]);
    let pruned = machine.succeeds(["config", "redundant", "--prune"]).result;
    assert_eq!((&pruned["changes"], &pruned["pruned"]), (&json!([]), &json!([])));
    assert!(machine.path("etc/ssh/sshd_config").exists());
    let file = machine.path("overrides.tar");
    let saved = machine.succeeds(["config", "save", file.to_str().expect("text")]).result;
    assert_eq!(saved["paths"], json!(["/etc/ssh/sshd_config"]));
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
fn a_file_that_hides_another_stays_when_nothing_is_left_in_it() {
    let declared = "model = \"uapi\"\nfiles = [\"whole.conf\", \"whole.conf.d\"]\n";
    let machine = machine(&[
        ("usr/share/defaults/whole/.overlay.toml", declared),
        ("usr/lib/whole/whole.conf", "[A]\na=1\nb=1\n"),
        ("usr/lib/whole/whole.conf.d/10.conf", "[A]\nc=1\n"),
        ("etc/whole/whole.conf", "[A]\na=2\n"),
        ("etc/whole/whole.conf.d/10.conf", "[A]\na=3\n"),
        ("etc/whole/whole.conf.d/20.conf", "[A]\na=4\n"),
    ]);
    let files = ["/etc/whole/whole.conf", "/etc/whole/whole.conf.d/10.conf", "/etc/whole/whole.conf.d/20.conf"];
    let unset = machine.succeeds(["config", "unset", "whole", "A.a"]).result;
    assert_eq!(unset["files"], json!(files));
    let kept = files.map(|file| machine.path(&file[1..]).exists());
    assert_eq!(kept, [true, true, false], "nothing of the release is hidden by the last");
    assert!(fs::read_to_string(machine.path("etc/whole/whole.conf")).expect("there").starts_with("# "));
    assert_eq!(machine.succeeds(["config", "show", "whole"]).result["values"], json!([]), "as before, without a");
    assert_eq!(machine.succeeds(["config", "unset", "whole", "A.a"]).result["changed"], false);

    // Where nothing else is hidden, the file goes and the default is in force again.
    write(&machine.path("usr/lib/whole/whole.conf"), "[A]\na=1\n");
    write(&machine.path("etc/whole/whole.conf"), "[A]\na=2\n");
    machine.succeeds(["config", "unset", "whole", "A.a"]);
    assert!(!machine.path("etc/whole/whole.conf").exists());

    // Without drop-ins, what is set would hide the release's file.
    write(&machine.path("usr/share/defaults/whole/.overlay.toml"), "model = \"uapi\"\nfiles = [\"whole.conf\"]\n");
    write(&machine.path("usr/lib/whole/whole.conf"), "[A]\na=1\nb=1\n");
    let refused = machine.refuses(2, ["config", "set", "whole", "A.a", "2"]).told();
    assert!(refused.contains("take the place of /usr/lib/whole/whole.conf"), "{refused}");
    write(&machine.path("etc/whole/whole.conf"), "[A]\na=1\nb=1\n");
    machine.succeeds(["config", "set", "whole", "A.a", "2"]);
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
fn set_tells_what_a_dollar_sign_stands_for() {
    let machine = machine(&[("usr/share/defaults/other/.overlay.toml", "model = \"ini\"\n")]);
    let signs =
        |outcome: &Outcome| warnings(outcome).iter().filter(|text| text.contains("`$$` is a dollar sign")).count();
    let cases = [
        ("db.host", "pa$word", 1, "pa$word"),
        ("db.host", "pa$$word", 1, "pa$word"),
        ("db.host", "plain", 0, "plain"),
        ("db.host", "$", 0, "$"),
    ];
    for (option, value, told, read) in cases {
        let set = machine.succeeds(["config", "set", "app", option, value]);
        assert_eq!(signs(&set), told, "{value}: {:?}", warnings(&set));
        assert_eq!(machine.succeeds(["config", "get", "app", option]).result["value"], read);
    }
    let set = machine.succeeds(["config", "set", "app", "db.password", "x$hunter2"]);
    assert_eq!(signs(&set), 1);
    assert!(warnings(&set).iter().all(|text| !text.contains("hunter2")), "{:?}", warnings(&set));
    assert_eq!(signs(&machine.succeeds(["config", "set", "other", "s.k", "pa$word"])), 0, "elsewhere it is one");
}

#[test]
fn check_and_diff_raise_no_false_alarms() {
    let cinder = "usr/share/cinder-common/cinder.conf";
    let list = "[DEFAULT]\n\n#enabled_backends = <None>\n\n# (integer value)\n#cpus = 4\n\n\
        # (integer value)\n# This option is deprecated for removal.\nshipped = wrong $nobody\n\n\
        [backend_defaults]\n\n#volume_driver = lvm\n";
    let own = "[DEFAULT]\nenabled_backends = lvm-1\ncpus =\n[lvm-1]\nvolume_driver = lvm\n";
    let machine = machine(&[(cinder, list), ("etc/cinder/cinder.conf", own)]);
    let found = machine.client(["config", "check", "cinder"]);
    assert_eq!((found.code, &found.result["findings"]), (0, &json!([])));
    let wanted = [("cpus", "override"), ("enabled_backends", "override"), ("volume_driver", "override")];
    assert_eq!(kinds(&machine.succeeds(["config", "diff", "cinder"])), pairs(&wanted));
    write(&machine.path("etc/cinder/cinder.conf"), &format!("{own}volume_drivr = x\n[lvm-2]\nvolume_driver = x\n"));
    let found = machine.client(["config", "check", "cinder"]).result;
    let of_found = found["findings"].as_array().expect("findings").iter().map(|one| (&one["kind"], &one["line"]));
    assert_eq!(of_found.collect::<Vec<_>>(), [(&json!("unknown"), &json!(6)), (&json!("unknown"), &json!(8))]);
    // What the administrator says of the same option is his.
    write(&machine.path("etc/cinder/cinder.conf"), "[DEFAULT]\nshipped = wrong\n");
    let found = machine.client(["config", "check", "cinder"]).result;
    assert_eq!(found["findings"].as_array().map(Vec::len), Some(2), "{found}");
}
