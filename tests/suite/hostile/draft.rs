//! One release as a publisher would make it, with places where an attack changes it before it is signed.
//!
//! The library encodes and signs; what an attack changes is changed in the text or bytes between two steps, so that every
//! digest, length and signature above the change is right.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stateless_update::manifest::{BundleManifest, Release};
use stateless_update::pack::write_object;
use stateless_update::trust::{CurrentMetadata, Lifetimes, NewestRelease, Reference, initialize, sign_release};
use stateless_update::trust::{Document, KeyDirectory, RootKeys};
use stateless_update::types::{Digest, Version};

/// Files by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// When release 10 was published.
pub const BEGIN: i64 = 1_700_000_000;
/// When release 20 was.
pub const LATER: i64 = 1_710_000_000;

/// Signed for almost 74 years: until 2097.
pub const FOR_LONG: Lifetimes =
    Lifetimes { root_days: 27_000, targets_days: 27_000, snapshot_days: 27_000, timestamp_days: 27_000 };

/// Changes a manifest's text, given its bundle.
type ChangeText = Box<dyn Fn(&str, String) -> Vec<u8>>;
/// Turns bytes into others.
type ChangeBytes = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// Release 20 under way; what the publication of release 10 became.
pub struct Draft {
    /// The entries of each bundle, as in its manifest.
    pub bundles: BTreeMap<String, Vec<Value>>,
    /// Objects by path.
    pub objects: Files,
    /// Packs: what the release document says of them, and their bytes.
    pub packs: Vec<(Value, Vec<u8>)>,
    /// Changes a manifest's text.
    pub text: ChangeText,
    /// Compresses a manifest's text.
    pub wire: ChangeBytes,
    /// Changes the release document.
    pub release: Box<dyn Fn(&mut Value)>,
    /// Changes the release document's text.
    pub document: Box<dyn Fn(String) -> Vec<u8>>,
    /// How long the metadata is good.
    pub lifetimes: Lifetimes,
}

/// The content of a file of the good release.
pub fn content(version: u32, name: &str) -> Vec<u8> {
    let lines = (0..20).map(|line| format!("{name}: line {} of what stays\n", line * 7919 % 1000));
    let mut text = format!("{name} of release {version}\n");
    text.extend(lines);
    text.into_bytes()
}

pub fn directory(path: &str) -> Value {
    json!({"path": path, "type": "directory", "mode": 0o755, "uid": 0, "gid": 0, "mtime": BEGIN})
}

pub fn symlink(path: &str, target: &str) -> Value {
    json!({"path": path, "type": "symlink", "mode": 0o777, "uid": 0, "gid": 0, "mtime": BEGIN, "target": target})
}

pub fn object(content: &[u8]) -> Vec<u8> {
    let mut object = Vec::new();
    write_object(content, content.len() as u64, 6, &mut object).expect("memory");
    object
}

pub fn object_path(content: &[u8]) -> String {
    Release::object_path(Digest::of(content))
}

pub fn version(number: u32) -> Version {
    Version::new(number).expect("not zero")
}

impl Draft {
    /// The good release of that number: `os-core` with three files and a symlink, no packs.
    pub fn new(number: u32) -> Self {
        let mut draft = Self {
            bundles: BTreeMap::from([("os-core".to_owned(), ["usr", "usr/bin"].map(directory).to_vec())]),
            objects: Files::new(),
            packs: Vec::new(),
            text: Box::new(|_, text| text.into_bytes()),
            wire: Box::new(BundleManifest::compress),
            release: Box::new(|_| {}),
            document: Box::new(String::into_bytes),
            lifetimes: FOR_LONG,
        };
        draft.add_file("usr/bin/tool", 0o755, &content(number, "tool"));
        draft.core().push(directory("usr/lib"));
        draft.add_file("usr/lib/data", 0o644, &content(number, "data"));
        draft.core().push(symlink("usr/lib/link", "data"));
        draft.add_file("usr/lib/os-release", 0o644, format!("VERSION_ID={number}\n").as_bytes());
        draft
    }

