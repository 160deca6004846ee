//! `explain`: where a path comes from, whether an override hides it, and what the next update does to it.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::config::{Configured, configured};
use super::session::{KnownRelease, Session};
use super::{ClientError, ErrorKind, Settings};
use crate::disk::{FileType, Ownership};
use crate::manifest::{Tree, describe_difference};
use crate::plan::{closure, goes_along};
use crate::report::{Event, Reporter};
use crate::state::Slot;
use crate::tree::{Found, FoundKind, look};
use crate::types::{BundleName, Difference, Entry, Kind, TreePath, Version};

/// The answer of `explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The path, `usr` first.
    pub path: TreePath,
    /// The release that is installed.
    pub version: Version,
    /// The installed bundles that have it.
    pub bundles: Vec<BundleName>,
    /// `file`, `directory`, `symlink`, as the release has it; none when no bundle has it.
    #[serde(rename = "type")]
    pub kind: Option<&'static str>,
    /// The release in which the content of a file came.
    pub since: Option<Version>,
    /// `same`, `missing`, `absent`, `unowned`, or in what it differs: `type`, `content`, `mode`, `owner`, `time`.
    pub state: &'static str,
    /// What in `/etc` hides it, relative to the root.
    #[serde(rename = "override")]
    pub override_path: Option<String>,
    /// What overrides do to it, by the model of the program that reads it; none when it is no program's default.
    pub configuration: Option<Configured>,
    /// What the next update does; none when the origin cannot be asked, or has nothing newer.
    pub next: Option<NextStep>,
}

/// What the next update does to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// The release that it leads to.
    pub version: Version,
    /// `keep`, `change`, `repair`, `add`, `remove`, or `none`.
    pub action: &'static str,
    /// Why.
    pub reason: String,
}

/// Where defaults lie, and where what is beneath is overridden.
const DEFAULTS: [(&str, &str); 3] =
    [("usr/share/defaults/etc/", "etc/"), ("usr/share/defaults/", "etc/"), ("usr/lib/", "etc/")];

/// Explains `path`. An origin that cannot be reached costs a warning and the answer about the next update.
///
/// # Errors
/// When the root is not managed, something cannot be read, or the publication is not trusted.
pub async fn explain(
    settings: &Settings,
    path: &TreePath,
    reporter: &Arc<dyn Reporter>,
) -> Result<Explanation, ClientError> {
    let session = Session::look(settings, reporter)?;
    let version = session.record()?.installed.version();
    let mut bundles = Vec::new();
    let mut entry = None;
    for bundle in session.record()?.installed.bundles.keys() {
        if let Some(found) = session.installed_manifest(bundle).await?.tree.find(path) {
            bundles.push(bundle.clone());
            entry = Some(found.clone());
        }
    }
    let found = session.machine.tree(Slot::Live)?.map(|live| look(&live, path)).transpose()?.flatten();
    let state = state(entry.as_ref(), found.as_ref(), session.writer.ownership);
    let next = match session.release(None).await {
        Ok(newest) if newest.release.version > version => Some(newest),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::Unreachable => {
            reporter.report(Event::Warning(format!("what the next update does cannot be told: {error}")));
            None
        }
        Err(error) => return Err(error),
    };
    let next = match next {
        Some(newest) => Some(next_step(&session, &newest, path, entry.as_ref(), state).await?),
        None => None,
    };
    Ok(Explanation {
        path: path.clone(),
        version,
        bundles,
        kind: entry.as_ref().map(|entry| entry.kind.noun()),
        since: entry.as_ref().and_then(|entry| match entry.kind {
            Kind::File { since, .. } => Some(since),
            Kind::Directory | Kind::Symlink { .. } => None,
        }),
        state,
        override_path: override_of(&session, path)?,
        configuration: configured(session.machine.root(), path, &**reporter)?,
        next,
    })
}

