//! Seeds from golden packs and from the contents that they were made from.

use std::fs;
use std::path::{Path, PathBuf};

use stateless_update::delta::{Delta, ReadAt};
use stateless_update::disk::Directory;
use stateless_update::gzip;
use stateless_update::manifest::{InstalledRecord, ReleaseName, SearchIndex};
use stateless_update::pack::{Block, Index, Method, ShortId};
use stateless_update::tree::Fingerprints;
use stateless_update::types::{Digest, Version};
use stateless_update::xz;

use super::Seeds;
use super::targets::packs::SKIPPED;
use super::targets::parts::BETWEEN;
use crate::world::CHECKOUT;

/// Everything that the golden files bring, and what machines keep beside it.
pub(super) fn of_golden_files() -> Seeds {
    let mut seeds = Seeds::new();
    for pack in ["pack-1", "pack-2", "pack-3"] {
        of_pack(&Path::new(CHECKOUT).join("fixtures/golden").join(pack), &mut seeds);
    }
    of_xz_files(&Path::new(CHECKOUT).join("fixtures/golden/pack-4"), &mut seeds);
    // A frame that promises 15 bytes and ends with an empty block: zstd takes it in pieces and refuses it whole.
    let broken = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 15, 1, 0, 0];
    seeds.entry("object").or_default().push(joined(&[&number(0), &broken]));
    let release = ReleaseName { version: Version::new(10).expect("not 0"), sha256: Digest::of(b"10"), length: 7 };
    let bundles = [("os-core".parse().expect("a name"), Digest::of(b"manifest"))];
    let subscriptions = bundles.iter().map(|(bundle, _)| bundle).cloned().collect();
    let origin = vec!["http://127.0.0.1/".to_owned()];
    let record = InstalledRecord::new(release, 3, subscriptions, bundles.into(), origin);
    seeds.insert("installed_record", vec![record.to_json()]);
    seeds.insert("fingerprints", vec![Fingerprints::default().to_bytes(), fingerprints()]);
    let index = fs::read(Path::new(CHECKOUT).join("fixtures/golden/search-1/index")).expect("a golden file");
    let compressed = SearchIndex::compress(&index);
    seeds.insert("search_index", vec![joined(&[&index, &number(index.len()), &compressed])]);
    let journal = |carried: &str| {
        format!("{{\"format\":\"journal-1\",\"from\":1,\"to\":2,\"former\":\"previous\",\"carried\":[{carried}]}}")
            .into_bytes()
    };
    let carried = ["local", "../outside", "/etc", "local/mine", ""]
        .map(|path| journal(&format!("{{\"path\":\"{path}\",\"inode\":5,\"parent_mtime\":[1700000000,0]}}")));
    let copied = journal(&format!(
        "{{\"path\":\"local/mine\",\"inode\":5,\"parent_mtime\":[1700000000,0],\"copy\":\"{}\"}}",
        Digest::of(b"copy")
    ));
    let in_bytes = journal(r#"{"path":[108,111,99,97,108,47,255],"inode":5,"parent_mtime":[1700000000,0]}"#);
    let displaced = journal(r#"],"displaced":["local/mine","../outside",[108,111,99,97,108,47,255]"#);
    seeds.insert("journal", [&carried[..], &[journal(""), copied, in_bytes, displaced]].concat());
    seeds
}

fn of_pack(folder: &Path, seeds: &mut Seeds) {
    let read = |name: &str| fs::read(folder.join(name)).expect("a golden file");
    let pack = read("pack");
    let head_length: usize = String::from_utf8_lossy(&read("head-length")).trim().parse().expect("a number");
    let head = &pack[..head_length];
    let index = Index::parse(head).expect("a golden head");
    let frame = head.windows(4).position(|bytes| bytes == [0x28, 0xb5, 0x2f, 0xfd]).expect("a frame");
    let plain = zstd::decode_all(&head[frame..]).expect("the index");
    seeds.entry("pack_head").or_default().extend([head.to_vec(), plain]);

    let mut contents = contents(folder);
    contents.sort();
    let blobs: Vec<Vec<u8>> = contents.iter().map(|path| fs::read(path).expect("a golden file")).collect();
    for placed in index.blocks() {
        for wanted in 0..placed.block.builds.len() {
            let seed = block(&placed.block, &pack[placed.offset as usize..], wanted, &blobs);
            seeds.entry("block").or_default().push(seed);
        }
    }
    for place in index.manifest_deltas() {
        let (old, new) = (read("old-manifest"), read("new-manifest"));
        let frame = &pack[place.offset as usize..][..place.length as usize];
        seeds.entry("manifest_delta").or_default().push(joined(&[&number(new.len()), &old, frame]));
    }
    for (old, new) in pairs(&contents) {
        let (old, new) = (fs::read(old).expect("a golden file"), fs::read(new).expect("a golden file"));
        seeds.entry("delta_make").or_default().push(joined(&[&old, &new]));
        for delta in [Delta::make(&old, &new), Delta::smallest(&old, &new)] {
            let [a, b, c, d, e, f] = delta.streams.into_array();
            let seed = joined(&[&number(new.len()), &old, &a, &b, &c, &d, &e, &f]);
            seeds.entry("delta_apply").or_default().push(seed);
        }
    }
    for blob in &blobs {
        if gzip::looks_like_gzip(blob) {
            seeds.entry("gzip_file").or_default().push(blob.clone());
        }
        if let Some(form) = gzip::unwrap(blob) {
            seeds.entry("gzip_form").or_default().push(joined(&[&number(blob.len()), &form]));
        }
        let object = zstd::encode_all(&blob[..], 3).expect("memory");
        seeds.entry("object").or_default().push(joined(&[&number(blob.len()), &object]));
    }
}

/// Files with an xz stream, and their forms.
fn of_xz_files(folder: &Path, seeds: &mut Seeds) {
    for blob in contents(folder).iter().map(|path| fs::read(path).expect("a golden file")) {
        if let Some(form) = xz::unwrap(&blob) {
            seeds.entry("xz_form").or_default().push(joined(&[&number(blob.len()), &form]));
            seeds.entry("xz_file").or_default().push(blob);
        }
    }
}

/// A block as it lies in its pack, of which one build is made and the others are skipped.
fn block(block: &Block<ShortId>, bytes: &[u8], wanted: usize, blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut head = vec![1];
    for (at, build) in block.builds.iter().enumerate() {
        let (method, form) = match build.method {
            Method::Whole => (0, 0),
            Method::Delta { .. } => (1, 0),
            Method::WholeForm { form } => (2, form),
            Method::DeltaForm { form, .. } => (3, form),
            Method::Text { frame, .. } => (6, frame),
            _ => (4, 0),
        };
        head.push(if at == wanted { method } else { method | SKIPPED });
        head.extend(number(build.size as usize));
        head.extend(number(form as usize));
    }
    let base = block.builds[wanted].method.base();
    let base = blobs.iter().find(|blob| base.is_some_and(|base| base.matches(&Digest::of(blob))));
    let mut parts = vec![head, base.cloned().unwrap_or_default()];
    let mut at = 0;
    for stream in block.streams {
        let mut part = if stream.packed == 0 { Vec::new() } else { number(stream.plain as usize).to_vec() };
        let mut packed = vec![0; stream.packed as usize];
        bytes.read_exact_at(&mut packed, at).expect("a golden block");
        part.extend(packed);
        at += stream.packed;
        parts.push(part);
    }
    joined(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The contents that a golden pack was made from.
fn contents(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a golden folder").map(|file| file.expect("a file").path());
    files.filter(|path| !path.ends_with("pack") && !path.ends_with("head-length")).collect()
}

/// Old and new contents by their names.
fn pairs(contents: &[PathBuf]) -> Vec<(PathBuf, PathBuf)> {
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let olds = contents.iter().filter_map(|path| Some((path, name(path).strip_prefix("old-")?.to_owned())));
    let pair = |(old, rest): (&PathBuf, String)| {
        let new = old.with_file_name(format!("new-{rest}"));
        new.exists().then(|| (old.clone(), new))
    };
    olds.filter_map(pair).collect()
}

/// Fingerprints of three files.
fn fingerprints() -> Vec<u8> {
    let directory = Directory::open_path(&Path::new(CHECKOUT).join("fixtures/golden/pack-1")).expect("a directory");
    let mut known = Fingerprints::default();
    for name in ["pack", "new-text", "old-text"] {
        known.note(&directory.look(name).expect("a look").expect("a file"), Digest::of(name.as_bytes()));
    }
    known.to_bytes()
}

/// Parts of one input.
pub(super) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(BETWEEN)
}

/// A length as inputs carry it.
pub(super) fn number(length: usize) -> [u8; 3] {
    let [a, b, c, ..] = (length as u64).to_le_bytes();
    [a, b, c]
}