    /// The entries of `os-core`.
    pub fn core(&mut self) -> &mut Vec<Value> {
        self.bundles.get_mut("os-core").expect("there from the beginning")
    }

    /// The entry of `os-core` with that path.
    pub fn entry(&mut self, path: &str) -> &mut Value {
        self.core().iter_mut().find(|entry| entry["path"] == path).expect(path)
    }

    /// A file's entry; its object becomes part of the publication.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Value {
        let (object, digest) = (object(content), Digest::of(content));
        let bytes = object.len();
        self.objects.insert(object_path(content), object);
        json!({
            "path": path, "type": "file", "mode": mode, "uid": 0, "gid": 0, "mtime": BEGIN, "size": content.len(),
            "sha256": digest, "object_bytes": bytes, "since": 10,
        })
    }

    /// Adds a file to `os-core`.
    pub fn add_file(&mut self, path: &str, mode: u32, content: &[u8]) {
        let entry = self.file(path, mode, content);
        self.core().push(entry);
    }

    /// The text of a bundle's manifest, before any change.
    pub fn plain_text(&self, bundle: &str) -> String {
        let lines: Vec<String> = self.bundles[bundle].iter().map(Value::to_string).collect();
        format!("{{\"format\":1,\"bundle\":\"{bundle}\",\"entries\":[\n{}\n]}}\n", lines.join(",\n"))
    }

    /// Everything but metadata: files, and the path of the release document.
    fn contents(&self, number: u32, published: i64) -> (Files, Vec<u8>) {
        let mut files = self.objects.clone();
        let mut bundles = serde_json::Map::new();
        for bundle in self.bundles.keys() {
            let text = (self.text)(bundle, self.plain_text(bundle));
            let wire = (self.wire)(&text);
            let digest = Digest::of(&text);
            let manifest = json!({"sha256": digest, "length": text.len(), "wire_bytes": wire.len()});
            let offer = json!({
                "title": bundle, "manifest": manifest, "files": 3, "disk_bytes": 4096, "download_bytes": 0,
            });
            bundles.insert(bundle.clone(), offer);
            files.insert(Release::manifest_path(digest), wire);
        }
        let offers: Vec<&Value> = self.packs.iter().map(|(offer, _)| offer).collect();
        let mut release = json!({
            "format": 1, "version": number, "published": published, "floor": 10, "predecessors": [],
            "bundles": bundles, "packs": offers,
        });
        (self.release)(&mut release);
        for (offer, bytes) in &self.packs {
            files.insert(offer["path"].as_str().expect("a path").to_owned(), bytes.clone());
        }
        (files, (self.document)(release.to_string()))
    }

    /// The publication after `before`, or the first one.
    pub fn publish(&self, keys: &KeyDirectory, before: Option<&Files>) -> Files {
        let number = if before.is_some() { 20 } else { 10 };
        let published = if before.is_some() { LATER } else { BEGIN };
        let time = jiff::Timestamp::from_second(published).expect("a time");
        let (mut files, document) = self.contents(number, published);
        let first: Files = match before {
            Some(before) => before.clone(),
            None => {
                let documents = initialize(keys, RootKeys::ONE, &FOR_LONG, time).expect("first metadata");
                named(documents)
            }
        };
        let newest = if before.is_some() { 2 } else { 1 };
        let read = |name: &str| first[&format!("metadata/{name}.json")].clone();
        let current = CurrentMetadata {
            root: read("1.root"),
            targets: read(&format!("{newest}.targets")),
            snapshot: read(&format!("{newest}.snapshot")),
            timestamp: read("timestamp"),
        };
        let reference = Reference::to(&document);
        files.insert(Release::path(version(number), reference.digest), document);
        files.insert("metadata/1.root.json".to_owned(), current.root.clone());
        let signed =
            sign_release(&current, keys, &NewestRelease::new(version(number), reference), &self.lifetimes, time);
        files.extend(named(signed.expect("signed")));
        files
    }
}

fn named(documents: Vec<Document>) -> Files {
    documents.into_iter().map(|document| (document.path, document.bytes)).collect()
}
