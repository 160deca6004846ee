//! Which old contents new ones are like, for those new ones about which paths say too little: reads both, on all cores,
//! and compares their sketches ([`super::sketch`]).
//!
//! **Promises.** Only what may be alike is read, each content once in a run, and no more than [`MAX_READ_BYTES`] together;
//! what that leaves out is told. The result does not depend on who was faster. Gzip files are compared by what is inside.
//!
//! **Leaves to others.** Who has which old content, and whether a delta pays.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::RangeInclusive;

use rayon::prelude::*;

use super::PublishError;
use super::bases::OldFile;
use super::contents::Contents;
use super::sketch::{Index, Sketch};
use crate::gzip;
use crate::report::{Event, Reporter};
use crate::types::Digest;

/// Contents that are compared: shorter ones are not worth it, and of longer ones every core would have one in memory.
const COMPARED_BYTES: RangeInclusive<u64> = 512..=(32 << 20);
/// All that is read for comparison in one run.
const MAX_READ_BYTES: u64 = 2 << 30;
/// Contents whose lengths differ by more than this factor are not alike.
const MAX_FACTOR: u64 = 4;
/// For each new content so many old ones are told: not every machine has every one of them.
const MAX_ALIKE: usize = 8;

/// For new contents, the files whose old contents are most like them, the most alike first.
pub type Alike<'a> = HashMap<Digest, Vec<OldFile<'a>>>;

/// Compares contents, for one step after another.
pub struct Comparer<'a> {
    contents: &'a Contents<'a>,
    reporter: &'a dyn Reporter,
    sketches: HashMap<Digest, Sketch>,
    left: u64,
}

/// Whether an old content may be like a new one, as far as lengths tell.
pub fn may_be_alike(old: u64, new: u64) -> bool {
    let comparable = COMPARED_BYTES.contains(&old) && COMPARED_BYTES.contains(&new);
    comparable && old.max(new) / MAX_FACTOR <= old.min(new)
}

impl<'a> Comparer<'a> {
    /// One that has read nothing yet.
    pub fn new(contents: &'a Contents<'a>, reporter: &'a dyn Reporter) -> Self {
        Self { contents, reporter, sketches: HashMap::new(), left: MAX_READ_BYTES }
    }

    /// Finds what is alike among new contents, told by digest and length, and old files.
    ///
    /// # Errors
    /// When a content cannot be read, or is another than it should be.
    pub fn compare<'f>(&mut self, new: &[(Digest, u64)], old: &[OldFile<'f>]) -> Result<Alike<'f>, PublishError> {
        let all = new.iter().copied().chain(old.iter().map(|old| (old.digest, old.size)));
        self.read(all.collect())?;
        let new: Vec<(Digest, u64, &Sketch)> =
            new.iter().filter_map(|(digest, size)| Some((*digest, *size, self.sketches.get(digest)?))).collect();
        let index = Index::new(new.iter().map(|(_, _, sketch)| *sketch));
        let mut alike: HashMap<Digest, Vec<(usize, OldFile<'f>)>> = HashMap::new();
        for (old, sketch) in old.iter().filter_map(|old| Some((*old, self.sketches.get(&old.digest)?))) {
            for (number, shared) in index.alike(sketch) {
                let (digest, size, _) = new[number];
                if may_be_alike(old.size, size) {
                    let found = alike.entry(digest).or_default();
                    found.push((shared, old));
                    // A few at a time, so that it stays a few however many there are.
                    if found.len() >= 8 * MAX_ALIKE {
                        keep_best(found, size);
                    }
                }
            }
        }
        for (digest, size, _) in new {
            alike.entry(digest).and_modify(|found| keep_best(found, size));
        }
        Ok(alike.into_iter().map(|(digest, found)| (digest, found.into_iter().map(|(_, old)| old).collect())).collect())
    }

    /// Sketches these contents, those first that come first, as long as no more than allowed is read.
    fn read(&mut self, mut contents: Vec<(Digest, u64)>) -> Result<(), PublishError> {
        contents.retain(|(digest, _)| !self.sketches.contains_key(digest));
        let fits = |(_, size): &(Digest, u64)| {
            let left = self.left.checked_sub(*size);
            self.left = left.unwrap_or(self.left);
            left.is_some()
        };
        let (contents, left_out): (Vec<_>, Vec<_>) = contents.into_iter().partition(fits);
        if !left_out.is_empty() {
            let text = format!(
                "{} contents were not compared with others: that would be {} bytes more than is read for it",
                left_out.len(),
                left_out.iter().map(|(_, size)| size).sum::<u64>(),
            );
            self.reporter.report(Event::Warning(text));
        }
        let sketch = |(digest, size): (Digest, u64)| {
            let content = self.contents.bytes(digest, size)?;
            let inside = gzip::base_form(&content);
            Ok((digest, Sketch::of(inside.as_deref().unwrap_or(&content))))
        };
        let made = contents.into_par_iter().with_max_len(1).map(sketch);
        let made: Vec<(Digest, Sketch)> = made.collect::<Result<_, PublishError>>()?;
        self.sketches.extend(made);
        Ok(())
    }
}

/// The most alike; of several, the one of the nearest length; of those, the first by path.
fn keep_best(found: &mut Vec<(usize, OldFile<'_>)>, size: u64) {
    found.sort_by_key(|(shared, old)| (Reverse(*shared), old.size.abs_diff(size), old.path));
    found.truncate(MAX_ALIKE);
}
