//! Making and applying predicted deltas.

use std::convert::Infallible;
use std::io::{BufRead, Write};

use super::elf::Elf;
use super::{Known, Layout, MAX_PREDICTED_BYTES, MAX_PREDICTED_TRIPLES, Predictor, Step};
use crate::delta::apply::{Out, consume, for_each_triple};
use crate::delta::runs::{RunsReader, RunsWriter};
use crate::delta::{Delta, DeltaError, ReadAt, References, Role, Streams, skip};

/// The level at which deltas are compared; the higher ones agree with it about which is smaller.
const COMPARISON_LEVEL: i32 = 6;

/// Makes the new content as [`crate::delta::apply`] does, from a delta with predicted references. Takes
/// [`super::PREDICTED_MEMORY_BYTES`] more memory.
///
/// # Errors
/// Whatever is wrong with the streams, with reading `old` or with writing; up to `new_size` bytes have then been
/// written. [`DeltaError::TooLargeToPredict`] before anything is written.
pub fn apply_predicted<R: BufRead>(
    streams: &mut Streams<R>,
    old: &dyn ReadAt,
    new_size: u64,
    out: &mut dyn Write,
) -> Result<(), DeltaError> {
    let length = old.length().map_err(|source| DeltaError::Old { offset: 0, source })?;
    at_most("bytes", length.max(new_size), MAX_PREDICTED_BYTES)?;
    let (layout, steps) = read_steps(streams, new_size, length)?;
    let mut bytes = vec![0; length as usize];
    old.read_exact_at(&mut bytes, 0).map_err(|source| DeltaError::Old { offset: 0, source })?;
    let known = Known::new(&bytes, &layout);
    let mut predictor = Predictor::new(&known, &steps);
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
        // None of them is above MAX_PREDICTED_BYTES.
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
    /// `old` is matched once more with its references rewritten, which takes as much time and memory as
    /// [`Delta::make`].
    pub fn predicted(&self, old: &[u8], new: &[u8]) -> Option<Self> {
        if old.len().max(new.len()) as u64 > MAX_PREDICTED_BYTES || old == new {
            return None;
        }
        let layout = Layout::between(&Elf::parse(old)?, &Elf::parse(new)?);
        let known = Known::new(old, &layout);
        let mut best: Option<(usize, Self)> = None;
        let mut plain = self.clone();
        for round in 0..ROUNDS {
            let steps = plain.steps(old.len())?;
            let delta = plain.with_predictions(&known, &layout, &steps, new);
            let size = delta.estimate()?;
            if best.as_ref().is_none_or(|(smallest, _)| size < *smallest) {
                best = Some((size, delta));
            }
            if round + 1 < ROUNDS {
                plain = Self::make(&rewritten(&known, &steps), new);
            }
        }
        best.filter(|(size, _)| self.estimate().is_none_or(|plain| *size < plain)).map(|(_, delta)| delta)
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
    fn with_predictions(&self, known: &Known<'_>, layout: &Layout, steps: &[Step], new: &[u8]) -> Self {
        let mut streams = self.streams.clone();
        streams.run_lengths.clear();
        streams.literals.clear();
        streams.seeks.clear();
        layout.write(&mut streams.seeks);
        streams.seeks.extend_from_slice(&self.streams.seeks);
        let mut runs = RunsWriter::default();
        let mut predictor = Predictor::new(known, steps);
        let mut new_at = 0;
        for step in steps {
            let mut done = new_at as usize;
            let settled: Result<(), Infallible> = predictor.add(step.old, new_at, step.add, &mut |part| {
                let actual = &new[done..done + part.len()];
                runs.push(part, actual, &mut streams.run_lengths, &mut streams.literals);
                part.copy_from_slice(actual);
                done += part.len();
                Ok(())
            });
            let Ok(()) = settled;
            new_at += step.add + step.copy;
        }
        runs.finish(&mut streams.run_lengths);
        Self { streams, new_size: self.new_size, references: References::Predicted }
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

/// How often the old content is matched: once as it is, and then with its references rewritten.
const ROUNDS: usize = 2;

/// The old file with its references as the triples predict them.
fn rewritten(known: &Known<'_>, steps: &[Step]) -> Vec<u8> {
    let mut image = known.old.to_vec();
    let mut predictor = Predictor::new(known, steps);
    let mut new_at = 0;
    for step in steps {
        let mut done = step.old as usize;
        let settled: Result<(), Infallible> = predictor.add(step.old, new_at, step.add, &mut |part| {
            image[done..done + part.len()].copy_from_slice(part);
            done += part.len();
            Ok(())
        });
        let Ok(()) = settled;
        new_at += step.add + step.copy;
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn applied(old: &[u8], delta: &Delta) -> Vec<u8> {
        let mut streams = Streams::from_array(delta.streams.as_ref().into_array().map(|bytes| &bytes[..]));
        let mut new = Vec::new();
        apply_predicted(&mut streams, &old, delta.new_size, &mut new).expect("own delta");
        assert!(streams.into_array().iter().all(|rest| rest.is_empty()), "everything is used");
        let mut streams = Streams::from_array(delta.streams.as_ref().into_array().map(|bytes| &bytes[..]));
        skip_predicted(&mut streams, delta.new_size).expect("own delta");
        assert!(streams.into_array().iter().all(|rest| rest.is_empty()), "skipping uses everything");
        new
    }

    #[test]
    #[ignore = "measures"]
    fn measure() {
        let list = std::fs::read_to_string(std::env::var("PAIRS").expect("PAIRS")).expect("list");
        let mut plain_all: [Vec<u8>; 6] = Default::default();
        let mut pred_all: [Vec<u8>; 6] = Default::default();
        let (mut taken, mut count) = (0, 0);
        let (mut t_plain, mut t_pred, mut t_apply, mut t_apply0) = (0.0, 0.0, 0.0, 0.0);
        for line in list.lines() {
            let (old, new) = line.split_once(' ').expect("pair");
            let (old, new) = (std::fs::read(Path::new(old)).expect("old"), std::fs::read(new).expect("new"));
            let t = std::time::Instant::now();
            let plain = Delta::make(&old, &new);
            t_plain += t.elapsed().as_secs_f64();
            let t = std::time::Instant::now();
            let predicted = plain.predicted(&old, &new);
            t_pred += t.elapsed().as_secs_f64();
            count += 1;
            for (all, one) in plain_all.iter_mut().zip(plain.streams.as_ref().into_array()) {
                all.extend_from_slice(one);
            }
            let t = std::time::Instant::now();
            let mut out = Vec::new();
            let mut streams = Streams::from_array(plain.streams.as_ref().into_array().map(|bytes| &bytes[..]));
            crate::delta::apply(&mut streams, &old, plain.new_size, &mut out).expect("own");
            t_apply0 += t.elapsed().as_secs_f64();
            let best = match predicted {
                Some(delta) => {
                    taken += 1;
                    let t = std::time::Instant::now();
                    let mut out = Vec::new();
                    let mut streams = Streams::from_array(delta.streams.as_ref().into_array().map(|bytes| &bytes[..]));
                    apply_predicted(&mut streams, &old, delta.new_size, &mut out).expect("own");
                    t_apply += t.elapsed().as_secs_f64();
                    assert!(out == new);
                    delta
                }
                None => plain,
            };
            for (all, one) in pred_all.iter_mut().zip(best.streams.as_ref().into_array()) {
                all.extend_from_slice(one);
            }
        }
        let sizes = |all: &[Vec<u8>; 6]| -> Vec<usize> {
            all.iter().map(|bytes| zstd::bulk::compress(bytes, 19).expect("zstd").len()).collect()
        };
        let (a, b) = (sizes(&plain_all), sizes(&pred_all));
        eprintln!("{count} pairs, {taken} predicted");
        eprintln!("plain     {:?} = {}", a, a.iter().sum::<usize>());
        eprintln!("predicted {:?} = {}", b, b.iter().sum::<usize>());
        eprintln!(
            "make {t_plain:.1} s, predict {t_pred:.1} s, apply plain {t_apply0:.2} s, apply predicted {t_apply:.2} s"
        );
    }

    #[test]
    fn what_is_no_elf_is_not_predicted() {
        let (old, new) = (vec![1; 100], vec![2; 100]);
        assert_eq!(Delta::make(&old, &new).predicted(&old, &new), None);
        let mut delta = Delta::make(&old, &new);
        delta.streams.seeks.insert(0, 0);
        assert_eq!(applied(&old, &delta), new);
    }
}
