//! Reading one bundle's tree from a directory: what lies where, with mode, owner, time and attributes, but not yet the content.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::io::Errno;

use super::InputError;
use super::scanned::{FileId, InputEntry, InputKind, Owners, ScannedTree};
use crate::types::{BundleName, Metadata, Timestamp, TreePath};

struct Walk<'a> {
    bundle: &'a BundleName,
    owners: Owners,
}

/// Reads the tree of `bundle`, which lies in the directory `top` as `usr` and nothing else.
pub(super) fn scan(bundle: &BundleName, top: &Path, owners: Owners) -> Result<ScannedTree, InputError> {
    let walk = Walk { bundle, owners };
    let usr = top.join(TreePath::TOP);
    let names = fs::read_dir(top).map_err(walk.failed(top))?;
    for name in names {
        let path = name.map_err(walk.failed(top))?.path();
        if path != usr {
            return Err(InputError::BesideUsr { bundle: bundle.clone(), path });
        }
    }
    if !fs::symlink_metadata(&usr).is_ok_and(|usr| usr.is_dir()) {
        return Err(InputError::NoUsr { bundle: bundle.clone(), path: usr });
    }
    let mut tree = walk.entry(&usr, TreePath::top())?;
    tree.entries.par_sort_by(|a, b| a.path.cmp(&b.path));
    tree.ignored_xattrs.sort();
    Ok(tree)
}

