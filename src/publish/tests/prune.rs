//! Old releases are dropped, and all that is kept is whole.

use std::num::NonZeroUsize;

use super::*;
use crate::site::make_unreadable;

impl World {
    /// Releases 10 to 40, of which each changes one program and has packs from the two before.
    fn with_four() -> Self {
        let world = Self::new();
        for version in [10, 20, 30, 40] {
            world.write("os-core", "usr/bin/tool", &changed(version));
            release(&ReleaseRequest { deltas: 2, ..world.request(version) }, &Silent).expect("good input");
        }
        world
    }

    /// The same, of which a run that was to keep two releases was cut off right after it said so; and the paths
    /// of what it was to leave.
    fn with_four_and_a_cut() -> (Self, Vec<String>) {
        let (world, whole) = (Self::with_four(), Self::with_four());
        whole.prune(2, false).expect("a publication");
        let marker = "releases/oldest.json";
        fs::copy(whole.path("site").join(marker), world.path("site").join(marker)).expect("copy");
        (world, whole.paths())
    }

    fn prune(&self, keep: usize, dry_run: bool) -> Result<Pruned, PublishError> {
        let keep = NonZeroUsize::new(keep).expect("not zero");
        prune(&PruneRequest { site: self.path("site"), keep, dry_run })
    }

    /// Asserts that the publication is whole and has nothing of no use.
    fn assert_clean(&self, releases: u64, oldest: Option<u32>) {
        let checked = self.check();
        assert_eq!((checked.findings, checked.unreferenced), (vec![], vec![]));
        assert_eq!((checked.releases, checked.oldest), (releases, oldest.and_then(Version::new)));
    }

    fn paths(&self) -> Vec<String> {
        self.files().into_iter().map(|(path, _)| path).collect()
    }
}

/// A program that is a little different in each release.
fn changed(version: u32) -> Vec<u8> {
    let mut content = program(1);
    content[1000] = version as u8;
    content
}

fn numbers(versions: &[Version]) -> Vec<u32> {
    versions.iter().map(|version| version.number()).collect()
}

#[test]
fn what_is_kept_is_whole_and_the_rest_is_gone() {
    let world = World::with_four();
    fs::write(world.path("site/robots.txt"), "somebody else's").expect("write");
    let before = world.files();
    let planned = world.prune(2, true).expect("a publication");
    assert_eq!(world.files(), before, "a dry run removes nothing");
    assert_eq!((numbers(&planned.kept), numbers(&planned.dropped)), (vec![30, 40], vec![10, 20]));

    assert_eq!(world.prune(2, false).expect("a publication"), planned);
    let after = world.files();
    let marker = "releases/oldest.json";
    let gone: Vec<&(String, Vec<u8>)> = before.iter().filter(|file| !after.contains(file)).collect();
    assert_eq!(after.len() as u64, before.len() as u64 - planned.files + 1);
    assert_eq!(planned.bytes, gone.iter().map(|(_, content)| content.len() as u64).sum::<u64>());
    assert!(after.iter().all(|file| before.contains(file) || file.0 == marker), "nothing else changed");
    let object = |version| Release::object_path(Digest::of(&changed(version)));
    let gone: Vec<&str> = gone.iter().map(|(path, _)| &**path).collect();
    assert!(gone.contains(&&*object(10)) && gone.contains(&"packs/nothing-20/web"), "{gone:?}");
    for path in [object(30), "packs/10-30/all".to_owned(), "packs/20-40/all".to_owned(), "robots.txt".to_owned()] {
        assert!(after.iter().any(|(kept, _)| *kept == path), "{path}");
    }
    fs::remove_file(world.path("site/robots.txt")).expect("remove");
    world.assert_clean(2, Some(30));

    let again = world.prune(2, false).expect("a publication");
    assert_eq!((again.files, again.dropped.len(), numbers(&again.kept)), (0, 0, vec![30, 40]));
    assert_eq!(world.prune(9, false).expect("a publication"), again, "what is gone does not come back");
}

