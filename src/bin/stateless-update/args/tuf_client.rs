//! The verbs of the TUF client conformance suite.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

/// Options of `tuf-client`, as the suite gives them.
#[derive(Debug, Group)]
pub(crate) struct TufClient {
    /// Where what is trusted lies
    #[arg(long, value_name = "DIR")]
    pub(crate) metadata_dir: PathBuf,
    /// Where the metadata of the repository lies
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) metadata_url: String,
    /// A target to fetch; repeat it for more
    #[arg(long, value_name = "NAME")]
    pub(crate) target_name: Vec<String>,
    /// Where the targets of the repository lie
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) target_base_url: String,
    /// Where targets go
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) target_dir: PathBuf,
    #[command(subcommand)]
    pub(crate) verb: TufVerb,
}

/// What the suite wants.
#[derive(Debug, Subcommand)]
pub(crate) enum TufVerb {
    /// Trust this root
    Init {
        /// The root
        trusted_root: PathBuf,
    },
    /// Look at the repository
    Refresh,
    /// Look at the repository and fetch targets
    Download,
}
