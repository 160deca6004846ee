//! `cargo xtask hostile`: writes `fixtures/hostile`.
//!
//! What signs and encodes there is the library, so that only what an attack is about is wrong; and nothing in this crate
//! uses the library. The maker is therefore a part of the integration suite, `tests/suite/hostile`, and is called here.

use std::path::Path;

use anyhow::Result;

use crate::cargo;

/// The test that writes instead of testing.
const MAKER: &str = "hostile::write_fixtures";

/// Writes all of them, and removes what is none of them any more.
///
/// # Errors
/// When the maker cannot be built or started, or fails.
pub fn write(checkout: &Path) -> Result<()> {
    cargo::suite(checkout, MAKER, &[], "the maker of fixtures/hostile failed")
}
