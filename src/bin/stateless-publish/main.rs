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

use clap::Parser;

use args::Args;
use common::Face;

fn main() -> ExitCode {
    common::prepare();
    let words: Vec<OsString> = std::env::args_os().collect();
    match Args::try_parse_from(&words) {
        Ok(Args { global, command }) => {
            let face = Face::of(&global.shown, command.name());
            common::run(&face, || {
                common::set_threads(global.jobs)?;
                run::run(command, &face)
            })
        }
        Err(error) => common::refused::<Args>(&words, &error),
    }
}
