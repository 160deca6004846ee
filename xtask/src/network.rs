//! `cargo xtask network-test`: every fault at every kind of file, for as long as it lasts or until it passes.
//!
//! The origin that is wrong, and the judgement, are a part of the integration suite, `tests/suite/faults`, which tries a
//! sample with every change. Here all of it is tried.

use std::path::Path;

use anyhow::Result;

use crate::cargo;

/// The test that tries all of it.
const ALL: &str = "faults::all_faults";

/// Tries all of it.
///
/// # Errors
/// When a promise is broken; which one is told by the suite.
pub fn run(checkout: &Path) -> Result<()> {
    cargo::suite(checkout, ALL, &[], "a promise is broken")
}
