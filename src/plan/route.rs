//! The cheapest way from a release, or from nothing, to another over packs on offer: one graph search, for the client
//! and the publisher alike.
//!
//! The nodes are releases, and nothing; an edge is a pack, or all packs from nothing of a release, with the bytes that it
//! takes and what its requests count for. A release document names the packs that lead *to* it, so the search goes
//! backwards from the target and asks for one more document only when the cheapest way so far ends there. Lengths are
//! those of whole packs, without those for bundles that the machine does not have; of the others one with fewer bundles
//! takes less, in about the same proportion.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::work::REQUEST_BYTES;
use crate::manifest::{PackOffer, Release};
use crate::types::{BundleName, Version};

/// A pack takes two requests: its head, and what is wanted of it.
const PACK_REQUESTS: u64 = 2;

/// What is known of what is on offer.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    /// For each release that is known, from where packs lead to it, and what they cost.
    into: BTreeMap<Version, BTreeMap<Option<Version>, u64>>,
}

/// A way to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it begins; none for nothing, where whoever is at a release can begin too.
    pub from: Option<Version>,
    /// The releases that it leads to, one after the other, the target last. None for whoever is there already.
    pub stops: Vec<Version>,
    /// What it costs, in bytes.
    pub bytes: u64,
}

/// What a search finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The cheapest way. Among equals it is one of the fewest packs.
    Route(Route),
    /// The cheapest way may lead through this release, of which nothing is known yet.
    Unknown(Version),
    /// There is no way.
    Nothing,
}

impl Offered {
    /// Notes what leads to a release: the packs for steps to it that are of use to whoever has these bundles and is at
    /// `oldest` or later.
    pub fn add_steps(&mut self, release: &Release, oldest: Version, bundles: &BTreeSet<BundleName>) {
        let from: BTreeSet<Version> = release.packs.iter().filter_map(|pack| pack.from).collect();
        let into = self.into.entry(release.version).or_default();
        for from in from.into_iter().filter(|from| (oldest..release.version).contains(from)) {
            into.extend(cost(release.packs_from(Some(from), bundles)).map(|cost| (Some(from), cost)));
        }
    }

    /// Notes that these bundles of a release can be had from nothing, if there are packs for that.
    pub fn add_from_nothing(&mut self, release: &Release, bundles: &BTreeSet<BundleName>) {
        let into = self.into.entry(release.version).or_default();
        into.extend(cost(release.packs_from(None, bundles)).map(|cost| (None, cost)));
    }

    /// Notes that nothing is to be had at a release.
    pub fn add_nothing(&mut self, release: Version) {
        self.into.entry(release).or_default();
    }

    /// Forgets a step whose packs turned out to be missing or bad.
    pub fn remove(&mut self, from: Version, to: Version) {
        if let Some(into) = self.into.get_mut(&to) {
            into.remove(&Some(from));
        }
    }

    /// The way of one step from one release to the other, if there is such a step.
    pub fn direct(&self, from: Version, to: Version) -> Option<Route> {
        let bytes = *self.into.get(&to)?.get(&Some(from))?;
        Some(Route { from: Some(from), stops: vec![to], bytes })
    }

    /// The cheapest way to `to` for whoever is at `from`, by Dijkstra's algorithm. Equal offers give equal routes.
    pub fn search(&self, from: Option<Version>, to: Version) -> Found {
        // The cost from a node to the target, the packs that it takes, and the release that comes next.
        let mut best: BTreeMap<Option<Version>, (u64, usize, Option<Version>)> = [(Some(to), (0, 0, None))].into();
        // Cheapest first, then fewest packs, then the newest release.
        let mut open = BTreeSet::from([(0, 0, Reverse(Some(to)))]);
        while let Some((bytes, packs, Reverse(node))) = open.pop_first() {
            let Some(release) = node.filter(|_| node != from) else {
                return Found::Route(Route { from: node, stops: stops(&best, node), bytes });
            };
            let Some(into) = self.into.get(&release) else { return Found::Unknown(release) };
            for (&before, cost) in into {
                let way = (bytes.saturating_add(*cost), packs + 1);
                let known = best.get(&before).map(|(bytes, packs, _)| (*bytes, *packs));
                if known.is_none_or(|known| way < known) {
                    if let Some((bytes, packs)) = known {
                        open.remove(&(bytes, packs, Reverse(before)));
                    }
                    best.insert(before, (way.0, way.1, Some(release)));
                    open.insert((way.0, way.1, Reverse(before)));
                }
            }
        }
        Found::Nothing
    }
}

