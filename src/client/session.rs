//! One run: the machine it works on, the publication it reads, and what it has learned so far.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use super::recover::settled;
use super::stopwatch::Stopwatch;
use super::{ClientError, Mode, Settings};
use crate::disk::{FileType, Ownership, labels_are_enforced, mounts_within};
use crate::manifest::Release;
use crate::report::{Ahead, Event, Reporter};
use crate::state::{HOME, LockedMachine, Machine, Record, StateError, TRUST};
use crate::transport::{Transport, TransportError};
use crate::tree::Writer;
use crate::trust::{Reference, TrustDirectory, Trusted};
use crate::types::{BundleName, Slot, Version};

/// A machine that is only looked at, or one that is worked on.
#[derive(Debug)]
pub(super) enum Access {
    /// Nothing is written.
    Look(Machine),
    /// The lock is held.
    Work(LockedMachine),
}

impl Deref for Access {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        match self {
            Self::Look(machine) => machine,
            Self::Work(machine) => machine,
        }
    }
}

/// One run of one operation.
pub(super) struct Session {
    pub stopwatch: Stopwatch,
    pub settings: Settings,
    pub reporter: Arc<dyn Reporter>,
    pub machine: Access,
    pub writer: Writer,
    /// What the live tree says of itself; none before an install.
    pub record: Option<Record>,
    pub transport: Arc<Transport>,
    /// The administrator's mirror; none when the run was told where to read.
    pub mirror: Option<String>,
}

/// A release and the document that says so.
#[derive(Clone, Debug)]
pub(super) struct KnownRelease {
    pub release: Trusted<Release>,
    pub document: Vec<u8>,
    /// The trusted root that it was verified by.
    pub root: Vec<u8>,
}

