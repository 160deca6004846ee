//! Where a publisher's input comes from: the small OS, or real trees as a corpus maker leaves them.
//!
//! Real trees lie in `DIR/VERSION/BUNDLE/usr/...`, beside `DIR/VERSION/full`, which is the whole of a version and no
//! bundle. Their definitions are made here: every bundle stands for itself, and `openstack-*` include `python3-basic`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::judge::Tree;
use crate::small_os;

/// The bundle that every machine has.
pub const CORE: &str = "os-core";

/// Two releases to publish, the older first.
pub struct Trees {
    /// Where the bundle definitions are.
    pub definitions: PathBuf,
    /// The directory that holds a directory per version.
    pub versions: PathBuf,
    /// The older and the newer release.
    pub releases: [u32; 2],
}

impl Trees {
    /// The small OS, written into `work/trees`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn small(checkout: &Path, work: &Path) -> Result<Self> {
        let fixtures = small_os::fixtures(checkout);
        let versions = work.join("trees");
        fs::create_dir_all(&versions).with_context(|| format!("cannot make {}", versions.display()))?;
        for release in small_os::RELEASES {
            small_os::write(&fixtures, release, &versions.join(release.to_string()))?;
        }
        Ok(Self { definitions: fixtures.join("definitions"), versions, releases: small_os::RELEASES })
    }

    /// Real trees; their definitions are written into `work/definitions`.
    ///
    /// # Errors
    /// When there are no two versions with the same core, or the definitions cannot be written.
    pub fn real(trees: &Path, work: &Path) -> Result<Self> {
        let has_core = |version: &u32| trees.join(version.to_string()).join(CORE).is_dir();
        let mut found: Vec<u32> = names(trees)?.iter().filter_map(|name| name.parse().ok()).filter(has_core).collect();
        found.sort_unstable();
        ensure!(found.len() >= 2, "{} holds no two versions with a bundle `{CORE}`", trees.display());
        let preferred = small_os::RELEASES.iter().all(|release| found.contains(release));
        let releases = if preferred { small_os::RELEASES } else { [found[0], found[1]] };
        Self::of_releases(trees, releases, work)
    }

    /// Real trees of two given releases, the older first; their definitions are written into `work/definitions`.
    ///
    /// # Errors
    /// When one of them has no core, or the definitions cannot be written.
    pub fn of_releases(trees: &Path, releases: [u32; 2], work: &Path) -> Result<Self> {
        for release in releases {
            let core = trees.join(release.to_string()).join(CORE);
            ensure!(core.is_dir(), "{} is no directory", core.display());
        }
        let mut bundles = BTreeSet::new();
        for release in releases {
            bundles.extend(names(&trees.join(release.to_string()))?);
        }
        bundles.remove("full");
        let definitions = work.join("definitions");
        fs::create_dir_all(&definitions).with_context(|| format!("cannot make {}", definitions.display()))?;
        for bundle in &bundles {
            let python = bundle.starts_with("openstack-") && bundles.contains("python3-basic");
            let includes = if python { "\"python3-basic\"" } else { "" };
            let text = format!("title = \"{bundle}\"\ndescription = \"\"\nincludes = [{includes}]\n");
            fs::write(definitions.join(format!("{bundle}.toml")), text)?;
        }
        Ok(Self { definitions, versions: trees.to_owned(), releases })
    }

    /// Where the bundles of a release lie.
    pub fn of(&self, release: u32) -> PathBuf {
        self.versions.join(release.to_string())
    }

    /// The names of the bundles, in order.
    ///
    /// # Errors
    /// When the definitions cannot be listed.
    pub fn bundles(&self) -> Result<Vec<String>> {
        let toml = |name: &String| name.strip_suffix(".toml").map(str::to_owned);
        Ok(names(&self.definitions)?.iter().filter_map(toml).collect())
    }

    /// What a machine has that asked for these bundles: they, the core, and all that they include.
    ///
    /// # Errors
    /// When a definition cannot be read.
    pub fn closure(&self, asked: &[&str]) -> Result<Vec<String>> {
        let mut have = BTreeSet::new();
        let mut open: Vec<String> = asked.iter().map(|bundle| (*bundle).to_owned()).collect();
        open.push(CORE.to_owned());
        while let Some(bundle) = open.pop() {
            if have.contains(&bundle) {
                continue;
            }
            let path = self.definitions.join(format!("{bundle}.toml"));
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let definition: toml::Table = text.parse().with_context(|| path.display().to_string())?;
            let includes = definition.get("includes").and_then(toml::Value::as_array);
            open.extend(includes.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)));
            have.insert(bundle);
        }
        Ok(have.into_iter().collect())
    }

    /// The tree of a machine at that release that asked for these bundles.
    ///
    /// # Errors
    /// When definitions or trees cannot be read.
    pub fn expected(&self, release: u32, asked: &[&str]) -> Result<Tree> {
        let bundles = self.closure(asked)?;
        let bundles: Vec<&str> = bundles.iter().map(String::as_str).collect();
        Tree::expected(&self.of(release), &bundles)
    }
}

/// What a directory holds, hidden names left out, in order.
fn names(directory: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.insert(name);
        }
    }
    Ok(names)
}

/// The absolute path of a directory that a user gave.
///
/// # Errors
/// When it is not there.
pub fn absolute(directory: &Path) -> Result<PathBuf> {
    fs::canonicalize(directory).with_context(|| format!("cannot find {}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closure_follows_includes() {
        let work = tempfile::tempdir().expect("temporary directory");
        let checkout = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let trees = Trees::small(checkout, work.path()).expect("small OS");
        assert_eq!(trees.closure(&[]).expect("closure"), ["os-core"]);
        let compute = trees.closure(&["openstack-compute"]).expect("closure");
        assert_eq!(compute, ["openstack-compute", "os-core", "python3-basic"]);
        assert!(trees.closure(&["nothing"]).is_err());
        let count = |asked: &[&str]| trees.expected(20, asked).expect("tree").nodes().len();
        assert!(count(&[]) < count(&["openstack-compute"]));
    }

    #[test]
    fn real_trees_get_definitions() {
        let work = tempfile::tempdir().expect("temporary directory");
        let make = |path: &str| fs::create_dir_all(work.path().join(path)).expect("directory");
        for version in ["9", "10", "20", "30", ".debs"] {
            for bundle in ["full", "os-core", "python3-basic", "openstack-compute"] {
                make(&format!("os/{version}/{bundle}/usr"));
            }
        }
        fs::write(work.path().join("os/summary.md"), "").expect("written");
        let trees = Trees::real(&work.path().join("os"), work.path()).expect("trees");
        assert_eq!(trees.releases, [10, 20]);
        assert_eq!(trees.bundles().expect("bundles"), ["openstack-compute", "os-core", "python3-basic"]);
        assert_eq!(trees.closure(&["openstack-compute"]).expect("closure").len(), 3);
    }
}
