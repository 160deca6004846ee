//! `cargo xtask oracle`: asks oslo.config and systemd whether the models of configuration layers are right.
//!
//! The cases and the comparison are tests of the suite that are ignored otherwise, which may use the library. Nothing is
//! installed and nothing outside of temporary directories is written.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// Whom to ask.
#[derive(clap::Subcommand, Debug)]
pub enum Oracle {
    /// oslo.config, by a Python that has it.
    Oslo {
        /// The interpreter.
        #[arg(long, value_name = "PATH", default_value = "python3")]
        python: PathBuf,
        /// How much.
        #[command(flatten)]
        options: Options,
    },
    /// systemd-analyze cat-config.
    Uapi {
        /// How much.
        #[command(flatten)]
        options: Options,
    },
}

/// What both can be told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// How many random cases.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    cases: u32,
    /// Record the first ones, with what the oracle says, in fixtures/oracles.
    #[arg(long)]
    record: bool,
}

/// Asks about random cases and tells how many differ.
///
/// # Errors
/// When the oracle is missing, or sees any case otherwise.
pub fn run(checkout: &Path, oracle: &Oracle) -> Result<()> {
    let (test, options, python) = match oracle {
        Oracle::Oslo { python, options } => {
            let version = "import importlib.metadata as m; print(m.version('oslo.config'))";
            let version = answer(Command::new(python).args(["-c", version])).with_context(|| {
                format!(
                    "{} has no oslo.config; make one that has: `python3 -m venv DIR && DIR/bin/pip install \
                     oslo.config`, then `--python DIR/bin/python3`",
                    python.display()
                )
            })?;
            println!("asking oslo.config {version}");
            ("oracles::oslo::ask_oslo", options, Some(python))
        }
        Oracle::Uapi { options } => {
            let version = answer(Command::new("systemd-analyze").arg("--version"))
                .context("there is no systemd-analyze; on Debian it is in package systemd")?;
            println!("asking {}", version.lines().next().unwrap_or_default());
            ("oracles::uapi::ask_systemd", options, None)
        }
    };
    let cases = options.cases.to_string();
    let mut environment = vec![("ORACLE_CASES", OsStr::new(&cases))];
    environment.extend(python.map(|python| ("ORACLE_PYTHON", python.as_os_str())));
    environment.extend(options.record.then_some(("ORACLE_RECORD", OsStr::new("yes"))));
    cargo::suite(checkout, test, &environment, "the model and the oracle differ")
}

fn answer(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().context("it cannot be started")?;
    ensure!(output.status.success(), "it ended with an error");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
