//! The input of a release: definitions, trees, and the content of their files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::scan::scan;
use super::{ContentKind, FileId, InputError, Owners, ScannedTree, Spool, archive};
use crate::manifest::BundleDefinition;
use crate::types::{BundleName, Digest, Hasher, TreePath};

/// Where the input lies: `definitions/BUNDLE.toml` and `trees/BUNDLE/usr` or `trees/BUNDLE.tar`.
#[derive(Debug)]
pub struct InputTrees {
    definitions: PathBuf,
    trees: PathBuf,
    owners: Owners,
    spool: Spool,
}

/// Where one bundle's tree is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputSource {
    /// The directory that holds `usr`.
    Directory(PathBuf),
    /// A tar archive of `usr`.
    Archive(PathBuf),
}

/// What an archive's name ends with.
const ARCHIVE: &str = "tar";

impl InputTrees {
    /// Input that lies in these directories. What comes out of archives waits in the spool.
    pub fn new(definitions: &Path, trees: &Path, owners: Owners, spool: Spool) -> Self {
        Self { definitions: definitions.to_owned(), trees: trees.to_owned(), owners, spool }
    }

    /// Whose the published entries of directories are.
    pub fn owners(&self) -> Owners {
        self.owners
    }

    /// All definitions, by name. Files that do not end in `.toml` are none.
    ///
    /// # Errors
    /// When a definition cannot be read, is not valid, or its file is not named after a bundle.
    pub fn definitions(&self) -> Result<Vec<(BundleName, BundleDefinition)>, InputError> {
        let mut found = Vec::new();
        for path in list(&self.definitions)? {
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let bundle: BundleName =
                name.parse().map_err(|source| InputError::BadName { path: path.clone(), source })?;
            let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
                io::ErrorKind::InvalidData => {
                    InputError::NotUtf8 { bundle: bundle.clone(), path: path.clone(), what: "text" }
                }
                _ => InputError::Read { bundle: bundle.clone(), path: path.clone(), source },
            })?;
            let definition =
                BundleDefinition::parse(&bundle, &text).map_err(|source| InputError::Definition { path, source })?;
            found.push((bundle, definition));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// The names of all directories and archives that may be a bundle's tree, in order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn tree_names(&self) -> Result<Vec<String>, InputError> {
        let name = |path: PathBuf| {
            let is_archive = path.extension().is_some_and(|extension| extension == ARCHIVE) && path.is_file();
            let name = if is_archive { path.file_stem() } else { path.file_name().filter(|_| path.is_dir()) };
            Some(name?.to_string_lossy().into_owned())
        };
        Ok(list(&self.trees)?.into_iter().filter_map(name).collect())
    }

    /// Where the tree of one bundle is; none when there is none.
    ///
    /// # Errors
    /// When there are a directory and an archive, when what lies there is neither, or when the system does not say.
    pub fn source(&self, bundle: &BundleName) -> Result<Option<InputSource>, InputError> {
        let (directory, archive) = (self.trees.join(bundle.as_str()), self.archive(bundle));
        let no_tree = |path: PathBuf, what| Err(InputError::NoTree { bundle: bundle.clone(), path, what });
        match (look(bundle, &directory)?, look(bundle, &archive)?) {
            (Some(_), Some(_)) => Err(InputError::TwoTrees { bundle: bundle.clone(), directory, archive }),
            (Some(found), None) if found.is_dir() => Ok(Some(InputSource::Directory(directory))),
            (None, Some(found)) if found.is_file() => Ok(Some(InputSource::Archive(archive))),
            (Some(_), None) => no_tree(directory, "no directory"),
            (None, Some(_)) => no_tree(archive, "no file"),
            (None, None) => match self.other_archive(bundle)? {
                Some(path) => no_tree(path, "no archive that is read"),
                None => Ok(None),
            },
        }
    }

    /// What lies there as `BUNDLE.tar` with more to its name, such as `.zst`.
    fn other_archive(&self, bundle: &BundleName) -> Result<Option<PathBuf>, InputError> {
        let start = format!("{bundle}.{ARCHIVE}.");
        let is_other = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start));
        Ok(list(&self.trees)?.into_iter().find(is_other))
    }

    /// The tree of one bundle.
    ///
    /// # Errors
    /// When something in it cannot be read, or is nothing that a release carries.
    pub fn scan(&self, bundle: &BundleName, source: &InputSource) -> Result<ScannedTree, InputError> {
        match source {
            InputSource::Directory(top) => scan(bundle, top, self.owners),
            InputSource::Archive(archive) => archive::scan(bundle, archive, &self.spool),
        }
    }

    /// Opens a file of a bundle's tree.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(&self, bundle: &BundleName, path: &TreePath, id: FileId) -> Result<File, InputError> {
        let place = match id {
            FileId::OnDisk { .. } => self.place(bundle, path, id),
            FileId::Spooled { number } => self.spool.place(number),
        };
        let refused = |source| InputError::Read { bundle: bundle.clone(), path: place.clone(), source };
        File::open(&place).map_err(refused)
    }

    /// Digest, length and kind of the content of a file.
    ///
    /// # Errors
    /// When it cannot be read, or has another length than `size` bytes by now.
    pub fn digest(
        &self,
        bundle: &BundleName,
        path: &TreePath,
        (id, size): (FileId, u64),
    ) -> Result<(Digest, ContentKind), InputError> {
        let mut file = self.open(bundle, path, id)?;
        let (digest, length, kind) = digest_and_kind(&mut file).map_err(|source| InputError::Read {
            bundle: bundle.clone(),
            path: self.place(bundle, path, id),
            source,
        })?;
        if length != size {
            return Err(self.changed(bundle, path, id));
        }
        Ok((digest, kind))
    }

    /// The error for a file that is not what it was.
    pub fn changed(&self, bundle: &BundleName, path: &TreePath, id: FileId) -> InputError {
        InputError::Changed { bundle: bundle.clone(), path: self.place(bundle, path, id) }
    }

    /// Where a file of a bundle's tree lies; for one in an archive, the archive and the path in it.
    fn place(&self, bundle: &BundleName, path: &TreePath, id: FileId) -> PathBuf {
        let tree = match id {
            FileId::OnDisk { .. } => self.trees.join(bundle.as_str()),
            FileId::Spooled { .. } => self.archive(bundle),
        };
        tree.join(path.as_str())
    }

    fn archive(&self, bundle: &BundleName) -> PathBuf {
        self.trees.join(format!("{bundle}.{ARCHIVE}"))
    }
}

