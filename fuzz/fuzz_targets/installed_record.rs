//! A tree's own record.
//!
//! Invariant: no panic; what is taken is written and read again as the same.
#![no_main]

use stateless_update_fuzz::documents;

libfuzzer_sys::fuzz_target!(|input: &[u8]| documents::installed_record(input));
