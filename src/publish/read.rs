//! Reading the input of a release: all trees at once, each file hashed once however many names it has.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::PublishError;
use super::compose::{ComposeError, Digests, InputBundle, check_definitions};
use super::published::PublishedRelease;
use crate::manifest::BundleDefinition;
use crate::report::{Event, Progress, Reporter, Step};
use crate::site::{FileId, InputKind, InputSource, InputTrees, Owners, ScannedTree};
use crate::types::{BundleName, TreePath};

/// More warnings of one kind than this are counted instead of listed.
const LISTED: usize = 10;

/// Reads definitions and trees and hashes all files.
///
/// The definitions say what a release is made of: a tree without one is left out, with a warning. One that is missing for a
/// bundle which had one in the release `before` is more likely forgotten than meant.
///
/// # Errors
/// When something cannot be read, is nothing that a release carries, or is missing.
pub fn read(
    input: &InputTrees,
    before: Option<&PublishedRelease>,
    reporter: &dyn Reporter,
) -> Result<(BTreeMap<BundleName, InputBundle>, Digests), PublishError> {
    let definitions: BTreeMap<BundleName, BundleDefinition> = input.definitions()?.into_iter().collect();
    check_definitions(&definitions)?;
    let left_out: Vec<String> =
        input.tree_names()?.into_iter().filter(|name| !definitions.contains_key(name.as_str())).collect();
    if !left_out.is_empty() {
        let text = format!("trees without a definition are left out: {}", left_out.join(", "));
        reporter.report(Event::Warning(text));
    }
    let sources: BTreeMap<&BundleName, InputSource> = definitions
        .keys()
        .filter_map(|bundle| Some(input.source(bundle).transpose()?.map(|source| (bundle, source))))
        .collect::<Result<_, _>>()?;
    if let Some(before) = before {
        let mut without = definitions.keys().filter(|bundle| !sources.contains_key(bundle));
        without.try_for_each(|bundle| refuse_lost_tree(bundle, before))?;
    }
    let has_directory = sources.values().any(|source| matches!(source, InputSource::Directory(_)));
    if input.owners() == Owners::AllRoot && has_directory {
        let text = "not run as root: all entries from directories are published as owned by 0:0";
        reporter.report(Event::Warning(text.to_owned()));
    }
    let trees: Vec<(BundleName, ScannedTree)> = definitions
        .par_iter()
        .map(|(bundle, _)| {
            let tree = sources.get(bundle).map(|source| input.scan(bundle, source)).transpose()?;
            Ok((bundle.clone(), tree.unwrap_or_default()))
        })
        .collect::<Result<_, PublishError>>()?;
    trees.iter().for_each(|(bundle, tree)| warn_of_ignored(bundle, tree, reporter));
    let digests = digests(input, &trees, reporter)?;
    let bundles = trees
        .into_iter()
        .zip(definitions.into_values())
        .map(|((bundle, tree), definition)| (bundle, InputBundle { definition, entries: tree.entries }));
    Ok((bundles.collect(), digests))
}

/// A bundle that only includes others has the entry of `usr` alone.
fn refuse_lost_tree(bundle: &BundleName, before: &PublishedRelease) -> Result<(), ComposeError> {
    let entries = before.manifests.get(bundle).map_or(0, |manifest| manifest.tree.entries().len());
    match entries {
        0 | 1 => Ok(()),
        _ => Err(ComposeError::LostTree { bundle: bundle.clone(), version: before.release.version, entries }),
    }
}

fn warn_of_ignored(bundle: &BundleName, tree: &ScannedTree, reporter: &dyn Reporter) {
    for (path, name) in tree.ignored_xattrs.iter().take(LISTED) {
        reporter.report(Event::Warning(format!("bundle {bundle}: {path}: attribute {name} is left out")));
    }
    if let Some(more) = tree.ignored_xattrs.len().checked_sub(LISTED).filter(|more| *more > 0) {
        reporter.report(Event::Warning(format!("bundle {bundle}: {more} more attributes are left out")));
    }
}

fn digests(
    input: &InputTrees,
    trees: &[(BundleName, ScannedTree)],
    reporter: &dyn Reporter,
) -> Result<Digests, PublishError> {
    let mut files: HashMap<FileId, (&BundleName, &TreePath, u64)> = HashMap::new();
    for (bundle, tree) in trees {
        for entry in &tree.entries {
            if let InputKind::File { size, id } = entry.kind {
                files.entry(id).or_insert((bundle, &entry.path, size));
            }
        }
    }
    // The largest first, so that no core is left alone with one at the end.
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_by(|(_, a), (_, b)| (b.2, a.1).cmp(&(a.2, b.1)));
    let progress = Progress::new(reporter, Step::Compose, files.len() as u64);
    let hash = |(id, (bundle, path, size)): (FileId, (&BundleName, &TreePath, u64))| {
        let found = input.digest(bundle, path, (id, size))?;
        progress.advance(1);
        Ok((id, found))
    };
    files.into_par_iter().with_max_len(8).map(hash).collect()
}
