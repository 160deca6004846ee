//! A publication in one file: a tar archive whose files are read where they lie. Nothing is unpacked.
//!
//! The list of its files is made when it is first asked for one, from the headers alone; an archive that breaks a rule is
//! refused as a whole.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::TransportError;
use crate::manifest::archive::{BLOCK, Header};

/// More files than this are refused.
const MAX_FILES: usize = 1 << 20;

/// An archive and, once it was looked at, where its files lie.
#[derive(Debug, Default)]
pub(super) struct Archive {
    path: PathBuf,
    files: OnceCell<Arc<HashMap<Box<str>, Place>>>,
}

/// Where a file lies in its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its first byte.
    pub(super) offset: u64,
    /// How many there are.
    pub(super) length: u64,
}

impl Archive {
    /// The archive at `path`. It is not opened yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, files: OnceCell::new() }
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file at this path of the publication lies.
    pub(super) async fn place(&self, path: &str) -> Result<Place, TransportError> {
        let files = self.files.get_or_try_init(|| async {
            let archive = self.path.clone();
            let listed = tokio::task::spawn_blocking(move || list(&archive));
            listed.await.expect("listing does not panic").map(Arc::new)
        });
        let place = files.await?.get(path).copied();
        place.ok_or_else(|| TransportError::NotFound { url: format!("{}:{path}", self.path.display()) })
    }
}

/// All files of an archive.
fn list(path: &Path) -> Result<HashMap<Box<str>, Place>, TransportError> {
    let failed = |source: io::Error| TransportError::File { path: path.to_owned(), source };
    let refused = |reason: String| TransportError::BadArchive { path: path.to_owned(), reason };
    let archive = File::open(path).map_err(failed)?;
    let end = archive.metadata().map_err(failed)?.len();
    let mut files = HashMap::new();
    let mut at = 0;
    loop {
        let mut block = [0; BLOCK];
        if end - at < BLOCK as u64 {
            return Err(refused(format!("it ends early, after {end} bytes")));
        }
        archive.read_exact_at(&mut block, at).map_err(failed)?;
        at += BLOCK as u64;
        match Header::parse(&block).map_err(|error| refused(format!("{error} (byte {})", at - BLOCK as u64)))? {
            Header::End => return Ok(files),
            Header::Directory => {}
            Header::File { path, length } => {
                let place = Place { offset: at, length };
                // Bounded before it is added: a length has at most 33 bits, or 36 with a foreign writer's twelve digits.
                at += Header::padded(length);
                if at > end {
                    return Err(refused(format!("it ends early, in {path}")));
                }
                if files.len() == MAX_FILES {
                    return Err(refused(format!("it has more than {MAX_FILES} files")));
                }
                if files.insert(path.clone().into_boxed_str(), place).is_some() {
                    return Err(refused(format!("it has {path} twice")));
                }
            }
        }
    }
}
