//! `autoupdate`: the timer that updates the machine by itself.

use std::sync::Arc;

use serde::Serialize;

use super::{ClientError, Settings};
use crate::report::{Event, Reporter};
use crate::state::Machine;

/// `autoupdate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoupdateRequest {
    /// Say whether it is on.
    Show,
    /// Turn it on.
    Enable,
    /// Turn it off.
    Disable,
}

/// The answer of `autoupdate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Autoupdate {
    /// Whether it is on now.
    pub enabled: bool,
    /// Whether the command changed that.
    pub changed: bool,
    /// The units that there are, relative to the root.
    pub units: Vec<String>,
}

/// Shows, enables or disables the timer. A service manager that does not take notice costs a warning: it does at the next
/// start of the system.
///
/// # Errors
/// When the root is not managed, another run is at work, or the disk says no.
pub fn autoupdate(
    settings: &Settings,
    request: AutoupdateRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Autoupdate, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let mut changed = false;
    if request != AutoupdateRequest::Show {
        let enabled = request == AutoupdateRequest::Enable;
        let locked = Machine::open(&settings.root)?.lock()?;
        changed = if enabled { locked.enable_timer()? } else { locked.disable_timer()? };
        if changed && let Err(error) = locked.tell_service_manager(enabled) {
            reporter.report(Event::Warning(error.to_string()));
        }
    }
    Ok(Autoupdate { enabled: machine.has_timer()?, changed, units: machine.timer_units()? })
}
