//! Making and applying predicted deltas.

use std::io::{BufRead, Write};

use super::elf::Elf;
use super::{Known, Layout, MAX_PREDICTED_BYTES, MAX_PREDICTED_TRIPLES, Predictor, Step};
use crate::delta::apply::{Out, for_each_triple};
use crate::delta::old_pages::OldPages;
use crate::delta::runs::{RunsReader, RunsWriter};
use crate::delta::streams::consume;
use crate::delta::{Delta, DeltaError, ReadAt, References, Role, Streams, skip};

/// The level at which deltas are compared; the higher ones agree with it about which is smaller.
const COMPARISON_LEVEL: i32 = 6;
/// How often the old content is matched at most: once as it is, and then with its references rewritten.
const ROUNDS: usize = 3;

/// Makes the new content as [`crate::delta::apply`] does, from a delta with predicted references; neither the old nor the
/// new one may have more than `limit` bytes. Takes [`super::predicted_memory`] more memory.
///
/// # Errors
/// Whatever is wrong with the streams, with reading `old` or with writing; up to `new_size` bytes have then been
/// written. [`DeltaError::TooLargeToPredict`] before anything is written.
pub fn apply_predicted<R: BufRead>(
    streams: &mut Streams<R>,
    old: &dyn ReadAt,
    new_size: u64,
    limit: u64,
    out: &mut dyn Write,
) -> Result<(), DeltaError> {
    let length = old.length().map_err(|source| DeltaError::Old { offset: 0, source })?;
    // Places are kept in 32 bits.
    at_most("bytes", length.max(new_size), limit.min(u32::MAX.into()))?;
    let (layout, steps) = read_steps(streams, new_size, length)?;
    let known = Known::new(old, &layout)?;
    let mut predictor = Predictor::new(&known, &steps)?;
    let mut out = Out::new(out, new_size);
    let mut runs = RunsReader::default();
    let mut new_at = 0;
    for step in &steps {
        predictor.add(step.old, new_at, step.add, &mut |part| {
            runs.add(part, &mut streams.run_lengths, &mut streams.literals)?;
            out.append(part)
        })?;
        consume(Role::Extra, &mut streams.extra, step.copy.into(), |bytes| out.append(bytes))?;
        new_at += step.add + step.copy;
    }
    runs.finish()?;
    out.flush()
}

/// Reads one predicted delta from `streams` and makes nothing of it.
///
/// # Errors
/// Whatever is wrong with the streams, as far as it shows without the old content.
pub fn skip_predicted<R: BufRead>(streams: &mut Streams<R>, new_size: u64) -> Result<(), DeltaError> {
    Layout::read(&mut streams.seeks).map_err(|source| DeltaError::stream(Role::Seeks, source))?;
    skip(streams, new_size)
}

/// All triples; the old file has `length` bytes.
fn read_steps<R: BufRead>(
    streams: &mut Streams<R>,
    new_size: u64,
    length: u64,
) -> Result<(Layout, Vec<Step>), DeltaError> {
    let layout = Layout::read(&mut streams.seeks).map_err(|source| DeltaError::stream(Role::Seeks, source))?;
    let mut steps = Vec::new();
    for_each_triple(streams, new_size, length, |_, old, add, copy| {
        at_most("triples", steps.len() as u64 + 1, MAX_PREDICTED_TRIPLES as u64)?;
        // None of them is above the limit.
        steps.push(Step { old: old as u32, add: add as u32, copy: copy as u32 });
        Ok(())
    })?;
    Ok((layout, steps))
}

fn at_most(of: &'static str, count: u64, limit: u64) -> Result<(), DeltaError> {
    if count <= limit { Ok(()) } else { Err(DeltaError::TooLargeToPredict { of, count, limit }) }
}

impl Delta {
    /// The smaller one of the plain delta and that with predicted references.
    pub fn smallest(old: &[u8], new: &[u8]) -> Self {
        let plain = Self::make(old, new);
        plain.predicted(old, new).unwrap_or(plain)
    }

    /// A delta with predicted references that makes `new` out of `old`; none when it would take no less room than
    /// `self`, which is the plain one, or cannot be made. Equal inputs give equal deltas.
    ///
    /// `old` is matched again with its references rewritten, up to twice, which takes as much time and memory each as
    /// [`Delta::make`].
    pub fn predicted(&self, old: &[u8], new: &[u8]) -> Option<Self> {
        if old.len().max(new.len()) as u64 > MAX_PREDICTED_BYTES || old == new {
            return None;
        }
        let layout = Layout::between(&elf(old)?, &elf(new)?);
        let (size, delta) = self.best_with(&layout, old, new)?;
        self.estimate().is_none_or(|plain| size < plain).then_some(delta)
    }

