//! The journal of an exchange, on a machine that finds it after a crash.
//!
//! Invariant: no panic; the live tree stays; nothing outside of the root is touched.
#![no_main]

use stateless_update_fuzz::switching;

libfuzzer_sys::fuzz_target!(|input: &[u8]| switching::journal(input));
