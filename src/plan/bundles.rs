//! Which bundles a machine has: subscriptions, and what comes with them.

use std::collections::BTreeSet;

use crate::manifest::Release;
use crate::types::{BundleName, Version};

/// A wish that the release does not allow.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BundleError {
    /// There is no such bundle.
    #[error("release {version} has no bundle {name}")]
    Unknown {
        /// The release.
        version: Version,
        /// The name that was asked for.
        name: BundleName,
        /// Names that look like it, most similar first.
        similar: Vec<BundleName>,
    },
}

/// All bundles that come with `subscriptions`: themselves, what they include, and `os-core`.
///
/// # Errors
/// When one of them is not in the release.
pub fn closure(release: &Release, subscriptions: &BTreeSet<BundleName>) -> Result<BTreeSet<BundleName>, BundleError> {
    let mut all = BTreeSet::new();
    let mut open: Vec<BundleName> = subscriptions.iter().cloned().chain([BundleName::core()]).collect();
    while let Some(name) = open.pop() {
        let Some(offer) = release.bundles.get(&name) else {
            let similar = similar(&name, release);
            return Err(BundleError::Unknown { version: release.version, name, similar });
        };
        if all.insert(name) {
            open.extend(offer.includes.iter().cloned());
        }
    }
    Ok(all)
}

/// `bundles` with all that they, directly or not, recommend or include with a recommendation, as far as it exists.
pub fn with_recommended(release: &Release, bundles: &BTreeSet<BundleName>) -> BTreeSet<BundleName> {
    let mut all = bundles.clone();
    let mut open: Vec<&BundleName> = bundles.iter().collect();
    while let Some(name) = open.pop() {
        let recommended = release.bundles.get(name).into_iter().flat_map(|offer| &offer.also_add);
        for name in recommended.filter(|name| release.bundles.contains_key(*name)) {
            if all.insert(name.clone()) {
                open.push(name);
            }
        }
    }
    all
}

/// Those of `among` that include `bundle`, directly or not.
pub fn dependents(release: &Release, bundle: &BundleName, among: &BTreeSet<BundleName>) -> BTreeSet<BundleName> {
    let includes = |name: &&BundleName| {
        *name != bundle && closure(release, &[(*name).clone()].into()).is_ok_and(|all| all.contains(bundle))
    };
    among.iter().filter(includes).cloned().collect()
}

/// `bundle` and, each a line and indented beneath what it includes, those of `among` that include it, directly or not. One
/// that is on several ways is told with all that is beneath it only once.
pub fn dependents_tree(release: &Release, bundle: &BundleName, among: &BTreeSet<BundleName>) -> String {
    let mut told = BTreeSet::new();
    let mut text = String::new();
    let mut open = vec![(0, bundle)];
    while let Some((depth, name)) = open.pop() {
        text.push_str(&format!("{:indent$}{name}\n", "", indent = 2 * depth));
        if told.insert(name) {
            let includes =
                |other: &&BundleName| release.bundles.get(*other).is_some_and(|offer| offer.includes.contains(name));
            // From a stack, the last comes first.
            open.extend(among.iter().rev().filter(includes).map(|other| (depth + 1, other)));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Up to three bundles of the release whose names look like `name`, most similar first.
pub fn similar(name: &BundleName, release: &Release) -> Vec<BundleName> {
    let mut ranked: Vec<(f64, &BundleName)> = release
        .bundles
        .keys()
        .map(|known| (strsim::jaro_winkler(name.as_str(), known.as_str()), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .collect();
    ranked.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.cmp(y)));
    ranked.into_iter().take(3).map(|(_, known)| known.clone()).collect()
}
