//! A bundle definition, TOML that a release engineer writes.
//!
//! Invariant: no panic, bounded time and memory.
#![no_main]

use stateless_update_fuzz::documents;

libfuzzer_sys::fuzz_target!(|input: &[u8]| documents::bundle_definition(input));
