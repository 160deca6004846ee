//! `--json` of every command, when it does its work and when it does not: each line fits the schema (which
//! [`Machine::client`] checks), the first is the start, the last the result.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use xtask::programs::Outcome;

use crate::machine::{Machine, checked, error};
use crate::world::{NOWHERE, world};

/// A command, what makes it succeed on a machine at release 10 with the bundle `editors`, and what makes it fail there.
/// They run in this order on one machine. `FILE` stands for a file that may be written.
const COMMANDS: [(&str, &[&str], &[&str]); 30] = [
    ("info", &[], &["--no-such-option"]),
    ("check-update", &[], &["--url", NOWHERE]),
    ("bundle-list", &["--all", "--status"], &["--deps", "no-such-bundle"]),
    ("bundle-info", &["web-server", "--files", "--dependencies"], &["no-such-bundle"]),
    ("search", &["editor"], &["--regexp", "("]),
    ("search-file", &["/usr/bin/ed"], &["--regexp", "("]),
    ("command-not-found", &["nova-compute"], &[]),
    ("hashdump", &["usr/lib/os-release"], &["usr/no/such/path"]),
    ("explain", &["usr/lib/os-release"], &["/etc/passwd"]),
    ("export", &["FILE", "--this-machine"], &["FILE", "--url", NOWHERE]),
    ("bundle-add", &["web-server"], &["no-such-bundle"]),
    ("bundle-remove", &["web-server", "--dry-run"], &["os-core"]),
    ("update", &[], &["--version", "15"]),
    ("diagnose", &["--picky"], &["--bundles", "no-such-bundle"]),
    ("repair", &["--full-verify"], &["--quick", "--full-verify"]),
    ("rollback", &[], &["--no-such-option"]),
    ("recover", &[], &["extra"]),
    ("history", &[], &["extra"]),
    ("status", &[], &["--needs-restart", "--needs-reboot"]),
    ("mirror", &["--set", "https://example.org/os"], &["--set", "ftp://example.org/os"]),
    ("autoupdate", &["--enable"], &["--enable", "--disable"]),
    ("config list", &[], &["extra"]),
    ("config diff", &[], &["no-such-app"]),
    ("config check", &[], &["no-such-app"]),
    ("config redundant", &[], &["--no-such-option"]),
    ("factory-reset", &["--preview"], &["extra"]),
    ("clean", &["--all"], &["extra"]),
    ("completions", &["bash"], &["csh"]),
    ("os-install", &[], &["--url", NOWHERE, "--trust", "/dev/null"]),
    ("help", &[], &[]),
];

