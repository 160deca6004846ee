//! Ctrl-C and friends: the process may die at any moment (the engine is made for it), but the terminal is left in order
//! and a script gets its result.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::common::Face;
use super::failure::interrupted;

/// Waits for the first signal and ends the process.
pub(crate) async fn watch(face: Arc<Face>) {
    // Not SIGHUP: `nohup` has it ignored, which a handler would undo.
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    let [Ok(mut interrupt), Ok(mut terminate)] = kinds.map(signal) else {
        // Then the system's own handling applies, which is to die.
        return;
    };
    let (name, number) = tokio::select! {
        _ = interrupt.recv() => ("SIGINT", 2),
        _ = terminate.recv() => ("SIGTERM", 15),
    };
    // Where the run has ended by itself just now, that is its end.
    std::process::exit(face.end(&Err(interrupted(name, number))).into());
}
