//! Why an operation of the client did not do what it was asked.

use std::path::PathBuf;

use crate::disk::DiskError;
use crate::fetch::FetchError;
use crate::manifest::{Conflict, ManifestError, ReleaseError, SearchError};
use crate::overlay::OverlayError;
use crate::plan::BundleError;
use crate::site::SiteError;
use crate::stage::StageError;
use crate::state::StateError;
use crate::switch::SwitchError;
use crate::transport::TransportError;
use crate::trust::TrustError;
use crate::types::{BundleName, TreePath, Version};

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The publication cannot be read.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// No origin has what every publication has.
    #[error("found no publication at {}", origins.join(" or "))]
    NoPublication {
        /// Where it was looked for.
        origins: Vec<String>,
        /// What they said.
        source: TransportError,
    },
    /// What was read is not trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A release document is no release document.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A manifest is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The bundles of a release contradict each other.
    #[error("release {version} contradicts itself")]
    Contradiction {
        /// The release.
        version: Version,
        /// How.
        source: Conflict,
    },
    /// A manifest has another digest than its release names.
    #[error("the manifest of bundle {bundle} is not the one that release {version} names")]
    WrongManifest {
        /// The release.
        version: Version,
        /// The bundle.
        bundle: BundleName,
    },
    /// A search index is damaged, or none.
    #[error(transparent)]
    SearchIndex(#[from] SearchError),
    /// The search index has another digest than its release names.
    #[error("the search index is not the one that release {version} names")]
    WrongSearchIndex {
        /// The release.
        version: Version,
    },
    /// What lies in the publication is another file than the one that was signed for.
    #[error("{path} is not the file that was signed for")]
    WrongFile {
        /// The path in the publication.
        path: String,
    },
    /// A release was made without.
    #[error("release {version} has no search index")]
    NoSearchIndex {
        /// The release.
        version: Version,
    },
    /// What is to be looked for cannot be.
    #[error("`{term}` cannot be searched for: {reason}")]
    BadTerm {
        /// As given.
        term: String,
        /// Why.
        reason: String,
    },
    /// A shell that has no way to ask about missing commands.
    #[error("{shell} does not ask about commands that are not there")]
    NoHook {
        /// The shell.
        shell: String,
    },
    /// No such bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// What is installed cannot be told.
    #[error(transparent)]
    State(#[from] StateError),
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Blobs cannot be brought.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was given as the first root of trust is none.
    #[error("{}, which --trust names, is no root metadata", path.display())]
    NoRoot {
        /// The file.
        path: PathBuf,
        /// What it is not.
        source: TrustError,
    },
    /// The next tree cannot be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The trees cannot be exchanged.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// The kept tree does not say what it is, or has lost what no other tree has.
    #[error("there is no going back to the kept release: its tree is damaged")]
    DamagedPrevious {
        /// What is damaged.
        source: StageError,
    },
    /// No such release.
    #[error("the publication has no release {wanted}; its newest is {newest}")]
    NoSuchRelease {
        /// The release that was asked for.
        wanted: Version,
        /// The newest that there is.
        newest: Version,
    },
    /// A release that newer ones name is not there.
    #[error("release {wanted} is not to be had: no origin has the document of release {version} any more")]
    NotKept {
        /// The release that was asked for.
        wanted: Version,
        /// The one on the way to it that is not there.
        version: Version,
        /// What the origins said.
        source: TransportError,
    },
    /// The newest release is older than what is installed.
    #[error("the newest release of the publication, {newest}, is older than the installed {installed}")]
    Older {
        /// The newest release.
        newest: Version,
        /// The installed release.
        installed: Version,
    },
    /// Below the signed floor.
    #[error("release {wanted} is below {floor}, the oldest that the publisher still allows")]
    BelowFloor {
        /// The release that was asked for.
        wanted: Version,
        /// The floor.
        floor: Version,
    },
    /// An install into a root that is not empty.
    #[error("{} is not empty", usr.display())]
    NotEmpty {
        /// `/usr` beneath the root.
        usr: PathBuf,
    },
    /// No system here says whom to trust.
    #[error("--trust is needed where no system is installed")]
    NoTrustGiven,
    /// No system here says where the publication lies.
    #[error("--url is needed where no system is installed")]
    NoUrlGiven,
    /// A bundle that is not there cannot be removed.
    #[error("bundle {name} is not installed")]
    NotInstalled {
        /// The bundle.
        name: BundleName,
    },
    /// A bundle that is not a subscription cannot be removed.
    #[error("bundle {name} was not asked for by name, so it cannot be removed")]
    NotSubscribed {
        /// The bundle.
        name: BundleName,
        /// Subscriptions that bring it along.
        because_of: Vec<BundleName>,
    },
    /// Other subscriptions need the bundle.
    #[error("bundle {name} is needed by {}:\n{tree}", list(needed_by))]
    Needed {
        /// The bundle.
        name: BundleName,
        /// Those that include it.
        needed_by: Vec<BundleName>,
        /// The bundle with what includes it, a line each and indented.
        tree: String,
    },
    /// A publication cannot be written as one file.
    #[error(transparent)]
    Export(#[from] SiteError),
    /// Nothing lies at a path.
    #[error("there is nothing at {path}")]
    NotThere {
        /// The path.
        path: TreePath,
    },
    /// Configuration cannot be read or written.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// A program's configuration cannot be read as another release reads it.
    #[error("the configuration of {app} cannot be read as release {version} reads it")]
    OtherRelease {
        /// The program.
        app: String,
        /// The release.
        version: Version,
        /// Why.
        source: OverlayError,
    },
    /// No program of that name has configuration here.
    #[error("there is no configuration of {name:?}")]
    NoSuchProgram {
        /// The name.
        name: String,
    },
    /// The name is that of several programs, and one is wanted.
    #[error("{name} is several programs: {}", programs.join(", "))]
    SeveralPrograms {
        /// The name.
        name: String,
        /// Those that can be meant.
        programs: Vec<String>,
    },
    /// What was typed in names no option.
    #[error("{option:?} names no option of {app}")]
    NoSuchOption {
        /// The program.
        app: String,
        /// What was typed in.
        option: String,
    },
    /// Only services that read oslo.config take its arguments.
    #[error("{name} does not read oslo.config, its model is {model}")]
    NotOslo {
        /// The program.
        name: String,
        /// Its model.
        model: &'static str,
    },
    /// What a program reads is several files, whatever they say.
    #[error("the files of {name} are not read for what they say, so no one file says the same")]
    NoOneFile {
        /// The program.
        name: String,
    },
    /// A setting would not come into force.
    #[error("{file} is read later and says otherwise")]
    Beaten {
        /// The file.
        file: String,
    },
    /// A setting would take others away.
    #[error("{file} would take the place of {of}, which sets more than this")]
    Displaces {
        /// The file that would be written.
        file: String,
        /// The file that would not be read any more.
        of: String,
    },
    /// A setting would take the place of a table, or of a value that it lies beneath.
    #[error("{option} would take away {lost}, which {of} sets")]
    TakesAway {
        /// The option.
        option: String,
        /// An option that would be gone.
        lost: String,
        /// The file that sets it.
        of: String,
    },
    /// What is to be written would take the place of something else than a file.
    #[error("{} is there and is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// What a factory reset does not touch cannot be kept from it.
    #[error("{path:?} is not a path beneath /etc or /var")]
    NotResettable {
        /// The path.
        path: String,
    },
    /// What a factory reset shall keep is not there: it may be meant under another name.
    #[error("there is nothing at /{path} that could be kept")]
    NothingToKeep {
        /// The path, from the root.
        path: String,
    },
    /// A factory reset follows no symlink, neither to what it empties nor to what it keeps.
    #[error("/{path} is not a directory that is reached without symlinks")]
    NotReached {
        /// The path, from the root.
        path: String,
        /// What the system says.
        source: DiskError,
    },
    /// The running system is only reset when somebody says so.
    #[error("all of /etc and /var of the running system would be removed")]
    NotConfirmed,
    /// `os-core` cannot be removed.
    #[error("os-core is the system itself and cannot be removed")]
    CoreStays,
    /// Too little space.
    #[error("{needed} bytes and {needed_inodes} inodes are needed on the file system of {}, {free} and {free_inodes} are free", path.display())]
    NoSpace {
        /// The root.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
        /// Inodes needed.
        needed_inodes: u64,
        /// Inodes free.
        free_inodes: u64,
    },
    /// A factory reset could not remove all that it should.
    #[error("{number} of {} names in /etc and /var could not be removed, and stay", number + removed)]
    NotRemoved {
        /// So many stay.
        number: usize,
        /// So many are gone.
        removed: usize,
        /// Why the first of them stays.
        source: DiskError,
    },
    /// `/usr` lies in a way that cannot be exchanged.
    #[error("{} cannot be exchanged as a whole: {reason}", usr.display())]
    Layout {
        /// `/usr` beneath the root.
        usr: PathBuf,
        /// Why.
        reason: String,
    },
    /// A target that a repository does not name.
    #[error("the repository names no target `{name}`")]
    NoSuchTarget {
        /// The name.
        name: String,
    },
    /// Whoever was asked said no.
    #[error("nothing was done")]
    Declined,
    /// Every way to a blob turned out bad.
    #[error("blocks of packs turned out bad again and again: the origin gives damaged data")]
    NoProgress,
}

/// These names in a sentence.
fn list(names: &[BundleName]) -> String {
    let names: Vec<&str> = names.iter().map(BundleName::as_str).collect();
    names.join(", ")
}