impl Walk<'_> {
    /// The entry at `place` and all that lies beneath it, in no order.
    fn entry(&self, place: &Path, path: TreePath) -> Result<ScannedTree, InputError> {
        let found = fs::symlink_metadata(place).map_err(self.failed(place))?;
        let kind = self.kind(place, &found)?;
        InputEntry::check_record(&path, &kind, self.bundle, place)?;
        let mut tree = ScannedTree::default();
        let xattrs = self.xattrs(place, &path, &mut tree)?;
        let (uid, gid) = match self.owners {
            Owners::AsOnDisk => (found.uid(), found.gid()),
            Owners::AllRoot => (0, 0),
        };
        let mode = if found.is_symlink() { 0o777 } else { found.mode() & 0o7777 };
        let mtime = Timestamp { seconds: found.mtime(), nanoseconds: found.mtime_nsec() as u32 };
        let metadata = Metadata { mode, uid, gid, mtime, xattrs };
        let beneath = if kind == InputKind::Directory { self.children(place, &path)? } else { Vec::new() };
        tree.entries.push(InputEntry { path, kind, metadata });
        for child in beneath {
            tree.entries.extend(child.entries);
            tree.ignored_xattrs.extend(child.ignored_xattrs);
        }
        Ok(tree)
    }

    fn children(&self, place: &Path, path: &TreePath) -> Result<Vec<ScannedTree>, InputError> {
        let mut found: Vec<PathBuf> = Vec::new();
        for child in fs::read_dir(place).map_err(self.failed(place))? {
            found.push(child.map_err(self.failed(place))?.path());
        }
        // In order, so that of several errors always the same one is reported.
        found.sort();
        let read = |child: &PathBuf| {
            let name = child.file_name().and_then(OsStr::to_str).ok_or_else(|| self.not_utf8(child, "name"))?;
            let path = path.join(name).map_err(|source| InputError::BadPath {
                bundle: self.bundle.clone(),
                path: child.clone(),
                source,
            })?;
            self.entry(child, path)
        };
        let trees: Vec<Result<ScannedTree, InputError>> = found.par_iter().map(read).collect();
        trees.into_iter().collect()
    }

    fn kind(&self, place: &Path, found: &fs::Metadata) -> Result<InputKind, InputError> {
        let kind = found.file_type();
        let what = if kind.is_file() {
            let id = FileId::OnDisk { device: found.dev(), inode: found.ino() };
            return Ok(InputKind::File { size: found.len(), id });
        } else if kind.is_dir() {
            return Ok(InputKind::Directory);
        } else if kind.is_symlink() {
            let target = fs::read_link(place).map_err(self.failed(place))?;
            let target = target.to_str().ok_or_else(|| self.not_utf8(place, "link target"))?;
            return Ok(InputKind::Symlink { target: target.into() });
        } else if kind.is_fifo() {
            "fifo"
        } else if kind.is_socket() {
            "socket"
        } else {
            "device node"
        };
        Err(InputError::Special { bundle: self.bundle.clone(), path: place.to_owned(), what })
    }

    fn xattrs(
        &self,
        place: &Path,
        path: &TreePath,
        tree: &mut ScannedTree,
    ) -> Result<BTreeMap<Box<str>, Box<[u8]>>, InputError> {
        let mut xattrs = BTreeMap::new();
        let mut names = Vec::with_capacity(4096);
        match rustix::fs::llistxattr(place, rustix::buffer::spare_capacity(&mut names)) {
            Ok(_) => {}
            Err(Errno::OPNOTSUPP) => return Ok(xattrs),
            Err(Errno::RANGE) => {
                names.reserve(64 << 10);
                rustix::fs::llistxattr(place, rustix::buffer::spare_capacity(&mut names))
                    .map_err(|error| self.failed(place)(error.into()))?;
            }
            Err(error) => return Err(self.failed(place)(error.into())),
        }
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let text = String::from_utf8_lossy(name);
            if !tree.takes_xattr(path, &text) {
                continue;
            }
            let mut value = Vec::with_capacity(64 << 10);
            rustix::fs::lgetxattr(place, &*text, rustix::buffer::spare_capacity(&mut value))
                .map_err(|error| self.failed(place)(error.into()))?;
            xattrs.insert(text.into(), value.into());
        }
        Ok(xattrs)
    }

    fn failed(&self, place: &Path) -> impl FnOnce(std::io::Error) -> InputError {
        let (bundle, path) = (self.bundle.clone(), place.to_owned());
        move |source| InputError::Read { bundle, path, source }
    }

    fn not_utf8(&self, place: &Path, what: &'static str) -> InputError {
        InputError::NotUtf8 { bundle: self.bundle.clone(), path: place.to_owned(), what }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn bundle() -> BundleName {
        "web".parse().expect("a name")
    }

    fn fresh() -> tempfile::TempDir {
        let top = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(top.path().join("usr/bin")).expect("write");
        top
    }

    fn refusal(top: &Path) -> String {
        let error = scan(&bundle(), top, Owners::AllRoot).expect_err("a refusal");
        assert!(error.to_string().contains("bundle web"), "{error}");
        error.to_string()
    }

    #[test]
    fn a_tree_is_read_as_it_lies_there() {
        let top = fresh();
        let usr = top.path().join("usr");
        fs::write(usr.join("bin/a"), "one").expect("write");
        fs::set_permissions(usr.join("bin/a"), fs::Permissions::from_mode(0o4755)).expect("chmod");
        fs::hard_link(usr.join("bin/a"), usr.join("bin/b")).expect("link");
        symlink("../nowhere", usr.join("bin-x")).expect("symlink");
        let tree = scan(&bundle(), top.path(), Owners::AllRoot).expect("a good tree");
        let paths: Vec<_> = tree.entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["usr", "usr/bin", "usr/bin/a", "usr/bin/b", "usr/bin-x"]);
        assert_eq!(tree.entries[2].kind, tree.entries[3].kind, "hard links are equal entries");
        assert_eq!((tree.entries[2].metadata.mode, tree.entries[2].metadata.uid), (0o4755, 0));
        assert_eq!(tree.entries[4].kind, InputKind::Symlink { target: "../nowhere".into() });
        assert_eq!(tree.entries[4].metadata.mode, 0o777);
    }

    #[test]
    fn what_no_release_carries_is_refused_by_name() {
        let top = fresh();
        fs::create_dir(top.path().join("etc")).expect("write");
        assert!(refusal(top.path()).contains("etc lies beside usr"));

        let top = tempfile::tempdir().expect("a directory");
        assert!(refusal(top.path()).contains("usr is not a directory"));

        let top = fresh();
        let socket = top.path().join("usr/bin/socket");
        let _open = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        assert!(refusal(top.path()).contains("usr/bin/socket is a socket"));

        let top = fresh();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            top.path().join("usr/bin/fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o644),
            0,
        )
        .expect("a fifo");
        assert!(refusal(top.path()).contains("usr/bin/fifo is a fifo"));

        let top = fresh();
        fs::write(top.path().join("usr/bin").join(OsStr::from_bytes(b"x\xff")), "").expect("write");
        assert!(refusal(top.path()).contains("is not UTF-8"));

        let top = fresh();
        symlink(OsStr::from_bytes(b"x\xff"), top.path().join("usr/bin/link")).expect("symlink");
        assert!(refusal(top.path()).contains("link target of"));

        let top = fresh();
        fs::create_dir_all(top.path().join("usr").join("d/".repeat(128))).expect("write");
        assert!(refusal(top.path()).contains("cannot be published"));

        let top = fresh();
        fs::create_dir_all(top.path().join("usr/share/stateless-update")).expect("write");
        assert!(refusal(top.path()).contains("own record"));

        let top = fresh();
        symlink("lib", top.path().join("usr/share")).expect("symlink");
        assert!(refusal(top.path()).contains("must be a directory"));
    }

    #[test]
    fn attributes_are_kept_or_reported() {
        let top = fresh();
        let file = top.path().join("usr/bin/a");
        fs::write(&file, "").expect("write");
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(&file, "user.test", b"value", flags).is_err() {
            return; // This filesystem has none.
        }
        let strange = rustix::fs::setxattr(&file, "trusted.strange", b"value", flags).is_ok();
        let tree = scan(&bundle(), top.path(), Owners::AllRoot).expect("a good tree");
        let entry = tree.entries.last().expect("the file");
        assert_eq!(entry.metadata.xattrs.get("user.test").map(|value| &**value), Some(&b"value"[..]));
        assert_eq!(tree.ignored_xattrs.len(), usize::from(strange));
    }
}
