//! Tests of archives: what is taken from them, and what is refused.

use std::error::Error;

use tar::{Builder, Header};

use super::*;
use crate::site::scanned::FileId;

fn bundle() -> BundleName {
    "web".parse().expect("a name")
}

/// An archive that is made entry by entry.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    /// With `usr`.
    fn new() -> Self {
        Self(Builder::new(Vec::new())).add("usr/", EntryType::Directory, b"")
    }

    /// Adds an entry as it is, whatever its name.
    fn add(self, name: &str, kind: EntryType, content: &[u8]) -> Self {
        self.with(name, kind, content, |_| ())
    }

    fn with(mut self, name: &str, kind: EntryType, content: &[u8], change: impl FnOnce(&mut Header)) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o100_755);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(1000);
        header.set_size(content.len() as u64);
        change(&mut header);
        header.set_cksum();
        self.0.append(&header, content).expect("memory");
        self
    }

    fn link(self, name: &str, kind: EntryType, target: &str) -> Self {
        self.with(name, kind, b"", |header| {
            header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes())
        })
    }

    fn pax(mut self, records: &[(&str, &[u8])]) -> Self {
        self.0.append_pax_extensions(records.iter().copied()).expect("memory");
        self
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("memory")
    }

    fn scan(self, spool: &Spool) -> Result<ScannedTree, InputError> {
        scanned(&self.bytes(), spool)
    }

    /// What is said against it, with its cause.
    fn refusal(self) -> String {
        refusal(&self.bytes())
    }
}

fn scanned(bytes: &[u8], spool: &Spool) -> Result<ScannedTree, InputError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("write");
    scan(&bundle(), file.path(), spool)
}

fn refusal(bytes: &[u8]) -> String {
    let error = scanned(bytes, &Spool::anywhere()).expect_err("a refusal");
    assert!(error.to_string().contains("bundle web"), "{error}");
    format!("{error}: {}", error.source().map_or(String::new(), |source| source.to_string()))
}

#[test]
fn a_tree_is_what_the_headers_say() {
    let spool = Spool::anywhere();
    let long = format!("usr/bin/{}", "x".repeat(150));
    let tree = Tar::new()
        .add("./usr/bin/", EntryType::Directory, b"")
        .pax(&[("mtime", b"2000.5"), ("SCHILY.xattr.security.capability", b"\x01\0\n\x02"), ("uid", b"3000000")])
        .with("usr/bin/a", EntryType::Regular, b"one", |header| header.set_mode(0o104_755))
        .link("usr/bin/b", EntryType::Link, "./usr/bin/a")
        .pax(&[("path", long.as_bytes()), ("SCHILY.xattr.trusted.x", b"1"), ("SCHILY.xattr.security.selinux", b"1")])
        .add("usr/bin/short", EntryType::Regular, b"")
        .link("usr/link", EntryType::Symlink, "../nowhere")
        .scan(&spool)
        .expect("a good tree");
    let paths: Vec<_> = tree.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["usr", "usr/bin", "usr/bin/a", "usr/bin/b", &long, "usr/link"]);
    let (a, b) = (&tree.entries[2], &tree.entries[3]);
    assert_eq!((&a.kind, &a.metadata), (&b.kind, &b.metadata), "hard links are equal entries");
    assert_eq!((a.metadata.mode, a.metadata.uid, a.metadata.gid), (0o4755, 3_000_000, 8));
    assert_eq!(a.metadata.mtime, Timestamp { seconds: 2000, nanoseconds: 500_000_000 });
    assert_eq!(a.metadata.xattrs.get("security.capability").map(|value| &**value), Some(&b"\x01\0\n\x02"[..]));
    assert_eq!(tree.entries[5].kind, InputKind::Symlink { target: "../nowhere".into() });
    assert_eq!(tree.entries[5].metadata.mode, 0o777);
    assert_eq!(tree.ignored_xattrs, [(long.parse().expect("a path"), "trusted.x".to_owned())]);
    let InputKind::File { size: 3, id: FileId::Spooled { number } } = a.kind else { panic!("{:?}", a.kind) };
    assert_eq!(std::fs::read(spool.place(number)).expect("kept"), b"one");
}

