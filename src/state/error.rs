//! Why what is installed cannot be told.

use std::path::PathBuf;

use crate::disk::DiskError;
use crate::manifest::DocumentError;

/// Why what is installed cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The root carries no record of a release.
    #[error("{} carries no record of a release: it is not a system that this program manages", root.display())]
    NotManaged {
        /// The root.
        root: PathBuf,
    },
    /// Another run holds the lock.
    #[error("another run is at work on {}", root.display())]
    Locked {
        /// The root.
        root: PathBuf,
    },
    /// The directory beside the trees is not what it must be.
    #[error("{} must be a directory that only its owner may enter", path.display())]
    UnsafeHome {
        /// The directory.
        path: PathBuf,
    },
    /// The directory beside the trees is somebody else's.
    #[error("{} belongs to the user with number {uid}, and only that one may enter it", path.display())]
    NotYours {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The administrator's mirror cannot be told.
    #[error("{} is damaged", path.display())]
    DamagedMirror {
        /// The file.
        path: PathBuf,
        /// How.
        source: DocumentError,
    },
    /// Somebody has masked a unit of the timer.
    #[error("{name} is masked: it leads to /dev/null")]
    MaskedUnit {
        /// The unit.
        name: &'static str,
    },
    /// The service manager does not take notice.
    #[error("systemd does not take notice now (systemctl {command}: {said}); it does at the next start")]
    ServiceManager {
        /// What it was asked.
        command: String,
        /// What it said.
        said: String,
    },
    /// The record is damaged.
    #[error("the record of the tree in {} is damaged", path.display())]
    DamagedRecord {
        /// The directory of the record.
        path: PathBuf,
        /// How.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
