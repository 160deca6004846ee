//! A block of a pack, whatever its index says: whole blobs, deltas, forms and predicted deltas.
//!
//! Invariant: no panic; a build writes exactly its size or ends in an error before; what can be built can be skipped; memory
//! within the limit of the run.
#![no_main]

use stateless_update_fuzz::packs;

libfuzzer_sys::fuzz_target!(|input: &[u8]| packs::block(input));
