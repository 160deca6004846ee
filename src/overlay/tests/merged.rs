//! One file in place of all.

use proptest::prelude::*;

use super::*;

/// What one file in place of these says, once it is found to say the same.
fn one_file(declared: &str, files: &[(&str, &str)]) -> Result<Merged, OverlayError> {
    let app = app(declared);
    let snapshot = snapshot(files);
    let options = app.options(&snapshot).expect("options");
    let all = |files: &Snapshot| {
        let layers = app.layers(files, WithOverrides::Yes).expect("layers");
        effective("x", &app.declaration, &options, &layers).expect("values")
    };
    let whole = all(&snapshot);
    let merged = merged(&app, &options, &snapshot, &whole)?;
    let name = app.declaration.files.first().expect("a file");
    let alone = [(format!("usr/share/defaults/x/{name}"), Content::File(merged.text.clone().into_bytes()))];
    let again = all(&alone.into());
    let told = |values: &Values| -> Vec<(String, String, Vec<String>)> {
        let shown = values.iter().filter(|value| !value.secret);
        shown.map(|value| (value.section.clone(), value.key.clone(), value.values.clone())).collect()
    };
    assert_eq!(told(&again), told(&whole), "{}", merged.text);
    Ok(merged)
}

#[test]
fn references_stay_and_quotes_and_secrets_are_seen_to() {
    let declared = "model = 'oslo'\nmulti = ['*.m']\nsecret = ['*.password']\ndeprecated = {'a.old' = 'a.new'}";
    let shipped = "[DEFAULT]\nbase = /usr\nm = 1\nspaced = ' x '\nlong = one\n  two\n[A]\nold = 1\npassword = p\n";
    let own = "[DEFAULT]\nm = $$2\nbase = /srv\n[a]\npath = $base/x\nurl = u:$password\nbad = $nobody\n";
    let merged = one_file(declared, &[(SHIPPED, shipped), (OVERRIDE, own)]).expect("a file");
    let wanted = "[DEFAULT]\nbase = /srv\nlong = one\n    two\nm = 1\nm = $$2\nspaced = \" x \"\n\n[a]\nbad = $nobody\nnew = 1\n\
        # password is a secret\npath = $base/x\n# url is a secret\n";
    assert_eq!(merged.text, wanted);
}

#[test]
fn what_a_reference_would_find_otherwise_is_written_as_it_is_read() {
    // The group is known for its secret alone, and without it `$x` would mean another option.
    let declared = "model = 'oslo'\nsecret = ['s.p']";
    let text = "[DEFAULT]\nx = D\n[s]\np = secret\n[g]\nx = ${s.nobody}\ny = $x\n";
    let merged = one_file(declared, &[(SHIPPED, text)]).expect("a file");
    assert!(merged.text.contains("y = D\n"), "{}", merged.text);
}

