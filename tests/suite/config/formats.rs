//! What formats have of their own: options that add up, masks, names with dots, tables, lines that are passed over.

use super::*;

#[test]
fn options_that_systemd_adds_up_come_out_as_they_are_asked_for() {
    let own = "etc/systemd/resolved.conf.d/zz-local.conf";
    let machine = machine(&[
        ("usr/lib/systemd/resolved.conf", "[Resolve]\nDNS=192.0.2.1\n#Domains=\n"),
        ("etc/systemd/resolved.conf.d/50-corp.conf", "[Resolve]\nDNS=192.0.2.2\nDNS=192.0.2.3\n"),
        ("usr/lib/systemd/logind.conf", "[Login]\n#KillExcludeUsers=root\n"),
    ]);
    let values = |option: &str| machine.succeeds(["config", "get", "systemd", option]).result["values"].clone();
    assert_eq!(values("Resolve.DNS"), json!(["192.0.2.1", "192.0.2.2", "192.0.2.3"]));
    machine.succeeds(["config", "set", "systemd", "Resolve.DNS", "9.9.9.9"]);
    assert_eq!(fs::read_to_string(machine.path(own)).expect("there"), "[Resolve]\nDNS=\nDNS=9.9.9.9\n");
    assert_eq!(values("Resolve.DNS"), json!(["9.9.9.9"]));
    assert_eq!(machine.succeeds(["config", "set", "systemd", "Resolve.DNS", "9.9.9.9"]).result["changed"], false);
    machine.succeeds(["config", "set", "systemd", "Resolve.DNS", ""]);
    assert_eq!(fs::read_to_string(machine.path(own)).expect("there"), "[Resolve]\nDNS=\n");
    assert_eq!(values("Resolve.DNS"), json!([]));
    machine.succeeds(["config", "unset", "systemd", "Resolve.DNS"]);
    assert_eq!(values("Resolve.DNS"), json!(["192.0.2.1"]));
    machine.succeeds(["config", "set", "systemd", "Resolve.Domains", "a", "b"]);
    assert_eq!(fs::read_to_string(machine.path(own)).expect("there"), "[Resolve]\nDomains=a\nDomains=b\n");
    machine.succeeds(["config", "set", "systemd", "Login.KillExcludeUsers", "alice"]);
    let excluded = fs::read_to_string(machine.path("etc/systemd/logind.conf.d/zz-local.conf")).expect("there");
    assert_eq!(excluded, "[Login]\nKillExcludeUsers=\nKillExcludeUsers=alice\n", "root is what it begins with");
}

#[test]
fn a_mask_is_one_by_whatever_way_it_leads_to_null() {
    let machine = machine(&[("usr/lib/systemd/journald.conf", "[Journal]\nStorage=auto\n")]);
    let shown = || machine.succeeds(["config", "show", "systemd-journald"]).result["values"].clone();
    assert_ne!(shown(), json!([]));
    fs::create_dir_all(machine.path("etc/systemd")).expect("made");
    let mask = machine.path("etc/systemd/journald.conf");
    for target in ["/dev/null", "../../dev/null", "../../etc/../dev//null", "other"] {
        symlink(target, &mask).expect("linked");
        if target == "other" {
            symlink("../../dev/null", machine.path("etc/systemd/other")).expect("linked");
        }
        assert_eq!(shown(), json!([]), "{target}");
        fs::remove_file(&mask).expect("removed");
    }
}

#[test]
fn a_key_with_dots_is_reached_where_it_is() {
    let machine = machine(&[
        ("usr/share/defaults/dots/.overlay.toml", "model = \"ini\"\n"),
        ("usr/share/defaults/dots/dots.conf", "top.a=0\n[S]\nx.y=1\n[S.x]\nz=3\n"),
    ]);
    let get = |option: &str| machine.succeeds(["config", "get", "dots", option]).result["value"].clone();
    assert_eq!([get("S.x.y"), get("S.x.z"), get("top.a")], [json!("1"), json!("3"), json!("0")]);
    machine.succeeds(["config", "set", "dots", "S.x.y", "2"]);
    let own = machine.path("etc/dots/dots.conf.d/zz-local.conf");
    assert_eq!(fs::read_to_string(&own).expect("there"), "[S]\nx.y=2\n");
    machine.succeeds(["config", "set", "dots", "S.new.z", "2"]);
    assert!(
        fs::read_to_string(&own).expect("there").ends_with("[S.new]\nz=2\n"),
        "the last dot, where nothing is known"
    );
    machine.succeeds(["config", "unset", "dots", "S.x.y"]);
    assert_eq!(get("S.x.y"), "1");
}

#[test]
fn a_value_in_place_of_a_table_is_refused() {
    let machine = machine(&[
        ("usr/share/defaults/doc/.overlay.toml", "model = \"json\"\nfiles = [\"doc.json\", \"doc.json.d\"]\n"),
        ("usr/share/defaults/doc/doc.json", "{\"s\": {\"a\": 1, \"b\": \"1\"}, \"v\": 1}"),
    ]);
    for (option, lost) in [("s", "[s] a"), ("v.inner", "[] v")] {
        let refused = machine.refuses(2, ["config", "set", "doc", option, "5"]).told();
        assert!(refused.contains(&format!("{option} would take away {lost}")), "{refused}");
    }
    assert!(!machine.path("etc/doc").exists());
    let own = "/etc/doc/doc.json.d/zz-local.json";
    write(&machine.path(&own[1..]), "{\"s\": {\"b\": 1}}");
    let pruned = || machine.succeeds(["config", "redundant", "doc", "--prune"]).result["pruned"].clone();
    assert_eq!(pruned(), json!([]), "a number is no text");
    machine.succeeds(["config", "set", "doc", "s.b", "1"]);
    assert_eq!(pruned(), json!([own]), "what is set takes the default's type");
}

