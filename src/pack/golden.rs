//! A golden pack and what stands beside it, in `fixtures/golden/pack-N`: written once, and read for ever.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::sample::decode;
use super::{Block, Index, PackWriter};
use crate::types::{Digest, Version};

/// The folder of a golden pack.
pub(super) struct Golden {
    folder: PathBuf,
}

impl Golden {
    /// The folder `fixtures/golden/NAME`.
    pub(super) fn new(name: &str) -> Self {
        Self { folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(name) }
    }

    /// One of its files.
    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).expect(name)
    }

    /// Some of its files, by digest.
    pub(super) fn blobs(&self, names: &[&str]) -> BTreeMap<Digest, Vec<u8>> {
        names.iter().map(|name| self.read(name)).map(|blob| (Digest::of(&blob), blob)).collect()
    }

    /// Writes the pack and files beside it, never over what is there.
    pub(super) fn write(&self, files: &[(&str, &[u8])], pack: &[u8], head_length: u64) {
        assert!(!self.folder.join("pack").exists(), "a golden pack is never written again");
        fs::create_dir_all(&self.folder).expect("a folder");
        for (name, content) in files {
            fs::write(self.folder.join(name), content).expect("a file");
        }
        fs::write(self.folder.join("pack"), pack).expect("a file");
        fs::write(self.folder.join("head-length"), format!("{head_length}\n")).expect("a file");
    }

    /// The pack, its index, and all that it makes when a client has these files.
    pub(super) fn made(&self, names: &[&str]) -> (Vec<u8>, Index, Vec<Vec<u8>>) {
        let (pack, blobs) = (self.read("pack"), self.blobs(names));
        let text = String::from_utf8(self.read("head-length")).expect("text");
        let head_length = text.trim().parse().expect("a number");
        let sorted: Vec<Digest> = blobs.keys().copied().collect();
        let made = decode(&pack, head_length, &blobs, &sorted).expect("the golden pack");
        let index = Index::parse(&pack[..head_length]).expect("the golden head");
        (pack, index, made)
    }
}

/// A pack of these blocks from release 10 to 20, which have these blobs, and the length of its head.
pub(super) fn pack_of(blocks: &[(Block<Digest>, Vec<u8>)], blobs: impl IntoIterator<Item = Digest>) -> (Vec<u8>, u64) {
    let writer = PackWriter::new(Version::new(10), Version::new(20).expect("not 0"), blobs);
    let mut pack = Vec::new();
    let blocks = blocks.iter().map(|(block, bytes)| (block.clone(), &bytes[..])).collect();
    let summary = writer.finish(blocks, &mut pack).expect("memory");
    (pack, summary.head_length)
}
