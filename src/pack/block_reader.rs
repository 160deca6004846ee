//! Decoding one verified block: its builds one after the other, in bounded memory.

use std::io::{self, BufRead, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::block::{STREAM_NAMES, STREAMS};
use super::frame::{FrameReader, Section};
use super::{Block, Build, DELTA_WINDOW_LOG, MAX_TEXT_BYTES, Method, PackError, WHOLE_WINDOW_LOG, apply_text_delta};
use crate::delta::{self, DeltaError, MAX_PREDICTED_BYTES, ReadAt, Streams};
use crate::gzip::{self, GzipError};
use crate::xz::{self, XzError};

const NOTHING: &[u8] = &[];
/// Forms up to this length, of old files up to this length, are made side by side.
const SMALL_FORM_BYTES: u64 = 512 << 10;
/// Predicted deltas between files up to this length are made side by side.
const SMALL_PREDICTED_BYTES: u64 = 4 << 20;

/// Decodes the builds of one block in their order: the streams are solid, so each build is made or skipped.
pub struct BlockReader<'a, I> {
    builds: &'a [Build<I>],
    next: usize,
    whole: FrameReader<'a>,
    delta: Streams<FrameReader<'a>>,
}

impl<'a, I: Copy> BlockReader<'a, I> {
    /// A reader of `block`, which begins at `offset` of `content`. The caller has checked those bytes against the
    /// block's digest, or is about to check every digest that comes out.
    ///
    /// # Errors
    /// When the content cannot be read, or a stream does not begin as one.
    pub fn open(block: &'a Block<I>, content: &'a dyn ReadAt, offset: u64) -> Result<Self, PackError> {
        let mut offset = offset;
        let mut frames = Vec::with_capacity(STREAMS);
        for (number, (lengths, name)) in block.streams.iter().zip(STREAM_NAMES).enumerate() {
            let window_limit = if number == 0 { WHOLE_WINDOW_LOG } else { DELTA_WINDOW_LOG };
            let section = Section::new(content, offset, lengths.packed);
            frames.push(FrameReader::new(name, section, lengths.plain, window_limit)?);
            offset = offset.saturating_add(lengths.packed);
        }
        let whole = frames.remove(0);
        let Ok(delta) = frames.try_into() else { unreachable!("seven streams less one are six") };
        Ok(Self { builds: &block.builds, next: 0, whole, delta: Streams::from_array(delta) })
    }

    /// The build that comes next; none after the last.
    pub fn next_build(&self) -> Option<Build<I>> {
        self.builds.get(self.next).copied()
    }

    /// Makes the next build: writes exactly as many bytes as it says. `base` is the old content, for a build that has
    /// one.
    ///
    /// The caller compares the build's size with the one that it expects before, and the digest of what was written
    /// after.
    ///
    /// # Errors
    /// When the block, or the old content, is not what it should be, or writing fails. Up to the build's size has then
    /// been written, and the reader can make nothing further.
    pub fn build(&mut self, base: Option<&dyn ReadAt>, out: &mut dyn Write) -> Result<(), PackError> {
        let (build, Build { size, method, .. }) = self.take_next()?;
        let old = |source| PackError::Delta { build, source: DeltaError::Old { offset: 0, source } };
        let base = match (method.base(), base) {
            (None, _) => &NOTHING as &dyn ReadAt,
            (Some(_), Some(base)) => base,
            (Some(_), None) => return Err(PackError::NoBase { build }),
        };
        let _alone = alone(method, size.max(base.length().map_err(old)?));
        match method {
            Method::Whole => copy(build, &mut self.whole, size, out),
            Method::Delta { .. } => self.apply(build, base, size, out),
            Method::WholeForm { form } => {
                let mut bytes = form_buffer(build, form)?;
                copy(build, &mut self.whole, form, &mut bytes)?;
                rewrap(build, &bytes, size, out)
            }
            Method::DeltaForm { form, .. } => {
                let mut bytes = form_buffer(build, form)?;
                match GZIP.inside(base).map_err(old)? {
                    Some(text) => self.apply(build, &text, form, &mut bytes)?,
                    None => self.apply(build, base, form, &mut bytes)?,
                }
                rewrap(build, &bytes, size, out)
            }
            Method::Predicted { .. } => self.apply_predicted(build, base, size, MAX_PREDICTED_BYTES, out),
            Method::XzForm { form, .. } => {
                if form > xz::MAX_BYTES {
                    return Err(PackError::Xz { build, source: XzError::BadForm { what: "it is too long" } });
                }
                let mut bytes = Vec::with_capacity(form as usize);
                match XZ.inside(base).map_err(old)? {
                    Some(payload) => self.apply_predicted(build, &payload, form, xz::MAX_BYTES, &mut bytes)?,
                    None => self.apply_predicted(build, base, form, xz::MAX_BYTES, &mut bytes)?,
                }
                xz::rewrap(&bytes, size, out).map_err(|error| match error {
                    XzError::Write { source } => PackError::Write { build, source },
                    source => PackError::Xz { build, source },
                })
            }
            Method::Text { frame, .. } => {
                let length = base.length().map_err(old)?;
                for value in [frame, size, length] {
                    if value > MAX_TEXT_BYTES {
                        let what = "length of a text or its frame";
                        return Err(PackError::TooLarge { what, value, limit: MAX_TEXT_BYTES });
                    }
                }
                let mut bytes = Vec::with_capacity(frame as usize);
                copy(build, &mut self.whole, frame, &mut bytes)?;
                let mut text = vec![0; length as usize];
                base.read_exact_at(&mut text, 0).map_err(old)?;
                let made = apply_text_delta(&text, &bytes, size)?;
                out.write_all(&made).map_err(|source| PackError::Write { build, source })
            }
        }
    }

