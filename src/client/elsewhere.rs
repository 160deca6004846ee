//! What the machine's trees have of what a target needs, beside the intact files of the live one: manifests and files of the
//! other two, which after a rollback is all of it, and files of the live one that differ in their metadata alone. Nothing is
//! asked of anybody for it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::ClientError;
use super::session::Session;
use crate::manifest::{ManifestName, Release, Tree};
use crate::plan::Need;
use crate::state::Record;
use crate::tree::{Age, Fingerprints, find};
use crate::types::{BundleName, Digest, Entry, Slot, TreePath};

/// The trees beside the live one.
const OTHERS: [Slot; 2] = [Slot::Previous, Slot::Next];

impl Session {
    /// Whether the records of the machine's trees have all manifests of `bundles` in a release.
    pub fn has_manifests(&self, release: &Release, bundles: &BTreeSet<BundleName>) -> Result<bool, ClientError> {
        let others = self.other_records()?;
        let has = |bundle: &BundleName| {
            let wanted = release.bundles.get(bundle).map(|offer| &offer.manifest.sha256);
            wanted.is_some()
                && self.record.iter().chain(&others).any(|record| record.installed.bundles.get(bundle) == wanted)
        };
        Ok(bundles.iter().all(has))
    }

    /// Files with content that the target misses: of the live tree those that were `altered`, of the other two any.
    pub fn elsewhere(
        &self,
        altered: &[&Entry],
        target: &Tree,
        missing: &[Need],
    ) -> Result<HashMap<Digest, (Slot, TreePath)>, ClientError> {
        let mut wanted: HashSet<Digest> = missing.iter().map(|need| need.digest).collect();
        let mut found = HashMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        let known = Fingerprints::parse(&self.machine.cached_fingerprints()?);
        let of_target: Vec<&Entry> = target.entries().iter().collect();
        // Their own entries say what they had, and their age may be what was altered.
        let live = (Slot::Live, (altered, Age::Ignored));
        let others = OTHERS.map(|slot| (slot, (&of_target[..], Age::Compared)));
        for (slot, places) in std::iter::once(live).chain(others) {
            if let Some(tree) = self.machine.tree(slot)? {
                for (digest, path) in find(&tree, places, &wanted, &known) {
                    wanted.remove(&digest);
                    found.insert(digest, (slot, path));
                }
            }
        }
        Ok(found)
    }

    /// What the other two trees say of themselves, as far as they do.
    pub fn other_records(&self) -> Result<Vec<Record>, ClientError> {
        let records = OTHERS.into_iter().map(|slot| self.machine.other_record(slot));
        Ok(records.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }
}

/// A manifest that one of these records has.
pub(super) fn kept_text<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    bundle: &BundleName,
    name: &ManifestName,
) -> Option<Vec<u8>> {
    let has = |record: &&Record| record.installed.bundles.get(bundle) == Some(&name.sha256);
    records.into_iter().filter(has).find_map(|record| record.manifest_json(bundle, name.length))
}