#[test]
fn releases_go_on_after_it() {
    let world = World::with_four();
    world.prune(1, false).expect("a publication");
    world.assert_clean(1, Some(40));
    world.write("os-core", "usr/bin/tool", &changed(10));
    let released = release(&ReleaseRequest { deltas: 3, ..world.request(50) }, &Silent).expect("good input").release;
    let from: Vec<_> = released.packs.iter().filter_map(|pack| pack.from).collect();
    assert_eq!((numbers(&from), released.predecessors.len()), (vec![40], 1));
    world.assert_clean(2, Some(40));
    assert_eq!(world.prune(1, false).expect("a publication").dropped.len(), 1);
    world.assert_clean(1, Some(50));
}

/// Where all releases are kept there is nothing to say; what a killed run left goes all the same.
#[test]
fn what_no_release_needs_goes() {
    let world = World::with_four();
    let before = world.files();
    let other_document = Release::path(Version::new(40).expect("not zero"), Digest::of(b"other input"));
    for path in ["objects/stray", &other_document] {
        fs::write(world.path("site").join(path), "1").expect("write");
    }
    let pruned = world.prune(4, false).expect("a publication");
    assert_eq!((pruned.files, pruned.bytes, pruned.dropped.len()), (2, 2, 0));
    assert_eq!(world.files(), before);
    let empty = World::new();
    assert_eq!(empty.prune(1, false).expect("a publication"), Pruned::default());
}

/// The publication says first how far back it goes; which of the files are gone by then does not matter.
#[test]
fn a_run_that_was_cut_off_leaves_a_whole_publication() {
    let (world, kept) = World::with_four_and_a_cut();
    let useless: Vec<String> = world.paths().into_iter().filter(|path| !kept.contains(path)).collect();
    for (number, path) in useless.iter().enumerate() {
        let checked = world.check();
        assert_eq!(checked.findings, [], "after {number} files");
        assert_eq!(checked.unreferenced, useless[number..]);
        fs::remove_file(world.path("site").join(path)).expect("remove");
    }
    world.prune(2, false).expect("a publication");
    world.assert_clean(2, Some(30));
}

#[test]
fn a_release_may_come_before_a_cut_off_run_is_gone_on_with() {
    let (world, _) = World::with_four_and_a_cut();
    for path in
        world.paths().iter().filter(|path| path.starts_with("packs/nothing-20") || path.starts_with("packs/10-20"))
    {
        fs::remove_file(world.path("site").join(path)).expect("remove");
    }
    let released = world.release(50).expect("good input");
    let from: Vec<Version> = released.routes.iter().map(|route| route.from).collect();
    assert_eq!((numbers(&from), released.release.predecessors.len()), (vec![40, 30], 2));
    world.prune(3, false).expect("a publication");
    world.assert_clean(3, Some(30));
}

#[test]
fn damage_is_found_as_before() {
    let world = World::with_four();
    world.prune(2, false).expect("a publication");
    let flip = |path: &str, from_end: usize| {
        let place = world.path("site").join(path);
        let good = fs::read(&place).expect(path);
        let mut bad = good.clone();
        let at = bad.len() - from_end;
        bad[at] ^= 1;
        fs::write(&place, bad).expect("write");
        let findings = world.check().findings;
        assert!(findings.iter().any(|finding| finding.path == path), "{path}: {findings:?}");
        fs::write(&place, good).expect("write");
    };
    // A pack that leads from a dropped release: its last block, and its head.
    let length = fs::read(world.path("site/packs/20-40/all")).expect("there").len();
    flip("packs/20-40/all", 1);
    flip("packs/20-40/all", length - 10);
    world.assert_clean(2, Some(30));
    // What is a finding is not told again as of no use.
    let document = world.paths().into_iter().find(|path| path.ends_with(".40.json")).expect("there");
    flip(&document, 5);
    let document = world.path("site").join(document);
    let good = fs::read(&document).expect("there");
    fs::write(&document, "damaged").expect("write");
    assert!(!world.check().unreferenced.iter().any(|path| path.ends_with(".40.json")));
    fs::write(&document, good).expect("write");
}

