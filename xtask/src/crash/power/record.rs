//! Records what a machine's disk is told while the client moves it to and fro.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::disk::{Disk, Record};
use super::filesystem::Kind;
use super::replay::Image;
use crate::crash::world::{COMPUTE, EDITORS, PREVIOUS, World, beside, copy, tree_of, words};
use crate::judge::Tree;

/// Which of the client's syncs are left out, to show what they are for. Nothing in the client can do that: strace answers
/// the calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LeftOut {
    /// None: the client as it is.
    Nothing,
    /// Those of the whole file system: the exchange gets to disk with the journal, what the trees consist of when it may.
    Trees,
    /// Those that make the exchange durable before it is reported.
    After,
}

/// What a disk was told, and which trees it held.
pub struct Recording {
    /// The disk before.
    pub image: Image,
    /// What it was told.
    pub log: Vec<Record>,
    /// The trees in their order: the first was there before, and each further one when its number was acknowledged.
    pub trees: Vec<Held>,
}

/// A tree of the recording.
pub struct Held {
    /// The client's command that led to it from the one before; none where it was damaged.
    pub command: Option<&'static str>,
    /// The tree.
    pub tree: Tree,
    /// What a repair makes of it.
    pub repaired: Tree,
    /// The tree that is kept beside it for a rollback.
    pub kept: Tree,
}

/// One step of a recording.
enum Step {
    /// The client runs and ends at that release with these bundles.
    Client(&'static str, u32, &'static [&'static str]),
    /// A file is removed, which the next repair brings back.
    Damage(&'static str),
}

/// Every kind of transition, from a machine at 10 with `openstack-compute` that has all three trees.
const STEPS: [Step; 9] = [
    Step::Client("update", 20, &[COMPUTE]),
    Step::Client("bundle-add editors", 20, &[COMPUTE, EDITORS]),
    Step::Client("rollback", 20, &[COMPUTE]),
    Step::Client("bundle-remove openstack-compute", 20, &[]),
    Step::Damage("usr/bin/sshd"),
    Step::Client("repair", 20, &[]),
    Step::Client("update --version 10", 10, &[]),
    Step::Client("rollback", 20, &[]),
    Step::Client("update --version 10", 10, &[]),
];

impl LeftOut {
    /// In words.
    pub fn told(self) -> &'static str {
        match self {
            Self::Nothing => "as it is",
            Self::Trees => "control, no sync of the trees",
            Self::After => "control, no sync after the exchange",
        }
    }

    fn prefix(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &[],
            Self::Trees => {
                &["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=syncfs", "-e", "inject=syncfs:retval=0"]
            }
            Self::After => &[
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "trace=syncfs,fsync",
                "-e",
                "inject=syncfs:retval=0:when=2+",
                "-e",
                "inject=fsync:retval=0",
            ],
        }
    }
}

/// Runs all steps on a machine on that file system.
///
/// # Errors
/// When something cannot be made or mounted, or the client fails.
pub fn record(world: &World, kind: Kind, left_out: LeftOut) -> Result<Recording> {
    let directory = world.directory()?;
    let [image, fuse, mounted] = ["image", "fuse", "mounted"].map(|name| directory.path().join(name));
    fs::create_dir(&fuse)?;
    fs::create_dir(&mounted)?;
    kind.make(&image)?;
    let base = &world.transitions.iter().find(|transition| transition.name == "update").context("no update")?.base;
    {
        let mount = kind.mount_file(&image, &mounted)?;
        copy(base, &mount.at.join("root"))?;
    }
    let bytes = fs::read(&image).context("cannot read the image")?;
    fs::remove_file(&image)?;
    let start = Image::of(&bytes);

    let disk = Disk::mount(bytes, &fuse)?;
    let mount = kind.mount_disk(&fuse.join("disk"), &mounted)?;
    let root = mount.at.join("root");
    // As it is after a boot: what mounting wrote is on disk.
    sync(&root)?;
    let first = tree_of(&root)?;
    let kept = || beside(&root, PREVIOUS)?.context("the machine keeps no release before");
    let mut trees = vec![Held { command: None, repaired: first.clone(), tree: first, kept: kept()? }];
    disk.acknowledge(0);
    for step in &STEPS {
        match step {
            Step::Client(command, release, bundles) => {
                let output = world.programs.client_output(left_out.prefix(), &root, &words(command))?;
                ensure!(output.code == 0, "{command} on {}: {}{}", kind.name(), output.stdout, output.stderr);
                disk.acknowledge(trees.len());
                let tree = world.trees.expected(*release, bundles)?;
                let differences = tree.differences(&tree_of(&root)?);
                if !differences.is_empty() {
                    bail!("{command} on {} did not end at its target: {differences}", kind.name());
                }
                trees.push(Held { command: Some(command), repaired: tree.clone(), tree, kept: kept()? });
            }
            Step::Damage(path) => {
                fs::remove_file(root.join(path)).with_context(|| format!("cannot remove {path}"))?;
                sync(&root)?;
                disk.acknowledge(trees.len());
                let repaired = trees.last().context("there is a first tree")?.repaired.clone();
                trees.push(Held { command: None, tree: tree_of(&root)?, repaired, kept: kept()? });
            }
        }
    }
    // Taken before the file system is unmounted, which writes everything.
    let log = disk.log();
    drop(mount);
    Ok(Recording { image: start, log, trees })
}

fn sync(directory: &Path) -> Result<()> {
    let directory = fs::File::open(directory).context("cannot open the root")?;
    rustix::fs::syncfs(directory).context("cannot sync the file system")
}
