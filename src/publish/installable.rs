//! Whether a machine can have each bundle of a release: a client refuses what is too much together, however good each manifest
//! is alone, and it refuses it on every machine.

use super::compose::closure;
use crate::manifest::{BundleManifest, ManifestError, Release, ReleaseError};
use crate::types::BundleName;

/// A bundle that no machine can have.
#[derive(Debug, thiserror::Error)]
#[error("no machine can install bundle {bundle} with all that it includes")]
pub struct NotInstallable {
    /// The bundle.
    pub bundle: BundleName,
    /// What a client says.
    pub source: Refusal,
}

/// What a client says of bundles that are too much together.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Their manifests are too long.
    #[error(transparent)]
    Manifests(#[from] ReleaseError),
    /// They have too many entries.
    #[error(transparent)]
    Entries(#[from] ManifestError),
}

/// Asks for each bundle, with all that it includes, what a client asks before it installs it. `entries` says how many a bundle
/// has.
///
/// # Errors
/// For the first bundle that a client would refuse.
pub fn check_bundles(release: &Release, entries: impl Fn(&BundleName) -> usize) -> Result<(), NotInstallable> {
    let includes = |bundle: &BundleName| {
        release.bundles.get(bundle).map(|offer| offer.includes.iter().cloned().collect()).unwrap_or_default()
    };
    let check = |bundle: &BundleName| -> Result<(), Refusal> {
        let together = closure(bundle, includes);
        release.check_manifests(&together)?;
        let mut sum = 0;
        together.iter().try_for_each(|part| {
            sum += entries(part);
            BundleManifest::check_count(part, sum)
        })?;
        Ok(())
    };
    let named = |bundle: &BundleName, source| NotInstallable { bundle: bundle.clone(), source };
    release.bundles.keys().try_for_each(|bundle| check(bundle).map_err(|source| named(bundle, source)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::error::Error as _;

    use super::*;
    use crate::manifest::{BundleOffer, ManifestName, Status};
    use crate::types::{Digest, Version};

    fn offer(length: u64, includes: &[&str]) -> BundleOffer {
        BundleOffer {
            title: String::new(),
            description: String::new(),
            status: Status::Active,
            includes: includes.iter().map(|name| name.parse().expect("a name")).collect(),
            also_add: BTreeSet::new(),
            manifest: ManifestName { sha256: Digest::of(b""), length, wire_bytes: 1 },
            files: 0,
            disk_bytes: 0,
            download_bytes: 0,
        }
    }

    #[test]
    fn what_is_too_much_together_is_refused() {
        const BYTES: u64 = BundleManifest::MAX_BYTES;
        const ENTRIES: usize = BundleManifest::MAX_ENTRIES;
        // How much os-core, web, and server have, which includes web, and what is said of which.
        type Said = Option<(&'static str, &'static str)>;
        let cases: [([u64; 3], [usize; 3], Said); 5] = [
            ([BYTES - 2, 1, 1], [ENTRIES - 2, 1, 1], None),
            ([BYTES - 1, 1, 1], [1, 1, 1], Some(("server", "67108865 bytes, more than 67108864"))),
            ([BYTES, 1, 1], [1, 1, 1], Some(("server", "67108866 bytes"))),
            ([1, BYTES, 0], [1, 1, 1], Some(("server", "67108865 bytes"))),
            ([1, 1, 1], [ENTRIES - 1, 1, 1], Some(("server", "more than 524288 entries"))),
        ];
        for (bytes, entries, wanted) in cases {
            let version = Version::new(10).expect("not zero");
            let mut release = Release::new(version, 0, version);
            let names = ["os-core", "web", "server"];
            for (place, name) in names.into_iter().enumerate() {
                let includes: &[&str] = if name == "server" { &["web"] } else { &[] };
                release.bundles.insert(name.parse().expect(name), offer(bytes[place], includes));
            }
            let count = |bundle: &BundleName| {
                entries[names.iter().position(|name| *name == bundle.as_str()).expect("one of them")]
            };
            let refused = check_bundles(&release, count).err();
            let said = refused.map(|error| (error.bundle.to_string(), error.source().expect("a reason").to_string()));
            match (&said, wanted) {
                (Some((bundle, reason)), Some((name, words))) => {
                    assert!(bundle == name && reason.contains(words), "{said:?}: {wanted:?}");
                }
                (said, wanted) => assert!(said.is_none() && wanted.is_none(), "{said:?}: {wanted:?}"),
            }
        }
    }
}
