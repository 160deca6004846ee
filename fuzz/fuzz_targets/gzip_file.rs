//! A file that may be gzip.
//!
//! Invariant: no panic; a form makes exactly the file that it was taken from.
#![no_main]

use stateless_update_fuzz::deltas;

libfuzzer_sys::fuzz_target!(|input: &[u8]| deltas::gzip_file(input));
