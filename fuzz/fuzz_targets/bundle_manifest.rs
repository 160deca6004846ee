//! A bundle manifest: its compressed form, and its JSON.
//!
//! Invariant: no panic; what is taken is written and read again as the same; no more is expanded than was declared.
#![no_main]

use stateless_update_fuzz::documents;

libfuzzer_sys::fuzz_target!(|input: &[u8]| documents::bundle_manifest(input));
