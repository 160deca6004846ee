//! The door to what is installed: the trees of a machine, what each says of itself, and the lock.
//!
//! ```text
//! ROOT/usr                          live tree; share/stateless-update/ in it is its record
//! ROOT/.stateless-update/           mode 0700: half-built trees and old setuid programs are nobody's business
//!   lock journal fingerprints       lock: held by the kernel, so a killed run leaves none
//!   history mirror.json             what was done, where to read content: these survive every transition and factory reset
//!   next/ previous/                 the other two trees
//!   busy-N/                         trees that were left to a process which still looks at them
//!   rescued/N/                      what the live tree has no place for: an administrator's, and cleared by no run
//!   store/ trust/
//! ```
//!
//! Which release a tree is stands in the tree itself and changes in the same instant. This module reads and writes
//! records; it decides nothing and moves no tree (`switch` does).

mod error;
mod machine;
mod record;
#[cfg(test)]
mod tests;
mod units;

pub use error::StateError;
pub use machine::{FINGERPRINTS, LockedMachine, Machine, SEARCH_INDEX};
pub use record::{NewRecord, Record};

/// The directory beside the trees.
pub const HOME: &str = ".stateless-update";

/// The directory for what was last seen of the publication, beside the trees.
pub const TRUST: &str = "trust";

/// How the names of those trees begin that were left to a process which still looks at them.
pub const BUSY: &str = "busy-";

/// The directory for what is the administrator's and has no place in the live tree.
pub const RESCUED: &str = "rescued";
