//! Lines with escapes, quotes and indentation, as those read them whose formats they are, and what is edited of them.

use super::*;

fn set(declaration: &Declaration, old: &str, option: &str, value: &str, like: &str) -> Result<String, OverlayError> {
    let (section, key) = declaration.option(option);
    let values = [value.to_owned()];
    let wanted = Wanted { section: &section, key: &key, values: &values, like: Some(like.as_bytes()), is_text: false };
    edited(declaration, "etc/x", Some(old.as_bytes()), wanted).map(|bytes| String::from_utf8(bytes).expect("text"))
}

fn unset(declaration: &Declaration, old: &str, key: &str) -> Result<Option<String>, OverlayError> {
    let left = without(declaration, "etc/x", old.as_bytes(), |setting| setting.key == key)?;
    Ok(left.map(|bytes| String::from_utf8(bytes).expect("text")))
}

fn refused<T>() -> Result<T, OverlayError> {
    Err(OverlayError::NotEditable { file: "etc/x".into() })
}

#[test]
fn a_backslash_that_is_escaped_or_not_the_last_continues_nothing() {
    let text = "[S]\na=C:\\\\dir\\\\\nb=5\nc=x\\ \nd=\\\\\\\ne\nf=\\\n\ng=1\n";
    let wanted = [
        ("S", "a", "C:\\\\dir\\\\", 2),
        ("S", "b", "5", 3),
        ("S", "c", "x\\", 4),
        ("S", "d", "\\\\ e", 5),
        ("S", "f", "", 7),
        ("S", "g", "1", 9),
    ];
    assert_eq!(read(Format::Ini, text), owned(&wanted));
    let uapi = Declaration::of(Model::Uapi);
    let old = "[S]\na=C:\\\\dir\\\\\nb=5\n";
    assert_eq!(unset(&uapi, old, "a"), Ok(Some("[S]\nb=5\n".to_owned())));
    assert_eq!(set(&uapi, old, "S.a", "D:\\\\", ""), Ok("[S]\na=D:\\\\\nb=5\n".to_owned()));
    assert!(set(&uapi, old, "S.a", "D:\\", "").is_err(), "it would continue");
}

#[test]
fn a_mark_of_byte_order_and_lines_without_a_sign_are_passed_over_and_kept() {
    let text = "\u{feff}[S]\na=1\nhunter2\n=hunter2\nb=2\n";
    let uapi = Declaration::of(Model::Uapi);
    for format in [Format::Ini, Format::Indented] {
        assert_eq!(read(format, text), owned(&[("S", "a", "1", 2), ("S", "b", "2", 5)]));
        let passed = passed_over(format, "etc/x", text.as_bytes()).expect("readable");
        let told: Vec<_> = passed.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("/etc/x, line 3: ") && told[1].starts_with("/etc/x, line 4: "), "{told:?}");
        assert!(told.len() == 2 && !told.concat().contains("hunter2"), "{told:?}");
    }
    assert_eq!(set(&uapi, text, "S.c", "3", ""), Ok(format!("{text}c=3\n")));
    assert_eq!(
        unset(&uapi, text, "a").map(|left| left.map(|left| left.contains("hunter2\n=hunter2\n"))),
        Ok(Some(true))
    );
    let last = "\u{feff}[S]\nhunter2\na=1\n";
    assert_eq!(unset(&uapi, last, "a"), Ok(Some("\u{feff}[S]\nhunter2\n".to_owned())), "it says something to a person");
    assert_eq!(unset(&uapi, "\u{feff}[S]\na=1\n", "a"), Ok(None));
}

