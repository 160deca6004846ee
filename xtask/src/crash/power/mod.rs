//! `cargo xtask crash-test power`: transitions on a disk whose power is cut at any instant.
//!
//! ```text
//! record   a disk that remembers (a FUSE file beneath a loop device) carries ext4, xfs or btrfs, and on it a machine
//!          moves through every kind of transition; each write and flush is logged, and when the client reported success
//! cut      the disk as a power cut would have left it: see `replay`
//! boot     it is mounted, so its journal is replayed; the judge compares the tree with the trees of the recording
//! go on    the transition that was interrupted, done again, must end at its target; for every second cut, and where the
//!          tree is the target, a repair must end at the release that the tree is of
//! ```
//!
//! **Promises** that a tree is told torn when it is neither the one that was last acknowledged nor the next, and lost when
//! it is an older one. Half of the cuts are near the end of a transition: elsewhere the next tree is hardly ever there.
//! **Needs** root, `/dev/fuse`, loop devices and the tools of the three file systems. Everything is mounted in a mount
//! namespace of its own, which ends with the process. A failure is repeated by its seed.

mod attempt;
mod disk;
mod filesystem;
mod record;
mod replay;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::Build;
use super::world::World;
use crate::log::Log;
use attempt::{Attempt, Tally};
use filesystem::Kind;
pub use filesystem::missing;
use record::{LeftOut, record};

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
    /// So many cuts at the same time.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub jobs: usize,
    /// Note each cut here; cuts of the seed that are noted here already count.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Which programs are tried.
    #[command(flatten)]
    pub build: Build,
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
    if !is_inside()? {
        return Ok(());
    }
    let world = World::new(options.build.programs(checkout)?, checkout)?;
    let log = Log::open("power", options.log.as_deref())?;
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
            let (name, what) = (kind.name(), left_out.told());
            let subject = format!("{name}, {what}, seed {}", options.seed);
            let (recording, log, subject) = (&recording, &log, subject.as_str());
            let tells = left_out == LeftOut::Nothing;
            let cutting = Attempt { world: &world, kind, left_out, recording, log, subject, tells };
            let tally = cutting.all(count, options)?;
            let seconds = begun.elapsed().as_secs_f64();
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

/// Whether this process has a mount namespace of its own. Where it has none, the same command has been run in one.
///
/// # Errors
/// When something that is needed is missing, or that command failed.
pub(super) fn is_inside() -> Result<bool> {
    if let Some(missing) = missing() {
        anyhow::bail!("power cuts need root, FUSE, loop devices and three file systems: {missing}");
    }
    if std::env::var_os(INSIDE).is_some() {
        return Ok(true);
    }
    let this = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(this).args(std::env::args_os().skip(1));
    let status = command.env(INSIDE, "1").status().context("cannot start unshare")?;
    ensure!(status.success(), "power cuts: failed");
    Ok(false)
}

/// How many of some cuts on ext4 broke a promise of the programs of that world, which are as they are.
///
/// # Errors
/// When they cannot be tried.
pub(super) fn broken(world: &World, options: &Options) -> Result<usize> {
    let recording = record(world, Kind::Ext4, LeftOut::Nothing)?;
    let (kind, left_out, log) = (Kind::Ext4, LeftOut::Nothing, Log::open("power", None)?);
    let (recording, log, subject) = (&recording, &log, "ext4, planted");
    let cutting = Attempt { world, kind, left_out, recording, log, subject, tells: false };
    let tally = cutting.all(options.points, options)?;
    Ok(tally.torn + tally.lost + tally.stuck)
}
