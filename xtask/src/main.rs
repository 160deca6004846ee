//! `cargo xtask`: the project's automation. The README's two commands, `demo` and `ci`, are here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use xtask::{bench, ci, conformance, crash, demo, dist, fuzz, hostile, looks, network, oracle, small_os};

/// The project's automation.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Shows the whole cycle on real files: publish, install, add, update, break, repair, roll back.
    Demo(demo::Options),
    /// Runs everything that a change must pass: format, floors, schemas, fixtures, lints, tests, licences.
    Ci,
    /// Breaks transitions at every system call, or cuts the power at any instant, and judges what is left.
    #[command(subcommand)]
    CrashTest(crash::CrashTest),
    /// Lets the client meet an origin that is wrong in every way, at every kind of file.
    NetworkTest,
    /// Lets readers look at `/usr` while it goes back and forth between two releases.
    LookTest(looks::Options),
    /// Runs the public TUF client conformance suite, where it is installed.
    Conformance(conformance::Options),
    /// Makes and signs the hostile publications of `fixtures/hostile` anew.
    Hostile,
    /// Builds what a package consists of: programs, manual pages, completions, units, documents, and an archive of them.
    Dist(dist::Options),
    /// Asks oslo.config or systemd whether the models of configuration layers are right.
    #[command(subcommand)]
    Oracle(oracle::Oracle),
    /// Lets every decoder of foreign bytes meet what a fuzzer invents.
    Fuzz(fuzz::Options),
    /// Measures publisher and client, and what else is installed, on real trees.
    Bench(bench::Options),
    /// Runs a program and writes what it needed: the process between the bench and what it measures.
    #[command(hide = true)]
    Measured(bench::Measured),
    /// Reads and hashes every file beneath a directory: what a scan costs at least.
    #[command(hide = true)]
    Floor {
        /// The directory.
        directory: PathBuf,
    },
    /// Brings the generated fixtures up to date.
    Fixtures {
        /// Write the two releases of the small OS as complete trees into DIR/10 and DIR/20 instead.
        #[arg(long, value_name = "DIR")]
        write: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the checkout")?;
    match task {
        Task::Measured(measured) => return bench::in_between(&measured).map(ExitCode::from),
        Task::Bench(options) => bench::run(checkout, &options),
        Task::Floor { directory } => bench::floor(&directory),
        Task::Fuzz(options) => fuzz::run(checkout, &options),
        Task::Oracle(oracle) => oracle::run(checkout, &oracle),
        Task::Demo(options) => demo::run(checkout, &options),
        Task::Ci => ci::run(checkout),
        Task::CrashTest(test) => crash::run(checkout, &test),
        Task::Dist(options) => dist::run(checkout, &options),
        Task::Hostile => hostile::write(checkout),
        Task::Conformance(options) => conformance::run(checkout, &options),
        Task::LookTest(options) => looks::run(checkout, &options),
        Task::NetworkTest => network::run(checkout),
        Task::Fixtures { write: None } => small_os::listings(checkout, small_os::Listings::Write),
        Task::Fixtures { write: Some(directory) } => small_os::RELEASES.into_iter().try_for_each(|release| {
            small_os::write(&small_os::fixtures(checkout), release, &directory.join(release.to_string()))
        }),
    }
    .map(|()| ExitCode::SUCCESS)
}
