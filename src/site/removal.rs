//! Files that leave a publication.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{Site, SiteError};

impl Site {
    /// Removes these files, and the directories beneath those at the top that nothing is in any more; returns when that is on
    /// disk.
    ///
    /// # Errors
    /// When the disk refuses; some files may be gone then.
    pub fn remove(&self, paths: &[&str]) -> Result<(), SiteError> {
        let mut emptied: BTreeSet<&Path> = BTreeSet::new();
        for path in paths {
            let place = self.root().join(path);
            fs::remove_file(&place).map_err(SiteError::io("remove", place))?;
            let above = Path::new(path).ancestors().skip(1);
            emptied.extend(above.filter(|directory| directory.components().count() > 1));
        }
        // What is in a directory comes after it.
        for directory in emptied.into_iter().rev() {
            let place = self.root().join(directory);
            match fs::remove_dir(&place) {
                Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => {
                    return Err(SiteError::io("remove", place)(error));
                }
                _ => {}
            }
        }
        self.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_go_with_their_last_file() {
        let place = tempfile::tempdir().expect("a directory");
        let site = Site::create(place.path()).expect("empty");
        for path in ["objects/ab/x", "objects/ab/y", "objects/cd/z", "packs/1-2/deep/all"] {
            site.replace(path, b"1").expect("write");
        }
        site.remove(&["objects/ab/x", "objects/cd/z", "packs/1-2/deep/all"]).expect("removed");
        assert!(site.list().files.iter().eq(["objects/ab/y"]));
        let is_there = |path: &str| place.path().join(path).exists();
        assert_eq!(["objects/ab", "objects/cd", "packs/1-2", "packs"].map(is_there), [true, false, false, true]);
        let error = site.remove(&["objects/ab/x"]).expect_err("it is gone");
        assert!(error.to_string().starts_with("cannot remove"), "{error}");
    }
}
