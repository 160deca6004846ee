//! How transitions get into the history: when one has ended, an entry is written, whole or not at all.

use jiff::Timestamp;

use super::engine::{Goal, go};
use super::history::write_down;
use super::session::Session;
use super::{ClientError, Mode, Thoroughness, Transition};
use crate::manifest::{Ending, HistoryEntry};
use crate::types::Version;

/// Moves the machine to `goal` for `command`, and remembers it.
pub(super) async fn go_remembered(
    session: &Session,
    command: &str,
    goal: &Goal,
    mode: Mode,
    thoroughness: Thoroughness,
) -> Result<Transition, ClientError> {
    let result = go(session, goal, mode, thoroughness).await;
    remember(session, command, goal.release.release.version, mode, &result);
    result
}

/// Remembers how a transition ended, unless nothing was to be done.
pub(super) fn remember(
    session: &Session,
    command: &str,
    to: Version,
    mode: Mode,
    result: &Result<Transition, ClientError>,
) {
    let Some(machine) = session.locked().filter(|_| mode != Mode::DryRun) else { return };
    let now = Timestamp::now().as_second();
    let from = session.record.as_ref().map(|record| record.installed.version());
    let mut entry = match result {
        Ok(done) if done.changed || mode == Mode::DownloadOnly => {
            let outcome = if done.changed { Ending::Done } else { Ending::Staged };
            let before = session.record.as_ref().map(|record| record.installed.bundles.keys().cloned().collect());
            let after = done.bundles.iter().cloned().collect();
            let mut entry = HistoryEntry::new(now, command, from, to, outcome);
            entry = entry.with_bundles(&before.unwrap_or_default(), &after);
            (entry.files_added, entry.files_changed, entry.files_removed) =
                (done.files_added, done.files_changed, done.files_removed);
            entry
        }
        Ok(_) | Err(ClientError::Declined) => return,
        Err(error) => HistoryEntry::new(now, command, from, to, Ending::Failed).with_error(&error.to_string()),
    };
    let meter = session.transport.meter();
    (entry.download_bytes, entry.requests) = (meter.bytes, meter.requests);
    entry.duration_ms = session.stopwatch.elapsed_ms();
    write_down(machine, &entry, &*session.reporter);
}
