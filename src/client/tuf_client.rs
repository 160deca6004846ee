//! The three verbs of the TUF client conformance suite, over the very code by which `update` looks at a publication.
//!
//! What is trusted lies in a trust directory inside of the suite's metadata directory; copies of its documents go where the
//! suite looks for them, those of delegated roles by the digests of their names.
//! Source: <https://github.com/theupdateframework/tuf-conformance>, `CLIENT-CLI.md`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::publication::Publication;
use super::{ClientError, Settings};
use crate::disk::{Directory, read_file};
use crate::transport::Transport;
use crate::trust::{
    Expiry, Fetched, KnownTime, MAX_ROOT_BYTES, Reference, Source, SourceError, TargetsLook, TrustDirectory, Trusted,
    refresh_targets,
};
use crate::types::Digest;

/// What the suite asks for.
#[derive(Clone, Debug)]
pub enum TufRequest {
    /// Trust this root from now on.
    Init {
        /// The root.
        root: PathBuf,
    },
    /// Look at the repository.
    Refresh {
        /// Where its metadata lies.
        metadata_url: String,
    },
    /// Look at the repository and fetch these targets.
    Download {
        /// Where its metadata lies.
        metadata_url: String,
        /// Where its targets lie.
        target_base_url: String,
        /// Where they go.
        target_dir: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
}

/// The longest target that is fetched, in bytes.
const MAX_TARGET_BYTES: u64 = 64 << 20;

/// Does it; what is trusted lies in `metadata_dir`.
///
/// # Errors
/// When the repository is refused or cannot be reached, or does not name a target.
pub async fn tuf_client(settings: &Settings, metadata_dir: &Path, request: &TufRequest) -> Result<(), ClientError> {
    let shown = Directory::open_path(metadata_dir)?;
    match request {
        TufRequest::Init { root } => Ok(shown.replace("root.json", &read_file(root, MAX_ROOT_BYTES)?)?),
        TufRequest::Refresh { metadata_url } => look(&shown, &repository(settings, metadata_url)?).await.map(drop),
        TufRequest::Download { metadata_url, target_base_url, target_dir, names } => {
            let source = repository(settings, metadata_url)?;
            let mut look = look(&shown, &source).await?;
            let transport = transport(settings, target_base_url)?;
            let targets = Directory::open_path(target_dir)?;
            for name in names {
                let found = look.find(&source, name).await;
                for (role, document) in look.delegated() {
                    shown.replace(&format!("{}.json", Digest::of(role.as_bytes())), document)?;
                }
                let found = found?.ok_or_else(|| ClientError::NoSuchTarget { name: name.clone() })?;
                download(&transport, (name, found), look.consistent_snapshot(), &targets).await?;
            }
            Ok(())
        }
    }
}

/// Looks, and shows what is trusted then, also after a look that failed.
async fn look(shown: &Directory, source: &Repository) -> Result<TargetsLook, ClientError> {
    let directory = TrustDirectory::new(shown.path().join("trust"));
    let first_root = read_file(&shown.path().join("root.json"), MAX_ROOT_BYTES)?;
    let now = Timestamp::now();
    let looked = refresh_targets(&directory, &first_root, source, KnownTime::new(now, now), Expiry::Enforced).await;
    let documents = directory.documents()?;
    // The root that was given stays until there is a chain.
    for name in
        ["timestamp.json", "snapshot.json", "targets.json"].iter().filter(|name| !documents.contains_key(**name))
    {
        shown.remove(name)?;
    }
    for (name, document) in documents {
        shown.replace(&name, &document)?;
    }
    Ok(looked?)
}

async fn download(
    transport: &Transport,
    (name, reference): (&str, Trusted<Reference>),
    consistent_snapshot: bool,
    directory: &Directory,
) -> Result<(), ClientError> {
    // No name of the repository's becomes a path here.
    let file = Digest::of(name.as_bytes()).to_string();
    let has = directory.read(&file, MAX_TARGET_BYTES)?;
    if has.is_some_and(|bytes| Reference::to(&bytes) == *reference) {
        return Ok(());
    }
    let path = match (consistent_snapshot, name.rsplit_once('/')) {
        (false, _) => name.to_owned(),
        (true, None) => format!("{}.{name}", reference.digest),
        (true, Some((parents, last))) => format!("{parents}/{}.{last}", reference.digest),
    };
    let limit = reference.length.min(MAX_TARGET_BYTES);
    let admit = |bytes| -> Result<Trusted<Vec<u8>>, ClientError> { Ok(reference.admit(bytes)?) };
    let content = transport.get_checked(&path, limit, admit).await?;
    Ok(directory.replace(&file, &content)?)
}

fn transport(settings: &Settings, url: &str) -> Result<Transport, ClientError> {
    Ok(Transport::new(&[url.to_owned()], settings.limits)?)
}

fn repository(settings: &Settings, url: &str) -> Result<Repository, ClientError> {
    Ok(Repository(Publication::new(Arc::new(transport(settings, url)?))))
}

/// A repository whose metadata lies at its top.
#[derive(Debug)]
struct Repository(Publication);

impl Repository {
    fn path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix("metadata/").unwrap_or(path)
    }
}

#[async_trait]
impl Source for Repository {
    async fn fetch(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        self.0.fetch(self.path(path), limit_bytes).await
    }

    async fn fetch_if_changed(&self, path: &str, limit_bytes: u64, etag: Option<&str>) -> Result<Fetched, SourceError> {
        self.0.fetch_if_changed(self.path(path), limit_bytes, etag).await
    }
}
