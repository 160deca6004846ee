//! Makes metadata that no honest publisher would make, signed all the same.

use serde_json::{Value, json};

use super::super::keys::SigningKey;
use super::*;

/// Changes one role's document.
pub(super) type Edit<'a> = &'a dyn Fn(Role, &mut Value);

pub(super) const KEEP: Edit<'static> = &|_, _| {};

/// Signs a value in TUF's canonical form, which for whole numbers is what `serde_json` writes, but with plain newlines.
pub(super) fn sign(signed: &Value, keys: &[&SigningKey]) -> Value {
    let canonical = serde_json::to_string(signed).expect("JSON").replace("\\n", "\n");
    let signatures: Vec<Value> = keys
        .iter()
        .map(|key| json!({"keyid": hex::encode(&key.id), "sig": hex::encode(key.sign(canonical.as_bytes()))}))
        .collect();
    json!({"signed": signed, "signatures": signatures})
}

pub(super) fn bytes(document: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(document).expect("JSON");
    bytes.push(b'\n');
    bytes
}

pub(super) fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// An edit of one role's document alone.
pub(super) fn only<'a>(role: Role, edit: impl Fn(&mut Value) + 'a) -> impl Fn(Role, &mut Value) + 'a {
    move |which, value| {
        if which == role {
            edit(value);
        }
    }
}

pub(super) fn meta(document: &[u8], version: &Value) -> Value {
    json!({"length": document.len(), "hashes": {"sha256": Digest::of(document)}, "version": version})
}

impl World {
    /// Publishes the next targets, snapshot and timestamp: `before` changes what is signed, `after` what was signed.
    pub(super) fn forge(&mut self, before: Edit<'_>, after: Edit<'_>) {
        let (targets_key, timestamp_key) = (self.keys.targets().expect("key"), self.keys.timestamp().expect("key"));
        self.forge_with(&[&targets_key], &[&timestamp_key], before, after);
    }

    pub(super) fn forge_with(
        &mut self,
        targets_keys: &[&SigningKey],
        timestamp_keys: &[&SigningKey],
        before: Edit<'_>,
        after: Edit<'_>,
    ) {
        let next = |world: &Self, role| {
            let mut signed = parse(&world.file(role))["signed"].take();
            signed["version"] = json!(signed["version"].as_u64().expect("a number") + 1);
            signed
        };
        let mut link: Option<(Vec<u8>, Value)> = None;
        for (role, keys) in
            [(Role::Targets, targets_keys), (Role::Snapshot, targets_keys), (Role::Timestamp, timestamp_keys)]
        {
            let mut signed = next(self, role);
            if let Some((linked, version)) = link.take() {
                let name = if role == Role::Snapshot { "targets.json" } else { "snapshot.json" };
                signed["meta"] = json!({name: meta(&linked, &version)});
            }
            before(role, &mut signed);
            let mut document = sign(&signed, keys);
            after(role, &mut document);
            let (content, version) = (bytes(&document), signed["version"].clone());
            let path = match role {
                Role::Timestamp => "metadata/timestamp.json".to_owned(),
                role => format!("metadata/{version}.{role}.json"),
            };
            self.mirror.files.insert(path, content.clone());
            link = Some((content, version));
        }
    }

    /// Lets the machine meet what a thief of the timestamp's key alone can sign, a snapshot that is nowhere, which stays
    /// remembered; then the mirror is as before.
    pub(super) fn meet_a_timestamp_thief(&mut self) {
        let honest = self.mirror.files.clone();
        let leap = |signed: &mut Value| {
            signed["version"] = json!(1_u64 << 62);
            signed["meta"]["snapshot.json"] = json!({"version": 1_u64 << 62});
        };
        self.forge(&only(Role::Timestamp, leap), KEEP);
        let error = self.refused();
        assert!(matches!(error, TrustError::Missing { .. }), "{error:?}");
        self.mirror.files = honest;
    }

    /// The next root, changed by `edit` and signed by these keys, written as the next version whatever it says.
    pub(super) fn forge_root(&mut self, keys: &[&SigningKey], edit: impl Fn(&mut Value)) -> Vec<u8> {
        let mut signed = parse(&self.file(Role::Root))["signed"].take();
        let next = signed["version"].as_u64().expect("a number") + 1;
        signed["version"] = json!(next);
        edit(&mut signed);
        let content = bytes(&sign(&signed, keys));
        self.mirror.files.insert(format!("metadata/{next}.root.json"), content.clone());
        content
    }

    /// Replaces the first root, for the machine and the publication.
    pub(super) fn replace_first_root(&mut self, edit: impl Fn(&mut Value)) {
        let key = self.keys.root().expect("key").remove(0);
        let mut signed = parse(&self.first_root)["signed"].take();
        edit(&mut signed);
        self.first_root = bytes(&sign(&signed, &[&key]));
        self.mirror.files.insert("metadata/1.root.json".to_owned(), self.first_root.clone());
    }
}
