//! The release document: one release as a whole, its bundles, its packs, and the way back to older releases.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::each_once::each_once;
use super::{BundleOffer, DocumentError, Format, ManifestName, PackOffer, ReleaseName, read_document, write_document};
use crate::types::{BundleName, Digest, Version};

/// An older release that this one leads to.
pub type Predecessor = ReleaseName;

/// No pack is longer, in bytes.
const MAX_PACK_BYTES: u64 = 1 << 40;

/// One release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    format: Format<{ Release::FORMAT }>,
    /// The number.
    pub version: Version,
    /// When it was made, in seconds since the epoch. A signed time: clients take it as a lower bound of the present.
    pub published: i64,
    /// No client goes to a release below this one.
    pub floor: Version,
    /// Older releases, newest first: the 1st, 2nd, 4th, 8th ... before this one, so that any is a few steps away.
    #[serde(default)]
    pub predecessors: Vec<Predecessor>,
    /// All bundles.
    #[serde(deserialize_with = "each_once")]
    pub bundles: BTreeMap<BundleName, BundleOffer>,
    /// All packs.
    pub packs: Vec<PackOffer>,
    /// The search index; none where the publisher made none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<ManifestName>,
}

/// Why bytes are no release document.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Not the document that is wanted.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The document of another release.
    #[error("the document of release {wanted} is that of release {found}")]
    OtherRelease {
        /// The release that it was fetched for.
        wanted: Version,
        /// The release that it is.
        found: Version,
    },
    /// `os-core` is missing.
    #[error("release {0} has no bundle os-core")]
    NoCore(Version),
    /// An inclusion leads nowhere.
    #[error("release {version}: bundle {bundle} includes {missing}, which the release does not have")]
    UnknownInclude {
        /// The release.
        version: Version,
        /// The bundle that includes.
        bundle: BundleName,
        /// What it includes.
        missing: BundleName,
    },
    /// A place or number that no publisher writes.
    #[error("release {version}: {reason}")]
    BadField {
        /// The release.
        version: Version,
        /// Which, and why.
        reason: String,
    },
}

impl Release {
    /// The format number that is written and read.
    pub const FORMAT: u32 = 1;
    /// Longer documents are refused before they are read.
    pub const MAX_BYTES: u64 = 16 << 20;

    /// A release document with nothing on offer yet.
    pub fn new(version: Version, published: i64, floor: Version) -> Self {
        Self {
            format: Format,
            version,
            published,
            floor,
            predecessors: Vec::new(),
            bundles: BTreeMap::new(),
            packs: Vec::new(),
            search: None,
        }
    }

    /// Machines take the time at which a release was published for come: with one after the end of the timestamp that names it
    /// (in seconds since the epoch), that metadata and all that follows would look expired.
    ///
    /// # Errors
    /// When it is such a time.
    pub fn check_published(&self, timestamp_ends: i64) -> Result<(), ReleaseError> {
        if self.published <= timestamp_ends {
            return Ok(());
        }
        let reason = "it says that it was published after the metadata that names it ends".to_owned();
        Err(ReleaseError::BadField { version: self.version, reason })
    }

    /// The release before this one: the newest of the older ones, in whatever order a document names them.
    pub fn before(&self) -> Option<&Predecessor> {
        self.predecessors.iter().max_by_key(|older| older.version)
    }

    /// Where the document with this digest lies in a publication.
    pub fn path(version: Version, digest: Digest) -> String {
        format!("releases/{digest}.{version}.json")
    }

    /// Of which release the document is that lies at this path in a publication; none when no document lies there.
    pub fn version_at(path: &str) -> Option<Version> {
        path.strip_prefix("releases/")?.strip_suffix(".json")?.split_once('.')?.1.parse().ok()
    }

    /// Where the document with this digest lies as a delta to the one of an older release.
    pub fn delta_path(version: Version, digest: Digest, from: Version) -> String {
        format!("{}{from}", Self::delta_prefix(version, digest))
    }

    /// What all those have in common.
    pub fn delta_prefix(version: Version, digest: Digest) -> String {
        format!("releases/{digest}.{version}.from-")
    }

    /// Where the manifest with this digest lies in a publication.
    pub fn manifest_path(digest: Digest) -> String {
        format!("manifests/{digest}")
    }

