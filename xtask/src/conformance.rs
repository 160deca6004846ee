//! `cargo xtask conformance`: the public TUF client conformance suite, run against `stateless-update tuf-client`.
//!
//! What fails is listed in `xtask/conformance.xfails` and explained in `docs/RELIABILITY.md`. A test that fails and is not
//! listed is an error, and so is one that is listed and passes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::programs::Programs;

/// What the suite is asked for by.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// The Python that has the suite.
    #[arg(long, value_name = "PROGRAM", env = "CONFORMANCE_PYTHON", default_value = "python3")]
    pub python: String,
}

const HOW_TO_INSTALL: &str = "the suite is not installed; in any directory outside of the checkout:\n\
    \n    git clone https://github.com/theupdateframework/tuf-conformance\
    \n    python3 -m venv venv && venv/bin/pip install ./tuf-conformance\
    \n    apt-get install faketime\
    \n    cargo xtask conformance --python $PWD/venv/bin/python\n";

/// Builds the client and runs the suite.
///
/// # Errors
/// When the suite is not installed, or its results are not those that are listed.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    let find = ["-c", "import pytest, tuf_conformance; print(tuf_conformance.__path__[0])"];
    let found = Command::new(&options.python).args(find).stderr(Stdio::null()).output();
    let Some(found) = found.ok().filter(|output| output.status.success()) else { bail!("{HOW_TO_INSTALL}") };
    let suite = String::from_utf8(found.stdout).context("the path of the suite")?;
    let programs = Programs::build(checkout, false)?;
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let entry = directory.path().join("client");
    let client = programs.update.display();
    fs::write(&entry, format!("#!/bin/sh\nexec \"{client}\" tuf-client --max-retries 0 \"$@\"\n"))?;
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o755))?;
    fs::copy(checkout.join("xtask/conformance.xfails"), directory.path().join("client.xfails"))?;
    let mut command = Command::new(&options.python);
    command.args(["-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", suite.trim(), "--entrypoint"]);
    let status = command.arg(&entry).current_dir(directory.path()).status().context("cannot start the suite")?;
    ensure!(status.success(), "the results are not those in xtask/conformance.xfails");
    Ok(())
}
