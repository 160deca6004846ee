//! A manifest delta, and making one.
//!
//! Invariant: no panic; exactly the declared length comes out or nothing; apply(make(old, new)) = new.
#![no_main]

use stateless_update_fuzz::packs;

libfuzzer_sys::fuzz_target!(|input: &[u8]| packs::manifest_delta(input));
