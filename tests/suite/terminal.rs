//! The question that is asked on a terminal, with a person at it: a pseudo-terminal that this test holds the other end of.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::machine::Machine;
use crate::world::world;

const QUESTION: &str = "Go on? [y/N] ";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// The client with a terminal of its own.
struct Person {
    child: Child,
    terminal: File,
    seen: String,
}

impl Person {
    /// Starts the client on that machine.
    fn starts(machine: &Machine, arguments: &[&str]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&terminal).expect("granted");
        unlockpt(&terminal).expect("unlocked");
        let name = ptsname(&terminal, Vec::new()).expect("a name");
        let end = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opened");
        let end = || Stdio::from(end.try_clone().expect("another handle"));
        // The terminal is the controlling one of the client's session, so that its keys send signals.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            // Who starts the tests in a shell's background has them ignore what the keys send.
            .args(["env", "--default-signal=INT,QUIT"])
            .arg(&world().programs.update)
            .args(arguments)
            .arg("--root")
            .arg(&machine.root)
            .env_clear()
            .envs(std::env::var("PATH").map(|path| ("PATH", path)))
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("setsid starts");
        Self { child, terminal: terminal.into(), seen: String::new() }
    }

    /// Reads until the question is there.
    fn is_asked(&mut self) {
        while !self.seen.contains(QUESTION) {
            assert!(self.reads(), "it ended without a question: {}", self.seen);
        }
    }

    /// Types these keys.
    fn types(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).expect("typed");
    }

    /// Reads to the end. Gives the exit code and all that was seen, without carriage returns.
    fn sees_the_end(mut self) -> (i32, String) {
        while self.reads() {}
        let code = self.child.wait().expect("it ended").code().expect("setsid passes the exit code on");
        (code, self.seen.replace('\r', ""))
    }

    /// Reads what is there. A terminal whose other end is closed gives an error.
    fn reads(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = self.terminal.read(&mut buffer).unwrap_or(0);
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        read > 0
    }
}

/// What is seen when these keys are the answer to the question of an update.
fn answered(machine: &Machine, keys: &str) -> (i32, String) {
    let mut person = Person::starts(machine, &["update"]);
    person.is_asked();
    assert!(person.seen.contains("Ahead: from release 10 to 20"), "{}", person.seen);
    person.types(keys);
    person.sees_the_end()
}

#[test]
fn yes_goes_on() {
    let machine = Machine::installed(10, &[]);
    for yes in ["y\n", "YES\n"] {
        let twin = machine.twin();
        let (code, seen) = answered(&twin, yes);
        assert!(code == 0 && seen.contains("updated from 10 to 20"), "{seen}");
        twin.assert_holds(20, &[]);
    }
}

#[test]
fn no_and_anything_else_and_the_end_of_input_change_nothing() {
    let machine = Machine::installed(10, &[]);
    for no in ["n\n", "\n", "yess\n", CTRL_D] {
        let before = machine.usr();
        let (code, seen) = answered(&machine, no);
        assert!(code == 1 && seen.contains("nothing was done"), "{no:?}: {seen}");
        // What is said then begins a line of its own.
        assert!(!seen.lines().any(|line| line.contains(QUESTION) && line.contains("error")), "{no:?}: {seen}");
        assert_eq!(before, machine.usr());
        // One entry: the install.
        assert_eq!(machine.succeeds(["history"]).result["transitions"].as_array().map(Vec::len), Some(1));
    }
    machine.assert_holds(10, &[]);
}

