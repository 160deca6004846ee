//! Words: the plain values that every other module speaks in.
//!
//! Each is parsed at the border into a type that cannot be wrong, so that no code further in has to ask again.
//! Nothing here touches disk or network.

mod bundle_name;
mod digest;
mod entry;
mod slot;
mod tree_path;
mod version;
mod visible;

pub use bundle_name::{BundleName, BundleNameError};
pub use digest::{Digest, DigestError, Hasher};
pub use entry::{Difference, Entry, Kind, Metadata, Seen, Timestamp, Xattrs};
pub use slot::Slot;
pub use tree_path::{TreePath, TreePathError, split_path};
pub use version::{Version, VersionError};
pub use visible::Visible;