impl Session {
    /// Opens a managed machine to look at it.
    pub fn look(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Self, ClientError> {
        Self::new(settings, reporter, Access::Look(Machine::managed(&settings.root)?))
    }

    /// A session that may write, or for a dry run one that may not.
    pub fn open(settings: &Settings, mode: Mode, reporter: &Arc<dyn Reporter>) -> Result<Self, ClientError> {
        match mode {
            Mode::DryRun => Self::look(settings, reporter),
            Mode::Run | Mode::DownloadOnly => Self::work(settings, reporter),
        }
    }

    /// Opens a managed machine to work on it, and finishes what an earlier run left unfinished.
    pub fn work(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Self, ClientError> {
        let (machine, _) = settled(settings, &**reporter)?;
        Self::new(settings, reporter, Access::Work(machine))
    }

    /// Opens any root to look at a publication: one without a system must be told where that lies.
    pub fn observe(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Self, ClientError> {
        let session = Self::new(settings, reporter, Access::Look(Machine::open(&settings.root)?));
        match session {
            Err(ClientError::Transport(TransportError::NoUrl)) => Err(ClientError::NoUrlGiven),
            other => other,
        }
    }

    /// Opens an empty root to install into, or for a dry run one that need not be there.
    pub fn install(settings: &Settings, mode: Mode, reporter: &Arc<dyn Reporter>) -> Result<Self, ClientError> {
        let machine = match mode {
            Mode::DryRun => Machine::to_be(&settings.root)?,
            Mode::Run | Mode::DownloadOnly => {
                crate::disk::make_root(&settings.root)?;
                Machine::open(&settings.root)?
            }
        };
        if machine.tree(Slot::Live)?.map_or(Ok(false), |usr| usr.names().map(|names| !names.is_empty()))? {
            return Err(ClientError::NotEmpty { usr: settings.root.join("usr") });
        }
        if settings.urls.is_empty() {
            return Err(ClientError::NoUrlGiven);
        }
        if mode == Mode::DryRun {
            return Self::new(settings, reporter, Access::Look(machine));
        }
        let machine = machine.lock()?;
        crate::switch::recover(&machine, &**reporter)?;
        let session = Self::new(settings, reporter, Access::Work(machine))?;
        session.forget_another_publication()?;
        Ok(session)
    }

    fn new(settings: &Settings, reporter: &Arc<dyn Reporter>, machine: Access) -> Result<Self, ClientError> {
        let record = machine.record(Slot::Live)?;
        let recorded = record.as_ref().map(|record| &record.installed.origin[..]).unwrap_or_default();
        let mirror = match settings.urls.is_empty().then(|| machine.mirror()) {
            Some(Err(error)) => {
                let told = format!("no mirror is used: {error}");
                reporter.report(match error {
                    StateError::NotYours { .. } => Event::Note(told),
                    _ => Event::Warning(told),
                });
                None
            }
            Some(Ok(mirror)) => mirror.map(|mirror| mirror.url),
            None => None,
        };
        let ownership = Ownership::of_this_process();
        if ownership == Ownership::Ignored {
            reporter
                .report(Event::Note("not run by root: owners and privileged attributes are not compared".to_owned()));
        }
        Ok(Self {
            stopwatch: Stopwatch::start(),
            settings: settings.clone(),
            reporter: reporter.clone(),
            transport: Arc::new(transport(settings, mirror.as_slice(), recorded)?),
            writer: Writer { ownership },
            machine,
            record,
            mirror,
        })
    }

    /// The record of a machine that has one.
    pub fn record(&self) -> Result<&Record, ClientError> {
        let not_managed = || StateError::NotManaged { root: self.settings.root.clone() };
        Ok(self.record.as_ref().ok_or_else(not_managed)?)
    }

    /// The machine, when the lock is held.
    pub fn locked(&self) -> Option<&LockedMachine> {
        match &self.machine {
            Access::Work(machine) => Some(machine),
            Access::Look(_) => None,
        }
    }

    /// The release that the live tree is of, from its own record: no network.
    pub fn installed_release(&self) -> Result<KnownRelease, ClientError> {
        let record = self.record()?;
        let (release, document) = record.release()?;
        Ok(KnownRelease { release: Trusted::recorded(release), document, root: record.root()? })
    }

    /// Where this machine remembers what it saw of its publication.
    pub fn trust_directory(&self) -> TrustDirectory {
        TrustDirectory::new(self.settings.root.join(HOME).join(TRUST))
    }

    /// The release `wanted`, or the newest one.
    pub async fn release(&self, wanted: Option<Version>) -> Result<KnownRelease, ClientError> {
        self.reached(self.newest_release().await?, wanted).await
    }

    /// The release `wanted`, reached from the newest one by the digests that each release names of older ones.
    pub async fn reached(&self, newest: KnownRelease, wanted: Option<Version>) -> Result<KnownRelease, ClientError> {
        let Some(wanted) = wanted else { return Ok(newest) };
        check_floor(wanted, newest.release.floor)?;
        Ok(self.back_to(&newest, wanted).await?.pop().unwrap_or(newest))
    }

    /// The releases on the way from the newest one, which is not among them, to `wanted`.
    pub async fn back_to(&self, newest: &KnownRelease, wanted: Version) -> Result<Vec<KnownRelease>, ClientError> {
        let mut way: Vec<KnownRelease> = Vec::new();
        loop {
            let known = way.last().unwrap_or(newest);
            if known.release.version == wanted {
                return Ok(way);
            }
            let further = self.older(known, wanted).await.map_err(|error| match error {
                ClientError::NoSuchRelease { .. } => {
                    ClientError::NoSuchRelease { wanted, newest: newest.release.version }
                }
                other => other,
            })?;
            way.push(further);
        }
    }

    /// The release that `known` names that is nearest to `wanted`, which is older, and not older itself. A publisher may have
    /// dropped it: [`ClientError::NotKept`].
    pub async fn older(&self, known: &KnownRelease, wanted: Version) -> Result<KnownRelease, ClientError> {
        let step = known.release.as_ref().try_map(|release| {
            let not_too_old = release.predecessors.iter().filter(|older| older.version >= wanted);
            let nearest = not_too_old.min_by_key(|older| older.version).cloned();
            nearest.ok_or(ClientError::NoSuchRelease { wanted, newest: release.version })
        })?;
        let version = step.version;
        let path = Release::path(version, step.sha256);
        let name = step.map(|step| Reference { digest: step.sha256, length: step.length.min(Release::MAX_BYTES) });
        let document = self.admitted(&path, &name).await.map_err(|error| match error {
            ClientError::Transport(source) if source.is_surely_not_found() => {
                ClientError::NotKept { wanted, version, source }
            }
            other => other,
        })?;
        let bytes = document.get().clone();
        let release = document.try_map(|bytes| Release::parse(version, &bytes))?;
        Ok(KnownRelease { release, document: bytes, root: known.root.clone() })
    }

    /// Refuses layouts in which `/usr` cannot be exchanged as a whole, and any where that cannot be told: what is mounted
    /// in `/usr` would go along into a tree that later runs clear. It is asked before any content is fetched, and since a run
    /// may take long, before the exchange as well.
    pub fn check_layout(&self) -> Result<(), ClientError> {
        let usr = self.settings.root.join("usr");
        let refused = |reason: String| ClientError::Layout { usr: usr.clone(), reason };
        let root = self.machine.root();
        let Some(inode) = root.look("usr")? else { return Ok(()) };
        if inode.file_type != FileType::Directory {
            return Err(refused("it is no directory".to_owned()));
        }
        if inode.is_mount_point || inode.device != root.inode()?.device {
            return Err(refused("it is a mount point of its own, or a subvolume".to_owned()));
        }
        if self.locked().is_some() && !root.can_move("usr", HOME)? {
            let reason =
                "it comes from a lower layer of an overlay file system that was mounted without redirect_dir=on";
            return Err(refused(reason.to_owned()));
        }
        if self.machine.is_running_system()? && labels_are_enforced() {
            let reason = "SELinux is enforced, and new files would have the labels of other places";
            return Err(refused(reason.to_owned()));
        }
        match mounts_within(&usr)?.first() {
            None => Ok(()),
            Some(first) => Err(refused(format!("{} is mounted in it; unmount it first", usr.join(first).display()))),
        }
    }

    /// Whether a bundle is in the live tree.
    pub fn has_bundle(&self, bundle: &BundleName) -> bool {
        self.record.as_ref().is_some_and(|record| record.installed.bundles.contains_key(bundle))
    }

    /// Asks whether to go on. The time that somebody thinks about it is not the run's.
    pub fn ask(&self, ahead: &Ahead) -> Result<(), ClientError> {
        match self.stopwatch.pause(|| self.reporter.agrees(ahead)) {
            true => Ok(()),
            false => Err(ClientError::Declined),
        }
    }

    /// The bundles of the live tree that do not stay.
    pub fn without(&self, stays: impl Fn(&BundleName) -> bool) -> Vec<BundleName> {
        let live = self.record.iter().flat_map(|record| record.installed.bundles.keys());
        live.filter(|name| !stays(name)).cloned().collect()
    }

    /// The subscriptions of the live tree.
    pub fn subscriptions(&self) -> Result<BTreeSet<BundleName>, ClientError> {
        Ok(self.record()?.installed.subscriptions.clone())
    }
}

/// The transport of a run: it reads where the run was told to, else from what a machine has recorded.
pub(super) fn transport(
    settings: &Settings,
    mirrors: &[String],
    origin: &[String],
) -> Result<Transport, TransportError> {
    match &settings.urls[..] {
        [] => Transport::recorded(mirrors, origin, settings.limits),
        urls => Transport::new(urls, settings.limits),
    }
}

/// Refuses a release that the publisher does not allow any more.
pub(super) fn check_floor(wanted: Version, floor: Version) -> Result<(), ClientError> {
    if wanted < floor { Err(ClientError::BelowFloor { wanted, floor }) } else { Ok(()) }
}
