//! An object, as it arrives in pieces.
//!
//! Invariant: no panic; exactly the declared length comes out or an error; taken in pieces it is the same blob.
#![no_main]

use stateless_update_fuzz::packs;

libfuzzer_sys::fuzz_target!(|input: &[u8]| packs::object(input));
