//! The machines that the crash tests start from, and where each transition must lead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};

use crate::judge::Tree;
use crate::programs::{Programs, Server};
use crate::publication::{Input, Publication};
use crate::scratch;
use crate::trees::Trees;

/// A publication of the small OS and machines that follow it.
pub struct World {
    /// The programs under test.
    pub programs: Programs,
    /// The trees that were published.
    pub trees: Trees,
    /// What is tried.
    pub transitions: Vec<Transition>,
    scratch: tempfile::TempDir,
    /// Held: the machines ask it.
    _server: Server,
}

/// One way of a machine from a tree to a tree.
pub struct Transition {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The root of the machine that it starts from; every try has a copy.
    pub base: PathBuf,
    /// The client's arguments.
    pub command: Vec<String>,
    /// The command that goes on when the machine is at the target already: the same where that may be said twice.
    pub again: Vec<String>,
    /// When that machine had been made.
    pub made: SystemTime,
    /// The tree before.
    pub before: Tree,
    /// The tree that is kept beside it for a rollback, as long as the target is not reached; none when there is none, or the
    /// transition is a rollback, which works on it: its next run shows what has become of that.
    pub kept: Option<Tree>,
    /// The tree after.
    pub target: Tree,
    /// The tree that a rollback leads to afterwards; none when there was no release before.
    pub previous: Option<Tree>,
}

/// A bundle of the small OS.
pub const COMPUTE: &str = "openstack-compute";
/// Another.
pub const EDITORS: &str = "editors";
/// Where a machine keeps the release before.
pub const PREVIOUS: &str = ".stateless-update/previous";
/// Where it brings a tree to the target.
pub const NEXT: &str = ".stateless-update/next";

impl World {
    /// Publishes the small OS twice and makes the machines.
    ///
    /// # Errors
    /// When a program fails at that.
    pub fn new(programs: Programs, checkout: &Path) -> Result<Self> {
        let scratch = tempfile::tempdir_in(scratch::place()).context("cannot make a temporary directory")?;
        let trees = Trees::small(checkout, scratch.path())?;
        let publication = Publication::init(&programs, scratch.path(), None)?;
        for version in trees.releases {
            let input = Input { version, definitions: &trees.definitions, trees: &trees.of(version) };
            publication.release(&programs, input, &[])?.success()?;
        }
        let server = programs.serve(&publication.path)?;
        let maker = Maker { programs: &programs, trees: &trees, server: &server, publication, work: scratch.path() };
        let transitions = maker.transitions()?;
        Ok(Self { programs, trees, transitions, scratch, _server: server })
    }

    /// A new directory, gone when dropped.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn directory(&self) -> Result<tempfile::TempDir> {
        tempfile::tempdir_in(self.scratch.path()).context("cannot make a temporary directory")
    }
}

/// Copies a directory as it is: modes, owners, times, attributes, and which names are one inode.
///
/// # Errors
/// When it cannot be copied.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-a").arg("-T").args([from, to]).status().context("cannot start cp")?;
    ensure!(status.success(), "{} cannot be copied", from.display());
    Ok(())
}

/// A copy of the machine that a transition starts from.
///
/// # Errors
/// When it cannot be copied.
pub fn twin(transition: &Transition, directory: &Path) -> Result<PathBuf> {
    let root = directory.join("root");
    copy(&transition.base, &root)?;
    Ok(root)
}

/// One of the trees beside the live one, with its record; none when there is none.
///
/// # Errors
/// When it cannot be read.
pub fn beside(root: &Path, slot: &str) -> Result<Option<Tree>> {
    let tree = root.join(slot);
    if tree.exists() { Tree::read(&tree).map(Some) } else { Ok(None) }
}

/// The tree of a machine; empty when there is none.
///
/// # Errors
/// When it cannot be read.
pub fn tree_of(root: &Path) -> Result<Tree> {
    if root.join("usr").exists() { Tree::of_machine(root) } else { Ok(Tree::default()) }
}

struct Maker<'a> {
    programs: &'a Programs,
    trees: &'a Trees,
    server: &'a Server,
    publication: Publication,
    work: &'a Path,
}

