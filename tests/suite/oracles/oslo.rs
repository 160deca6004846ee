//! oslo.config: random layered files, the same effective values.

use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};
use stateless_update::overlay::{
    App, Content, Declaration, KnownOption, Model, Options, Snapshot, WithOverrides, effective,
};

use super::random::Random;
use super::{ask, compare, record, recorded, wanted};
use crate::world::CHECKOUT;

const SAMPLE: &str = "oslo.jsonl";
/// The interpreter that has oslo.config.
const PYTHON: &str = "ORACLE_PYTHON";

const GROUPS: [&str; 4] = ["DEFAULT", "api", "Mixed_Case", "db"];
const NAMES: [&str; 6] = ["a", "b", "host", "url", "items", "Big"];
const FILES: [&str; 7] = [
    "usr/share/defaults/x/x.conf",
    "usr/share/defaults/x/x.conf.d/10-a.conf",
    "usr/share/defaults/x/x.conf.d/5-b.conf",
    "etc/x/x.conf",
    "etc/x/x.conf.d/Z.conf",
    "etc/x/x.conf.d/a.conf",
    "etc/x/x.conf.d/notes.txt",
];
const TEXTS: [&str; 23] = [
    "1",
    "true",
    "",
    "plain text",
    "a,b , c",
    "x,,y,",
    "\"quoted\"",
    "'single'",
    "\"",
    "\"open",
    "it's",
    "k = v: w",
    "$host",
    "${api.a}/$b",
    "http://$host:${db.b}/",
    "$$5 and \\$6",
    "$",
    "${",
    "${Mixed_Case.items}",
    "x ${db.host} $items",
    "ü\u{a0}\u{3000}",
    "$items$a",
    "#no comment",
];

/// What makes an option that cannot be read, and so is rarer.
const BROKEN: [&str; 5] = ["$nobody", "$Big.", "${api.nobody}", "${DEFAULT.a}", "${nogroup.a}"];

#[test]
fn the_model_says_what_oslo_config_said() {
    let sample = recorded(SAMPLE);
    assert!(sample.len() >= 100);
    compare("oslo", &sample, model);
}

/// What `cargo xtask oracle oslo` runs.
#[test]
#[ignore = "asks the real oslo.config"]
fn ask_oslo() {
    let cases: Vec<Value> = (0..wanted() as u64).map(case).collect();
    let mut command = Command::new(std::env::var_os(PYTHON).expect("ORACLE_PYTHON names an interpreter"));
    command.arg("-W").arg("ignore").arg(format!("{CHECKOUT}/xtask/src/oracle/oslo.py"));
    command.stderr(std::process::Stdio::null());
    let answers = ask(&mut command, &cases);
    let answered: Vec<_> = cases.into_iter().zip(answers).collect();
    record(SAMPLE, &answered);
    let refused = answered.iter().filter(|(_, answer)| answer["error"] == true).count();
    let unreadable = answered.iter().filter(|(_, answer)| answer.to_string().contains("unreadable")).count();
    let told = format!("{refused} cases with files that cannot be read, {unreadable} with options that cannot be told");
    writeln!(std::io::stderr(), "\noslo: {told}").expect("standard error");
    compare("oslo", &answered, model);
}

/// What the model makes of a case, in the words of the oracle.
fn model(case: &Value) -> Value {
    let texts = |value: &Value| value.as_str().map(String::from);
    let (mut declaration, mut options) = (Declaration::of(Model::Oslo), Options::default());
    for option in case["options"].as_array().expect("options") {
        let name =
            format!("{}.{}", option["group"].as_str().expect("a group"), option["name"].as_str().expect("a name"));
        match option["kind"].as_str() {
            Some("multi") => declaration.multi.push(name.clone()),
            Some("list") => declaration.lists.push(name.clone()),
            _ => {}
        }
        for former in option["deprecated"].as_array().expect("former names") {
            let former = format!("{}.{}", former[0].as_str().expect("a group"), former[1].as_str().expect("a name"));
            declaration.deprecated.insert(former, name.clone());
        }
        let (section, key) = declaration.option(&name);
        options.add(
            &section,
            &key,
            KnownOption { defaults: texts(&option["default"]).into_iter().collect(), ..KnownOption::default() },
        );
    }
    let app = App::new("x", Some(declaration));
    let snapshot = snapshot(case);
    let found = app
        .layers(&snapshot, WithOverrides::Yes)
        .and_then(|layers| effective("x", &app.declaration, &options, &layers));
    let Ok(found) = found else { return json!({ "error": true }) };
    let told = |option: &Value| {
        let (group, name) = (option["group"].as_str().expect("a group"), option["name"].as_str().expect("a name"));
        let (section, key) = app.declaration.option(&format!("{group}.{name}"));
        // A default that no file overrides is the program's own business.
        let Some(value) = found.find(&section, &key) else { return json!({ "unset": true }) };
        match option["kind"].as_str() {
            _ if !value.unresolved.is_empty() => json!({ "unreadable": true }),
            Some("multi") => json!(value.values),
            Some("list") => json!(items(&value.value)),
            _ => json!(value.value),
        }
    };
    let values: Vec<Value> = case["options"].as_array().expect("options").iter().map(told).collect();
    json!({ "values": values })
}

