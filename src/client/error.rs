//! Why an operation of the client did not do what it was asked.

use std::path::PathBuf;

use crate::disk::DiskError;
use crate::fetch::FetchError;
use crate::manifest::{Conflict, ManifestError, ReleaseError};
use crate::overlay::OverlayError;
use crate::pack::PackError;
use crate::plan::BundleError;
use crate::stage::StageError;
use crate::state::StateError;
use crate::switch::SwitchError;
use crate::transport::{TransportError, TransportErrorKind};
use crate::trust::TrustError;
use crate::types::{BundleName, TreePath, Version};

/// What kind of failure it is: one for each exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It was asked for wrongly.
    Usage,
    /// The origin cannot be reached or lacks something: try again later.
    Unreachable,
    /// Trust or integrity is refused.
    Refused,
    /// The local disk or file system.
    Local,
    /// Another run holds the lock.
    Locked,
    /// A bug.
    Bug,
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The publication cannot be read.
    #[error(transparent)]
    Transport(#[from] TransportError),
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
    /// The head of a pack is damaged although it has the signed digest: the publisher made it so.
    #[error("pack {path} cannot be used")]
    Pack {
        /// The pack.
        path: String,
        /// Why.
        source: PackError,
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
    /// The next tree cannot be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The trees cannot be exchanged.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// No such release.
    #[error("the publication has no release {wanted}; its newest is {newest}")]
    NoSuchRelease {
        /// The release that was asked for.
        wanted: Version,
        /// The newest that there is.
        newest: Version,
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
    /// An install without a root of trust or an origin.
    #[error("{missing} is needed to install a new system")]
    MissingOption {
        /// The option.
        missing: &'static str,
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
    /// Nothing lies at a path.
    #[error("there is nothing at {path}")]
    NotThere {
        /// The path.
        path: TreePath,
    },
    /// Configuration cannot be read or written.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// No program of that name has configuration here.
    #[error("there is no configuration of {name:?}")]
    NoSuchProgram {
        /// The name.
        name: String,
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
    /// A setting would not come into force.
    #[error("{file} is read later and says otherwise")]
    Beaten {
        /// The file.
        file: String,
    },
    /// What a factory reset does not touch cannot be kept from it.
    #[error("{path:?} is not a path beneath /etc or /var")]
    NotResettable {
        /// The path.
        path: String,
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
    /// Every way to a blob turned out bad.
    #[error("blocks of packs turned out bad again and again: the origin gives damaged data")]
    NoProgress,
}

impl ClientError {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(error) | Self::Fetch(FetchError::Transport(error)) => transport_kind(error),
            Self::Trust(error) if error.is_unreachable() => ErrorKind::Unreachable,
            Self::Trust(error) if error.is_local() => ErrorKind::Local,
            Self::Trust(_)
            | Self::Release(_)
            | Self::Manifest(_)
            | Self::Contradiction { .. }
            | Self::WrongManifest { .. }
            | Self::Pack { .. }
            | Self::Overlay(OverlayError::Archive { .. })
            | Self::Older { .. }
            | Self::BelowFloor { .. }
            | Self::Fetch(FetchError::BadObject { .. })
            | Self::NoProgress => ErrorKind::Refused,
            Self::NoSuchRelease { .. } | Self::NoSuchTarget { .. } => ErrorKind::Unreachable,
            Self::Bundle(_)
            | Self::NotEmpty { .. }
            | Self::MissingOption { .. }
            | Self::NotSubscribed { .. }
            | Self::Needed { .. }
            | Self::CoreStays
            | Self::NotThere { .. }
            | Self::NoSuchProgram { .. }
            | Self::NoSuchOption { .. }
            | Self::NotOslo { .. }
            | Self::Beaten { .. }
            | Self::NotResettable { .. }
            | Self::NotConfirmed
            | Self::Overlay(OverlayError::Unwritable { .. } | OverlayError::NotEditable { .. })
            | Self::State(StateError::NotManaged { .. }) => ErrorKind::Usage,
            Self::State(StateError::Locked { .. }) => ErrorKind::Locked,
            Self::Fetch(FetchError::Decoder(_)) => ErrorKind::Bug,
            Self::State(_)
            | Self::Overlay(_)
            | Self::Disk(_)
            | Self::Fetch(_)
            | Self::Stage(_)
            | Self::Switch(_)
            | Self::NoSpace { .. }
            | Self::Layout { .. } => ErrorKind::Local,
        }
    }

    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Bundle(BundleError::Unknown { similar, .. }) if !similar.is_empty() => {
                return Some(format!("did you mean {}?", list(similar)));
            }
            Self::Bundle(BundleError::Unknown { .. }) => "`bundle-list --all` names all bundles of the release",
            Self::State(StateError::NotManaged { .. }) => {
                "`os-install` makes a system in an empty root; name another one with --root"
            }
            Self::State(StateError::Locked { .. }) => "wait until it has ended and try again",
            Self::State(StateError::DamagedRecord { .. }) => {
                "the record lies in the tree itself; `rollback` goes back to the tree before"
            }
            Self::NoSuchProgram { .. } => "`config list` names those that have it",
            Self::NotOslo { .. } => "`config show` tells what it reads",
            Self::Beaten { .. } => "change or remove the setting there",
            Self::NotConfirmed => "--preview shows what, --yes does it",
            Self::NoSuchOption { .. } => "options are named SECTION.KEY",
            Self::Overlay(OverlayError::Syntax { .. } | OverlayError::NotText { .. }) => {
                "`config check` lists all lines that cannot be read"
            }
            Self::Overlay(OverlayError::Archive { .. }) => "nothing was changed; make another one with `config save`",
            Self::Overlay(OverlayError::NotEditable { .. }) => {
                "edit it by hand; `config check` then says whether it can be read"
            }
            Self::Older { .. } => "go back deliberately with `update --version`",
            Self::BelowFloor { .. } => "`update` goes to the newest release",
            Self::NotEmpty { .. } => "os-install needs a root without a usr, or with an empty one",
            Self::MissingOption { missing: "--trust" } => {
                "the publisher's first root metadata, for example `--trust 1.root.json`"
            }
            Self::MissingOption { .. } => "name where the publication lies, for example `--url https://example.org/os`",
            Self::NotSubscribed { because_of, .. } if !because_of.is_empty() => {
                return Some(format!("it comes with {}", list(because_of)));
            }
            Self::NotSubscribed { .. } => "`bundle-list` shows what is installed",
            Self::Needed { .. } => "--recursive removes those too",
            Self::NoSpace { .. } => "make room, for example with `clean`; nothing was changed",
            Self::NoProgress => "try another mirror with --url; nothing on this machine was changed",
            Self::Fetch(FetchError::BadObject { .. }) => {
                "a mirror or proxy changed the file; nothing on this machine was changed"
            }
            Self::Switch(SwitchError::CannotExchange { .. }) => {
                "/usr and the directory beside it must lie on one file system that knows RENAME_EXCHANGE (ext4, xfs, btrfs)"
            }
            Self::Transport(error) | Self::Fetch(FetchError::Transport(error)) => return error.hint().map(Into::into),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn transport_kind(error: &TransportError) -> ErrorKind {
    match error.kind() {
        TransportErrorKind::Usage => ErrorKind::Usage,
        TransportErrorKind::Origin => ErrorKind::Unreachable,
        TransportErrorKind::Sink => ErrorKind::Local,
    }
}

fn list(names: &[BundleName]) -> String {
    let names: Vec<&str> = names.iter().map(BundleName::as_str).collect();
    names.join(", ")
}
