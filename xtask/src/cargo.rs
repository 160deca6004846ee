//! Cargo, as the tasks start it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The cargo that this program was started by, or the one that is found, in a checkout and with nothing to read.
pub fn cargo(checkout: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(checkout).stdin(Stdio::null());
    command
}

/// The ignored test of the integration suite that has this name: it does something instead of testing.
pub fn suite(checkout: &Path, test: &str) -> Command {
    let mut command = cargo(checkout);
    command.args(["test", "--quiet", "--package", "stateless-update", "--test", "suite"]);
    command.args(["--", "--ignored", "--exact", "--nocapture", test]);
    command
}

/// Runs a command of cargo to its end.
///
/// # Errors
/// With `otherwise` when it fails, or when cargo cannot be started.
pub fn succeeds(command: &mut Command, otherwise: &str) -> Result<()> {
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "{otherwise}");
    Ok(())
}
