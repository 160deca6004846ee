//! The UAPI Configuration Files Specification as systemd reads it: random trees, the same files in the same order.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};
use stateless_update::overlay::{App, Content, Declaration, Model, Snapshot, WithOverrides};

use super::random::Random;
use super::{compare, record, recorded, wanted};
use crate::world::world;

const SAMPLE: &str = "uapi.jsonl";
/// Directories of a program, any order.
const DIRECTORIES: [&str; 4] = ["usr/lib/x", "usr/local/lib/x", "run/x", "etc/x"];
const NAMES: [&str; 9] = [
    "x.conf",
    "x.conf.d/10-a.conf",
    "x.conf.d/20-b.conf",
    "x.conf.d/B.conf",
    "x.conf.d/9.conf",
    "x.conf.d/.hidden.conf",
    "x.conf.d/readme",
    "x.conf.d/old.conf~",
    "x.conf.d/a.conf.conf",
];

#[test]
fn the_model_says_what_systemd_said() {
    let sample = recorded(SAMPLE);
    assert!(sample.len() >= 100);
    compare("uapi", &sample, model);
}

/// What `cargo xtask oracle uapi` runs.
#[test]
#[ignore = "asks systemd-analyze"]
fn ask_systemd() {
    let answered: Vec<_> = (0..wanted() as u64).map(case).map(|case| (case.clone(), systemd(&case))).collect();
    record(SAMPLE, &answered);
    compare("uapi", &answered, model);
}

/// The settings in the order in which they are read, in the words of the oracle.
fn model(case: &Value) -> Value {
    let app = App::new("x", Some(Declaration::of(Model::Uapi)));
    let mut snapshot = Snapshot::new();
    for file in case["files"].as_array().expect("files") {
        let content = match file["text"].as_str() {
            Some(text) => Content::File(text.into()),
            None => Content::Masked,
        };
        snapshot.insert(file["path"].as_str().expect("a path").to_owned(), content);
    }
    let layers = app.layers(&snapshot, WithOverrides::Yes).expect("readable");
    let settings = layers.iter().flat_map(|layer| &layer.settings);
    json!(settings.map(|setting| format!("{}={}", setting.key, setting.value)).collect::<Vec<_>>())
}

/// What `systemd-analyze cat-config` gives, its own remarks left out.
fn systemd(case: &Value) -> Value {
    let root = world().directory();
    for file in case["files"].as_array().expect("files") {
        let path = root.path().join(file["path"].as_str().expect("a path"));
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        match file["text"].as_str() {
            Some(text) => fs::write(&path, text).expect("written"),
            None => symlink("/dev/null", &path).expect("a symlink"),
        }
    }
    let mut command = Command::new("systemd-analyze");
    command.arg(format!("--root={}", root.path().display())).args(["--no-pager", "cat-config", "x/x.conf"]);
    let output = command.output().expect("systemd-analyze starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    json!(lines.collect::<Vec<_>>())
}

fn case(seed: u64) -> Value {
    let mut random = Random::new(seed + 1);
    let mut files = Vec::new();
    for directory in DIRECTORIES {
        for name in NAMES {
            if random.once_in(2) {
                let path = format!("{directory}/{name}");
                let text = match random.below(6) {
                    0 => Value::Null,
                    1 => "".into(),
                    _ => format!("at={path}\nn={}\n", random.below(1000)).into(),
                };
                files.push(json!({ "path": path, "text": text }));
            }
        }
    }
    json!({ "files": files })
}