    /// Where the search index with this digest lies in a publication.
    pub fn search_path(digest: Digest) -> String {
        format!("search/{digest}")
    }

    /// Where the object of this blob lies in a publication.
    pub fn object_path(digest: Digest) -> String {
        let name = digest.to_string();
        format!("objects/{}/{name}", &name[..2])
    }

    /// Reads the JSON of release `wanted`.
    ///
    /// # Errors
    /// When it is another release's, or refers to bundles that it does not have, or breaks a limit.
    pub fn parse(wanted: Version, json: &[u8]) -> Result<Self, ReleaseError> {
        if json.len() as u64 > Self::MAX_BYTES {
            let reason = format!("its document has {} bytes; {} are allowed", json.len(), Self::MAX_BYTES);
            return Err(ReleaseError::BadField { version: wanted, reason });
        }
        let release: Self = read_document(&format!("the document of release {wanted}"), Self::FORMAT, json)?;
        if release.version != wanted {
            return Err(ReleaseError::OtherRelease { wanted, found: release.version });
        }
        release.check()?;
        Ok(release)
    }

    /// The packs from an older release, or from nothing, that a machine with these bundles uses: that for all machines, and
    /// those for its bundles; the shortest where there are several of a kind.
    pub fn packs_from(&self, from: Option<Version>, bundles: &BTreeSet<BundleName>) -> Vec<&PackOffer> {
        let mut packs: BTreeMap<Option<&BundleName>, &PackOffer> = BTreeMap::new();
        for pack in self.packs.iter().filter(|pack| pack.from == from && pack.serves(bundles)) {
            let known = packs.entry(pack.bundle.as_ref()).or_insert(pack);
            if pack.length < known.length {
                *known = pack;
            }
        }
        packs.into_values().collect()
    }

