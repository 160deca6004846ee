//! `cargo xtask bench`: what publisher and client need on real trees, beside what is to be reached and what others need.
//!
//! Bytes and requests are counted by the server's log, not by the client; processor time and memory by the kernel. Time on
//! the clock is only good for comparison within one run. Every tree that the client makes is judged, so nothing is
//! measured that is wrong.

mod floor;
mod goals;
mod input;
mod machine;
mod origin;
mod parts;
mod peers;
mod ratio;
mod report;
mod table;
mod usage;
mod writes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::cargo::{self, cargo};
use crate::demo::grouped;
use crate::judge;
use crate::programs::Programs;
use crate::publication::Publication;
use crate::trees::{Trees, absolute};
use machine::{Machine, Measures};
use origin::Origin;
use parts::{Bench, Part, Served};
use ratio::Ratio;
use report::Report;
pub use usage::{Measured, in_between};

/// What the bench can be told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Real trees: DIR/VERSION/BUNDLE/usr/...; they are only read.
    #[arg(long, value_name = "DIR")]
    trees: PathBuf,
    /// A publication of these trees that has both releases, instead of publishing them; it is only read.
    #[arg(long, value_name = "REPO")]
    publication: Option<PathBuf>,
    /// The older release.
    #[arg(long, value_name = "V", default_value_t = 10)]
    from: u32,
    /// The newer release.
    #[arg(long, value_name = "V", default_value_t = 20)]
    to: u32,
    /// How hard the publisher compresses (its own --level).
    #[arg(long, value_name = "N", conflicts_with = "publication")]
    level: Option<u32>,
    /// How hard it compresses packs from nothing, which take most of the time (its own --level-from-nothing).
    #[arg(long, value_name = "N", conflicts_with = "publication")]
    level_from_nothing: Option<u32>,
    /// Measure only these parts, for runs that must be short; all but `peers` unless given.
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    only: Vec<Part>,
    /// Measure the same step by other systems too, as far as they are installed.
    #[arg(long)]
    peers: bool,
    /// Programs that are built already, instead of building them with optimisations.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Work beneath this directory instead of cargo's; on the trees' file system files are shared, not copied.
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Write what was found as a section of Markdown.
    #[arg(long, value_name = "FILE.md")]
    output: Option<PathBuf>,
}

/// Runs the bench; everything it made but the output is gone afterwards.
///
/// # Errors
/// When a step fails or its tree is not what was published. That a goal is not reached is no error.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    ensure!(options.from < options.to, "--from must be the older release");
    // This program lies in TARGET/PROFILE, wherever cargo was told to put that.
    let this = std::env::current_exe().context("cannot find this program")?;
    let target = this.ancestors().nth(2).context("this program does not lie in cargo's target directory")?;
    // What is not there is told before anything is built.
    let beneath = absolute(options.work.as_deref().unwrap_or(target))?;
    absolute(&options.trees)?;
    let programs = match &options.programs {
        Some(directory) => Programs::in_directory(&absolute(directory)?),
        None => build(checkout, target)?,
    };
    let work = tempfile::Builder::new().prefix("bench-").tempdir_in(beneath).context("cannot make a directory")?;
    let path = work.path().to_owned();
    ctrlc::set_handler(move || {
        eprintln!("interrupted");
        // The process ends here; what cannot be removed is named after what made it.
        _ = fs::remove_dir_all(&path);
        std::process::exit(130);
    })?;
    let report = in_directory(options, &programs, work.path())?;
    println!();
    for goal in &report.goals {
        println!("{}", goal.line());
    }
    println!("The goals are set for the full corpus.");
    if let Some(output) = &options.output {
        fs::write(output, report.markdown()).with_context(|| format!("cannot write {}", output.display()))?;
    }
    Ok(())
}

fn in_directory(options: &Options, programs: &Programs, work: &Path) -> Result<Report> {
    let mut report = Report { machine: report::machine(work)?, command: options.told(), ..Report::default() };
    println!("{}", report.machine);
    if !judge::compares_owners() {
        report.notes.push("not run by root, so owners are neither set nor compared".to_owned());
    }
    let given = absolute(&options.trees)?;
    let releases = [options.from, options.to];
    let trees = match &options.publication {
        Some(_) => Trees::of_releases(&given, releases, work)?,
        None => input::with_tiny(&given, releases, work)?,
    };
    report.input = told(&trees)?;
    println!("{}", report.input);
    let mut measures = Measures::default();
    let level = options.level();
    let bench = Bench { programs, given: &given, releases, level: &level, work };
    if [Part::Machine, Part::Bytes, Part::TwoBundles].iter().any(|part| options.measures(*part)) {
        of_one_publication(options, &bench, &trees, &mut report, &mut measures)?;
    }
    if options.measures(Part::Line) {
        bench.line(&mut measures)?;
    }
    if options.measures(Part::DeltaPacks) {
        println!("\n{}", table::head("publisher"));
        report.publisher.extend(bench.delta_packs(&mut measures, &trees)?);
    }
    if options.measures(Part::Peers) {
        println!("\n{}", table::head("peer"));
        let (peers, notes) = peers::measure_all(programs, &given, &trees, work)?;
        if let Some(update) = &measures.update {
            report.ratios = ratio::ratios(&peers, update, measures.delta_packs.as_ref());
            println!("\n{}", Ratio::head());
            report.ratios.iter().for_each(|ratio| println!("{}", ratio.line()));
        }
        report.peers = peers.into_iter().map(|peer| peer.row).collect();
        report.notes.extend(notes);
    }
    report.goals = goals::goals(&measures);
    report.client = measures.rows;
    report.notes.extend(measures.notes);
    Ok(report)
}

