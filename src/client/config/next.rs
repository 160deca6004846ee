//! Programs as another release has them, before it is installed: only their shipped configuration is looked at.
//!
//! A file that one of the machine's trees has with the same content is read there: while an update is under way the
//! staged one has all of them. Others are fetched as objects, a request for each. Only programs with overrides are looked
//! at.

use std::borrow::Cow;
use std::ffi::OsString;

use super::gather::Gatherer;
use super::links::{MASK, followed};
use super::{Loaded, told};
use crate::client::ClientError;
use crate::client::session::Session;
use crate::fetch::read_object;
use crate::manifest::Tree;
use crate::overlay::{App, Change, ChangeKind, Content, Declaration, MAX_FILE_BYTES, Model, Reach, Side, differences};
use crate::plan::{Need, closure};
use crate::report::Event;
use crate::types::{Digest, Entry, Kind, Slot, TreePath, Version};

/// So many overrides are told of at most before an update.
const MAX_TOLD: usize = 20;

/// The tree of a release that is not installed.
pub(super) struct NextRelease<'a> {
    session: &'a Session,
    version: Version,
    tree: Cow<'a, Tree>,
}

impl<'a> NextRelease<'a> {
    /// The release `version` with the bundles that this machine would have.
    pub async fn of(session: &'a Session, version: Version) -> Result<Self, ClientError> {
        let installed = session.record()?.installed.version();
        let target =
            if version == installed { session.installed_release()? } else { session.release(Some(version)).await? };
        let bundles = closure(&target.release, &session.subscriptions()?)?;
        let steps = if version == installed { Vec::new() } else { session.steps(&target, &bundles).await? };
        let tree = session.target_tree(&target, &bundles, &steps, &Tree::default()).await?.tree;
        Ok(Self { session, version, tree: Cow::Owned(tree) })
    }

    /// A program as it will be, under the overrides that it has now; none when the release does not have it.
    ///
    /// # Errors
    /// [`ClientError::OtherRelease`] when what the release has cannot be read, or not what the administrator has as the
    /// release would read it.
    pub async fn load(&self, now: &Loaded) -> Result<Option<Loaded>, ClientError> {
        self.loaded(now).await.map_err(|error| match error {
            ClientError::Overlay(source) => {
                ClientError::OtherRelease { app: now.app.name.clone(), version: self.version, source }
            }
            other => other,
        })
    }

    async fn loaded(&self, now: &Loaded) -> Result<Option<Loaded>, ClientError> {
        let name = &now.app.name;
        let path = App::declaration_path(name);
        let declared = match self.content(&path, Model::Oslo).await? {
            Some(Content::File(bytes)) => Some(Declaration::parse(&path, &bytes)?),
            _ => None,
        };
        // What the declaration named is read as before when only the declaration went, and the files did not.
        let app = App::new(name, declared);
        let own: Vec<_> = now.app.places().into_iter().filter(|place| place.side == Side::Override).collect();
        let is_own = |path: &String| own.iter().any(|place| place.holds(path));
        let mut snapshot = now.snapshot.clone();
        snapshot.retain(|path, _| is_own(path));
        // The new release may look at more places of the administrator.
        let here = Gatherer::new(self.session.machine.root(), &*self.session.reporter).snapshot(&app)?;
        let theirs: Vec<_> = app.places().into_iter().filter(|place| place.side == Side::Override).collect();
        snapshot.extend(here.into_iter().filter(|(path, _)| theirs.iter().any(|place| place.holds(path))));
        let mut is_there = !app.guessed;
        for path in self.shipped(&app) {
            if let Some(content) = self.content(&path, app.declaration.model).await? {
                is_there = true;
                snapshot.insert(path, content);
            }
        }
        if is_there { Ok(Some(Loaded::new(app, snapshot)?)) } else { Ok(None) }
    }

