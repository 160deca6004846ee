//! One compressed stream of known length: made the same way every time, decoded within a bounded window.
//!
//! A stream is a zstd frame (RFC 8878), or LZMA2 behind a header of ours ([`super::lzma`]); its first bytes say which. Only
//! plain zstd frames are accepted: no skippable frames, no formats older than it, no dictionaries, one frame and nothing
//! after it.

use std::io::{self, BufRead, BufReader, Read, Write};

use liblzma::bufread::XzDecoder;
use liblzma::write::XzEncoder;
use zstd::stream::raw::CParameter;
use zstd::stream::{read, write};
use zstd::zstd_safe;

use super::lzma::{self, Content};
use super::{LEVEL, PackError};
use crate::delta::ReadAt;

/// The first four bytes of a zstd frame.
pub(super) const MAGIC: [u8; 4] = zstd_safe::MAGICNUMBER.to_le_bytes();
/// The smallest window that zstd knows: 1 KiB.
const MIN_WINDOW_LOG: u32 = 10;
/// Up to this length both coders are tried: short streams are now and then smaller with zstd.
const TRY_BOTH_BYTES: usize = 64 << 10;
/// Compressed bytes are read in pieces of this many.
const IN_BYTES: usize = 32 * 1024;
/// Decoded bytes are handed on in pieces of this many.
const OUT_BYTES: usize = 64 * 1024;

/// The window for `plain` bytes: no larger than they need, at most `limit`; logarithm to base 2.
pub(super) fn window_log(plain: u64, limit: u32) -> u32 {
    let needed = plain.max(1).checked_next_power_of_two().map_or(63, u64::ilog2);
    needed.clamp(MIN_WINDOW_LOG, limit)
}

/// Sets what every zstd frame of a pack has in common. `plain` is the length of the content where it is known.
pub(super) fn set_up<W: Write>(
    encoder: &mut write::Encoder<'_, W>,
    plain: Option<u64>,
    window_log: u32,
) -> io::Result<()> {
    encoder.set_parameter(CParameter::WindowLog(window_log))?;
    encoder.include_checksum(false)?;
    encoder.set_pledged_src_size(plain)
}

/// Compresses what is written to it as one stream.
pub(super) enum Encoder<W: Write> {
    Zstd(Box<write::Encoder<'static, W>>),
    Lzma(XzEncoder<W>),
}

impl<W: Write> Encoder<W> {
    /// An encoder at a zstd level; from [`LEVEL`] on it is LZMA2. `plain` is the length where it is known.
    pub(super) fn new(out: W, level: i32, content: Content, plain: Option<u64>, window_log: u32) -> io::Result<Self> {
        if level >= LEVEL {
            return lzma::encoder(out, content, window_log).map(Self::Lzma);
        }
        Self::zstd(out, level, plain, window_log)
    }

    fn zstd(out: W, level: i32, plain: Option<u64>, window_log: u32) -> io::Result<Self> {
        let mut encoder = write::Encoder::new(out, level)?;
        set_up(&mut encoder, plain, window_log)?;
        Ok(Self::Zstd(Box::new(encoder)))
    }

    /// Ends the stream.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Zstd(encoder) => encoder.finish(),
            Self::Lzma(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(encoder) => encoder.write(bytes),
            Self::Lzma(encoder) => encoder.write(bytes),
        }
    }

    /// Does nothing: a stream ends once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes `plain` as one stream, the smallest that the level gives; nothing when it is empty.
pub(super) fn compress(
    plain: &[u8],
    level: i32,
    content: Content,
    window_limit: u32,
    mut out: impl Write,
) -> io::Result<()> {
    if plain.is_empty() {
        return Ok(());
    }
    let length = plain.len() as u64;
    let window_log = window_log(length, window_limit);
    let packed = |mut encoder: Encoder<Vec<u8>>| {
        encoder.write_all(plain)?;
        encoder.finish()
    };
    let mut smallest = packed(Encoder::new(Vec::new(), level, content, Some(length), window_log)?)?;
    if level >= LEVEL && plain.len() <= TRY_BOTH_BYTES {
        let other = packed(Encoder::zstd(Vec::new(), level, Some(length), window_log)?)?;
        smallest = if other.len() <= smallest.len() { other } else { smallest };
    }
    out.write_all(&smallest)
}

/// Checks that `bytes` are one frame and nothing more, for who decodes them at one go.
pub(super) fn check_alone(name: &'static str, bytes: &[u8]) -> Result<(), PackError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(PackError::BadStream { stream: name, what: "it does not begin as a zstd frame" });
    }
    let failed = |code| PackError::Decode { stream: name, source: io::Error::other(zstd_safe::get_error_name(code)) };
    match zstd_safe::find_frame_compressed_size(bytes).map_err(failed)? {
        length if length == bytes.len() => Ok(()),
        _ => Err(PackError::BadStream { stream: name, what: "bytes follow the frame" }),
    }
}

