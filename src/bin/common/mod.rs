//! What the two programs share: how a run shows itself, ends, fails and counts. Each has it as a module of its own, so it
//! is no part of the library's interface; there is no `main.rs` here, so cargo does not take it for a program.
//!
//! A command's work gives an [`Answer`] or a [`Failure`]; a [`Face`] shows it to a person or a script; [`run`] sees to it
//! that there is one end and one exit code, whatever happens.

mod answer;
mod answers;
pub(crate) mod dist;
#[cfg(test)]
mod examples;
mod face;
mod failure;
mod human;
mod json;
pub(crate) mod numbers;
mod options;
mod paint;
mod panics;
mod progress;
mod refused;
pub(crate) mod signals;
mod steps;
pub(crate) mod told;

use std::process::ExitCode;

pub(crate) use answer::{Answer, Ending, Weight};
#[cfg(test)]
pub(crate) use examples::check_examples;
pub(crate) use face::Face;
pub(crate) use failure::{Failure, FailureKind};
pub(crate) use options::Shown;
use paint::Paint;
pub(crate) use refused::refused;

/// The program's name.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_NAME");

/// Before anything else: panics become words, and diagnostics for developers go to stderr as `STATELESS_UPDATE_LOG` says
/// (`debug`, or `stateless_update=trace`).
pub(crate) fn prepare() {
    panics::keep_quiet();
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("STATELESS_UPDATE_LOG") {
        let is_painted = Paint::of(&std::io::stderr()) == Paint::Colours;
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_painted).with_writer(std::io::stderr).init();
    }
}

/// More threads than this only take memory.
const MAX_THREADS: usize = 256;

/// Lets the heavy work have so many threads; 0 leaves it at one per processor.
pub(crate) fn set_threads(jobs: usize) -> Result<(), Failure> {
    if jobs == 0 {
        return Ok(());
    }
    let built = rayon::ThreadPoolBuilder::new().num_threads(jobs.min(MAX_THREADS)).build_global();
    built.map_err(|error| Failure::local("cannot start threads".to_owned(), &error))
}

/// Does the work of a command and shows it from its start to its end, which is also there when the work panics.
pub(crate) fn run(face: &Face, work: impl FnOnce() -> Ending) -> ExitCode {
    face.start();
    let ending = panics::caught(work).unwrap_or_else(|panic| Err(Failure::bug(panic)));
    ExitCode::from(face.end(&ending))
}
