//! What the options mean to the library.

use stateless_update::client::{
    AddRequest, AutoupdateRequest, BundleFilter, BundleInfoRequest, CleanRequest, InstallRequest, MirrorRequest, Mode,
    RemoveRequest, Settings, Thoroughness, TufRequest, UpdateRequest, VerifyRequest,
};
use stateless_update::plan::{Preference, Terms};
use stateless_update::transport::Limits;

use super::args::{
    Autoupdate, BundleAdd, BundleInfo, BundleList, BundleRemove, Clean, Dearer, Global, Mirror, OsInstall, Repair,
    Rollback, Status, TufClient, TufVerb, Update, Verify,
};
use super::outcome::Wanted;

impl Global {
    /// What the library is told about the machine and the run.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            root: self.root.clone(),
            urls: self.url.iter().map(|url| absolute(url)).collect(),
            trust: self.trust.clone(),
            jobs: self.jobs,
            terms: Terms { prefer: self.prefer.into(), memory: self.memory },
            limits: Limits {
                parallel: self.max_parallel_downloads.into(),
                max_retries: self.max_retries,
                retry_delay: self.retry_delay,
                timeout: self.timeout,
                allow_insecure_http: self.allow_insecure_http,
            },
            ignore_time: self.ignore_time,
            assume_yes: self.yes,
        }
    }
}

impl From<Dearer> for Preference {
    fn from(dearer: Dearer) -> Self {
        match dearer {
            Dearer::Time => Self::Time,
            Dearer::Bytes => Self::Bytes,
        }
    }
}

impl Update {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> UpdateRequest {
        let thoroughness = if self.full_verify { Thoroughness::Full } else { Thoroughness::Changed };
        let mode = if self.download { Mode::DownloadOnly } else { mode(self.dry_run) };
        UpdateRequest { version: self.version, mode, thoroughness }
    }
}

impl OsInstall {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> InstallRequest {
        let bundles = self.bundles.iter().cloned().collect();
        InstallRequest { version: self.version, bundles, mode: mode(self.dry_run) }
    }
}

impl BundleAdd {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> AddRequest {
        let bundles = self.bundles.iter().cloned().collect();
        AddRequest { bundles, skip_optional: self.skip_optional, mode: mode(self.dry_run) }
    }
}

impl BundleRemove {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> RemoveRequest {
        let bundles = self.bundles.iter().cloned().collect();
        RemoveRequest { bundles, recursive: self.recursive, mode: mode(self.dry_run) }
    }
}

impl BundleList {
    /// What to ask of the library.
    pub(crate) fn filter(&self) -> BundleFilter {
        match (&self.deps, &self.has_dep) {
            (Some(bundle), _) => BundleFilter::DependenciesOf(bundle.clone()),
            (_, Some(bundle)) => BundleFilter::DependentsOf(bundle.clone(), self.all),
            _ if self.orphans => BundleFilter::Orphans,
            _ if self.all => BundleFilter::All,
            _ => BundleFilter::Installed,
        }
    }
}

impl Verify {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> VerifyRequest {
        let thoroughness = match (self.quick, self.full_verify) {
            (true, _) => Thoroughness::Quick,
            (_, true) => Thoroughness::Full,
            _ => Thoroughness::Changed,
        };
        let bundles = self.bundles.iter().cloned().collect();
        VerifyRequest { thoroughness, picky: self.picky, bundles, file: self.file.clone(), mode: Mode::Run }
    }
}

impl Repair {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> VerifyRequest {
        VerifyRequest { mode: mode(self.dry_run), ..self.verify.request() }
    }
}

impl BundleInfo {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> BundleInfoRequest {
        BundleInfoRequest { name: self.bundle.clone(), version: self.version, files: self.files }
    }
}

impl Clean {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> CleanRequest {
        CleanRequest { all: self.all, mode: mode(self.dry_run) }
    }
}

impl Mirror {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> MirrorRequest {
        match &self.set {
            Some(url) => MirrorRequest::Set(absolute(url)),
            None if self.unset => MirrorRequest::Unset,
            None => MirrorRequest::Show,
        }
    }
}

impl Autoupdate {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> AutoupdateRequest {
        match (self.enable, self.disable) {
            (true, _) => AutoupdateRequest::Enable,
            (_, true) => AutoupdateRequest::Disable,
            _ => AutoupdateRequest::Show,
        }
    }
}

impl Rollback {
    /// What to ask of the library.
    pub(crate) fn mode(&self) -> Mode {
        mode(self.dry_run)
    }
}

impl Status {
    /// What of the answer is wanted.
    pub(crate) fn wanted(&self) -> Wanted {
        match (self.needs_restart, self.needs_reboot) {
            (true, _) => Wanted::Services,
            (_, true) => Wanted::Reboot,
            _ => Wanted::All,
        }
    }
}

impl TufClient {
    /// What to ask of the library.
    pub(crate) fn request(self) -> TufRequest {
        let Self { metadata_url, target_base_url, target_dir, target_name: names, .. } = self;
        match self.verb {
            TufVerb::Init { trusted_root: root } => TufRequest::Init { root },
            TufVerb::Refresh => TufRequest::Refresh { metadata_url },
            TufVerb::Download => TufRequest::Download { metadata_url, target_base_url, target_dir, names },
        }
    }
}

/// A relative path of something that is there is as good as an absolute one.
fn absolute(url: &str) -> String {
    match std::path::absolute(url) {
        Ok(path) if !url.contains(':') && path.exists() => path.display().to_string(),
        _ => url.to_owned(),
    }
}

fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Run }
}
