//! From the trees of all bundles to the entries of one release: pure, looks at nothing but its input.
//!
//! Bundles must agree about every path that they share. Times are no part of an entry's identity: where bundles differ
//! only in them, the newest counts. An entry whose content is that of the release before keeps the time and the `since`
//! that it had there, so a file that was built again and came out equal is no change.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::manifest::{
    BundleDefinition, BundleManifest, ManifestError, Tree, TreeError, check_entry, describe_difference,
};
use crate::site::{ContentKind, FileId, InputEntry, InputKind};
use crate::types::{BundleName, Digest, Entry, Kind, Metadata, Timestamp, TreePath, Version};

/// One bundle as it comes in.
#[derive(Clone, Debug)]
pub struct InputBundle {
    /// What its author says.
    pub definition: BundleDefinition,
    /// Its entries; none for a bundle that only includes others.
    pub entries: Vec<InputEntry>,
}

/// The contents of all files.
pub type Digests = HashMap<FileId, (Digest, ContentKind)>;

/// One content of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Length in bytes.
    pub size: u64,
    /// What it looks like.
    pub kind: ContentKind,
    /// A bundle that has it, to be read there at the first of `paths`.
    pub bundle: BundleName,
    /// Which file it is there.
    pub file: FileId,
    /// Where it lies in the release, in order; at least one path.
    pub paths: Vec<TreePath>,
}

/// A release without its packs and objects. The entries' `object_bytes` are still 0.
#[derive(Clone, Debug, Default)]
pub struct Composition {
    /// The entries of each bundle, in path order.
    pub bundles: BTreeMap<BundleName, Vec<Entry>>,
    /// Every distinct content.
    pub blobs: BTreeMap<Digest, Blob>,
}

