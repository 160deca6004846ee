//! A header of a publication that travels as one file.
//!
//! Invariant: no panic; no path leads elsewhere; what is taken is written and read again as the same.
#![no_main]

use stateless_update_fuzz::documents;

libfuzzer_sys::fuzz_target!(|input: &[u8]| documents::archive_header(input));
