//! Seeds from the hostile publications, the good ones among them, and from definitions.

use std::fs;
use std::path::{Path, PathBuf};

use super::Seeds;
use super::seeds::{joined, number};
use crate::world::CHECKOUT;

/// What is larger is a bomb, and no seed.
const SEED_BYTES: u64 = 64 << 10;

/// What each kind of file in `fixtures` is a seed for.
pub(super) fn seeds() -> Seeds {
    let fixtures = Path::new(CHECKOUT).join("fixtures");
    let mut seeds = Seeds::new();
    for path in files(&fixtures) {
        let bytes = fs::read(&path).expect("a fixture");
        let (name, folder) = (text(path.file_name()), text(path.parent().and_then(Path::file_name)));
        let within = |folder: &str| path.components().any(|component| component.as_os_str() == folder);
        if name.ends_with(".toml") {
            let stem = text(path.file_stem());
            seeds.entry("bundle_definition").or_default().push(joined(&[stem.as_bytes(), &bytes]));
        } else if folder == "releases" {
            let version = name.split('.').nth(1).unwrap_or_default();
            seeds.entry("release_document").or_default().push(joined(&[version.as_bytes(), &bytes]));
        } else if folder == "manifests" {
            seeds.entry("bundle_manifest").or_default().push(manifest(&bytes));
        } else if within("objects") {
            let size = decoded(&bytes).map_or(0, |blob| blob.len());
            seeds.entry("object").or_default().push(joined(&[&number(size), &bytes]));
        } else if within("packs") && bytes.starts_with(b"SUPACK") {
            seeds.entry("pack_head").or_default().push(bytes);
        } else if name == "timestamp.json" {
            seeds.entry("trust_metadata").or_default().push(metadata(path.parent().expect("its folder")));
        }
    }
    seeds
}

fn manifest(compressed: &[u8]) -> Vec<u8> {
    let json = decoded(compressed).unwrap_or_default();
    let value: Option<serde_json::Value> = serde_json::from_slice(&json).ok();
    let name = value.and_then(|value| value["bundle"].as_str().map(str::to_owned));
    joined(&[name.unwrap_or_default().as_bytes(), &json, &number(json.len()), compressed])
}

/// What a folder of metadata answers to a client.
fn metadata(folder: &Path) -> Vec<u8> {
    let read = |path: PathBuf| fs::read(path).unwrap_or_default();
    let newest = |role: &str| {
        let numbers = (1..100).rev().map(|number| folder.join(format!("{number}.{role}.json")));
        numbers.into_iter().find(|path| path.exists()).map(read).unwrap_or_default()
    };
    let [root, next, timestamp] = ["1.root.json", "2.root.json", "timestamp.json"].map(|name| read(folder.join(name)));
    joined(&[&root, &next, &timestamp, &newest("snapshot"), &newest("targets")])
}

/// What a frame holds, unless that is no frame or too much.
fn decoded(frame: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    zstd::Decoder::new(frame).ok()?.take(SEED_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// All files of `fixtures` that are small enough, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).expect("a directory") {
            let entry = entry.expect("an entry");
            let metadata = fs::symlink_metadata(entry.path()).expect("an entry");
            if metadata.is_dir() {
                open.push(entry.path());
            } else if metadata.is_file() && metadata.len() <= SEED_BYTES {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

fn text(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}
