//! Tests of what is done beneath a directory.

use super::*;
use crate::disk::Ownership;
use crate::types::{Metadata, Timestamp};

fn scratch() -> (tempfile::TempDir, Directory) {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::open_path(temporary.path()).expect("it opens");
    (temporary, directory)
}

#[test]
fn symlinks_are_never_followed() {
    let (_keep, directory) = scratch();
    directory.symlink("out", "/etc").expect("symlink");
    assert!(directory.subdirectory("out").is_err());
    assert!(directory.descend("out").is_err());
    assert!(directory.open_file("out/passwd").is_err());
    assert!(directory.open_file("../x").is_err());
    assert!(directory.ensure_subdirectory("out", 0o700).is_err());
    assert_eq!(directory.read_link("out").expect("link"), "/etc");
    directory.remove("out").expect("removed");
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn what_is_mounted_on_the_way_is_told() {
    let root = Directory::open_path(Path::new("/")).expect("it opens");
    assert!(root.descend("proc/sys").expect("entered").is_some());
    assert!(root.descend_within_mount("proc/sys").expect_err("a mount point").is(Errno::XDEV));
    let (_keep, directory) = scratch();
    directory.ensure_subdirectory("a", 0o700).and_then(|a| a.ensure_subdirectory("b", 0o700)).expect("made");
    assert!(directory.descend_within_mount("a/b").expect("entered").is_some());
    assert!(directory.descend_within_mount("a/c").expect("looked for").is_none());
}

#[test]
fn replacing_keeps_one_file() {
    let (_keep, directory) = scratch();
    directory.replace("journal", b"one").expect("written");
    directory.replace("journal", b"two").expect("written");
    assert_eq!(directory.read("journal", 3).expect("read"), Some(b"two".to_vec()));
    assert!(directory.read("journal", 2).is_err());
    for _ in 0..2 {
        assert_eq!(directory.names().expect("listed"), ["journal"]);
    }
    assert_eq!(directory.read("none", 2).expect("read"), None);
}

#[test]
fn metadata_is_set_and_seen() {
    let (_keep, directory) = scratch();
    let file = directory.create_file("f", 0o600).expect("made");
    let mtime = Timestamp { seconds: 1_700_000_000, nanoseconds: 5 };
    let inode = directory.look("f").expect("look").expect("there");
    let mut metadata = Metadata { mode: 0o4755, uid: inode.uid, gid: inode.gid, mtime, ..Metadata::default() };
    metadata.xattrs.insert("user.note".into(), b"x".as_slice().into());
    directory.set_file_metadata(&file, "f", &metadata, Ownership::of_this_process()).expect("set");
    let inode = directory.look("f").expect("look").expect("there");
    assert_eq!(inode.metadata_difference(&metadata, Ownership::Kept), None);
    assert_eq!(directory.file_xattrs(&file, "f").expect("attributes"), metadata.xattrs);
    assert_eq!(inode.metadata_difference(&Metadata::default(), Ownership::Kept), Some(crate::types::Difference::Mode));
}

#[test]
fn remove_takes_a_whole_tree() {
    let (_keep, directory) = scratch();
    let inner = directory.ensure_subdirectory("a", 0o700).expect("made");
    inner.ensure_subdirectory("b", 0o700).expect("made").write_new("c", 0o600, b"").expect("written");
    directory.remove("a").expect("removed");
    directory.remove("a").expect("nothing to do");
    assert_eq!(directory.names().expect("listed"), [""; 0]);
}
