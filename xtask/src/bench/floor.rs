//! The floor of a scan: what it costs to walk a tree and to read and hash every file, and nothing else.
//!
//! It shares no code with the library. It runs as a program of its own, `cargo xtask floor DIR`, hidden, so that it is
//! measured as the client is; files are read through one buffer for each thread and hashed by the same crate on all cores.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Walks a directory, follows no link, and hashes every regular file on all cores.
///
/// # Errors
/// When something cannot be read.
pub fn scan(directory: &Path) -> Result<Scanned> {
    let mut files = Vec::new();
    walk(directory, &mut files)?;
    let hashed: Result<Vec<u64>> =
        files.par_iter().map_init(|| vec![0; BUFFER_BYTES], |buffer, file| hash(file, buffer)).collect();
    Ok(Scanned { files: files.len() as u64, bytes: hashed?.into_iter().sum() })
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            walk(&entry.path(), files)?;
        } else if metadata.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The length of a file that was hashed.
fn hash(path: &Path, buffer: &mut [u8]) -> Result<u64> {
    let told = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(told)?;
    let (mut hasher, mut length) = (Sha256::new(), 0);
    loop {
        let count = file.read(buffer).with_context(told)?;
        if count == 0 {
            std::hint::black_box(hasher.finalize());
            return Ok(length);
        }
        hasher.update(&buffer[..count]);
        length += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_once() {
        let directory = tempfile::tempdir().expect("temporary directory");
        fs::create_dir(directory.path().join("a")).expect("directory");
        fs::write(directory.path().join("a/large"), vec![7; BUFFER_BYTES + 1]).expect("file");
        fs::write(directory.path().join("empty"), "").expect("file");
        std::os::unix::fs::symlink("a/large", directory.path().join("link")).expect("link");
        let scanned = scan(directory.path()).expect("scanned");
        assert_eq!(scanned, Scanned { files: 2, bytes: BUFFER_BYTES as u64 + 1 });
        assert!(scan(&directory.path().join("nothing")).is_err());
    }
}