#[test]
fn what_no_release_carries_is_refused_by_name() {
    use EntryType::{Block, Char, Directory, Fifo, GNUSparse, Link, Regular, Symlink};
    type Make = fn(Tar) -> Tar;
    let cases: [(Make, &str); 22] = [
        (|tar| tar.add("usr/a", Char, b""), "usr/a is a device node"),
        (|tar| tar.add("usr/a", Block, b""), "usr/a is a device node"),
        (|tar| tar.add("usr/a", Fifo, b""), "usr/a is a fifo"),
        (
            |tar| tar.add("/usr/a", Regular, b""),
            "/usr/a cannot be published: path \"/usr/a\" does not lie beneath usr/",
        ),
        (|tar| tar.add("etc/passwd", Regular, b""), "does not lie beneath usr/"),
        (|tar| tar.add("usr/../etc/a", Regular, b""), "has a component that is"),
        (|tar| tar.add("usr/./a", Regular, b""), "has a component that is"),
        (|tar| tar.add("usr/a/", Regular, b""), "has a component that is"),
        (
            |tar| tar.add("usr/a", Regular, b"1").add("./usr/a", Regular, b"2"),
            "usr/a cannot be taken from the archive: the archive has it twice",
        ),
        (|tar| tar.add("usr/a/b", Regular, b""), "does not have usr/a as a directory"),
        (|tar| tar.add("usr/a", Regular, b"").add("usr/a/b", Regular, b""), "does not have usr/a as a directory"),
        (
            |tar| tar.link("usr/a", Link, "usr/b").add("usr/b", Regular, b""),
            "hard link to \"usr/b\", which is no file before it",
        ),
        (|tar| tar.link("usr/a", Link, "/etc/shadow"), "hard link to \"/etc/shadow\""),
        (|tar| tar.link("usr/a", Link, "usr"), "hard link to \"usr\""),
        (|tar| tar.pax(&[("size", b"512")]).add("usr/a", Regular, &[1; 1024]), "disagree about its length"),
        (|tar| tar.pax(&[("mtime", b"soon")]).add("usr/a", Regular, b""), "its time is not one"),
        (|tar| tar.pax(&[("uid", b"4294967296")]).add("usr/a", Regular, b""), "its owner is not one"),
        (
            |tar| tar.pax(&[("mtime", b"1"), ("mtime", b"2")]).add("usr/a", Regular, b""),
            "disagree about its pax records",
        ),
        (|tar| tar.pax(&[("GNU.sparse.major", b"1")]).add("usr/a", Regular, b""), "stored as a sparse file"),
        (|tar| tar.add("usr/a", GNUSparse, b""), "stored as a sparse file"),
        (|tar| tar.add("usr/share/", Directory, b"").add("usr/share/stateless-update", Regular, b""), "own record"),
        (|tar| tar.link("usr/share", Symlink, "lib"), "must be a directory"),
    ];
    for (make, wanted) in cases {
        let said = make(Tar::new()).refusal();
        assert!(said.contains(wanted), "{said}\n  not: {wanted}");
    }
    assert!(Tar(Builder::new(Vec::new())).refusal().contains("usr is not a directory"));
    let bad = Tar::new().with("usr/a", Regular, b"", |header| header.as_old_mut().name[4] = 0xff);
    assert!(bad.refusal().contains("is not UTF-8"));
    let old = Tar::new().with("usr/a", Regular, b"", |header| header.as_ustar_mut().expect("ustar").magic = [0; 6]);
    assert!(old.refusal().contains("usr/a cannot be taken from the archive: its header is not of the form ustar"));
}

/// A long name or link target, as GNU tar tells it ahead of an entry.
fn long(tar: Tar, kind: EntryType, text: &str) -> Tar {
    tar.add("././@LongLink", kind, format!("{text}\0").as_bytes())
}

#[test]
fn long_names_come_in_any_order_and_say_one_thing() {
    use EntryType::{GNULongLink, GNULongName, Regular, Symlink};
    let name = format!("usr/{}", "n".repeat(180));
    let target = "t".repeat(180);
    type Make = fn(Tar, &str, &str) -> Tar;
    let orders: [Make; 6] = [
        |tar, name, target| long(long(tar, GNULongName, name), GNULongLink, target),
        |tar, name, target| long(long(tar, GNULongLink, target), GNULongName, name),
        |tar, name, target| tar.pax(&[("path", name.as_bytes()), ("linkpath", target.as_bytes())]),
        |tar, name, target| long(tar.pax(&[("linkpath", target.as_bytes())]), GNULongName, name),
        |tar, name, target| long(tar, GNULongLink, target).pax(&[("path", name.as_bytes())]),
        // Said twice in two ways, and the same, behind a global header.
        |tar, name, target| {
            let tar = tar.add("comment", EntryType::XGlobalHeader, b"15 comment=hey\n");
            long(long(tar.pax(&[("path", name.as_bytes())]), GNULongName, name), GNULongLink, target)
        },
    ];
    for (number, make) in orders.into_iter().enumerate() {
        let tar = make(Tar::new(), &name, &target).link("usr/cut-off", Symlink, "cut-off");
        // What was said ahead is said of one entry alone.
        let tree = tar.add("usr/plain", Regular, b"").scan(&Spool::anywhere());
        let tree = tree.unwrap_or_else(|error| panic!("{number}: {error}: {:?}", error.source()));
        let paths: Vec<_> = tree.entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["usr", &name, "usr/plain"], "{number}");
        assert_eq!(tree.entries[1].kind, InputKind::Symlink { target: target.as_str().into() }, "{number}");
    }
}

