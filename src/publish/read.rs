//! Reading the input of a release: all trees at once, each file hashed once however many names it has.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::PublishError;
use super::compose::{Digests, InputBundle, check_definitions};
use crate::manifest::BundleDefinition;
use crate::report::{Event, Progress, Reporter, Step};
use crate::site::{FileId, InputKind, InputSource, InputTrees, Owners, ScannedTree};
use crate::types::{BundleName, TreePath};

/// More warnings of one kind than this are counted instead of listed.
const LISTED: usize = 10;

/// Reads definitions and trees and hashes all files.
///
/// The definitions say what a release is made of: a tree without one is left out, with a warning.
///
/// # Errors
/// When something cannot be read, or is nothing that a release carries.
pub fn read(
    input: &InputTrees,
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