/// A part of some content, read from its beginning to its end.
pub(super) struct Section<'a> {
    content: &'a dyn ReadAt,
    offset: u64,
    left: u64,
}

impl<'a> Section<'a> {
    pub(super) fn new(content: &'a dyn ReadAt, offset: u64, length: u64) -> Self {
        Self { content, offset, left: length }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.left.min(buffer.len() as u64) as usize;
        self.content.read_exact_at(&mut buffer[..count], self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Decodes one stream, or nothing at all, to exactly the declared number of bytes.
pub(super) struct FrameReader<'a> {
    name: &'static str,
    /// None for a stream without bytes.
    decoder: Option<BufReader<Decoder<'a>>>,
    left: u64,
}

enum Decoder<'a> {
    Zstd(Box<read::Decoder<'a, BufReader<Section<'a>>>>),
    Lzma(XzDecoder<BufReader<Section<'a>>>),
}

impl<'a> Decoder<'a> {
    fn into_input(self) -> BufReader<Section<'a>> {
        match self {
            Self::Zstd(decoder) => decoder.finish(),
            Self::Lzma(decoder) => decoder.into_inner(),
        }
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Lzma(decoder) => decoder.read(buffer),
        }
    }
}

impl<'a> FrameReader<'a> {
    /// A reader of the stream in `section` that gives `plain` bytes. Memory is at most the window, of logarithm
    /// `window_log(plain, window_limit)`, and buffers.
    pub(super) fn new(
        name: &'static str,
        section: Section<'a>,
        plain: u64,
        window_limit: u32,
    ) -> Result<Self, PackError> {
        let window_log = window_log(plain, window_limit);
        if plain == 0 && section.left == 0 {
            return Ok(Self { name, decoder: None, left: 0 });
        }
        let mut input = BufReader::with_capacity(section.left.min(IN_BYTES as u64) as usize, section);
        let failed = |source| PackError::Decode { stream: name, source };
        let decoder = if input.fill_buf().map_err(failed)?.starts_with(&MAGIC) {
            let mut decoder = read::Decoder::with_buffer(input).map_err(failed)?.single_frame();
            decoder.window_log_max(window_log).map_err(failed)?;
            Decoder::Zstd(Box::new(decoder))
        } else {
            Decoder::Lzma(lzma::decoder(name, input, window_log)?)
        };
        let out_bytes = plain.clamp(1, OUT_BYTES as u64) as usize;
        Ok(Self { name, decoder: Some(BufReader::with_capacity(out_bytes, decoder)), left: plain })
    }

    /// Checks that the stream gave all that was declared, gives no more, and ends with its section.
    pub(super) fn finish(self) -> Result<(), PackError> {
        let bad = |what| Err(PackError::BadStream { stream: self.name, what });
        if self.left > 0 {
            return bad("it has more plain bytes than its builds use");
        }
        let Some(mut decoder) = self.decoder else { return Ok(()) };
        let beyond = decoder.fill_buf().map_err(|source| PackError::Decode { stream: self.name, source })?;
        if !beyond.is_empty() {
            return bad("it decodes to more than its declared length");
        }
        let input = decoder.into_inner().into_input();
        if !input.buffer().is_empty() || input.get_ref().left > 0 {
            return bad("bytes follow its end");
        }
        Ok(())
    }
}

impl Read for FrameReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for FrameReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let (Some(decoder), 1..) = (&mut self.decoder, self.left) else { return Ok(&[]) };
        let bytes = decoder.fill_buf()?;
        if bytes.is_empty() {
            let error = "it ends before its declared length";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
        }
        Ok(&bytes[..bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, count: usize) {
        if let Some(decoder) = &mut self.decoder {
            decoder.consume(count);
            self.left -= count as u64;
        }
    }
}
