//! A declaration of configuration layers, and a file that it describes.
//!
//! Invariant: no panic; no place outside of the program's directories.
#![no_main]

use stateless_update_fuzz::configuration;

libfuzzer_sys::fuzz_target!(|input: &[u8]| configuration::declaration(input));
