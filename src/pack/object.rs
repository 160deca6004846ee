//! The object: one blob as published alone, one zstd frame. What a client falls back to when no pack has the blob.

use std::io::{self, Read, Write};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer, WriteBuf};
use zstd::stream::zio::Writer;

use super::frame::MAGIC;

/// The largest window that is written and accepted: 128 MiB.
const WINDOW_LOG: u32 = super::WHOLE_WINDOW_LOG;

/// Writes the object of the `size` bytes that `content` gives.
///
/// # Errors
/// Those of the reader and the writer; when the content has another size.
pub fn write_object(content: impl Read, size: u64, level: i32, out: impl Write) -> io::Result<()> {
    let mut encoder = zstd::stream::write::Encoder::new(out, level)?;
    encoder.set_pledged_src_size(Some(size))?;
    let mut content = content.take(size + 1);
    let copied = io::copy(&mut content, &mut encoder)?;
    if copied != size {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{copied} bytes came where {size} were due")));
    }
    encoder.finish()?.flush()
}

/// Takes an object piece by piece as it arrives and writes the blob.
///
/// Never writes more than the blob's size, and never holds more than the window, which is at most the blob's size rounded
/// up to a power of two (and at least 1 KiB).
pub struct ObjectDecoder<W: Write> {
    inner: Writer<Bounded<W>, OneFrame>,
}

/// Decodes one plain zstd frame, where zstd's own decoders would also pass over skippable frames, read formats before zstd's,
/// and go on with the next frame.
struct OneFrame {
    decoder: Decoder<'static>,
    /// Bytes of it that came so far.
    taken: usize,
}

struct Bounded<W> {
    out: W,
    left: u64,
}

impl<W: Write> ObjectDecoder<W> {
    /// A decoder for a blob of `size` bytes.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(size: u64, out: W) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(super::frame::window_log(size, WINDOW_LOG)))?;
        Ok(Self { inner: Writer::new(Bounded { out, left: size }, OneFrame { decoder, taken: 0 }) })
    }

    /// Ends the object and gives back where the blob went.
    ///
    /// # Errors
    /// When bytes of the frame or of the blob are missing.
    pub fn finish(mut self) -> io::Result<W> {
        self.inner.finish()?;
        let (Bounded { out, left }, _) = self.inner.into_inner();
        match left {
            0 => Ok(out),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the object ends {left} bytes early"))),
        }
    }
}

impl Operation for OneFrame {
    fn run<C: WriteBuf + ?Sized>(
        &mut self,
        input: &mut InBuffer<'_>,
        output: &mut OutBuffer<'_, C>,
    ) -> io::Result<usize> {
        let start = input.pos();
        let magic = &MAGIC[self.taken.min(MAGIC.len())..];
        if input.src[start..].iter().zip(magic).any(|(found, wanted)| found != wanted) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the object does not begin as a zstd frame"));
        }
        let hint = self.decoder.run(input, output)?;
        self.taken = self.taken.saturating_add(input.pos() - start);
        Ok(hint)
    }

    fn flush<C: WriteBuf + ?Sized>(&mut self, output: &mut OutBuffer<'_, C>) -> io::Result<usize> {
        self.decoder.flush(output)
    }

    /// Is asked for where something follows a frame.
    fn reinit(&mut self) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::InvalidData, "bytes follow the object's frame"))
    }

    fn finish<C: WriteBuf + ?Sized>(
        &mut self,
        output: &mut OutBuffer<'_, C>,
        finished_frame: bool,
    ) -> io::Result<usize> {
        self.decoder.finish(output, finished_frame)
    }
}

impl<W: Write> Write for ObjectDecoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        let left = left.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "the object makes more bytes than the blob has")
        })?;
        self.out.write_all(bytes)?;
        self.left = left;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(object: &[u8], size: u64, piece: usize) -> io::Result<Vec<u8>> {
        let mut decoder = ObjectDecoder::new(size, Vec::new())?;
        object.chunks(piece).try_for_each(|piece| decoder.write_all(piece))?;
        decoder.finish()
    }

    #[test]
    fn what_goes_in_comes_out_and_nothing_else() {
        for content in [b"".to_vec(), b"x".to_vec(), vec![7; 300_000]] {
            let size = content.len() as u64;
            let mut object = Vec::new();
            write_object(&content[..], size, 3, &mut object).expect("memory");
            assert_eq!(decode(&object, size, 7).expect("whole"), content);
            assert!(decode(&object, size + 1, 1000).is_err());
            assert!(size == 0 || decode(&object, size - 1, 1000).is_err());
            assert!(size == 0 || decode(&object[..object.len() / 2], size, 1000).is_err());
            assert!(write_object(&content[..], size + 1, 3, io::sink()).is_err());
        }
    }

    #[test]
    fn only_one_plain_frame_is_an_object() {
        let mut good = Vec::new();
        write_object(&b"good"[..], 4, 3, &mut good).expect("memory");
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        let legacy = [0x27, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0];
        let (begins, follows) = ("does not begin as a zstd frame", "bytes follow the object's frame");
        let cases: [(&[&[u8]], u64, &str); 8] = [
            (&[&skippable, &good], 4, begins),
            (&[&skippable], 0, begins),
            (&[&legacy], 4, begins),
            (&[b"plain"], 5, begins),
            (&[&good, &good], 8, follows),
            (&[&good, &skippable], 4, follows),
            (&[&good, b"more"], 4, follows),
            (&[&good[..good.len() - 1]], 4, "incomplete frame"),
        ];
        for (parts, size, wanted) in cases {
            for piece in [1, 5, 1000] {
                let error = decode(&parts.concat(), size, piece).expect_err(wanted);
                assert!(error.to_string().contains(wanted), "{error}, not {wanted}");
            }
        }
    }
}