#[test]
fn deeper_lines_continue_an_option_of_ini_and_are_edited_where_all_read_them_so() {
    let ini = Declaration::of(Model::Ini);
    let text = "[S]\nb = first\n    second\n\n  # c\n\tthird\nc = 1\n";
    let settings = parse(Format::Indented, "etc/x", text.as_bytes()).expect("readable");
    assert_eq!(read(Format::Indented, text), owned(&[("S", "b", "first\nsecond\n\nthird", 2), ("S", "c", "1", 7)]));
    assert_eq!(settings[0].last_line, 6);
    assert_eq!(unset(&ini, text, "b"), Ok(Some("[S]\nc = 1\n".to_owned())));
    assert_eq!(set(&ini, text, "S.b", "x\ny", ""), Ok("[S]\nb=x\n    y\nc = 1\n".to_owned()));

    let git = "[core]\n\tbare = false\n\tfilemode = true\n";
    assert_eq!(read(Format::Indented, git), owned(&[("core", "bare", "false", 2), ("core", "filemode", "true", 3)]));
    assert_eq!(unset(&ini, git, "bare"), Ok(Some("[core]\n\tfilemode = true\n".to_owned())));
    let wanted = "[core]\n\tbare=a\n\t    b\n\tfilemode = true\n";
    assert_eq!(set(&ini, git, "core.bare", "a\nb", "").as_deref(), Ok(wanted), "as deep as it was");

    for doubtful in ["[S]\nb = first\n    second=2\n", "[S]\nb = 1\n  [T]\n", "[S]\nb = C:\\\nc = 1\n"] {
        assert_eq!(unset(&ini, doubtful, "b"), refused(), "{doubtful:?}");
        assert_eq!(set(&ini, doubtful, "S.b", "x", ""), refused(), "{doubtful:?}");
        assert_eq!(set(&ini, doubtful, "S.d", "x", ""), Ok(format!("{doubtful}d=x\n")), "{doubtful:?}");
    }
    let all = [("S", "b", "first", 2), ("S", "second", "2", 3)];
    assert_eq!(read(Format::Ini, "[S]\nb = first\n    second=2\n"), owned(&all), "systemd knows of no indentation");
}

