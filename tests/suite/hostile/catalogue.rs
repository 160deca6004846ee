//! All attacks, in the order of the list in `fixtures/hostile/README.md`, and the whole of `fixtures/hostile` as files.

use serde_json::{Value, json};
use stateless_update::trust::KeyDirectory;

use super::draft::{Draft, Files};
use super::{documents, forge, manifest_texts, manifests, metadata, objects, packs, trust};

/// One attack and its publication.
pub struct Attack {
    /// The folder.
    pub name: &'static str,
    /// Which attacks of the list it tries.
    pub numbers: &'static [u8],
    /// In one sentence.
    pub does: &'static str,
    /// What the client must end with.
    pub exit_code: i32,
    /// The release that the machine has afterwards, when it is not what it had before.
    pub release_after: Option<u32>,
    /// What an error or a warning must say; empty where there is nothing to be told, and then no warning may be.
    pub says: &'static str,
    /// Whether it takes more requests than the good publication, for what is refused without a word.
    pub asks_more: bool,
    /// Which commands meet it.
    pub commands: &'static [&'static str],
    /// The publication.
    pub files: Files,
}

/// Both ways to meet a new release.
pub const BOTH: &[&str] = &["os-install", "update"];
/// For what only a machine that has the release before can meet.
pub const UPDATE: &[&str] = &["update"];

/// What attacks start from.
pub struct Kit {
    /// The keys.
    pub keys: KeyDirectory,
    /// The publication with release 10.
    pub first: Files,
}

impl Kit {
    /// The good beginning, signed by the keys in that directory.
    pub fn new(keys: KeyDirectory) -> Self {
        let first = Draft::new(10).publish(&keys, None);
        Self { keys, first }
    }

    /// Release 20 as that draft has it, after the good release 10.
    pub fn publish(&self, draft: &Draft) -> Files {
        draft.publish(&self.keys, Some(&self.first))
    }

    /// Release 20 after a change of its draft.
    pub fn changed(&self, change: impl FnOnce(&mut Draft)) -> Files {
        let mut draft = Draft::new(20);
        change(&mut draft);
        self.publish(&draft)
    }
}

impl Attack {
    /// An attack on `os-install` and `update` alike that is refused (4).
    pub fn refused(
        name: &'static str,
        numbers: &'static [u8],
        says: &'static str,
        does: &'static str,
        files: Files,
    ) -> Self {
        Self { name, numbers, does, exit_code: 4, release_after: None, says, asks_more: false, commands: BOTH, files }
    }

    /// The same, but the client finds another way to the good release 20.
    pub fn survived(self) -> Self {
        Self { exit_code: 0, release_after: Some(20), ..self }
    }

    /// The same with another exit code.
    pub fn ending(self, exit_code: i32) -> Self {
        Self { exit_code, ..self }
    }

    /// The same for an update alone.
    pub fn of_update(self) -> Self {
        Self { commands: UPDATE, ..self }
    }

    /// The same, but what is refused has to be asked for elsewhere.
    pub fn asking_more(self) -> Self {
        Self { asks_more: true, ..self }
    }

    fn describe(&self) -> Value {
        let title = self.name.replace('-', " ");
        let Self { numbers, does, exit_code, release_after, says, asks_more, commands, .. } = self;
        assert!(*exit_code == 0 || !says.is_empty(), "{title}: any error would do");
        let mut description = json!({
            "attack": numbers, "title": title, "does": does, "commands": commands, "exit_code": exit_code,
            "release_after": release_after, "says": says,
        });
        if *asks_more {
            description["asks_more"] = json!(true);
        }
        description
    }
}

/// All attacks.
pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let makers = [
        trust::attacks,
        metadata::attacks,
        manifests::attacks,
        manifest_texts::attacks,
        documents::attacks,
        objects::attacks,
        packs::attacks,
    ];
    makers.iter().flat_map(|attacks| attacks(kit)).collect()
}

/// Everything that is generated in `fixtures/hostile`, by path.
pub fn files(keys: KeyDirectory) -> Files {
    let kit = Kit::new(keys);
    let mut files = Files::new();
    for name in forge::KEYS {
        files.insert(format!("keys/{name}.pem"), forge::pem(name).into_bytes());
    }
    put(&mut files, "good/publication-1", kit.first.clone());
    put(&mut files, "good/publication-2", packs::good(&kit));
    for attack in attacks(&kit) {
        let mut description = serde_json::to_vec_pretty(&attack.describe()).expect("JSON");
        description.push(b'\n');
        let known = files.insert(format!("{}/attack.json", attack.name), description);
        assert!(known.is_none(), "two attacks are called {}", attack.name);
        put(&mut files, &format!("{}/publication", attack.name), attack.files);
    }
    files
}

fn put(files: &mut Files, directory: &str, publication: Files) {
    files.extend(publication.into_iter().map(|(path, bytes)| (format!("{directory}/{path}"), bytes)));
}
