//! A tree that a publisher reads from a tar archive.
//!
//! Invariant: no panic; what is taken lies beneath usr, and another reader of archives finds the same in it.
#![no_main]

use stateless_update_fuzz::trees;

libfuzzer_sys::fuzz_target!(|input: &[u8]| trees::tree_archive(input));
