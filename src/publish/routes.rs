//! What a new release costs machines with all bundles that are at older ones: for each the cheapest route, found as clients find it. (A
//! client that is offered one pack for the whole way takes that, and looks for no longer way.)

use super::PublishError;
use super::published;
use crate::manifest::Release;
use crate::plan::{Found, Offered, Route};
use crate::site::Site;
use crate::types::Version;

/// So many older releases are looked at.
const RELEASES: usize = 8;

/// The cheapest routes to `release` from the releases before it, newest first.
///
/// # Errors
/// When the document of one of them is not as signed. Where one is missing, history ends.
pub fn routes_to(site: &Site, release: &Release) -> Result<Vec<(Version, Route)>, PublishError> {
    let mut older: Vec<Release> = Vec::new();
    let mut next = release.before().cloned();
    while let Some(name) = next.filter(|_| older.len() < RELEASES) {
        if site.length(&Release::path(name.version, name.sha256))?.is_none() {
            break;
        }
        let old = published::release(site, &name)?;
        next = old.before().cloned();
        older.push(old);
    }
    let oldest = older.last().map_or(release.version, |oldest| oldest.version);
    let mut offered = Offered::default();
    let all = |release: &Release| release.bundles.keys().cloned().collect();
    offered.add_from_nothing(release, &all(release));
    older.iter().chain([release]).for_each(|release| offered.add_steps(release, oldest, &all(release)));
    let route = |old: &Release| match offered.search(Some(old.version), release.version) {
        Found::Route(route) => Some((old.version, route)),
        Found::Unknown(_) | Found::Nothing => None,
    };
    Ok(older.iter().filter_map(route).collect())
}
