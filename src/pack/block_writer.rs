//! Making one block: builds in, seven compressed streams out.

use std::io::{self, Read, Write};

use super::block::STREAMS;
use super::frame::Encoder;
use super::lzma::{self, Content};
use super::{Block, Build, DELTA_WINDOW_LOG, LEVEL, Method, PackError, StreamLengths, frame};
use crate::delta::{Delta, References, Role, Streams};
use crate::types::{Digest, Hasher};

/// Whole blobs are held back up to this many bytes, for a stream of known length compresses better and takes less
/// memory to decode. More than that goes to the file as it comes.
const HELD_BYTES: usize = 32 << 20;
/// The window of a stream that is longer.
const STREAMED_WINDOW_LOG: u32 = 24;
/// Whole blobs are read in pieces of this many bytes.
const PIECE_BYTES: usize = 128 << 10;

/// Takes builds in the order in which the reader will make them, and writes them as one block.
///
/// Memory: the plain streams of all deltas, 32 MiB of whole blobs, and what the coder takes: about twelve windows.
pub struct BlockWriter<W: Write> {
    level: i32,
    builds: Vec<Build<Digest>>,
    whole: Whole<W>,
    whole_bytes: u64,
    /// Those of the whole bytes that are in programs for x86.
    x86_bytes: u64,
    delta: Streams<Vec<u8>>,
}

/// The stream of whole blobs, which is the first in the file.
enum Whole<W: Write> {
    /// Not begun: held back in memory.
    Held(Vec<u8>, Counted<W>),
    /// Too long for that.
    Streamed(Encoder<Counted<W>>),
    /// Beginning it failed; nothing more can be written.
    Failed,
}

impl<W: Write> BlockWriter<W> {
    /// A writer to `out` at a zstd level, for packs [`super::LEVEL`].
    pub fn new(out: W, level: i32) -> Self {
        let out = Counted { out, hasher: Hasher::default(), count: 0 };
        Self {
            level,
            builds: Vec::new(),
            whole: Whole::Held(Vec::new(), out),
            whole_bytes: 0,
            x86_bytes: 0,
            delta: Streams::default(),
        }
    }

    /// Adds a blob of `size` bytes as it is.
    ///
    /// # Errors
    /// When `content` cannot be read or is not that long, or `out` cannot be written.
    pub fn whole(&mut self, id: Digest, size: u64, content: impl Read) -> Result<(), PackError> {
        self.copy_whole(size, content)?;
        self.builds.push(Build { id, size, method: Method::Whole });
        Ok(())
    }

