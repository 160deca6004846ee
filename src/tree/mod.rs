//! The door to trees on disk: looks at one ([`scan`]), at some paths of it ([`find`], [`look`], [`compare`]), and makes entries in
//! one ([`Writer`]).
//!
//! Neither knows which tree is live or why something is wanted; that is the business of the moves above.

mod find;
mod fingerprints;
mod look;
mod scan;
mod unowned;
mod write;

pub use find::{Age, find};
pub use fingerprints::{Fingerprint, Fingerprints, KnownContent};
pub use look::{Found, FoundKind, look};
pub use scan::{Depth, Scan, compare, scan};
pub use unowned::{split_up, with_all_beneath};
pub use write::Writer;
