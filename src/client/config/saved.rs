//! `config save` and `config restore`: the overrides alone, so that they survive a reset or move to another machine.
//!
//! Saved are the administrator's files of all programs that have defaults or are known, as they are: content, mode, owner,
//! symlinks as symlinks. So is what else lies in a directory that is one program's alone: it reads files that nobody declares.
//! Files that a program replaces whole and that are what it would read without them are left out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::gather::Gatherer;
use super::told;
use super::writing::make;
use crate::client::{ClientError, Settings};
use crate::disk::{
    Directory, DiskError, FileType, Inode, Owner, is_file_or_free, read_file, replace_by_symlink,
    replace_even_symlink_as, write_private_file,
};
use crate::overlay::{App, MAX_SAVED_BYTES, OverlayError, Saved, SavedFile, SavedKind, Side, Snapshot};
use crate::report::{Event, Reporter};
use crate::state::Machine;
use crate::types::{Visible, split_path};

/// Longer files are no overrides.
const MAX_BYTES: u64 = 16 << 20;
/// Where defaults of single files lie.
const DEFAULTS: &str = "usr/share/defaults/etc";

/// The answer of `config save`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SavedOverrides {
    /// The archive.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// What is in it, from the root; directories are left out.
    pub paths: Vec<String>,
}

/// The answer of `config restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The release that the overrides lay over when they were saved.
    pub saved_version: u32,
    /// What was written, from the root.
    pub restored: Vec<String>,
    /// What was there already as it was saved.
    pub unchanged: Vec<String>,
}

/// Writes all overrides to `file`, for nobody else to read.
///
/// # Errors
/// When something else than a file lies at `file`, the root is not managed, or something cannot be read or written.
pub fn config_save(
    settings: &Settings,
    file: &Path,
    reporter: &Arc<dyn Reporter>,
) -> Result<SavedOverrides, ClientError> {
    if !is_file_or_free(file)? {
        return Err(ClientError::NotAFile { path: file.to_owned() });
    }
    let machine = Machine::managed(&settings.root)?;
    let gatherer = Gatherer::new(machine.root(), &**reporter);
    let mut found = Found::new();
    for (name, files) in gatherer.all()? {
        let own = files.and_then(|(app, snapshot)| {
            let mut own = Found::new();
            of_app(&gatherer, &app, &snapshot, &mut own)?;
            beside(&gatherer, &app, &**reporter, &mut own)?;
            Ok(own)
        });
        match own {
            Ok(own) => found.extend(own),
            Err(error) => {
                let why = told(error)?;
                reporter.report(Event::Warning(format!("the overrides of {name} are not saved: {why}")));
            }
        }
    }
    single_files(&gatherer, &mut found)?;
    let paths = found.iter().filter(|(_, saved)| saved.kind != SavedKind::Directory);
    let paths = paths.map(|(path, _)| format!("/{path}")).collect();
    let version = machine.live_record()?.installed.version().number();
    let archive = Saved { version, files: found.into_values().collect() }.to_tar();
    if archive.len() as u64 > MAX_SAVED_BYTES {
        return Err(OverlayError::Archive { reason: "the overrides are too much for it".to_owned() }.into());
    }
    write_private_file(file, &archive)?;
    Ok(SavedOverrides { file: file.display().to_string(), bytes: archive.len() as u64, paths })
}

type Found = BTreeMap<String, SavedFile>;

fn of_app(gatherer: &Gatherer<'_>, app: &App, snapshot: &Snapshot, found: &mut Found) -> Result<(), ClientError> {
    let own = app.places().into_iter().filter(|place| place.side == Side::Override && place.path.starts_with("etc/"));
    let own: Vec<_> = own.collect();
    let whole = app.declaration.format().is_none();
    for (path, content) in snapshot.iter().filter(|(path, _)| own.iter().any(|place| place.holds(path))) {
        let name = path.strip_prefix(&format!("{}/", app.override_directory())).unwrap_or(path);
        let read = app.shipped_directories().map(|directory| format!("{directory}/{name}"));
        let shipped = read.filter(|path| !app.is_template(path)).find_map(|path| snapshot.get(&path));
        if !(whole && shipped == Some(content)) {
            add(gatherer, path, found)?;
        }
    }
    Ok(())
}

/// What else is in the program's own directory, but for what is as the release ships it. Where whole files are declared, the
/// others are for other things, such as the keys of a host: they are told, and stay on their machine.
fn beside(gatherer: &Gatherer<'_>, app: &App, reporter: &dyn Reporter, found: &mut Found) -> Result<(), ClientError> {
    let directory = format!("{}/", app.override_directory());
    for (path, content) in gatherer.beside(app)? {
        let name = path.strip_prefix(&directory).unwrap_or(&path);
        let mut shipped = None;
        let read = app.shipped_directories().map(|directory| format!("{directory}/{name}"));
        for path in read.filter(|path| !app.is_template(path)) {
            shipped = gatherer.content(&path)?;
            if shipped.is_some() {
                break;
            }
        }
        if shipped.as_ref() == Some(&content) {
            continue;
        }
        if app.declaration.format().is_none() {
            let notice = format!("/{} is not saved: {} does not declare it", Visible(&path), app.name);
            reporter.report(Event::Warning(notice));
        } else {
            add(gatherer, &path, found)?;
        }
    }
    Ok(())
}

