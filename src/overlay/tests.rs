//! Tests of parsing, combining, interpolation and differences. What oracles say is in `tests/suite/oracles`.

use super::*;

mod changes;
mod known;
mod lines;
mod long;
mod merged;
mod options;
mod secrets;
mod types;

fn read(format: Format, text: &str) -> Vec<(String, String, String, u32)> {
    let settings = parse(format, "etc/x", text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    settings.into_iter().map(|one| (one.section, one.key, one.value, one.line)).collect()
}

fn owned(settings: &[(&str, &str, &str, u32)]) -> Vec<(String, String, String, u32)> {
    settings.iter().map(|(a, b, c, line)| ((*a).into(), (*b).into(), (*c).into(), *line)).collect()
}

/// A program `x` with these files.
fn app(toml: &str) -> App {
    App::new("x", Some(Declaration::parse("d", toml.as_bytes()).expect(toml)))
}

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    files.iter().map(|(path, text)| ((*path).to_owned(), Content::File((*text).into()))).collect()
}

fn values(app: &App, files: &[(&str, &str)]) -> Values {
    let snapshot = snapshot(files);
    let layers = app.layers(&snapshot, WithOverrides::Yes).expect("layers");
    effective("x", &app.declaration, &app.options(&snapshot).expect("options"), &layers).expect("values")
}

const SHIPPED: &str = "usr/share/defaults/x/x.conf";
const OVERRIDE: &str = "etc/x/x.conf";
const DROP_IN: &str = "etc/x/x.conf.d/10.conf";

