//! Streams of LZMA2, in places behind a filter for x86 code: smaller than zstd, and slower to decode.
//!
//! Format: two bytes of our own, which coder and the dictionary's logarithm; then the chunks of LZMA2 up to their own end
//! mark, as in the `.xz` file format without its headers, checks and index: a block has a digest. Needs: the length of
//! the plain bytes, from which both sides know how large a dictionary may be.

use std::io::{self, BufRead, Write};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{Filters, LzmaOptions, PRESET_EXTREME, Stream};
use liblzma::write::XzEncoder;

use super::PackError;
use crate::delta::Role;

/// The smallest dictionary that LZMA2 knows: 4 KiB.
const MIN_DICTIONARY_LOG: u32 = 12;
/// The coder, and the dictionary's logarithm.
const HEADER_BYTES: usize = 2;
/// How hard the encoder looks.
const PRESET: u32 = 9 | PRESET_EXTREME;
/// The same for programs.
const PROGRAMS_PRESET: u32 = 6;
/// The same for a trial: five times as quick.
const QUICK_PRESET: u32 = 1;

/// What stands in front of LZMA2. The numbers are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coder {
    /// Nothing.
    Lzma = 1,
    /// The targets of calls and jumps in x86 code become absolute.
    X86Lzma = 2,
}

/// What the plain bytes are, which decides how they are modelled. Any choice can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Numbers of several bytes: the byte before says little.
    Numbers,
    /// Short numbers, and bytes out of files.
    Bytes,
    /// Files.
    Files,
    /// Files, most of which are programs for x86.
    X86Programs,
}

impl Content {
    /// That of a delta's stream.
    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Seeks | Role::AddLengths | Role::CopyLengths => Self::Numbers,
            Role::RunLengths | Role::Literals | Role::Extra => Self::Bytes,
        }
    }
}

/// Whether a file that begins so is an executable or a library for x86, of 32 or 64 bits. Relocatable files are none:
/// the targets of their calls are not in the code.
pub(super) fn is_x86_program(start: &[u8]) -> bool {
    start.starts_with(b"\x7fELF")
        && start.get(5) == Some(&1)
        && matches!(start.get(16..20), Some([2 | 3, 0, 3 | 62, 0]))
}

/// Whether the filter makes these programs smaller. Mostly it does, by a twentieth; but in programs that are largely the
/// same, calls that were alike differ behind it. So a quick encoder tries both: where that was measured, it agreed with a
/// slow one about which is smaller.
///
/// # Errors
/// When there is no memory.
pub(super) fn filter_pays(programs: &[u8], window_log: u32) -> io::Result<bool> {
    let length = |coder| {
        let mut options = LzmaOptions::new_preset(QUICK_PRESET)?;
        options.dict_size(1 << dictionary_log(window_log));
        let stream = Stream::new_raw_encoder(&filters(coder, &options))?;
        let mut encoder = XzEncoder::new_stream(io::sink(), stream);
        encoder.write_all(programs)?;
        encoder.try_finish()?;
        Ok::<u64, io::Error>(encoder.total_out())
    };
    Ok(length(Coder::X86Lzma)? < length(Coder::Lzma)?)
}

/// The dictionary for a stream whose window may have this logarithm.
fn dictionary_log(window_log: u32) -> u32 {
    window_log.max(MIN_DICTIONARY_LOG)
}

/// Compresses what is written to it; the window that the plain bytes may have is `window_log`.
pub(super) fn encoder<W: Write>(mut out: W, content: Content, window_log: u32) -> io::Result<XzEncoder<W>> {
    // Measured, see `docs/BENCHMARKS.md`, "Coders". Searching longer does not make programs smaller.
    let (coder, preset, literal_context, position) = match content {
        Content::Numbers => (Coder::Lzma, PRESET, 1, 0),
        Content::Bytes => (Coder::Lzma, PRESET, 3, 0),
        Content::Files => (Coder::Lzma, PRESET, 3, 2),
        Content::X86Programs => (Coder::X86Lzma, PROGRAMS_PRESET, 3, 2),
    };
    let dictionary_log = dictionary_log(window_log);
    let mut options = LzmaOptions::new_preset(preset)?;
    options.dict_size(1 << dictionary_log).literal_context_bits(literal_context).position_bits(position);
    out.write_all(&[coder as u8, dictionary_log as u8])?;
    Ok(XzEncoder::new_stream(out, Stream::new_raw_encoder(&filters(coder, &options))?))
}

/// Decodes the stream that `input` begins with. Memory is taken at once: the dictionary, which is not larger than
/// `window_log` allows, and about 100 KiB.
pub(super) fn decoder<R: BufRead>(
    name: &'static str,
    mut input: R,
    window_log: u32,
) -> Result<XzDecoder<R>, PackError> {
    let failed = |source: io::Error| PackError::Decode { stream: name, source };
    let header = input.fill_buf().map_err(failed)?.first_chunk().copied();
    let [coder, dictionary_log] = header.ok_or(PackError::BadStream { stream: name, what: "it has no beginning" })?;
    input.consume(HEADER_BYTES);
    let coder = match coder {
        1 => Coder::Lzma,
        2 => Coder::X86Lzma,
        _ => return Err(PackError::BadStream { stream: name, what: "no known coder has made it" }),
    };
    let dictionary_log = u32::from(dictionary_log);
    if !(MIN_DICTIONARY_LOG..=self::dictionary_log(window_log)).contains(&dictionary_log) {
        return Err(PackError::BadStream { stream: name, what: "its dictionary is not as its length allows" });
    }
    let mut options = LzmaOptions::new();
    options.dict_size(1 << dictionary_log);
    let stream = Stream::new_raw_decoder(&filters(coder, &options)).map_err(|error| failed(error.into()))?;
    Ok(XzDecoder::new_stream(input, stream))
}

fn filters(coder: Coder, options: &LzmaOptions) -> Filters {
    let mut filters = Filters::new();
    if coder == Coder::X86Lzma {
        filters.x86();
    }
    filters.lzma2(options);
    filters
}
