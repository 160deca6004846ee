//! One point: a copy of a machine, a disturbed run, the judgement, and the runs after it.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};

use super::calls::{Hit, hit};
use super::state;
use super::trace::{Fault, Point, disturbing};
use super::world::{PREVIOUS, Transition, World, beside, tree_of, twin};
use crate::judge::Tree;
use crate::programs::Outcome;

/// How a point ended.
#[derive(Debug)]
pub enum Ending {
    /// The call did not come: the run was not disturbed.
    Missed,
    /// All promises were kept.
    Kept {
        /// Exit code of the disturbed run.
        code: i32,
        /// Whether it left the target, rather than the tree before.
        at_target: bool,
    },
    /// A promise was broken: how.
    Broken(String),
}

/// States of machines from which the client was seen to go on, by `state::digest`: from the same state it is not let go
/// on again.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashSet<[u8; 32]>>);

/// What may lie beside the trees, also after a kill; where a name goes on, its beginning and a star.
const BESIDE: [&str; 15] = [
    ".trust.scratch-*",
    "busy-*",
    "fingerprints",
    "fingerprints.new",
    "history",
    "history.new",
    "journal",
    "journal.new",
    "lock",
    "mirror.json",
    "next",
    "previous",
    "rescued",
    "store",
    "trust",
];
/// Exit codes of a run that an error disturbed: it went around, the origin or trust could not be read, or the disk.
const ALLOWED: [i32; 4] = [0, 3, 4, 5];
/// Of a run that was killed; `timeout` either tells it or dies of it too.
const KILLED: [i32; 2] = [128, 137];

/// Tries one point.
///
/// # Errors
/// When the programs cannot be run; a broken promise is an [`Ending`].
pub fn attempt(world: &World, transition: &Transition, point: &Point, known: &Known) -> Result<Ending> {
    let directory = world.directory()?;
    let root = twin(transition, directory.path())?;
    let log = directory.path().join("log");
    let output = world.programs.client_output(&disturbing(&log, point), &root, &transition.command)?;
    let code = output.code;
    let killed = point.fault == Fault::Kill && KILLED.contains(&code);
    let log = fs::read(&log).context("cannot read what strace wrote")?;
    let hit = hit(&String::from_utf8_lossy(&log), &root.to_string_lossy());
    if !killed && hit != Hit::Root {
        // A call of another thread that has nothing to do with the root, such as one that wakes a thread, proves nothing.
        return Ok(match (hit, Outcome::of(output).and_then(Outcome::success)) {
            (Hit::Nothing, Err(error)) => Ending::Broken(format!("undisturbed, and yet {error:#}")),
            _ => Ending::Missed,
        });
    }
    let judged = || -> Result<bool, String> {
        if !killed {
            let outcome = Outcome::of(output).map_err(|error| format!("{error:#}"))?;
            if !ALLOWED.contains(&code) {
                return Err(format!("exit code {code}: {}", outcome.told()));
            }
        }
        let at_target = judge(world, transition, &root, known)?;
        if code == 0 && !at_target {
            return Err("success was told, but the tree is not the target".to_owned());
        }
        Ok(at_target)
    };
    Ok(match judged() {
        Ok(at_target) => Ending::Kept { code, at_target },
        Err(what) => Ending::Broken(what),
    })
}

/// Judges what a disturbed run left: whether it is the target, rather than the tree before, and the runs after it.
///
/// # Errors
/// When a promise is broken: which.
pub fn judge(world: &World, transition: &Transition, root: &Path, known: &Known) -> Result<bool, String> {
    let at_target = standing(transition, root)?;
    if !at_target {
        keeps(transition, root)?;
    }
    if known.is_new(transition, root)? {
        goes_on(world, transition, root, at_target)?;
    }
    Ok(at_target)
}

impl Known {
    /// Whether no earlier point of the transition left this very state.
    fn is_new(&self, transition: &Transition, root: &Path) -> Result<bool, String> {
        let digest = state::digest(root, transition.made).map_err(|error| format!("{error:#}"))?;
        Ok(self.0.lock().expect("no thread panics while it looks").insert(digest))
    }
}

