//! What `cargo xtask` does, and what the tests share with it.
//!
//! Nothing here uses the library: the judge and the fixtures must not err where the library errs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

pub mod bench;
mod cargo;
pub mod ci;
pub mod conformance;
pub mod crash;
pub mod demo;
pub mod dist;
pub mod floors;
pub mod fuzz;
pub mod hostile;
pub mod judge;
mod log;
pub mod looks;
pub mod network;
pub mod oracle;
pub mod programs;
pub mod publication;
pub mod schemas;
pub mod scratch;
pub mod small_os;
pub mod trees;
mod workers;
