//! Tests of the search index.

use proptest::prelude::*;

use super::*;

type Listing = BTreeMap<String, BTreeSet<String>>;

/// What an index says, by path with the leading `usr/`.
fn listing(index: &SearchIndex) -> Result<Listing, SearchError> {
    let mut found = Listing::new();
    index.visit(|path, set| {
        let bundles = set.iter().map(|bundle| index.bundles()[*bundle].to_string()).collect();
        assert_eq!(found.insert(format!("usr/{path}"), bundles), None, "each path once");
    })?;
    Ok(found)
}

fn made(listing: &Listing) -> Vec<u8> {
    let paths: Vec<TreePath> = listing.keys().map(|path| path.parse().expect("a path")).collect();
    let names: BTreeSet<BundleName> = listing.values().flatten().map(|name| name.parse().expect("a name")).collect();
    let having =
        |name: &BundleName| paths.iter().filter(|path| listing[path.as_str()].contains(name.as_str())).collect();
    SearchIndex::make(&names.iter().map(|name| (name, having(name))).collect())
}

#[test]
fn the_golden_index_is_read_and_made() {
    let golden = include_bytes!("../../fixtures/golden/search-1/index");
    let text = include_str!("../../fixtures/golden/search-1/listing");
    let line = |line: &str| {
        let (path, bundles) = line.split_once('\t').expect("a path and bundles");
        (path.to_owned(), bundles.split(' ').map(str::to_owned).collect())
    };
    let wanted: Listing = text.lines().map(line).collect();
    let index = SearchIndex::parse(golden.to_vec()).expect("an index");
    assert_eq!(listing(&index).expect("sound"), wanted);
    assert_eq!(made(&wanted), golden);
    let (compressed, length) = (SearchIndex::compress(golden), golden.len() as u64);
    assert_eq!(SearchIndex::expand(&compressed, length).expect("its own"), golden);
    assert_eq!(SearchIndex::expand_unsigned(&compressed).expect("its own"), golden);
    assert!(
        SearchIndex::expand(&compressed, length - 1).is_err() && SearchIndex::expand(&compressed, length + 1).is_err()
    );
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let sets = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let listing = Listing::from([("usr/ab".to_owned(), sets(&["a", "b"])), ("usr/ac".to_owned(), sets(&["b"]))]);
    let good = made(&listing);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    // magic 8, counts 12, names 4, sets 12 and 8, shared 2, sets of paths 8, tails 5
    assert_eq!(good.len(), 8 + 12 + 4 + 20 + 2 + 8 + 5);
    for (bytes, wanted) in [
        (changed(7, b'2'), "format"),
        (changed(18, 0x40), "too many"),
        (changed(20, b'/'), "name"),
        (changed(20, b'c'), "not in order"),
        (changed(24, 0), "none"),
        (changed(28, 1), "none"),
        (changed(32, 2), "none"),
        (changed(44, 1), "shares more"),
        (changed(45, 3), "shares more"),
        (changed(46, 2), "no bundle"),
        (changed(57, b'a'), "not in order"),
        (changed(57, 0xff), "UTF-8"),
        ([&good[..], b"x"].concat(), "behind"),
        (good[..good.len() - 1].to_vec(), "early"),
        (good[..50].to_vec(), "early"),
        (good[..19].to_vec(), "early"),
    ] {
        let error = SearchIndex::parse(bytes).and_then(|index| index.visit(|_, _| ())).expect_err(wanted);
        assert!(error.to_string().contains(wanted), "{wanted}: {error}");
    }
}

proptest! {
    #[test]
    fn what_is_made_says_what_it_was_made_of(
        files in prop::collection::btree_map(
            "usr/(bin|lib/[a-c]{1,3}|sh\u{e9}|share/x{200,250})/[a-f\u{e9}\u{e8} '-]{1,6}",
            prop::collection::btree_set("[a-d]", 1..4),
            0..40,
        )
    ) {
        let plain = made(&files);
        let index = SearchIndex::parse(plain).expect("its own");
        prop_assert_eq!(listing(&index).expect("its own"), files);
    }
}