#[test]
fn what_is_set_in_a_document_is_read_again_as_what_it_is() {
    let of = |format: &str, name: &str| (format!("usr/share/defaults/{name}/.overlay.toml"), format.to_owned());
    let mut files = vec![
        of("model = \"toml\"\n", "port"),
        ("usr/share/defaults/port/port.conf".to_owned(), "port = \"443\"\n".to_owned()),
    ];
    let uapi = [("toml", "a = 1\n"), ("json", "{\"a\": 1}"), ("yaml", "a: 1\n")];
    for (format, text) in uapi {
        files.push(of(&format!("model = \"uapi\"\nformat = \"{format}\"\n"), format));
        files.push((format!("usr/lib/{format}/{format}.conf"), text.to_owned()));
    }
    let machine = machine(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    machine.succeeds(["config", "set", "port", "port", "8443"]);
    let own = fs::read_to_string(machine.path("etc/port/port.conf.d/zz-local.toml"));
    assert_eq!(own.expect("there"), "port = \"8443\"\n");
    // Without a default it is what is typed in that counts, also the second time.
    for (value, written) in [("\"8\"", "\"8\""), ("\"8\"", "\"8\""), ("yes", "\"yes\""), ("true", "true")] {
        machine.succeeds(["config", "set", "port", "other", value]);
        let own = fs::read_to_string(machine.path("etc/port/port.conf.d/zz-local.toml")).expect("there");
        assert!(own.contains(&format!("other = {written}\n")), "{value}: {own}");
    }
    for (format, _) in uapi {
        let set = machine.succeeds(["config", "set", format, "a", "2"]).result;
        assert_eq!(set["files"], json!([format!("/etc/{format}/{format}.conf.d/zz-local.conf")]));
        assert_eq!(machine.succeeds(["config", "get", format, "a"]).result["value"], "2");
    }
}

#[test]
fn a_line_that_is_passed_over_is_told_and_kept() {
    let machine = machine(&[
        ("usr/share/defaults/text/.overlay.toml", "model = \"uapi\"\n"),
        ("usr/lib/text/text.conf", "\u{feff}[S]\nshipped\na=1\n"),
        ("etc/text/text.conf.d/zz-local.conf", "[S]\nhunter2\nb=2\n"),
    ]);
    let found = machine.client(["config", "check", "text"]);
    assert_eq!((found.code, found.result["findings"].as_array().map(Vec::len)), (1, Some(1)), "{}", found.told());
    let finding = &found.result["findings"][0];
    assert_eq!((&finding["kind"], &finding["line"]), (&json!("syntax"), &json!(2)));
    assert!(!found.told().contains("hunter2"), "{}", found.told());
    machine.succeeds(["config", "set", "text", "S.a", "3"]);
    let own = fs::read_to_string(machine.path("etc/text/text.conf.d/zz-local.conf")).expect("there");
    assert_eq!(own, "[S]\nhunter2\nb=2\na=3\n");
}

#[test]
fn what_a_program_without_sections_reads_is_written_in_its_manner() {
    let machine = machine(&[
        ("usr/share/defaults/login/.overlay.toml", "model = \"keyvalue\"\nfiles = [\"login.defs\"]\n"),
        ("usr/share/defaults/login/login.defs", "MAIL_DIR\t/var/mail\nUMASK\t\t077\n"),
        ("usr/share/defaults/greet/.overlay.toml", "model = \"keyvalue\"\nfiles = [\"greet\"]\n"),
        ("usr/share/defaults/greet/greet", "GREETING=hello\nOTHER=1\n"),
    ]);
    machine.succeeds(["config", "set", "login", "UMASK", "027"]);
    assert_eq!(fs::read_to_string(machine.path("etc/login/login.defs")).expect("there"), "UMASK\t\t027\n");
    machine.succeeds(["config", "set", "greet", "GREETING", "hello world"]);
    let own = machine.path("etc/greet/greet");
    assert_eq!(fs::read_to_string(&own).expect("there"), "GREETING=\"hello world\"\n");
    write(&own, "GREETING='never closed\n");
    machine.refuses(2, ["config", "unset", "greet", "GREETING"]);
}

#[test]
fn update_tells_of_a_default_behind_a_symlink() {
    let machine = machine(&[("etc/web/current.conf", "mine\n"), ("etc/web/lib.conf", "mine\n")]);
    symlink("usr/lib", machine.path("lib")).expect("linked");
    for outcome in [machine.succeeds(["update", "--dry-run"]), machine.succeeds(["update"])] {
        let told = warnings(&outcome);
        for wanted in ["web current.conf conflicts", "web lib.conf conflicts"] {
            assert!(told.iter().any(|text| text.contains(wanted)), "{wanted}: {told:?}");
        }
    }
}
