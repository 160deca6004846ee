//! `cargo xtask crash-test planted`: clients with a fault, which kills or power cuts must find.
//!
//! A fault is a change to the text of the client's source, in a copy of the checkout. What must find it is run on the client
//! that is built of that, and before on the real one: a harness that cannot tell them apart proves nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{Build, Disturbance, Options, World, power, tried};
use crate::cargo::{self, cargo};
use crate::programs::Programs;

/// A fault and what finds it.
struct Fault {
    /// What the client does wrong.
    told: &'static str,
    /// Source files, each with a piece of its text that occurs once, and what stands there instead.
    changes: &'static [(&'static str, &'static str, &'static str)],
    finder: Finder,
}

/// What must find a fault.
#[derive(Clone, Copy, Debug)]
enum Finder {
    /// Kills of updates.
    Kills,
    /// Power cuts on ext4.
    PowerCuts,
}

const FAULTS: [Fault; 3] = [
    Fault {
        told: "the trees are not synced, neither before the exchange nor after it",
        changes: &[
            ("src/switch/mod.rs", "    home.sync_filesystem()?;\n    reporter.passes(Checkpoint::TreesSynced);\n", ""),
            (
                "src/switch/mod.rs",
                "    home.sync_filesystem()?;\n    reporter.passes(Checkpoint::SettledSynced);\n",
                "",
            ),
        ],
        finder: Finder::PowerCuts,
    },
    Fault {
        told: "no journal is written",
        changes: &[("src/switch/mod.rs", "    journal.write(home)?;\n", "")],
        finder: Finder::Kills,
    },
    Fault {
        told: "what a store holds is believed without a look at its digest",
        changes: &[("src/store.rs", "if found == digest)", "if found == digest || !name.is_empty())")],
        finder: Finder::PowerCuts,
    },
];

/// Directories of a checkout that no build needs.
const NOT_SOURCE: [&str; 3] = ["target", ".git", "fuzz"];

/// Builds each client and lets it be found, and finds nothing in the real one.
///
/// # Errors
/// When one is not found, the real one is, or something that is needed is missing.
pub fn run(checkout: &Path) -> Result<()> {
    if !power::is_inside()? {
        return Ok(());
    }
    let real = Programs::build(checkout, false)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    // Made by the real client: a fault may be in the way of that.
    let mut world = World::new(real.clone(), checkout)?;
    // What is found in a client without a fault would be found in any.
    for finder in [Finder::Kills, Finder::PowerCuts] {
        let found = finder.find(&world)?;
        ensure!(found == 0, "{found} points of {finder:?} broke a promise of the client as it is: this proves nothing");
    }
    let mut missed = Vec::new();
    for fault in &FAULTS {
        world.programs.update = fault.client(checkout, scratch.path(), &real)?;
        let found = fault.finder.find(&world)?;
        println!("{}: found by {found} points of {:?}", fault.told, fault.finder);
        if found == 0 {
            missed.push(fault.told);
        }
    }
    ensure!(missed.is_empty(), "not found: {}", missed.join("; "));
    Ok(())
}

impl Finder {
    /// How many points broke a promise.
    fn find(self, world: &World) -> Result<usize> {
        match self {
            Self::Kills => {
                let transition = Some("update".to_owned());
                let options = Options { transition, every: 5, ..Options::default() };
                Ok(tried(world, Disturbance::Kill, &options)?.violations.len())
            }
            Self::PowerCuts => {
                let (filesystem, build) = (None, Build::default());
                power::broken(world, &power::Options { filesystem, points: 1000, seed: 1, jobs: 2, log: None, build })
            }
        }
    }
}

impl Fault {
    /// Builds the client that has the fault.
    fn client(&self, checkout: &Path, scratch: &Path, real: &Programs) -> Result<PathBuf> {
        let copied = scratch.join("checkout");
        if copied.exists() {
            fs::remove_dir_all(&copied)?;
        }
        fs::create_dir(&copied)?;
        for entry in fs::read_dir(checkout)? {
            let entry = entry?;
            if !NOT_SOURCE.iter().any(|name| entry.file_name() == *name) {
                super::world::copy(&entry.path(), &copied.join(entry.file_name()))?;
            }
        }
        for (file, text) in self.changed(checkout)? {
            fs::write(copied.join(&file), text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        // Beside the real programs, so that what they are made of is compiled once for all faults.
        let target = real.update.parent().and_then(Path::parent).context("programs lie in a target directory")?;
        let target = target.join("planted");
        println!("building a client: {}", self.told);
        let mut command = cargo(&copied);
        command.args(["build", "--quiet", "--bin", "stateless-update", "--target-dir"]).arg(&target);
        cargo::succeeds(&mut command, "the client with a fault cannot be built").context(self.told)?;
        Ok(target.join("debug/stateless-update"))
    }

    /// The files that the fault is in, by their paths in a checkout, and their text with it.
    fn changed(&self, checkout: &Path) -> Result<Vec<(PathBuf, String)>> {
        let mut files: Vec<(PathBuf, String)> = Vec::new();
        for (file, before, after) in self.changes {
            let path = PathBuf::from(file);
            if files.last().is_none_or(|(last, _)| *last != path) {
                let text = fs::read_to_string(checkout.join(&path));
                files.push((path, text.with_context(|| format!("cannot read {file}"))?));
            }
            let (_, text) = files.last_mut().context("a file was read")?;
            ensure!(text.matches(before).count() == 1, "{}: {file} does not have once: {before}", self.told);
            *text = text.replace(before, after);
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_still_fits_the_source() {
        let checkout = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        for fault in &FAULTS {
            let changed = fault.changed(checkout).unwrap_or_else(|error| panic!("{error:#}"));
            assert!(!changed.is_empty(), "{}", fault.told);
        }
    }
}