#[test]
fn formats_are_read_with_lines() {
    type Read<'a> = &'a [(&'a str, &'a str, &'a str, u32)];
    let cases: &[(Format, &str, Read<'_>)] = &[
        (Format::Oslo, "[DEFAULT]\na = 1\n# c\n[b]\nk: x = y\n\n", &[("DEFAULT", "a", "1", 2), ("b", "k", "x = y", 5)]),
        (
            Format::Oslo,
            "[b]\nk = one\n  two\n\tthree\n\nl='q\"'\nm = \"\n",
            &[("b", "k", "one\ntwo\nthree", 2), ("b", "l", "q\"", 6), ("b", "m", "", 7)],
        ),
        (
            Format::Ini,
            "a=0\n[S]\n;x\nk = 1 \\\n# c\n   2\r\nl=\n",
            &[("", "a", "0", 1), ("S", "k", "1     2", 4), ("S", "l", "", 7)],
        ),
        (
            Format::KeyValue,
            "# c\nnet.x = 1\nPort 22\nexport A=\"b c\"\nalone\n",
            &[("", "net.x", "1", 2), ("", "Port", "22", 3), ("", "A", "b c", 4), ("", "alone", "", 5)],
        ),
        (
            Format::Toml,
            "a = 1\n[t.u]\nb = [1, \"x\"]\n'c.d' = true\n",
            &[("", "a", "1", 1), ("t.u", "b", "[1,\"x\"]", 3), ("t.u", "\"c.d\"", "true", 4)],
        ),
        (
            Format::Json,
            "{\n \"a\": 1,\n \"t\": {\n  \"b\": null, \"c\": \"s\"}}",
            &[("", "a", "1", 2), ("t", "b", "null", 4), ("t", "c", "s", 4)],
        ),
        (
            Format::Yaml,
            "a: 1\nt:\n  b: [x, 2]\n  c: '1'\nn: ~\n",
            &[("", "a", "1", 1), ("t", "b", "[\"x\",2]", 3), ("t", "c", "1", 4), ("", "n", "null", 5)],
        ),
        (Format::Json, "", &[]),
        (Format::Yaml, "# nothing\n", &[]),
    ];
    for (format, text, wanted) in cases {
        assert_eq!(read(*format, text), owned(wanted), "{format:?} {text:?}");
    }
}

#[test]
fn errors_name_the_line_and_keep_the_text_to_themselves() {
    for (format, text, line) in [
        (Format::Oslo, "[a]\nhunter2\n", 2),
        (Format::Oslo, "hunter2 = 1\n", 1),
        (Format::Oslo, "[a]\n\n  hunter2\n", 3),
        (Format::Oslo, "[a]\nk=1\n#\n hunter2", 4),
        (Format::Oslo, "[]\n", 1),
        (Format::Oslo, "[hunter2\n", 1),
        (Format::Oslo, "[a]\n= hunter2\n", 2),
        (Format::Ini, "[a]\n[hunter2\n", 2),
        (Format::Toml, "a = 1\nb = hunter2\n", 2),
        (Format::Json, "{\n\"a\": hunter2}", 2),
        (Format::Json, "[\"hunter2\"]", 1),
        (Format::Yaml, "a: 1\nb: *hunter2\n", 2),
        (Format::Yaml, "a: !hunter2 1\n", 1),
        (Format::Yaml, "a: 1\n---\nb: hunter2\n", 3),
    ] {
        let error = parse(format, "etc/x", text.as_bytes()).expect_err(text);
        let OverlayError::Syntax { line: found, .. } = &error else { panic!("{error}") };
        assert_eq!(*found, line, "{format:?} {text:?}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert!(matches!(parse(Format::Oslo, "x", b"\xff"), Err(OverlayError::NotText { .. })));
}

#[test]
fn the_later_file_wins_and_says_what_it_overrides() {
    let app = app("model = 'oslo'\nmulti = ['*.m']\nsecret = ['db.password']\ndeprecated = {'db.old' = 'db.new'}");
    let found = values(
        &app,
        &[
            (SHIPPED, "[DEFAULT]\na=1\nm=x\n[DB]\nnew=1\npassword=p\nurl = u:$password@h\n"),
            (OVERRIDE, "[DEFAULT]\na=2\nm=y\nm=z\n"),
            (DROP_IN, "[db]\nold=2\n[default]\na=9\n"),
        ],
    );
    let a = found.find("DEFAULT", "a").expect("a");
    assert_eq!((a.value.as_str(), &*a.origin.file, a.origin.line), ("2", OVERRIDE, 2));
    let overrides: Vec<_> =
        a.overrides.iter().map(|(origin, value)| (&*origin.file, origin.line, value.as_str())).collect();
    assert_eq!(overrides, [(SHIPPED, 2, "1")]);
    assert_eq!(found.find("default", "a").map(|value| value.value.as_str()), Some("9"), "only DEFAULT is DEFAULT");
    assert_eq!(found.find("DEFAULT", "m").expect("m").values, ["x", "y", "z"]);
    let new = found.find("db", "new").expect("new");
    assert_eq!((new.value.as_str(), new.former.as_deref()), ("2", Some("db.old")));
    let url = found.find("db", "url").expect("url");
    assert_eq!((url.value.as_str(), url.secret), ("u:p@h", true), "what has a secret in it is one");
    assert!(!new.secret && !a.secret);
}

#[test]
fn interpolation_is_bounded_and_says_what_it_does_not_know() {
    let app = app("model = 'oslo'\nlists = ['g.l']");
    let found = values(
        &app,
        &[(
            SHIPPED,
            "[DEFAULT]\nd=D\n[g]\na=$d ${d}x $$d \\$d ${g.l} $nobody ${x $\nl=1, it's\nc=$e\ne=$c\nf=$DEFAULT.d\n",
        )],
    );
    let a = found.find("g", "a").expect("a");
    assert_eq!(a.value, "D Dx $d $d ['1', \"it's\"] $nobody ${x $");
    assert_eq!(a.unresolved, ["nobody"]);
    assert!(!found.find("g", "c").expect("c").unresolved.is_empty(), "a circle stands for nothing");

    let mut bomb = "[DEFAULT]\na0 = 0123456789\n".to_owned();
    (1..30).for_each(|n| bomb.push_str(&format!("a{n} = $a{} $a{0} $a{0} $a{0}\n", n - 1)));
    let layers = app.layers(&snapshot(&[(SHIPPED, &bomb)]), WithOverrides::Yes).expect("layers");
    let bombed = effective("x", &app.declaration, &Options::default(), &layers);
    assert!(matches!(bombed, Err(OverlayError::TooLong { .. })));
}

#[test]
fn a_file_of_the_same_name_replaces_whole_in_uapi() {
    let app = app("model = 'uapi'");
    let mut files = snapshot(&[
        ("usr/lib/x/x.conf", "[A]\na=1\nb=1\n"),
        ("usr/lib/x/x.conf.d/10.conf", "[A]\nc=1\n"),
        ("usr/lib/x/x.conf.d/20.conf", "[A]\nd=1\n"),
        ("etc/x/x.conf", "[A]\na=2\n"),
        ("run/x/x.conf.d/05.conf", "[A]\na=3\n"),
        ("etc/x/x.conf.d/.hidden.conf", "[A]\nh=1\n"),
    ]);
    files.insert("etc/x/x.conf.d/10.conf".into(), Content::Masked);
    let layers = app.layers(&files, WithOverrides::Yes).expect("layers");
    let paths: Vec<_> = layers.iter().map(|layer| layer.path.as_str()).collect();
    assert_eq!(paths, ["etc/x/x.conf", "run/x/x.conf.d/05.conf", "usr/lib/x/x.conf.d/20.conf"]);
    let found = effective("x", &app.declaration, &Options::default(), &layers).expect("values");
    assert_eq!(found.find("A", "a").map(|value| value.value.as_str()), Some("3"));
    assert!(found.find("A", "b").is_none() && found.find("A", "c").is_none() && found.find("A", "d").is_some());
}

#[test]
fn documents_merge_table_by_table() {
    let app = app("model = 'json'\nfiles = ['x.json', 'x.json.d']");
    let found = values(
        &app,
        &[
            ("usr/share/defaults/x/x.json", r#"{"a": {"b": 1, "c": 2}, "d": {"e": 1}, "f": 1}"#),
            ("etc/x/x.json", r#"{"a": {"b": 3}, "d": 4, "f": {"g": 5}}"#),
        ],
    );
    let all: Vec<_> =
        found.iter().map(|value| (value.section.as_str(), value.key.as_str(), value.value.as_str())).collect();
    assert_eq!(all, [("", "d", "4"), ("a", "b", "3"), ("a", "c", "2"), ("f", "g", "5")]);
}

const LIST: &str = "\
[DEFAULT]

# How many. (integer value)
# Minimum value: 1
# Deprecated group/name - [DEFAULT]/threads
#workers = 4

# Hosts = those to ask. (list value)
#hosts = <None>
";

/// The kinds of changes by option, when these defaults become those.
fn kinds(
    toml: &str,
    defaults: &[(&str, &str)],
    overrides: &[(&str, &str)],
    next: Option<&[(&str, &str)]>,
) -> Vec<(String, ChangeKind)> {
    kinds_of(&app(toml), defaults, overrides, next)
}

fn kinds_of(
    app: &App,
    defaults: &[(&str, &str)],
    overrides: &[(&str, &str)],
    next: Option<&[(&str, &str)]>,
) -> Vec<(String, ChangeKind)> {
    changes_of(app, defaults, overrides, next).into_iter().map(|change| (change.key, change.kind)).collect()
}

fn changes_of(
    app: &App,
    defaults: &[(&str, &str)],
    overrides: &[(&str, &str)],
    next: Option<&[(&str, &str)]>,
) -> Vec<Change> {
    let side = |defaults: &[(&str, &str)]| {
        let files = snapshot(&[defaults, overrides].concat());
        let options = app.options(&files).expect("options");
        let values = |with| {
            effective("x", &app.declaration, &options, &app.layers(&files, with).expect("layers")).expect("values")
        };
        let (without, with) = (values(WithOverrides::No), values(WithOverrides::Yes));
        (options, without, with)
    };
    let now = side(defaults);
    let then = next.map(side);
    let now = View { app, options: &now.0, defaults: &now.1, all: &now.2 };
    let then = then.as_ref().map(|then| Some(View { app, options: &then.0, defaults: &then.1, all: &then.2 }));
    differences(now, then)
}

#[test]
fn overrides_are_told_by_what_becomes_of_them() {
    use ChangeKind::*;
    let named = |kinds: &[(&str, ChangeKind)]| -> Vec<(String, ChangeKind)> {
        kinds.iter().map(|(key, kind)| ((*key).to_owned(), *kind)).collect()
    };
    let oslo = "model = 'oslo'\nlists = ['*.l']";
    let defaults = [(SHIPPED, "[DEFAULT]\na=1\nb=1\nc=1\nd=1\nl=x,y\n")];
    let overrides = [(OVERRIDE, "[DEFAULT]\na=1\nb=2\nc=2\nd=2\nl=x, y\nown=1\n")];
    let next = [(SHIPPED, "[DEFAULT]\na=5\nb=2\nc=3\nl=x,y\n")];
    let wanted =
        [("a", Redundant), ("b", Override), ("c", Override), ("d", Override), ("l", Redundant), ("own", Override)];
    assert_eq!(kinds(oslo, &defaults, &overrides, None), named(&wanted));
    let wanted = [
        ("a", DefaultChanged),
        ("b", Redundant),
        ("c", DefaultChanged),
        ("d", Orphaned),
        ("l", Redundant),
        ("own", Override),
    ];
    assert_eq!(kinds(oslo, &defaults, &overrides, Some(&next)), named(&wanted));

    let listed = "model = 'oslo'\noptions = 'x.conf'";
    let list = [(SHIPPED, LIST)];
    let overrides = [(OVERRIDE, "[DEFAULT]\nworkers=4\nnonsense=1\n")];
    assert_eq!(kinds(listed, &list, &overrides, None), named(&[("nonsense", Unknown), ("workers", Redundant)]));
    let next = LIST.replace("Minimum value: 1", "Minimum value: 8").replace("= 4", "= 9");
    let wanted = [("nonsense", Unknown), ("workers", Conflict)];
    assert_eq!(kinds(listed, &list, &overrides, Some(&[(SHIPPED, &next)])), named(&wanted));
    let former = [(OVERRIDE, "[DEFAULT]\nthreads=7\n")];
    assert_eq!(kinds(listed, &list, &former, None), named(&[("workers", Deprecated)]));

    let whole = [("usr/lib/x/x.conf", "[A]\na=1\nb=1\nc=1\n")];
    let own = [(OVERRIDE, "[A]\na=2\n")];
    let next = [("usr/lib/x/x.conf", "[A]\na=3\nb=2\nc=1\n")];
    let wanted = [("a", Conflict), ("b", Conflict), ("c", Override)];
    assert_eq!(kinds("model = 'uapi'", &whole, &own, Some(&next)), named(&wanted));

    let opaque = [(SHIPPED, "one")];
    let own = [(OVERRIDE, "mine")];
    assert_eq!(kinds("model = 'opaque'", &opaque, &own, Some(&[(SHIPPED, "two")])), named(&[("x.conf", Conflict)]));
    assert_eq!(kinds("model = 'opaque'", &opaque, &own, Some(&[(SHIPPED, "mine")])), named(&[("x.conf", Redundant)]));
    assert_eq!(kinds("model = 'opaque'", &opaque, &own, Some(&[])), named(&[("x.conf", Orphaned)]));
}

#[test]
fn edits_change_one_option_and_nothing_else() {
    let oslo = Declaration::of(Model::Oslo);
    let set = |declaration: &Declaration, old: Option<&str>, option: &str, value: &str| {
        let (section, key) = declaration.option(option);
        let values = [value.to_owned()];
        let wanted = Wanted { section: &section, key: &key, values: &values, like: None, is_text: false };
        let text = edited(declaration, "etc/x", old.map(str::as_bytes), wanted);
        text.map(|bytes| String::from_utf8(bytes).expect("text"))
    };
    let cases = [
        (None, "debug", "true", "[DEFAULT]\ndebug = true\n"),
        (
            Some("# mine\n[DB]\n# c\na = 1\n\n[e]\n"),
            "db.b",
            " x\ny",
            "# mine\n[DB]\n# c\na = 1\nb = \" x\"\n    y\n\n[e]\n",
        ),
        (Some("[DB]\na = 1\n  2\n# c\nb = 3\n"), "db.a", "'q'", "[DB]\na = \"'q'\"\n# c\nb = 3\n"),
        (Some("[e]\nx=1"), "f.y", "$x", "[e]\nx=1\n\n[f]\ny = $x\n"),
        (Some("[e]\r\nx=1\r\n"), "e.y", "a\nb", "[e]\r\nx=1\r\ny = a\r\n    b\r\n"),
        (Some("[e]\r\nx=1"), "f.y", "2", "[e]\r\nx=1\r\n\r\n[f]\r\ny = 2\r\n"),
    ];
    for (old, option, value, wanted) in cases {
        assert_eq!(set(&oslo, old, option, value).as_deref(), Ok(wanted), "{old:?}");
    }
    assert!(set(&oslo, None, "a.b", "x\n\ny").is_err(), "an empty line ends a value");
    assert!(set(&oslo, None, "a.b=c", "x").is_err());
    let json = Declaration::of(Model::Json);
    assert_eq!(set(&json, None, "a.b", "3").as_deref(), Ok("{\n  \"a\": {\n    \"b\": 3\n  }\n}\n"));
    let toml = Declaration::of(Model::Toml);
    assert!(set(&toml, Some("# a comment\n"), "a.b", "3").is_err());
    assert_eq!(set(&toml, Some("c = \"x\"\n"), "a.b", "text").as_deref(), Ok("c = \"x\"\n\n[a]\nb = \"text\"\n"));

    for old in ["since = 1979-05-27\na.b = 1\n", "times = [07:32:00]\na.b = 1\n", "far = inf\na.b = 1\n"] {
        let refused = OverlayError::NotEditable { file: "etc/x".into() };
        assert_eq!(set(&toml, Some(old), "a.b", "3").as_ref(), Err(&refused), "{old:?}");
        let unset = without(&toml, "etc/x", old.as_bytes(), |setting| setting.key == "b");
        assert_eq!(unset.as_ref(), Err(&refused), "{old:?}");
    }
    let unset = |old: &str, key: &str| {
        without(&oslo, "etc/x", old.as_bytes(), |setting| setting.key == key)
            .expect("edited")
            .map(|bytes| String::from_utf8(bytes).expect("text"))
    };
    assert_eq!(unset("[a]\nk = 1\n  2\n\nl = 3\n", "k").as_deref(), Some("[a]\n\nl = 3\n"));
    assert_eq!(unset("[a]\nk = 1\n", "k"), None);
    assert_eq!(unset("# why\n[a]\nk = 1\n", "k").as_deref(), Some("# why\n[a]\n"));
    assert_eq!(unset("[a]\r\nk = 1\r\n\r\nl = 3", "k").as_deref(), Some("[a]\r\n\r\nl = 3"));
}

#[test]
fn archives_come_back_as_they_were_or_not_at_all() {
    let file = |path: &str, kind| SavedFile { path: path.into(), mode: 0o640, uid: 7, gid: 8, kind };
    let saved = Saved {
        version: 20,
        files: vec![
            file("etc/x", SavedKind::Directory),
            file("etc/x/x.conf", SavedKind::File(b"[a]\n".to_vec())),
            file("etc/x/y.conf", SavedKind::Symlink("/dev/null".into())),
        ],
    };
    let tar = saved.to_tar();
    assert_eq!(tar, saved.to_tar());
    assert_eq!(Saved::from_tar(&tar), Ok(saved.clone()));
    for path in ["etc/../x", "etc/", "usr/x", "/etc/x", "etc//x", "etc/x/."] {
        let mut bad = saved.clone();
        bad.files = vec![file(path, SavedKind::Directory)];
        assert!(Saved::from_tar(&bad.to_tar()).is_err(), "{path}");
    }
    for at in (0..tar.len()).step_by(97) {
        let mut damaged = tar.clone();
        damaged[at] ^= 1;
        let same = Saved::from_tar(&damaged).is_ok_and(|read| read != saved);
        assert!(!same || at < 512 * 4, "a changed content at {at} is found");
    }
    assert!(Saved::from_tar(&tar[..700]).is_err());
    assert!(Saved::from_tar(b"").is_err());
}

#[test]
fn members_with_holes_do_not_unfold() {
    let zeros = vec![0; 1 << 20];
    let file = SavedFile { path: "etc/x".into(), mode: 0o600, uid: 0, gid: 0, kind: SavedKind::File(zeros) };
    let saved = Saved { version: 20, files: vec![file] };
    let whole = saved.to_tar();
    assert_eq!(Saved::from_tar(&whole), Ok(saved));
    // The same manifest, and one block instead of a mebibyte: its content ends with a hole.
    let member = whole.len() - 1024 - (1 << 20) - 512;
    let mut header = tar::Header::new_gnu();
    header.set_path("etc/x").expect("short");
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_mode(0o600);
    header.set_size(0);
    let gnu = header.as_gnu_mut().expect("GNU");
    gnu.sparse[0].offset = *b"00004000000\0";
    gnu.sparse[0].numbytes = *b"00000000000\0";
    gnu.realsize = *b"00004000000\0";
    header.set_cksum();
    let holed = [&whole[..member], header.as_bytes(), &[0; 1024]].concat();
    let mut read = tar::Archive::new(&holed[..]);
    let lengths: Vec<u64> = read.entries().expect("tar").map(|member| member.expect("one").size()).collect();
    assert_eq!(lengths[1], 1 << 20, "crate tar would unfold it");
    let refused = Saved::from_tar(&holed).expect_err("a refusal");
    assert!(refused.to_string().contains("no plain file"), "{refused}");
}

#[test]
fn declarations_stay_in_their_directory() {
    for bad in [
        "model = 'oslo'\nfiles = ['../x']",
        "model = 'oslo'\nfiles = ['/x']",
        "model = 'no'",
        "model = 'ini'\nwhat = 1",
        "",
    ] {
        assert!(Declaration::parse("d", bad.as_bytes()).is_err(), "{bad}");
    }
    let declaration = Declaration::of(Model::Oslo);
    assert_eq!(declaration.option("DB.a"), ("db".into(), "a".into()));
    assert_eq!(declaration.option("a"), ("DEFAULT".into(), "a".into()));
    assert_eq!(Declaration::of(Model::KeyValue).option("net.ipv4.x"), (String::new(), "net.ipv4.x".into()));
    assert_eq!(Declaration::of(Model::Toml).option("a.\"b.c\".d"), ("a.\"b.c\"".into(), "d".into()));
    assert!(declaration.is_secret("x", "admin_password") && !declaration.is_secret("x", "connection"));
    assert!(guess("nova").expect("known").declaration.is_secret("database", "connection"));
}
