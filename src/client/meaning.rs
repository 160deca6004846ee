//! What an error means to whoever called: its kind, which decides the exit code, and what to do about it.

use std::error::Error;

use super::ClientError;
use super::error::list;
use super::session::TRUST;
use crate::fetch::FetchError;
use crate::overlay::OverlayError;
use crate::plan::BundleError;
use crate::stage::StageError;
use crate::state::{HOME, StateError};
use crate::switch::SwitchError;
use crate::transport::{TransportError, TransportErrorKind};
use crate::trust::{TrustDirectory, TrustError};

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
            Self::Trust(error) if beneath(error).is_some_and(is_damage) => ErrorKind::Refused,
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
            Self::State(StateError::NotYours { uid: 0, .. }) => "run it as root",
            Self::State(StateError::NotYours { .. }) => "run it as that user",
            Self::State(StateError::MaskedUnit { .. }) => {
                "`systemctl unmask stateless-update.timer stateless-update.service` allows it again"
            }
            Self::NothingToKeep { .. } => "nothing was removed; leave that --keep out, or correct it",
            Self::State(StateError::Locked { .. }) => "wait until it has ended and try again",
            Self::State(StateError::DamagedRecord { .. }) => {
                "from a rescue system, beneath the root: move usr to usr.damaged, and .stateless-update/previous to usr, which \
                 is the release before, from which `update` goes on; then move usr.damaged/local and usr.damaged/src into \
                 usr, in place of the older ones there"
            }
            Self::NoSuchProgram { .. } => "`config list` names those that have it",
            Self::SeveralPrograms { .. } => "name the one that is meant",
            Self::NotOslo { .. } => "`config show` tells what it reads",
            Self::NoOneFile { .. } => "`config list` and `config diff` tell which files are overridden",
            Self::Beaten { .. } => "change or remove the setting there",
            Self::Displaces { .. } => "make a copy of that file there first",
            Self::TakesAway { .. } => {
                "a table and a value cannot have the same name: name an option in the table, or edit by hand"
            }
            Self::NotAFile { .. } => {
                "name a file that is to be written; no symlink is followed and no device written to"
            }
            Self::NoRoot { .. } => {
                "it is the publisher's first root metadata that is wanted, for example `1.root.json`"
            }
            Self::NotConfirmed => "--preview shows what, --yes does it",
            Self::NoSuchOption { .. } => "options are named SECTION.KEY",
            Self::Overlay(OverlayError::Syntax { .. } | OverlayError::NotText { .. }) => {
                "`config check` lists all lines that cannot be read"
            }
            Self::OtherRelease { .. } => {
                "a file beneath /usr is that release's and not here: tell its publisher; one beneath /etc is read in another \
                 way there"
            }
            Self::Overlay(OverlayError::Archive { .. }) => "nothing was changed; make another one with `config save`",
            Self::Overlay(OverlayError::NotEditable { .. }) => {
                "edit it by hand; `config check` then says whether it can be read"
            }
            Self::Older { .. } => "go back deliberately with `update --version`",
            Self::DamagedPrevious { .. } | Self::Stage(StageError::NoPrevious) => {
                "nothing was changed; `update --version` brings an older release from the publication"
            }
            Self::BelowFloor { .. } => "`update` goes to the newest release",
            Self::NotEmpty { .. } => "os-install needs a root without a usr, or with an empty one",
            Self::NoTrustGiven => "the publisher's first root metadata, for example `--trust 1.root.json`",
            Self::NoUrlGiven => "name where the publication lies, for example `--url https://example.org/os`",
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
            Self::Switch(SwitchError::Fixed { .. }) => "`chattr -ia` allows it; nothing was changed",
            Self::Switch(SwitchError::CannotExchange { .. }) => {
                "/usr and the directory beside it must lie on one file system that knows RENAME_EXCHANGE (ext4, xfs, btrfs)"
            }
            // The errors may name a copy that is gone: a run that only looks works on one.
            Self::Trust(TrustError::ForeignRoot { .. }) => {
                return Some(format!(
                    "to follow the publication of that root instead, remove {HOME}/{TRUST} beneath --root"
                ));
            }
            Self::Trust(TrustError::LocalDamaged { path, .. }) if path.ends_with(TrustDirectory::RELEASE) => {
                "`check-update` brings it again"
            }
            Self::Trust(TrustError::LocalDamaged { .. } | TrustError::LocalNotPlain { .. }) => {
                return Some(format!(
                    "it tells what was last seen of the publication: look at the disk, then remove {HOME}/{TRUST} beneath \
                     --root; the next look begins anew, and would not notice an older state of the publication"
                ));
            }
            Self::Trust(error) => return beneath(error)?.hint().map(Into::into),
            Self::Transport(error) | Self::Fetch(FetchError::Transport(error)) => return error.hint().map(Into::into),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What the transport says at the bottom of an error of trust, if it is the transport's.
fn beneath(error: &TrustError) -> Option<&TransportError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::SourceError;

    /// The first request of a command is a look's, and its failure an error of trust.
    #[test]
    fn what_the_transport_advises_is_told_of_looks_too() {
        let url = || "https://example.org/os/metadata/timestamp.json".to_owned();
        let cases = [
            (TransportError::NotAPublication { url: url() }, ErrorKind::Unreachable, Some("a login in a web browser")),
            (TransportError::InsecureUrl { url: url() }, ErrorKind::Unreachable, Some("--allow-insecure-http")),
            (
                TransportError::BadArchive { path: "/os.tar".into(), reason: "it ends early".to_owned() },
                ErrorKind::Refused,
                Some("copy it again"),
            ),
            (TransportError::Status { url: url(), status: 500 }, ErrorKind::Unreachable, None),
        ];
        for (error, kind, advice) in cases {
            let told = error.to_string();
            let source = SourceError::Failed(Box::new(error));
            let error =
                ClientError::from(TrustError::Unreachable { path: "metadata/timestamp.json".to_owned(), source });
            assert_eq!(error.kind(), kind, "{told}");
            let hint = error.hint();
            assert_eq!(hint.is_some(), advice.is_some(), "{told}: {hint:?}");
            assert!(hint.unwrap_or_default().contains(advice.unwrap_or_default()), "{told}");
        }
    }
}
