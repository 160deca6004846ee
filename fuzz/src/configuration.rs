//! Configuration files, whoever wrote them, and archives of overrides.

use stateless_update::overlay::{
    App, Content, Declaration, Format, Layer, Model, Options, Saved, Setting, Side, Snapshot, Wanted, WithOverrides,
    edited, effective, parse, without,
};

use super::parts::parts;
use super::trees::sealed;

/// The dialect of oslo.config.
pub fn oslo(input: &[u8]) {
    format(Format::Oslo, Model::Oslo, input);
}

/// Sections and keys, as systemd reads them and as other programs do.
pub fn ini(input: &[u8]) {
    format(Format::Ini, Model::Uapi, input);
    format(Format::Indented, Model::Ini, input);
}

/// Keys and values without sections.
pub fn keyvalue(input: &[u8]) {
    format(Format::KeyValue, Model::KeyValue, input);
}

/// TOML.
pub fn toml(input: &[u8]) {
    format(Format::Toml, Model::Toml, input);
}

/// JSON.
pub fn json(input: &[u8]) {
    format(Format::Json, Model::Json, input);
}

/// YAML.
pub fn yaml(input: &[u8]) {
    format(Format::Yaml, Model::Yaml, input);
}

/// TOML text of a declaration, and a file in its format. A declaration never leads outside of the program's directories.
pub fn declaration(input: &[u8]) {
    let [text, file] = parts(input);
    let Ok(declaration) = Declaration::parse("d", text) else { return };
    let app = App::new("x", Some(declaration));
    let mut snapshot = Snapshot::new();
    for place in app.places() {
        assert!(place.path.split('/').all(|name| !matches!(name, "" | "." | "..")), "{place:?}");
        snapshot.insert(place.path, Content::File(file.to_vec()));
    }
    let Ok(options) = app.options(&snapshot) else { return };
    if let Ok(layers) = app.layers(&snapshot, WithOverrides::Yes) {
        _ = effective("x", &app.declaration, &options, &layers);
    }
}

/// A list of options: taken or refused.
pub fn options(input: &[u8]) {
    _ = Options::parse(&Declaration::of(Model::Oslo), "list", input);
}

/// An archive of overrides; the checksums of its headers are made right first. What is taken lies beneath `etc`, and is
/// written and read again as the same.
pub fn saved(input: &[u8]) {
    let archive = sealed(input);
    let Ok(saved) = Saved::from_tar(&archive) else { return };
    for file in &saved.files {
        assert!(file.path.starts_with("etc/") && file.path.split('/').all(|name| !matches!(name, "" | "." | "..")));
    }
    assert_eq!(Saved::from_tar(&saved.to_tar()).as_ref(), Ok(&saved));
}

/// What is taken has its lines in the file. Where the rest is not refused, it combines to bounded values; what is left without
/// an option can be read and does not have it; and what an edit makes can be read.
fn format(format: Format, model: Model, input: &[u8]) {
    let Ok(settings) = parse(format, "etc/x", input) else { return };
    let lines = input.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    assert!(settings.iter().all(|one| one.line >= 1 && one.line <= one.last_line && one.last_line as usize <= lines));
    let declaration = Declaration::of(model);
    let layer = |side| Layer { path: "etc/x".into(), side, settings: settings.clone() };
    let layers = [layer(Side::Shipped), layer(Side::Override)];
    if let Ok(values) = effective("x", &declaration, &Options::default(), &layers) {
        let bytes: usize = values.iter().map(|value| value.value.len()).sum();
        assert!(bytes <= (8 << 20) + input.len());
    }
    let Some(first) = settings.first() else { return };
    let is_first = |one: &Setting| (&one.section, &one.key) == (&first.section, &first.key);
    if let Ok(Some(text)) = without(&declaration, "etc/x", input, is_first) {
        let left = parse(format, "etc/x", &text).expect("what is left of what can be read");
        assert!(!left.iter().any(is_first));
    }
    let (values, text) = (["value".to_owned()], format!("{}.{}", first.section, first.key));
    let (section, key) = declaration.option(&text);
    let wanted = Wanted { section: &section, key: &key, values: &values, like: None, is_text: false };
    if let Ok(text) = edited(&declaration, "etc/x", Some(input), wanted) {
        parse(format, "etc/x", &text).expect("what was edited can be read");
    }
}
