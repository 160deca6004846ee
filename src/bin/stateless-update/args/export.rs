//! The options of `export`.

use std::path::PathBuf;

use clap::Args as Group;
use stateless_update::client::{ExportPart, ExportRequest};
use stateless_update::types::{BundleName, Version};

/// Options of `export`.
#[derive(Debug, Group)]
pub(crate) struct Export {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only what this machine needs, from its release and for its bundles
    #[arg(long, conflicts_with_all = ["from", "bundles"])]
    this_machine: bool,
    /// Only what a machine at this release needs
    #[arg(long, value_name = "K")]
    from: Option<Version>,
    /// Only what leads to this release, instead of the newest
    #[arg(long, value_name = "V")]
    version: Option<Version>,
    /// Only for this bundle and what it includes; may be repeated
    #[arg(long = "bundle", value_name = "B")]
    bundles: Vec<BundleName>,
}

impl Export {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> ExportRequest {
        let part = match (self.this_machine, self.from, self.version, &self.bundles[..]) {
            (true, _, to, _) => ExportPart::ThisMachine(to),
            (false, None, None, []) => ExportPart::Everything,
            (false, from, to, bundles) => ExportPart::Step { from, to, bundles: bundles.iter().cloned().collect() },
        };
        ExportRequest { file: self.file.clone(), part }
    }
}