/// The parts that share a publication of all bundles: it is made, or was given.
fn of_one_publication(
    options: &Options,
    bench: &Bench<'_>,
    trees: &Trees,
    report: &mut Report,
    measures: &mut Measures,
) -> Result<()> {
    let Bench { programs, work, .. } = *bench;
    let [from, to] = trees.releases;
    let publication = match &options.publication {
        Some(publication) => input::copy_of(&absolute(publication)?, work)?,
        None => Publication::init(programs, work, None)?,
    };
    let publish = |release: u32, report: &mut Report| -> Result<()> {
        if options.publication.is_none() {
            let row = input::publish(programs, &publication, trees, release, &options.levels(), work)?;
            println!("{}", row.line());
            report.publisher.push(row);
        }
        Ok(())
    };
    println!("\n{}", table::head("publisher"));
    publish(from, report)?;
    let origin = Origin::serve(programs, &publication.path, &work.join("origin"))?;
    report.origin = origin.name;
    let machine = Machine { programs, trees, publication: &publication, origin: &origin, work: work.join("machine") };
    println!("\n{}", table::head("client"));
    if options.measures(Part::Machine) {
        fs::create_dir(&machine.work)?;
        machine.install(measures)?;
        measures.install = measures.rows.last().cloned();
    }
    // Only now, so that the machine has seen nothing of the newer release before it looks for one.
    publish(to, report)?;
    if options.publication.is_some() && input::sign_again(programs, &publication)? {
        measures.note(
            "the publication had both releases before the machine was made: of the newer, the update read the timestamp \
             again and found the other metadata in its cache"
                .to_owned(),
        );
    }
    if options.measures(Part::Machine) {
        machine.story(measures)?;
    }
    let served = Served { trees, publication: &publication, origin: &origin };
    if options.measures(Part::Bytes) {
        bench.for_bytes(measures, &served)?;
    }
    if options.measures(Part::TwoBundles) {
        bench.two_bundles(measures, &served)?;
    }
    report.notes.extend(input::sizes(&publication.path)?.into_iter().map(|part| format!("published {part}")));
    Ok(())
}

/// What `cargo xtask floor` does: walks a directory, reads and hashes every file, and says how much that was.
///
/// # Errors
/// When something cannot be read.
pub fn floor(directory: &Path) -> Result<()> {
    let floor::Scanned { files, bytes } = floor::scan(directory)?;
    println!("{} files, {} bytes", grouped(files), grouped(bytes));
    Ok(())
}

fn build(checkout: &Path, target: &Path) -> Result<Programs> {
    println!("building the programs with optimisations");
    let mut command = cargo(checkout);
    command.args(["build", "--quiet", "--release", "--package", "stateless-update", "--bins"]);
    cargo::succeeds(&mut command, "the programs cannot be built")?;
    Ok(Programs::in_directory(&target.join("release")))
}

/// What the input consists of; what several bundles have counts once.
fn told(trees: &Trees) -> Result<String> {
    let [from, to] = trees.releases;
    let bundles = trees.bundles()?;
    let mut files = BTreeMap::new();
    for bundle in &bundles {
        collect(&trees.of(to).join(bundle), Path::new(""), &mut files)?;
    }
    let (count, bytes) = (grouped(files.len() as u64), grouped(files.values().sum()));
    Ok(format!("{from} -> {to} of {}: {count} files and links, {bytes} bytes in {to}", bundles.join(", ")))
}

/// The size of every file beneath a directory, by its path; nothing where there is no directory.
fn collect(root: &Path, beneath: &Path, files: &mut BTreeMap<PathBuf, u64>) -> Result<()> {
    let directory = root.join(beneath);
    if !directory.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let (metadata, path) = (entry.metadata()?, beneath.join(entry.file_name()));
        if metadata.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.insert(path, if metadata.is_file() { metadata.len() } else { 0 });
        }
    }
    Ok(())
}

/// Where a program is, if it is installed.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers lie where only root looks for programs.
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    directories.map(|directory| directory.join(name)).find(|path| path.is_file())
}

impl Options {
    /// Whether a part is to be measured.
    fn measures(&self, part: Part) -> bool {
        if part == Part::Peers && self.peers {
            return true;
        }
        if self.only.is_empty() { part != Part::Peers } else { self.only.contains(&part) }
    }

    /// What the publisher is told about compression.
    fn levels(&self) -> Vec<String> {
        let from_nothing = self.level_from_nothing.map(|level| ["--level-from-nothing".to_owned(), level.to_string()]);
        self.level().into_iter().chain(from_nothing.into_iter().flatten()).collect()
    }

    /// The same without what packs from nothing are to be like.
    fn level(&self) -> Vec<String> {
        self.level.map(|level| vec!["--level".to_owned(), level.to_string()]).unwrap_or_default()
    }

    /// The command, with names for directories.
    fn told(&self) -> String {
        let mut command = format!("cargo xtask bench --trees TREES --from {} --to {}", self.from, self.to);
        if self.publication.is_some() {
            command += " --publication REPO";
        }
        for option in self.levels() {
            command += &format!(" {option}");
        }
        if !self.only.is_empty() {
            let names = self.only.iter().filter_map(ValueEnum::to_possible_value);
            let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
            command += &format!(" --only {}", names.join(","));
        }
        if self.peers {
            command += " --peers";
        }
        command
    }
}