impl Ending {
    /// What [`Ending::to_string`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["missed"] => Some(Self::Missed),
            ["kept", code, tree @ ("before" | "target")] => {
                Some(Self::Kept { code: code.parse().ok()?, at_target: tree == "target" })
            }
            ["broken", ..] => Some(Self::Broken(words[1..].join(" "))),
            _ => None,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missed => write!(f, "missed"),
            Self::Kept { code, at_target } => write!(f, "kept {code} {}", if *at_target { "target" } else { "before" }),
            Self::Broken(what) => write!(f, "broken {what}"),
        }
    }
}

/// Whether the tree is the target, or else the one before; a tree that is neither is an error.
///
/// What is carried goes back into the live tree after the exchange: until a recovery has done that, the time of the
/// directory that holds it may be of that moment.
fn standing(transition: &Transition, root: &Path) -> Result<bool, String> {
    nothing_unknown(root)?;
    let carries = |tree: &Tree| tree.nodes().contains_key(Path::new("usr/local"));
    let settled = |tree: Tree| match carries(&transition.before) {
        true => tree.filtered(|path| path != Path::new("usr")),
        false => tree,
    };
    let found = settled(tree_of(root).map_err(|error| format!("{error:#}"))?);
    let to_target = settled(transition.target.clone()).differences(&found);
    let to_before = settled(transition.before.clone()).differences(&found);
    match (to_target.is_empty(), to_before.is_empty()) {
        (true, _) => Ok(true),
        (false, true) => Ok(false),
        (false, false) => Err(format!("neither the tree before ({to_before}) nor the target ({to_target})")),
    }
}

/// As long as the target is not reached, the tree that is kept for a rollback is what it was: no transition but a rollback touches
/// it before its exchange. Looked at before any further run, which would put another in its place.
fn keeps(transition: &Transition, root: &Path) -> Result<(), String> {
    let Some(kept) = &transition.kept else { return Ok(()) };
    let found = beside(root, PREVIOUS).map_err(|error| format!("{error:#}"))?.unwrap_or_default();
    let differences = kept.differences(&found);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(format!("the tree that is kept for a rollback has changed: {differences}"))
    }
}

/// The run after: it must succeed and end at the target, and a rollback must find the release before.
fn goes_on(world: &World, transition: &Transition, root: &Path, at_target: bool) -> Result<(), String> {
    let run = |what: &str, command: &[String]| -> Result<(), String> {
        let outcome = world.programs.client(root, command).and_then(Outcome::success);
        outcome.map(drop).map_err(|error| format!("{what} after it: {error:#}"))
    };
    let holds = |what: &str, expected: &Tree| -> Result<(), String> {
        let found = tree_of(root).map_err(|error| format!("{error:#}"))?;
        let differences = expected.differences(&found);
        if differences.is_empty() { Ok(()) } else { Err(format!("after {what} the tree is not right: {differences}")) }
    };
    run("the run", if at_target { &transition.again } else { &transition.command })?;
    holds("the next run", &transition.target)?;
    nothing_unknown(root)?;
    if root.join(".stateless-update/journal").exists() {
        return Err("the next run left the journal".to_owned());
    }
    if let Some(previous) = &transition.previous {
        run("the rollback", &["rollback".to_owned()])?;
        holds("a rollback", previous)?;
    }
    Ok(())
}

fn nothing_unknown(root: &Path) -> Result<(), String> {
    let names = |directory: PathBuf| -> Result<Vec<String>, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
        let entries = fs::read_dir(&directory).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Ok(entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    };
    let known = |name: &String| {
        let is = |known: &&str| known.strip_suffix('*').map_or(name == known, |start| name.starts_with(start));
        BESIDE.iter().any(is)
    };
    let home = root.join(".stateless-update");
    let beside = if home.exists() { names(home)? } else { Vec::new() };
    let in_root = names(root.to_owned())?;
    let unknown = beside.into_iter().filter(|name| !known(name));
    let in_root = in_root.into_iter().filter(|name| name != "usr" && name != ".stateless-update");
    let unknown: Vec<String> = unknown.chain(in_root).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("left over: {}", unknown.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_read_as_they_were_written() {
        for text in ["missed", "kept 137 before", "kept 0 target", "broken in two words"] {
            assert_eq!(Ending::parse(text).map(|ending| ending.to_string()).as_deref(), Some(text));
        }
        assert!(Ending::parse("").is_none() && Ending::parse("kept x before").is_none());
    }
}
