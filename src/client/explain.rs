//! `explain`: where a path comes from, whether an override hides it, and what the next update does to it.

use std::path::Path;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::config::{Configured, configured};
use super::session::{KnownRelease, Session};
use super::{ClientError, ErrorKind, Settings};
use crate::disk::FileType;
use crate::manifest::{Tree, describe_difference};
use crate::plan::{closure, goes_along};
use crate::report::{Event, Reporter};
use crate::tree::compare;
use crate::types::{BundleName, Entry, Kind, Seen, Slot, TreePath, Version, split_path};
use crate::verify::finding;

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
    /// What is there.
    pub state: PathState,
    /// What in `/etc` hides it, relative to the root.
    #[serde(rename = "override")]
    pub override_path: Option<String>,
    /// What overrides do to it, by the model of the program that reads it; none when it is no program's default.
    pub configuration: Option<Configured>,
    /// What the next update does; none when the origin cannot be asked, or has nothing newer.
    pub next: Option<NextStep>,
}

/// What is at a path, as compared with what the installed release has there. In JSON it is one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathState {
    /// Nothing, and no bundle of this machine has it.
    Absent,
    /// Something that no bundle of this machine has.
    Unowned,
    /// What a bundle has.
    Owned(Seen),
}

impl PathState {
    /// The word for it: `absent`, `unowned`, `same`, `missing`, or in what it differs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Unowned => "unowned",
            Self::Owned(Seen::Same) => "same",
            Self::Owned(Seen::Missing) => "missing",
            Self::Owned(Seen::Differs(difference)) => difference.name(),
        }
    }
}

impl Serialize for PathState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What the next update does to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// The release that it leads to.
    pub version: Version,
    /// What it does.
    pub action: PathAction,
    /// Why.
    pub reason: String,
}

/// What an update does to a path; in JSON and for people the name in small letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PathAction {
    /// It stays as it is.
    Keep,
    /// It becomes what the next release has.
    Change,
    /// It becomes again what both releases have.
    Repair,
    /// It comes.
    Add,
    /// It goes.
    Remove,
    /// There is nothing, and nothing comes.
    None,
}

impl PathAction {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Change => "change",
            Self::Repair => "repair",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::None => "none",
        }
    }
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
    let state = state(&session, path, entry.as_ref())?;
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
fn state(session: &Session, path: &TreePath, entry: Option<&Entry>) -> Result<PathState, ClientError> {
    let live = session.machine.tree(Slot::Live)?;
    let Some(entry) = entry else {
        let (parent, name) = path.split_beneath_usr();
        let parent = live.map(|live| live.descend(parent)).transpose()?.flatten();
        let inode = parent.map(|parent| parent.look(name)).transpose()?.flatten();
        return Ok(if inode.is_some() { PathState::Unowned } else { PathState::Absent });
    };
    let seen = live.map_or(Ok(Seen::Missing), |live| compare(&live, entry, session.writer.ownership))?;
    Ok(PathState::Owned(finding(entry, seen)))
}

/// What the update to `newest` does to the path.
async fn next_step(
    session: &Session,
    newest: &KnownRelease,
    path: &TreePath,
    entry: Option<&Entry>,
    state: PathState,
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
        (None, None) if state == PathState::Absent => (PathAction::None, "no bundle of this machine has it".to_owned()),
        (None, None) if is_of_record(path) => (
            PathAction::Change,
            "it is of the record of what is installed, which every transition writes anew".to_owned(),
        ),
        (None, None) if goes_along(Path::new(path.beneath_usr()), &target) => {
            (PathAction::Keep, "no bundle has it, and usr/local and usr/src are the administrator's".to_owned())
        }
        (None, None) => (PathAction::Remove, "no bundle of this machine has it".to_owned()),
        (None, Some(_)) if state == PathState::Unowned => {
            (PathAction::Change, format!("release {version} has it, and what is there is of no bundle"))
        }
        (None, Some(_)) => (PathAction::Add, format!("release {version} has it and release {from} has not")),
        (Some(_), None) => (PathAction::Remove, format!("release {version} has it in no bundle of this machine")),
        (Some(old), Some(new)) if !old.same_on_disk(new) => {
            (PathAction::Change, format!("releases {from} and {version} have {}", describe_difference(old, new)))
        }
        (Some(_), Some(_)) if state != PathState::Owned(Seen::Same) => {
            (PathAction::Repair, format!("it is not what both releases have ({})", state.name()))
        }
        (Some(_), Some(_)) => (PathAction::Keep, format!("release {version} has the same")),
    };
    Ok(NextStep { version, action, reason })
}

/// Whether the path is that of the live tree's own record, or of something in it.
fn is_of_record(path: &TreePath) -> bool {
    Path::new(path.beneath_usr()).starts_with(Tree::record_beneath_usr())
}

/// What the administrator has put in `/etc` in place of a default.
fn override_of(session: &Session, path: &TreePath) -> Result<Option<String>, ClientError> {
    let beneath = |(defaults, overrides): &(&str, &str)| {
        path.as_str().strip_prefix(defaults).map(|rest| format!("{overrides}{rest}"))
    };
    let Some(place) = DEFAULTS.iter().find_map(beneath) else { return Ok(None) };
    let (parent, name) = split_path(&place);
    // A symlink on the way leads elsewhere, so nothing there is this default's override.
    let Ok(Some(directory)) = session.machine.root().descend(parent) else { return Ok(None) };
    let Some(inode) = directory.look(name)? else { return Ok(None) };
    let leads_back = match inode.file_type {
        FileType::Symlink => directory.read_link(name)?.to_string_lossy().ends_with(path.as_str()),
        FileType::Directory => true,
        _ => false,
    };
    Ok((!leads_back).then_some(place))
}
