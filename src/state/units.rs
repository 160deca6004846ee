//! The timer that updates a machine by itself, among the administrator's units: `etc/systemd/system`.
//!
//! Enabling is a symlink, as `systemctl enable` makes it; so it needs no systemd that runs. Where the release itself ships
//! the units, the link leads there and nothing is written; else the units are written beside it. Units that somebody
//! changed are theirs and stay.

use std::path::Path;
use std::process::Command;

use super::{LockedMachine, Machine, StateError};
use crate::disk::{Directory, FileType};

const TIMER: &str = "stateless-update.timer";
const UNITS: [(&str, &str); 2] = [
    ("stateless-update.service", include_str!("units/stateless-update.service")),
    (TIMER, include_str!("units/stateless-update.timer")),
];
const PLACE: &str = "etc/systemd/system";
const SHIPPED: &str = "usr/lib/systemd/system";
const WANTS: &str = "timers.target.wants";
const MAX_UNIT_BYTES: u64 = 64 << 10;

impl Machine {
    /// Whether the timer is enabled.
    ///
    /// # Errors
    /// When something else is in the place of a directory.
    pub fn has_timer(&self) -> Result<bool, StateError> {
        let Some(wants) = self.root().descend(&format!("{PLACE}/{WANTS}"))? else { return Ok(false) };
        Ok(wants.look(TIMER)?.is_some_and(|inode| inode.file_type == FileType::Symlink))
    }

    /// The units that the timer consists of, as paths relative to the root.
    ///
    /// # Errors
    /// As [`Machine::has_timer`].
    pub fn timer_units(&self) -> Result<Vec<String>, StateError> {
        let mut found = Vec::new();
        for place in [PLACE, SHIPPED] {
            let Some(directory) = self.root().descend(place)? else { continue };
            for (name, _) in UNITS {
                if directory.look(name)?.is_some() {
                    found.push(format!("{place}/{name}"));
                }
            }
        }
        Ok(found)
    }
}

impl LockedMachine {
    /// Enables the timer. Says whether it was not.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn enable_timer(&self) -> Result<bool, StateError> {
        if self.has_timer()? {
            return Ok(false);
        }
        let mut place = self.root().again()?;
        for name in PLACE.split('/') {
            place = place.ensure_subdirectory(name, 0o755)?;
        }
        let shipped = match self.root().descend(SHIPPED)? {
            Some(shipped) => shipped.look(TIMER)?.is_some(),
            None => false,
        };
        let target = if shipped { format!("/{SHIPPED}/{TIMER}") } else { format!("../{TIMER}") };
        if !shipped {
            for (name, content) in UNITS {
                if place.look(name)?.is_none() {
                    place.write_new(name, 0o644, content.as_bytes())?;
                }
            }
        }
        let wants = place.ensure_subdirectory(WANTS, 0o755)?;
        wants.symlink(TIMER, &target)?;
        wants.sync()?;
        place.sync()?;
        Ok(true)
    }

    /// Disables the timer and takes the units away that [`LockedMachine::enable_timer`] wrote. Says whether it was enabled.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn disable_timer(&self) -> Result<bool, StateError> {
        let was_enabled = self.has_timer()?;
        let Some(place) = self.root().descend(PLACE)? else { return Ok(false) };
        if let Some(wants) = place.subdirectory(WANTS)?.filter(|_| was_enabled) {
            wants.remove(TIMER)?;
            wants.sync()?;
        }
        for (name, content) in UNITS {
            if is_ours(&place, name, content)? {
                place.remove(name)?;
            }
        }
        place.sync()?;
        Ok(was_enabled)
    }
}

/// Tells a systemd that runs and is that of this root what has become of the timer. Without one there is nobody to tell.
///
/// # Errors
/// When it is there and does not do it.
pub fn tell_service_manager(root: &Path, enabled: bool) -> Result<(), StateError> {
    if root != Path::new("/") || !Path::new("/run/systemd/system").is_dir() {
        return Ok(());
    }
    let verb = if enabled { "start" } else { "stop" };
    for arguments in [&["daemon-reload"][..], &[verb, TIMER]] {
        let output = Command::new("systemctl").args(arguments).output();
        let said = match output {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        return Err(StateError::ServiceManager { command: arguments.join(" "), said });
    }
    Ok(())
}

/// Whether a unit has the content that is written here.
fn is_ours(place: &Directory, name: &str, content: &str) -> Result<bool, StateError> {
    match place.look(name)? {
        Some(inode) if inode.file_type == FileType::File => {
            Ok(place.read(name, MAX_UNIT_BYTES)?.is_some_and(|found| found == content.as_bytes()))
        }
        _ => Ok(false),
    }
}
