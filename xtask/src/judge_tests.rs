//! Tests of the judge: what it tells apart, and in which words.

use super::*;
use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};

fn set_time(path: &Path, nanoseconds: u64) {
    let time = UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    File::open(path).and_then(|file| file.set_modified(time)).expect("time set");
}

/// A tree with one of each: `usr/a` (file), `usr/link`, `usr/d` (directory), all at second 1.
fn sample() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("temporary directory");
    let usr = root.path().join("usr");
    fs::create_dir_all(usr.join("d")).expect("directories");
    fs::write(usr.join("a"), "content").expect("file");
    fs::set_permissions(usr.join("a"), fs::Permissions::from_mode(0o644)).expect("mode");
    let made = symlink("a", usr.join("link"));
    made.expect("symlink");
    let status = rustix::fs::utimensat(
        rustix::fs::CWD,
        usr.join("link"),
        &crate::small_os::timestamps(1, 0),
        rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
    );
    status.expect("time of the link");
    for path in [usr.join("a"), usr.join("d"), usr] {
        set_time(&path, 1_000_000_000);
    }
    root
}

fn told(expected: &tempfile::TempDir, found: &tempfile::TempDir) -> String {
    let (expected, found) = (Tree::of_machine(expected.path()), Tree::of_machine(found.path()));
    expected.expect("tree").differences(&found.expect("tree")).to_string()
}

#[test]
fn equal_trees_are_equal() {
    assert_eq!(told(&sample(), &sample()), "the trees are equal");
}

#[test]
fn every_kind_of_difference_is_told() {
    type Change = fn(&Path);
    let table: [(Change, &str); 8] = [
        (|usr| fs::write(usr.join("a"), "CONTENT").expect("written"), "usr/a: has other content"),
        (|usr| fs::write(usr.join("a"), "longer content").expect("written"), "usr/a: has 14 bytes, 7 expected"),
        (
            |usr| fs::set_permissions(usr.join("a"), fs::Permissions::from_mode(0o4755)).expect("mode"),
            "usr/a: has mode 4755, 644 expected",
        ),
        (|usr| set_time(&usr.join("a"), 1_000_000_001), "usr/a: has time (1, 1), (1, 0) expected"),
        (|usr| set_time(usr, 7_000_000_000), "usr: has time (7, 0), (1, 0) expected"),
        (|usr| fs::remove_dir(usr.join("d")).expect("removed"), "usr/d: is missing"),
        (|usr| fs::write(usr.join("d/new"), "").expect("written"), "usr/d/new: should not be there"),
        (
            |usr| {
                fs::remove_file(usr.join("link")).expect("removed");
                symlink("d", usr.join("link")).expect("symlink");
            },
            "usr/link: points to d, a expected",
        ),
    ];
    for (change, expected) in table {
        let changed = sample();
        change(&changed.path().join("usr"));
        let told = told(&sample(), &changed);
        assert!(told.contains(expected), "{expected:?} is not in {told}");
    }
}

#[test]
fn attributes_count() {
    let changed = sample();
    if xattr::set(changed.path().join("usr/a"), "user.demo", b"1").is_ok() {
        assert!(told(&sample(), &changed).contains("usr/a: has attributes"), "attribute not told");
    }
}

#[test]
fn the_record_is_left_out_but_not_its_parent() {
    let machine = sample();
    fs::create_dir_all(machine.path().join(RECORD)).expect("directories");
    let told = told(&sample(), &machine);
    assert!(!told.contains("stateless-update"), "{told}");
    assert!(told.contains("usr/share: should not be there"), "{told}");
}

#[test]
fn many_differences_are_counted() {
    let changed = sample();
    for number in 0..30 {
        fs::write(changed.path().join(format!("usr/d/{number:02}")), "").expect("written");
    }
    let told = told(&sample(), &changed);
    assert!(told.starts_with("31 differences:") && told.ends_with("and 11 more"), "{told}");
}

#[test]
fn bundles_are_united_and_must_agree() {
    let trees = tempfile::tempdir().expect("temporary directory");
    for (bundle, content) in [("one", "same"), ("two", "same"), ("three", "other")] {
        let bin = trees.path().join(bundle).join("usr/bin");
        fs::create_dir_all(&bin).expect("directories");
        fs::write(bin.join("tool"), content).expect("written");
        fs::write(bin.join(bundle), content).expect("written");
        for path in [bin.join("tool"), bin.join(bundle), bin.clone(), bin.join("..")] {
            set_time(&path, 0);
        }
    }
    let union = Tree::expected(trees.path(), &["one", "two"]).expect("they agree");
    assert_eq!(union.nodes().len(), 5, "{union:?}");
    let error = Tree::expected(trees.path(), &["one", "three"]).expect_err("they do not");
    assert!(error.to_string().contains("usr/bin/tool"), "{error}");
}
