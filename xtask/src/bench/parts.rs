//! The parts of a bench that need machines or publications of their own, beside the one machine's story.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::input::{copied, link_copy, publish};
use super::machine::{Machine, Measures, changes};
use super::origin::Origin;
use super::table::Row;
use super::usage::Usage;
use crate::demo::grouped;
use crate::programs::Programs;
use crate::publication::Publication;
use crate::trees::{CORE, Trees};

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// One machine's life: install, update, diagnose, roll back, bundles, looks, repair
    Machine,
    /// The update with `--prefer bytes`
    Bytes,
    /// The step of a machine with two bundles, beside a publication of these two alone
    TwoBundles,
    /// A step of one line: to the release right after the older one, where there are trees of it
    Line,
    /// What the publisher needs for the packs of deltas alone
    DeltaPacks,
    /// The same step by other systems, as far as they are installed
    Peers,
}

/// The bundle that a machine with a part of the bundles has beside the core.
const SECOND: &str = "web-server";

/// Packs from nothing are not what these parts are about.
const QUICK: [&str; 2] = ["--level-from-nothing", "1"];

/// What all parts work with.
pub struct Bench<'a> {
    /// The programs that are measured.
    pub programs: &'a Programs,
    /// The trees as they were given.
    pub given: &'a Path,
    /// The older and the newer release.
    pub releases: [u32; 2],
    /// What the publisher is told about compression, packs from nothing left out.
    pub level: &'a [String],
    /// Scratch directory.
    pub work: &'a Path,
}

/// A publication of both releases that is served.
pub struct Served<'a> {
    /// What was published.
    pub trees: &'a Trees,
    /// Where.
    pub publication: &'a Publication,
    /// Who serves it.
    pub origin: &'a Origin,
}

