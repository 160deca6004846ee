//! The door to trees on disk: looks at one ([`scan`], [`find`]) and makes entries in one ([`Writer`]).
//!
//! Neither knows which tree is live or why something is wanted; that is the business of the moves above.

mod find;
mod fingerprints;
mod scan;
mod write;

pub use find::find;
pub use fingerprints::{Fingerprint, Fingerprints, KnownContent};
pub use scan::{Depth, Scan, scan};
pub use write::Writer;
