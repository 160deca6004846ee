//! `bundle-info`: one bundle as a release has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::bundles::known;
use super::session::Session;
use super::{ClientError, Settings};
use crate::manifest::{Status, Tree};
use crate::plan::{closure, dependents};
use crate::report::Reporter;
use crate::types::{BundleName, TreePath, Version};

/// `bundle-info`.
#[derive(Clone, Debug)]
pub struct BundleInfoRequest {
    /// The bundle.
    pub name: BundleName,
    /// As this release has it, which may be asked of the origin; none for the installed one.
    pub version: Option<Version>,
    /// Also list its paths.
    pub files: bool,
}

/// The answer of `bundle-info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleInfo {
    /// The bundle.
    pub name: BundleName,
    /// The release whose bundle it is.
    pub version: Version,
    /// One line about it.
    pub title: String,
    /// More about it.
    pub description: String,
    /// How ready it is.
    pub status: Status,
    /// Whether it is in the tree.
    pub installed: bool,
    /// Whether it was asked for by name.
    pub explicit: bool,
    /// Bundles that it names as coming with it.
    pub includes: BTreeSet<BundleName>,
    /// Bundles that `bundle-add` adds too.
    pub also_add: BTreeSet<BundleName>,
    /// All that comes with it, directly or not.
    pub dependencies: BTreeSet<BundleName>,
    /// Installed bundles that it comes with, directly or not.
    pub needed_by: BTreeSet<BundleName>,
    /// Files in it.
    pub file_count: u64,
    /// Bytes of their content.
    pub disk_bytes: u64,
    /// Bytes of its pack from nothing.
    pub download_bytes: u64,
    /// Bytes of content of the bundle and all that comes with it and is not installed.
    pub new_disk_bytes: u64,
    /// Bytes of the packs from nothing of the bundle and all that comes with it and is not installed.
    pub new_download_bytes: u64,
    /// Its paths, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<TreePath>>,
}

/// Tells about a bundle. Only another release than the installed one, or the paths of a bundle that is not installed, are
/// asked of the origin.
///
/// # Errors
/// When the release has no such bundle, or there is no such release.
pub async fn bundle_info(
    settings: &Settings,
    request: &BundleInfoRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<BundleInfo, ClientError> {
    let session = Session::look(settings, reporter)?;
    let target = match request.version {
        Some(version) if version != session.record()?.installed.version() => session.release(Some(version)).await?,
        _ => session.installed_release()?,
    };
    let release = &*target.release;
    let name = known(release, &request.name)?;
    let files = match request.files {
        false => None,
        true => {
            let tree = session.target_tree(&target, &[name.clone()].into(), &[], &Tree::default()).await?.tree;
            let files = tree.entries().iter().filter(|entry| !entry.is_directory());
            Some(files.map(|entry| entry.path.clone()).collect())
        }
    };
    let installed: BTreeSet<BundleName> = session.record()?.installed.bundles.keys().cloned().collect();
    let mut dependencies = closure(release, &[name.clone()].into())?;
    let new: Vec<_> = dependencies.difference(&installed).map(|name| &release.bundles[name]).collect();
    let (new_disk_bytes, new_download_bytes) =
        (new.iter().map(|offer| offer.disk_bytes).sum(), new.iter().map(|offer| offer.download_bytes).sum());
    dependencies.remove(name);
    let offer = &release.bundles[name];
    Ok(BundleInfo {
        name: name.clone(),
        version: release.version,
        title: offer.title.clone(),
        description: offer.description.clone(),
        status: offer.status,
        installed: installed.contains(name),
        explicit: session.subscriptions()?.contains(name),
        includes: offer.includes.clone(),
        also_add: offer.also_add.clone(),
        dependencies,
        needed_by: dependents(release, name, &installed),
        file_count: offer.files,
        disk_bytes: offer.disk_bytes,
        download_bytes: offer.download_bytes,
        new_disk_bytes,
        new_download_bytes,
        files,
    })
}
