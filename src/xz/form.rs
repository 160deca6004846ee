//! A file with an xz stream as its payload and the rest; and back.

use std::io::Write;

use super::coder::Chain;
use super::container::Shape;
use super::{MAX_BYTES, XzError, place};
use crate::gzip::Compare;

/// Length of the parameters at the end of a form.
const PARAMETERS: usize = 18;

/// The form of a file with one xz stream; none when it has none where one would be, or its compressor is not the one that
/// is repeated, or it or its form is longer than [`MAX_BYTES`].
///
/// Takes as long as decompressing and compressing it, and [`super::CODER_MEMORY_BYTES`] besides file and form.
pub fn unwrap(file: &[u8]) -> Option<Vec<u8>> {
    let form = base_form(file)?;
    rewrap(&form, file.len() as u64, &mut Compare::new(file)).ok()?;
    Some(form)
}

/// What a delta to a form starts from when the old file is `old`: if that has an xz stream where one would be, its form,
/// whatever compressor made it. None for any other file: the delta then starts from the file as it is.
pub fn base_form(old: &[u8]) -> Option<Vec<u8>> {
    let start = place(old)?;
    if old.len() as u64 > MAX_BYTES {
        return None;
    }
    let (before, rest) = old.split_at_checked(start)?;
    let mut form = Vec::new();
    let (shape, length) = Shape::open(rest, &mut form, MAX_BYTES as usize)?;
    let (payload, after) = (form.len() as u32, &rest[length..]);
    form.extend_from_slice(before);
    form.extend_from_slice(after);
    form.extend_from_slice(&Parameters { shape, payload, before: start as u32 }.to_bytes());
    (form.len() as u64 <= MAX_BYTES).then_some(form)
}

/// Writes the file of `size` bytes that has this form.
///
/// # Errors
/// When the form is broken or does not make a file of that length, or `out` cannot be written. At most `size` bytes have
/// been written.
pub fn rewrap(form: &[u8], size: u64, out: &mut dyn Write) -> Result<(), XzError> {
    if form.len() as u64 > MAX_BYTES {
        return Err(XzError::bad("it is too long"));
    }
    let cut_off = || XzError::bad("it is cut off");
    let (rest, parameters) = form.split_last_chunk::<PARAMETERS>().ok_or_else(cut_off)?;
    let Parameters { shape, payload, before } = Parameters::from_bytes(parameters)?;
    let (payload, rest) = rest.split_at_checked(payload as usize).ok_or_else(cut_off)?;
    let (before, after) = rest.split_at_checked(before as usize).ok_or_else(cut_off)?;
    let mut left = size;
    let mut write = |bytes: &[u8]| {
        left = left.checked_sub(bytes.len() as u64).ok_or(XzError::WrongSize { size })?;
        out.write_all(bytes).map_err(|source| XzError::Write { source })
    };
    write(before)?;
    shape.write(payload, &mut write)?;
    write(after)?;
    if left == 0 { Ok(()) } else { Err(XzError::WrongSize { size }) }
}

/// What stands at the end of a form, integers little-endian.
struct Parameters {
    shape: Shape,
    /// Length of the payload.
    payload: u32,
    /// Length of what stands before the stream in the file.
    before: u32,
}

impl Parameters {
    fn to_bytes(&self) -> [u8; PARAMETERS] {
        let Shape { chain: Chain { x86, dictionary }, lengths, header, block } = self.shape;
        let mut bytes = [0; PARAMETERS];
        for (place, number) in bytes.chunks_exact_mut(4).zip([self.payload, self.before, block, dictionary]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes[16] = header;
        bytes[17] = u8::from(x86) | u8::from(lengths) << 1;
        bytes
    }

    fn from_bytes(bytes: &[u8; PARAMETERS]) -> Result<Self, XzError> {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let flags = bytes[17];
        if flags > 3 {
            return Err(XzError::bad("its flags are unknown"));
        }
        let chain = Chain { x86: flags & 1 != 0, dictionary: number(12) };
        let shape = Shape { chain, lengths: flags & 2 != 0, header: bytes[16], block: number(8) };
        Ok(Self { shape, payload: number(0), before: number(4) })
    }
}