    /// The same, where what cannot be read hides nothing of other programs: it is told, and none is given back.
    pub async fn load_or_tell(&self, now: &Loaded) -> Result<Option<Option<Loaded>>, ClientError> {
        match self.loaded(now).await {
            Ok(then) => Ok(Some(then)),
            Err(error) => {
                let notice = format!("{} of release {} is left out: {}", now.app.name, self.version, told(error)?);
                self.session.reporter.report(Event::Warning(notice));
                Ok(None)
            }
        }
    }

    /// The paths of the program's shipped files.
    fn shipped(&self, app: &App) -> Vec<String> {
        let mut paths = Vec::new();
        for place in app.places().into_iter().filter(|place| place.side == Side::Shipped) {
            let Ok(top) = place.path.parse::<TreePath>() else { continue };
            let Some(index) = self.tree.position(&top) else { continue };
            let entries = match place.reach {
                Reach::File => std::slice::from_ref(&self.tree.entries()[index]),
                Reach::DropIns | Reach::Tree => self.tree.subtree(index),
            };
            let files = entries.iter().filter(|entry| !entry.is_directory()).map(|entry| entry.path.as_str());
            paths.extend(files.filter(|path| place.holds(path)).map(String::from));
        }
        paths
    }

    /// What lies at a path of the tree, symlinks followed. Of programs whose files are not read the digest is enough.
    async fn content(&self, path: &str, model: Model) -> Result<Option<Content>, ClientError> {
        let Some(place) = followed(path, |path| self.link(path))? else { return Ok(None) };
        if place == MASK {
            return Ok(Some(Content::Masked));
        }
        let Some(entry) = self.entry(&place) else { return Ok(None) };
        match &entry.kind {
            Kind::File { digest, .. } if model == Model::Opaque => Ok(Some(Content::Known(*digest))),
            Kind::File { size, .. } if *size <= MAX_FILE_BYTES => Ok(Some(Content::File(self.bytes(entry).await?))),
            Kind::File { .. } | Kind::Directory | Kind::Symlink { .. } => Ok(None),
        }
    }

    /// Where the symlink at a path leads. What lies beside `/usr` stays as it is: `/lib`, say, which leads to `usr/lib`.
    fn link(&self, path: &str) -> Result<Option<OsString>, ClientError> {
        if path.parse::<TreePath>().is_err() {
            return Gatherer::new(self.session.machine.root(), &*self.session.reporter).link(path);
        }
        Ok(self.entry(path).and_then(|entry| match &entry.kind {
            Kind::Symlink { target } => Some(OsString::from(&**target)),
            Kind::File { .. } | Kind::Directory => None,
        }))
    }

    fn entry(&self, path: &str) -> Option<&Entry> {
        self.tree.find(&path.parse().ok()?)
    }

    async fn bytes(&self, entry: &Entry) -> Result<Vec<u8>, ClientError> {
        let Kind::File { size, digest, object_bytes, .. } = entry.kind else { return Ok(Vec::new()) };
        if let Some(bytes) = self.at_hand(&entry.path, digest)? {
            return Ok(bytes);
        }
        Ok(read_object(&self.session.transport, Need { digest, size, object_bytes }).await?)
    }

