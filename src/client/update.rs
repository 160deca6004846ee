//! `os-install`, `update`, `check-update`, `repair`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::engine::{Goal, Overrides, go};
use super::inspect::examine;
use super::mirror::tell_if_behind;
use super::remember::go_remembered;
use super::session::{KnownRelease, Session};
use super::{
    ClientError, InstallRequest, Mode, Settings, Thoroughness, Transition, UpdateCheck, UpdateRequest, VerifyRequest,
};
use crate::manifest::Release;
use crate::report::{Event, Reporter};
use crate::transport::without_password;
use crate::types::BundleName;

/// Makes a machine in an empty root.
///
/// # Errors
/// [`ClientError::NotEmpty`] when there is a `usr` with something in it; others as the engine has them.
pub async fn install(
    settings: &Settings,
    request: &InstallRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Transition, ClientError> {
    let session = Session::install(settings, request.mode, reporter)?;
    if settings.urls.iter().any(|url| without_password(url) != *url) {
        let told =
            "the password in --url becomes a part of the record in /usr, which every user of this machine can read";
        reporter.report(Event::Warning(told.to_owned()));
    }
    let release = session.release(request.version).await?;
    let goal = Goal { release, subscriptions: request.bundles.clone(), overrides: Overrides::Silent };
    go_remembered(&session, "os-install", &goal, request.mode, Thoroughness::Changed).await
}

/// Moves the machine from one release to the next one that is allowed until it has the wanted one. The answer is that of
/// all steps.
///
/// # Errors
/// As [`update`]; the machine then has the release that it came to.
pub async fn update_incrementally(
    settings: &Settings,
    request: &UpdateRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Transition, ClientError> {
    let mut way = Vec::new();
    // To find the way costs requests, too.
    let mut all = {
        let session = Session::look(settings, reporter)?;
        let installed = session.record()?.installed.version();
        let newest = session.newest_release().await?;
        let floor = newest.release.floor;
        let mut known = session.reached(newest, request.version).await?;
        while known.release.version > installed {
            way.push(known.release.version);
            match known.release.before().map(|before| before.version) {
                // Below the floor nobody goes, nor to what was dropped: the first step is then that to the first release above.
                Some(before) if before > installed && before >= floor => match session.older(&known, before).await {
                    Err(ClientError::NotKept { .. }) => break,
                    older => known = older?,
                },
                _ => break,
            }
        }
        session.nothing_to_do(request.mode)?
    };
    if way.is_empty() {
        return Ok(all.followed_by(update(settings, request, reporter).await?));
    }
    for version in way.into_iter().rev() {
        let request = UpdateRequest { version: Some(version), ..request.clone() };
        all = all.followed_by(update(settings, &request, reporter).await?);
    }
    Ok(all)
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
    let session = Session::open(settings, request.mode, reporter)?;
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
    let goal = session.goal(release, Overrides::Told)?;
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
        let goal = session.goal(release, Overrides::Silent)?;
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
    let session = Session::open(settings, request.mode, reporter)?;
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

impl Session {
    fn goal(&self, release: KnownRelease, overrides: Overrides) -> Result<Goal, ClientError> {
        let subscriptions = self.kept_subscriptions(&release.release)?;
        Ok(Goal { release, subscriptions, overrides })
    }

    /// The subscriptions as far as a release has them. Those that it has not are told, and end with the transition.
    pub(super) fn kept_subscriptions(&self, release: &Release) -> Result<BTreeSet<BundleName>, ClientError> {
        let (kept, dropped): (BTreeSet<BundleName>, BTreeSet<BundleName>) =
            self.subscriptions()?.into_iter().partition(|name| release.bundles.contains_key(name));
        for name in dropped {
            let version = release.version;
            self.reporter
                .report(Event::Warning(format!("release {version} has no bundle {name} any more: it is dropped")));
        }
        Ok(kept)
    }

    /// The answer where the machine is at its target.
    fn nothing_to_do(&self, mode: Mode) -> Result<Transition, ClientError> {
        let installed = &self.record()?.installed;
        let meter = self.transport.meter();
        Ok(Transition {
            from: Some(installed.version()),
            to: installed.version(),
            bundles: installed.bundles.keys().cloned().collect(),
            bundles_removed: Vec::new(),
            changed: false,
            files_added: 0,
            files_changed: 0,
            files_removed: 0,
            download_bytes: meter.bytes,
            requests: meter.requests,
            disk_peak_bytes: 0,
            duration_ms: self.stopwatch.elapsed_ms(),
            dry_run: mode == Mode::DryRun,
        })
    }
}
