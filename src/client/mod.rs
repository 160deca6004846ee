//! The operations of `stateless-update`.
//!
//! Each names a target state (a release and subscriptions) and lets the one engine move the machine there, or only looks.
//! Nothing here opens a path or a connection: disk and network are reached through doors, moves, and the handles of `disk`.

mod ahead;
mod autoupdate;
mod bundle_info;
mod bundles;
mod clean;
mod config;
mod copying;
mod elsewhere;
mod engine;
mod error;
mod explain;
mod export;
mod hashdump;
mod history;
mod inspect;
mod meaning;
mod mirror;
mod mover;
mod pack_heads;
mod planning;
mod proof;
mod publication;
mod query;
mod recover;
mod release_document;
mod remember;
mod request;
mod reset;
mod rollback;
mod route;
mod search;
mod session;
mod status;
mod stopwatch;
mod trees;
mod tuf_client;
mod update;

pub use autoupdate::{Autoupdate, AutoupdateRequest, autoupdate};
pub use bundle_info::{BundleInfo, BundleInfoRequest, bundle_info};
pub use bundles::{bundle_add, bundle_list, bundle_remove};
pub use clean::{CleanRequest, Cleaned, CleanedPart, clean};
pub use config::*;
pub use error::ClientError;
pub use explain::{Explanation, NextStep, PathAction, PathState, explain};
pub use export::{ExportPart, ExportRequest, Exported, export};
pub use hashdump::{HashDump, hashdump};
pub use history::history;
pub use inspect::{diagnose, info};
pub use meaning::{ErrorKind, transport_beneath};
pub use mirror::{MirrorRequest, MirrorState, mirror};
pub use query::{Language, Places};
pub use recover::{Recovery, recover};
pub use request::*;
pub use reset::{Reset, ResetRequest, factory_reset};
pub use rollback::rollback;
pub use search::{
    BundleMatch, FileMatch, MissingCommand, Order, SearchRequest, command_not_found, search, search_file,
};
pub use status::{Due, Stale, Status, status};
pub use tuf_client::{TufRequest, tuf_client};
pub use update::{check_update, install, repair, update, update_incrementally};