/// Files directly in `etc` of which there is a default, which may be a symlink.
fn single_files(gatherer: &Gatherer<'_>, found: &mut Found) -> Result<(), ClientError> {
    let (Some(defaults), Some(etc)) = (gatherer.directory(DEFAULTS)?, gatherer.directory("etc")?) else {
        return Ok(());
    };
    for name in defaults.names()? {
        let Some(name) = name.to_str() else { continue };
        let is_single = |place: &Directory| -> Result<bool, DiskError> {
            Ok(place.look(name)?.is_some_and(|inode| inode.file_type != FileType::Directory))
        };
        if is_single(&defaults)? && is_single(&etc)? {
            let (default, own) = (format!("{DEFAULTS}/{name}"), format!("etc/{name}"));
            let content = gatherer.content(&own)?;
            if content.is_some() && content != gatherer.content(&default)? {
                add(gatherer, &own, found)?;
            }
        }
    }
    Ok(())
}

/// Adds a path as it lies on disk, with the directories that lead to it.
fn add(gatherer: &Gatherer<'_>, path: &str, found: &mut Found) -> Result<(), ClientError> {
    let (parent, name) = split_path(path);
    for (end, _) in parent.match_indices('/').chain([(parent.len(), "")]) {
        let above = &parent[..end];
        if above != "etc"
            && !found.contains_key(above)
            && let Some(directory) = gatherer.directory(above)?
        {
            found.insert(above.to_owned(), saved(above, &directory.inode()?, SavedKind::Directory));
        }
    }
    let Some(directory) = gatherer.directory(parent)? else { return Ok(()) };
    let Some(inode) = directory.look(name)? else { return Ok(()) };
    let kind = match inode.file_type {
        // The gatherer has told where that is no text.
        FileType::Symlink => match directory.read_link(name)?.into_string() {
            Ok(target) => SavedKind::Symlink(target),
            Err(_) => return Ok(()),
        },
        FileType::File => match directory.read(name, MAX_BYTES)? {
            Some(content) => SavedKind::File(content),
            None => return Ok(()),
        },
        FileType::Directory | FileType::Special => return Ok(()),
    };
    found.insert(path.to_owned(), saved(path, &inode, kind));
    Ok(())
}

fn saved(path: &str, inode: &Inode, kind: SavedKind) -> SavedFile {
    SavedFile { path: path.to_owned(), mode: inode.mode, uid: inode.uid, gid: inode.gid, kind }
}

/// Puts saved overrides back. What is there already as it was saved is left alone, other files are not touched.
///
/// # Errors
/// When the archive is not valid, or the disk says no. Files are replaced one by one, each as a whole.
pub fn config_restore(settings: &Settings, file: &Path, reporter: &Arc<dyn Reporter>) -> Result<Restored, ClientError> {
    let archive = Saved::from_tar(&read_file(file, MAX_SAVED_BYTES)?)?;
    let machine = Machine::managed(&settings.root)?.lock()?;
    let version = machine.live_record()?.installed.version().number();
    if archive.version != version {
        let notice = format!(
            "the overrides were saved over release {}, this is {version}: `config diff` and `config \
             check` show whether they fit",
            archive.version
        );
        reporter.report(Event::Warning(notice));
    }
    let mut restored = Restored { saved_version: archive.version, restored: Vec::new(), unchanged: Vec::new() };
    for saved in &archive.files {
        let told = format!("/{}", saved.path);
        if restore(machine.root(), saved)? {
            restored.restored.push(told);
        } else if saved.kind != SavedKind::Directory {
            restored.unchanged.push(told);
        }
    }
    Ok(restored)
}

/// Says whether anything was written; new directories do not count.
fn restore(root: &Directory, saved: &SavedFile) -> Result<bool, ClientError> {
    let SavedFile { path, mode, uid, gid, kind } = saved;
    let owner = Owner { mode: *mode, uid: *uid, gid: *gid };
    let (parent, name) = split_path(path);
    let directory = make(root, parent)?;
    let there = directory.look(name)?;
    let same_owner = |inode: &Inode| (inode.mode, inode.uid, inode.gid) == (*mode, *uid, *gid);
    match kind {
        SavedKind::Directory => {
            if there.is_none() {
                directory.ensure_subdirectory(name, 0o700)?.set_owner(owner)?;
            }
            Ok(false)
        }
        SavedKind::File(content) => {
            let is_file = there.filter(|inode| inode.file_type == FileType::File);
            if let Some(inode) = is_file.filter(same_owner)
                && inode.size == content.len() as u64
                && directory.read(name, MAX_BYTES)?.as_deref() == Some(content)
            {
                return Ok(false);
            }
            replace_even_symlink_as(&directory, name, content, owner)?;
            Ok(true)
        }
        SavedKind::Symlink(target) => {
            match there.map(|inode| inode.file_type) {
                Some(FileType::Symlink) if directory.read_link(name)?.to_str() == Some(target) => return Ok(false),
                Some(FileType::Directory) => return Err(OverlayError::NotEditable { file: path.clone() }.into()),
                _ => {}
            }
            replace_by_symlink(&directory, name, target)?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_cannot_be_restored_leaves_what_was_there() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let root = Directory::open_path(temporary.path()).expect("it opens");
        let etc = temporary.path().join("etc");
        fs::create_dir(&etc).expect("made");
        // There is no room for what goes in front of this name until the file is complete.
        let long = "x".repeat(253);
        symlink("aim", etc.join(&long)).expect("linked");
        fs::write(etc.join("file"), "old").expect("written");
        let new = |name: &str, kind| SavedFile { path: format!("etc/{name}"), mode: 0o600, uid: 0, gid: 0, kind };
        restore(&root, &new(&long, SavedKind::File(b"new".to_vec()))).expect_err("the name is too long");
        restore(&root, &new("file", SavedKind::Symlink(String::new()))).expect_err("a symlink has a target");
        assert_eq!(fs::read_link(etc.join(&long)).expect("still a symlink"), Path::new("aim"));
        assert_eq!(fs::read_to_string(etc.join("file")).expect("still a file"), "old");
    }
}