#[test]
fn documents_keep_the_types_of_their_leaves() {
    let json = "model = 'json'\nfiles = ['x.json', 'x.json.d']";
    let (shipped, own) = ("usr/share/defaults/x/x.json", "etc/x/x.json");
    let text = r#"{"a": {"n": 1, "t": "1", "password": "p", "none": null, "l": [1, "1"]}, "b.c": {"d": true}}"#;
    let merged = one_file(json, &[(shipped, text), (own, r#"{"a": {"n": "two"}}"#)]).expect("a file");
    let wanted = serde_json::json!({"a": {"n": "two", "t": "1", "none": null, "l": [1, "1"]}, "b.c": {"d": true}});
    assert_eq!(serde_json::from_str::<serde_json::Value>(&merged.text).expect("JSON"), wanted);
    assert_eq!(merged.untold, [("a".to_owned(), "password".to_owned())]);

    let toml =
        one_file("model = 'toml'", &[(SHIPPED, "a = '1'\nb = 2\n"), (OVERRIDE, "[t]\npassword = 'p'\nc = [1, '1']\n")]);
    let wanted = "# t.password is a secret\na = \"1\"\nb = 2\n\n[t]\nc = [1, \"1\"]\n";
    assert_eq!(toml.map(|merged| merged.text).as_deref(), Ok(wanted));

    let yaml = |text: &str| one_file("model = 'yaml'", &[(SHIPPED, text)]);
    let merged = yaml("a: 1\nb: '1'\nc: 10.0.0.1\nsecrets: s\n").expect("a file");
    assert_eq!(merged.text, "# secrets is a secret\n{\n  \"a\": 1,\n  \"b\": \"1\",\n  \"c\": \"10.0.0.1\"\n}\n");
    for unclear in ["1.50", "0x1f", "1_000", ".inf", "yes", "2001-12-14", "12:30:45", "[007]"] {
        assert!(yaml(&format!("a: {unclear}\n")).is_err(), "{unclear} is a text here and something else elsewhere");
    }
    assert!(one_file("model = 'toml'", &[(SHIPPED, "since = 1979-05-27\n")]).is_err(), "JSON has no days");
    assert!(one_file(json, &[(shipped, r#"{"a": 12345678901234567890123}"#)]).is_err());
}

#[test]
fn what_cannot_be_one_file_is_refused() {
    assert!(one_file("model = 'opaque'\nfiles = ['x.conf']", &[(SHIPPED, "a")]).is_err());
    let escape = one_file("model = 'ini'", &[(SHIPPED, "[a]\nb=\u{1b}[31m\n")]);
    assert!(matches!(escape, Err(OverlayError::Unwritable { .. })));
    let reset = one_file("model = 'uapi'\nmulti = ['A.m']", &[("usr/lib/x/x.conf", "[A]\nm=1\nm=\n")]);
    assert_eq!(reset.map(|merged| merged.text).as_deref(), Ok("[A]\nm=\n"));
}

#[test]
fn lines_stay_as_a_shell_reads_them_or_are_refused() {
    let one = |text: &str| one_file("model = 'keyvalue'", &[(SHIPPED, text)]).map(|merged| merged.text);
    let lines = "A=~/x # why\nB='$C'\nC=x'y z'\nD=\\$E\nexport F=\"a b\"\n";
    assert_eq!(one(lines).as_deref(), Ok(lines));
    for referring in ["LOG_DIR=$HOME_DIR/log\n", "A=\"$B\"\n", "A=x`y`\n", "A='never closed\n"] {
        assert!(matches!(one(referring), Err(OverlayError::Unwritable { .. })), "{referring}");
    }
    assert_eq!(one("kernel.x = $y\nKEY\t$y\n").as_deref(), Ok("KEY\t$y\nkernel.x = $y\n"), "no shell reads these");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_file_says_what_all_say(
        model in prop::sample::select(vec!["oslo", "ini", "keyvalue", "uapi", "toml", "json", "yaml"]),
        options in prop::collection::vec((any::<bool>(), "[ab]", "[klm]", r#"[akl1$"'#\\\[ ={},:-]{0,6}"#), 0..12),
    ) {
        let declared = format!("model = '{model}'\nfiles = ['x.conf']\nmulti = ['a.m']\nlists = ['b.l']");
        let declaration = Declaration::parse("d", declared.as_bytes()).expect("declared");
        let mut texts = [Vec::new(), Vec::new()];
        for (is_own, section, key, value) in &options {
            let section = if model == "keyvalue" { "" } else { section };
            let wanted = Wanted { section, key, values: std::slice::from_ref(value), like: None, is_text: false };
            let text = &mut texts[usize::from(*is_own)];
            // What cannot be written in this format is not what this is about.
            if let Ok(new) = edited(&declaration, "x", Some(text), wanted) {
                *text = new;
            }
        }
        let [shipped, own] = texts.map(|text| String::from_utf8(text).expect("text"));
        let found = one_file(&declared, &[(SHIPPED, &shipped), (OVERRIDE, &own)]);
        let is_document = matches!(model, "toml" | "json" | "yaml");
        prop_assert!(found.is_ok() || is_document, "{found:?}: {shipped:?} {own:?}");
    }
}
