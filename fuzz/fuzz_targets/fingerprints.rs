//! The cache of fingerprints.
//!
//! Invariant: no panic; what is taken is written and read again as the same; memory in proportion to the file.
#![no_main]

use stateless_update_fuzz::documents;

libfuzzer_sys::fuzz_target!(|input: &[u8]| documents::fingerprints(input));
