//! A search index.
//!
//! Invariant: no panic; what is taken tells each path once, in order, with bundles that there are; what is expanded has
//! the length that was declared.
#![no_main]

use stateless_update_fuzz::documents;

libfuzzer_sys::fuzz_target!(|input: &[u8]| documents::search_index(input));
