//! `cargo xtask crash-test power`: transitions on a disk whose power is cut at any instant.
//!
//! ```text
//! record   a disk that remembers (a FUSE file beneath a loop device) carries ext4, xfs or btrfs, and on it a machine
//!          moves through every kind of transition; each write and flush is logged, and when the client reported success
//! cut      the disk as a power cut would have left it: see `replay`
//! boot     it is mounted, so its journal is replayed; the judge compares the tree with the trees of the recording
//! go on    the client's repair must succeed and end at the release that the tree is of
//! ```
//!
//! **Promises** that a tree is told torn when it is neither the one that was last acknowledged nor the next, and lost when
//! it is an older one. Half of the cuts are near the end of a transition: elsewhere the next tree is hardly ever there.
//! **Needs** root, `/dev/fuse`, loop devices and the tools of the three file systems. Everything is mounted in a mount
//! namespace of its own, which ends with the process. A failure is repeated by its seed.

mod disk;
mod filesystem;
mod record;
mod replay;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::world::{World, tree_of, words};
use crate::judge::Tree;
use crate::programs::{Outcome, Programs};
use filesystem::Kind;
pub use filesystem::missing;
use record::{LeftOut, Recording, record};
use replay::{Cut, Near, acknowledged, cuts, durable, leftovers};

/// Where and how often the power is cut.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Only this file system.
    #[arg(long, value_name = "NAME")]
    pub filesystem: Option<Kind>,
    /// So many cuts on each file system; a tenth of that, and 50 at least, for each control.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub points: usize,
    /// Which cuts.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Build the programs with optimisations.
    #[arg(long)]
    pub release: bool,
}

/// How the cuts of one recording ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    /// The tree was the one that was last acknowledged.
    acknowledged: usize,
    /// The tree was the next one.
    next: usize,
    /// The tree was neither.
    torn: usize,
    /// The tree was an older one.
    lost: usize,
    /// The tree was right, but the client did not go on from there.
    stuck: usize,
}

/// Set in the process that has a mount namespace of its own.
const INSIDE: &str = "XTASK_CRASH_TEST_INSIDE";
/// So many cuts at least for each control.
const CONTROLS: usize = 50;

/// Builds the programs, records on each file system, and cuts the power.
///
/// # Errors
/// When a promise is broken, when a control finds nothing, or when something that is needed is missing.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    if let Some(missing) = missing() {
        anyhow::bail!("power cuts need root, FUSE, loop devices and three file systems: {missing}");
    }
    if std::env::var_os(INSIDE).is_none() {
        let this = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]).arg(this).args(std::env::args_os().skip(1));
        let status = command.env(INSIDE, "1").status().context("cannot start unshare")?;
        ensure!(status.success(), "power cuts: failed");
        return Ok(());
    }
    let world = World::new(Programs::build(checkout, options.release)?, checkout)?;
    let kinds = options.filesystem.map_or(Kind::ALL.to_vec(), |kind| vec![kind]);
    let mut failures = Vec::new();
    for kind in kinds {
        for left_out in [LeftOut::Nothing, LeftOut::Trees, LeftOut::After] {
            let begun = Instant::now();
            let recording = record(&world, kind, left_out)?;
            let count = match left_out {
                LeftOut::Nothing => options.points,
                LeftOut::Trees | LeftOut::After => (options.points / 10).max(CONTROLS),
            };
            let tally = cut_all(&world, kind, left_out, &recording, count, options.seed)?;
            let (name, seconds) = (kind.name(), begun.elapsed().as_secs_f64());
            let what = match left_out {
                LeftOut::Nothing => "as it is",
                LeftOut::Trees => "control, no sync of the trees",
                LeftOut::After => "control, no sync after the exchange",
            };
            let Tally { acknowledged, next, torn, lost, stuck } = tally;
            println!(
                "{name}, {what}: {count} cuts of {} records, seed {}, {seconds:.0} s: {acknowledged} as acknowledged, \
                 {next} the next, {torn} torn, {lost} lost, {stuck} stuck",
                recording.log.len(),
                options.seed,
            );
            let as_it_should = match left_out {
                LeftOut::Nothing => torn + lost + stuck == 0,
                LeftOut::Trees => torn > 0,
                LeftOut::After => lost > 0,
            };
            if !as_it_should {
                failures.push(format!("{name}, {what}"));
            }
        }
    }
    ensure!(failures.is_empty(), "not as it should be: {}", failures.join("; "));
    Ok(())
}

