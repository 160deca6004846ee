//! `factory-reset`: back to defaults. What lies in `/etc` and `/var` goes, and `/usr` is as it was.
//!
//! A stateless system starts with defaults alone. Kept is what is asked for; directories that lead there stay. Nothing is
//! removed in what is mounted beneath `/etc` or `/var`, and the mount points stay: those of the mount table are told and
//! passed by, and one that comes meanwhile is an error, since no removal enters another mount.
//!
//! What goes is counted first, by the very walk that removes it then: a person is asked with the figures.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{ClientError, Mode, Settings};
use crate::disk::{Directory, DiskError, Walker, Way, Weight, mounts_within, walk, weigh};
use crate::report::{Ahead, Event, Reporter};
use crate::state::Machine;
use crate::types::{Visible, split_path};

/// What a reset empties.
const TOPS: [&str; 2] = ["etc", "var"];

/// `factory-reset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetRequest {
    /// Paths to keep, relative to the root, with all beneath them.
    pub keep: BTreeSet<String>,
    /// Do it or only say it.
    pub mode: Mode,
}

/// The answer of `factory-reset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reset {
    /// What is removed, from the root: the topmost names.
    pub removed: Vec<String>,
    /// What stays, from the root.
    pub kept: Vec<String>,
    /// Files and symlinks that go.
    pub files: u64,
    /// Bytes that are free then.
    pub bytes: u64,
    /// Nothing was removed, this is what would be.
    pub dry_run: bool,
}

/// Empties `/etc` and `/var`, apart from what is kept.
///
/// # Errors
/// [`ClientError::NotConfirmed`] on the running system without a yes, [`ClientError::Declined`] after a no; when the root
/// is not managed, a kept path is not beneath `/etc` or `/var`, is not there or lies behind a symlink, another run is at
/// work, or what is mounted cannot be told.
/// [`ClientError::NotRemoved`] when something could not be removed; all else is gone then.
pub fn factory_reset(
    settings: &Settings,
    request: &ResetRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Reset, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let beneath = |path: &&String| {
        let mut names = path.split('/');
        names.next().is_some_and(|top| TOPS.contains(&top)) && !names.any(|name| matches!(name, "" | "." | ".."))
    };
    if let Some(path) = request.keep.iter().find(|path| !beneath(path)) {
        return Err(ClientError::NotResettable { path: path.clone() });
    }
    if request.mode == Mode::Run && !settings.assume_yes && machine.is_running_system()? {
        return Err(ClientError::NotConfirmed);
    }
    let locked = match request.mode {
        Mode::Run => Some(Machine::open(&settings.root)?.lock()?),
        Mode::DryRun | Mode::DownloadOnly => None,
    };
    check_ways(machine.root(), &request.keep)?;
    let mut keep: BTreeSet<PathBuf> = request.keep.iter().map(Into::into).collect();
    for top in TOPS {
        for mount in mounts_within(&settings.root.join(top))? {
            let place = Path::new(top).join(mount);
            let shown = place.to_string_lossy();
            let text = format!("/{} is a mount point and stays with all that is in it", Visible(&shown));
            reporter.report(Event::Warning(text));
            keep.insert(place);
        }
    }
    let foreseen = emptied(machine.root(), &keep, true)?;
    let (reset, failed) = match locked {
        None => foreseen,
        Some(_) if reporter.agrees(&ahead(foreseen.0)) => emptied(machine.root(), &keep, false)?,
        Some(_) => return Err(ClientError::Declined),
    };
    for error in &failed {
        reporter.report(Event::Warning(format!("{error}: {}", error.source)));
    }
    let number = failed.len();
    // Of a preview that is no failure: it says what would stay.
    match failed.into_iter().next().filter(|_| !reset.dry_run) {
        None => Ok(reset),
        Some(source) => Err(ClientError::NotRemoved { number, removed: reset.removed.len(), source }),
    }
}

/// Empties what a reset empties, or says what would go; and why something stays that should go.
fn emptied(root: &Directory, keep: &BTreeSet<PathBuf>, dry_run: bool) -> Result<(Reset, Vec<DiskError>), ClientError> {
    let reset = Reset { removed: Vec::new(), kept: Vec::new(), files: 0, bytes: 0, dry_run };
    let mut emptying = Emptying { keep, at: PathBuf::new(), reset, failed: Vec::new(), entered: Vec::new() };
    for top in TOPS {
        if keep.contains(Path::new(top)) {
            emptying.reset.kept.push(format!("/{top}"));
        } else if let Some(directory) = root.subdirectory(top)? {
            emptying.at = top.into();
            walk(directory, &mut emptying)?;
        }
    }
    Ok((emptying.reset, emptying.failed))
}