impl Maker<'_> {
    fn transitions(&self) -> Result<Vec<Transition>> {
        let empty = self.machine("empty")?;
        let install = self.install_command(&[COMPUTE]);
        let installed = self.machine("installed")?;
        self.run(&installed, &install)?;
        // A machine with all three trees: live 10, previous 20, next 10.
        let settled = self.twin(&installed, "settled")?;
        self.run(&settled, &words("update"))?;
        self.run(&settled, &words("update --version 10"))?;
        let carrying = self.twin(&settled, "carrying")?;
        for path in ["usr/local/bin/mine", "usr/src/mine.c"] {
            let path = carrying.join(path);
            fs::create_dir_all(path.parent().context("it lies in a directory")?)?;
            fs::write(path, "mine")?;
        }
        let damaged = self.damaged(&installed)?;
        let exchanged = self.killed(&settled, "exchanged", "syncfs", 2)?;
        let announced = self.killed(&settled, "announced", "renameat2", 1)?;
        let neglected = self.neglected(&settled)?;

        let release = |version, bundles: &[&str]| self.trees.expected(version, bundles);
        let (ten, twenty) = (release(10, &[COMPUTE])?, release(20, &[COMPUTE])?);
        let mine = tree_of(&carrying)?.filtered(|path| path.starts_with("usr/local") || path.starts_with("usr/src"));
        let made =
            |name, base: &Path, command: &str, again: &str, target: Tree, previous: Tree| -> Result<Transition> {
                let (base, before) = (base.to_owned(), tree_of(base)?);
                let kept = if command == "rollback" { None } else { beside(&base, PREVIOUS)? };
                let (command, again, made) = (words(command), words(again), SystemTime::now());
                Ok(Transition { name, base, made, command, again, before, kept, target, previous: Some(previous) })
            };
        let whole = "repair";
        Ok(vec![
            Transition {
                name: "os-install",
                base: empty,
                made: SystemTime::now(),
                command: install,
                again: words("repair"),
                before: Tree::default(),
                kept: None,
                target: ten.clone(),
                previous: None,
            },
            made("update", &settled, "update", "update", twenty.clone(), ten.clone())?,
            made("first-update", &installed, "update", "update", twenty.clone(), ten.clone())?,
            made("carry", &carrying, "update", "update", twenty.clone().with(mine.clone()), ten.clone().with(mine))?,
            made("bundle-add", &settled, "bundle-add editors", whole, release(10, &[COMPUTE, EDITORS])?, ten.clone())?,
            made("bundle-remove", &settled, "bundle-remove openstack-compute", whole, release(10, &[])?, ten.clone())?,
            made("repair", &damaged, "repair", "repair", release(20, &[COMPUTE, EDITORS])?, twenty.clone())?,
            made("rollback", &settled, "rollback", whole, twenty.clone(), ten.clone())?,
            made("mending-rollback", &neglected, "rollback", whole, twenty.clone(), ten.clone())?,
            made("recovery", &exchanged, "recover", "repair", twenty.clone(), ten.clone())?,
            made("unannounced", &announced, "update", "update", twenty, ten)?,
        ])
    }

    /// A machine at 20 that was at 10, with a file overwritten that both trees share, one gone and one too many.
    fn damaged(&self, installed: &Path) -> Result<PathBuf> {
        let root = self.twin(installed, "damaged")?;
        self.run(&root, &words("update"))?;
        self.run(&root, &words("bundle-add editors"))?;
        fs::write(root.join("usr/bin/qemu-system"), "overwritten in place")?;
        fs::write(root.join("usr/lib/os-release"), "overwritten in place")?;
        fs::remove_file(root.join("usr/bin/sshd"))?;
        fs::write(root.join("usr/bin/stray"), "stray")?;
        Ok(root)
    }

    /// A machine whose previous tree, at 20, has a file that is damaged, one gone and one too many.
    fn neglected(&self, settled: &Path) -> Result<PathBuf> {
        let root = self.twin(settled, "neglected")?;
        let previous = root.join(PREVIOUS);
        // New inodes: those that were there are the live tree's too.
        fs::remove_file(previous.join("bin/hello"))?;
        fs::write(previous.join("bin/hello"), "damaged")?;
        fs::remove_file(previous.join("lib/sysusers.d/basic.conf"))?;
        fs::write(previous.join("bin/stray"), "stray")?;
        Ok(root)
    }

    /// A machine whose update was killed at a call.
    fn killed(&self, from: &Path, name: &str, call: &str, when: usize) -> Result<PathBuf> {
        let root = self.twin(from, name)?;
        let point = super::Point { call: call.to_owned(), when, fault: super::Fault::Kill };
        let prefix = super::trace::disturbing(Path::new("/dev/null"), &point);
        let output = self.programs.client_output(&prefix, &root, &words("update"))?;
        ensure!(output.code > 127 && root.join(".stateless-update/journal").exists(), "the update was not killed");
        Ok(root)
    }

    fn machine(&self, name: &str) -> Result<PathBuf> {
        let root = self.work.join("machines").join(name);
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Ok(root)
    }

    fn twin(&self, from: &Path, name: &str) -> Result<PathBuf> {
        let root = self.machine(name)?;
        copy(from, &root)?;
        Ok(root)
    }

    fn run(&self, root: &Path, command: &[String]) -> Result<()> {
        self.programs.client(root, command)?.success()?;
        Ok(())
    }

    fn install_command(&self, bundles: &[&str]) -> Vec<String> {
        let mut command = words("os-install --version 10");
        let trust = self.publication.trust().to_string_lossy().into_owned();
        command.extend(["--url".to_owned(), self.server.url.clone(), "--trust".to_owned(), trust]);
        command.extend(bundles.iter().flat_map(|bundle| ["--bundle".to_owned(), (*bundle).to_owned()]));
        command
    }
}

/// What the client is told in all runs: one worker of each kind, so that it is one thread that changes the trees; and not to
/// wait long for an origin that lies beside it, where an error keeps a thread from hearing of an answer.
const ALWAYS: [&str; 8] = ["--jobs", "1", "--max-parallel-downloads", "1", "--timeout", "10", "--retry-delay", "0"];

/// The arguments in a command, with those of all runs.
pub fn words(command: &str) -> Vec<String> {
    command.split(' ').chain(ALWAYS).map(str::to_owned).collect()
}
