//! Trees that a publisher reads from archives.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use stateless_update::site::{
    FileId, InputEntry, InputKind, InputSource, InputTrees, Owners, ScannedTree, Site, Spool,
};
use stateless_update::types::BundleName;
use tar::{Archive, EntryType, Header};

/// Bytes of a block of an archive.
const BLOCK: usize = 512;

/// An archive without its end; the checksums of its headers are made right first. What is taken lies beneath `usr`, each
/// path once and in a directory, and crate tar's own way of reading an archive finds the same names, targets and contents.
pub fn tree_archive(input: &[u8]) {
    let archive = sealed(input);
    let scratch = tempfile::tempdir().expect("a directory");
    let (trees, publication) = (scratch.path().join("trees"), scratch.path().join("publication"));
    let path = trees.join("web.tar");
    fs::create_dir(&trees).expect("a directory");
    fs::write(&path, &archive).expect("a file");
    let site = Site::create(&publication).expect("an empty place");
    let spool = Spool::beside(&site).expect("a directory");
    let trees = InputTrees::new(&trees, &trees, Owners::AllRoot, spool);
    let bundle = "web".parse().expect("a name");
    let Ok(tree) = trees.scan(&bundle, &InputSource::Archive(path)) else { return };
    check_places(&tree);
    if let Some(found) = as_another_reads(&archive) {
        assert_eq!(as_taken(&trees, &bundle, &tree), found);
    }
}

/// What one entry is to any reader: nothing for a directory, the target of a symlink, the content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Directory,
    Symlink(String),
    File(Vec<u8>),
}

fn check_places(tree: &ScannedTree) {
    let mut directories = Vec::new();
    assert!(tree.entries.is_sorted_by(|a, b| a.path < b.path));
    for entry in &tree.entries {
        assert!(entry.path.parent().is_none_or(|parent| directories.contains(&parent)), "{}", entry.path);
        assert!(entry.path.as_str() == "usr" || entry.path.as_str().starts_with("usr/"), "{}", entry.path);
        if entry.kind == InputKind::Directory {
            directories.push(entry.path.clone());
        }
    }
}

fn as_taken(trees: &InputTrees, bundle: &BundleName, tree: &ScannedTree) -> BTreeMap<String, Found> {
    let found = |entry: &InputEntry| match &entry.kind {
        InputKind::Directory => Found::Directory,
        InputKind::Symlink { target } => Found::Symlink(target.to_string()),
        InputKind::File { size, id } => {
            assert!(matches!(id, FileId::Spooled { .. }));
            let mut content = Vec::new();
            let mut file = trees.open(bundle, &entry.path, *id).expect("a content that waits");
            file.read_to_end(&mut content).expect("its content");
            assert_eq!(content.len() as u64, *size);
            Found::File(content)
        }
    };
    tree.entries.iter().map(|entry| (entry.path.as_str().to_owned(), found(entry))).collect()
}

/// What crate tar reads; none where a record of pax has line feeds in it, which crate tar takes for the ends of records.
fn as_another_reads(archive: &[u8]) -> Option<BTreeMap<String, Found>> {
    let mut all: BTreeMap<String, Found> = BTreeMap::new();
    for entry in Archive::new(archive).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let mut records = entry.pax_extensions().expect("memory").into_iter().flatten();
        if records.any(|record| record.is_err()) {
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let path = text(&entry.path_bytes());
        let path = path.strip_prefix("./").unwrap_or(&path).trim_end_matches('/').to_owned();
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let found = match kind {
            EntryType::Directory if matches!(&*path, "" | ".") => continue,
            EntryType::Directory => Found::Directory,
            EntryType::Symlink => Found::Symlink(text(&target)),
            EntryType::Link => all[text(target.strip_prefix(b"./").unwrap_or(&target)).as_str()].clone(),
            _ => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("its content");
                Found::File(content)
            }
        };
        all.insert(path, found);
    }
    Some(all)
}

/// The archive with the right checksum in each header, and an end.
pub fn sealed(input: &[u8]) -> Vec<u8> {
    let mut archive = input.to_vec();
    archive.resize(input.len().next_multiple_of(BLOCK), 0);
    let mut rest = &mut archive[..];
    while let Some((block, after)) = rest.split_first_chunk_mut::<BLOCK>()
        && *block != [0; BLOCK]
    {
        let mut header = Header::from_byte_slice(block).clone();
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let length = header.entry_size().ok().and_then(|length| length.checked_next_multiple_of(BLOCK as u64));
        let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        rest = after.get_mut(length..).unwrap_or_default();
    }
    archive.extend([0; 2 * BLOCK]);
    archive
}
