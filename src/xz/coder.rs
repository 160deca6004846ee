//! The compressor and its opposite, for one block of a stream.

use liblzma::stream::{Action, Error, Filters, LzmaOptions, Status, Stream};

use super::{MAX_DICTIONARY_BYTES, XzError};

/// The preset whose settings are used for everything but the dictionary.
const PRESET: u32 = 6;
/// Bytes are handed on in pieces of this many.
const PIECE_BYTES: usize = 64 << 10;

/// Through what a block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// Whether addresses in x86 code are made absolute first.
    pub(super) x86: bool,
    /// Bytes of LZMA2's dictionary.
    pub(super) dictionary: u32,
}

/// Compresses `plain` and hands the bytes on in pieces.
pub(super) fn compress(
    plain: &[u8],
    chain: Chain,
    sink: &mut impl FnMut(&[u8]) -> Result<(), XzError>,
) -> Result<(), XzError> {
    let failed = |source| XzError::Compress { source };
    let mut stream = Stream::new_raw_encoder(&filters(chain).map_err(failed)?).map_err(failed)?;
    run(&mut stream, plain, &mut |piece| sink(piece), failed).map(drop)
}

/// Appends what `packed` begins with, decompressed, to `plain`, which grows to at most `limit` bytes, and gives how many bytes
/// that took; none when it is broken or too long.
pub(super) fn decompress(packed: &[u8], chain: Chain, plain: &mut Vec<u8>, limit: usize) -> Option<usize> {
    let mut stream = Stream::new_raw_decoder(&filters(chain).ok()?).ok()?;
    let mut sink = |piece: &[u8]| {
        let fits = plain.len() + piece.len() <= limit;
        fits.then(|| plain.extend_from_slice(piece)).ok_or(XzError::bad("it is too long"))
    };
    run(&mut stream, packed, &mut sink, |source| XzError::Compress { source }).ok()
}

fn filters(chain: Chain) -> Result<Filters, Error> {
    debug_assert!(chain.dictionary <= MAX_DICTIONARY_BYTES);
    let mut options = LzmaOptions::new_preset(PRESET)?;
    options.dict_size(chain.dictionary);
    let mut filters = Filters::new();
    if chain.x86 {
        filters.x86();
    }
    filters.lzma2(&options);
    Ok(filters)
}

/// Runs a coder over `input` up to its end, and gives how much of the input it took.
fn run(
    stream: &mut Stream,
    input: &[u8],
    sink: &mut dyn FnMut(&[u8]) -> Result<(), XzError>,
    failed: impl Fn(Error) -> XzError,
) -> Result<usize, XzError> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let (taken, given) = (stream.total_in() as usize, stream.total_out());
        let status = stream.process(&input[taken..], &mut piece, Action::Finish).map_err(&failed)?;
        sink(&piece[..(stream.total_out() - given) as usize])?;
        match status {
            Status::StreamEnd => return Ok(stream.total_in() as usize),
            Status::MemNeeded => return Err(failed(Error::Data)),
            Status::Ok | Status::GetCheck => {}
        }
    }
}