/// What a command line itself says that there is.
fn commands(help: &Outcome) -> BTreeSet<String> {
    let help = help.result["text"].as_str().expect("a text").to_owned();
    let listed = help.split("Commands:\n").nth(1).expect("a list").split("\n\n").next().expect("a list");
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Checks what the schema cannot: who answers, and how the lines stand to each other.
fn check(command: &str, outcome: &Outcome, succeeds: bool) {
    let told = format!("{command}: {}\n{}", outcome.told(), outcome.stderr);
    // A command line that cannot be read is answered by its first word.
    let answered = outcome.result["command"].as_str().expect("a name");
    let first = command.split(' ').next().expect("a word");
    assert!(answered == command || (outcome.code == 2 && answered == first), "{told}");
    assert_eq!(outcome.result["ok"], succeeds, "{told}");
    assert_eq!(outcome.code == 0, succeeds, "{told}");
    // A command line that cannot be read starts nothing.
    let started = outcome.events[0]["event"] == "start" && outcome.events[0]["command"] == command;
    assert!(started || outcome.code == 2, "{told}");
    let is_plain_no = outcome.code == 1;
    assert_eq!(error(outcome).is_none(), succeeds || is_plain_no, "{told}");
}

#[test]
fn every_line_of_every_command_fits_the_schema() {
    let known: BTreeSet<String> =
        COMMANDS.iter().filter_map(|(name, ..)| name.split(' ').next()).map(str::to_owned).collect();
    assert_eq!(
        commands(&Machine::empty().succeeds(["--help"])),
        known,
        "a command that is new belongs into the list of this test"
    );
    let machine = Machine::installed(10, &["editors"]);
    let directory = world().directory();
    let file = directory.path().join("export.tar").display().to_string();
    let line = |name: &'static str, arguments: &'static [&str]| -> Vec<String> {
        let arguments = arguments.iter().map(|word| if *word == "FILE" { file.clone() } else { (*word).to_owned() });
        name.split(' ').map(str::to_owned).chain(arguments).collect()
    };
    for (name, success, failure) in COMMANDS.into_iter().filter(|(name, ..)| *name != "help") {
        let fails = machine.client([line(name, failure), vec!["-r".to_owned(), "0".to_owned()]].concat());
        check(name, &fails, false);
        let succeeds = match name {
            "os-install" => Machine::empty().install(&world().server.url, 10, &[]),
            _ => machine.client(line(name, success)),
        };
        check(name, &succeeds, true);
        // In a root that is not managed, every command but these says so.
        if !["completions", "os-install", "export"].contains(&name) {
            let elsewhere = Machine::empty().client(line(name, success));
            check(name, &elsewhere, false);
            assert_eq!((elsewhere.code, &error(&elsewhere).expect("an error")["kind"]), (2, &"usage".into()), "{name}");
        }
        // `--help` is a result, too.
        let help = machine.client(name.split(' ').chain(["--help"]));
        assert!(help.code == 0 && help.result["text"].as_str().is_some_and(|text| text.contains("Examples")), "{name}");
    }
}

/// Runs the publisher. Every line that it writes must fit the schema.
fn publish(line: &[&str]) -> Outcome {
    let output = world().programs.publish(line.iter().chain(&["--json"]), None).expect("it starts");
    checked(Outcome::of(output).expect("the contract of --json is kept"))
}

#[test]
fn every_line_of_the_publisher_fits_the_schema_too() {
    let directory = world().directory();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let [site, keys, new, inside] = ["site", "keys", "new", "site/inside"].map(path);
    let (definitions, trees) = (world().trees.definitions.display().to_string(), world().trees.of(10));
    let trees = trees.display().to_string();
    let release = [&site, "--keys", &keys, "--version", "10", "--definitions", &definitions, "--trees", &trees];
    let place = [&*site, "--keys", &keys];
    let rotate = |new| [&place[..], &["--new-keys", new]].concat();
    // A command, what makes it succeed, and what makes it fail then; in this order on one publication.
    let runs: [(&str, Vec<&str>, Vec<&str>); 6] = [
        ("init", place.to_vec(), place.to_vec()),
        ("release", [&release[..], &["--level", "1"]].concat(), release.to_vec()),
        ("check", vec![&site], vec![&keys]),
        ("prune", vec![&site, "--keep", "1"], vec![&keys, "--keep", "1"]),
        ("keys refresh", place.to_vec(), vec![&site, "--keys", &new]),
        ("keys rotate", rotate(&new), rotate(&inside)),
    ];
    let known = runs.iter().filter_map(|(name, ..)| name.split(' ').next()).chain(["serve", "help"]);
    assert_eq!(commands(&publish(&["--help"])), known.map(str::to_owned).collect());
    for (name, success, failure) in runs {
        let words: Vec<&str> = name.split(' ').collect();
        check(name, &publish(&[&words[..], &success].concat()), true);
        check(name, &publish(&[&words[..], &failure].concat()), false);
    }
    // One that clients refuse is told without an error.
    std::fs::remove_dir_all(directory.path().join("site/packs")).expect("removed");
    let findings = publish(&["check", &site]);
    assert_eq!((findings.code, &findings.result["ok"]), (4, &false.into()), "{}", findings.told());

    check("serve", &publish(&["serve", &inside]), false);
    let mut server = Command::new(&world().programs.publish);
    server.args(["serve", &site, "--listen", "127.0.0.1:0", "--json"]).stdout(Stdio::piped());
    let mut server = server.spawn().expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut lines_so_far: Vec<String> = lines.by_ref().take(2).collect();
    kill_process(Pid::from_child(&server), Signal::TERM).expect("it is ended");
    lines_so_far.extend(lines);
    assert_eq!(server.wait().expect("it is ended").code(), Some(143));
    let events: Vec<Value> = lines_so_far.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    events.iter().for_each(|event| world().schemas.check("cli-event", event).expect("it fits"));
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["start", "listening", "error", "result"]);
    assert_eq!(events[3]["exit_code"], 143);
}
