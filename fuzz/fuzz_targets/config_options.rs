//! A list of options, as oslo's generator writes it.
//!
//! Invariant: no panic.
#![no_main]

use stateless_update_fuzz::configuration;

libfuzzer_sys::fuzz_target!(|input: &[u8]| configuration::options(input));
