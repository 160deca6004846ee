//! A file with an xz stream, as a machine has it.
//!
//! Invariant: no panic; what is decompressed is bounded; the file's form, if it has one, makes it again.
#![no_main]

use stateless_update_fuzz::deltas;

libfuzzer_sys::fuzz_target!(|input: &[u8]| deltas::xz_file(input));
