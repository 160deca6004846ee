//! A terminal that goes while the client works in it: the window is closed, or the connection to the machine breaks.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use xtask::judge::Tree;

use crate::machine::{Machine, assert_either};
use crate::world::{skipped, world};

const BUNDLES: &[&str] = &["openstack-compute"];

/// Updates the machine in a terminal that goes once it has shown so many bytes, and waits until the client has ended.
/// `before` is a line of shell.
fn update_in_a_terminal_that_goes(machine: &Machine, before: &str, shown: usize) {
    let (client, root) = (world().programs.update.display(), machine.root.display());
    let pid = machine.root.with_file_name("pid");
    let line = format!("echo $$ >'{}'; {before} exec '{client}' update --yes --root '{root}'", pid.display());
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--command", &line, "/dev/null"]).env("SHELL", "/bin/sh").env("TERM", "xterm");
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut terminal = terminal.spawn().expect("script starts");
    let mut output = terminal.stdout.take().expect("a pipe").take(shown as u64);
    output.read_to_end(&mut Vec::new()).expect("read");
    // Killed, not asked: then it is the kernel that takes the terminal away.
    terminal.kill().expect("killed");
    terminal.wait().expect("ended");
    let pid = fs::read_to_string(pid).expect("written before anything is shown");
    let process = PathBuf::from("/proc").join(pid.trim());
    while !has_ended(&process) {
        std::thread::yield_now();
    }
}

/// Whether a process is gone with all its threads, and the lock that they held, or only waits to be asked about.
fn has_ended(process: &Path) -> bool {
    let (stat, threads) = (fs::read_to_string(process.join("stat")), fs::read_dir(process.join("task")));
    let (Ok(stat), Ok(threads)) = (stat, threads) else { return true };
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')) && threads.count() == 1
}

#[test]
fn a_terminal_that_goes_tears_nothing() {
    if !Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return skipped("a_terminal_that_goes", "`script` is not installed");
    }
    let base = Machine::installed(10, BUNDLES);
    let [before, target] = [10, 20].map(|release| world().trees.expected(release, BUNDLES).expect("trees"));
    // Hung up, and told to stay: then writing to the terminal fails from there on.
    for trap in ["", "trap '' HUP;"] {
        for shown in [1, 50, 200, 500, 1000, 2000, 4000, 100_000] {
            let machine = base.twin();
            update_in_a_terminal_that_goes(&machine, trap, shown);
            let found = Tree::of_machine(&machine.root).expect("tree");
            assert_either(&before, &target, &found, &format!("{trap} after {shown} bytes"));
            machine.succeeds(["update"]);
            machine.assert_holds(20, BUNDLES);
        }
    }
}