    /// The file of one of the machine's trees that has that content.
    fn at_hand(&self, path: &TreePath, digest: Digest) -> Result<Option<Vec<u8>>, ClientError> {
        let (parent, name) = path.split_beneath_usr();
        for slot in [Slot::Live, Slot::Next, Slot::Previous] {
            let Some(tree) = self.session.machine.tree(slot)? else { continue };
            let Ok(Some(directory)) = tree.descend(parent) else { continue };
            let bytes = directory.read(name, MAX_FILE_BYTES).ok().flatten();
            if let Some(bytes) = bytes.filter(|bytes| Digest::of(bytes) == digest) {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

/// Says which overrides a transition to `target` touches. That it cannot be told is a warning: nothing of it holds the
/// transition up.
pub async fn tell_touched(session: &Session, version: Version, installed: &Tree, target: &Tree) {
    match touched(session, version, installed, target).await {
        Ok(changes) if changes.is_empty() => {}
        Ok(changes) => {
            let warn = |text: String| session.reporter.report(Event::Warning(text));
            let rest = changes.len().saturating_sub(MAX_TOLD);
            changes.iter().take(MAX_TOLD).map(sentence).for_each(warn);
            if rest > 0 {
                warn(format!("{rest} more overrides are touched"));
            }
            warn(format!("`config diff --to {version}` shows what release {version} does to overrides"));
        }
        Err(error) => {
            let notice = format!("what release {version} does to overrides cannot be told: {error}");
            session.reporter.report(Event::Warning(notice));
        }
    }
}

/// The overrides of which the transition changes what there is to say.
async fn touched(
    session: &Session,
    version: Version,
    installed: &Tree,
    target: &Tree,
) -> Result<Vec<Change>, ClientError> {
    let next = NextRelease { session, version, tree: Cow::Borrowed(target) };
    let mut changes = Vec::new();
    for loaded in Gatherer::new(session.machine.root(), &*session.reporter).overridden(None)? {
        if !differs(&loaded.app, installed, target) {
            continue;
        }
        let before = differences(loaded.view(), None);
        let Some(then) = next.load_or_tell(&loaded).await? else { continue };
        let after = differences(loaded.view(), Some(then.as_ref().map(Loaded::view)));
        let is_new = |change: &Change| {
            let same = |before: &Change| {
                (&before.section, &before.key, before.kind) == (&change.section, &change.key, change.kind)
            };
            change.kind != ChangeKind::Override && !before.iter().any(same)
        };
        changes.extend(after.into_iter().filter(is_new));
    }
    Ok(changes)
}

/// Whether the program's shipped files may be others in the two trees: what a symlink leads to is only seen where it is read.
fn differs(app: &App, installed: &Tree, target: &Tree) -> bool {
    let declaration = App::declaration_path(&app.name);
    let shipped: Vec<_> = app.places().into_iter().filter(|place| place.side == Side::Shipped).collect();
    let meant = |entry: &Entry| {
        let path = entry.path.as_str();
        path == declaration || shipped.iter().any(|place| place.holds(path))
    };
    let is_link = |entry: Option<&Entry>| entry.is_some_and(|entry| matches!(entry.kind, Kind::Symlink { .. }));
    installed.pairs(target).any(|(old, new)| {
        let differ = || is_link(old) || old.map(|entry| &entry.kind) != new.map(|entry| &entry.kind);
        old.or(new).is_some_and(meant) && differ()
    })
}

fn sentence(change: &Change) -> String {
    let Change { app, section, key, secret, .. } = change;
    let told = |value: &Option<String>| match value {
        _ if *secret => "a secret".to_owned(),
        Some(value) if section.is_empty() && value.starts_with("sha256:") => value.chars().take(19).collect(),
        Some(value) => format!("{value:?}"),
        None => "nothing".to_owned(),
    };
    let option = if section.is_empty() { format!("{app} {key}") } else { format!("{app} [{section}] {key}") };
    let (default, own, next) = (told(&change.default), told(&change.override_value), told(&change.next_default));
    match change.kind {
        ChangeKind::Override => format!("{option} is overridden"),
        ChangeKind::DefaultChanged if *secret => format!("{option}: the default, a secret, changes beneath yours"),
        ChangeKind::Redundant => format!("{option} becomes redundant: {own} is what the release will say"),
        ChangeKind::DefaultChanged => {
            format!("{option}: the default changes from {default} to {next}, beneath your {own}")
        }
        // A file that is one value.
        ChangeKind::Conflict if next.starts_with("sha256:") => {
            format!(
                "{option} conflicts: the release changes the file that yours takes the place of ({default} to {next})"
            )
        }
        ChangeKind::Conflict => {
            format!("{option} conflicts: the default was {default}, will be {next}, and yours is {own}")
        }
        ChangeKind::Unknown => format!("{option} is not known to the release any more"),
        ChangeKind::Orphaned => format!("{option} overrides a default that the release does not have any more"),
        ChangeKind::Deprecated => format!("{option} is set by a former name, or will go"),
    }
}