/// As a list option splits its value.
fn items(value: &str) -> Vec<&str> {
    match value.trim().trim_end_matches(',') {
        "" => Vec::new(),
        value => value.split(',').map(str::trim).collect(),
    }
}

fn snapshot(case: &Value) -> Snapshot {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let files = case["files"].as_array().expect("files").iter();
    files.map(|file| (text(&file["path"]), Content::File(text(&file["text"]).into_bytes()))).collect()
}

/// A random case. All options are registered, so that all references to them can be resolved.
fn case(seed: u64) -> Value {
    let mut random = Random::new(seed + 1);
    let mut options = Vec::new();
    for group in GROUPS {
        for name in NAMES {
            let kind = random.of(&["text", "text", "text", "multi", "list"]);
            let default =
                if random.once_in(2) { json!(random.of(&["d", "$host", "p,q", "d $a"])) } else { Value::Null };
            let mut deprecated = Vec::new();
            if random.once_in(4) {
                deprecated.push(json!([random.of(&[group, "DEFAULT", "OldGroup"]), format!("old_{name}")]));
                if random.once_in(2) {
                    deprecated.push(json!([random.of(&[group, "z_old"]), format!("older_{name}")]));
                }
            }
            // A former name means one option only, and they are looked for in the order of their names.
            let of = |one: &Value| format!("{}.{}", one[0].as_str().unwrap_or(""), one[1].as_str().unwrap_or(""));
            deprecated.sort_by_key(of);
            let taken = |one: &Value| {
                options.iter().any(|other: &Value| {
                    other["deprecated"]
                        .as_array()
                        .expect("a list")
                        .iter()
                        .any(|taken| of(taken).to_lowercase() == of(one).to_lowercase())
                })
            };
            deprecated.retain(|one| !taken(one));
            options.push(
                json!({ "group": group, "name": name, "kind": kind, "default": default, "deprecated": deprecated }),
            );
        }
    }
    let mut files = Vec::new();
    for path in FILES {
        if !random.once_in(3) {
            files.push(json!({ "path": path, "text": text(&mut random, &options) }));
        }
    }
    let mut case = json!({ "files": files, "options": options });
    let app = App::new("x", Some(Declaration::of(Model::Oslo)));
    case["arguments"] = json!(app.arguments(&snapshot(&case)).expect("an oslo program"));
    case
}

/// The text of a random file.
fn text(random: &mut Random, options: &[Value]) -> String {
    let mut text = String::new();
    let end = random.of(&["\n", "\n", "\n", "\r\n", "\r"]);
    if random.once_in(40) {
        text.push_str(random.of(&["a = 1", "  a", "no sign", "[", "= x"]));
        text.push_str(end);
    }
    for _ in 0..=random.below(5) {
        let option = &options[random.below(options.len())];
        let group = option["group"].as_str().expect("a group");
        let section = match random.below(8) {
            0 => group.to_uppercase(),
            1 if group != "DEFAULT" => group.to_lowercase(),
            2 => "default".to_owned(),
            3 => "OldGroup".to_owned(),
            4 => "z_old".to_owned(),
            _ => group.to_owned(),
        };
        text.push_str(&format!("[{section}]{end}"));
        for _ in 0..random.below(6) {
            line(random, options, end, &mut text);
        }
    }
    text
}

fn line(random: &mut Random, options: &[Value], end: &str, text: &mut String) {
    match random.below(12) {
        0 => text.push_str(random.of(&["# a comment", ";x = y", "", "   "])),
        1 => text.push_str(random.of(&["unknown = 1", "other: 2"])),
        _ => {
            let option = &options[random.below(options.len())];
            let former = option["deprecated"].as_array().expect("a list");
            let name = match former.first().filter(|_| random.once_in(2)) {
                Some(former) => former[1].as_str().expect("a name"),
                None => option["name"].as_str().expect("a name"),
            };
            let sign = random.of(&[" = ", "=", ": ", " =  ", ":"]);
            text.push_str(&format!(
                "{name}{sign}{}",
                if random.once_in(60) { random.of(&BROKEN) } else { random.of(&TEXTS) }
            ));
            if random.once_in(6) {
                text.push_str(&format!(
                    "{end}{}{}  ",
                    random.of(&["  ", "\t"]),
                    random.of(&["more", "$host", ", d", "\"q\""])
                ));
            }
        }
    }
    text.push_str(end);
}
