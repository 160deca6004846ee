//! What a new release costs machines with all bundles that are at older ones: for each the cheapest route, found as clients
//! find it. (A client that is offered one pack for the whole way takes that, and looks for no longer way.)

use std::collections::{BTreeMap, BTreeSet};

use super::PublishError;
use super::published::{self, History};
use crate::manifest::{PackOffer, Release};
use crate::plan::{Found, Offered, Route};
use crate::site::Site;
use crate::types::{BundleName, Version};

/// The cheapest way from a release, and the packs on it. What a route costs is no length: its requests count, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackRoute {
    /// The release that it is the way from.
    pub from: Version,
    /// The way.
    pub route: Route,
    /// How many packs are on it.
    pub packs: u64,
    /// Their lengths together.
    pub bytes: u64,
}

/// So many older releases are looked at.
const RELEASES: usize = 8;

/// The cheapest routes to `release` from the releases before it, newest first.
///
/// # Errors
/// When the document of one of them is not as signed. Where one is missing, or was dropped, history ends: what it led to may be
/// gone, also where the document is still there.
pub fn routes_to(site: &Site, release: &Release, history: &History) -> Result<Vec<PackRoute>, PublishError> {
    let mut older: Vec<Release> = Vec::new();
    let mut next = history.before(release).cloned();
    while let Some(name) = next.filter(|_| older.len() < RELEASES) {
        if site.length(&Release::path(name.version, name.sha256))?.is_none() {
            break;
        }
        let old = published::release(site, &name)?;
        next = history.before(&old).cloned();
        older.push(old);
    }
    let oldest = older.last().map_or(release.version, |oldest| oldest.version);
    let mut offered = Offered::default();
    let all = |release: &Release| release.bundles.keys().cloned().collect::<BTreeSet<BundleName>>();
    offered.add_from_nothing(release, &all(release));
    older.iter().chain([release]).for_each(|release| offered.add_steps(release, oldest, &all(release)));
    let documents: BTreeMap<Version, &Release> = older.iter().chain([release]).map(|one| (one.version, one)).collect();
    let route = |old: &Release| match offered.search(Some(old.version), release.version) {
        Found::Route(route) => {
            let first = route.stops.first().filter(|_| route.from.is_none()).map(|first| (None, *first));
            let hops = first.into_iter().chain(route.steps().map(|(from, to)| (Some(from), to)));
            let packs = hops.flat_map(|(from, to)| documents[&to].packs_from(from, &all(documents[&to])));
            let packs: Vec<&PackOffer> = packs.collect();
            let bytes = packs.iter().map(|pack| pack.length).sum();
            let packs = packs.len() as u64;
            Some(PackRoute { from: old.version, route, packs, bytes })
        }
        Found::Unknown(_) | Found::Nothing => None,
    };
    Ok(older.iter().filter_map(route).collect())
}
