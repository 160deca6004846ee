//! The small OS: writes its two releases as complete trees, from `fixtures/os` and the tables of [`specials`].
//!
//! Equal inputs give equal trees, to the bit, the mode and the nanosecond. Owners and file capabilities are set when
//! root runs this; everyone else gets the trees without them. What is the same in both releases has the same time.

mod listings;
pub mod program;
pub mod specials;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::judge;
pub use listings::{Listings, listings};
use program::Build;

/// The two releases.
pub const RELEASES: [u32; 2] = [10, 20];

/// When each release's files were made, in seconds since 1970.
const TIMES: [i64; 2] = [1_700_000_000, 1_710_000_000];

/// Where the fixtures of the small OS lie in a checkout.
pub fn fixtures(checkout: &Path) -> PathBuf {
    checkout.join("fixtures/os")
}

/// The names of the bundles, from the definitions, in order.
///
/// # Errors
/// When the definitions cannot be listed.
pub fn bundles(fixtures: &Path) -> Result<Vec<String>> {
    let directory = fixtures.join("definitions");
    let mut bundles = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry?.path();
        if let (Some(stem), Some("toml")) = (path.file_stem(), path.extension().and_then(|text| text.to_str())) {
            bundles.push(stem.to_string_lossy().into_owned());
        }
    }
    bundles.sort();
    Ok(bundles)
}

/// Writes release 10 or 20 into `out`, which must not exist: `out/BUNDLE/usr/...`.
///
/// # Errors
/// When the fixtures cannot be read, the trees cannot be written, or there is no such release.
pub fn write(fixtures: &Path, release: u32, out: &Path) -> Result<()> {
    if !RELEASES.contains(&release) {
        bail!("the small OS has no release {release}");
    }
    fs::create_dir(out).with_context(|| format!("cannot make {}", out.display()))?;
    for bundle in bundles(fixtures)? {
        let root = out.join(&bundle);
        fs::create_dir_all(&root)?;
        Writer { release, bundle: &bundle, root: &root, newer: BTreeSet::new() }
            .run(fixtures)
            .with_context(|| format!("bundle {bundle} of release {release}"))?;
    }
    Ok(())
}

/// Both times of an entry, as the system call takes them.
pub fn timestamps(seconds: i64, nanoseconds: i64) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    Timestamps { last_access: time, last_modification: time }
}

/// Writes one bundle's tree.
struct Writer<'a> {
    release: u32,
    bundle: &'a str,
    root: &'a Path,
    /// Paths that came or changed with release 20.
    newer: BTreeSet<PathBuf>,
}

