//! The publisher's door to the disk: reads the trees that a release is made of, and writes the publication.
//!
//! **Promises.** A file appears in a publication under its name only when it is complete and on disk: content is
//! written to a [`Batch`], which is synced as a whole and only then renamed into place; metadata is replaced one file
//! at a time ([`Site::replace`]), each durably before the next. A file that is named by its digest is never written
//! again. Input trees are read without following a symlink, archives entry by entry without unpacking them, and whatever a
//! release cannot carry is an error that names the bundle and the path. A path that leads to no
//! publication costs nobody anything.
//!
//! **Needs.** A local filesystem for the publication, with room for what is being made beside what is there.
//!
//! **Leaves to others.** What is published and in which order (`publish`), and whether it may be believed (`trust`).

mod archive;
mod batch;
mod content_kind;
mod directory;
mod error;
mod export;
mod input;
mod listing;
mod pax;
mod removal;
mod scan;
mod scanned;
mod spool;

pub use batch::{Batch, ClosedDraft, Draft};
pub use content_kind::ContentKind;
pub use directory::{Access, Site, read_file, temporary_directory};
pub use error::{ArchiveError, InputError, SiteError};
pub use export::{ArchiveWriter, CompleteArchive};
pub use input::{InputSource, InputTrees};
pub use listing::Listing;
#[cfg(test)]
pub(crate) use listing::make_unreadable;
pub use scanned::{FileId, InputEntry, InputKind, Owners, ScannedTree};
pub use spool::Spool;
