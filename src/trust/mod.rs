//! Who may say what the newest release is: The Update Framework (TUF), through the crate `tough`.
//!
//! **Promises.** Everything that leaves this module as a [`Trusted`] value was signed by a threshold of the keys that
//! the machine's owner trusts, or was derived from such a value by a pure function. What a look verified is kept, document
//! by document, also when the look is refused further down: a new root may revoke a stolen key, and a timestamp whose
//! snapshot is withheld must not be taken back later. Such a remainder binds the next look and never answers for it. What
//! was last seen is swapped in durably and as a whole, so that no power cut can switch a rollback check off.
//!
//! **Needs.** A first root from the owner, a [`Source`] that fetches files of a publication, a [`TrustDirectory`] that
//! lies on a local filesystem with `RENAME_EXCHANGE`, the time as a [`KnownTime`], and a caller that holds the process
//! lock: two looks at once into one directory are not supported. File operations here are few and small and block.
//!
//! **Leaves to others.** How bytes travel (the client adapts its transport to [`Source`]), what a release document
//! says and whether its release may be installed (the caller), where the newest root is kept in the tree (the caller
//! stores [`Look::root`]).
//!
//! **What this door adds to `tough` 0.24**, which verifies signatures, versions, lengths and digests:
//!
//! | plain `tough` | here |
//! |---|---|
//! | writes its datastore in place; skips the rollback check when a file in it does not parse | [`TrustDirectory`] |
//! | ratchets the wall clock | [`KnownTime`]; the file is never kept |
//! | keeps only the newest root, starts at the root it is given; then takes every key ever rotated for rotated *now* and drops the rollback check | the whole chain is kept, the newest root is given |
//! | takes any failure to fetch root N+1 for "there is none" | only "not found" counts (of several origins, that of any; those that failed are named where what follows is refused) |
//! | lets a second document of the same version pass | [`TrustError::SameVersion`] |
//! | never looks at `spec_version` | [`TrustError::SpecVersion`] |
//! | a signed length may be of any size | capped at [`MAX_METADATA_BYTES`] |
//! | counts one key under two key IDs as two | [`TrustError::RepeatedKey`] |
//! | follows all delegations in front of everything else | [`TrustError::Delegation`]; for other repositories [`TargetsLook::find`] |
//! | a `*` in the path of a delegated role also stands for `/` | it does not |
//! | the last of two equal JSON keys wins | [`TrustError::Malformed`] |
//!
//! Source: <https://theupdateframework.github.io/specification/v1.0.33/>, sections 5 (client) and 6 (publisher).

mod current;
mod delegations;
mod directory;
mod documents;
mod error;
mod feed;
mod held;
mod json;
mod keys;
mod progress;
mod refresh;
mod refused;
mod release;
mod renewal;
mod roles;
mod rotation;
mod signing;
mod source;
mod time;
mod trusted;

#[cfg(test)]
mod tests;

pub use delegations::TargetsLook;
pub use directory::TrustDirectory;
pub use documents::{Document, Lifetimes};
pub use error::{Role, TrustError};
pub use keys::{KeyDirectory, RootKeys};
pub use refresh::{Look, refresh, refresh_targets};
pub use release::NewestRelease;
pub use renewal::{Resign, due, resign};
pub use roles::{Expirations, check_leads_to, check_root};
pub use rotation::rotate;
pub use signing::{CurrentMetadata, initialize, sign_release};
pub use source::{Fetched, Source, SourceError};
pub use time::{Expiry, KnownTime};
pub use trusted::{Reference, Trusted};

/// The largest root that is read, in bytes.
pub const MAX_ROOT_BYTES: u64 = 64 * 1024;
/// The largest timestamp that is read, in bytes.
pub const MAX_TIMESTAMP_BYTES: u64 = 16 * 1024;
/// The largest snapshot or targets metadata that is read, in bytes, whatever length is signed.
pub const MAX_METADATA_BYTES: u64 = 1024 * 1024;
/// How many roots one look follows at most.
pub const MAX_ROOT_ROTATIONS: u64 = 1024;
