//! Reads programs' configuration from disk, beneath the root and over no symlink that leads elsewhere.
//!
//! A symlink to `/dev/null`, by whatever way, masks; one to another file beneath the root stands for it, found name by
//! name, also over directories that are symlinks. What cannot be followed so, is too long, lies too deep, is no file or has
//! a name that is not UTF-8 is left out with a warning.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::links::{MASK, followed};
use super::{Loaded, told};
use crate::client::ClientError;
use crate::disk::{Directory, DiskError, FileType};
use crate::overlay::{App, Content, Declaration, MAX_FILE_BYTES, Member, Place, Reach, Snapshot, known_apps, members};
use crate::report::{Event, Reporter};
use crate::types::{Visible, split_path};

/// Directories within directories of a program.
const MAX_DEPTH: usize = 16;
/// Files of one program.
const MAX_FILES: usize = 1 << 14;
/// Where programs' defaults lie.
const DEFAULTS: &str = "usr/share/defaults";

/// A program and what lies at its places.
pub(in crate::client) type Files = (App, Snapshot);
/// A name with what is found of it.
type Found = (String, Result<Files, ClientError>);

/// Reads from one root.
pub(in crate::client) struct Gatherer<'a> {
    root: &'a Directory,
    reporter: &'a dyn Reporter,
}

impl<'a> Gatherer<'a> {
    pub fn new(root: &'a Directory, reporter: &'a dyn Reporter) -> Self {
        Self { root, reporter }
    }

    /// All programs that have files here, by their names, each as [`Self::files`] finds it.
    pub fn all(&self) -> Result<impl Iterator<Item = Found>, ClientError> {
        let mut names: BTreeSet<String> = known_apps().map(str::to_owned).collect();
        for parent in [DEFAULTS.to_owned(), format!("{DEFAULTS}/etc")] {
            let Some(directory) = self.directory(&parent)? else { continue };
            for name in directory.names()? {
                let is_directory = directory.look(&name)?.is_some_and(|inode| inode.file_type == FileType::Directory);
                let is_program = is_directory && !(parent == DEFAULTS && name == "etc");
                names.extend(name.into_string().ok().filter(|name| is_program && is_name(name)));
            }
        }
        // A name may stand for a program that also has a directory of its own.
        let mut programs = BTreeSet::new();
        for name in names {
            programs.extend(self.members(&name)?.into_iter().map(|member| member.name));
        }
        Ok(self.there(programs))
    }

    /// The program of that name, or the programs that it stands for, each as [`Self::files`] finds it.
    ///
    /// # Errors
    /// [`ClientError::NoSuchProgram`] when none of them is there.
    pub fn called(&self, name: &str) -> Result<Vec<Found>, ClientError> {
        let programs = self.members(name)?.into_iter().map(|member| member.name);
        let found: Vec<_> = self.there(programs).collect();
        if found.is_empty() { Err(ClientError::NoSuchProgram { name: name.to_owned() }) } else { Ok(found) }
    }

    fn there(&self, programs: impl IntoIterator<Item = String>) -> impl Iterator<Item = Found> {
        programs.into_iter().filter_map(|name| match self.files(&name) {
            // It has no files, or a directory for its defaults with nothing in it.
            Err(ClientError::NoSuchProgram { .. }) => None,
            found => Some((name, found)),
        })
    }

    /// The programs that a name stands for. A bundle that declares the name means one.
    fn members(&self, name: &str) -> Result<Vec<Member>, ClientError> {
        let members = members(name);
        if members.is_empty() || self.content(&App::declaration_path(name))?.is_some() {
            return Ok(vec![Member { name: name.to_owned(), sections: &[] }]);
        }
        Ok(members)
    }

