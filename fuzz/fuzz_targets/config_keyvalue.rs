//! A file of keys and values.
//!
//! Invariant: no panic; lines are those of the file; values are bounded; an edit can be read again.
#![no_main]

use stateless_update_fuzz::configuration;

libfuzzer_sys::fuzz_target!(|input: &[u8]| configuration::keyvalue(input));
