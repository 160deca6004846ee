//! TUF metadata as a client's look at a publication reads it.
//!
//! Invariant: no panic; what is taken is taken again, and bounds the release document.
#![no_main]

use stateless_update_fuzz::metadata;

libfuzzer_sys::fuzz_target!(|input: &[u8]| metadata::trust_metadata(input));
