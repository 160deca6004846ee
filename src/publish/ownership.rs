//! Which machines have a blob: those whose bundles have it, directly or by inclusion.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::compose::closure;
use crate::types::{BundleName, Digest, Entry};

/// The bundles of one release: entries and includes of each.
pub type Bundles<'a> = BTreeMap<&'a BundleName, (&'a [Entry], Vec<&'a BundleName>)>;

/// A set of bundles, by their places in one [`Names`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleSet(Vec<u64>);

/// The bundles of all releases that are looked at together, in order.
#[derive(Clone, Debug)]
pub struct Names(Vec<BundleName>);

/// For each blob of one release, the bundles that bring it to a machine that subscribes to them.
#[derive(Clone, Debug, Default)]
pub struct Holders {
    /// The bundles of the release.
    pub bundles: BundleSet,
    by_blob: HashMap<Digest, BundleSet>,
    /// For each bundle, those that bring it to a machine: itself, and whatever includes it.
    by_bundle: BTreeMap<BundleName, BundleSet>,
    nobody: BundleSet,
}

impl BundleSet {
    /// Adds the bundle at `place`.
    pub fn insert(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    /// Adds all bundles of another set.
    pub fn insert_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    /// The bundles of this set that `other` has too.
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine & theirs).collect())
    }

    /// The bundles of this set that `other` lacks.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine & !theirs).collect())
    }

    /// Whether `other` has all bundles of this set.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.without(other).is_empty()
    }

    /// Whether there is no bundle in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many bundles are in it.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

impl Names {
    /// All these names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a BundleName>) -> Self {
        Self(names.into_iter().cloned().collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// A set without bundles.
    pub fn empty(&self) -> BundleSet {
        BundleSet(vec![0; self.0.len().div_ceil(64)])
    }

    fn place(&self, name: &BundleName) -> usize {
        self.0.binary_search(name).expect("all bundles were named when the set was made")
    }

    /// Who has which blob in a release of these bundles: each with its entries and includes.
    ///
    /// # Panics
    /// When a bundle is not among the names.
    pub fn holders(&self, release: &Bundles<'_>) -> Holders {
        let mut holders = Holders { bundles: self.empty(), nobody: self.empty(), ..Holders::default() };
        for &bundle in release.keys() {
            holders.bundles.insert(self.place(bundle));
            for included in closure(bundle, |name| includes(release, name)) {
                holders.by_bundle.entry(included).or_insert_with(|| self.empty()).insert(self.place(bundle));
            }
        }
        for (bundle, (entries, _)) in release {
            for digest in entries.iter().filter_map(|entry| entry.kind.digest()) {
                let set = holders.by_blob.entry(digest).or_insert_with(|| self.empty());
                set.insert_all(&holders.by_bundle[*bundle]);
            }
        }
        holders
    }
}

impl Holders {
    /// The bundles that bring this blob.
    pub fn of(&self, blob: Digest) -> &BundleSet {
        self.by_blob.get(&blob).unwrap_or(&self.nobody)
    }

    /// The bundle that just these machines have, if there is one.
    pub fn bundle_of(&self, machines: &BundleSet) -> Option<&BundleName> {
        self.by_bundle.iter().find(|(_, set)| *set == machines).map(|(bundle, _)| bundle)
    }
}

/// What a bundle of a release names as included.
pub fn includes(bundles: &Bundles<'_>, bundle: &BundleName) -> Vec<BundleName> {
    bundles.get(bundle).map(|(_, includes)| includes.iter().map(|name| (*name).clone()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Kind, Metadata, Version};

    fn name(text: &str) -> BundleName {
        text.parse().expect(text)
    }

    fn file(path: &str, content: &str) -> Entry {
        let (digest, size) = (Digest::of(content.as_bytes()), content.len() as u64);
        let since = Version::new(1).expect("not zero");
        let kind = Kind::File { size, digest, object_bytes: 0, since };
        Entry { path: path.parse().expect(path), kind, metadata: Metadata::default() }
    }

    #[test]
    fn a_blob_comes_with_every_bundle_that_includes_its_owner() {
        let [core, web, site, dev] = ["os-core", "web", "site", "dev"].map(name);
        let names = Names::new([&core, &web, &site, &dev]);
        let (a, b, c) = ([file("usr/a", "a")], [file("usr/b", "b")], [file("usr/c", "c"), file("usr/b", "b")]);
        let release = BTreeMap::from([
            (&core, (&a[..], vec![])),
            (&web, (&b[..], vec![])),
            (&site, (&[][..], vec![&web])),
            (&dev, (&c[..], vec![])),
        ]);
        let holders = names.holders(&release);
        let count = |content: &str| holders.of(Digest::of(content.as_bytes())).len();
        assert_eq!((count("a"), count("b"), count("c"), count("x")), (4, 3, 1, 0));
        let (b, c) = (holders.of(Digest::of(b"b")), holders.of(Digest::of(b"c")));
        assert!(c.is_subset_of(b) && !b.is_subset_of(c));
        assert_eq!((b.without(c).len(), b.and(c).len(), holders.bundles.len()), (2, 1, 4));
    }
}
