//! A disk that remembers: one file, `disk`, in a file system of its own, whose writes and flushes are logged in order.
//!
//! A loop device on it carries the file system under test. Reads and writes come past every cache (`FOPEN_DIRECT_IO`), so
//! what is logged is what the device is told. There is no `fallocate`: what would be discarded stays.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};

/// What happened to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// These bytes were written there.
    Write(u64, Vec<u8>),
    /// All writes before were made durable.
    Flush,
    /// The client reported that the transition of this number was done.
    Acknowledged(usize),
}

/// A disk that remembers.
pub struct Disk {
    inner: Arc<Mutex<Inner>>,
    /// Mounted for as long as it is held.
    _session: BackgroundSession,
}

#[derive(Default)]
struct Inner {
    bytes: Vec<u8>,
    log: Vec<Record>,
}

const NAME: &str = "disk";
const FILE: INodeNo = INodeNo(2);
const LIFETIME: Duration = Duration::from_secs(3600);

impl Disk {
    /// Offers these bytes as the file `disk` in the directory `at`.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount(bytes: Vec<u8>, at: &Path) -> Result<Self> {
        let inner = Arc::new(Mutex::new(Inner { bytes, log: Vec::new() }));
        let session = fuser::spawn_mount(Offered(inner.clone()), at, &Config::default());
        Ok(Self { inner, _session: session.context("cannot mount the disk that remembers")? })
    }

    /// Notes that a transition was reported as done.
    pub fn acknowledge(&self, number: usize) {
        lock(&self.inner).log.push(Record::Acknowledged(number));
    }

    /// What happened so far.
    pub fn log(&self) -> Vec<Record> {
        lock(&self.inner).log.clone()
    }
}

struct Offered(Arc<Mutex<Inner>>);

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().expect("no thread panics while it holds the disk")
}

impl Offered {
    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let size = if inode == FILE { lock(&self.0).bytes.len() as u64 } else { 0 };
        let (kind, perm) = if inode == FILE { (FileType::RegularFile, 0o600) } else { (FileType::Directory, 0o700) };
        FileAttr {
            ino: inode,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Offered {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == NAME {
            true => reply.entry(&LIFETIME, &self.attributes(FILE), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&LIFETIME, &self.attributes(inode));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let inner = lock(&self.0);
        let start = inner.bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let end = inner.bytes.len().min(start + size as usize);
        reply.data(&inner.bytes[start..end]);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut inner = lock(&self.0);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(place) = inner.bytes.get_mut(start..start.saturating_add(data.len())) else {
            return reply.error(Errno::ENOSPC);
        };
        place.copy_from_slice(data);
        inner.log.push(Record::Write(offset, data.to_vec()));
        drop(inner);
        reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        lock(&self.0).log.push(Record::Flush);
        reply.ok();
    }
}
