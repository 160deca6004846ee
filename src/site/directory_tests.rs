//! Places that become publications, and those that do not.

use super::*;

#[test]
fn only_an_empty_place_becomes_a_publication() {
    let place = tempfile::tempdir().expect("a directory");
    let root = place.path().join("repo");
    drop(Site::create(&root).expect("a new directory"));
    let site = Site::create(&root).expect("an empty directory");
    assert!(matches!(Site::open(&root, Access::Read), Err(SiteError::Locked(_))));
    site.replace("metadata/a.json", b"1").expect("write");
    site.replace("metadata/a.json", b"22").expect("write again");
    assert_eq!(site.read("metadata/a.json", 2).expect("read"), b"22");
    assert!(matches!(site.read("metadata/a.json", 1), Err(SiteError::TooLong { .. })));
    assert!(matches!(site.read("metadata/b.json", 1), Err(SiteError::Missing(_))));
    assert!(site.list().files.iter().eq(["metadata/a.json"]));
    assert!(matches!(site.check_published(), Err(SiteError::NoPublication(place)) if place == root));
    site.replace("metadata/1.root.json", b"{}").expect("write");
    site.check_published().expect("a part of one");
    drop(site);
    assert!(matches!(Site::create(&root), Err(SiteError::NotEmpty(_))));
    assert!(matches!(Site::open(&root.join("x"), Access::Read), Err(SiteError::NoDirectory(_))));
    let readers = [Site::open(&root, Access::Read), Site::open(&root, Access::Read)];
    assert!(readers.iter().all(Result::is_ok));
}

/// The first place that a mistyped path leads to: a directory of somebody else's keeps what it has.
#[test]
fn only_a_publication_has_its_staging_directory_cleared() {
    let place = tempfile::tempdir().expect("a directory");
    let (root, staging) = (place.path(), place.path().join(".staging"));
    let work = staging.join("work");
    let make = |path: &Path| {
        fs::create_dir_all(&staging).expect("made");
        fs::write(path, "a day's work").expect("written");
    };
    make(&work);
    assert!(matches!(Site::create(root), Err(SiteError::NotEmpty(_))));
    drop(Site::open(root, Access::Write).expect("a directory"));
    assert!(work.exists());
    fs::remove_file(&work).expect("removed");
    drop(Site::open(root, Access::Read).expect("a directory"));
    assert!(staging.exists());

    // What a run left that was killed before it wrote anything.
    let left = staging.join(".tmpX");
    make(&left);
    let site = Site::create(root).expect("nothing else is there");
    assert!(!left.exists());
    site.replace("metadata/timestamp.json", b"1").expect("write");
    drop(site);
    assert!(!staging.exists());
    for access in [Access::Read, Access::Write] {
        make(&work);
        drop(Site::open(root, access).expect("a publication"));
        assert_eq!(work.exists(), access == Access::Read);
    }
}