#[test]
fn long_names_that_are_odd_are_refused() {
    use EntryType::{GNULongLink, GNULongName, Regular, Symlink};
    type Make = fn(Tar) -> Tar;
    let cases: [(Make, &str); 13] = [
        (|tar| long(long(tar, GNULongName, "usr/b"), GNULongName, "usr/b"), "disagree about its long name"),
        (|tar| long(long(tar, GNULongLink, "b"), GNULongLink, "c"), "disagree about its long name"),
        (|tar| tar.pax(&[("path", b"usr/b")]).pax(&[("path", b"usr/b")]), "disagree about its pax records"),
        (|tar| long(tar, GNULongName, "usr/b").pax(&[("path", b"usr/c")]), "disagree about its name"),
        (|tar| long(tar.pax(&[("path", b"usr/c")]), GNULongName, "usr/b"), "disagree about its name"),
        (|tar| long(tar.pax(&[("linkpath", b"c")]), GNULongLink, "b"), "disagree about its link target"),
        (|tar| long(tar, GNULongName, "usr/../../etc/passwd"), "has a component that is"),
        (|tar| long(tar, GNULongName, "/etc/passwd"), "does not lie beneath usr/"),
        (|tar| long(tar, GNULongName, "usr/b\0/../../etc/passwd"), "cannot be published"),
        (|tar| long(tar, GNULongName, &format!("usr/{}", "n".repeat(256))), "cannot be published"),
        (|tar| long(tar, GNULongName, &"usr/".repeat(2000)), "cannot be published"),
        (|tar| long(tar, GNULongName, ""), "cannot be published"),
        (|tar| long(tar, GNULongName, &"n".repeat(MAX_TEXT_BYTES as usize)), "its length is not one"),
    ];
    for (make, wanted) in cases {
        let said = make(Tar::new()).add("usr/a", Regular, b"").refusal();
        assert!(said.contains(wanted), "{}\n  not: {wanted}", &said[..said.len().min(500)]);
    }
    // A long name to GNU tar, a file with that content to crate tar.
    let odd = Tar::new()
        .with("././@LongLink", GNULongName, b"usr/b\0", |header| header.as_ustar_mut().expect("ustar").magic[3] = b'u');
    assert!(odd.add("usr/a", Regular, b"").refusal().contains("not of the form ustar"));
    // GNU tar takes the name for the file's, crate tar for the global header's.
    let between = long(Tar::new(), GNULongName, "usr/b").add("g", EntryType::XGlobalHeader, b"15 comment=hey\n");
    assert!(between.add("usr/a", Regular, b"").refusal().contains("a global header stands between"));
    // Said of a symlink, a target in two ways; said of nothing.
    let twice = long(Tar::new().pax(&[("linkpath", b"c")]), GNULongLink, "b").link("usr/a", Symlink, "d");
    assert!(twice.refusal().contains("disagree about its link target"));
    assert!(long(Tar::new(), GNULongName, "usr/b").refusal().contains("cut off"));
    assert!(Tar::new().pax(&[("comment", b"x")]).refusal().contains("cut off"));
    let claims = Tar::new().with("././@LongLink", GNULongName, b"usr/b\0", |header| header.set_size(1 << 40));
    let said = claims.refusal();
    assert!(said.contains("its length is not one") || said.contains("well-formed"), "{said}");
}

#[test]
fn damaged_archives_are_refused() {
    let good = Tar::new().add("usr/a", EntryType::Regular, &[7; 700]).bytes();
    assert_eq!(scanned(&good, &Spool::anywhere()).expect("good").entries.len(), 2);
    for length in [good.len() - 1024, good.len() - 513, good.len() - 1100, 1000, 700, 512] {
        let said = refusal(&good[..length]);
        assert!(said.contains("cut off") || said.contains("well-formed"), "{length}: {said}");
    }
    assert!(refusal(&[good.clone(), good.clone()].concat()).contains("more follows"), "a second archive is not read");
    let mut flipped = good.clone();
    flipped[5] ^= 1;
    assert!(refusal(&flipped).contains("well-formed"));
    assert!(refusal(b"").contains("cut off"));
    let padded = [good, vec![0; 9000]].concat();
    assert!(scanned(&padded, &Spool::anywhere()).is_ok(), "tar fills its last record with zeros");
}