    /// The one program that is meant where an option of it is named, or nothing more than its name.
    ///
    /// # Errors
    /// [`ClientError::SeveralPrograms`] when that leaves a choice.
    pub fn only(&self, name: &str, option: Option<&str>) -> Result<String, ClientError> {
        let mut members = self.members(name)?;
        let is_of = |section: &str| {
            option.and_then(|option| option.strip_prefix(section)).is_some_and(|key| key.starts_with('.'))
        };
        let reads = |member: &Member| member.sections.iter().any(|section| is_of(section));
        if members.iter().any(reads) {
            members.retain(reads);
        }
        match &members[..] {
            [only] => Ok(only.name.clone()),
            several => {
                let programs = several.iter().map(|member| member.name.clone()).collect();
                Err(ClientError::SeveralPrograms { name: name.to_owned(), programs })
            }
        }
    }

    /// One program, with an option of it where one is named.
    ///
    /// # Errors
    /// As [`Self::only`], and [`ClientError::NoSuchProgram`] when there is nothing of that name.
    pub fn load(&self, name: &str, option: Option<&str>) -> Result<Loaded, ClientError> {
        let (app, snapshot) = self.files(&self.only(name, option)?)?;
        Ok(Loaded::new(app, snapshot)?)
    }

    /// The programs with overrides. Of all, those that cannot be read are told and left out.
    pub fn overridden(&self, app: Option<&str>) -> Result<Vec<Loaded>, ClientError> {
        if let Some(app) = app {
            let loaded = |(_, files): Found| {
                let (app, snapshot) = files?;
                Ok(Loaded::new(app, snapshot)?)
            };
            return self.called(app)?.into_iter().map(loaded).collect();
        }
        let mut all = Vec::new();
        for (name, files) in self.all()? {
            let loaded = files.and_then(|(app, snapshot)| match app.overrides(&snapshot)[..] {
                [] => Ok(None),
                _ => Ok(Some(Loaded::new(app, snapshot)?)),
            });
            match loaded {
                Ok(loaded) => all.extend(loaded),
                Err(error) => {
                    let why = told(error)?;
                    self.reporter.report(Event::Warning(format!("the configuration of {name} is left out: {why}")));
                }
            }
        }
        Ok(all)
    }

    /// One program's files, which need not be readable as what they should be.
    ///
    /// # Errors
    /// [`ClientError::NoSuchProgram`] when there is nothing of that name.
    pub fn files(&self, name: &str) -> Result<Files, ClientError> {
        let unknown = || ClientError::NoSuchProgram { name: name.to_owned() };
        if !is_name(name) {
            return Err(unknown());
        }
        let app = self.app(name)?;
        let snapshot = self.snapshot(&app)?;
        if app.guessed && snapshot.is_empty() {
            return Err(unknown());
        }
        Ok((app, snapshot))
    }

    fn app(&self, name: &str) -> Result<App, ClientError> {
        let path = App::declaration_path(name);
        let declared = match self.content(&path)? {
            Some(Content::File(bytes)) => Some(Declaration::parse(&path, &bytes)?),
            _ => None,
        };
        Ok(App::new(name, declared))
    }

    /// What lies at the program's places.
    pub fn snapshot(&self, app: &App) -> Result<Snapshot, ClientError> {
        let mut snapshot = Snapshot::new();
        for Place { path, reach, .. } in app.places() {
            match reach {
                Reach::File => snapshot.extend(self.content(&path)?.map(|content| (path, content))),
                Reach::DropIns => self.beneath(&path, None, &|_| true, &mut snapshot)?,
                Reach::Tree => self.beneath(&path, Some(MAX_DEPTH), &|_| true, &mut snapshot)?,
            }
        }
        Ok(snapshot)
    }

    /// What else lies in the administrator's directory of a program: files that it reads in a way that nobody declares.
    /// Nothing where the directory is that of several programs.
    pub fn beside(&self, app: &App) -> Result<Snapshot, ClientError> {
        let mut snapshot = Snapshot::new();
        let has_all = app.declaration.files.is_empty();
        if !has_all && !app.shares_directory() {
            let places = app.places();
            let is_meant = |path: &str| !places.iter().any(|place| place.holds(path));
            self.beneath(&app.override_directory(), Some(MAX_DEPTH), &is_meant, &mut snapshot)?;
        }
        Ok(snapshot)
    }

