//! Overrides that are kept and restored, secrets that no command prints, and the factory reset.

use super::*;

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
fn files_that_nobody_declares_are_kept_with_those_of_their_program() {
    let machine = machine(&[
        ("usr/share/nova-common/nova.conf", "[DEFAULT]\n\n#debug = false\n"),
        ("usr/share/nova-common/api-paste.ini", "shipped\n"),
        ("usr/share/nova-common/rootwrap.d/compute.filters", "shipped\n"),
        ("etc/nova/nova.conf", "[DEFAULT]\ndebug = true\n"),
        ("etc/nova/api-paste.ini", "mine\n"),
        ("etc/nova/policy.yaml", "mine: true\n"),
        ("etc/nova/rootwrap.d/compute.filters", "shipped\n"),
        ("etc/nova/tls/deep/nova.key", "mine\n"),
        ("etc/systemd/system/mine.service", "a unit\n"),
        ("usr/lib/systemd/system.conf", "[Manager]\n"),
        ("etc/ssh/sshd_config", "Port 22\n"),
        ("etc/ssh/ssh_host_key", "mine\n"),
    ]);
    symlink("api-paste.ini", machine.path("etc/nova/link.ini")).expect("linked");
    let file = machine.path("overrides.tar");
    let name = file.to_str().expect("text");
    let saved = machine.succeeds(["config", "save", name]);
    let wanted = json!([
        "/etc/nova/api-paste.ini",
        "/etc/nova/link.ini",
        "/etc/nova/nova.conf",
        "/etc/nova/policy.yaml",
        "/etc/nova/tls/deep/nova.key",
        "/etc/ssh/sshd_config",
    ]);
    assert_eq!(saved.result["paths"], wanted);
    assert_eq!(warnings(&saved), ["/etc/ssh/ssh_host_key is not saved: ssh does not declare it"]);
    fs::remove_dir_all(machine.path("etc")).expect("removed");
    assert_eq!(machine.succeeds(["config", "restore", name]).result["restored"], wanted);
    assert_eq!(fs::read_to_string(machine.path("etc/nova/tls/deep/nova.key")).expect("there"), "mine\n");
    assert_eq!(fs::read_link(machine.path("etc/nova/link.ini")).expect("linked"), Path::new("api-paste.ini"));
    assert!(!machine.path("etc/nova/rootwrap.d").exists(), "as shipped");
}

#[test]
fn a_single_file_is_kept_where_its_default_is_a_symlink() {
    let machine = machine(&[("usr/share/zoneinfo/UTC", "here\n"), ("usr/share/zoneinfo/There", "there\n")]);
    fs::create_dir_all(machine.path("etc")).expect("made");
    symlink("../../zoneinfo/UTC", machine.path("usr/share/defaults/etc/localtime")).expect("linked");
    symlink("/usr/share/zoneinfo/There", machine.path("etc/localtime")).expect("linked");
    let file = machine.path("overrides.tar");
    let saved = machine.succeeds(["config", "save", file.to_str().expect("text")]).result;
    assert_eq!(saved["paths"], json!(["/etc/localtime"]));
}

#[test]
fn overrides_are_saved_to_a_file_and_over_nothing_else() {
    let machine = machine(OVERRIDES);
    let (file, beside) = (machine.path("overrides.tar"), machine.path("overrides.tar.new"));
    write(&beside.join("letter"), "theirs\n");
    machine.succeeds(["config", "save", file.to_str().expect("text")]);
    assert!(beside.join("letter").exists());
    let (link, aim) = (machine.path("link"), machine.path("aim"));
    symlink(&aim, &link).expect("linked");
    for path in [&link, &beside] {
        machine.refuses(2, ["config", "save", path.to_str().expect("text")]);
    }
    assert!(fs::read_link(&link).is_ok() && !aim.exists() && beside.join("letter").exists());
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
    machine.refuses(2, ["factory-reset", "--keep", "/etc/machine_id"]);
    machine.refuses(2, ["factory-reset", "--preview", "--keep", "/etc/no/such"]);
    assert!(machine.path("etc/machine-id").exists(), "what is written otherwise than it is called is not lost");
    // What lies behind a symlink is found before anything is gone.
    write(&machine.path("etc/app/app.conf"), "mine\n");
    symlink("lib", machine.path("var/link")).expect("linked");
    machine.refuses(2, ["factory-reset", "--keep", "/var/link/kept"]);
    fs::rename(machine.path("var"), machine.path("data")).expect("moved");
    symlink("data", machine.path("var")).expect("linked");
    machine.refuses(2, ["factory-reset"]);
    assert!(machine.path("etc/app/app.conf").exists() && machine.path("data/lib/kept/y").exists());
    assert!(error(&Machine::empty().client(["factory-reset"])).is_some(), "not managed, not touched");
    assert!(LAYERS.publication.path.exists());
}
