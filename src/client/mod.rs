//! The operations of `stateless-update`.
//!
//! Each names a target state (a release and subscriptions) and lets the one engine move the machine there, or only looks.
//! Nothing here touches disk or network itself; the doors and moves below do.

mod bundle_info;
mod bundles;
mod clean;
mod config;
mod elsewhere;
mod engine;
mod error;
mod explain;
mod hashdump;
mod history;
mod inspect;
mod mirror;
mod publication;
mod release_document;
mod request;
mod reset;
mod rollback;
mod route;
mod session;
mod status;
mod trees;
mod tuf_client;
mod update;

pub use bundle_info::{BundleInfo, BundleInfoRequest, bundle_info};
pub use bundles::{bundle_add, bundle_list, bundle_remove};
pub use clean::{CleanRequest, Cleaned, CleanedPart, clean};
pub use config::*;
pub use error::{ClientError, ErrorKind};
pub use explain::{Explanation, NextStep, explain};
pub use hashdump::{HashDump, hashdump};
pub use history::history;
pub use inspect::{diagnose, info};
pub use mirror::{MirrorRequest, MirrorState, mirror};
pub use request::*;
pub use reset::{Reset, ResetRequest, factory_reset};
pub use rollback::rollback;
pub use status::{Due, Stale, Status, status};
pub use tuf_client::{TufRequest, tuf_client};
pub use update::{check_update, install, repair, update};