impl Writer<'_> {
    fn run(&mut self, fixtures: &Path) -> Result<()> {
        let last = self.release;
        for release in RELEASES.into_iter().filter(|release| *release <= last) {
            if release == 20 {
                self.remove()?;
            }
            let texts = fixtures.join(format!("trees/{release}")).join(self.bundle);
            if texts.exists() {
                self.copy(&texts, Path::new(""), release)?;
            }
        }
        self.programs()?;
        self.links()?;
        self.empties()?;
        self.modes_and_owners()?;
        self.times(Path::new("usr"))
    }

    fn is_ours(&self, bundle: &str) -> bool {
        bundle == self.bundle
    }

    fn remove(&self) -> Result<()> {
        for (_, path) in specials::REMOVED.iter().filter(|(bundle, _)| self.is_ours(bundle)) {
            let path = self.root.join(path);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    /// Copies texts and symlinks; of the checkout's modes only the owner's right to execute counts.
    fn copy(&mut self, from: &Path, beneath: &Path, release: u32) -> Result<()> {
        for entry in fs::read_dir(from.join(beneath))? {
            let path = beneath.join(entry?.file_name());
            let (source, target) = (from.join(&path), self.root.join(&path));
            let metadata = fs::symlink_metadata(&source)?;
            if metadata.is_dir() {
                fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
                self.copy(from, &path, release)?;
                continue;
            }
            if metadata.is_symlink() {
                symlink(fs::read_link(&source)?, &target)?;
            } else {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                self.file(&path, &fs::read(&source)?, if executable { 0o755 } else { 0o644 })?;
            }
            if release == 20 {
                self.newer.insert(path);
            }
        }
        Ok(())
    }

    fn file(&self, path: &Path, content: &[u8], mode: u32) -> Result<()> {
        let path = self.root.join(path);
        let parent = path.parent().context("a file lies in a directory")?;
        fs::create_dir_all(parent)?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(fs::set_permissions(&path, PermissionsExt::from_mode(mode))?)
    }

    /// The path with the release's own names put in, and whether that made it another than in release 10.
    fn named(&self, path: &str) -> (PathBuf, bool) {
        let named = |abi, so| path.replace("{abi}", abi).replace("{so}", so);
        let (old, new) = (named("6.1.0-52", "1.2.3"), named("6.1.0-56", "1.2.4"));
        if self.release == 20 { (PathBuf::from(&new), old != new) } else { (old.into(), false) }
    }

    fn programs(&mut self) -> Result<()> {
        let mine = self.bundle;
        for program in specials::PROGRAMS.iter().filter(|program| program.bundle == mine) {
            let (path, renamed) = self.named(program.path);
            let newer = self.release == 20 && program.rebuilt;
            let build = if newer { Build::New } else { Build::Old };
            self.file(&path, &program::program(program.path, program.kib, build), program.mode)?;
            if newer || renamed {
                self.newer.insert(path);
            }
        }
        let (owners, path, text) = specials::SHARED;
        if owners.contains(&self.bundle) {
            self.file(Path::new(path), text.as_bytes(), 0o644)?;
        }
        Ok(())
    }

    fn links(&mut self) -> Result<()> {
        let mine = self.bundle;
        for (_, path, target) in specials::LINKS.iter().filter(|(bundle, ..)| *bundle == mine) {
            let (target, renamed) = self.named(target);
            symlink(target, self.root.join(path)).with_context(|| format!("cannot link {path}"))?;
            if renamed {
                self.newer.insert(path.into());
            }
        }
        for (_, existing, further) in specials::HARD_LINKS.iter().filter(|(bundle, ..)| *bundle == mine) {
            fs::hard_link(self.root.join(existing), self.root.join(further))?;
            if self.newer.contains(Path::new(existing)) {
                self.newer.insert(further.into());
            }
        }
        Ok(())
    }

    fn empties(&self) -> Result<()> {
        for (_, path) in specials::EMPTY_FILES.iter().filter(|(bundle, _)| self.is_ours(bundle)) {
            self.file(Path::new(path), b"", 0o644)?;
        }
        for (_, path, _) in specials::EMPTY_DIRECTORIES.iter().filter(|(bundle, ..)| self.is_ours(bundle)) {
            fs::create_dir_all(self.root.join(path))?;
        }
        Ok(())
    }

    fn modes_and_owners(&self) -> Result<()> {
        self.plain_directories(Path::new("usr"))?;
        let set = |path: &str, mode| fs::set_permissions(self.root.join(path), PermissionsExt::from_mode(mode));
        for (_, path, mode) in specials::EMPTY_DIRECTORIES.iter().filter(|(bundle, ..)| self.is_ours(bundle)) {
            set(path, *mode)?;
        }
        if judge::compares_owners() {
            for (_, path, group) in specials::GROUPS.iter().filter(|(bundle, ..)| self.is_ours(bundle)) {
                lchown(self.root.join(path), Some(0), Some(*group))?;
            }
            let (bundle, path, capability) = specials::CAPABILITY;
            if self.is_ours(bundle) {
                // Not every file system and not every container takes one; the trees are whole without it.
                xattr::set(self.root.join(path), "security.capability", &capability).ok();
            }
        }
        let ours = |(release, bundle, ..): &&(u32, &str, &str, u32)| *release <= self.release && self.is_ours(bundle);
        for (_, _, path, mode) in specials::MODES.iter().filter(ours) {
            set(path, *mode)?;
        }
        Ok(())
    }

    fn plain_directories(&self, path: &Path) -> Result<()> {
        let directory = self.root.join(path);
        fs::set_permissions(&directory, PermissionsExt::from_mode(0o755))?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.plain_directories(&path.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    /// Sets times, bottom up: a directory's own last, since every entry made in it changes it.
    fn times(&self, path: &Path) -> Result<()> {
        let full = self.root.join(path);
        let metadata = fs::symlink_metadata(&full)?;
        if metadata.is_dir() {
            for entry in fs::read_dir(&full)? {
                self.times(&path.join(entry?.file_name()))?;
            }
        }
        let seconds = TIMES[usize::from(self.newer.contains(path))];
        let (with_fraction, fraction) = specials::FRACTION;
        let nanoseconds = if path == Path::new(with_fraction) { fraction } else { 0 };
        let times = timestamps(seconds, nanoseconds);
        utimensat(CWD, &full, &times, AtFlags::SYMLINK_NOFOLLOW).with_context(|| format!("time of {}", full.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Kind, Tree};

    fn checkout() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn release(number: u32) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let out = directory.path().join("trees");
        write(&fixtures(checkout()), number, &out).expect("trees");
        (directory, out)
    }

    #[test]
    fn listings_are_fresh() {
        listings(checkout(), Listings::Check).expect("fresh");
    }

    #[test]
    fn bundles_agree_and_each_has_entries() {
        for number in RELEASES {
            let (_directory, trees) = release(number);
            let names = bundles(&fixtures(checkout())).expect("definitions");
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            assert_eq!(names, ["editors", "openstack-compute", "os-core", "python3-basic", "web-server"]);
            for name in &names {
                assert!(Tree::expected(&trees, &[name]).expect("tree").nodes().len() > 5, "{name}");
            }
            let whole = Tree::expected(&trees, &names).expect("bundles agree");
            assert!((100..200).contains(&whole.nodes().len()), "{}", whole.nodes().len());
        }
    }

    #[test]
    fn the_step_has_every_kind_of_change() {
        let ((_first, old), (_second, new)) = (release(10), release(20));
        let read = |trees: &Path| Tree::expected(trees, &["os-core"]).expect("tree");
        let (old, new) = (read(&old), read(&new));
        let at = |tree: &Tree, path: &str| tree.nodes().get(Path::new(path)).cloned();
        assert!(at(&old, "usr/lib/libdemo.so.1.2.3").is_some() && at(&new, "usr/lib/libdemo.so.1.2.3").is_none());
        assert!(at(&new, "usr/lib/modules/6.1.0-56/kernel/fs/btrfs.ko").is_some(), "moved");
        assert!(at(&new, "usr/bin/wait-online").is_some(), "added");
        assert!(at(&new, "usr/bin/collect-logs").is_none(), "removed");
        let config = "usr/share/defaults/etc/ssh/sshd_config";
        let (before, after) = (at(&old, config).expect("there"), at(&new, config).expect("there"));
        assert_eq!((before.kind, before.mtime), (after.kind, after.mtime), "only the mode changed");
        assert_eq!((before.mode, after.mode), (0o644, 0o600));
        let news = "usr/share/doc/os-core/news";
        assert_eq!(at(&old, news).expect("there").kind, Kind::Directory);
        assert!(matches!(at(&new, news).expect("there").kind, Kind::File { .. }), "a directory became a file");
        assert_eq!(at(&old, "usr/bin/ping"), at(&new, "usr/bin/ping"), "what is the same has the same time");
    }
}
