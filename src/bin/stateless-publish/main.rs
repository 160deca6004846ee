//! `stateless-publish`: turns trees into a signed publication.
//!
//! Arguments become a request, the library does the work, its answer becomes words (or JSON) and an exit code.

mod args;
mod clock;
#[path = "../common/mod.rs"]
mod common;
mod done;
mod failure;
mod keys;
mod respond;
mod run;
mod serve;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use args::{Args, Command, Global};
use common::{Ending, Face, signals};

fn main() -> ExitCode {
    common::prepare();
    let words: Vec<OsString> = std::env::args_os().collect();
    match Args::try_parse_from(&words) {
        Ok(Args { global, command }) => {
            let face = Arc::new(Face::of(&global.shown, command.name()));
            common::run(&face, || work(&global, command, &face))
        }
        Err(error) => common::refused::<Args>(&words, &error),
    }
}

/// Runs the command to its end, with an eye on signals.
fn work(global: &Global, command: Command, face: &Arc<Face>) -> Ending {
    common::set_threads(global.jobs)?;
    // Whoever ends a server by Ctrl-C means to, and needs no word about it; a script gets its result.
    let is_told = global.shown.json || !matches!(command, Command::Serve(_));
    if is_told {
        signals::watch(Arc::clone(face))?;
    }
    run::run(command, face)
}
