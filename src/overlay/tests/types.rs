//! Values of TOML, JSON and YAML: their types, and what of their files can be written again.

use super::*;

#[test]
fn a_text_is_another_value_than_the_number_that_it_looks_like() {
    use ChangeKind::{Override, Redundant};
    let cases = [
        ("toml", "a = 1\nb = false\nc = \"x\"\n", "a = \"1\"\nb = \"false\"\nc = 'x'\n"),
        ("toml", "a = 1979-05-27\nb = inf\nc = 0x10\n", "a = \"1979-05-27\"\nb = \"inf\"\nc = 16\n"),
        ("json", "{\"a\": 1, \"b\": null, \"c\": \"x\"}", "{\"a\": \"1\", \"b\": \"null\", \"c\": \"x\"}"),
        ("yaml", "a: 0x10\nb: .5\nc: x\n", "a: '0x10'\nb: '.5'\nc: 'x'\n"),
        ("yaml", "a: yes\nb: 2001-12-14\nc: off\n", "a: 'yes'\nb: \"2001-12-14\"\nc: off\n"),
    ];
    for (model, shipped, own) in cases {
        let found = kinds(&format!("model = '{model}'"), &[(SHIPPED, shipped)], &[(OVERRIDE, own)], None);
        let wanted = [("a", Override), ("b", Override), ("c", Redundant)];
        assert_eq!(found, wanted.map(|(key, kind)| (key.to_owned(), kind)), "{model}: {own}");
    }
}

#[test]
fn a_file_that_would_come_back_in_other_words_is_not_edited() {
    let toml = Declaration::of(Model::Toml);
    let unset = |old: &str| without(&toml, "etc/x", old.as_bytes(), |setting| setting.key == "a");
    let refused = OverlayError::NotEditable { file: "etc/x".into() };
    let others = ["mode = 0o644\n", "big = 1_000\n", "l = [\n  1,\n  2,\n]\n", "b = 'x'\n", "b = 1 # c\n", "b = 1\r\n"];
    for other in others {
        assert_eq!(unset(&format!("a = 1\n{other}")).as_ref(), Err(&refused), "{other:?}");
    }
    assert_eq!(unset("b = 1\na = 1\n").as_ref(), Err(&refused), "an order of one's own");
    assert_eq!(
        unset("\n\na = 1\nb = \"#\"\n\n\n[c]\nd = [1, 2]\n"),
        Ok(Some(b"b = \"#\"\n\n[c]\nd = [1, 2]\n".to_vec()))
    );
}

#[test]
fn a_table_without_anything_in_it_keeps_its_file() {
    let toml = Declaration::of(Model::Toml);
    let unset = |old: &str| without(&toml, "etc/x", old.as_bytes(), |setting| setting.key == "a").expect("edited");
    assert_eq!(unset("a = 1\n\n[debug]\n\n[plugins.cri]\n"), Some(b"[debug]\n\n[plugins.cri]\n".to_vec()));
    assert_eq!(unset("a = 1\n"), None);
    let json = Declaration::of(Model::Json);
    let unset = |old: &str| without(&json, "etc/x", old.as_bytes(), |setting| setting.key == "a").expect("edited");
    assert_eq!(unset("{\"a\": 1, \"b\": {}}"), Some(b"{\n  \"b\": {}\n}\n".to_vec()));
    assert_eq!(unset("{\"a\": 1}"), None);
}

#[test]
fn a_value_is_set_as_the_type_that_is_wanted() {
    let set = |model, value: &str, is_text| {
        let values = [value.to_owned()];
        let wanted = Wanted { section: "", key: "a", values: &values, like: None, is_text };
        let text = edited(&Declaration::of(model), "etc/x", None, wanted).expect("edited");
        String::from_utf8(text).expect("text")
    };
    let cases = [
        ("8443", true, "a = \"8443\"\n"),
        ("true", true, "a = \"true\"\n"),
        ("\"x\"", true, "a = '\"x\"'\n"),
        ("8443", false, "a = 8443\n"),
        ("\"8443\"", false, "a = \"8443\"\n"),
        ("\"8443", false, "a = '\"8443'\n"),
        ("x", false, "a = \"x\"\n"),
    ];
    for (value, is_text, wanted) in cases {
        assert_eq!(set(Model::Toml, value, is_text), wanted, "{value} {is_text}");
    }
    for model in [Model::Json, Model::Yaml] {
        assert_eq!(set(model, "8443", true), "{\n  \"a\": \"8443\"\n}\n");
    }
}
