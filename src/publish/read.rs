//! Reading the input of a release: all trees at once, each file hashed once however many names it has.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::PublishError;
use super::compose::{ComposeError, Digests, InputBundle, check_definitions};
use super::published::PublishedRelease;
use super::warnings::{warn_of_foreign_owners, warn_of_ignored, warn_of_lost_owners};
use crate::manifest::BundleDefinition;
use crate::report::{Event, Progress, Reporter, Step};
use crate::site::{FileId, InputKind, InputSource, InputTrees, Owners, ScannedTree};
use crate::types::{BundleName, TreePath};

/// Reads definitions and trees and hashes all files.
///
/// The definitions say what a release is made of: a tree without one is left out, with a warning. A tree or a definition that
/// is missing for a bundle which had one in the release `before` is more likely forgotten than meant.
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
    if let Some(before) = before {
        left_out.iter().try_for_each(|name| refuse_lost_definition(name, before))?;
    }
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
    let trees: Vec<(BundleName, ScannedTree)> = definitions
        .par_iter()
        .map(|(bundle, _)| {
            let tree = sources.get(bundle).map(|source| input.scan(bundle, source)).transpose()?;
            Ok((bundle.clone(), tree.unwrap_or_default()))
        })
        .collect::<Result<_, PublishError>>()?;
    trees.iter().for_each(|(bundle, tree)| warn_of_ignored(bundle, tree, reporter));
    if input.owners() == Owners::AllRoot {
        let is_directory = |bundle: &BundleName| matches!(sources.get(bundle), Some(InputSource::Directory(_)));
        let directories = trees.iter().filter(|(bundle, _)| is_directory(bundle));
        warn_of_lost_owners(directories.map(|(bundle, tree)| (bundle, tree)), reporter);
    }
    warn_of_foreign_owners(&trees, reporter);
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

/// A bundle that machines are to drop has no tree, either.
fn refuse_lost_definition(name: &str, before: &PublishedRelease) -> Result<(), ComposeError> {
    let version = before.release.version;
    match before.release.bundles.keys().find(|bundle| bundle.as_str() == name) {
        Some(bundle) => Err(ComposeError::LostDefinition { bundle: bundle.clone(), version }),
        None => Ok(()),
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
