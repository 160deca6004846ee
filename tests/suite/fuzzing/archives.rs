//! Seeds of archives: a header of a publication in one file, and trees as writers of archives write them.

use stateless_update::manifest::archive::Header as PublicationHeader;
use tar::{Builder, EntryType, Header};

use super::Seeds;

pub(super) fn seeds() -> Seeds {
    let mut seeds = Seeds::new();
    for path in ["metadata/timestamp.json", "packs/10-20/os-core"] {
        let header = PublicationHeader::of_file(path, 1000).expect("it has room");
        seeds.entry("archive_header").or_default().push(header.to_vec());
    }
    let long = format!("usr/lib/{}/{}", "l".repeat(60), "n".repeat(60));
    let trees = [
        tree(|tar| {
            entry(tar, "usr/a", EntryType::Regular, "", b"content");
            entry(tar, "./usr/b", EntryType::Link, "./usr/a", b"");
            entry(tar, "usr/c", EntryType::Symlink, "../nowhere", b"");
        }),
        tree(|tar| {
            pax(
                tar,
                &[("mtime", b"2000.5"), ("uid", b"3000000"), ("SCHILY.xattr.security.capability", b"\x01\0\n\x02")],
            );
            entry(tar, "usr/a", EntryType::Regular, "", b"content");
            pax(tar, &[("path", b"usr/long"), ("size", b"3"), ("comment", b"x")]);
            entry(tar, "usr/short", EntryType::Regular, "", b"one");
            pax(tar, &[("linkpath", b"usr/long")]);
            entry(tar, "usr/d", EntryType::Link, "usr/lo", b"");
        }),
        tree(|tar| {
            entry(tar, "pax_global_header", EntryType::XGlobalHeader, "", b"15 comment=hey\n");
            entry(tar, "usr/lib", EntryType::Directory, "", b"");
            entry(tar, &format!("usr/lib/{}", "l".repeat(60)), EntryType::Directory, "", b"");
            entry(tar, "././@LongLink", EntryType::GNULongName, "", format!("{long}\0").as_bytes());
            entry(tar, "././@LongLink", EntryType::GNULongLink, "", format!("{long}{long}\0").as_bytes());
            entry(tar, "usr/lib/cut", EntryType::Symlink, "usr/lib/cut", b"");
        }),
    ];
    seeds.insert("tree_archive", trees.into());
    seeds
}

/// An archive of `usr` and what is added to it, without the blocks at its end.
fn tree(add: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    entry(&mut tar, "usr/", EntryType::Directory, "", b"");
    add(&mut tar);
    let mut archive = tar.into_inner().expect("memory");
    archive.truncate(archive.len() - 1024);
    archive
}

fn entry(tar: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, target: &str, content: &[u8]) {
    let mut header = Header::new_ustar();
    // As it is: crate tar would not write every name.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).expect("memory");
}

fn pax(tar: &mut Builder<Vec<u8>>, records: &[(&str, &[u8])]) {
    tar.append_pax_extensions(records.iter().copied()).expect("memory");
}
