//! Answers that cannot be written: a disk that is full, a reader that is gone, one that has stopped.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::pipe::fcntl_getpipe_size;
use rustix::process::{Pid, Signal, kill_process};

use crate::machine::Machine;
use crate::world::world;

const BUNDLES: &[&str] = &["editors"];

/// The client on the machine with its answer going to `out`.
fn client(machine: &Machine, words: &[&str], out: impl Into<Stdio>) -> Command {
    let mut command = Command::new(&world().programs.update);
    command.args(words).arg("--root").arg(&machine.root).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
    command
}

/// Runs it.
fn run(machine: &Machine, words: &[&str], out: impl Into<Stdio>) -> Output {
    client(machine, words, out).output().expect("the client starts")
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

/// Whether a process handles that signal itself.
fn catches(child: &Child, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it is there");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask");
    u64::from_str_radix(mask.trim(), 16).expect("a number") >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
fn a_reader_that_has_stopped_keeps_no_run_from_its_end() {
    let machine = Machine::installed(10, BUNDLES);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // There is room for the first line and little more: what comes then waits for the reader.
    let room = 100;
    writer.write_all(&vec![b'\n'; fcntl_getpipe_size(&writer).expect("a pipe") - room]).expect("there is room");
    let mut child = client(&machine, &["update", "--json"], writer).spawn().expect("the client starts");
    let waiting = |what: &str, is_there: &mut dyn FnMut() -> bool| {
        let begun = Instant::now();
        while !is_there() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
            sleep(Duration::from_millis(20));
        }
    };
    waiting("it listens", &mut || catches(&child, Signal::TERM));
    // It comes as far as its second line, which it cannot write.
    sleep(Duration::from_secs(1));
    assert!(child.try_wait().expect("asked").is_none(), "it waits for its reader");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it is told to end");
    let mut ended = None;
    waiting("it ends", &mut || {
        ended = child.try_wait().expect("asked");
        ended.is_some()
    });
    assert_eq!(ended.and_then(|status| status.code()), Some(143));
    drop(reader);
    machine.succeeds(["update"]);
    machine.assert_holds(20, BUNDLES);
}