/// Nobody signs for it, so it must fit what is signed for: else releases that are there would count as dropped.
#[test]
fn the_word_of_what_was_dropped_is_not_believed_as_it_lies() {
    let world = World::with_four();
    world.prune(2, false).expect("a publication");
    let marker = world.path("site/releases/oldest.json");
    let good = fs::read_to_string(&marker).expect("text");
    let number = |number: &str| good.replace("\"version\": 30", &format!("\"version\": {number}"));
    assert_ne!(number("40"), good);
    for bad in [number("40"), number("70"), number("20"), good.replace('{', "z")] {
        fs::write(&marker, &bad).expect("write");
        let before = world.paths();
        let findings = world.check().findings;
        assert!(findings.iter().any(|finding| finding.path == "releases/oldest.json"), "{bad}: {findings:?}");
        assert_eq!(world.prune(2, false).expect_err("a refusal").category(), Category::Integrity, "{bad}");
        assert_eq!(world.release(50).expect_err("a refusal").category(), Category::Integrity, "{bad}");
        assert_eq!(world.paths(), before);
    }
    // Without it the publication lacks what is not there.
    fs::remove_file(&marker).expect("remove");
    let findings = world.check().findings;
    assert!(findings.iter().any(|finding| finding.path.ends_with(".20.json")), "{findings:?}");
    assert_eq!(world.prune(3, false).expect_err("20 is lost").category(), Category::Integrity);
    assert_eq!(world.release(50).expect_err("20 is lost").category(), Category::Integrity);
    world.prune(2, false).expect("30 and 40 are there");
    assert_eq!(fs::read_to_string(&marker).expect("text"), good);
    world.assert_clean(2, Some(30));
}

/// A symlink is the administrator's, and so is what lies elsewhere.
#[test]
fn what_is_needed_may_lie_behind_a_symlink() {
    let world = World::with_four();
    let (inside, outside) = (world.path("site/packs/nothing-40"), world.path("elsewhere"));
    fs::rename(&inside, &outside).expect("moved");
    symlink(&outside, &inside).expect("symlink");
    make_unreadable(&world.path("site"));
    world.prune(2, false).expect("a publication");
    assert!(inside.join("web").is_file());
}

#[test]
fn nothing_is_removed_where_it_is_not_sure_what_is_needed() {
    let world = World::with_four();
    let refused = |category| {
        let before = world.paths();
        let error = world.prune(1, false).expect_err("a refusal");
        assert_eq!((error.category(), world.paths() == before), (category, true), "{error}");
        error.to_string()
    };
    let newest = world.files().into_iter().find(|(path, _)| path.ends_with(".40.json")).expect("there");
    let document = String::from_utf8(newest.1).expect("text");
    let is_named = |path: &String| path.strip_prefix("manifests/").is_some_and(|digest| document.contains(digest));
    let manifest = world.paths().into_iter().find(is_named).expect("one");
    let place = world.path("site").join(&manifest);
    let good = fs::read(&place).expect("there");
    fs::write(&place, "damaged").expect("write");
    assert!(refused(Category::Integrity).contains(&manifest));
    fs::write(&place, good).expect("write");

    // A release that was begun, or what is left where older metadata was put in the place of newer.
    let later = world.path("site").join(newest.0.replace(".40.json", ".50.json"));
    fs::write(&later, "a document").expect("write");
    assert!(refused(Category::Usage).contains("release 50 lies there"));
    fs::remove_file(later).expect("remove");
    let lock = Site::open(&world.path("site"), Access::Read).expect("a publication");
    refused(Category::Locked);
    drop(lock);
    world.prune(1, false).expect("a publication");
}
