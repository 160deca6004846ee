//! The operations of `stateless-update`.
//!
//! Each names a target state (a release and subscriptions) and lets the one engine move the machine there, or only looks.
//! Nothing here touches disk or network itself; the doors and moves below do.

mod bundles;
mod elsewhere;
mod engine;
mod error;
mod inspect;
mod publication;
mod release_document;
mod request;
mod rollback;
mod route;
mod session;
mod trees;
mod tuf_client;
mod update;

pub use bundles::{bundle_add, bundle_list, bundle_remove};
pub use error::{ClientError, ErrorKind};
pub use inspect::{diagnose, info};
pub use request::*;
pub use rollback::rollback;
pub use tuf_client::{TufRequest, tuf_client};
pub use update::{check_update, install, repair, update};
