//! Documents of a publication and of a machine.

use stateless_update::manifest::archive::{BLOCK, Header};
use stateless_update::manifest::{BundleDefinition, BundleManifest, InstalledRecord, Release, SearchIndex};
use stateless_update::tree::Fingerprints;
use stateless_update::types::BundleName;

use super::parts::{length, parts};

/// The longest manifest or index that is expanded here.
const MANIFEST_BYTES: u64 = 1 << 20;

/// Name, JSON text, length of a compressed manifest, compressed manifest. What is taken can be written and read again as
/// the same; what is expanded has exactly the length that was declared.
pub fn bundle_manifest(input: &[u8]) {
    let [name, json, declared, compressed] = parts(input);
    let declared = length(declared, MANIFEST_BYTES);
    if let Ok(expanded) = BundleManifest::expand(compressed, declared) {
        assert_eq!(expanded.len() as u64, declared);
    }
    let Some(wanted) = bundle_name(name) else { return };
    if let Ok(manifest) = BundleManifest::parse(&wanted, json) {
        assert_eq!(BundleManifest::parse(&wanted, &manifest.to_json()).expect("its own JSON"), manifest);
    }
}

/// Version in decimal, JSON text. What is taken can be written and read again as the same.
pub fn release_document(input: &[u8]) {
    let [version, json] = parts(input);
    let Some(wanted) = text(version).and_then(|text| text.parse().ok()) else { return };
    if let Ok(release) = Release::parse(wanted, json) {
        assert_eq!(Release::parse(wanted, &release.to_json()).expect("its own JSON"), release);
    }
}

/// Name, TOML text. A definition is taken or refused.
pub fn bundle_definition(input: &[u8]) {
    let [name, toml] = parts(input);
    if let Some((bundle, toml)) = bundle_name(name).zip(text(toml)) {
        _ = BundleDefinition::parse(&bundle, toml);
    }
}

/// JSON text. What is taken can be written and read again as the same.
pub fn installed_record(input: &[u8]) {
    if let Ok(record) = InstalledRecord::parse(input) {
        assert_eq!(InstalledRecord::parse(&record.to_json()).expect("its own JSON"), record);
    }
}

/// The whole file. What is not taken is an empty set; what is taken can be written and read again as the same.
pub fn fingerprints(input: &[u8]) {
    let known = Fingerprints::parse(input);
    assert_eq!(Fingerprints::parse(&known.to_bytes()), known);
    // A record is longer than 64 bytes, so that a claimed number cannot cost more memory than the file has bytes.
    assert!(known.len() <= input.len() / 64);
}

/// Plain index, its length compressed, compressed index. What is taken tells each path once, in order, each with bundles
/// that there are; what is expanded has exactly the length that was declared.
pub fn search_index(input: &[u8]) {
    let [plain, declared, compressed] = parts(input);
    let declared = length(declared, MANIFEST_BYTES);
    if let Ok(expanded) = SearchIndex::expand(compressed, declared) {
        assert_eq!(expanded.len() as u64, declared);
    }
    let Ok(index) = SearchIndex::parse(plain.to_vec()) else { return };
    let mut before = String::new();
    // What was shown before an error is sound, too.
    _ = index.visit(|path, set| {
        assert!(*before < *path);
        before = path.to_owned();
        assert!(!set.is_empty() && set.iter().all(|bundle| *bundle < index.bundles().len()));
    });
}

fn bundle_name(part: &[u8]) -> Option<BundleName> {
    text(part)?.parse().ok()
}

fn text(part: &[u8]) -> Option<&str> {
    std::str::from_utf8(part).ok()
}

/// A header of a publication in one file, whose checksum is made right first. What is taken has a path that leads nowhere
/// else, and as it is written by us it is read as the same.
pub fn archive_header(input: &[u8]) {
    let mut block = [0; BLOCK];
    let length = input.len().min(BLOCK);
    block[..length].copy_from_slice(&input[..length]);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let Ok(Header::File { path, length }) = Header::parse(&block) else { return };
    assert!(path.split('/').all(|name| !matches!(name, "" | "." | "..")), "{path}");
    if let Some(again) = Header::of_file(&path, length) {
        assert_eq!(Header::parse(&again), Ok(Header::File { path, length }));
    }
}