fn ahead(foreseen: Reset) -> Ahead {
    Ahead {
        step: "back to defaults, for all in /etc and /var".to_owned(),
        bundles_removed: Vec::new(),
        kept: foreseen.kept,
        files: [0, 0, foreseen.files],
        download_bytes: None,
        disk_bytes: None,
        then: "the next start is with defaults",
    }
}

/// Nothing shall turn out to lie behind a symlink when half of it is gone, or to be kept under another name.
fn check_ways(root: &Directory, keep: &BTreeSet<String>) -> Result<(), ClientError> {
    let reached =
        |path: &str| root.descend(path).map_err(|source| ClientError::NotReached { path: path.to_owned(), source });
    for top in TOPS {
        reached(top)?;
    }
    for path in keep {
        let (parent, name) = split_path(path);
        let found = reached(parent)?.map_or(Ok(None), |directory| directory.look(name))?;
        found.ok_or_else(|| ClientError::NothingToKeep { path: path.clone() })?;
    }
    Ok(())
}

/// Removes what it comes to, unless that is kept or leads to what is kept. One file that nobody can remove is no reason to
/// leave a system half reset: what cannot go as a whole goes piece by piece, apart from that.
struct Emptying<'a> {
    keep: &'a BTreeSet<PathBuf>,
    /// Where it is, from the root.
    at: PathBuf,
    reset: Reset,
    /// Why something stays that should have gone.
    failed: Vec<DiskError>,
    /// For each directory that it is in, how much had failed before.
    entered: Vec<usize>,
}

impl Walker for Emptying<'_> {
    fn come(&mut self, directory: &Directory, name: &OsStr) -> Result<Way, DiskError> {
        let path = self.at.join(name);
        let shown = format!("/{}", path.display());
        match self.first_kept(&path) {
            Some(kept) if *kept == path => self.reset.kept.push(shown),
            Some(_) => return Ok(self.enter(path)),
            None => match self.remove(directory, name) {
                Ok(()) => self.reset.removed.push(shown),
                Err(_) if can_be_entered(directory, name) => return Ok(self.enter(path)),
                Err(error) => self.stays(shown, error),
            },
        }
        Ok(Way::On)
    }

    fn leave(&mut self, directory: &Directory, name: &OsStr) -> Result<(), DiskError> {
        let path = self.at.clone();
        self.at.pop();
        let failed_before = self.entered.pop();
        if self.first_kept(&path).is_none() && !self.reset.dry_run {
            let shown = format!("/{}", path.display());
            match directory.remove_empty(name) {
                Ok(()) => self.reset.removed.push(shown),
                // Why it is not empty has been told.
                Err(error) if error.is_not_empty() && failed_before < Some(self.failed.len()) => {}
                Err(error) => self.stays(shown, error),
            }
        }
        Ok(())
    }
}

impl Emptying<'_> {
    /// The first path that is kept and lies at this one or beneath it.
    fn first_kept(&self, path: &Path) -> Option<&PathBuf> {
        // Paths are in order by their names: what lies beneath one follows it.
        let from_here = (Bound::Included(path), Bound::Unbounded);
        self.keep.range::<Path, _>(from_here).next().filter(|kept| kept.starts_with(path))
    }

    fn enter(&mut self, path: PathBuf) -> Way {
        self.at = path;
        self.entered.push(self.failed.len());
        Way::In
    }

    /// Removes what lies at a name, with all that is in it, also where somebody put something in meanwhile; or only weighs
    /// it.
    fn remove(&mut self, directory: &Directory, name: &OsStr) -> Result<(), DiskError> {
        let before = weigh(directory, name)?;
        let removed = match self.reset.dry_run {
            true => Ok(()),
            false => match directory.remove(name) {
                Err(error) if error.is_not_empty() => directory.remove(name),
                removed => removed,
            },
        };
        // Of what cannot go as a whole some is gone.
        let left = if removed.is_ok() { Weight::default() } else { weigh(directory, name).unwrap_or(before) };
        self.reset.files += before.files.saturating_sub(left.files);
        self.reset.bytes += before.bytes.saturating_sub(left.bytes);
        removed
    }

    fn stays(&mut self, shown: String, error: DiskError) {
        self.failed.push(error);
        self.reset.kept.push(shown);
    }
}

/// Whether a walk can go in at a name: what is there is a directory that can be listed, and nothing is mounted on it.
fn can_be_entered(directory: &Directory, name: &OsStr) -> bool {
    let inner = directory.same_mount_subdirectory(name);
    inner.is_ok_and(|inner| inner.is_some_and(|inner| inner.names().is_ok()))
}
