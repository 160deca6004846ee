//! A pack's head and the index in it.
//!
//! Invariant: no panic; places follow each other; counts within their limits, memory in proportion to what is there.
#![no_main]

use stateless_update_fuzz::packs;

libfuzzer_sys::fuzz_target!(|input: &[u8]| packs::head(input));
