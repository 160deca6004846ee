//! `stateless-update`: keeps `/usr` at one published version.
//!
//! Arguments become a request, the library does the work, its answer becomes words (or JSON) and an exit code. Everything
//! that a person or a script gets to see passes through a [`Face`].

mod answer;
mod args;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod failure;
mod hints;
mod memory;
mod outcome;
mod requests;
mod run;
mod sentences;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser};

use args::Args;
use common::{Ending, Face, Failure, signals};
use failure::of_client;

/// Threads that serve the network; the heavy work has its own pool (`--jobs`).
const NETWORK_THREADS: usize = 2;

fn main() -> ExitCode {
    common::prepare();
    memory::give_back_large_pieces();
    let words: Vec<OsString> = std::env::args_os().collect();
    match Args::try_parse_from(&words) {
        Ok(Args { global, command: Some(command) }) => {
            let face = if global.yes { Face::of } else { Face::asking };
            let face = Arc::new(face(&global.shown, command.name()));
            common::run(&face, || work(&global, command, &face))
        }
        Ok(Args { global, command: None }) => without_command(&global),
        Err(error) => common::refused::<Args>(&words, &error),
    }
}

/// Runs the command to its end, on a runtime of its own, with an eye on signals.
fn work(global: &args::Global, command: args::Command, face: &Arc<Face>) -> Ending {
    common::set_threads(global.jobs)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(NETWORK_THREADS).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Err(Failure::local("cannot start threads".to_owned(), &error)),
    };
    signals::watch(Arc::clone(face))?;
    // The conformance suite knows one way to fail.
    let one_way = matches!(command, args::Command::TufClient(_));
    let result = runtime.block_on(run::run(command, &global.settings(), face));
    // Nothing that is left (a keep-alive connection) is worth waiting for.
    runtime.shutdown_background();
    result.map(|outcome| outcome.answer()).map_err(|error| {
        let failure = of_client(&error);
        let kind = if one_way { common::FailureKind { exit_code: 1, ..failure.kind } } else { failure.kind };
        Failure { kind, ..failure }
    })
}

/// No command was given: that is help for a person.
fn without_command(global: &args::Global) -> ExitCode {
    let failure = Failure::usage("no command was given".to_owned());
    ExitCode::from(if global.shown.json {
        Face::of(&global.shown, common::PROGRAM).end(&Err(failure))
    } else {
        // There is nobody left to tell when this fails.
        let _ = write!(std::io::stderr(), "{}", Args::command().render_long_help());
        failure.kind.exit_code
    })
}
