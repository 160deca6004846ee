//! Cuts of one recording: the disk is made as each leaves it, mounted, judged, and the client goes on.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Options;
use super::disk::Record;
use super::filesystem::Kind;
use super::record::{LeftOut, Recording};
use super::replay::{Cut, Near, acknowledged, cuts, durable, leftovers};
use crate::crash::world::{NEXT, PREVIOUS, World, beside, tree_of, words};
use crate::judge::Tree;
use crate::log::Log;
use crate::programs::Outcome;

/// How a cut ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// The tree was the one that was last acknowledged, and the client went on.
    Acknowledged,
    /// The tree was the next one, and the client went on.
    Next,
    /// The tree was neither, or the one kept for a rollback is not what it was: how.
    Torn(String),
    /// The tree was an older one.
    Lost(String),
    /// The tree was right, but the client did not go on from there.
    Stuck(String),
}

/// How the cuts of one recording ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub acknowledged: usize,
    pub next: usize,
    pub torn: usize,
    pub lost: usize,
    pub stuck: usize,
}

/// What is cut, and where it is noted.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub world: &'a World,
    pub kind: Kind,
    pub left_out: LeftOut,
    pub recording: &'a Recording,
    pub log: &'a Log,
    pub subject: &'a str,
    /// Whether each broken promise is told: not where it is what must be found.
    pub tells: bool,
}

