//! Configuration layers as those see them who made the rules: oslo.config and systemd.
//!
//! What the oracles said of a sample is in `fixtures/oracles` and compared with every run of the suite. `cargo xtask oracle`
//! asks them about as many random cases as are wanted, and records the sample.

mod oslo;
mod random;
mod uapi;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::CHECKOUT;

/// How many random cases are asked.
const CASES: &str = "ORACLE_CASES";
/// Whether the sample is recorded.
const RECORD: &str = "ORACLE_RECORD";
/// So many cases are recorded.
const RECORDED: usize = 120;

/// A case, and what the oracle says of it.
type Answered = (Value, Value);

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(CHECKOUT).join("fixtures/oracles").join(name)
}

/// The recorded cases.
fn recorded(name: &str) -> Vec<Answered> {
    let text = fs::read_to_string(fixture(name)).expect("a recorded sample");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| (line["case"].clone(), line["answer"].clone())).collect()
}

/// How many cases the run shall ask about.
fn wanted() -> usize {
    std::env::var(CASES).expect("ORACLE_CASES says how many").parse().expect("a number")
}

/// Keeps the first of them where that is wanted.
fn record(name: &str, answered: &[Answered]) {
    if std::env::var_os(RECORD).is_none() {
        return;
    }
    let line = |(case, answer): &Answered| format!("{}\n", serde_json::json!({ "case": case, "answer": answer }));
    let text: String = answered.iter().take(RECORDED).map(line).collect();
    fs::write(fixture(name), text).expect("written");
}

/// Judges every case, and tells how many the model sees otherwise.
fn compare(what: &str, answered: &[Answered], model: impl Fn(&Value) -> Value) {
    let mut wrong = 0;
    for (case, answer) in answered {
        let found = model(case);
        if found != *answer {
            wrong += 1;
            if wrong <= 3 {
                let told = format!("\n{what}: {case:#}\nthe oracle says {answer}\nthe model says  {found}\n");
                std::io::stderr().write_all(told.as_bytes()).expect("standard error");
            }
        }
    }
    let total = answered.len();
    writeln!(std::io::stderr(), "\n{what}: {total} cases, {wrong} differences").expect("standard error");
    assert_eq!(wrong, 0, "{what}: {wrong} of {total} cases differ");
}

/// Feeds lines to a program and takes as many back.
fn ask(command: &mut Command, cases: &[Value]) -> Vec<Value> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the oracle starts");
    let mut input = child.stdin.take().expect("a pipe");
    let lines: Vec<String> = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || lines.iter().try_for_each(|line| input.write_all(line.as_bytes())));
    let output = child.wait_with_output().expect("the oracle ends");
    writer.join().expect("no panic").expect("the oracle reads everything");
    assert!(output.status.success(), "the oracle failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), cases.len());
    answers
}
