//! `os-install`, `update`, `check-update`, `repair`.

use std::sync::Arc;

use super::engine::{Goal, Overrides, go};
use super::history::go_remembered;
use super::inspect::examine;
use super::mirror::tell_if_behind;
use super::session::Session;
use super::{
    ClientError, InstallRequest, Mode, Settings, Thoroughness, Transition, UpdateCheck, UpdateRequest, VerifyRequest,
};
use crate::report::Reporter;

/// Makes a machine in an empty root.
///
/// # Errors
/// [`ClientError::NotEmpty`] when there is a `usr` with something in it; others as the engine has them.
pub async fn install(
    settings: &Settings,
    request: &InstallRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Transition, ClientError> {
    let session = Session::install(settings, reporter)?;
    let release = session.release(request.version).await?;
    let goal = Goal { release, subscriptions: request.bundles.clone(), overrides: Overrides::Silent };
    go_remembered(&session, "os-install", &goal, request.mode, Thoroughness::Changed).await
}

/// Moves the machine to the newest release, or to the one that is asked for.
///
/// # Errors
/// [`ClientError::Older`] when the newest release is older than the installed one and none was asked for.
pub async fn update(
    settings: &Settings,
    request: &UpdateRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Transition, ClientError> {
    let session = open(settings, request.mode, reporter)?;
    let installed = session.record()?.installed.version();
    let release = session.release(request.version).await?;
    tell_if_behind(&session, &release).await;
    let newest = release.release.version;
    if request.version.is_none() && newest < installed {
        return Err(ClientError::Older { newest, installed });
    }
    if newest == installed && request.thoroughness != Thoroughness::Full {
        return session.nothing_to_do(request.mode);
    }
    let goal = Goal { release, subscriptions: session.subscriptions()?, overrides: Overrides::Told };
    go_remembered(&session, "update", &goal, request.mode, request.thoroughness).await
}

/// Looks whether there is a newer release, and what it would cost this machine.
///
/// # Errors
/// When the publication cannot be read or is not trusted.
pub async fn check_update(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<UpdateCheck, ClientError> {
    let session = Session::work(settings, reporter)?;
    let current = session.record()?.installed.version();
    let release = session.release(None).await?;
    tell_if_behind(&session, &release).await;
    let latest = release.release.version;
    let mut check = UpdateCheck { current, latest, available: latest > current, download_bytes: 0 };
    if check.available {
        let so_far = session.transport.meter().bytes;
        let goal = Goal { release, subscriptions: session.subscriptions()?, overrides: Overrides::Silent };
        let planned = go(&session, &goal, Mode::DryRun, Thoroughness::Quick).await?;
        check.download_bytes = planned.download_bytes - so_far;
    }
    Ok(check)
}

/// Makes the tree match the release that it is of, starting from what is really on disk.
///
/// A request for some bundles or paths only says where to look: there is no tree that is right in parts, so when
/// something is wrong there, the whole tree is made to match.
///
/// # Errors
/// As the engine has them.
pub async fn repair(
    settings: &Settings,
    request: &VerifyRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Transition, ClientError> {
    let session = open(settings, request.mode, reporter)?;
    let is_narrow = !request.bundles.is_empty() || request.file.is_some();
    if is_narrow && examine(&session, request).await?.is_clean() {
        return session.nothing_to_do(request.mode);
    }
    let (release, subscriptions) = (session.installed_release()?, session.subscriptions()?);
    let goal = Goal { release, subscriptions, overrides: Overrides::Silent };
    // What is not hashed cannot be kept, so a quick look is not enough to repair by.
    let thoroughness = match request.thoroughness {
        Thoroughness::Quick => Thoroughness::Changed,
        other => other,
    };
    go_remembered(&session, "repair", &goal, request.mode, thoroughness).await
}

/// A session that may write, or for a dry run one that may not.
pub(super) fn open(settings: &Settings, mode: Mode, reporter: &Arc<dyn Reporter>) -> Result<Session, ClientError> {
    match mode {
        Mode::DryRun => Session::look(settings, reporter),
        Mode::Run | Mode::DownloadOnly => Session::work(settings, reporter),
    }
}

impl Session {
    /// The answer where the machine is at its target.
    fn nothing_to_do(&self, mode: Mode) -> Result<Transition, ClientError> {
        let installed = &self.record()?.installed;
        let meter = self.transport.meter();
        Ok(Transition {
            from: Some(installed.version()),
            to: installed.version(),
            bundles: installed.bundles.keys().cloned().collect(),
            changed: false,
            files_added: 0,
            files_changed: 0,
            files_removed: 0,
            download_bytes: meter.bytes,
            requests: meter.requests,
            disk_peak_bytes: 0,
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            dry_run: mode == Mode::DryRun,
        })
    }
}