/// Why trees do not make a release.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// There is no `os-core`.
    #[error("there is no definition os-core.toml, of the bundle that every system has")]
    NoCore,
    /// A definition names a bundle that has no definition.
    #[error("bundle {bundle} {field} {missing}, which has no definition")]
    UnknownBundle {
        /// The bundle whose definition it is.
        bundle: BundleName,
        /// `includes` or `also_adds`.
        field: &'static str,
        /// What it names.
        missing: BundleName,
    },
    /// Bundles that include each other.
    #[error("bundles include each other in a circle: {}", chain(.0))]
    Circle(Vec<BundleName>),
    /// A bundle without a tree that includes nothing.
    #[error("bundle {0} has a definition but no tree, and includes no other bundle")]
    NoTree(BundleName),
    /// A bundle of the release before that still has a tree and no definition any more.
    #[error(
        "bundle {bundle} of release {version} has a tree, but no definition any more: put its definition back, or remove the \
         tree, too, if machines are to drop the bundle"
    )]
    LostDefinition {
        /// The bundle.
        bundle: BundleName,
        /// The release before.
        version: Version,
    },
    /// A bundle that had a tree in the release before and has none now.
    #[error(
        "bundle {bundle} has no tree, but {entries} entries in release {version}: put its tree back, or make an empty \
         directory {bundle}/usr for it if machines are to lose them"
    )]
    LostTree {
        /// The bundle.
        bundle: BundleName,
        /// The release before.
        version: Version,
        /// How many entries it has there.
        entries: usize,
    },
    /// Two bundles that disagree.
    #[error("bundles {first} and {second} disagree about {path}: {difference}")]
    Conflict {
        /// The path.
        path: TreePath,
        /// One bundle.
        first: BundleName,
        /// The other.
        second: BundleName,
        /// In what they differ.
        difference: String,
    },
    /// A bundle of which no manifest can be made.
    #[error(transparent)]
    NoManifest(#[from] ManifestError),
    /// The entries of all bundles together are no tree.
    #[error("the bundles together are no tree")]
    NoUnion(#[source] TreeError),
}

/// Checks that the definitions fit together.
///
/// # Errors
/// When `os-core` or another bundle that is named is missing, or bundles include each other.
pub fn check_definitions(definitions: &BTreeMap<BundleName, BundleDefinition>) -> Result<(), ComposeError> {
    if !definitions.contains_key(BundleName::CORE) {
        return Err(ComposeError::NoCore);
    }
    for (bundle, definition) in definitions {
        for (field, names) in [("includes", &definition.includes), ("also_adds", &definition.also_add)] {
            if let Some(missing) = names.iter().find(|name| !definitions.contains_key(*name)) {
                return Err(ComposeError::UnknownBundle { bundle: bundle.clone(), field, missing: missing.clone() });
            }
        }
    }
    let mut done = BTreeSet::new();
    definitions.keys().try_for_each(|bundle| find_circle(definitions, bundle, &mut Vec::new(), &mut done))
}

/// Everything that `bundle` includes, itself and `os-core` among it. `includes` says what a bundle names.
pub fn closure(bundle: &BundleName, includes: impl Fn(&BundleName) -> Vec<BundleName>) -> BTreeSet<BundleName> {
    let (mut found, mut open) = (BTreeSet::new(), vec![bundle.clone(), BundleName::core()]);
    while let Some(name) = open.pop() {
        if !found.contains(&name) {
            open.extend(includes(&name));
            found.insert(name);
        }
    }
    found
}

/// Makes release `version` of its bundles.
///
/// `before` is the whole tree of the release before. Times after `latest`, where it is given, become `latest`.
///
/// # Errors
/// When bundles disagree, lack a tree, or have entries that no manifest may carry.
///
/// # Panics
/// When `digests` lacks a file of a bundle.
pub fn compose(
    version: Version,
    bundles: &BTreeMap<BundleName, InputBundle>,
    digests: &Digests,
    before: Option<&Tree>,
    latest: Option<i64>,
) -> Result<Composition, ComposeError> {
    let mut union: BTreeMap<&TreePath, (Entry, &BundleName)> = BTreeMap::new();
    for (bundle, input) in bundles {
        BundleManifest::check_count(bundle, input.entries.len())?;
        for found in &input.entries {
            let entry = entry_of(found, digests, version, latest);
            check_entry(&entry).map_err(|reason| {
                let path = entry.path.as_str().to_owned();
                ManifestError::BadEntry { bundle: bundle.clone(), path, reason }
            })?;
            match union.entry(&found.path) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert((entry, bundle));
                }
                std::collections::btree_map::Entry::Occupied(mut place) => {
                    let (known, owner) = place.get_mut();
                    if !known.same_identity(&entry) {
                        return Err(ComposeError::Conflict {
                            path: entry.path.clone(),
                            first: owner.clone(),
                            second: bundle.clone(),
                            difference: describe_difference(known, &entry),
                        });
                    }
                    known.metadata.mtime = known.metadata.mtime.max(entry.metadata.mtime);
                }
            }
        }
    }
    let entries: Vec<Entry> = union.into_values().map(|(entry, _)| entry).collect();
    let union = Tree::from_sorted(entries).map_err(ComposeError::NoUnion)?;
    let union = match before {
        Some(before) => carried_over(&union, before),
        None => union,
    };
    let mut composition = Composition { blobs: blobs(&union, bundles, digests), ..Composition::default() };
    for (bundle, input) in bundles {
        let has_tree = !input.entries.is_empty();
        if !has_tree && (bundle.is_core() || input.definition.includes.is_empty()) {
            return Err(ComposeError::NoTree(bundle.clone()));
        }
        let top = TreePath::top();
        let paths: Vec<&TreePath> =
            if has_tree { input.entries.iter().map(|entry| &entry.path).collect() } else { vec![&top] };
        let entries = paths.into_iter().filter_map(|path| union.find(path).cloned()).collect();
        composition.bundles.insert(bundle.clone(), entries);
    }
    Ok(composition)
}

