//! rsync -z: the machine's tree is brought to the new release through a pipe, with the server's part measured apart.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};

use super::{Peer, Side, Step, row};
use crate::bench::input::run;
use crate::bench::origin::Traffic;
use crate::bench::usage::{Usage, measure};
use crate::judge::Tree;

/// The machine's tree is a copy of its own: rsync sets times and owners of files that it finds otherwise unchanged. It
/// compares checksums, for files that changed with the same size and time are not seen otherwise: the trees have hundreds.
pub fn rsync(step: &Step<'_>) -> Result<Vec<Peer>> {
    let [from, to] = &step.whole;
    let machine = step.work.join("rsync-machine");
    run("cp", [OsStr::new("-a"), "-T".as_ref(), from.as_ref(), machine.as_ref()])?;
    let (shell, server) = (step.work.join("rsync-shell"), step.work.join("rsync-server.json"));
    fs::write(&shell, shell_script(&std::env::current_exe()?, &server))?;
    fs::set_permissions(&shell, Permissions::from_mode(0o755))?;
    let mut source = OsString::from("here:");
    source.push(to);
    source.push("/");
    let mut target = machine.clone().into_os_string();
    target.push("/");
    let options = [
        "rsync",
        "-aHAX",
        "--numeric-ids",
        "--checksum",
        "--delete",
        "--compress",
        "--compress-choice=zstd",
        "--stats",
        "-e",
    ];
    let mut line: Vec<&OsStr> = options.map(OsStr::new).to_vec();
    line.extend::<[&OsStr; 3]>([shell.as_ref(), &source, &target]);
    let both = measure(&step.work, line)?.success()?;
    let served = Usage::read(&server)?;
    let differences = Tree::read(to)?.differences(&Tree::read(&machine)?);
    ensure!(differences.is_empty(), "rsync's tree is not the release: {differences}");
    fs::remove_dir_all(&machine)?;
    let bytes = stated(&both.stdout, "Total bytes sent")? + stated(&both.stdout, "Total bytes received")?;
    let traffic = Traffic { requests: 1, body: bytes, wire: None, refused: 0 };
    // The server is a child of the client, so its time is in the client's as well.
    let client = Usage {
        user_s: (both.usage.user_s - served.user_s).max(0.0),
        system_s: (both.usage.system_s - served.system_s).max(0.0),
        ..both.usage
    };
    Ok(vec![
        Peer { name: "rsync", side: Side::Publisher, row: row("rsync: server, each client", None, served) },
        Peer { name: "rsync", side: Side::Client, row: row("rsync -z (zstd)", Some(traffic), client) },
    ])
}

/// Stands for a remote shell: runs rsync's server here, measured.
fn shell_script(this: &std::path::Path, server: &std::path::Path) -> String {
    let quoted = |path: &std::path::Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    format!("#!/bin/sh\nshift\nexec {} measured --to {} -- \"$@\"\n", quoted(this), quoted(server))
}

/// A number of `rsync --stats`.
fn stated(stats: &str, name: &str) -> Result<u64> {
    let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let digits: String = line.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("rsync does not say `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_read() {
        let stats = "Number of files: 7\nTotal bytes sent: 1,234\nTotal bytes received: 5\n\nsent 1,234 bytes\n";
        assert_eq!(stated(stats, "Total bytes sent").expect("a number"), 1234);
        assert_eq!(stated(stats, "Total bytes received").expect("a number"), 5);
        assert!(stated(stats, "Total transferred").is_err());
    }
}
