//! The log of a long run: a line for each point that was tried, so that a run goes on where it was stopped, and several
//! can be added up. What fuzz targets were given stands in such a log too.
//!
//! ```text
//! kill TAB update TAB killed at renameat2 1 TAB kept 137 before
//! power TAB ext4, as it is, seed 3 TAB at 812 with seed 99 TAB the next
//! fuzz TAB pack_head TAB turn 2 TAB {"finding":null,"inputs":90123,"places":564,"resident":28,"seconds":119.2}
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};

/// What was tried of one kind; without a file, only for this run.
pub struct Log {
    kind: &'static str,
    file: Option<Mutex<File>>,
    /// How each point of each subject ended, by an earlier run.
    known: HashMap<(String, String), String>,
}

impl Log {
    /// Opens the log, or makes it.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(kind: &'static str, path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self { kind, file: None, known: HashMap::new() }) };
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let known = read(path)?.into_iter().filter(|line| line[0] == kind);
        let known = known.map(|[_, subject, point, ending]| ((subject, point), ending)).collect();
        Ok(Self { kind, file: Some(Mutex::new(file)), known })
    }

    /// How a point ended in an earlier run.
    pub fn known(&self, subject: &str, point: &str) -> Option<&str> {
        // The map is asked by its own kind of key: a point costs far more than two short texts.
        self.known.get(&(subject.to_owned(), point.to_owned())).map(String::as_str)
    }

    /// How all points of a subject ended in earlier runs.
    pub fn endings<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = &'a str> {
        self.known.iter().filter(move |((of, _), _)| of == subject).map(|(_, ending)| ending.as_str())
    }

    /// Notes how a point ended.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&self, subject: &str, point: &str, ending: &str) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let line = [self.kind, subject, point, ending].map(|field| field.replace(['\t', '\n'], " ")).join("\t");
        let mut file = file.lock().expect("no thread panics while it writes");
        // As one piece, so that a run that is stopped leaves no half of a line.
        file.write_all(format!("{line}\n").as_bytes()).context("cannot write the log")
    }
}

/// Adds up logs: how often each ending came, by kind and subject, in lines for a person.
///
/// # Errors
/// When a file cannot be read.
pub fn sum(paths: &[PathBuf]) -> Result<String> {
    let mut counts: BTreeMap<(String, String), BTreeMap<String, usize>> = BTreeMap::new();
    for path in paths {
        for [kind, subject, _, ending] in read(path)? {
            // What differs from run to run, such as the seed, comes last.
            let subject = subject.split(", seed").next().unwrap_or_default().to_owned();
            let ending = if ending.starts_with("broken") { "broken".to_owned() } else { ending };
            *counts.entry((kind, subject)).or_default().entry(ending).or_default() += 1;
        }
    }
    let mut told = String::new();
    for ((kind, subject), endings) in counts {
        let all: usize = endings.values().sum();
        let endings: Vec<_> = endings.iter().map(|(ending, count)| format!("{count} {ending}")).collect();
        told += &format!("{kind} {subject}: {all} points: {}\n", endings.join(", "));
    }
    Ok(told)
}

fn read(path: &Path) -> Result<Vec<[String; 4]>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let fields =
        |line: &str| -> Option<[String; 4]> { line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().ok() };
    Ok(text.lines().filter_map(fields).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_and_is_added_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let log = Log::open("kill", Some(&path)).expect("made");
        assert_eq!(log.known("update", "killed at fsync 1"), None);
        log.note("update", "killed at fsync 1", "kept 137 before").expect("noted");
        log.note("update", "killed at fsync 2", "broken\tat\nall").expect("noted");
        log.note("power, seed 1", "at 3", "next").expect("noted");
        log.note("power, seed 2", "at 3", "next").expect("noted");
        let again = Log::open("kill", Some(&path)).expect("opened");
        assert_eq!(again.known("update", "killed at fsync 1"), Some("kept 137 before"));
        assert_eq!(again.known("update", "killed at fsync 2"), Some("broken at all"));
        assert_eq!(again.endings("update").count(), 2);
        assert_eq!(Log::open("error", Some(&path)).expect("opened").endings("update").count(), 0);
        let told = sum(&[path.clone(), path]).expect("added up");
        assert_eq!(told, "kill power: 4 points: 4 next\nkill update: 4 points: 2 broken, 2 kept 137 before\n");
    }

    #[test]
    fn without_a_file_nothing_is_known() {
        let log = Log::open("kill", None).expect("made");
        log.note("update", "point", "missed").expect("noted");
        assert_eq!(log.known("update", "point"), None);
    }
}
