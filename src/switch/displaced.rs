//! What lies in the administrator's own places in `/usr`, and does not go along because the new tree has something of its own
//! there. The exchange takes it away with the old tree; it is rescued from that before the transition is settled.
//!
//! ```text
//! made before the journal is written    is rescued, also when the run is killed
//! made between journal and exchange     is rescued, unless the run is killed before: then it stays in the former tree
//! ```

use std::path::Path;

use super::SwitchError;
use super::carried::{holder, split};
use super::rescue::rescue;
use crate::report::{Event, Reporter};
use crate::state::LockedMachine;
use crate::types::Slot;

/// Rescues what lies at a displaced path of the former tree. No release owns anything there, so whatever it is, it is his; and
/// he is told where it is, since it may have come after he was told what would be displaced.
pub(super) fn rescue_displaced(
    machine: &LockedMachine,
    former: Slot,
    path: &Path,
    reporter: &dyn Reporter,
) -> Result<(), SwitchError> {
    let Some((parent, name)) = split(path) else { return Ok(()) };
    let Some(from) = holder(machine, former, parent)? else { return Ok(()) };
    let told =
        |place| Event::Warning(format!("what was at usr/{} lies in {place}, which no run removes", path.display()));
    rescue(machine, &from, name, told, reporter)
}