    /// The same delta in the format of those with predicted references, whatever contents these are; none when it has too
    /// many triples. Where nothing is to be predicted, it takes no more room than the plain one.
    pub fn to_predicted(&self, old: &[u8], new: &[u8]) -> Option<Self> {
        match (elf(old), elf(new)) {
            (Some(was), Some(is)) => self.best_with(&Layout::between(&was, &is), old, new).map(|(_, delta)| delta),
            _ => {
                let layout = Layout::default();
                let steps = self.steps(old.len())?;
                self.with_predictions(&Known::new(&old, &layout).ok()?, &layout, &steps, new).ok()
            }
        }
    }

    /// The smallest of some deltas with references predicted by this layout, and about how much room it takes.
    fn best_with(&self, layout: &Layout, old: &[u8], new: &[u8]) -> Option<(usize, Self)> {
        let known = Known::new(&old, layout).ok()?;
        let mut best: Option<(usize, Self)> = None;
        let mut plain = self.clone();
        for round in 0..ROUNDS {
            let steps = plain.steps(old.len())?;
            let delta = plain.with_predictions(&known, layout, &steps, new).ok()?;
            let size = delta.estimate()?;
            if best.as_ref().is_some_and(|(smallest, _)| size >= *smallest) {
                break;
            }
            best = Some((size, delta));
            if round + 1 < ROUNDS {
                plain = Self::make(&rewritten(&known, &steps, old).ok()?, new);
            }
        }
        best
    }

    /// The triples of a plain delta.
    fn steps(&self, old_length: usize) -> Option<Vec<Step>> {
        let mut streams = Streams::from_array(self.streams.as_ref().into_array().map(|bytes| &bytes[..]));
        let mut steps = Vec::new();
        for_each_triple(&mut streams, self.new_size, old_length as u64, |_, old, add, copy| {
            steps.push(Step { old: old as u32, add: add as u32, copy: copy as u32 });
            Ok(())
        })
        .ok()?;
        (steps.len() <= MAX_PREDICTED_TRIPLES).then_some(steps)
    }

    /// The same triples, with differences from what is predicted.
    fn with_predictions(
        &self,
        known: &Known<'_>,
        layout: &Layout,
        steps: &[Step],
        new: &[u8],
    ) -> Result<Self, DeltaError> {
        let mut streams = self.streams.clone();
        streams.run_lengths.clear();
        streams.literals.clear();
        streams.seeks.clear();
        layout.write(&mut streams.seeks);
        streams.seeks.extend_from_slice(&self.streams.seeks);
        let mut runs = RunsWriter::default();
        let mut predictor = Predictor::new(known, steps)?;
        let mut new_at = 0;
        for step in steps {
            let mut done = new_at as usize;
            predictor.add(step.old, new_at, step.add, &mut |part| {
                let actual = &new[done..done + part.len()];
                runs.push(part, actual, &mut streams.run_lengths, &mut streams.literals);
                part.copy_from_slice(actual);
                done += part.len();
                Ok(())
            })?;
            new_at += step.add + step.copy;
        }
        runs.finish(&mut streams.run_lengths);
        Ok(Self { streams, new_size: self.new_size, references: References::Predicted })
    }

    /// About how much room it takes.
    fn estimate(&self) -> Option<usize> {
        let sizes = self.streams.as_ref().into_array().map(|bytes| {
            let packed = zstd::bulk::compress(bytes, COMPARISON_LEVEL).ok()?;
            Some(packed.len())
        });
        sizes.into_iter().sum()
    }
}

/// What is in memory can be read; so that it is no ELF file is all that can be wrong.
fn elf(content: &[u8]) -> Option<Elf> {
    Elf::parse(&mut OldPages::new(&content).ok()?).ok()?
}

/// The old file with its references as the triples predict them.
fn rewritten(known: &Known<'_>, steps: &[Step], old: &[u8]) -> Result<Vec<u8>, DeltaError> {
    let mut image = old.to_vec();
    let mut predictor = Predictor::new(known, steps)?;
    let mut new_at = 0;
    for step in steps {
        let mut done = step.old as usize;
        predictor.add(step.old, new_at, step.add, &mut |part| {
            image[done..done + part.len()].copy_from_slice(part);
            done += part.len();
            Ok(())
        })?;
        new_at += step.add + step.copy;
    }
    Ok(image)
}
