//! The planner, asked with what a run knows, and what of its answer people should know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::route::Packs;
use super::session::Session;
use super::trees::Installed;
use crate::manifest::{PackOffer, Release, Tree};
use crate::plan::{Carried, Memory, UpdatePlan, Work, missing_blobs, plan, worth_a_look};
use crate::report::Event;
use crate::state::{HOME, Slot};
use crate::types::{BundleName, Digest, Version};

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

/// Warns of what the administrator has in his own places where the release has something, too.
pub(super) fn tell_displaced(session: &Session, carried: &Carried, to: Version) {
    if let Some(names) = some_of(&carried.displaced) {
        session.reporter.report(Event::Warning(format!(
            "release {to} has something of its own in place of {names}; what is there now lies in {HOME}/{} afterwards, until \
             the next transition",
            Slot::Previous.name()
        )));
    }
}

/// The first of these paths, and how many more there are; nothing for none.
fn some_of(paths: &[PathBuf]) -> Option<String> {
    let named: Vec<String> = paths.iter().take(5).map(|path| format!("usr/{}", path.display())).collect();
    match paths.len() - named.len() {
        _ if named.is_empty() => None,
        0 => Some(named.join(", ")),
        more => Some(format!("{} and {more} more", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_paths_are_named_and_the_others_counted() {
        for (count, wanted) in [
            (0, None),
            (2, Some("usr/src/0, usr/src/1")),
            (5, Some("usr/src/0, usr/src/1, usr/src/2, usr/src/3, usr/src/4")),
            (9, Some("usr/src/0, usr/src/1, usr/src/2, usr/src/3, usr/src/4 and 4 more")),
        ] {
            let paths: Vec<PathBuf> = (0..count).map(|number| format!("src/{number}").into()).collect();
            assert_eq!(some_of(&paths).as_deref(), wanted);
        }
    }
}