impl Route {
    /// The packs for steps that it takes, each by the release that it leads from and the one that it leads to.
    pub fn steps(&self) -> impl Iterator<Item = (Version, Version)> + '_ {
        let begins = self.from.into_iter().chain(self.stops.iter().copied());
        let skipped = usize::from(self.from.is_none());
        begins.zip(self.stops[skipped.min(self.stops.len())..].iter().copied())
    }
}

/// What packs cost together; none when there are none.
fn cost(packs: Vec<&PackOffer>) -> Option<u64> {
    let costs = packs.into_iter().map(|pack| pack.length.saturating_add(PACK_REQUESTS * REQUEST_BYTES));
    costs.reduce(u64::saturating_add)
}

fn stops(best: &BTreeMap<Option<Version>, (u64, usize, Option<Version>)>, from: Option<Version>) -> Vec<Version> {
    let next = |node: &Version| best.get(&Some(*node)).and_then(|(_, _, next)| *next);
    std::iter::successors(best.get(&from).and_then(|(_, _, next)| *next), next).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::HeadName;
    use crate::types::Digest;

    fn version(number: u32) -> Version {
        Version::new(number).expect("not zero")
    }

    /// Packs (from, to, bytes) of which each counts for exactly its bytes; every release up to `newest` is known.
    fn offered(newest: u32, packs: &[(u32, u32, u64)]) -> Offered {
        let mut offered = Offered::default();
        (1..=newest).for_each(|number| offered.add_nothing(version(number)));
        for &(from, to, bytes) in packs {
            let into = offered.into.entry(version(to)).or_default();
            let known = into.entry(Version::new(from)).or_insert(bytes);
            *known = bytes.min(*known);
        }
        offered
    }

    fn found(offered: &Offered, from: u32, to: u32) -> (Option<u32>, Vec<u32>, u64) {
        match offered.search(Version::new(from), version(to)) {
            Found::Route(route) => {
                let stops = route.stops.iter().map(|stop| stop.number()).collect();
                (route.from.map(Version::number), stops, route.bytes)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_cheapest_way_is_taken() {
        let packs = [(3, 4, 10), (2, 3, 10), (1, 2, 10), (2, 4, 15), (1, 4, 26), (0, 4, 100), (0, 3, 80)];
        let all = offered(5, &packs);
        for (from, to, wanted) in [
            (4, 4, (Some(4), vec![], 0)),
            (3, 4, (Some(3), vec![4], 10)),
            (2, 4, (Some(2), vec![4], 15)),
            (1, 4, (Some(1), vec![2, 4], 25)),
            (1, 3, (Some(1), vec![2, 3], 20)),
            (0, 4, (None, vec![3, 4], 90)),
            (5, 4, (None, vec![3, 4], 90)),
        ] {
            assert_eq!(found(&all, from, to), wanted, "from {from} to {to}");
        }
        assert_eq!(all.search(Some(version(4)), version(5)), Found::Nothing);
        let mut without = all.clone();
        assert!(without.direct(version(1), version(2)).is_some());
        without.remove(version(1), version(2));
        assert_eq!(found(&without, 1, 4), (Some(1), vec![4], 26));
        // Among equals the fewest packs, and a step before a beginning from nothing.
        assert_eq!(found(&offered(3, &[(1, 2, 5), (2, 3, 5), (1, 3, 10), (0, 3, 10)]), 1, 3), (Some(1), vec![3], 10));
    }

    #[test]
    fn documents_are_asked_for_only_on_the_cheapest_way() {
        let mut offered = Offered::default();
        assert_eq!(offered.search(Some(version(1)), version(9)), Found::Unknown(version(9)));
        let mut release = Release::new(version(9), 0, version(1));
        let (core, web): (BundleName, BundleName) = (BundleName::core(), "web".parse().expect("a name"));
        let (own, both) = (BTreeSet::from([core.clone()]), BTreeSet::from([core.clone(), web.clone()]));
        let pack = |from: Option<u32>, length| PackOffer {
            from: from.map(version),
            bundle: from.is_none().then(|| core.clone()),
            path: String::new(),
            head: HeadName { sha256: Digest::of(b""), length: 0 },
            length,
        };
        release.packs = vec![pack(Some(8), 10), pack(Some(2), 10), pack(Some(7), 30_000), pack(None, 20_000)];
        offered.add_steps(&release, version(3), &own);
        offered.add_from_nothing(&release, &own);
        assert!(offered.direct(version(2), version(9)).is_none(), "it is too old to be of use");
        assert_eq!(offered.search(Some(version(3)), version(9)), Found::Unknown(version(8)));
        offered.add_nothing(version(8));
        let Found::Route(route) = offered.search(Some(version(3)), version(9)) else { panic!("from nothing") };
        assert_eq!((route.from, route.bytes), (None, 20_000 + 2 * REQUEST_BYTES));
        assert_eq!(route.steps().count(), 0);
        // Of two packs of one bundle the shorter counts.
        release.packs.push(pack(None, 90_000));
        let mut offered = Offered::default();
        offered.add_from_nothing(&release, &own);
        let Found::Route(route) = offered.search(None, version(9)) else { panic!("from nothing") };
        assert_eq!(route.bytes, 20_000 + 2 * REQUEST_BYTES);
        // A pack for one bundle counts for machines that have it, and comes on top of that for all.
        release.packs.push(PackOffer { bundle: Some(web), ..pack(Some(8), 500) });
        for (bundles, bytes) in [(&own, 10 + 2 * REQUEST_BYTES), (&both, 510 + 4 * REQUEST_BYTES)] {
            let mut offered = Offered::default();
            offered.add_steps(&release, version(3), bundles);
            assert_eq!(offered.direct(version(8), version(9)).map(|route| route.bytes), Some(bytes));
        }
        // Without packs from nothing that is no way, least of all one that costs nothing.
        release.packs.clear();
        let mut offered = Offered::default();
        offered.add_steps(&release, version(3), &own);
        offered.add_from_nothing(&release, &own);
        assert_eq!(offered.search(Some(version(3)), version(9)), Found::Nothing);
    }

    #[test]
    fn steps_lead_from_one_release_to_the_next() {
        let route = |from: Option<u32>, stops: &[u32]| Route {
            from: from.map(version),
            stops: stops.iter().copied().map(version).collect(),
            bytes: 0,
        };
        let steps = |route: Route| route.steps().map(|(a, b)| (a.number(), b.number())).collect::<Vec<_>>();
        assert_eq!(steps(route(Some(1), &[2, 4])), [(1, 2), (2, 4)]);
        assert_eq!(steps(route(None, &[2, 4])), [(2, 4)]);
        assert_eq!(steps(route(Some(1), &[])), []);
    }

    /// The least cost of all ways, each tried out.
    fn exhaustive(packs: &[(u32, u32, u64)], from: u32, to: u32, left: u32) -> Option<u64> {
        if from == to {
            return Some(0);
        }
        let last = packs.iter().filter(|pack| pack.1 == to && left > 0);
        let ways = last.filter_map(|&(before, _, bytes)| {
            let so_far = if before == 0 { Some(0) } else { exhaustive(packs, from, before, left - 1) };
            Some(so_far? + bytes)
        });
        ways.min()
    }

    proptest! {
        #[test]
        fn no_way_is_cheaper(
            packs in prop::collection::vec((0u32..7, 1u32..7, 0u64..9), 0..16),
            from in 0u32..7,
            to in 1u32..7,
        ) {
            let all = offered(7, &packs);
            match (all.search(Version::new(from), version(to)), exhaustive(&packs, from, to, 7)) {
                (Found::Route(route), Some(least)) => {
                    prop_assert_eq!(route.bytes, least);
                    let mut at = route.from.map_or(0, Version::number);
                    let mut bytes = 0;
                    for stop in &route.stops {
                        let step = packs.iter().filter(|pack| (pack.0, pack.1) == (at, stop.number()));
                        bytes += step.map(|pack| pack.2).min().expect("a pack that is on offer");
                        at = stop.number();
                    }
                    prop_assert_eq!((at, bytes), (to, least));
                }
                (Found::Nothing, None) => {}
                (found, least) => prop_assert!(false, "{:?} {:?}", found, least),
            }
        }
    }
}
