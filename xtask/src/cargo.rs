//! Cargo, as the tasks start it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The cargo that this program was started by, or the one that is found, in a checkout and with nothing to read.
pub fn cargo(checkout: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(checkout).stdin(Stdio::null());
    command
}

/// Runs the ignored test of the integration suite that has this name: it does something instead of testing. What it is told
/// comes in its environment.
///
/// # Errors
/// With `otherwise` when it fails, and when there is no such test, which cargo takes for success.
pub fn suite(checkout: &Path, test: &str, environment: &[(&str, &OsStr)], otherwise: &str) -> Result<()> {
    let mut command = cargo(checkout);
    command.args(["test", "--quiet", "--package", "stateless-update", "--test", "suite"]);
    command.args(["--", "--ignored", "--exact", "--nocapture", test]);
    command.envs(environment.iter().copied()).stderr(Stdio::inherit());
    let output = command.output().context("cannot start cargo")?;
    let told = String::from_utf8_lossy(&output.stdout);
    print!("{told}");
    ensure!(output.status.success(), "{otherwise}");
    ensure!(told.contains("1 passed"), "the integration suite has no test {test}: nothing was done");
    Ok(())
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
