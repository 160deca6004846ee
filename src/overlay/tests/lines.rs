//! Lines with escapes, quotes and indentation, as those read them whose formats they are, and what is edited of them.

use super::*;

fn set(declaration: &Declaration, old: &str, option: &str, value: &str) -> Result<String, OverlayError> {
    let (section, key) = declaration.option(option);
    let values = [value.to_owned()];
    let wanted = Wanted { section: &section, key: &key, values: &values };
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
    assert_eq!(set(&uapi, old, "S.a", "D:\\\\"), Ok("[S]\nb=5\na=D:\\\\\n".to_owned()));
    assert!(set(&uapi, old, "S.a", "D:\\").is_err(), "it would continue");
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
    assert_eq!(set(&uapi, text, "S.c", "3"), Ok(format!("{text}c=3\n")));
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
    assert_eq!(set(&ini, text, "S.b", "x\ny"), Ok("[S]\nc = 1\nb=x\n    y\n".to_owned()));

    let git = "[core]\n\tbare = false\n\tfilemode = true\n";
    assert_eq!(read(Format::Indented, git), owned(&[("core", "bare", "false", 2), ("core", "filemode", "true", 3)]));
    assert_eq!(unset(&ini, git, "bare"), Ok(Some("[core]\n\tfilemode = true\n".to_owned())));

    for doubtful in ["[S]\nb = first\n    second=2\n", "[S]\nb = 1\n  [T]\n", "[S]\nb = C:\\\nc = 1\n"] {
        assert_eq!(unset(&ini, doubtful, "b"), refused(), "{doubtful:?}");
        assert_eq!(set(&ini, doubtful, "S.b", "x"), refused(), "{doubtful:?}");
        assert_eq!(set(&ini, doubtful, "S.d", "x"), Ok(format!("{doubtful}d=x\n")), "{doubtful:?}");
    }
    let all = [("S", "b", "first", 2), ("S", "second", "2", 3)];
    assert_eq!(read(Format::Ini, "[S]\nb = first\n    second=2\n"), owned(&all), "systemd knows of no indentation");
}