    /// What is meant in a directory, and so many directories deeper; with none of them only its files count.
    fn beneath(
        &self,
        path: &str,
        deeper: Option<usize>,
        is_meant: &dyn Fn(&str) -> bool,
        snapshot: &mut Snapshot,
    ) -> Result<(), ClientError> {
        let Some(directory) = self.directory(path)? else { return Ok(()) };
        for name in directory.names()? {
            let inner = format!("{path}/{}", name.to_string_lossy());
            if snapshot.len() >= MAX_FILES {
                let why = format!("it and what follows are more than the {MAX_FILES} files that a program may have");
                self.left_out(&inner, &why);
                return Ok(());
            }
            if name.to_str().is_none() {
                if is_meant(&inner) {
                    self.left_out(&inner, "its name is not UTF-8");
                }
                continue;
            }
            match (directory.look(&name)?.map(|inode| inode.file_type), deeper) {
                (None, _) | (Some(FileType::Directory), None) => {}
                (Some(FileType::Directory), Some(0)) => self.left_out(&inner, "it lies too deep"),
                (Some(FileType::Directory), Some(levels)) => {
                    self.beneath(&inner, Some(levels - 1), is_meant, snapshot)?;
                }
                (Some(_), _) if !is_meant(&inner) => {}
                (Some(FileType::File | FileType::Symlink | FileType::Special), _) => {
                    snapshot.extend(self.content(&inner)?.map(|content| (inner, content)));
                }
            }
        }
        Ok(())
    }

    /// The directory at a path; none when there is none, or a symlink is on the way.
    pub fn directory(&self, path: &str) -> Result<Option<Directory>, ClientError> {
        match self.root.descend(path) {
            Err(error) if error.is_no_directory() => {
                self.left_out(path, "a symlink or a file is on the way");
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    /// What lies at a path.
    pub fn content(&self, path: &str) -> Result<Option<Content>, ClientError> {
        let Some(place) = followed(path, |path| self.link(path))? else {
            self.left_out(path, "it is a symlink that leads too far, or over a name that is not UTF-8");
            return Ok(None);
        };
        if place == MASK {
            return Ok(Some(Content::Masked));
        }
        let (parent, name) = split_path(&place);
        let is_link = place != path;
        let directory = if is_link { self.unlinked(parent)? } else { self.directory(parent)? };
        let inode = match &directory {
            Some(directory) => directory.look(name)?,
            None => None,
        };
        let (Some(directory), Some(inode)) = (directory, inode) else {
            if is_link {
                self.own_left_out(path, "it is a symlink to nothing");
            }
            return Ok(None);
        };
        match inode.file_type {
            FileType::File if inode.size > MAX_FILE_BYTES => {
                self.left_out(path, "it is too long");
                Ok(None)
            }
            FileType::File => Ok(directory.read(name, MAX_FILE_BYTES)?.map(Content::File)),
            FileType::Symlink | FileType::Directory | FileType::Special => {
                self.own_left_out(path, "it is no file");
                Ok(None)
            }
        }
    }

    /// Where the symlink at a path leads; none when there is none.
    pub fn link(&self, path: &str) -> Result<Option<OsString>, ClientError> {
        let (parent, name) = split_path(path);
        let Some(directory) = self.unlinked(parent)? else { return Ok(None) };
        match directory.look(name)?.map(|inode| inode.file_type) {
            Some(FileType::Symlink) => Ok(Some(directory.read_link(name)?)),
            _ => Ok(None),
        }
    }

    /// The directory at a path with no symlink on the way.
    fn unlinked(&self, path: &str) -> Result<Option<Directory>, DiskError> {
        match self.root.descend(path) {
            Err(error) if error.is_no_directory() => Ok(None),
            other => other,
        }
    }

    fn left_out(&self, path: &str, why: &str) {
        self.reporter.report(Event::Warning(format!("/{} is left out: {why}", Visible(path))));
    }

    /// The same where the administrator could mend it: what the publisher made so, he cannot.
    fn own_left_out(&self, path: &str, why: &str) {
        if !path.starts_with("usr/") {
            self.left_out(path, why);
        }
    }
}

/// Whether a text can be the name of a program: that of a directory.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(['/', '\0'])
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