impl Attempt<'_> {
    /// Tries cuts until there are `count` with those that the log tells. Each run records anew, and two recordings are
    /// hardly ever the same, so a run that goes on draws cuts of its own.
    pub fn all(self, count: usize, options: &Options) -> Result<Tally> {
        let mut tally = Tally::default();
        self.log.endings(self.subject).for_each(|ending| tally.count_word(ending));
        // What is left out is looked for where it shows.
        let near = if self.left_out == LeftOut::After { Near::After } else { Near::Before };
        let done = tally.cuts();
        let open = cuts(&self.recording.log, count.saturating_sub(done), options.seed.wrapping_add(done as u64), near);
        let share = open.len().div_ceil(options.jobs.max(1)).max(1);
        std::thread::scope(|scope| -> Result<()> {
            let parts: Vec<_> = open.chunks(share).map(|part| scope.spawn(move || self.some(part))).collect();
            for part in parts {
                part.join().expect("a worker does not panic")?.iter().for_each(|ended| tally.count_word(ended.word()));
            }
            Ok(())
        })?;
        Ok(tally)
    }

    /// Tries cuts that are in order.
    fn some(self, cuts: &[Cut]) -> Result<Vec<Ended>> {
        let directory = self.world.directory()?;
        fs::create_dir(directory.path().join("mounted"))?;
        let (mut image, mut applied) = (self.recording.image.clone(), 0);
        let written = &self.recording.log;
        let mut all = Vec::new();
        for cut in cuts {
            let durable = durable(written, *cut);
            for record in &written[applied.min(durable)..durable] {
                if let Record::Write(offset, bytes) = record {
                    image.write(*offset, bytes);
                }
            }
            applied = applied.max(durable);
            let mut cut_off = image.clone();
            for (offset, bytes) in leftovers(&written[durable..cut.at], cut.seed, self.kind.sector()) {
                cut_off.write(offset, bytes);
            }
            let disk = directory.path().join("disk");
            cut_off.save(&disk)?;
            let ended = self.boot(*cut, &disk);
            self.log.note(self.subject, &cut.to_string(), ended.word())?;
            if let Some(what) = ended.broken().filter(|_| self.tells) {
                println!("BROKEN {}: cut {cut}: {}: {what}", self.subject, ended.word());
            }
            all.push(ended);
        }
        Ok(all)
    }

    /// Mounts what a cut left, judges it and lets the client go on.
    fn boot(self, cut: Cut, disk: &Path) -> Ended {
        let (log, trees) = (&self.recording.log, &self.recording.trees);
        let torn = |error: anyhow::Error| Ended::Torn(format!("{error:#}"));
        let mount = match self.kind.mount_file(disk, &disk.with_file_name("mounted")) {
            Ok(mount) => mount,
            Err(error) => return torn(error),
        };
        let root = mount.at.join("root");
        let found = match tree_of(&root) {
            Ok(found) => found,
            Err(error) => return torn(error),
        };
        let last = acknowledged(log, cut);
        // The time of the top is set after the exchange, see `switch`: only the run that goes on must have it right.
        let beneath = |tree: &Tree| tree.clone().filtered(|path| path != Path::new("usr"));
        let found = beneath(&found);
        let differences = |number: usize| beneath(&trees[number].tree).differences(&found);
        let is = |number: &usize| differences(*number).is_empty();
        let Some(number) = [last, last + 1].into_iter().filter(|number| *number < trees.len()).find(is) else {
            return match (0..last).any(|number| is(&number)) {
                true => Ended::Lost(format!("transition {last} was acknowledged and is lost")),
                false => Ended::Torn(format!("after {last}: {}", differences(last))),
            };
        };
        match self.keeps(&root, number, last) {
            Ok(None) => {}
            Ok(Some(what)) => return Ended::Torn(format!("the tree that is kept for a rollback: {what}")),
            Err(error) => return torn(error),
        }
        // What was interrupted is done again, or else the tree is only repaired.
        let again = trees.get(number + 1).and_then(|next| next.command.map(|command| (command, &next.tree)));
        let again = again.filter(|_| number == last && cut.seed.is_multiple_of(2));
        let (command, expected) = again.unwrap_or(("repair", &trees[number].repaired));
        let done = self.world.programs.client(&root, words(command)).and_then(Outcome::success);
        match done.and_then(|_| tree_of(&root)) {
            Err(error) => Ended::Stuck(format!("{command}: {error:#}")),
            Ok(ended) => {
                let differences = expected.differences(&ended);
                match (differences.is_empty(), number == last) {
                    (false, _) => Ended::Stuck(format!("after {command}: {differences}")),
                    (true, true) => Ended::Acknowledged,
                    (true, false) => Ended::Next,
                }
            }
        }
    }

    /// How the tree that is kept for a rollback is not what it should be beside that live tree, if it is not. Between the
    /// exchange and the end of settling it may still lie where the next tree was. A rollback that was under way may have mended
    /// it: then this has no say.
    fn keeps(self, root: &Path, number: usize, last: usize) -> Result<Option<String>> {
        let trees = &self.recording.trees;
        let next = trees.get(number + 1).and_then(|next| next.command);
        let slots = match number == last {
            true if next == Some("rollback") => return Ok(None),
            true => &[PREVIOUS][..],
            false => &[PREVIOUS, NEXT],
        };
        let mut told = None;
        for slot in slots {
            let differences = trees[number].kept.differences(&beside(root, slot)?.unwrap_or_default());
            if differences.is_empty() {
                return Ok(None);
            }
            told = told.or(Some(differences.to_string()));
        }
        Ok(told)
    }
}

impl Ended {
    /// In a word, as the log has it.
    fn word(&self) -> &'static str {
        match self {
            Self::Acknowledged => "as acknowledged",
            Self::Next => "the next",
            Self::Torn(_) => "torn",
            Self::Lost(_) => "lost",
            Self::Stuck(_) => "stuck",
        }
    }

    /// What is broken, if anything is.
    fn broken(&self) -> Option<&str> {
        match self {
            Self::Acknowledged | Self::Next => None,
            Self::Torn(what) | Self::Lost(what) | Self::Stuck(what) => Some(what),
        }
    }
}

impl Tally {
    fn count_word(&mut self, word: &str) {
        let count = match word {
            "as acknowledged" => &mut self.acknowledged,
            "the next" => &mut self.next,
            "torn" => &mut self.torn,
            "lost" => &mut self.lost,
            _ => &mut self.stuck,
        };
        *count += 1;
    }

    fn cuts(self) -> usize {
        self.acknowledged + self.next + self.torn + self.lost + self.stuck
    }
}
