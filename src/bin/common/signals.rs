//! Ctrl-C and friends: the process may die at any moment (the client's engine is made for it, and so is the order in which
//! the publisher writes), but the terminal is left in order and a script gets its result.

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::{Face, Failure};

/// Has the first signal that comes from now on end the process.
pub(crate) fn watch(runtime: &Runtime, face: Arc<Face>) {
    let _entered = runtime.enter();
    // Not SIGHUP: `nohup` has it ignored, which a handler would undo.
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    let [Ok(mut interrupt), Ok(mut terminate)] = kinds.map(signal) else {
        // Then the system's own handling applies, which is to die.
        return;
    };
    runtime.spawn(async move {
        let (name, number) = tokio::select! {
            _ = interrupt.recv() => ("SIGINT", 2),
            _ = terminate.recv() => ("SIGTERM", 15),
        };
        // Where the run has ended by itself just now, that is its end.
        std::process::exit(face.end(&Err(Failure::interrupted(name, number))).into());
    });
}