/// What goes is as dear as what comes.
#[test]
fn a_rollback_and_a_factory_reset_are_asked_about_too() {
    let machine = Machine::installed(10, &["openstack-compute"]);
    machine.succeeds(["update"]);
    machine.succeeds(["bundle-remove", "openstack-compute"]);
    machine.succeeds(["update", "--version", "10"]);
    let override_file = machine.path("etc/app/app.conf");
    fs::create_dir_all(machine.path("etc/app")).expect("made");
    fs::write(&override_file, "mine").expect("written");
    fs::write(machine.path("etc/machine-id"), "0123").expect("written");
    let asked = |arguments: &[&str], keys: &str| {
        let mut person = Person::starts(&machine, arguments);
        person.is_asked();
        person.types(keys);
        person.sees_the_end()
    };
    let reset = ["factory-reset", "--keep", "/etc/machine-id"];
    let (code, seen) = asked(&reset, "n\n");
    assert!(code == 1 && seen.contains("nothing was done") && override_file.exists(), "{seen}");
    let told = ["keeps     /etc/machine-id", "0 changed, 1 removed", "then      the next start is with defaults"];
    assert!(told.iter().all(|line| seen.contains(line)) && !seen.contains("download"), "{seen}");
    let (code, seen) = asked(&["rollback"], "n\n");
    assert!(code == 1 && seen.contains("Ahead: from release 10 to 20") && !seen.contains("download"), "{seen}");
    machine.assert_holds(10, &[]);

    let (code, seen) = asked(&reset, "y\n");
    assert!(code == 0 && !override_file.exists() && machine.path("etc/machine-id").exists(), "{seen}");
    let (code, seen) = asked(&["rollback"], "y\n");
    assert!(code == 0 && seen.contains("rolled back from 10 to 20"), "{seen}");
    machine.assert_holds(20, &[]);
    for arguments in [&["rollback", "--yes"][..], &["rollback", "--quiet"], &["factory-reset", "--json"]] {
        let (code, seen) = Person::starts(&machine, arguments).sees_the_end();
        assert!(code == 0 && !seen.contains(QUESTION), "{arguments:?}: {seen}");
    }
    // What goes with the bundle that is named is told before it does.
    machine.succeeds(["bundle-add", "openstack-compute"]);
    let (code, seen) = asked(&["bundle-remove", "python3-basic", "--recursive"], "n\n");
    assert!(code == 1 && seen.contains("removes   openstack-compute, python3-basic"), "{seen}");
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() {
    let machine = Machine::installed(10, &[]);
    let (code, seen) = answered(&machine, CTRL_C);
    assert!(code == 130 && seen.contains("interrupted by SIGINT"), "{seen}");
    assert!(!seen.lines().any(|line| line.contains(QUESTION) && line.contains("error")), "{seen}");
    machine.assert_holds(10, &[]);
    machine.succeeds(["update"]);
    machine.assert_holds(20, &[]);
}

#[test]
fn nothing_is_asked_with_yes_or_where_nothing_changes_or_of_scripts() {
    let machine = Machine::installed(10, &[]);
    for arguments in [&["update", "--dry-run"][..], &["update", "--yes"], &["update"], &["diagnose"]] {
        let (code, seen) = Person::starts(&machine, arguments).sees_the_end();
        assert!(code == 0 && !seen.contains(QUESTION), "{arguments:?}: {seen}");
    }
    machine.assert_holds(20, &[]);
    let (code, seen) = Person::starts(&machine, &["update", "--json", "--version", "10"]).sees_the_end();
    assert!(code == 0 && !seen.contains(QUESTION), "{seen}");
    machine.assert_holds(10, &[]);
}

#[test]
fn the_time_that_a_question_waits_is_not_the_commands() {
    let machine = Machine::installed(10, &[]);
    let begun = Instant::now();
    let mut person = Person::starts(&machine, &["update"]);
    person.is_asked();
    // Whoever thinks about it may look around meanwhile; that takes longer than the program needs to start and to end.
    let asked = Instant::now();
    while asked.elapsed() < 2 * (asked - begun) + Duration::from_secs(1) {
        machine.succeeds(["diagnose"]);
    }
    let waited = asked.elapsed();
    person.types("y\n");
    let (code, seen) = person.sees_the_end();
    let all = begun.elapsed();
    assert_eq!(code, 0, "{seen}");
    let history = machine.succeeds(["history"]).result["transitions"].clone();
    assert_eq!(history[1]["command"], json!("update"));
    let told = Duration::from_millis(history[1]["duration_ms"].as_u64().expect("a number"));
    assert!(told + waited <= all, "{told:?} told, {waited:?} waited, {all:?} in all");
}
