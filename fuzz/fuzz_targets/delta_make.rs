//! Making a delta between any two contents, plain and with predicted references.
//!
//! Invariant: apply(make(old, new)) = new.
#![no_main]

use stateless_update_fuzz::deltas;

libfuzzer_sys::fuzz_target!(|input: &[u8]| deltas::make(input));
