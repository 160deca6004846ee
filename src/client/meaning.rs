//! What an error means to whoever called: its kind, which decides the exit code, and what to do about it.

use super::ClientError;
use super::error::list;
use crate::fetch::FetchError;
use crate::overlay::OverlayError;
use crate::plan::BundleError;
use crate::state::StateError;
use crate::switch::SwitchError;
use crate::transport::{TransportError, TransportErrorKind};
use crate::trust::TrustError;

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
    /// Whoever was asked said no.
    Declined,
    /// A bug.
    Bug,
}

impl ClientError {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(error) | Self::Fetch(FetchError::Transport(error)) => transport_kind(error),
            Self::Trust(error) if beneath(error).is_some() => ErrorKind::Refused,
            Self::Trust(error) if error.is_unreachable() => ErrorKind::Unreachable,
            Self::Trust(error) if error.is_local() => ErrorKind::Local,
            Self::Trust(_)
            | Self::Release(_)
            | Self::Manifest(_)
            | Self::Contradiction { .. }
            | Self::WrongManifest { .. }
            | Self::SearchIndex(_)
            | Self::WrongSearchIndex { .. }
            | Self::Pack { .. }
            | Self::Overlay(OverlayError::Archive { .. })
            | Self::Older { .. }
            | Self::BelowFloor { .. }
            | Self::Fetch(FetchError::BadObject { .. })
            | Self::NoProgress => ErrorKind::Refused,
            Self::ChangedMeanwhile
            | Self::NoSuchRelease { .. }
            | Self::NoSuchTarget { .. }
            | Self::NoSearchIndex { .. } => ErrorKind::Unreachable,
            Self::Declined => ErrorKind::Declined,
            Self::Bundle(_)
            | Self::NotEmpty { .. }
            | Self::MissingOption { .. }
            | Self::NotSubscribed { .. }
            | Self::Needed { .. }
            | Self::CoreStays
            | Self::NotThere { .. }
            | Self::NoSuchProgram { .. }
            | Self::SeveralPrograms { .. }
            | Self::NoSuchOption { .. }
            | Self::NotOslo { .. }
            | Self::Beaten { .. }
            | Self::Displaces { .. }
            | Self::NotAFile { .. }
            | Self::NotResettable { .. }
            | Self::NotReached { .. }
            | Self::NotConfirmed
            | Self::Overlay(OverlayError::Unwritable { .. } | OverlayError::NotEditable { .. })
            | Self::BadTerm { .. }
            | Self::NoHook { .. }
            | Self::State(StateError::NotManaged { .. }) => ErrorKind::Usage,
            Self::State(StateError::Locked { .. }) => ErrorKind::Locked,
            Self::Fetch(FetchError::Decoder(_)) => ErrorKind::Bug,
            Self::State(_)
            | Self::Overlay(_)
            | Self::Disk(_)
            | Self::Export(_)
            | Self::Fetch(_)
            | Self::Stage(_)
            | Self::Switch(_)
            | Self::DamagedPrevious { .. }
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
            Self::NoHook { .. } => "bash and zsh do",
            Self::NoSearchIndex { .. } => "`bundle-info BUNDLE --files` lists what a bundle has",
            Self::Bundle(BundleError::Unknown { .. }) => "`bundle-list --all` names all bundles of the release",
            Self::State(StateError::NotManaged { .. }) => {
                "`os-install` makes a system in an empty root; name another one with --root"
            }
            Self::State(StateError::Locked { .. }) => "wait until it has ended and try again",
            Self::State(StateError::DamagedRecord { .. }) => {
                "the record lies in the tree itself; `rollback` goes back to the tree before"
            }
            Self::NoSuchProgram { .. } => "`config list` names those that have it",
            Self::SeveralPrograms { .. } => "name the one that is meant",
            Self::NotOslo { .. } => "`config show` tells what it reads",
            Self::Beaten { .. } => "change or remove the setting there",
            Self::Displaces { .. } => "make a copy of that file there first",
            Self::NotAFile { .. } => {
                "name a file that is to be written; no symlink is followed and no device written to"
            }
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
            Self::DamagedPrevious { .. } => {
                "nothing was changed; `update --version` brings an older release from the publication"
            }
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
            Self::Trust(error) if beneath(error).is_some() => return beneath(error)?.hint().map(Into::into),
            Self::Transport(error) | Self::Fetch(FetchError::Transport(error)) => return error.hint().map(Into::into),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// The damage of an origin at the bottom of an error of trust, if it is that.
fn beneath(error: &TrustError) -> Option<&TransportError> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let damage = cause.downcast_ref::<TransportError>().filter(|error| error.kind() == TransportErrorKind::Damaged);
        if damage.is_some() {
            return damage;
        }
        next = cause.source();
    }
    None
}

fn transport_kind(error: &TransportError) -> ErrorKind {
    match error.kind() {
        TransportErrorKind::Usage => ErrorKind::Usage,
        TransportErrorKind::Origin => ErrorKind::Unreachable,
        TransportErrorKind::Damaged => ErrorKind::Refused,
        TransportErrorKind::Sink => ErrorKind::Local,
    }
}
