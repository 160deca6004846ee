//! A delta, plain and with predicted references, on any old content.
//!
//! Invariant: no panic; exactly the declared length comes out or an error before; what can be applied can be skipped.
#![no_main]

use stateless_update_fuzz::deltas;

libfuzzer_sys::fuzz_target!(|input: &[u8]| deltas::apply(input));
