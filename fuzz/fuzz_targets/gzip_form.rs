//! A gzip file's form, as a pack brings it.
//!
//! Invariant: no panic; exactly the declared length comes out or an error before; a file so made has a form that makes it
//! again, or none.
#![no_main]

use stateless_update_fuzz::deltas;

libfuzzer_sys::fuzz_target!(|input: &[u8]| deltas::gzip_form(input));