    /// Adds a gzip file of `size` bytes by its form.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn whole_form(&mut self, id: Digest, size: u64, form: &[u8]) -> Result<(), PackError> {
        let length = form.len() as u64;
        self.copy_whole(length, form)?;
        self.builds.push(Build { id, size, method: Method::WholeForm { form: length } });
        Ok(())
    }

    fn copy_whole(&mut self, size: u64, content: impl Read) -> Result<(), PackError> {
        // One byte more shows that there is more than was said.
        let mut content = content.take(size.saturating_add(1));
        let read = |source| PackError::Make { action: "read a blob", source };
        let mut buffer = Vec::with_capacity(PIECE_BYTES);
        let mut found = 0;
        self.whole_bytes += size;
        loop {
            buffer.clear();
            content.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut buffer).map_err(read)?;
            if buffer.is_empty() {
                break;
            }
            if found == 0 && lzma::is_x86_program(&buffer) {
                self.x86_bytes += size;
            }
            self.push_whole(&buffer).map_err(failed)?;
            found += buffer.len() as u64;
        }
        if found != size {
            return Err(PackError::WrongLength { what: "a blob", expected: size, found });
        }
        Ok(())
    }

    /// What the whole bytes are to be taken for, of which these come first.
    fn whole_content(&self, held: &[u8]) -> io::Result<Content> {
        let pays = self.level >= LEVEL
            && self.x86_bytes > self.whole_bytes / 2
            && lzma::filter_pays(held, frame::window_log(held.len() as u64, DELTA_WINDOW_LOG))?;
        Ok(if pays { Content::X86Programs } else { Content::Files })
    }

    /// Adds a blob that `delta` makes out of the blob `base`.
    pub fn delta(&mut self, id: Digest, base: Digest, delta: &Delta) {
        self.push_delta(delta);
        let method = match delta.references {
            References::Plain => Method::Delta { base },
            References::Predicted => Method::Predicted { base },
        };
        self.builds.push(Build { id, size: delta.new_size, method });
    }

    /// Adds a gzip file of `size` bytes, whose form `delta` makes out of the blob `base` or what is inside it
    /// ([`crate::gzip::base_form`]).
    pub fn delta_form(&mut self, id: Digest, size: u64, base: Digest, delta: &Delta) {
        self.push_delta(delta);
        self.builds.push(Build { id, size, method: Method::DeltaForm { base, form: delta.new_size } });
    }

    /// Adds a file of `size` bytes with an xz stream, whose form `delta`, which has references predicted, makes out of the
    /// blob `base` or what is inside it ([`crate::xz::base_form`]).
    pub fn xz_form(&mut self, id: Digest, size: u64, base: Digest, delta: &Delta) {
        debug_assert_eq!(delta.references, References::Predicted);
        self.push_delta(delta);
        self.builds.push(Build { id, size, method: Method::XzForm { base, form: delta.new_size } });
    }

    /// Adds a text of `size` bytes that a frame of [`super::make_text_delta`] makes out of the blob `base`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&mut self, id: Digest, size: u64, base: Digest, frame: &[u8]) -> Result<(), PackError> {
        let length = frame.len() as u64;
        self.copy_whole(length, frame)?;
        self.builds.push(Build { id, size, method: Method::Text { base, frame: length } });
        Ok(())
    }

    fn push_delta(&mut self, delta: &Delta) {
        let Streams { seeks, add_lengths, copy_lengths, run_lengths, literals, extra } = &mut self.delta;
        let targets = [seeks, add_lengths, copy_lengths, run_lengths, literals, extra];
        for (target, bytes) in targets.into_iter().zip(delta.streams.as_ref().into_array()) {
            target.extend_from_slice(bytes);
        }
    }

    /// Writes what has not been written and says what the block is.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn finish(mut self) -> Result<(Block<Digest>, W), PackError> {
        let level = self.level;
        let mut out = match std::mem::replace(&mut self.whole, Whole::Failed) {
            Whole::Failed => return Err(failed(io::ErrorKind::BrokenPipe.into())),
            Whole::Streamed(encoder) => encoder.finish().map_err(failed)?,
            Whole::Held(plain, mut out) => {
                let content = self.whole_content(&plain).map_err(failed)?;
                frame::compress(&plain, level, content, DELTA_WINDOW_LOG, &mut out).map_err(failed)?;
                out
            }
        };
        let mut streams = [StreamLengths::default(); STREAMS];
        streams[0] = StreamLengths { packed: out.count, plain: self.whole_bytes };
        for ((lengths, role), plain) in streams[1..].iter_mut().zip(Role::ALL).zip(self.delta.into_array()) {
            let before = out.count;
            frame::compress(&plain, level, Content::of(role), DELTA_WINDOW_LOG, &mut out).map_err(failed)?;
            *lengths = StreamLengths { packed: out.count - before, plain: plain.len() as u64 };
        }
        out.flush().map_err(failed)?;
        Ok((Block { digest: out.hasher.finish(), streams, builds: self.builds }, out.out))
    }

    fn push_whole(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.whole {
            Whole::Streamed(encoder) => encoder.write_all(bytes),
            Whole::Held(held, _) if held.len() + bytes.len() <= HELD_BYTES => {
                held.extend_from_slice(bytes);
                Ok(())
            }
            Whole::Held(..) => self.begin_streaming()?.write_all(bytes),
            Whole::Failed => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn begin_streaming(&mut self) -> io::Result<&mut Encoder<Counted<W>>> {
        let Whole::Held(held, out) = std::mem::replace(&mut self.whole, Whole::Failed) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let content = self.whole_content(&held)?;
        let mut encoder = Encoder::new(out, self.level, content, None, STREAMED_WINDOW_LOG)?;
        encoder.write_all(&held)?;
        self.whole = Whole::Streamed(encoder);
        let Whole::Streamed(encoder) = &mut self.whole else { unreachable!("set in the line before") };
        Ok(encoder)
    }
}

fn failed(source: io::Error) -> PackError {
    PackError::Make { action: "write a block", source }
}

/// Counts and hashes what goes out.
struct Counted<W> {
    out: W,
    hasher: Hasher,
    count: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