/// What is there, as compared with what should be.
fn state(entry: Option<&Entry>, found: Option<&Found>, ownership: Ownership) -> &'static str {
    let (entry, found) = match (entry, found) {
        (None, None) => return "absent",
        (None, Some(_)) => return "unowned",
        (Some(_), None) => return "missing",
        (Some(entry), Some(found)) => (entry, found),
    };
    let (same_content, file_type) = match (&entry.kind, &found.kind) {
        (Kind::File { digest: wanted, .. }, FoundKind::File { digest, .. }) => (wanted == digest, FileType::File),
        (Kind::Symlink { target: wanted }, FoundKind::Symlink { target }) => (**wanted == **target, FileType::Symlink),
        (Kind::Directory, FoundKind::Directory) => (true, FileType::Directory),
        _ => return Difference::Type.name(),
    };
    let metadata = &entry.metadata;
    match () {
        () if !same_content => Difference::Content.name(),
        () if ownership.mode(metadata.mode, file_type) != found.mode => Difference::Mode.name(),
        () if ownership == Ownership::Kept && (metadata.uid, metadata.gid) != (found.uid, found.gid) => {
            Difference::Owner.name()
        }
        // A directory's time says only that something in it changed.
        () if !entry.is_directory() && metadata.mtime.seconds != found.mtime => Difference::Time.name(),
        () => "same",
    }
}

/// What the update to `newest` does to the path.
async fn next_step(
    session: &Session,
    newest: &KnownRelease,
    path: &TreePath,
    entry: Option<&Entry>,
    state: &'static str,
) -> Result<NextStep, ClientError> {
    let release = &*newest.release;
    let version = release.version;
    let from = session.record()?.installed.version();
    // What the release no longer has is dropped.
    let kept = session.subscriptions()?.into_iter().filter(|name| release.bundles.contains_key(name)).collect();
    let bundles = closure(release, &kept)?;
    let steps = session.steps(newest, &bundles).await?;
    let target = session.target_tree(newest, &bundles, &steps, &Tree::default()).await?.tree;
    let in_target = target.find(path);
    let (action, reason) = match (entry, in_target) {
        (None, None) if state == "absent" => ("none", "no bundle of this machine has it".to_owned()),
        (None, None) if goes_along(Path::new(path.beneath_usr()), &target) => {
            ("keep", "no bundle has it, and usr/local and usr/src are the administrator's".to_owned())
        }
        (None, None) => ("remove", "no bundle of this machine has it".to_owned()),
        (None, Some(_)) if state == "unowned" => {
            ("change", format!("release {version} has it, and what is there is of no bundle"))
        }
        (None, Some(_)) => ("add", format!("release {version} has it and release {from} has not")),
        (Some(_), None) => ("remove", format!("release {version} has it in no bundle of this machine")),
        (Some(old), Some(new)) if !old.same_on_disk(new) => {
            ("change", format!("releases {from} and {version} have {}", describe_difference(old, new)))
        }
        (Some(_), Some(_)) if state != "same" => ("repair", format!("it is not what both releases have ({state})")),
        (Some(_), Some(_)) => ("keep", format!("release {version} has the same")),
    };
    Ok(NextStep { version, action, reason })
}

/// What the administrator has put in `/etc` in place of a default.
fn override_of(session: &Session, path: &TreePath) -> Result<Option<String>, ClientError> {
    let beneath = |(defaults, overrides): &(&str, &str)| {
        path.as_str().strip_prefix(defaults).map(|rest| format!("{overrides}{rest}"))
    };
    let Some(place) = DEFAULTS.iter().find_map(beneath) else { return Ok(None) };
    let (parent, name) = place.rsplit_once('/').unwrap_or(("", &place));
    // A symlink on the way leads elsewhere, so nothing there is this default's override.
    let Ok(Some(directory)) = session.machine.root().descend(parent) else { return Ok(None) };
    let Some(inode) = directory.look(name)? else { return Ok(None) };
    let leads_back = match inode.file_type {
        crate::disk::FileType::Symlink => directory.read_link(name)?.to_string_lossy().ends_with(path.as_str()),
        crate::disk::FileType::Directory => true,
        _ => false,
    };
    Ok((!leads_back).then_some(place))
}
