//! Deltas of all kinds, gzip files, and files with an xz stream.

use stateless_update::delta::{self, Delta, DeltaError, References, Streams};
use stateless_update::{gzip, xz};

use super::parts::{length, parts};

/// The most that anything here makes.
const LIMIT: u64 = 1 << 20;
/// The largest dictionary of a form: that of `xz` without options.
const XZ_DICTIONARY: u32 = 8 << 20;

/// Length of the new content, old content, six streams; they are taken for a plain delta and for a predicted one. Each
/// makes exactly the length or ends in an error before; what can be applied can be skipped.
pub fn apply(input: &[u8]) {
    let [size, old, streams @ ..]: [&[u8]; 8] = parts(input);
    let size = length(size, LIMIT);
    for references in [References::Plain, References::Predicted] {
        if whole(size, |out| applied(references, streams, old, size, out)).is_some() {
            let mut streams = Streams::from_array(streams);
            let skipped = match references {
                References::Plain => delta::skip(&mut streams, size),
                References::Predicted => delta::skip_predicted(&mut streams, size),
            };
            skipped.expect("what can be applied can be skipped");
        }
    }
}

/// Old content, new content. Both kinds of delta that are made of them make the new one out of the old one.
pub fn make(input: &[u8]) {
    let [old, new] = parts(input);
    let plain = Delta::make(old, new);
    let predicted = plain.predicted(old, new);
    for made in std::iter::once(&plain).chain(&predicted) {
        let streams = made.streams.as_ref().into_array().map(|stream| &stream[..]);
        let mut out = Vec::new();
        applied(made.references, streams, old, made.new_size, &mut out).expect("its own delta");
        assert_eq!(out, new);
    }
}

/// Length of the file, form. The form makes a file of exactly that length or ends in an error before; when that file
/// has a form, it is made again from it.
pub fn gzip_form(input: &[u8]) {
    let [size, form] = parts(input);
    let size = length(size, LIMIT);
    if let Some(file) = whole(size, |out| gzip::rewrap(form, size, out)) {
        gzip_file(&file);
    }
}

/// A file. When it has a form, the form makes it again; what a delta to a form starts from is bounded.
pub fn gzip_file(input: &[u8]) {
    if let Some(form) = gzip::unwrap(input) {
        let mut file = Vec::new();
        gzip::rewrap(&form, input.len() as u64, &mut file).expect("its own form");
        assert_eq!(file, input);
    }
    assert!(gzip::base_form(input).is_none_or(|form| form.len() as u64 <= gzip::MAX_BYTES));
}

/// Length of the file, form. The form makes a file of exactly that length or ends in an error before.
pub fn xz_form(input: &[u8]) {
    let [size, form] = parts(input);
    // The compressor takes eleven dictionaries, and a run has no room for larger ones.
    let dictionary = form.last_chunk::<6>().map_or(0, |&[a, b, c, d, ..]| u32::from_le_bytes([a, b, c, d]));
    if dictionary > XZ_DICTIONARY {
        return;
    }
    let size = length(size, LIMIT);
    whole(size, |out| xz::rewrap(form, size, out));
}

/// A file. What a delta to a form starts from is bounded; when the file has a form, that makes it again.
pub fn xz_file(input: &[u8]) {
    let Some(form) = xz::base_form(input) else { return };
    assert!(form.len() as u64 <= xz::MAX_BYTES);
    let mut file = Vec::new();
    let own = xz::rewrap(&form, input.len() as u64, &mut file).is_ok() && file == input;
    assert_eq!(xz::unwrap(input), own.then_some(form));
}

/// What was made, of which there is exactly the declared length; nothing when making it ended in an error before.
fn whole<E>(size: u64, make: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let made = make(&mut out);
    assert!(out.len() as u64 <= size);
    made.ok()?;
    assert_eq!(out.len() as u64, size);
    Some(out)
}

fn applied(
    references: References,
    streams: [&[u8]; 6],
    old: &[u8],
    size: u64,
    out: &mut Vec<u8>,
) -> Result<(), DeltaError> {
    let mut streams = Streams::from_array(streams);
    match references {
        References::Plain => delta::apply(&mut streams, &old, size, out),
        References::Predicted => delta::apply_predicted(&mut streams, &old, size, delta::MAX_PREDICTED_BYTES, out),
    }
}
