//! The operations of `stateless-publish`: from trees and bundle definitions to a signed publication, and the proof that
//! it is complete.
//!
//! **Promises.** A release is either published as a whole or not seen by any client: content is written first, then the
//! release document, and the signed metadata that names it last. Every block and every delta of a document has been decoded
//! by the client's own code before anything refers to it. The same input, keys, times and history give the same bytes,
//! however many cores work: a block that the release before has already is taken over from it. What is built on is what is
//! signed for, read as strictly as a client reads it.
//!
//! **Needs.** A [`crate::site::Site`] that nobody else writes, private keys, and trees that do not change meanwhile
//! (one that does is noticed and refused).
//!
//! **Leaves to others.** The disk (`site`), signatures (`trust`), the formats (`manifest`, `pack`, `delta`). Whoever
//! calls gives the time, so that it can be `SOURCE_DATE_EPOCH`.
//!
//! ```text
//! read ─> compose ─> objects ─> manifests ─> planning ─> packs ─> release document ─> targets, snapshot, timestamp
//!            │                      │          │
//!       published release    installable    bases, similar, ownership, grouping, reuse
//!
//! check: the same way back, down to every byte
//! prune: what the releases that stay refer to, and away with the rest
//! ```

mod bases;
mod check;
mod check_packs;
mod check_trust;
mod compose;
mod contents;
mod error;
mod grouping;
mod installable;
mod making;
mod notes;
mod objects;
mod ownership;
mod packs;
mod planning;
mod prune;
mod published;
mod read;
mod references;
mod release;
mod reuse;
mod routes;
mod search;
mod signing;
mod similar;
mod sketch;
mod sources;
#[cfg(test)]
mod tests;
mod text_deltas;
mod texts;
mod warnings;

pub use bases::Reason;
pub use check::{CheckRequest, Checked, check};
pub use compose::ComposeError;
pub use error::{Category, PublishError};
pub use installable::{NotInstallable, Refusal};
pub use notes::Finding;
pub use prune::{PruneRequest, Pruned, prune};
pub use release::{Levels, ReleaseRequest, Released, release};
pub use routes::PackRoute;
pub use signing::{Initialized, Rotated, Signed, default_keys, init, refresh, rotate_keys};
pub use sources::{Amount, Sources};
