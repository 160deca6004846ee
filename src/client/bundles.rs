//! `bundle-add`, `bundle-remove`, `bundle-list`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::engine::{Goal, Overrides};
use super::remember::go_remembered;
use super::session::{Session, check_floor};
use super::{AddRequest, BundleFilter, BundleRow, ClientError, RemoveRequest, Settings, Thoroughness, Transition};
use crate::manifest::Release;
use crate::plan::{BundleError, closure, dependents, dependents_tree, similar, with_recommended};
use crate::report::Reporter;
use crate::types::BundleName;

/// Subscribes to bundles and installs them, at the release that the machine has.
///
/// # Errors
/// [`BundleError::Unknown`] with suggestions when the release has no such bundle.
pub async fn bundle_add(
    settings: &Settings,
    request: &AddRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Transition, ClientError> {
    let session = Session::open(settings, request.mode, reporter)?;
    let release = session.installed_release()?;
    closure(&release.release, &request.bundles)?;
    // The release is known already, but whoever fetches asks first whether the publisher still stands by it.
    let floor = session.newest_release().await?.release.floor;
    check_floor(release.release.version, floor)?;
    let added = match request.skip_optional {
        true => request.bundles.clone(),
        false => with_recommended(&release.release, &request.bundles),
    };
    let subscriptions = session.subscriptions()?.union(&added).cloned().collect();
    let goal = Goal { release, subscriptions, overrides: Overrides::Silent };
    go_remembered(&session, "bundle-add", &goal, request.mode, Thoroughness::Changed).await
}

/// Ends subscriptions and removes what nothing else needs.
///
/// # Errors
/// When a bundle is no subscription, or other subscriptions need it and `recursive` was not asked for.
pub async fn bundle_remove(
    settings: &Settings,
    request: &RemoveRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Transition, ClientError> {
    let session = Session::open(settings, request.mode, reporter)?;
    let release = session.installed_release()?;
    let subscriptions = session.subscriptions()?;
    let removed = removed(&release.release, &subscriptions, request)?;
    let subscriptions = subscriptions.difference(&removed).cloned().collect();
    let goal = Goal { release, subscriptions, overrides: Overrides::Silent };
    go_remembered(&session, "bundle-remove", &goal, request.mode, Thoroughness::Changed).await
}

/// Lists bundles, without network: the live tree's record has its whole release document.
///
/// # Errors
/// When the root is not managed, or the filter names an unknown bundle.
pub fn bundle_list(
    settings: &Settings,
    filter: &BundleFilter,
    reporter: &Arc<dyn Reporter>,
) -> Result<Vec<BundleRow>, ClientError> {
    let session = Session::look(settings, reporter)?;
    let release = session.installed_release()?.release.into_inner();
    let subscriptions = session.subscriptions()?;
    let installed: BTreeSet<BundleName> = session.record()?.installed.bundles.keys().cloned().collect();
    let all: BTreeSet<BundleName> = release.bundles.keys().cloned().collect();
    let listed = match filter {
        BundleFilter::Installed => installed.clone(),
        BundleFilter::All => all,
        BundleFilter::DependenciesOf(name) => closure(&release, &[known(&release, name)?.clone()].into())?,
        BundleFilter::DependentsOf(name, everywhere) => {
            dependents(&release, known(&release, name)?, if *everywhere { &all } else { &installed })
        }
        BundleFilter::Orphans => {
            let needed = closure(&release, &subscriptions)?;
            installed.difference(&needed).cloned().collect()
        }
    };
    let row = |name: BundleName| {
        let offer = &release.bundles[&name];
        BundleRow {
            installed: installed.contains(&name),
            explicit: subscriptions.contains(&name),
            status: offer.status,
            title: offer.title.clone(),
            name,
        }
    };
    Ok(listed.into_iter().filter(|name| release.bundles.contains_key(name)).map(row).collect())
}

pub(super) fn known<'a>(release: &Release, name: &'a BundleName) -> Result<&'a BundleName, ClientError> {
    match release.bundles.contains_key(name) {
        true => Ok(name),
        false => {
            let (version, similar) = (release.version, similar(name, release));
            Err(BundleError::Unknown { version, name: name.clone(), similar }.into())
        }
    }
}

/// The subscriptions that end.
fn removed(
    release: &Release,
    subscriptions: &BTreeSet<BundleName>,
    request: &RemoveRequest,
) -> Result<BTreeSet<BundleName>, ClientError> {
    let mut removed = BTreeSet::new();
    for name in &request.bundles {
        if name.is_core() {
            return Err(ClientError::CoreStays);
        }
        let needed_by = dependents(release, name, subscriptions);
        if !subscriptions.contains(name) {
            let name = known(release, name)?.clone();
            if needed_by.is_empty() {
                return Err(ClientError::NotInstalled { name });
            }
            if !request.recursive {
                return Err(ClientError::NotSubscribed { name, because_of: needed_by.into_iter().collect() });
            }
        }
        let staying: Vec<BundleName> = needed_by.difference(&request.bundles).cloned().collect();
        if !staying.is_empty() && !request.recursive {
            let tree = dependents_tree(release, name, &closure(release, subscriptions)?);
            return Err(ClientError::Needed { name: name.clone(), needed_by: staying, tree });
        }
        removed.insert(name.clone());
        removed.extend(needed_by);
    }
    Ok(removed)
}
