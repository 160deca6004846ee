//! What `export` copies out of a publication, and how: each file is checked while it comes, and asked for elsewhere where it
//! is wrong, as it is for a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::ClientError;
use super::proof::Proof;
use super::session::{KnownRelease, Session};
use crate::manifest::{PackOffer, Release, Tree};
use crate::report::{Progress, Reporter, Step};
use crate::site::{ArchiveWriter, CompleteArchive};
use crate::types::{BundleName, Digest, Kind};

/// What is to be copied: paths in the publication, each with its length and by what it is known to be the right one.
#[derive(Debug, Default)]
pub(super) struct Contents(BTreeMap<String, (u64, Proof)>);

impl Contents {
    /// A release document.
    pub fn add_document(&mut self, known: &KnownRelease) {
        let digest = Digest::of(&known.document);
        let path = Release::path(known.release.version, digest);
        self.0.insert(path, (known.document.len() as u64, Proof::Document(digest)));
    }

    /// A delta to a release document, whose path is given with it.
    pub fn add_delta(&mut self, delta: Option<(String, Vec<u8>)>) {
        let known = delta.map(|(path, bytes)| (path, (bytes.len() as u64, Proof::Document(Digest::of(&bytes)))));
        self.0.extend(known);
    }

    /// The manifests of these bundles, and the search index.
    pub fn add_documents_of(&mut self, release: &Release, bundles: &BTreeSet<BundleName>) {
        for bundle in bundles {
            let name = &release.bundles[bundle].manifest;
            let proof = Proof::Manifest(name.clone());
            self.0.insert(Release::manifest_path(name.sha256), (name.wire_bytes, proof));
        }
        if let Some(name) = &release.search {
            self.0.insert(Release::search_path(name.sha256), (name.wire_bytes, Proof::Search(name.clone())));
        }
    }

    /// Whole packs.
    pub fn add_packs<'a>(&mut self, offers: impl IntoIterator<Item = &'a PackOffer>) {
        let known = |pack: &PackOffer| (pack.path.clone(), (pack.length, Proof::Pack(pack.head.clone())));
        self.0.extend(offers.into_iter().map(known));
    }

    /// The objects of a tree that are wanted.
    pub fn add_objects(&mut self, tree: &Tree, wanted: impl Fn(&Digest) -> bool) {
        for entry in tree.entries() {
            if let Kind::File { digest, size, object_bytes, .. } = entry.kind
                && wanted(&digest)
            {
                self.0.insert(Release::object_path(digest), (object_bytes, Proof::Object { digest, size }));
            }
        }
    }
}

impl Session {
    /// Copies all of it, behind the metadata, into an archive that is to lie at `file`.
    pub async fn copy_all(
        &self,
        file: &Path,
        metadata: impl Iterator<Item = (String, Vec<u8>)>,
        contents: Contents,
    ) -> Result<CompleteArchive, ClientError> {
        let mut writer = ArchiveWriter::create(file)?;
        for (path, bytes) in metadata {
            writer.begin(&path, bytes.len() as u64)?;
            writer.write(&bytes)?;
        }
        let progress =
            Progress::new(self.reporter.clone(), Step::Download, contents.0.values().map(|(length, _)| length).sum());
        for (path, (length, proof)) in contents.0 {
            writer.begin(&path, length)?;
            self.copy((&path, length), &proof, &mut writer, &progress).await?;
        }
        Ok(writer.finish()?)
    }

    /// Copies a file, again where it is not the right one, elsewhere first.
    async fn copy(
        &self,
        (path, length): (&str, u64),
        proof: &Proof,
        writer: &mut ArchiveWriter,
        progress: &Progress<Arc<dyn Reporter>>,
    ) -> Result<(), ClientError> {
        let mut chances = self.transport.chances();
        loop {
            let mut check = proof.check();
            let mut sink = |bytes: &[u8]| {
                check.take(bytes);
                writer.write(bytes)?;
                progress.advance(bytes.len() as u64);
                Ok(())
            };
            let served = self.transport.object(path, length, &mut sink).await?;
            match (check.holds(), chances) {
                (true, _) => return Ok(()),
                (false, 0) => return Err(ClientError::WrongFile { path: path.to_owned() }),
                (false, _) => self.transport.doubt(served),
            }
            chances -= 1;
            writer.again()?;
        }
    }
}
