//! `factory-reset`: back to defaults. What lies in `/etc` and `/var` goes, and `/usr` is as it was.
//!
//! A stateless system starts with defaults alone. Kept is what is asked for; directories that lead there stay. Nothing is
//! removed in what is mounted beneath `/etc` or `/var`, and the mount points stay.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{ClientError, Mode, Settings};
use crate::disk::{Directory, Weight, mounts_within, weigh};
use crate::report::{Event, Reporter};
use crate::state::Machine;
use crate::types::Visible;

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
/// [`ClientError::NotConfirmed`] on the running system without a yes; when the root is not managed, a kept path is not beneath
/// `/etc` or `/var`, another run is at work, or the disk says no: what is gone by then is gone.
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
    if request.mode == Mode::Run && !settings.assume_yes && settings.root == Path::new("/") {
        return Err(ClientError::NotConfirmed);
    }
    let locked = match request.mode {
        Mode::Run => Some(Machine::open(&settings.root)?.lock()?),
        Mode::DryRun | Mode::DownloadOnly => None,
    };
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
    let root = machine.root();
    let mut reset = Reset { removed: Vec::new(), kept: Vec::new(), files: 0, bytes: 0, dry_run: locked.is_none() };
    for top in TOPS {
        if keep.contains(Path::new(top)) {
            reset.kept.push(format!("/{top}"));
        } else if let Some(directory) = root.subdirectory(top)? {
            empty(&directory, Path::new(top), &keep, locked.is_some(), &mut reset)?;
        }
    }
    Ok(reset)
}

fn empty(
    directory: &Directory,
    path: &Path,
    keep: &BTreeSet<PathBuf>,
    really: bool,
    reset: &mut Reset,
) -> Result<(), ClientError> {
    for name in directory.names()? {
        let inner = path.join(&name);
        let shown = format!("/{}", inner.display());
        // Paths are in order by their names: what is beneath one follows it.
        let from_here = (Bound::Included(&*inner), Bound::Unbounded);
        let first_kept = keep.range::<Path, _>(from_here).next().filter(|kept| kept.starts_with(&inner));
        if first_kept == Some(&inner) {
            reset.kept.push(shown);
        } else if let Some(inside) = first_kept.map(|_| directory.subdirectory(&name)).transpose()?.flatten() {
            empty(&inside, &inner, keep, really, reset)?;
        } else {
            let Weight { files, bytes } = weigh(directory, &name)?;
            if really {
                directory.remove(&name)?;
            }
            (reset.files, reset.bytes) = (reset.files + files, reset.bytes + bytes);
            reset.removed.push(shown);
        }
    }
    Ok(())
}