#[test]
fn quotes_and_escapes_are_read_as_shells_and_systemd_agree() {
    type Read<'a> = &'a [(&'a str, &'a str, u32)];
    let cases: &[(&str, Read<'_>)] = &[
        ("A=\"one \\\n  two\"\nB=1\n", &[("A", "one   two", 1), ("B", "1", 3)]),
        ("A=\"one\ntwo\"\nB=1\n", &[("A", "one\ntwo", 1), ("B", "1", 3)]),
        ("A='one\n$two \\'\r\nB=1\n", &[("A", "one\n$two \\", 1), ("B", "1", 3)]),
        ("A=\"\\\"\\$x\\\\ \\n\"\n", &[("A", "\"$x\\ \\n", 1)]),
        ("A=one\\\ntwo\\\\\nB=1\n", &[("A", "onetwo\\\\", 1), ("B", "1", 3)]),
        ("A=\\\n\nB=1\n", &[("A", "", 1), ("B", "1", 3)]),
        ("export A=1\nexport A\nexport B C\n", &[("A", "1", 1)]),
        ("A='never closed\nB=1\n", &[("A", "'never closed", 1), ("B", "1", 2)]),
        ("A=\"b\" \"c\nd\"\n", &[("A", "\"b\" \"c", 1), ("d\"", "", 2)]),
        ("motd 'tis\nPort \"22\"\nPath C:\\\n", &[("motd", "'tis", 1), ("Port", "22", 2), ("Path", "C:\\", 3)]),
    ];
    for (text, wanted) in cases {
        let wanted: Vec<_> = wanted.iter().map(|(key, value, line)| ("", *key, *value, *line)).collect();
        assert_eq!(read(Format::KeyValue, text), owned(&wanted), "{text:?}");
    }
    let keyvalue = Declaration::of(Model::KeyValue);
    assert_eq!(unset(&keyvalue, "A=\"one \\\n  two\"\nB=1\n", "A"), Ok(Some("B=1\n".to_owned())));
    for doubtful in ["A='never closed\nB=1\n", "A=x\"one\ntwo\"\nB=1\n", "A=\"b\" \"c\nd\"\nB=1\n"] {
        assert_eq!(unset(&keyvalue, doubtful, "B"), refused(), "{doubtful:?}");
        assert_eq!(set(&keyvalue, doubtful, "B", "2", ""), refused(), "{doubtful:?}");
    }
    assert_eq!(unset(&keyvalue, "A=1 # don't\nB=1\n", "B"), Ok(Some("A=1 # don't\n".to_owned())));
    assert_eq!(unset(&keyvalue, "kernel.x=don't\nB=1\n", "B"), Ok(Some("kernel.x=don't\n".to_owned())));
}

#[test]
fn a_value_is_written_in_the_manner_of_its_file() {
    let keyvalue = Declaration::of(Model::KeyValue);
    let (defs, plain) = ("# login.defs\nMAIL_DIR\t/var/mail\nUMASK\t\t077\n", "B=1\n");
    let cases = [
        ("", plain, "GREETING", "hello world", "GREETING=\"hello world\"\n"),
        ("", "", "GREETING", "a\"b\\c$d`e'", "GREETING=\"a\\\"b\\\\c\\$d\\`e'\"\n"),
        ("", plain, "PATHS", "/usr/bin:/bin,x-1_%@+", "PATHS=/usr/bin:/bin,x-1_%@+\n"),
        ("", plain, "EMPTY", "", "EMPTY=\n"),
        ("", plain, "LINES", "a\nb", "LINES=\"a\nb\"\n"),
        ("export A='x y'\nB=1\n", "", "A", "z", "export A=\"z\"\nB=1\n"),
        ("", defs, "UMASK", "027", "UMASK\t\t027\n"),
        ("", defs, "NEW", "027 x", "NEW\t027 x\n"),
        ("UMASK 022\n", plain, "UMASK", "027", "UMASK 027\n"),
        ("", "kernel.y = 1\n", "kernel.x", "|/bin/a %p", "kernel.x = |/bin/a %p\n"),
        ("net.x=1\n", "", "net.rmem", "4096 87380", "net.x=1\nnet.rmem=4096 87380\n"),
    ];
    for (old, like, key, value, wanted) in cases {
        assert_eq!(set(&keyvalue, old, key, value, like).as_deref(), Ok(wanted), "{old:?} {like:?}");
    }
    for (old, key, value) in [("net.x=1\n", "net.y", "'a'"), (defs, "UMASK", "= 1"), (defs, "UMASK", "a\nb")] {
        assert!(set(&keyvalue, old, key, value, "").is_err(), "{key} {value:?}");
    }
}

#[test]
fn a_name_with_dots_means_every_option_that_it_may_mean() {
    let uapi = app("model = 'uapi'\nsecret = ['S.x.y']\nmulti = ['S.*.m']");
    let readings = uapi.declaration.readings("S.x.y");
    let wanted = [("S.x", "y"), ("S", "x.y"), ("", "S.x.y")].map(|(section, key)| (section.to_owned(), key.to_owned()));
    assert_eq!(readings, wanted);
    assert_eq!(uapi.declaration.readings(&"a.".repeat(1 << 20)).len(), 17, "bounded");
    assert!(uapi.declaration.is_secret("S", "x.y") && uapi.declaration.is_secret("S.x", "y"));
    assert!(!uapi.declaration.is_secret("S", "y"));
    assert_eq!(Declaration::of(Model::KeyValue).readings("a.b").len(), 1);
}

#[test]
fn an_assignment_stays_where_it_stood() {
    let keyvalue = Declaration::of(Model::KeyValue);
    let old = "HOME_DIR=/opt\nLOG_DIR=$HOME_DIR/log\n";
    let wanted = "HOME_DIR=/data\nLOG_DIR=$HOME_DIR/log\n";
    assert_eq!(set(&keyvalue, old, "HOME_DIR", "/data", "").as_deref(), Ok(wanted));
    let uapi = Declaration::of(Model::Uapi);
    let old = "[S]\n# one\na=1\n# two\nb=2\n# three\na=3\n\n[T]\n";
    let wanted = "[S]\n# one\n# two\nb=2\n# three\na=4\n\n[T]\n";
    assert_eq!(set(&uapi, old, "S.a", "4", "").as_deref(), Ok(wanted), "where the last one stood");
}

#[test]
fn a_section_with_blanks_in_its_name_is_another_one_to_systemd() {
    let text = "[ S ]\na=1\n[S]\na=2\n";
    assert_eq!(read(Format::Ini, text), owned(&[(" S ", "a", "1", 2), ("S", "a", "2", 4)]));
    assert_eq!(read(Format::Indented, text), owned(&[("S", "a", "1", 2), ("S", "a", "2", 4)]));
    assert_eq!(set(&Declaration::of(Model::Uapi), text, "S.b", "3", ""), Ok(format!("{text}b=3\n")));
}

#[test]
fn what_configparser_would_take_for_the_same_option_is_not_set_twice() {
    let ini = Declaration::of(Model::Ini);
    let old = "[s]\nj: 1\nDebug = 0\nk : x=y\n";
    for option in ["s.j", "s.J", "s.debug", "s.k"] {
        assert_eq!(set(&ini, old, option, "5", ""), refused(), "{option}");
    }
    assert_eq!(set(&ini, old, "s.Debug", "1", ""), Ok(old.replace("Debug = 0", "Debug=1")));
    assert_eq!(set(&ini, old, "t.debug", "1", ""), Ok(format!("{old}\n[t]\ndebug=1\n")));
    let uapi = set(&Declaration::of(Model::Uapi), old, "s.debug", "1", "");
    assert_eq!(uapi, Ok(format!("{old}debug=1\n")), "systemd knows no such names");
}
