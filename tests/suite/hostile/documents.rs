//! Release documents that no publisher writes, validly signed.

use serde_json::{Value, json};

use super::catalogue::{Attack, Kit};
use super::draft::{Draft, Files};

type Change = fn(&mut Value);

pub fn attacks(kit: &Kit) -> Vec<Attack> {
    let changed = |change: Change| kit.changed(|draft| draft.release = Box::new(change));
    let text = |change: fn(String) -> Vec<u8>| kit.changed(|draft| draft.document = Box::new(change));
    let pack = |path: &'static str, length: u64, head: u64| -> Files {
        let head = json!({"sha256": "0".repeat(64), "length": head});
        let offer = json!({"from": 10, "bundle": null, "path": path, "head": head, "length": length});
        kit.changed(|draft| draft.release = Box::new(move |release| release["packs"] = json!([offer])))
    };
    let refused = Attack::refused;
    vec![
        refused(
            "release-of-the-future",
            &[36],
            "format 2",
            "Is a release document of format 2.",
            changed(|r| r["format"] = json!(2)),
        ),
        refused(
            "release-of-another-number",
            &[11],
            "is that of release 30",
            "The document of release 20 says that it is release 30.",
            changed(|r| r["version"] = json!(30)),
        ),
        refused(
            "release-without-core",
            &[36],
            "no bundle os-core",
            "Has no `os-core`.",
            changed(|r| r["bundles"] = json!({})),
        ),
        refused(
            "release-includes-nothing-known",
            &[34],
            "includes ghost",
            "`os-core` includes a bundle that is not there.",
            changed(|r| r["bundles"]["os-core"]["includes"] = json!(["ghost"])),
        ),
        refused(
            "release-from-the-future",
            &[20],
            "published",
            "Says that it was published in the year 9999, so that every later metadata would be taken for expired.",
            changed(|r| r["published"] = json!(253_370_764_800i64)),
        ),
        refused("release-version-zero", &[35], "is not valid", "Has version 0.", changed(|r| r["version"] = json!(0))),
        refused(
            "release-version-huge",
            &[16],
            "is not valid",
            "Has a version of 2^64.",
            text(|text| text.replacen("\"version\":20", "\"version\":18446744073709551616", 1).into_bytes()),
        ),
        refused(
            "release-bundle-upwards",
            &[17],
            "not a bundle name",
            "Has a bundle called `../../planted`.",
            changed(|r| r["bundles"]["../../planted"] = r["bundles"]["os-core"].clone()),
        ),
        refused(
            "release-bundle-twice",
            &[16],
            "twice",
            "Names `os-core` twice, so that two readers see two releases.",
            text(|text| {
                let other = text.replace("4096", "4097");
                let from = other.find("\"os-core\"").expect("there");
                let to = other.find(",\"floor\"").expect("there") - 1;
                text.replacen("\"bundles\":{", &format!("\"bundles\":{{{},", &other[from..to]), 1).into_bytes()
            }),
        ),
        refused(
            "release-deep",
            &[16],
            "is not valid",
            "Is nested 5,000 deep.",
            text(|_| format!("{{\"format\":1,\"x\":{}", "[".repeat(5_000)).into_bytes()),
        ),
        refused(
            "release-bad-utf8",
            &[16],
            "is not valid",
            "Has bytes that are not UTF-8.",
            text(|text| {
                let mut bytes = text.into_bytes();
                let at = bytes.windows(5).position(|window| window == b"title").expect("there") + 8;
                bytes[at] = 0xff;
                bytes
            }),
        ),
        refused(
            "release-not-json",
            &[16],
            "is not valid",
            "Is neither JSON nor a web page.",
            text(|_| b"not json".to_vec()),
        ),
        refused(
            "release-predecessor-not-older",
            &[8],
            "is not older",
            "Names itself as its own predecessor.",
            changed(|r| r["predecessors"] = json!([{"version": 20, "sha256": "0".repeat(64), "length": 1}])),
        ),
        refused(
            "release-floor-above-itself",
            &[8],
            "below",
            "Says that no client may go below release 30.",
            changed(|r| r["floor"] = json!(30)),
        ),
        refused(
            "pack-path-upwards",
            &[17, 22],
            "not one beneath packs/",
            "Has a pack at `packs/../../../etc/passwd`.",
            pack("packs/../../../etc/passwd", 9, 4),
        ),
        refused(
            "pack-path-absolute",
            &[17, 21],
            "not one beneath packs/",
            "Has a pack at `/etc/passwd`.",
            pack("/etc/passwd", 9, 4),
        ),
        refused(
            "pack-path-elsewhere",
            &[17],
            "not one beneath packs/",
            "Has a pack at another host.",
            pack("https://example.org/pack", 9, 4),
        ),
        refused(
            "pack-lengths-crossed",
            &[35],
            "lengths that cannot be",
            "Has a pack whose head is longer than the pack.",
            pack("packs/10-20/all", 9, 10),
        ),
        refused(
            "pack-length-huge",
            &[35, 42],
            "lengths that cannot be",
            "Has a pack of 2^63 bytes.",
            pack("packs/10-20/all", 1 << 63, 10),
        ),
        refused(
            "pack-head-huge",
            &[14],
            "head is too long",
            "Has a pack whose head has 1 GiB.",
            pack("packs/10-20/all", 1 << 31, 1 << 30),
        )
        .survived()
        .of_update(),
        refused(
            "pack-missing",
            &[13],
            "is not used",
            "Offers a pack that is not there.",
            pack("packs/10-20/all", 100, 10),
        )
        .survived()
        .of_update(),
        refused(
            "includes-in-a-circle",
            &[34],
            "",
            "Two bundles include each other and themselves; that is legal and must end.",
            kit.changed(circle),
        )
        .survived(),
    ]
}

/// `os-core` and another bundle with some of its entries.
fn circle(draft: &mut Draft) {
    let mut other = draft.bundles["os-core"].clone();
    other.truncate(2);
    draft.bundles.insert("other".to_owned(), other);
    draft.release = Box::new(|release| {
        release["bundles"]["os-core"]["includes"] = json!(["other", "os-core"]);
        release["bundles"]["other"]["includes"] = json!(["os-core", "other"]);
        release["bundles"]["os-core"]["also_add"] = json!(["other"]);
        release["bundles"]["other"]["also_add"] = json!(["other", "os-core"]);
    });
}
