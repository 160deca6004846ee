//! `info` and `diagnose`: they look and change nothing.

use std::path::Path;
use std::sync::Arc;

use super::session::Session;
use super::{ClientError, Diagnosis, Info, Settings, VerifyRequest};
use crate::manifest::BundleManifest;
use crate::plan::may_be_carried;
use crate::report::Reporter;
use crate::state::Slot;
use crate::types::TreePath;
use crate::verify::findings;

/// What the machine is.
///
/// # Errors
/// When the root is not managed.
pub async fn info(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Info, ClientError> {
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
    let root = serde_json::from_slice::<Root>(&record.root()?).map_or(0, |root| root.signed.version);
    let switch_method = match session.check_layout() {
        Ok(()) => "one exchange of /usr with the staged tree (renameat2)".to_owned(),
        Err(error) => format!("none: {error}"),
    };
    Ok(Info {
        version: installed.version(),
        bundles: installed.bundles.keys().map(|name| (name.clone(), explicit(name))).collect(),
        origin: installed.origin.clone(),
        trust_root: root,
        layout: session.machine.root().filesystem()?,
        switch_method,
        previous: session.machine.record(Slot::Previous)?.map(|record| record.installed.version()),
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
    let mut installed = session.installed().await?;
    session.scan_live(&mut installed, request.thoroughness)?;
    let mut asked = Vec::new();
    for bundle in request.bundles.iter().filter(|bundle| session.has_bundle(bundle)) {
        asked.push(session.installed_manifest(bundle).await?);
    }
    let in_bundles = |path: &str| {
        let owned = |path: &TreePath| asked.iter().any(|manifest: &BundleManifest| manifest.tree.find(path).is_some());
        request.bundles.is_empty() || path.parse().is_ok_and(|path| owned(&path))
    };
    let beneath = |path: &str| {
        let beneath = |file: &TreePath| Path::new(path).starts_with(file.as_str());
        request.file.as_ref().is_none_or(beneath)
    };
    let carried = |path: &Path| !request.picky && may_be_carried(path);
    let counts = |path: &str| beneath(path) && in_bundles(path);
    let found = findings(&installed.tree, &installed.seen, &installed.extra, counts, carried);
    Ok(Diagnosis {
        checked: found.checked,
        missing: found.missing.iter().map(ToString::to_string).collect(),
        mismatched: found.mismatched.iter().map(|(path, what)| (path.to_string(), what.name().to_owned())).collect(),
        extra: found.extra,
        duration_ms: u64::try_from(session.started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}
