//! Ctrl-C and friends: the process may die at any moment (the client's engine is made for it, and so is the order in which
//! the publisher writes), but the terminal is left in order and a script gets its result.

use std::sync::Arc;
use std::time::Duration;
use std::{fs, process, thread};

use futures::future::select_all;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::{Face, Failure};

/// What ends a run, by name and number. Not SIGHUP, after which there is nobody to tell.
const ENDS: [(&str, u8); 2] = [("SIGINT", 2), ("SIGTERM", 15)];
/// For so long the last word may take: a reader that has stopped, and with it the run, never takes it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Has the first signal that comes from now on end the process. That is a thread's own business, for all others may be
/// waiting for a reader just then.
pub(crate) fn watch(face: Arc<Face>) -> Result<(), Failure> {
    let cannot = |error| Failure::local("cannot watch for signals".to_owned(), &error);
    let runtime = Builder::new_current_thread().enable_io().build().map_err(cannot)?;
    let entered = runtime.enter();
    let ignored = ignored();
    let ends = ENDS.into_iter().filter(|(_, number)| ignored >> (number - 1) & 1 == 0);
    let watched = ends.map(|end| Ok((end, signal(SignalKind::from_raw(end.1.into()))?)));
    let mut watched = watched.collect::<Result<Vec<_>, _>>().map_err(cannot)?;
    drop(entered);
    if !watched.is_empty() {
        let wait = move || {
            let comes = watched.iter_mut().map(|(_, signal)| Box::pin(signal.recv()));
            let (_, which, _) = runtime.block_on(select_all(comes));
            let (name, number) = watched[which].0;
            end(&face, Failure::interrupted(name, number));
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(cannot)?;
    }
    Ok(())
}

/// Ends the process. Where the run has ended by itself just now, that is its end.
fn end(face: &Face, failure: Failure) {
    let code = failure.kind.exit_code.into();
    // Where there can be no more threads, the last word is waited for.
    let _ = thread::Builder::new().spawn(move || {
        thread::sleep(PATIENCE);
        process::exit(code);
    });
    process::exit(face.end(&Err(failure)).into());
}

/// The signals that this process was started to ignore, a bit each from the lowest: `nohup` says so, and shells do of what
/// they run in the background. A handler would undo it.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
