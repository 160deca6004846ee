//! Takes what is the administrator's, and has no place in the live tree, out of the former one, which a later transition clears.
//!
//! ```text
//! .stateless-update/rescued/N/NAME    N is the number of its inode; nothing there is ever removed or replaced
//! ```
//!
//! That is one rename on one file system, so whenever a run ends it is in one of the two places, and whoever looks again
//! finds nothing left to move.

use std::ffi::OsStr;

use super::SwitchError;
use crate::disk::{Directory, DiskError};
use crate::report::{Checkpoint, Event, Reporter};
use crate::state::{HOME, LockedMachine, RESCUED};

/// Moves what lies at `name` in `from`, if anything does; `told` says what people should know of the place where it goes.
pub(super) fn rescue(
    machine: &LockedMachine,
    from: &Directory,
    name: &OsStr,
    told: impl FnOnce(String) -> Event,
    reporter: &dyn Reporter,
) -> Result<(), SwitchError> {
    let Some(inode) = from.look(name)? else { return Ok(()) };
    let rescued = machine.own_directory().ensure_subdirectory(RESCUED, 0o700)?;
    let (number, place) = free_place(&rescued, inode.number, name)?;
    // Told beforehand: a run that is killed in between tells it again.
    reporter.report(told(format!("{HOME}/{RESCUED}/{number}/{}", name.display())));
    from.rename(name, &place, name)?;
    reporter.passes(Checkpoint::Rescued);
    Ok(())
}

/// A directory in which nothing has that name. It is not the first one where somebody has put something else there, or where
/// another name of the same file has been rescued before.
fn free_place(rescued: &Directory, inode: u64, name: &OsStr) -> Result<(String, Directory), DiskError> {
    let mut number = inode.to_string();
    for further in 2.. {
        let place = rescued.ensure_subdirectory(&number, 0o700)?;
        if place.look(name)?.is_none() {
            return Ok((number, place));
        }
        number = format!("{inode}-{further}");
    }
    unreachable!("there is always a further number")
}
