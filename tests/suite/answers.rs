//! Answers that cannot be written: a disk that is full, a reader that is gone.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use crate::machine::Machine;
use crate::world::world;

const BUNDLES: &[&str] = &["editors"];

/// Runs the client on the machine with its answer going to `out`.
fn run(machine: &Machine, words: &[&str], out: impl Into<Stdio>) -> Output {
    let mut command = Command::new(&world().programs.update);
    command.args(words).arg("--root").arg(&machine.root).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
    command.output().expect("the client starts")
}

#[test]
fn an_answer_that_gets_lost_is_an_error() {
    let machine = Machine::installed(10, BUNDLES);
    let full = || File::options().write(true).open("/dev/full").expect("there is one");
    for words in [
        "info",
        "info --json",
        "bundle-list",
        "diagnose --json",
        "--help",
        "--help --json",
        "update",
        "rollback --json",
    ] {
        let output = run(&machine, &words.split(' ').collect::<Vec<_>>(), full());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{words}: {told}");
        assert!(told.contains("not all of the answer") && told.contains("No space left"), "{words}: {told}");
    }
    // What was asked for was done, twice: to release 20 and back.
    machine.assert_holds(10, BUNDLES);
    assert_eq!(run(&machine, &["info", "--no-such-option"], full()).status.code(), Some(2));
}

#[test]
fn a_reader_that_is_gone_has_what_it_wanted() {
    let machine = Machine::installed(10, BUNDLES);
    for words in [["info", "--yes"], ["info", "--json"], ["update", "--json"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = run(&machine, &words, writer);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    machine.assert_holds(20, BUNDLES);
}
