//! Metadata that must not be believed: the release below it is good.

use serde_json::{Value, json};

use super::catalogue::{Attack, Kit};
use super::draft::{Draft, Files};
use super::forge::{Key, add_root, forge, signer};

const ROLES: [&str; 3] = ["targets", "snapshot", "timestamp"];

fn no_change(_: &str, _: &mut Value) {}

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let good = kit.publish(&Draft::new(20));
    let mut attacks = signatures(&good);
    attacks.extend(roots(&good));
    attacks
}

/// The good publication with that edit of a document after it was signed.
fn after(good: &Files, which: &'static str, edit: impl Fn(&mut Value)) -> Files {
    let mut files = good.clone();
    forge(&mut files, no_change, |role, document| {
        if role == which {
            edit(document)
        }
    });
    files
}

fn signatures(good: &Files) -> Vec<Attack> {
    let unsigned = |role| after(good, role, |document| document["signatures"] = json!([]));
    let stranger = |role: &'static str| {
        after(good, role, move |document| {
            let signature = Key::named("stranger").sign(&document["signed"], &signer(role).id);
            document["signatures"] = json!([signature]);
        })
    };
    let changed = |document: &mut Value| document["signed"]["expires"] = json!("2096-01-01T00:00:00Z");
    let says = "metadata is not signed by its keys";
    let refused = Attack::refused;
    let names = ["unsigned-targets", "unsigned-snapshot", "unsigned-timestamp"];
    let mut attacks: Vec<Attack> = names
        .into_iter()
        .zip(ROLES)
        .map(|(name, role)| refused(name, &[1], says, "Nobody has signed a role.", unsigned(role)))
        .collect();
    let names = ["wrong-key-targets", "wrong-key-snapshot", "wrong-key-timestamp"];
    attacks.extend(names.into_iter().zip(ROLES).map(|(name, role)| {
        refused(name, &[2], says, "A stranger has signed in the name of a role's key.", stranger(role))
    }));
    let names = ["changed-targets", "changed-snapshot", "changed-timestamp"];
    attacks.extend(names.into_iter().zip(ROLES).map(|(name, role)| {
        let files = after(good, role, changed);
        refused(name, &[1, 2], says, "A role was changed after it was signed.", files)
    }));
    attacks
}

fn roots(good: &Files) -> Vec<Attack> {
    let refused = Attack::refused;
    // Root 2 wants two of two keys for the targets.
    let two = |document: fn(&mut Value)| {
        let mut files = good.clone();
        add_root(&mut files, 2, &["root"], |root| {
            let stranger = Key::named("stranger");
            root["keys"][&stranger.id] = stranger.public.clone();
            root["roles"]["targets"]["threshold"] = json!(2);
            root["roles"]["targets"]["keyids"] = json!([signer("targets").id, stranger.id]);
        });
        forge(&mut files, no_change, |role, signed| {
            if role == "targets" {
                document(signed)
            }
        });
        files
    };
    let root = |number, keys: &[&str], edit: fn(&mut Value)| {
        let mut files = good.clone();
        add_root(&mut files, number, keys, edit);
        files
    };
    let taken_over = |root: &mut Value| {
        let stranger = Key::named("stranger");
        root["keys"][&stranger.id] = stranger.public.clone();
        root["roles"]["root"]["keyids"] = json!([stranger.id]);
    };
    let too_few = "metadata is not signed by its keys";
    vec![
        refused(
            "below-threshold",
            &[4],
            too_few,
            "Root 2 wants two signatures of the targets; there is one.",
            two(|_| {}),
        ),
        refused(
            "signature-counted-twice",
            &[3],
            too_few,
            "Root 2 wants two signatures of the targets; one is there twice.",
            two(|document| {
                let one = document["signatures"][0].clone();
                document["signatures"] = json!([one, one]);
            }),
        ),
        refused(
            "root-signed-by-new-keys-only",
            &[6],
            too_few,
            "Root 2 names a stranger's key for the root, and only the stranger signed it.",
            root(2, &["stranger"], taken_over),
        ),
        refused(
            "root-signed-by-old-keys-only",
            &[6],
            too_few,
            "Root 2 names a stranger's key for the root, and the stranger did not sign it.",
            root(2, &["root"], taken_over),
        ),
        refused(
            "root-gap",
            &[5],
            "the root metadata has version 3 where 2 was signed for",
            "`2.root.json` is root 3.",
            root(2, &["root"], |root| root["version"] = json!(3)),
        ),
        refused(
            "root-expired",
            &[7],
            "root metadata expired",
            "Root 2 ended in 2024.",
            root(2, &["root"], |root| root["expires"] = json!("2024-06-01T00:00:00Z")),
        ),
        refused(
            "root-same-key-twice",
            &[3],
            "one key under two names",
            "Root 2 gives the targets one key under two names.",
            root(2, &["root"], |root| {
                let (key, targets) = (Key::named("targets"), signer("targets").id);
                let mut twin = key.public.clone();
                twin["note"] = json!("another");
                let id = stateless_update::types::Digest::of(twin.to_string().as_bytes()).to_string();
                root["keys"][&id] = twin;
                root["roles"]["targets"] = json!({"keyids": [targets, id], "threshold": 2});
            }),
        ),
        refused(
            "root-of-the-future",
            &[18],
            "follows TUF specification",
            "Root 2 follows version 2 of TUF.",
            root(2, &["root"], |root| root["spec_version"] = json!("2.0.0")),
        ),
    ]
}
