//! How the C library keeps memory: set before anything is allocated.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::common::PROGRAM;

/// The variable by which glibc learns from which size on a piece of memory is a mapping of its own.
const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";
/// 1 MiB.
const BYTES: &str = "1048576";

/// Starts this program again with large pieces of memory as mappings of their own, unless whoever started it has said how
/// that is to be.
///
/// Left alone, glibc raises this size to that of the largest piece that was given back, and keeps all below it: an update of a
/// whole machine then holds 90 MiB instead of 55. It reads the variable when a program starts, and at no other time.
pub(crate) fn give_back_large_pieces() {
    if std::env::var_os(THRESHOLD).is_some() {
        return;
    }
    // Where a loader runs the program, that is the loader.
    let is_this = |program: &PathBuf| program.file_name().is_some_and(|name| name == PROGRAM);
    let Some(program) = std::env::current_exe().ok().filter(is_this) else { return };
    let mut words = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = words.next() {
        again.arg0(name);
    }
    // Only returns when it fails; then more memory is used, and nothing else is different.
    let error = again.args(words).env(THRESHOLD, BYTES).exec();
    tracing::debug!(%error, "cannot start again with the threshold set");
}
