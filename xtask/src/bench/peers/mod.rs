//! The same step between releases by other systems, as far as they are installed.

mod bsdiff;
mod hdiffpatch;
mod rsync;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::input::{link_copy, run};
use super::installed;
use super::origin::{Origin, Traffic};
use super::table::Row;
use super::usage::{Usage, measure};
use crate::demo::{grouped, size};
use crate::programs::Programs;
use crate::trees::Trees;

/// Who of a system did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Once for each release, or at a server for each client.
    Publisher,
    /// On each machine.
    Client,
}

/// One thing that another system did for the step.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The system.
    pub name: &'static str,
    /// Who did it.
    pub side: Side,
    /// What it cost.
    pub row: Row,
}

/// What all peers work with.
struct Step<'a> {
    programs: &'a Programs,
    releases: [u32; 2],
    /// The whole of both releases.
    whole: [PathBuf; 2],
    work: PathBuf,
}

/// Measures each peer, or says that it is skipped; gives the rows and what there is to say.
///
/// # Errors
/// When a peer fails that is installed.
pub fn measure_all(programs: &Programs, given: &Path, trees: &Trees, work: &Path) -> Result<(Vec<Peer>, Vec<String>)> {
    let work = work.join("peers");
    fs::create_dir(&work)?;
    let [from, to] = trees.releases;
    let whole = [whole(given, trees, from, &work)?, whole(given, trees, to, &work)?];
    let step = Step { programs, releases: trees.releases, whole, work };
    type Measure = fn(&Step<'_>) -> Result<Vec<Peer>>;
    // The system's name, and the programs that it takes.
    let systems: [(&str, &[&str], Measure); 6] = [
        ("ostree", &["ostree"], ostree),
        ("casync", &["casync"], casync),
        ("rsync", &["rsync"], rsync::rsync),
        ("zstd", &["zstd"], zstd),
        ("bsdiff", &["bsdiff", "bspatch", "xargs"], bsdiff::bsdiff),
        ("HDiffPatch", &["hdiffz", "hpatchz"], hdiffpatch::hdiffpatch),
    ];
    let (mut peers, mut notes) = (Vec::new(), Vec::new());
    for (name, programs, measure) in systems {
        if programs.iter().any(|program| installed(program).is_none()) {
            notes.push(format!("SKIPPED: {name} is not installed"));
            println!("  SKIPPED: {name} is not installed");
            continue;
        }
        for peer in measure(&step).with_context(|| name.to_owned())? {
            println!("{}", peer.row.line());
            peers.push(peer);
        }
    }
    let deltas = step.work.join("ostree/deltas");
    if deltas.is_dir() {
        let (files, bytes) = size(&deltas)?;
        let note = format!(
            "ostree's delta alone: {files} files, {} bytes; its pull fetches loose objects beside it, not always as many",
            grouped(bytes)
        );
        println!("  {note}");
        notes.push(note);
    }
    Ok((peers, notes))
}

/// A release as one tree: `full` where it was given, otherwise all bundles in one.
fn whole(given: &Path, trees: &Trees, release: u32, work: &Path) -> Result<PathBuf> {
    let full = given.join(release.to_string()).join("full");
    if full.is_dir() {
        return Ok(full);
    }
    let whole = work.join(format!("whole-{release}"));
    for bundle in trees.bundles()? {
        let bundle = trees.of(release).join(bundle);
        if whole.exists() {
            run("cp", [OsStr::new("-alf"), "-T".as_ref(), bundle.as_ref(), whole.as_ref()])?;
        } else {
            link_copy(&bundle, &whole)?;
        }
    }
    Ok(whole)
}

/// ostree: both releases committed, a static delta between them, pulled by a machine that has the first.
fn ostree(step: &Step<'_>) -> Result<Vec<Peer>> {
    let (server, machine) = (step.work.join("ostree"), step.work.join("ostree-machine"));
    let at = |repository: &Path| format!("--repo={}", repository.display());
    let ostree = |arguments: &[&str]| {
        measure(&step.work, std::iter::once(&"ostree").chain(arguments))?.success().map(|run| run.usage)
    };
    ostree(&["init", &at(&server), "--mode=archive"])?;
    let mode = if rustix::process::geteuid().is_root() { "--mode=bare" } else { "--mode=bare-user" };
    ostree(&["init", &at(&machine), mode])?;
    let commit = |whole: &Path| {
        let tree = format!("--tree=dir={}", whole.display());
        ostree(&["commit", &at(&server), "--branch=os", &tree])
    };
    let [from, to] = &step.whole;
    commit(from)?;
    let local = server.display().to_string();
    ostree(&["pull-local", &at(&machine), "--remote=origin", &local, "os"])?;
    let committed = commit(to)?;
    let before = ostree_revision(&server, "os^")?;
    let delta = ostree(&["static-delta", "generate", &at(&server), "os", &format!("--from={before}")])?;
    ostree(&["summary", &at(&server), "--update"])?;
    let origin = Origin::serve(step.programs, &server, &step.work.join("ostree-origin"))?;
    ostree(&["remote", "add", &at(&machine), "--no-gpg-verify", "origin", &origin.url])?;
    let (pulled, traffic) = origin.counted(|| ostree(&["pull", &at(&machine), "origin", "os"]))?;
    let checkout = step.work.join("ostree-checkout").display().to_string();
    let linked = ostree(&["checkout", &at(&machine), "-H", "origin:os", &checkout])?;
    Ok(vec![
        Peer {
            name: "ostree",
            side: Side::Publisher,
            row: row("ostree: commit and delta", None, committed.then(delta)),
        },
        Peer { name: "ostree", side: Side::Client, row: row("ostree: pull", Some(traffic), pulled) },
        Peer { name: "ostree", side: Side::Client, row: row("ostree: checkout -H", None, linked) },
    ])
}

fn ostree_revision(repository: &Path, name: &str) -> Result<String> {
    let mut command = Command::new("ostree");
    let output = command.arg("rev-parse").arg(format!("--repo={}", repository.display())).arg(name).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// casync: chunks of both releases in a store, the second extracted with the first as seed.
fn casync(step: &Step<'_>) -> Result<Vec<Peer>> {
    let server = step.work.join("casync");
    fs::create_dir(&server)?;
    let store = server.join("default.castr");
    let mut made = Usage::default();
    for (release, whole) in step.releases.iter().zip(&step.whole) {
        let index = server.join(format!("{release}.caidx"));
        let store = format!("--store={}", store.display());
        let line: [&OsStr; 6] = [
            "casync".as_ref(),
            "make".as_ref(),
            "--compression=zstd".as_ref(),
            store.as_ref(),
            index.as_ref(),
            whole.as_ref(),
        ];
        made = measure(&step.work, line)?.success()?.usage;
    }
    let origin = Origin::serve(step.programs, &server, &step.work.join("casync-origin"))?;
    let ([from, _], [_, to]) = (&step.whole, step.releases);
    let out = step.work.join("casync-tree");
    let seed = format!("--seed={}", from.display());
    let store = format!("--store={}default.castr", origin.url);
    let index = format!("{}{to}.caidx", origin.url);
    let line: [&OsStr; 6] =
        ["casync".as_ref(), "extract".as_ref(), seed.as_ref(), store.as_ref(), index.as_ref(), out.as_ref()];
    let (run, traffic) = origin.counted(|| measure(&step.work, line)?.success())?;
    Ok(vec![
        Peer { name: "casync", side: Side::Publisher, row: row("casync: make", None, made) },
        Peer { name: "casync", side: Side::Client, row: row("casync: extract with seed", Some(traffic), run.usage) },
    ])
}

/// zstd: a patch between archives of both releases, which is not yet an update of a tree.
fn zstd(step: &Step<'_>) -> Result<Vec<Peer>> {
    let mut archives = Vec::new();
    for (release, whole) in step.releases.iter().zip(&step.whole) {
        let archive = step.work.join(format!("{release}.tar"));
        let line: [&OsStr; 7] = [
            "--sort=name".as_ref(),
            "--numeric-owner".as_ref(),
            "-cf".as_ref(),
            archive.as_ref(),
            "-C".as_ref(),
            whole.as_ref(),
            ".".as_ref(),
        ];
        run("tar", line)?;
        archives.push(archive);
    }
    let (patch, result) = (step.work.join("patch.zst"), step.work.join("result.tar"));
    let from = format!("--patch-from={}", archives[0].display());
    let zstd = |options: &[&str], input: &Path, output: &Path| {
        let mut line: Vec<&OsStr> = vec!["zstd".as_ref(), "-q".as_ref(), "--long=31".as_ref(), from.as_ref()];
        line.extend(options.iter().map(OsStr::new));
        line.extend::<[&OsStr; 3]>([input.as_ref(), "-o".as_ref(), output.as_ref()]);
        measure(&step.work, line)?.success().map(|run| run.usage)
    };
    let made = zstd(&["-3"], &archives[1], &patch)?;
    let applied = zstd(&["-d"], &patch, &result)?;
    run("cmp", [&archives[1], &result])?;
    let bytes = fs::metadata(&patch)?.len();
    let traffic = Traffic { requests: 1, body: bytes, wire: None, refused: 0 };
    for archive in archives.iter().chain([&patch, &result]) {
        fs::remove_file(archive)?;
    }
    Ok(vec![
        Peer { name: "zstd", side: Side::Publisher, row: row("zstd -3 --patch-from: make", None, made) },
        Peer { name: "zstd", side: Side::Client, row: row("zstd -3: tar to tar", Some(traffic), applied) },
    ])
}

fn row(name: &str, traffic: Option<Traffic>, usage: Usage) -> Row {
    Row { name: name.to_owned(), traffic, usage }
}
