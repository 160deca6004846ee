//! Owner, mode, time and extended attributes of an open file or directory: read, and set in the order that keeps them.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{self, AtFlags, Mode, XattrFlags};
use rustix::io::Errno;

use super::directory::failed;
use super::{Directory, DiskError, FileType, Ownership};
use crate::types::{Metadata, Timestamp, Xattrs};

impl Directory {
    /// Gives the symlink `name` its owner and time.
    ///
    /// # Errors
    /// Those of `fchownat` and `utimensat`.
    pub fn set_symlink_metadata(&self, name: &str, metadata: &Metadata, ownership: Ownership) -> Result<(), DiskError> {
        let owner = owner_of(metadata, ownership);
        fs::chownat(self, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)
            .and_then(|()| fs::utimensat(self, name, &times(metadata.mtime), AtFlags::SYMLINK_NOFOLLOW))
            .map_err(|errno| self.error_at("set owner and time of", OsStr::new(name), errno))
    }

    /// Gives the directory itself its owner, mode, attributes and time.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn set_metadata(&self, metadata: &Metadata, ownership: Ownership) -> Result<(), DiskError> {
        set_metadata(self, FileType::Directory, metadata, ownership)
            .map_err(failed("set mode, owner and time of", self.path()))
    }

    /// Gives the directory itself this time of last change.
    ///
    /// # Errors
    /// Those of `futimens`.
    pub fn set_mtime(&self, mtime: Timestamp) -> Result<(), DiskError> {
        fs::futimens(self, &times(mtime)).map_err(failed("set the time of", self.path()))
    }

    /// Gives an open file its owner, mode, attributes and time; `name` is for messages.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn set_file_metadata(
        &self,
        file: &File,
        name: &str,
        metadata: &Metadata,
        ownership: Ownership,
    ) -> Result<(), DiskError> {
        set_metadata(file, FileType::File, metadata, ownership)
            .map_err(|errno| self.error_at("set mode, owner and time of", OsStr::new(name), errno))
    }

    /// The extended attributes of the directory itself that releases carry.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn xattrs(&self) -> Result<Xattrs, DiskError> {
        xattrs(self).map_err(failed("read the attributes of", self.path()))
    }

    /// The extended attributes of an open file that releases carry; `name` is for messages.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn file_xattrs(&self, file: &File, name: &str) -> Result<Xattrs, DiskError> {
        xattrs(file).map_err(|errno| self.error_at("read the attributes of", OsStr::new(name), errno))
    }
}

fn owner_of(metadata: &Metadata, ownership: Ownership) -> (Option<fs::Uid>, Option<fs::Gid>) {
    match ownership {
        Ownership::Kept => (Some(fs::Uid::from_raw(metadata.uid)), Some(fs::Gid::from_raw(metadata.gid))),
        Ownership::Ignored => (None, None),
    }
}

fn times(mtime: Timestamp) -> fs::Timestamps {
    let time = fs::Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    fs::Timestamps { last_access: time, last_modification: time }
}

/// Owner first (a change of owner clears setuid and capabilities), then attributes, mode and last the time.
fn set_metadata(
    fd: impl AsFd,
    file_type: FileType,
    metadata: &Metadata,
    ownership: Ownership,
) -> rustix::io::Result<()> {
    let owner = owner_of(metadata, ownership);
    fs::fchown(&fd, owner.0, owner.1)?;
    for name in xattrs(&fd)?.into_keys() {
        if !metadata.xattrs.contains_key(&name) && ownership.covers_xattr(&name) {
            fs::fremovexattr(&fd, &*name)?;
        }
    }
    for (name, value) in &metadata.xattrs {
        if ownership.covers_xattr(name) {
            fs::fsetxattr(&fd, &**name, value, XattrFlags::empty())?;
        }
    }
    fs::fchmod(&fd, Mode::from_raw_mode(ownership.mode(metadata.mode, file_type)))?;
    fs::futimens(&fd, &times(metadata.mtime))
}

fn xattrs(fd: impl AsFd) -> rustix::io::Result<Xattrs> {
    let mut found = Xattrs::new();
    let mut names = vec![0_u8; 1024];
    let length = loop {
        match fs::flistxattr(&fd, names.as_mut_slice()) {
            Ok(length) => break length,
            Err(Errno::RANGE) if names.len() < 1 << 16 => names.resize(names.len() * 8, 0),
            Err(Errno::NOTSUP) => return Ok(found),
            Err(errno) => return Err(errno),
        }
    };
    for name in names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let Ok(name) = str::from_utf8(name) else { continue };
        if crate::manifest::is_allowed_xattr(name) {
            let mut value = vec![0_u8; 1 << 16];
            let length = fs::fgetxattr(&fd, name, value.as_mut_slice())?;
            found.insert(name.into(), value[..length].into());
        }
    }
    Ok(found)
}