    fn apply(&mut self, build: usize, base: &dyn ReadAt, size: u64, out: &mut dyn Write) -> Result<(), PackError> {
        delta::apply(&mut self.delta, base, size, out).map_err(|source| PackError::Delta { build, source })
    }

    fn apply_predicted(
        &mut self,
        build: usize,
        base: &dyn ReadAt,
        size: u64,
        limit: u64,
        out: &mut dyn Write,
    ) -> Result<(), PackError> {
        delta::apply_predicted(&mut self.delta, base, size, limit, out)
            .map_err(|source| PackError::Delta { build, source })
    }

    /// Passes over the next build: for one that is not wanted, or whose old content is not here.
    ///
    /// # Errors
    /// When the block is not what it should be.
    pub fn skip(&mut self) -> Result<(), PackError> {
        let (build, Build { size, method, .. }) = self.take_next()?;
        let size = method.inner().unwrap_or(size);
        let skipped = match method {
            Method::Whole | Method::WholeForm { .. } | Method::Text { .. } => {
                return copy(build, &mut self.whole, size, &mut io::sink());
            }
            Method::Delta { .. } | Method::DeltaForm { .. } => delta::skip(&mut self.delta, size),
            Method::Predicted { .. } | Method::XzForm { .. } => delta::skip_predicted(&mut self.delta, size),
        };
        skipped.map_err(|source| PackError::Delta { build, source })
    }

    /// Checks, after the last build, that the block holds nothing else.
    ///
    /// # Errors
    /// When builds are left, or bytes.
    pub fn finish(self) -> Result<(), PackError> {
        if self.next != self.builds.len() {
            return Err(PackError::WrongBuildCount { builds: self.builds.len(), asked: self.next });
        }
        self.whole.finish()?;
        self.delta.into_array().into_iter().try_for_each(FrameReader::finish)
    }

    fn take_next(&mut self) -> Result<(usize, Build<I>), PackError> {
        let (number, builds) = (self.next, self.builds.len());
        let build = self.next_build().ok_or(PackError::WrongBuildCount { builds, asked: number + 1 })?;
        self.next += 1;
        Ok((number, build))
    }
}

/// Waits until nothing else is being made that takes much memory, if this does, so that decoders on all cores together take
/// little more than one. `longest` is the length of the old or the new content.
fn alone<I>(method: Method<I>, longest: u64) -> Option<MutexGuard<'static, ()>> {
    static LARGE: Mutex<()> = Mutex::new(());
    let large = match method {
        Method::Whole | Method::Delta { .. } => false,
        Method::WholeForm { form } => form > SMALL_FORM_BYTES,
        Method::DeltaForm { form: inner, .. } | Method::Text { frame: inner, .. } => {
            inner.max(longest) > SMALL_FORM_BYTES
        }
        Method::Predicted { .. } => longest > SMALL_PREDICTED_BYTES,
        Method::XzForm { .. } => true,
    };
    large.then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A way to look inside old contents.
struct Opener {
    /// How many bytes of the beginning tell whether there may be something inside.
    look: usize,
    may_have: fn(&[u8]) -> bool,
    /// The longest content that is opened.
    limit: u64,
    open: fn(&[u8]) -> Option<Vec<u8>>,
}

const GZIP: Opener =
    Opener { look: gzip::MAGIC_BYTES, may_have: gzip::looks_like_gzip, limit: gzip::MAX_BYTES, open: gzip::base_form };
const XZ: Opener =
    Opener { look: xz::LOOK_BYTES, may_have: xz::looks_like_xz, limit: xz::MAX_BYTES, open: xz::base_form };

impl Opener {
    /// What a delta to a form starts from when it is not the old content itself.
    fn inside(&self, base: &dyn ReadAt) -> io::Result<Option<Vec<u8>>> {
        let length = base.length()?;
        let mut bytes = vec![0; length.min(self.look as u64) as usize];
        base.read_exact_at(&mut bytes, 0)?;
        if length > self.limit || !(self.may_have)(&bytes) {
            return Ok(None);
        }
        bytes.resize(length as usize, 0);
        base.read_exact_at(&mut bytes, 0)?;
        Ok((self.open)(&bytes))
    }
}

/// Room for a form, no more than one may have.
fn form_buffer(build: usize, form: u64) -> Result<Vec<u8>, PackError> {
    if form > gzip::MAX_BYTES {
        return Err(PackError::Gzip { build, source: GzipError::BadForm { what: "it is too long" } });
    }
    Ok(Vec::with_capacity(form as usize))
}

fn rewrap(build: usize, form: &[u8], size: u64, out: &mut dyn Write) -> Result<(), PackError> {
    gzip::rewrap(form, size, out).map_err(|error| match error {
        GzipError::Write { source } => PackError::Write { build, source },
        source => PackError::Gzip { build, source },
    })
}

/// Hands on exactly `size` bytes.
fn copy(build: usize, from: &mut FrameReader<'_>, size: u64, out: &mut dyn Write) -> Result<(), PackError> {
    let mut from = from.take(size);
    while from.limit() > 0 {
        let decode = |source| PackError::Decode { stream: STREAM_NAMES[0], source };
        let bytes = from.fill_buf().map_err(decode)?;
        if bytes.is_empty() {
            return Err(decode(io::ErrorKind::UnexpectedEof.into()));
        }
        out.write_all(bytes).map_err(|source| PackError::Write { build, source })?;
        let count = bytes.len();
        from.consume(count);
    }
    Ok(())
}