fn find_circle(
    definitions: &BTreeMap<BundleName, BundleDefinition>,
    bundle: &BundleName,
    open: &mut Vec<BundleName>,
    done: &mut BTreeSet<BundleName>,
) -> Result<(), ComposeError> {
    if done.contains(bundle) {
        return Ok(());
    }
    if let Some(start) = open.iter().position(|name| name == bundle) {
        let circle = open[start..].iter().chain([bundle]).cloned().collect();
        return Err(ComposeError::Circle(circle));
    }
    open.push(bundle.clone());
    let includes = definitions.get(bundle).map(|definition| &definition.includes[..]).unwrap_or_default();
    // Every other bundle includes os-core, named or not.
    let core = BundleName::core();
    let implied = (!bundle.is_core()).then_some(&core);
    for name in includes.iter().chain(implied) {
        find_circle(definitions, name, open, done)?;
    }
    open.pop();
    done.insert(bundle.clone());
    Ok(())
}

fn chain(bundles: &[BundleName]) -> String {
    bundles.iter().map(BundleName::as_str).collect::<Vec<_>>().join(" -> ")
}

fn entry_of(found: &InputEntry, digests: &Digests, version: Version, latest: Option<i64>) -> Entry {
    let kind = match &found.kind {
        InputKind::Directory => Kind::Directory,
        InputKind::Symlink { target } => Kind::Symlink { target: target.clone() },
        InputKind::File { size, id } => {
            let (digest, _) = digests[id];
            Kind::File { size: *size, digest, object_bytes: 0, since: version }
        }
    };
    let mut metadata: Metadata = found.metadata.clone();
    if let Some(latest) = latest {
        metadata.mtime = metadata.mtime.min(Timestamp { seconds: latest, nanoseconds: 0 });
    }
    Entry { path: found.path.clone(), kind, metadata }
}

/// The new tree with the times and `since` of the tree before, where the content is the same at the same path.
fn carried_over(new: &Tree, before: &Tree) -> Tree {
    let names = |tree: &Tree, index| -> Vec<String> {
        tree.children(index).map(|child| tree.entries()[child].path.name().to_owned()).collect()
    };
    let entries = new.entries().iter().enumerate().map(|(index, entry)| {
        let mut entry = entry.clone();
        let Some(place) = before.position(&entry.path) else { return entry };
        let old = &before.entries()[place];
        let same_directory =
            entry.is_directory() && entry.same_identity(old) && names(new, index) == names(before, place);
        match (&mut entry.kind, &old.kind) {
            (Kind::File { digest, since, .. }, Kind::File { digest: old_digest, since: old_since, .. })
                if digest == old_digest =>
            {
                *since = *old_since;
                entry.metadata.mtime = old.metadata.mtime;
            }
            (Kind::Symlink { target }, Kind::Symlink { target: old_target }) if target == old_target => {
                entry.metadata.mtime = old.metadata.mtime;
            }
            (Kind::Directory, _) if same_directory => entry.metadata.mtime = old.metadata.mtime,
            _ => {}
        }
        entry
    });
    Tree::from_sorted(entries.collect()).expect("only times and `since` differ from a tree")
}

fn blobs(union: &Tree, bundles: &BTreeMap<BundleName, InputBundle>, digests: &Digests) -> BTreeMap<Digest, Blob> {
    let mut blobs: BTreeMap<Digest, Blob> = BTreeMap::new();
    // The bundle that has a path: any will do, the first is the same every time.
    let mut owners: HashMap<&TreePath, (&BundleName, FileId)> = HashMap::new();
    for (bundle, input) in bundles.iter().rev() {
        for entry in &input.entries {
            if let InputKind::File { id, .. } = entry.kind {
                owners.insert(&entry.path, (bundle, id));
            }
        }
    }
    for entry in union.entries() {
        if let Kind::File { size, digest, .. } = entry.kind {
            let (bundle, id) = owners[&entry.path];
            let kind = digests[&id].1;
            let new = || Blob { size, kind, bundle: bundle.clone(), file: id, paths: Vec::new() };
            blobs.entry(digest).or_insert_with(new).paths.push(entry.path.clone());
        }
    }
    blobs
}