    /// Checks that a machine may have all these bundles: that their manifests together are not longer than any may be.
    ///
    /// # Errors
    /// [`ReleaseError::BadField`] when they are.
    pub fn check_manifests<'a>(&self, bundles: impl IntoIterator<Item = &'a BundleName>) -> Result<(), ReleaseError> {
        let lengths =
            bundles.into_iter().filter_map(|bundle| self.bundles.get(bundle)).map(|offer| offer.manifest.length);
        let (bytes, limit) = (lengths.fold(0, u64::saturating_add), super::BundleManifest::MAX_BYTES);
        if bytes > limit {
            let reason = format!("the manifests of the wanted bundles have {bytes} bytes, more than {limit}");
            return Err(ReleaseError::BadField { version: self.version, reason });
        }
        Ok(())
    }

    /// The JSON.
    pub fn to_json(&self) -> Vec<u8> {
        write_document(self)
    }

    fn check(&self) -> Result<(), ReleaseError> {
        let version = self.version;
        let bad = |reason: String| Err(ReleaseError::BadField { version, reason });
        if !self.bundles.contains_key(BundleName::CORE) {
            return Err(ReleaseError::NoCore(version));
        }
        for (bundle, offer) in &self.bundles {
            if let Some(missing) = offer.includes.iter().find(|name| !self.bundles.contains_key(*name)) {
                let (bundle, missing) = (bundle.clone(), missing.clone());
                return Err(ReleaseError::UnknownInclude { version, bundle, missing });
            }
            if offer.manifest.length > super::BundleManifest::MAX_BYTES
                || offer.manifest.wire_bytes > super::BundleManifest::MAX_BYTES
            {
                return bad(format!("the manifest of {bundle} is longer than any may be"));
            }
        }
        if let Some(index) = &self.search
            && index.length.max(index.wire_bytes) > super::SearchIndex::MAX_BYTES
        {
            return bad("its search index is longer than any may be".to_owned());
        }
        if self.floor > version {
            return bad(format!("it says that no client may go below {}, so not to itself", self.floor));
        }
        if let Some(newer) = self.predecessors.iter().find(|older| older.version >= version) {
            return bad(format!("predecessor {} is not older", newer.version));
        }
        for pack in &self.packs {
            let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_path_byte);
            if !pack.path.starts_with("packs/") || !pack.path.split('/').all(plain) {
                return bad(format!("pack path {:?} is not one beneath packs/", pack.path));
            }
            if pack.from.is_none() && pack.bundle.is_none() {
                return bad(format!("pack {} starts from nothing and is for no bundle", pack.path));
            }
            if pack.head.length > pack.length || pack.length > MAX_PACK_BYTES {
                return bad(format!("pack {} has lengths that cannot be", pack.path));
            }
        }
        Ok(())
    }
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{HeadName, Status};

    fn sample() -> Release {
        let version = Version::new(20).expect("not zero");
        let mut release = Release::new(version, 1_700_000_000, Version::new(10).expect("not zero"));
        let offer = BundleOffer {
            title: "Core".to_owned(),
            description: String::new(),
            status: Status::Active,
            includes: BTreeSet::new(),
            also_add: BTreeSet::new(),
            manifest: ManifestName { sha256: Digest::of(b""), length: 1, wire_bytes: 2 },
            files: 1,
            disk_bytes: 2,
            download_bytes: 3,
        };
        release.bundles.insert(BundleName::core(), offer);
        let head = HeadName { sha256: Digest::of(b"head"), length: 4 };
        release.packs.push(PackOffer {
            from: None,
            bundle: Some(BundleName::core()),
            path: "packs/nothing-20/os-core".into(),
            head,
            length: 9,
        });
        release
    }

    #[test]
    fn written_and_read_again_it_is_the_same() {
        let release = sample();
        assert_eq!(Release::parse(release.version, &release.to_json()).expect("its own output"), release);
    }

    #[test]
    fn a_document_is_as_long_as_any_may_be_and_no_longer() {
        let mut json = sample().to_json();
        json.resize(Release::MAX_BYTES as usize, b' ');
        Release::parse(sample().version, &json).expect("just short enough");
        json.push(b' ');
        let error = Release::parse(sample().version, &json).expect_err("too long");
        assert!(error.to_string().contains("16777217 bytes; 16777216 are allowed"), "{error}");
    }

    #[test]
    fn the_release_before_is_the_newest_of_the_older_ones() {
        let older = |number| {
            let version = Version::new(number).expect("not zero");
            Predecessor { version, sha256: Digest::of(b""), length: 1 }
        };
        for (named, wanted) in [(&[][..], None), (&[19, 18, 16], Some(19)), (&[16, 19, 18], Some(19))] {
            let mut release = sample();
            release.predecessors = named.iter().map(|number| older(*number)).collect();
            let release = Release::parse(release.version, &release.to_json()).expect("its own output");
            assert_eq!(release.before().map(|before| before.version.number()), wanted, "{named:?}");
        }
    }

    #[test]
    fn what_no_publisher_writes_is_refused() {
        type Change = fn(&mut Release);
        let cases: [(Change, &str); 9] = [
            (|r| r.floor = Version::new(21).expect("not zero"), "no client may go below 21"),
            (|r| r.version = Version::new(21).expect("not zero"), "that of release 21"),
            (|r| r.bundles.clear(), "no bundle os-core"),
            (|r| r.packs[0].path = "packs/../../etc/x".into(), "not one beneath packs/"),
            (|r| r.packs[0].path = "objects/x".into(), "not one beneath packs/"),
            (|r| r.packs[0].head.length = 10, "lengths"),
            (|r| r.packs[0].bundle = None, "starts from nothing and is for no bundle"),
            (
                |r| r.search = Some(ManifestName { sha256: Digest::of(b""), length: 1 << 40, wire_bytes: 1 }),
                "search index",
            ),
            (
                |r| {
                    let core = r.bundles.get_mut(BundleName::CORE).expect("there");
                    core.includes.insert("ghost".parse().expect("a name"));
                },
                "includes ghost",
            ),
        ];
        for (change, wanted) in cases {
            let mut release = sample();
            change(&mut release);
            let error = Release::parse(sample().version, &release.to_json()).expect_err(wanted);
            assert!(error.to_string().contains(wanted), "{error}");
        }
        let future = String::from_utf8(sample().to_json()).expect("text").replace("\"format\": 1", "\"format\": 2");
        let error = Release::parse(sample().version, future.as_bytes()).expect_err("of the future");
        assert!(error.to_string().contains("format 2"), "{error}");
    }
}
