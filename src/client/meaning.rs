//! What an error means to whoever called: its kind, which decides the exit code.

use std::error::Error;

use super::ClientError;
use crate::fetch::FetchError;
use crate::overlay::OverlayError;
use crate::state::StateError;
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
            Self::Transport(error)
            | Self::NoPublication { source: error, .. }
            | Self::NotKept { source: error, .. }
            | Self::Fetch(FetchError::Transport(error)) => transport_kind(error),
            Self::Trust(error) if transport_beneath(error).is_some_and(is_damage) => ErrorKind::Refused,
            Self::Trust(error) if error.is_unreachable() => ErrorKind::Unreachable,
            Self::Trust(error) if error.is_local() => ErrorKind::Local,
            Self::Trust(_)
            | Self::NoRoot { .. }
            | Self::Release(_)
            | Self::Manifest(_)
            | Self::Contradiction { .. }
            | Self::WrongManifest { .. }
            | Self::SearchIndex(_)
            | Self::WrongSearchIndex { .. }
            | Self::WrongFile { .. }
            | Self::Overlay(OverlayError::Archive { .. })
            | Self::Older { .. }
            | Self::BelowFloor { .. }
            | Self::Fetch(FetchError::BadObject { .. })
            | Self::NoProgress => ErrorKind::Refused,
            Self::NoSuchRelease { .. } | Self::NoSuchTarget { .. } | Self::NoSearchIndex { .. } => {
                ErrorKind::Unreachable
            }
            Self::Declined => ErrorKind::Declined,
            Self::Bundle(_)
            | Self::NotEmpty { .. }
            | Self::NoTrustGiven
            | Self::NoUrlGiven
            | Self::NotInstalled { .. }
            | Self::NotSubscribed { .. }
            | Self::Needed { .. }
            | Self::CoreStays
            | Self::NotThere { .. }
            | Self::NoSuchProgram { .. }
            | Self::SeveralPrograms { .. }
            | Self::NoSuchOption { .. }
            | Self::NotOslo { .. }
            | Self::NoOneFile { .. }
            | Self::Beaten { .. }
            | Self::Displaces { .. }
            | Self::TakesAway { .. }
            | Self::NotAFile { .. }
            | Self::NotResettable { .. }
            | Self::NotReached { .. }
            | Self::NothingToKeep { .. }
            | Self::NotConfirmed
            | Self::Overlay(OverlayError::Unwritable { .. } | OverlayError::NotEditable { .. })
            | Self::BadTerm { .. }
            | Self::NoHook { .. }
            | Self::State(StateError::NotManaged { .. } | StateError::MaskedUnit { .. }) => ErrorKind::Usage,
            Self::State(StateError::Locked { .. }) => ErrorKind::Locked,
            Self::Fetch(FetchError::Decoder(_)) => ErrorKind::Bug,
            Self::State(_)
            | Self::Overlay(_)
            | Self::OtherRelease { .. }
            | Self::Disk(_)
            | Self::Export(_)
            | Self::Fetch(_)
            | Self::Stage(_)
            | Self::Switch(_)
            | Self::DamagedPrevious { .. }
            | Self::NoSpace { .. }
            | Self::NotRemoved { .. }
            | Self::Layout { .. } => ErrorKind::Local,
        }
    }
}

/// What the transport says at the bottom of an error of trust, if it is the transport's.
pub fn transport_beneath(error: &TrustError) -> Option<&TransportError> {
    std::iter::successors(error.source(), |cause| (**cause).source()).find_map(<dyn Error>::downcast_ref)
}

fn is_damage(error: &TransportError) -> bool {
    error.kind() == TransportErrorKind::Damaged
}

fn transport_kind(error: &TransportError) -> ErrorKind {
    match error.kind() {
        TransportErrorKind::Usage => ErrorKind::Usage,
        TransportErrorKind::Origin => ErrorKind::Unreachable,
        TransportErrorKind::Damaged => ErrorKind::Refused,
        TransportErrorKind::Sink => ErrorKind::Local,
    }
}