impl Bench<'_> {
    /// The update on another machine, with `--prefer bytes`.
    ///
    /// # Errors
    /// When a step fails or its tree is not what was published.
    pub fn for_bytes(&self, measures: &mut Measures, served: &Served<'_>) -> Result<()> {
        let help = Command::new(&self.programs.update).args(["update", "--help"]).output()?;
        if !String::from_utf8_lossy(&help.stdout).contains("--prefer ") {
            measures.note("SKIPPED: `update` has no option `--prefer`".to_owned());
            return Ok(());
        }
        let (_, row) = self.machine(served, "bytes").moves(measures, "bytes", &["--prefer", "bytes"])?;
        fs::remove_dir_all(self.work.join("bytes"))?;
        measures.step_for_bytes = Some(row);
        Ok(())
    }

    /// The update on a machine with two bundles, from the publication of all and from one of these two alone.
    ///
    /// # Errors
    /// As for [`Bench::for_bytes`].
    pub fn two_bundles(&self, measures: &mut Measures, served: &Served<'_>) -> Result<()> {
        let work = self.work.join("two");
        let tree = |release: u32, bundle: &str| self.given.join(release.to_string()).join(bundle);
        if self.releases.iter().any(|release| !tree(*release, SECOND).is_dir()) {
            measures.note(format!("SKIPPED: there is no bundle {SECOND}"));
            return Ok(());
        }
        for release in self.releases {
            fs::create_dir_all(work.join(release.to_string()))?;
            for bundle in [CORE, SECOND] {
                link_copy(&tree(release, bundle), &work.join(release.to_string()).join(bundle))?;
            }
        }
        let trees = Trees::of_releases(&work, self.releases, &work)?;
        let publication = self.published(&trees, &work)?;
        let origin = Origin::serve(self.programs, &publication.path, &work.join("origin"))?;
        let own = Served { trees: &trees, publication: &publication, origin: &origin };
        let (_, alone) = self.machine(&own, "two/own").moves(measures, "own pack", &[])?;
        let among_all = Served { trees: &trees, ..*served };
        let (_, part) = self.machine(&among_all, "two/part").moves(measures, "2 bundles", &[])?;
        let bytes = |row: &Row| row.traffic.map_or(0, |traffic| traffic.bytes());
        measures.note(format!(
            "{CORE} and {SECOND} alone: {} bytes of the publication of all bundles, {} of one of their own",
            grouped(bytes(&part)),
            grouped(bytes(&alone)),
        ));
        measures.proportion = Some((bytes(&part) as f64, bytes(&alone) as f64));
        drop(origin);
        Ok(fs::remove_dir_all(work)?)
    }

    /// The update to the release right after the older one, with all bundles.
    ///
    /// # Errors
    /// As for [`Bench::for_bytes`].
    pub fn line(&self, measures: &mut Measures) -> Result<()> {
        let [from, _] = self.releases;
        if !self.given.join((from + 1).to_string()).join(CORE).is_dir() {
            measures.note(format!("SKIPPED: there are no trees of {}", from + 1));
            return Ok(());
        }
        let work = self.work.join("line");
        fs::create_dir(&work)?;
        let trees = Trees::of_releases(self.given, [from, from + 1], &work)?;
        let publication = self.published(&trees, &work)?;
        let origin = Origin::serve(self.programs, &publication.path, &work.join("origin"))?;
        let served = Served { trees: &trees, publication: &publication, origin: &origin };
        let (result, row) = self.machine(&served, "line/machine").moves(measures, "line", &[])?;
        if changes(&result) == 1 {
            measures.line = Some(row);
        } else {
            measures.note(format!("{from} -> {} changes {} files, not one", from + 1, changes(&result)));
        }
        drop(origin);
        Ok(fs::remove_dir_all(work)?)
    }

    /// The newer release published twice over the older one: without packs of deltas and with those of one step. What is
    /// between the two is theirs.
    ///
    /// # Errors
    /// When the publisher refuses.
    pub fn delta_packs(&self, measures: &mut Measures, trees: &Trees) -> Result<Vec<Row>> {
        let [from, to] = trees.releases;
        let work = self.work.join("packs");
        fs::create_dir(&work)?;
        let with = Publication::init(self.programs, &work, None)?;
        let publish = |publication: &Publication, release: u32, deltas: &str| {
            let options = [self.quick(), vec!["--deltas".to_owned(), deltas.to_owned()]].concat();
            publish(self.programs, publication, trees, release, &options, &work)
        };
        publish(&with, from, "0")?;
        let without = copied(&with, &work.join("without"))?;
        let without = Row { name: format!("publish {to}, no deltas"), ..publish(&without, to, "0")? };
        println!("{}", without.line());
        let with = Row { name: format!("publish {to}, one step"), ..publish(&with, to, "1")? };
        println!("{}", with.line());
        let alone = Usage {
            user_s: with.usage.user_s - without.usage.user_s,
            system_s: with.usage.system_s - without.usage.system_s,
            wall_s: with.usage.wall_s - without.usage.wall_s,
            ..with.usage
        };
        let alone = Row { name: "packs of deltas alone".to_owned(), traffic: None, usage: alone };
        println!("{}", alone.line());
        measures.delta_packs = Some(alone.clone());
        fs::remove_dir_all(work)?;
        Ok(vec![without, with, alone])
    }

    /// A publication of both releases in `work`, packs from nothing made quickly.
    fn published(&self, trees: &Trees, work: &Path) -> Result<Publication> {
        let publication = Publication::init(self.programs, work, None)?;
        for release in trees.releases {
            publish(self.programs, &publication, trees, release, &self.quick(), work)?;
        }
        Ok(publication)
    }

    fn quick(&self) -> Vec<String> {
        self.level.iter().cloned().chain(QUICK.map(str::to_owned)).collect()
    }

    fn machine<'a>(&'a self, served: &Served<'a>, name: &str) -> Machine<'a> {
        let Served { trees, publication, origin } = *served;
        Machine { programs: self.programs, trees, publication, origin, work: self.work.join(name) }
    }
}
