//! An archive of overrides.
//!
//! Invariant: no panic; what is taken lies beneath etc, and is written and read again as the same.
#![no_main]

use stateless_update_fuzz::configuration;

libfuzzer_sys::fuzz_target!(|input: &[u8]| configuration::saved(input));
