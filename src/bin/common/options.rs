//! The options that say how a run shows itself.

use clap::Args;

// No doc comment: clap would take it for the description of the command.
#[allow(missing_docs)]
#[derive(Clone, Debug, Args)]
pub(crate) struct Shown {
    /// Write one JSON object a line to stdout and nothing else
    #[arg(short = 'j', long, global = true)]
    pub(crate) json: bool,
    /// Write only warnings, errors, and what was asked for
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Say what is being done
    #[arg(long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Do not show progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}
