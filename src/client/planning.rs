//! The planner, asked with what a run knows.

use std::collections::{BTreeMap, BTreeSet};

use super::route::Packs;
use super::session::Session;
use super::trees::Installed;
use crate::manifest::{PackOffer, Release, Tree};
use crate::plan::{Memory, UpdatePlan, Work, missing_blobs, plan, worth_a_look};
use crate::types::{BundleName, Digest};

/// The plan from what is installed to `target`, with these packs and what an earlier run left.
pub(super) fn plan_now(
    session: &Session,
    installed: &Installed,
    target: &Tree,
    packs: &Packs,
    memory: &Memory,
) -> UpdatePlan {
    plan(installed.present(), target, &packs.offers(), memory, session.settings.terms)
}

/// The blobs that are fetched alone.
pub(super) fn alone(planned: &UpdatePlan) -> BTreeSet<Digest> {
    planned.work.iter().flatten().filter_map(Work::object).collect()
}

/// The packs from nothing whose heads are worth reading, for what neither the live tree nor `packs` has.
pub(super) fn from_nothing(
    session: &Session,
    release: &Release,
    blobs: &BTreeMap<BundleName, Vec<Digest>>,
    installed: &Installed,
    target: &Tree,
    packs: &Packs,
    memory: &Memory,
) -> Vec<PackOffer> {
    let alone = alone(&plan_now(session, installed, target, packs, memory));
    let mut missing = missing_blobs(installed.present(), target);
    missing.retain(|need| alone.contains(&need.digest));
    let blobs = |bundle: &BundleName| -> BTreeSet<Digest> {
        blobs.get(bundle).into_iter().flatten().filter(|digest| alone.contains(digest)).copied().collect()
    };
    let packs = release.packs.iter().filter(|pack| pack.from.is_none());
    let packs: Vec<_> = packs.filter_map(|pack| Some((pack.clone(), blobs(pack.bundle.as_ref()?)))).collect();
    worth_a_look(&packs, &missing).into_iter().cloned().collect()
}
