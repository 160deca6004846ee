//! Packs and what is fetched beside them.

use std::io::{self, Write};

use stateless_update::delta::ReadAt;
use stateless_update::pack::{
    Block, BlockReader, Build, Index, MAX_BUILDS, Method, ObjectDecoder, STREAMS, ShortId, StreamLengths,
    apply_text_delta, make_text_delta,
};
use stateless_update::types::Digest;

use super::parts::{length, parts};

/// The most that anything here makes: it must fit into the fuzzer's memory beside what makes it.
const LIMIT: u64 = 4 << 20;
/// Flags, size and length of the form of one build.
const BUILD_BYTES: usize = 7;
/// The most builds of a block here.
const BUILDS: usize = 16;
/// Flag of a build: it is skipped.
pub const SKIPPED: u8 = 0x80;

/// A pack's head, or an index that is compressed into one, so that mutations reach it. What is taken says the same each
/// time, has its blocks one after the other behind the head, and no more builds than a pack may have.
pub fn head(input: &[u8]) {
    let head = if input.starts_with(b"SUPACK") { input.to_vec() } else { head_of(input) };
    let Ok(index) = Index::parse(&head) else { return };
    assert_eq!(Index::parse(&head).expect("the same bytes"), index);
    let mut end = head.len() as u64;
    for delta in index.manifest_deltas() {
        assert!(delta.offset >= end);
        end = delta.offset.checked_add(delta.length).expect("a place in a file");
    }
    for placed in index.blocks() {
        assert!(placed.offset >= end);
        end = placed.offset.checked_add(placed.block.length()).expect("a place in a file");
    }
    assert!(index.blocks().iter().map(|placed| placed.block.builds.len() as u64).sum::<u64>() <= MAX_BUILDS);
}

/// Builds, old content, seven streams. The first byte of the builds says whether the streams are compressed already;
/// each such stream begins with its plain length. A build makes exactly its size or ends in an error before; what can be
/// built can be skipped.
pub fn block(input: &[u8]) {
    let [head, base, streams @ ..]: [&[u8]; 2 + STREAMS] = parts(input);
    let Some((packed, builds)) = head.split_first() else { return };
    let streams = streams.map(|stream| if packed & 1 == 1 { Stream::packed(stream) } else { Stream::plain(stream) });
    let bytes: Vec<u8> = streams.iter().flat_map(|stream| stream.bytes.iter().copied()).collect();
    let id = ShortId::of(&Digest::of(b""), 4);
    let specified = builds.chunks_exact(BUILD_BYTES).take(BUILDS);
    let skipped: Vec<bool> = specified.clone().map(|build| build[0] & SKIPPED != 0).collect();
    let builds = specified.map(|build| Build {
        id,
        size: length(&build[1..4], LIMIT),
        method: method(build[0] & !SKIPPED, id, length(&build[4..7], LIMIT)),
    });
    let block = Block {
        digest: Digest::of(&bytes),
        streams: streams.each_ref().map(|stream| stream.lengths),
        builds: builds.collect(),
    };
    let base: &dyn ReadAt = &base;
    let made = through(&block, &bytes, |reader, number| {
        let Build { size, .. } = reader.next_build().expect("one is left");
        if skipped[number] {
            return reader.skip().is_ok();
        }
        let mut out = Bounded { left: size };
        let made = reader.build(Some(base), &mut out).is_ok();
        assert!(!made || out.left == 0, "{} bytes are missing", out.left);
        made
    });
    if made {
        assert!(through(&block, &bytes, |reader, _| reader.skip().is_ok()), "it can be built, but not skipped");
    }
}

/// Length of the blob, object. Exactly that comes out or an error; an object that is taken whole and in pieces gives the
/// same blob. It need not be taken both ways: zstd itself overlooks in pieces that a frame promised more than nothing.
pub fn object(input: &[u8]) {
    let [size, object] = parts(input);
    let size = length(size, LIMIT);
    let decode = |piece: usize| -> io::Result<Vec<u8>> {
        let mut decoder = ObjectDecoder::new(size, Vec::new())?;
        object.chunks(piece).try_for_each(|piece| decoder.write_all(piece))?;
        decoder.finish()
    };
    let taken = [decode(object.len().max(1)).ok(), decode(7).ok()];
    assert!(taken.iter().flatten().all(|blob| blob.len() as u64 == size));
    if let [Some(whole), Some(pieces)] = taken {
        assert_eq!(whole, pieces);
    }
}

/// Length of the new manifest, old manifest, frame or new manifest. A frame makes exactly the length or nothing; the
/// frame that is made for two texts makes the second out of the first.
pub fn manifest_delta(input: &[u8]) {
    let [declared, old, frame] = parts(input);
    let declared = length(declared, LIMIT);
    if let Ok(new) = apply_text_delta(old, frame, declared) {
        assert_eq!(new.len() as u64, declared);
    }
    let made = make_text_delta(old, frame).expect("short enough");
    assert_eq!(apply_text_delta(old, &made, frame.len() as u64).expect("its own frame"), frame);
}

/// Opens a block and gives each of its builds to `step` until one fails; says whether none did and nothing was left.
fn through(
    block: &Block<ShortId>,
    bytes: &[u8],
    mut step: impl FnMut(&mut BlockReader<'_, ShortId>, usize) -> bool,
) -> bool {
    let Ok(mut reader) = BlockReader::open(block, &bytes, 0) else { return false };
    (0..block.builds.len()).all(|number| step(&mut reader, number)) && reader.finish().is_ok()
}

/// The head around a plain index.
pub fn head_of(index: &[u8]) -> Vec<u8> {
    let packed = zstd::bulk::compress(index, 1).expect("memory");
    let mut head = b"SUPACK01".to_vec();
    push_number(&mut head, packed.len());
    push_number(&mut head, index.len());
    head.extend(packed);
    head
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// By the numbers of the format, but never `XzForm`: its compressor may take 384 MiB, more than a run has; the library's own
/// tests give it any bytes.
fn method(number: u8, base: ShortId, form: u64) -> Method<ShortId> {
    match number % 7 {
        1 => Method::Delta { base },
        2 => Method::WholeForm { form },
        3 => Method::DeltaForm { base, form },
        4 => Method::Predicted { base },
        6 => Method::Text { base, frame: form },
        _ => Method::Whole,
    }
}

/// One stream as it lies in a block.
struct Stream {
    bytes: Vec<u8>,
    lengths: StreamLengths,
}

impl Stream {
    fn plain(stream: &[u8]) -> Self {
        let bytes = if stream.is_empty() { Vec::new() } else { zstd::bulk::compress(stream, 1).expect("memory") };
        Self { lengths: StreamLengths { packed: bytes.len() as u64, plain: stream.len() as u64 }, bytes }
    }

    fn packed(stream: &[u8]) -> Self {
        let bytes = stream.get(3..).unwrap_or_default().to_vec();
        Self { lengths: StreamLengths { packed: bytes.len() as u64, plain: length(stream, LIMIT) }, bytes }
    }
}

/// Takes so many bytes and panics at the next.
struct Bounded {
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len() as u64).expect("no more than the build's size");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
