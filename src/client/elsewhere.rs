//! What the machine's other two trees have of what a target needs: manifests and files. After a rollback that is all of
//! it, and nothing is asked of anybody.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::ClientError;
use super::session::Session;
use crate::manifest::{ManifestName, Release, Tree};
use crate::plan::{Need, Place};
use crate::state::{Record, Slot};
use crate::tree::{Fingerprints, find};
use crate::types::{BundleName, Digest, TreePath};

/// The trees beside the live one, as plans and as the disk name them.
const OTHERS: [(Place, Slot); 2] = [(Place::Previous, Slot::Previous), (Place::Next, Slot::Next)];

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

    /// Files of the other two trees with content that the target misses.
    pub fn elsewhere(
        &self,
        target: &Tree,
        missing: &[Need],
    ) -> Result<HashMap<Digest, (Place, TreePath)>, ClientError> {
        let wanted: HashSet<Digest> = missing.iter().map(|need| need.digest).collect();
        let mut found = HashMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        let known = Fingerprints::parse(&self.machine.cached_fingerprints()?);
        for (place, slot) in OTHERS {
            if let Some(tree) = self.machine.tree(slot)? {
                for (digest, path) in find(&tree, target, &wanted, &known) {
                    found.entry(digest).or_insert((place, path));
                }
            }
        }
        Ok(found)
    }

    /// What the other two trees say of themselves, as far as they do.
    pub fn other_records(&self) -> Result<Vec<Record>, ClientError> {
        let records = OTHERS.into_iter().map(|(_, slot)| self.machine.other_record(slot));
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
