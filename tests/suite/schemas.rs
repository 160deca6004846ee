//! The schemas and the library judge documents alike: the fixtures of `fixtures/schema` by both.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stateless_update::manifest::{
    BundleDefinition, BundleManifest, HistoryEntry, InstalledRecord, MirrorOverride, Release,
};
use stateless_update::types::{BundleName, Version};

use crate::world::{CHECKOUT, world};

/// The documents that the library reads, by their schemas. The others are written for other programs.
const READ: [&str; 6] = ["bundle-definition", "bundle-manifest", "history-entry", "installed", "mirror", "release"];

/// What a schema refuses and the library takes, and why.
const TAKEN: [(&str, &str); 3] = [
    ("bundle-definition/empty-title.toml", "an editor tells the author; it harms nobody"),
    ("bundle-definition/repeated-include.toml", "as before"),
    ("history-entry/unknown-command.json", "a later program's; whoever reads a history shows the word"),
];

/// The documents of a fixture as they are written; a line each where that is the format.
fn documents(path: &Path) -> Vec<(Value, String)> {
    let text = fs::read_to_string(path).expect("a fixture");
    let json = |text: &str| serde_json::from_str(text).expect("JSON");
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => vec![(toml::from_str(&text).expect("TOML"), text)],
        Some("jsonl") => text.lines().map(|line| (json(line), line.to_owned())).collect(),
        _ => vec![(json(&text), text)],
    }
}

/// Whether the library takes a document for one that fits this schema.
fn takes(schema: &str, document: &Value, text: &str) -> Result<(), String> {
    let said = |error: &dyn std::error::Error| match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let bundle: BundleName = document["bundle"].as_str().unwrap_or("os-core").parse().expect("a name");
    let version = Version::new(20).expect("not zero");
    let json = text.as_bytes();
    match schema {
        "bundle-definition" => BundleDefinition::parse(&bundle, text).map(drop).map_err(|error| said(&error)),
        "bundle-manifest" => BundleManifest::parse(&bundle, json).map(drop).map_err(|error| said(&error)),
        // A history is lines.
        "history-entry" => match HistoryEntry::parse_all(document.to_string().as_bytes()).len() {
            1 => Ok(()),
            _ => Err("passed over".to_owned()),
        },
        "installed" => InstalledRecord::parse(json).map(drop).map_err(|error| said(&error)),
        "mirror" => MirrorOverride::parse(json).map(drop).map_err(|error| said(&error)),
        "release" => Release::parse(version, json).map(drop).map_err(|error| said(&error)),
        _ => panic!("{schema} is nothing that the library reads"),
    }
}

#[test]
fn schemas_and_library_judge_alike() {
    let mut taken = BTreeSet::new();
    for schema in READ {
        for kind in ["good", "bad"] {
            let directory = Path::new(CHECKOUT).join("fixtures/schema").join(kind).join(schema);
            let files = fs::read_dir(directory).expect("a directory");
            let mut files: Vec<PathBuf> = files.map(|file| file.expect("an entry").path()).collect();
            files.sort();
            for path in files {
                let name = format!("{schema}/{}", path.file_name().expect("a name").to_string_lossy());
                for (document, text) in documents(&path) {
                    let fits = world().schemas.check(schema, &document).map_err(|error| error.to_string());
                    let read = takes(schema, &document, &text);
                    assert_eq!(fits.is_ok(), kind == "good", "{name} by its schema: {fits:?}");
                    if kind == "bad" && read.is_ok() {
                        taken.insert(name.clone());
                    }
                    assert!(kind == "bad" || read.is_ok(), "{name} by the library: {read:?}");
                }
            }
        }
    }
    assert_eq!(taken, TAKEN.map(|(name, _)| name.to_owned()).into(), "what the library takes beyond the schemas");
}
