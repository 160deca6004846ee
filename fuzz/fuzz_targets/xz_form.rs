//! The form of a file with an xz stream, as a pack brings it.
//!
//! Invariant: no panic; exactly the declared length comes out or an error before.
#![no_main]

use stateless_update_fuzz::deltas;

libfuzzer_sys::fuzz_target!(|input: &[u8]| deltas::xz_form(input));