fn cut_all(
    world: &World,
    kind: Kind,
    left_out: LeftOut,
    recording: &Recording,
    count: usize,
    seed: u64,
) -> Result<Tally> {
    let directory = world.directory()?;
    fs::create_dir(directory.path().join("mounted"))?;
    let (mut image, mut applied) = (recording.image.clone(), 0);
    let mut tally = Tally::default();
    // What is left out is looked for where it shows.
    let near = if left_out == LeftOut::After { Near::After } else { Near::Before };
    for cut in cuts(&recording.log, count, seed, near) {
        let durable = durable(&recording.log, cut);
        for record in &recording.log[applied.min(durable)..durable] {
            if let disk::Record::Write(offset, bytes) = record {
                image.write(*offset, bytes);
            }
        }
        applied = applied.max(durable);
        let mut cut_off = image.clone();
        for (offset, bytes) in leftovers(&recording.log[durable..cut.at], cut.seed, kind.sector()) {
            cut_off.write(offset, bytes);
        }
        let disk = directory.path().join("disk");
        cut_off.save(&disk)?;
        let told = boot(world, kind, recording, cut, &disk, &mut tally);
        if let (Err(what), LeftOut::Nothing) = (&told, left_out) {
            println!("BROKEN {} cut at {} with seed {}: {what}", kind.name(), cut.at, cut.seed);
        }
    }
    Ok(tally)
}

/// Mounts what a cut left, judges it and lets the client go on.
fn boot(
    world: &World,
    kind: Kind,
    recording: &Recording,
    cut: Cut,
    disk: &Path,
    tally: &mut Tally,
) -> Result<(), String> {
    let said = |error: anyhow::Error| format!("{error:#}");
    let at = disk.with_file_name("mounted");
    let mount = kind.mount_file(disk, &at).map_err(|error| {
        tally.torn += 1;
        said(error)
    })?;
    let root = mount.at.join("root");
    let found = tree_of(&root).map_err(|error| {
        tally.torn += 1;
        said(error)
    })?;
    let last = acknowledged(&recording.log, cut);
    // The time of the top is set after the exchange, see `switch`: only the run that goes on must have it right.
    let beneath = |tree: &Tree| tree.clone().filtered(|path| path != Path::new("usr"));
    let found = beneath(&found);
    let differences = |number: usize| beneath(&recording.trees[number].tree).differences(&found);
    let is = |number: &usize| differences(*number).is_empty();
    let mut allowed = [last, last + 1].into_iter().filter(|number| *number < recording.trees.len());
    let Some(number) = allowed.find(is) else {
        if (0..last).any(|number| is(&number)) {
            tally.lost += 1;
            return Err(format!("transition {last} was acknowledged and is lost"));
        }
        tally.torn += 1;
        return Err(format!("torn after {last}: {}", differences(last)));
    };
    *if number == last { &mut tally.acknowledged } else { &mut tally.next } += 1;
    let repaired = world.programs.client(&root, words("repair")).and_then(Outcome::success);
    let ended = repaired.and_then(|_| tree_of(&root)).map_err(|error| {
        tally.stuck += 1;
        said(error)
    })?;
    let differences = recording.trees[number].repaired.differences(&ended);
    if !differences.is_empty() {
        tally.stuck += 1;
        return Err(format!("after the next run: {differences}"));
    }
    Ok(())
}
