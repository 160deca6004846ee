//! Metadata that no honest publisher would make, signed all the same; and the keys, which are no secret.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stateless_update::types::Digest;

use super::draft::Files;

/// The keys of the fixtures: three that the good publication is signed with, and one of nobody.
pub const KEYS: [&str; 4] = ["root", "targets", "timestamp", "stranger"];

/// A test key: derived from its name, so that nobody can take it for a secret.
pub struct Key {
    pair: Ed25519KeyPair,
    /// The public part as TUF writes it.
    pub public: Value,
    /// The digest of the public part.
    pub id: String,
}

fn pkcs8(name: &str) -> Vec<u8> {
    let seed = Digest::of(format!("stateless-update fixtures/hostile, key of no value: {name}").as_bytes());
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    [&prefix[..], seed.as_bytes()].concat()
}

/// The file that holds a key.
pub fn pem(name: &str) -> String {
    let body = STANDARD.encode(pkcs8(name));
    format!(
        "TEST KEY, published on purpose: it signs the fixtures of hostile publications and must sign nothing else.\n\
         -----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    )
}

impl Key {
    pub fn named(name: &str) -> Self {
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8(name)).expect("a key");
        let public = json!({
            "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": hex::encode(pair.public_key().as_ref())},
        });
        let id = Digest::of(public.to_string().as_bytes()).to_string();
        Self { pair, public, id }
    }

    /// Its signature of a value, under its own name or another.
    pub fn sign(&self, signed: &Value, id: &str) -> Value {
        let canonical = signed.to_string().replace("\\n", "\n");
        json!({"keyid": id, "sig": hex::encode(self.pair.sign(canonical.as_bytes()))})
    }
}

/// Who signs a role.
pub fn signer(role: &str) -> Key {
    Key::named(if role == "snapshot" { "targets" } else { role })
}

/// The path of a role's metadata in release 20's publication.
pub fn path(role: &str) -> String {
    if role == "timestamp" { "metadata/timestamp.json".to_owned() } else { format!("metadata/3.{role}.json") }
}

pub fn parse(files: &Files, path: &str) -> Value {
    serde_json::from_slice(&files[path]).expect("JSON")
}

/// Changes what the roles say and signs all of it again, each by its own key; `after` changes the signed document.
pub fn forge(files: &mut Files, edit: impl Fn(&str, &mut Value), after: impl Fn(&str, &mut Value)) {
    let mut link: Option<(&str, Vec<u8>, Value)> = None;
    for role in ["targets", "snapshot", "timestamp"] {
        let mut signed = parse(files, &path(role))["signed"].take();
        if let Some((below, bytes, version)) = link.take() {
            let meta = json!({"length": bytes.len(), "hashes": {"sha256": Digest::of(&bytes)}, "version": version});
            signed["meta"] = json!({format!("{below}.json"): meta});
        }
        edit(role, &mut signed);
        let key = signer(role);
        let mut document = json!({"signatures": [key.sign(&signed, &key.id)], "signed": signed});
        after(role, &mut document);
        let bytes = document.to_string().into_bytes();
        let version = document["signed"]["version"].clone();
        files.insert(path(role), bytes.clone());
        link = Some((role, bytes, version));
    }
}

/// Adds the next root, changed and signed by these keys, as `metadata/N.root.json`.
pub fn add_root(files: &mut Files, number: u64, keys: &[&str], edit: impl Fn(&mut Value)) {
    let mut signed = parse(files, "metadata/1.root.json")["signed"].take();
    signed["version"] = json!(number);
    edit(&mut signed);
    let keys: Vec<Key> = keys.iter().map(|name| Key::named(name)).collect();
    let signatures: Vec<Value> = keys.iter().map(|key| key.sign(&signed, &key.id)).collect();
    let document = json!({"signatures": signatures, "signed": signed});
    files.insert(format!("metadata/{number}.root.json"), document.to_string().into_bytes());
}
