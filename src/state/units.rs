//! The timer that updates a machine by itself, among the administrator's units: `etc/systemd/system`.
//!
//! Enabling is a symlink, as `systemctl enable` makes it; so it needs no systemd that runs. Where the release itself ships
//! the units, the link leads there and nothing is written; else the units are written beside it. Units that somebody
//! changed are theirs and stay. An empty file is no unit: a power cut can leave one, and systemd takes it for a masked unit,
//! so the timer counts as disabled until it is enabled again.

use std::path::Path;
use std::process::Command;

use super::{LockedMachine, Machine, StateError};
use crate::disk::{Directory, DiskError, FileType, Inode, Owner, replace_as};

const TIMER: &str = "stateless-update.timer";
const UNITS: [(&str, &str); 2] = [
    ("stateless-update.service", include_str!("units/stateless-update.service")),
    (TIMER, include_str!("units/stateless-update.timer")),
];
const PLACE: &str = "etc/systemd/system";
const SHIPPED: &str = "usr/lib/systemd/system";
const WANTS: &str = "timers.target.wants";
const OWNER: Owner = Owner { mode: 0o644, uid: 0, gid: 0 };

impl Machine {
    /// Whether the timer is enabled.
    ///
    /// # Errors
    /// When something else is in the place of a directory.
    pub fn has_timer(&self) -> Result<bool, StateError> {
        let Some(place) = self.root().descend(PLACE)? else { return Ok(false) };
        for (name, _) in UNITS {
            if place.look(name)?.is_some_and(|inode| is_empty(&inode)) || is_masked(&place, name)? {
                return Ok(false);
            }
        }
        has_link(&place)
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
                if directory.look(name)?.is_some_and(|inode| !is_empty(&inode)) {
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
    /// [`StateError::MaskedUnit`] when somebody has masked it; when the disk says no.
    pub fn enable_timer(&self) -> Result<bool, StateError> {
        if self.has_timer()? {
            return Ok(false);
        }
        let mut place = self.root().again()?;
        for name in PLACE.split('/') {
            let inner = place.ensure_subdirectory(name, 0o755)?;
            place.sync()?;
            place = inner;
        }
        let shipped = match self.root().descend(SHIPPED)? {
            Some(shipped) => shipped.look(TIMER)?.is_some(),
            None => false,
        };
        let target = if shipped { format!("/{SHIPPED}/{TIMER}") } else { format!("../{TIMER}") };
        for (name, _) in UNITS {
            if is_masked(&place, name)? {
                return Err(StateError::MaskedUnit { name });
            }
        }
        for (name, content) in UNITS {
            match (whose(&place, name, content)?, shipped) {
                (Whose::Nobodys, false) => replace_as(&place, name, content.as_bytes(), OWNER)?,
                // Here an empty file would mask the unit that is shipped.
                (Whose::Nobodys, true) => place.remove(name)?,
                (Whose::Ours | Whose::Theirs, _) => {}
            }
        }
        let wants = place.ensure_subdirectory(WANTS, 0o755)?;
        if has_link(&place)? {
            wants.remove(TIMER)?;
        }
        wants.symlink(TIMER, &target)?;
        wants.sync()?;
        place.sync()?;
        Ok(true)
    }

    /// Disables the timer and takes the units away that [`LockedMachine::enable_timer`] wrote. Says whether there was the
    /// link that enables it.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn disable_timer(&self) -> Result<bool, StateError> {
        let Some(place) = self.root().descend(PLACE)? else { return Ok(false) };
        let had_link = has_link(&place)?;
        if let Some(wants) = place.subdirectory(WANTS)?.filter(|_| had_link) {
            wants.remove(TIMER)?;
            wants.sync()?;
        }
        for (name, content) in UNITS {
            match whose(&place, name, content)? {
                Whose::Nobodys | Whose::Ours => place.remove(name)?,
                Whose::Theirs => {}
            }
        }
        place.sync()?;
        Ok(had_link)
    }

    /// Tells a systemd that runs and is that of this root what has become of the timer. Without one there is nobody to tell.
    ///
    /// # Errors
    /// When it is there and does not do it.
    pub fn tell_service_manager(&self, enabled: bool) -> Result<(), StateError> {
        if !self.is_running_system()? || !Path::new("/run/systemd/system").is_dir() {
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
}

/// Whose a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// There is none, or only an empty file.
    Nobodys,
    /// It has the content that is written here.
    Ours,
    /// Somebody changed it, or made it something else.
    Theirs,
}

fn whose(place: &Directory, name: &str, content: &str) -> Result<Whose, StateError> {
    match place.look(name)? {
        None => Ok(Whose::Nobodys),
        Some(inode) if is_empty(&inode) => Ok(Whose::Nobodys),
        Some(inode) if inode.file_type == FileType::File && inode.size == content.len() as u64 => {
            let found = place.read(name, content.len() as u64)?;
            Ok(if found.as_deref() == Some(content.as_bytes()) { Whose::Ours } else { Whose::Theirs })
        }
        Some(_) => Ok(Whose::Theirs),
    }
}

/// Whether the unit is what `systemctl mask` makes: a symlink to the null device.
fn is_masked(place: &Directory, name: &str) -> Result<bool, DiskError> {
    match place.look(name)? {
        Some(inode) if inode.file_type == FileType::Symlink => {
            Ok(Path::new(&place.read_link(name)?).ends_with("dev/null"))
        }
        _ => Ok(false),
    }
}

fn is_empty(inode: &Inode) -> bool {
    inode.file_type == FileType::File && inode.size == 0
}

/// Whether the symlink is there that enables the timer.
fn has_link(place: &Directory) -> Result<bool, StateError> {
    let Some(wants) = place.subdirectory(WANTS)? else { return Ok(false) };
    Ok(wants.look(TIMER)?.is_some_and(|inode| inode.file_type == FileType::Symlink))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_power_cut_left_of_a_unit_is_no_unit_and_a_masked_one_neither() {
        for name in UNITS.map(|(name, _)| name) {
            let temporary = tempfile::tempdir().expect("a temporary directory");
            let machine = Machine::open(temporary.path()).expect("it opens").lock().expect("free");
            let unit = temporary.path().join(PLACE).join(name);
            let cut = || std::fs::write(&unit, "").expect("written");
            let told = || (machine.has_timer().expect("told"), machine.timer_units().expect("told").len());
            assert!(machine.enable_timer().expect("enabled"));
            assert_eq!(told(), (true, 2));
            cut();
            assert_eq!(told(), (false, 1), "{name}");
            assert!(machine.enable_timer().expect("enabled"));
            assert_eq!(told(), (true, 2), "{name}");
            assert!(!machine.enable_timer().expect("enabled"), "nothing is left to do");
            cut();
            assert!(machine.disable_timer().expect("disabled"));
            assert_eq!(told(), (false, 0), "{name}");
            assert!(!unit.exists());

            // Whoever masked it does not want it, until that is taken back.
            std::fs::remove_dir_all(temporary.path().join(PLACE)).expect("removed");
            std::fs::create_dir_all(temporary.path().join(PLACE)).expect("made");
            std::os::unix::fs::symlink("/dev/null", &unit).expect("linked");
            assert!(matches!(machine.enable_timer(), Err(StateError::MaskedUnit { name: masked }) if masked == name));
            assert!(!machine.has_timer().expect("told"));
            std::fs::remove_file(&unit).expect("removed");
            assert!(machine.enable_timer().expect("enabled"));

            // Beside a unit that is shipped, an empty file would mask that.
            let shipped = temporary.path().join(SHIPPED);
            std::fs::create_dir_all(&shipped).expect("made");
            std::fs::write(shipped.join(TIMER), "[Timer]\n").expect("written");
            cut();
            assert!(machine.enable_timer().expect("enabled"));
            assert!(!unit.exists());
        }
    }
}
