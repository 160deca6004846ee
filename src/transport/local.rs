//! Files of this machine as bodies: those of a local publication, and parts of an archive.

use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use rustix::fs::OFlags;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, Take};

use super::archive::Place;
use super::error::NO_FILE;
use super::origin::beneath;
use super::retry::Fault;
use super::{Counters, TransportError};

const FILE_PIECE: usize = 128 * 1024;

/// A local file as a body.
pub(super) struct FileBody {
    /// Place of the first byte that comes.
    pub(super) from: u64,
    /// Length of the whole file.
    pub(super) whole: u64,
    /// Where it lies.
    pub(super) path: PathBuf,
    file: Take<File>,
}

impl FileBody {
    /// The next piece; none at the end.
    pub(super) async fn piece(&mut self, counters: &Counters) -> Result<Option<Bytes>, Fault> {
        let mut piece = BytesMut::with_capacity(FILE_PIECE);
        let count = self.file.read_buf(&mut piece).await.map_err(|source| unreadable(&self.path, source))?;
        counters.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok((count > 0).then(|| piece.freeze()))
    }
}

/// Opens a file of a local publication at byte `start`, to read up to `length` bytes.
pub(super) async fn open_file(
    top: &Path,
    path: &str,
    (start, length): (u64, u64),
    counters: &Counters,
) -> Result<FileBody, Fault> {
    let path = beneath(top, path);
    counters.requests.fetch_add(1, Ordering::Relaxed);
    // Without NONBLOCK, opening a fifo would wait for ever.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let opened = tokio::fs::OpenOptions::new().read(true).custom_flags(flags).open(&path).await;
    let mut file = opened.map_err(|source| unreadable(&path, source))?;
    let metadata = file.metadata().await.map_err(|source| unreadable(&path, source))?;
    if !metadata.is_file() {
        return Err(unreadable(&path, std::io::Error::new(NO_FILE, "it is not a regular file")));
    }
    if start > 0 {
        file.seek(SeekFrom::Start(start)).await.map_err(|source| unreadable(&path, source))?;
    }
    Ok(FileBody { from: start, whole: metadata.len(), path, file: file.take(length) })
}

/// Opens a file that lies in an archive at byte `start`, to read up to `length` bytes.
pub(super) async fn open_part(
    archive: &Path,
    path: &str,
    place: Place,
    (start, length): (u64, u64),
    counters: &Counters,
) -> Result<FileBody, Fault> {
    counters.requests.fetch_add(1, Ordering::Relaxed);
    let opened = File::open(archive).await;
    let mut file = opened.map_err(|source| unreadable(archive, source))?;
    let start = start.min(place.length);
    file.seek(SeekFrom::Start(place.offset + start)).await.map_err(|source| unreadable(archive, source))?;
    let file = file.take(length.min(place.length - start));
    let path = PathBuf::from(format!("{}:{path}", archive.display()));
    Ok(FileBody { from: start, whole: place.length, path, file })
}

fn unreadable(path: &Path, source: std::io::Error) -> Fault {
    Fault::lasting(match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => TransportError::NotFound { url: path.display().to_string() },
        _ => TransportError::File { path: path.to_owned(), source },
    })
}
