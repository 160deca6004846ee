//! `recover`: finishes what a run that was cut off had begun to switch, and nothing else. Systemd runs it early at boot.

use std::sync::Arc;

use serde::Serialize;

use super::history::remember_recovery;
use super::{ClientError, Settings};
use crate::report::{Event, Reporter};
use crate::state::{LockedMachine, Machine};
use crate::types::Version;

/// The answer of `recover`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// The release of the live tree.
    pub version: Version,
    /// Whether a transition was there to be finished.
    pub changed: bool,
}

/// Finishes a transition that an earlier run had made but not settled. Asks nobody: neither network nor terminal is needed.
///
/// # Errors
/// When the root is not managed, another run is at work, or the disk says no.
pub fn recover(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Recovery, ClientError> {
    let (machine, changed) = settled(settings, &**reporter)?;
    Ok(Recovery { version: machine.live_record()?.installed.version(), changed })
}

/// A managed machine that may be written, and whether there was something to finish: what every run on one begins with.
pub(super) fn settled(settings: &Settings, reporter: &dyn Reporter) -> Result<(LockedMachine, bool), ClientError> {
    // Looked at before the lock, which would leave a directory behind in a root that is none of ours.
    let machine = Machine::managed(&settings.root)?.lock()?;
    let finished = crate::switch::recover(&machine, reporter)?;
    if let Some(recovered) = &finished {
        reporter.report(Event::Note("finished a transition that an earlier run had made".to_owned()));
        remember_recovery(&machine, recovered.former.as_ref(), reporter)?;
    }
    Ok((machine, finished.is_some()))
}
