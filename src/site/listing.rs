//! All files of a publication, for whoever compares them with what is referred to. What cannot be looked at does not end the
//! work, and is told.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;

use super::{Site, SiteError};

/// What everybody may do with a file that is served, and with a directory.
const READ: u32 = 0o004;
const READ_AND_ENTER: u32 = 0o005;

/// What lies in a publication; all paths are relative to it.
#[derive(Debug, Default)]
pub struct Listing {
    /// All files.
    pub files: BTreeSet<String>,
    /// What cannot be looked at, and why.
    pub unreadable: Vec<(String, SiteError)>,
    /// Files and directories that not everybody may read: a web server that runs as somebody else cannot serve them.
    pub private: BTreeSet<String>,
}

impl Site {
    /// All files of the publication.
    pub fn list(&self) -> Listing {
        let mut listing = Listing::default();
        let mut open = Vec::new();
        match fs::metadata(self.root()).map_err(SiteError::io("look at", self.root())) {
            Ok(found) => listing.take(String::new(), &found, &mut open),
            Err(error) => listing.unreadable.push((shown(String::new()), error)),
        }
        while let Some(directory) = open.pop() {
            let place = self.root().join(&directory);
            let failed = SiteError::io("read", &place);
            let found = match fs::read_dir(&place) {
                Ok(found) => found,
                Err(error) => {
                    listing.unreadable.push((shown(directory), failed(error)));
                    continue;
                }
            };
            for found in found {
                if let Err(error) = listing.look(&directory, found, &mut open) {
                    listing.unreadable.push((shown(directory.clone()), SiteError::io("read", &place)(error)));
                }
            }
        }
        listing.unreadable.sort_by(|a, b| a.0.cmp(&b.0));
        listing
    }
}

impl Listing {
    fn look(&mut self, directory: &str, found: io::Result<DirEntry>, open: &mut Vec<String>) -> io::Result<()> {
        let found = found?;
        let name = found.file_name().to_string_lossy().into_owned();
        if directory.is_empty() && name.starts_with(Site::HIDDEN) {
            return Ok(());
        }
        let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
        self.take(path, &found.metadata()?, open);
        Ok(())
    }

    fn take(&mut self, path: String, found: &Metadata, open: &mut Vec<String>) {
        let wanted = if found.is_dir() { READ_AND_ENTER } else { READ };
        if found.permissions().mode() & wanted != wanted {
            self.private.insert(shown(path.clone()));
        }
        if found.is_dir() {
            open.push(path);
        } else {
            self.files.insert(path);
        }
    }
}

/// The publication itself has no path in it.
fn shown(path: String) -> String {
    if path.is_empty() { ".".to_owned() } else { path }
}

/// Makes directories beneath this one of which the last cannot be read, by root neither: their path is too long.
#[cfg(test)]
pub(crate) fn make_unreadable(beneath: &std::path::Path) {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let (name, flags) = ("d".repeat(250), OFlags::DIRECTORY | OFlags::CLOEXEC);
    let mut directory = openat(CWD, beneath, flags, Mode::empty()).expect("there");
    for _ in 0..17 {
        mkdirat(&directory, &name, Mode::from_raw_mode(0o755)).expect("made");
        directory = openat(&directory, &name, flags, Mode::empty()).expect("there");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_cannot_read_is_told() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().join("site");
        let site = Site::create(&root).expect("a new directory");
        for path in ["objects/ab/x", "objects/cd/y", "packs/1-2/all"] {
            site.replace(path, b"1").expect("write");
        }
        let all = ["objects/ab/x", "objects/cd/y", "packs/1-2/all"];
        let listing = site.list();
        assert!(listing.files.iter().eq(all) && listing.private.is_empty(), "{listing:?}");
        for (path, mode) in [("objects/ab/x", 0o640), ("objects/cd", 0o750), ("packs", 0o754), ("", 0o700)] {
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).expect("chmod");
        }
        let listing = site.list();
        assert!(listing.files.iter().eq(all) && listing.unreadable.is_empty(), "{listing:?}");
        assert!(listing.private.iter().eq([".", "objects/ab/x", "objects/cd", "packs"]), "{listing:?}");
    }

    #[test]
    fn what_cannot_be_read_does_not_hide_the_rest() {
        let place = tempfile::tempdir().expect("a directory");
        let site = Site::create(place.path()).expect("empty");
        site.replace("packs/1-2/all", b"1").expect("write");
        make_unreadable(place.path());
        let listing = site.list();
        assert!(listing.files.iter().eq(["packs/1-2/all"]), "{listing:?}");
        let [(path, error)] = &listing.unreadable[..] else { panic!("{listing:?}") };
        assert!(path.starts_with("ddd") && error.to_string().starts_with("cannot read"), "{error}");
    }
}
