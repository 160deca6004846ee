//! `info` and `diagnose`: they look and change nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundles::known;
use super::session::Session;
use super::status::inode_at;
use super::{ClientError, Diagnosis, Info, Settings, VerifyRequest};
use crate::disk::mounts_within;
use crate::manifest::BundleManifest;
use crate::plan::may_be_carried;
use crate::report::{Event, Reporter};
use crate::transport::without_password;
use crate::tree::with_all_beneath;
use crate::types::{Slot, TreePath};
use crate::verify::{Findings, findings};

/// What the machine is.
///
/// # Errors
/// When the root is not managed.
pub fn info(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Info, ClientError> {
    #[derive(serde::Deserialize)]
    struct Root {
        signed: Signed,
    }
    #[derive(serde::Deserialize)]
    struct Signed {
        version: u64,
    }
    let session = Session::look(settings, reporter)?;
    let record = session.record()?;
    let installed = &record.installed;
    let explicit = |name| installed.subscriptions.contains(name);
    let version = |root: &[u8]| serde_json::from_slice::<Root>(root).map_or(0, |root| root.signed.version);
    // What was seen since the tree was made only its owner may know; to others the tree's own root is the newest.
    let seen = session.trust_directory().documents().ok().and_then(|mut documents| documents.remove("root.json"));
    let trust_root = version(&record.root()?).max(seen.map_or(0, |root| version(&root)));
    let switch_method = match session.check_layout() {
        Ok(()) => "one exchange of /usr with the staged tree (renameat2)".to_owned(),
        Err(error) => format!("none: {error}"),
    };
    Ok(Info {
        version: installed.version(),
        bundles: installed.bundles.keys().map(|name| (name.clone(), explicit(name))).collect(),
        origin: installed.origin.iter().map(|url| without_password(url)).collect(),
        trust_root,
        layout: session.machine.root().filesystem()?,
        switch_method,
        previous: session.machine.other_record(Slot::Previous)?.map(|record| record.installed.version()),
    })
}

/// Compares the tree with its release.
///
/// # Errors
/// When the root is not managed, or a manifest is neither in the record nor to be fetched.
pub async fn diagnose(
    settings: &Settings,
    request: &VerifyRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Diagnosis, ClientError> {
    let session = Session::look(settings, reporter)?;
    let found = examine(&session, request).await?;
    Ok(Diagnosis {
        checked: found.checked,
        missing: found.missing.iter().map(|path| path.as_str().to_owned()).collect(),
        mismatched: found
            .mismatched
            .iter()
            .map(|(path, what)| (path.as_str().to_owned(), what.name().to_owned()))
            .collect(),
        extra: found.extra,
        duration_ms: session.stopwatch.elapsed_ms(),
    })
}

/// What is wrong with the live tree, as far as the request asks.
pub(super) async fn examine(session: &Session, request: &VerifyRequest) -> Result<Findings, ClientError> {
    let mut asked = Vec::new();
    for bundle in &request.bundles {
        known(&session.installed_release()?.release, bundle)?;
        match session.has_bundle(bundle) {
            true => asked.push(session.installed_manifest(bundle).await?),
            false => session.reporter.report(Event::Warning(format!("bundle {bundle} is not installed"))),
        }
    }
    let mut installed = session.installed().await?;
    session.scan_live(&mut installed, request.thoroughness)?;
    // Only a look, which nothing is removed by: better without the mounts than not at all.
    let mounts = mounts_within(&session.settings.root.join(Slot::Live.name())).unwrap_or_else(|error| {
        session.reporter.report(Event::Warning(format!("what is mounted in /usr counts as a part of it: {error}")));
        Vec::new()
    });
    let left_alone = |path: &Path| may_be_carried(path) || mounts.iter().any(|mount| path.starts_with(mount));
    if let Some(live) = session.machine.tree(Slot::Live)? {
        if let Some(file) = &request.file {
            let beneath = Path::new(file.beneath_usr());
            let is_there = inode_at(&live, beneath).is_some();
            if !is_there && installed.tree.find(file).is_none() {
                let told = format!("there is nothing at {file}, neither in the release nor on this machine");
                session.reporter.report(Event::Warning(told));
            }
            // Of what no bundle has, only the topmost is listed, which may be above what is asked for.
            let is_within = |extra: &PathBuf| beneath != extra && beneath.starts_with(extra);
            if is_there && !request.picky && installed.extra.iter().any(is_within) {
                installed.extra.push(beneath.to_owned());
            }
        }
        if request.picky {
            installed.extra = with_all_beneath(&live, &installed.extra, &left_alone)?;
        }
    }
    let in_bundles = |path: &str| {
        let owned = |path: &TreePath| asked.iter().any(|manifest: &BundleManifest| manifest.tree.find(path).is_some());
        request.bundles.is_empty() || path.parse().is_ok_and(|path| owned(&path))
    };
    let beneath = |path: &str| {
        let beneath = |file: &TreePath| Path::new(path).starts_with(file.as_str());
        request.file.as_ref().is_none_or(beneath)
    };
    let counts = |path: &str| beneath(path) && in_bundles(path);
    Ok(findings(&installed.tree, &installed.seen, &installed.extra, counts, left_alone))
}