fn digest_and_kind(file: &mut File) -> io::Result<(Digest, u64, ContentKind)> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 128 * 1024];
    let mut kind = None;
    let mut length = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if kind.is_none() {
            kind = Some(ContentKind::of(&buffer[..count.min(ContentKind::LOOK_BYTES)]));
        }
        if count == 0 {
            return Ok((hasher.finish(), length, kind.unwrap_or(ContentKind::Text)));
        }
        hasher.update(&buffer[..count]);
        length += count as u64;
    }
}

/// What lies at a bundle's place; none when nothing does. A link counts for what it leads to.
fn look(bundle: &BundleName, path: &Path) -> Result<Option<fs::Metadata>, InputError> {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let (bundle, place) = (|| bundle.clone(), || path.to_owned());
    match (fs::symlink_metadata(path), fs::metadata(path)) {
        (_, Ok(found)) => Ok(Some(found)),
        (Err(error), _) if is_missing(&error) => Ok(None),
        (Ok(_), Err(error)) if is_missing(&error) => {
            Err(InputError::NoTree { bundle: bundle(), path: place(), what: "a link that leads nowhere" })
        }
        (_, Err(source)) => Err(InputError::Read { bundle: bundle(), path: place(), source }),
    }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, InputError> {
    let failed = |source| InputError::Directory { path: directory.to_owned(), source };
    let found = fs::read_dir(directory).map_err(failed)?;
    let mut paths =
        found.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn definitions_are_found_by_name() {
        let place = tempfile::tempdir().expect("a directory");
        let input = InputTrees::new(place.path(), place.path(), Owners::AllRoot, Spool::anywhere());
        fs::write(place.path().join("web.toml"), "title = \"Web\"\n").expect("write");
        fs::write(place.path().join("README"), "no definition").expect("write");
        fs::create_dir(place.path().join("web")).expect("write");
        let found = input.definitions().expect("valid");
        assert_eq!((found.len(), found[0].0.as_str()), (1, "web"));
        assert_eq!(input.tree_names().expect("a directory"), ["web"]);
        let web = "web".parse().expect("a name");
        assert!(matches!(input.source(&web), Ok(Some(InputSource::Directory(_)))));
        fs::write(place.path().join("web.tar"), "").expect("write");
        assert!(matches!(input.source(&web), Err(InputError::TwoTrees { .. })));
        fs::remove_dir(place.path().join("web")).expect("remove");
        assert!(matches!(input.source(&web), Ok(Some(InputSource::Archive(_)))));
        assert_eq!(input.tree_names().expect("a directory"), ["web"]);
    }

    #[test]
    fn what_lies_at_a_tree_s_place_is_one_or_is_refused() {
        let web: BundleName = "web".parse().expect("a name");
        type Place = fn(&Path);
        let cases: [(Place, &str); 6] = [
            (|trees| symlink("nowhere", trees.join("web")).expect("symlink"), "web is a link that leads nowhere"),
            (
                |trees| symlink("nowhere", trees.join("web.tar")).expect("symlink"),
                "web.tar is a link that leads nowhere",
            ),
            (|trees| fs::write(trees.join("web"), "").expect("write"), "web is no directory"),
            (|trees| fs::create_dir(trees.join("web.tar")).expect("write"), "web.tar is no file"),
            (
                |trees| fs::write(trees.join("web.tar.zst"), "").expect("write"),
                "web.tar.zst is no archive that is read",
            ),
            (|trees| symlink("web", trees.join("web")).expect("symlink"), "cannot read"),
        ];
        for (put, wanted) in cases {
            let place = tempfile::tempdir().expect("a directory");
            let input = InputTrees::new(place.path(), place.path(), Owners::AllRoot, Spool::anywhere());
            assert_eq!(input.source(&web).expect("nothing lies there"), None);
            put(place.path());
            let said = input.source(&web).expect_err(wanted).to_string();
            assert!(said.contains("bundle web") && said.contains(wanted), "{said}\n  not: {wanted}");
        }
        let place = tempfile::tempdir().expect("a directory");
        let input = InputTrees::new(place.path(), place.path(), Owners::AllRoot, Spool::anywhere());
        fs::create_dir(place.path().join("elsewhere")).expect("write");
        symlink("elsewhere", place.path().join("web")).expect("symlink");
        fs::write(place.path().join("web.tar.sha256"), "").expect("write");
        assert!(
            matches!(input.source(&web), Ok(Some(InputSource::Directory(_)))),
            "what lies beside a tree is no matter"
        );
    }

    #[test]
    fn a_definition_is_named_after_its_bundle() {
        let place = tempfile::tempdir().expect("a directory");
        let input = InputTrees::new(place.path(), place.path(), Owners::AllRoot, Spool::anywhere());
        fs::write(place.path().join("Bad.toml"), "title = \"x\"\n").expect("write");
        assert!(matches!(input.definitions(), Err(InputError::BadName { .. })));
    }
}
