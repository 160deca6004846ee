//! `cargo xtask look-test`: readers open, read and run files of `usr` while it goes back and forth between two releases.
//!
//! A look opens `usr` once and reads two files in it, each of which names its release: they must agree. One in fifty looks
//! holds `usr` open until further transitions are done before it reads the second file, and a third of the others runs a
//! program of the tree on both files. Whoever opened a tree keeps it as it was, however long that takes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use rustix::fs::{Mode, OFlags};

use crate::programs::{Outcome, Programs};
use crate::publication::{Input, Publication};

/// How long to look.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// So many looks at least.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub looks: usize,
    /// And so many transitions at least.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub transitions: usize,
    /// Build the programs with optimisations.
    #[arg(long)]
    pub release: bool,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// Looks, by the release that both files named.
    pub seen: BTreeMap<String, usize>,
    /// Looks that held `usr` open during a transition.
    pub held: usize,
    /// Looks that ran a program.
    pub ran: usize,
    /// Transitions meanwhile.
    pub transitions: usize,
    /// Looks whose files did not agree.
    pub mixed: Vec<String>,
}

const RELEASES: [u32; 2] = [10, 20];
const FILES: [&str; 2] = ["share/look/one", "share/look/two"];
/// Each is a transition from where the one before leads.
const COMMANDS: [&[&str]; 4] = [&["update"], &["rollback"], &["update"], &["update", "--version", "10"]];
const READERS: usize = 2;
/// One look in so many holds `usr` open,
const ONE_HOLDS: usize = 50;
/// for so many transitions at most: in the third, the tree would be edited.
const HELD_FOR: usize = 4;

/// Builds the programs and looks.
///
/// # Errors
/// When a mix was seen, or nothing could be tried.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    let tally = watch(&Programs::build(checkout, options.release)?, options)?;
    println!("{tally}");
    ensure!(tally.mixed.is_empty(), "a mix of releases was seen: {}", tally.mixed.join("; "));
    Ok(())
}

/// Moves a machine back and forth, and looks.
///
/// # Errors
/// When a program fails. Mixes are in the tally.
pub fn watch(programs: &Programs, options: &Options) -> Result<Tally> {
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    let root = machine(programs, work.path())?;
    let watch = Watch {
        usr: root.join("usr"),
        options,
        ended: AtomicBool::new(false),
        tally: Mutex::default(),
        moved: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(|| watch.read())).collect();
        let moved = watch.transitions(programs, &root);
        // Whatever happened, nobody waits for another transition.
        watch.ended.store(true, Ordering::Relaxed);
        watch.count(|_| ());
        readers.into_iter().try_for_each(|reader| reader.join().expect("a reader does not panic"))?;
        moved
    })?;
    Ok(watch.tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

struct Watch<'a> {
    usr: PathBuf,
    options: &'a Options,
    /// There are no further transitions.
    ended: AtomicBool,
    tally: Mutex<Tally>,
    /// Tells that a transition is done.
    moved: Condvar,
}

impl Watch<'_> {
    fn transitions(&self, programs: &Programs, root: &Path) -> Result<()> {
        for command in COMMANDS.iter().cycle() {
            if self.count(|tally| tally.is_enough(self.options)) {
                return Ok(());
            }
            programs.client(root, *command).and_then(Outcome::success)?;
            self.count(|tally| tally.transitions += 1);
        }
        Ok(())
    }

    fn count<T>(&self, change: impl FnOnce(&mut Tally) -> T) -> T {
        let changed = change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
        changed
    }

    fn read(&self) -> Result<()> {
        let mut number = 0;
        while !self.ended.load(Ordering::Relaxed) {
            number += 1;
            let usr = rustix::fs::open(&self.usr, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            let (holds, runs) = (number % ONE_HOLDS == 1, number % 3 == 2);
            let (one, two) = if holds {
                let one = content(&usr, FILES[0])?;
                self.wait(number / ONE_HOLDS % HELD_FOR + 1);
                (one, content(&usr, FILES[1])?)
            } else if runs {
                ran(&usr)?
            } else {
                (content(&usr, FILES[0])?, content(&usr, FILES[1])?)
            };
            self.count(|tally| {
                match one == two {
                    true => *tally.seen.entry(one).or_default() += 1,
                    false => tally.mixed.push(format!("{one:?} beside {two:?}")),
                }
                tally.held += usize::from(holds);
                tally.ran += usize::from(runs && !holds);
            });
        }
        Ok(())
    }

    /// Waits for so many transitions from now on.
    fn wait(&self, transitions: usize) {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let then = tally.transitions + transitions;
        let goes_on = |tally: &mut Tally| tally.transitions < then && !self.ended.load(Ordering::Relaxed);
        drop(self.moved.wait_while(tally, goes_on));
    }
}

impl Tally {
    fn is_enough(&self, options: &Options) -> bool {
        let looks: usize = self.seen.values().sum();
        looks + self.mixed.len() >= options.looks && self.transitions >= options.transitions
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen: Vec<String> = self.seen.iter().map(|(release, count)| format!("{count} at {release}")).collect();
        let Self { held, ran, transitions, mixed, .. } = self;
        let (seen, mixed) = (seen.join(", "), mixed.len());
        write!(f, "looks: {seen}; {held} held the tree, {ran} ran a program; {transitions} transitions, {mixed} mixed")
    }
}

fn content(usr: &OwnedFd, path: &str) -> Result<String> {
    let mut text = String::new();
    File::from(rustix::fs::openat(usr, path, OFlags::CLOEXEC, Mode::empty())?).read_to_string(&mut text)?;
    Ok(text)
}

/// Both files as a program of the tree reads them.
fn ran(usr: &OwnedFd) -> Result<(String, String)> {
    let inside = format!("/proc/self/fd/{}", usr.as_raw_fd());
    let output = Command::new("./bin/show").args(FILES).current_dir(inside).output().context("cannot run bin/show")?;
    let text = String::from_utf8(output.stdout)?;
    let (one, two) = text.split_once('.').with_context(|| format!("bin/show said {text:?}"))?;
    Ok((format!("{one}."), two.to_owned()))
}

/// A machine at release 10 of two, in which much changes.
fn machine(programs: &Programs, work: &Path) -> Result<PathBuf> {
    let (definitions, root) = (work.join("definitions"), work.join("root"));
    fs::create_dir(&definitions)?;
    fs::create_dir(&root)?;
    fs::write(definitions.join("os-core.toml"), "title = \"Core\"\n")?;
    let publication = Publication::init(programs, work, None)?;
    for version in RELEASES {
        let trees = work.join(version.to_string());
        let usr = trees.join("os-core/usr");
        for directory in ["bin", "share/look", "share/filler"] {
            fs::create_dir_all(usr.join(directory))?;
        }
        for path in FILES {
            fs::write(usr.join(path), format!("{version}."))?;
        }
        for number in 0..60 {
            let path = usr.join("share/filler").join(number.to_string());
            fs::write(path, format!("{version} {number}\n").repeat(100))?;
        }
        // A program with its release behind it, where nothing reads it.
        fs::copy("/bin/cat", usr.join("bin/show"))?;
        File::options().append(true).open(usr.join("bin/show"))?.write_all(version.to_string().as_bytes())?;
        publication.release(programs, Input { version, definitions: &definitions, trees: &trees }, &[])?.success()?;
    }
    let (origin, trust) = (publication.path.display().to_string(), publication.trust().display().to_string());
    let install = ["os-install", "--version", "10", "--url", &origin, "--trust", &trust];
    programs.client(&root, install).and_then(Outcome::success)?;
    Ok(root)
}
