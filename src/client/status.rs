//! `status`: which releases there are, what still runs from an old tree, and what is due because of that.
//!
//! After a switch the old tree still has a name, so the classic test for "(deleted)" mappings finds nothing. Instead the
//! inode of each mapping is compared with the one that is now at that path of the live tree.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::session::Session;
use super::{ClientError, Settings};
use crate::disk::{Directory, Manager, Mapped, mapped_beneath};
use crate::report::Reporter;
use crate::state::{BUSY, HOME};
use crate::types::{Slot, TreePath, Version};

/// The answer of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The release that `/usr` is.
    pub live: Version,
    /// The kept release before.
    pub previous: Option<Version>,
    /// A release that is staged and waits for the switch.
    pub pending: Option<Version>,
    /// Processes that run from an old tree.
    pub stale: Vec<Stale>,
    /// Those services of the system that run from an old tree, in order: what a restart brings up to date.
    pub services: BTreeSet<String>,
    /// What is due.
    pub due: Due,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
}

/// A process that runs from an old tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// Its number.
    pub pid: u32,
    /// The unit that it belongs to.
    pub unit: Option<String>,
    /// Who manages that unit.
    #[serde(skip)]
    pub manager: Manager,
    /// The files that it has mapped and that are others now, `usr` first.
    pub paths: BTreeSet<String>,
}

/// What makes the running system the one on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// Nothing: it is.
    None,
    /// Restarting services, or logging in again.
    Services,
    /// A new user space under the same kernel.
    SoftReboot,
    /// Another kernel.
    Reboot,
}

/// The kernel that runs, and those of the live tree.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kernels {
    running: String,
    installed: Vec<String>,
}

/// Looks at the trees and at all processes that may be looked at.
///
/// # Errors
/// When the root is not managed.
pub fn status(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Status, ClientError> {
    let session = Session::look(settings, reporter)?;
    let live = &session.record()?.installed;
    let previous = session.machine.other_record(Slot::Previous)?.map(|record| record.installed);
    let next = session.machine.other_record(Slot::Next)?.map(|record| record.installed);
    // Trees are numbered as they are made: one that is to come has a higher number than those that were live.
    let newest = previous.as_ref().map_or(0, |previous| previous.sequence).max(live.sequence);
    let pending = next.filter(|next| next.sequence > newest).map(|next| next.version());
    let stale = match session.machine.tree(Slot::Live)? {
        Some(tree) => stale(&tree, mapped_beneath(&settings.root)),
        None => Vec::new(),
    };
    let (due, reasons) = due(live.version(), &stale, kernels(&session)?.as_ref());
    let previous = previous.map(|previous| previous.version());
    let services = services(&stale);
    Ok(Status { live: live.version(), previous, pending, stale, services, due, reasons })
}

/// Those that have a file of a tree mapped which is another in the live tree, or is not there.
fn stale(live: &Directory, processes: Vec<Mapped>) -> Vec<Stale> {
    let stale = processes.into_iter().filter_map(|Mapped { pid, unit, manager, files }| {
        let others = files.into_iter().filter_map(|(path, inode)| {
            let beneath = beneath_tree(&path)?;
            (inode_at(live, beneath) != Some(inode)).then(|| format!("{}/{}", TreePath::TOP, beneath.display()))
        });
        let paths: BTreeSet<String> = others.collect();
        (!paths.is_empty()).then_some(Stale { pid, unit, manager, paths })
    });
    stale.collect()
}

/// What the system's manager can start anew. Scopes, such as sessions, it did not start; init is a reboot's business.
fn services(stale: &[Stale]) -> BTreeSet<String> {
    let of_system = stale.iter().filter(|process| process.manager == Manager::System && process.pid != 1);
    of_system.filter_map(|process| process.unit.clone()).filter(|unit| unit.ends_with(".service")).collect()
}

/// The path relative to the top of whichever tree it lies in; none when it lies in none.
fn beneath_tree(path: &Path) -> Option<&Path> {
    if let Ok(beneath) = path.strip_prefix(Slot::Live.name()) {
        return Some(beneath);
    }
    let mut names = path.strip_prefix(HOME).ok()?.components();
    let tree = names.next()?.as_os_str().to_str()?;
    let is_tree = tree.starts_with(BUSY) || [Slot::Previous, Slot::Next].iter().any(|slot| slot.name() == tree);
    is_tree.then_some(names.as_path())
}

/// The inode at a path of a tree; none when nothing is there, or a symlink is on the way.
pub(super) fn inode_at(tree: &Directory, path: &Path) -> Option<u64> {
    let (parent, name) = (path.parent()?.to_str()?, path.file_name()?);
    Some(tree.descend(parent).ok()??.look(name).ok()??.number)
}

/// The kernels, when the root is that of the system which runs.
fn kernels(session: &Session) -> Result<Option<Kernels>, ClientError> {
    if !session.machine.is_running_system()? {
        return Ok(None);
    }
    let modules = session.machine.tree(Slot::Live)?.map(|live| live.descend("lib/modules")).transpose()?.flatten();
    let names = modules.map(|modules| modules.names()).transpose()?.unwrap_or_default();
    let installed = names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect();
    Ok(Some(Kernels { running: rustix::system::uname().release().to_string_lossy().into_owned(), installed }))
}

/// What is due, and why.
fn due(live: Version, stale: &[Stale], kernels: Option<&Kernels>) -> (Due, Vec<String>) {
    let mut all = Vec::new();
    // A system without kernels of its own, such as a container, runs under somebody else's.
    if let Some(Kernels { running, installed }) = kernels.filter(|kernels| !kernels.installed.is_empty())
        && !installed.contains(running)
    {
        let has = installed.join(", ");
        all.push((Due::Reboot, format!("kernel {running} runs, release {live} has {has}")));
    }
    let mut units = BTreeSet::new();
    for process in stale {
        let told = match (&process.unit, process.pid) {
            (_, 1) => (Due::SoftReboot, "init runs from an old tree".to_owned()),
            (Some(unit), _) if units.insert(unit) => (Due::Services, format!("{unit} runs from an old tree")),
            (Some(_), _) => continue,
            (None, pid) => (Due::Services, format!("process {pid} runs from an old tree")),
        };
        all.push(told);
    }
    all.sort_by(|(a, _), (b, _)| b.cmp(a));
    let due = all.first().map_or(Due::None, |(due, _)| *due);
    (due, all.into_iter().map(|(_, reason)| reason).collect())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::*;

    fn process(pid: u32, unit: Option<&str>) -> Stale {
        Stale { pid, unit: unit.map(Into::into), manager: Manager::System, paths: ["usr/lib/x".to_owned()].into() }
    }

    fn kernels(running: &str, installed: &[&str]) -> Kernels {
        Kernels { running: running.to_owned(), installed: installed.iter().copied().map(Into::into).collect() }
    }

    #[test]
    fn the_most_is_due_and_each_reason_told_once() {
        let live = Version::new(20).expect("not zero");
        let (ssh, nginx) = (process(7, Some("ssh.service")), process(8, Some("nginx.service")));
        let none = due(live, &[], Some(&kernels("6.1", &["6.1", "6.2"])));
        assert_eq!(none, (Due::None, Vec::new()));
        assert_eq!(due(live, &[], Some(&kernels("6.1", &[]))).0, Due::None, "a container");
        let (what, why) = due(live, &[ssh.clone(), nginx.clone(), process(9, Some("ssh.service"))], None);
        assert_eq!((what, why.len()), (Due::Services, 2));
        let (what, why) = due(live, &[ssh.clone(), process(1, Some("init.scope"))], None);
        assert_eq!((what, &*why[0]), (Due::SoftReboot, "init runs from an old tree"));
        let (what, why) = due(live, &[process(1, None), process(5, None)], Some(&kernels("6.1", &["6.2"])));
        assert_eq!((what, &*why[0]), (Due::Reboot, "kernel 6.1 runs, release 20 has 6.2"));
        assert_eq!(why[1..], ["init runs from an old tree", "process 5 runs from an old tree"]);
    }

    #[test]
    fn services_are_what_the_system_can_restart() {
        let of_user = Stale { manager: Manager::User, ..process(4, Some("mine.service")) };
        let system = [(1, "init.scope"), (7, "ssh.service"), (8, "nginx.service"), (9, "ssh.service")];
        let mut stale: Vec<Stale> = system.map(|(pid, unit)| process(pid, Some(unit))).into();
        stale.extend([process(10, Some("session-3.scope")), process(11, None), of_user]);
        assert_eq!(services(&stale).into_iter().collect::<Vec<_>>(), ["nginx.service", "ssh.service"]);
    }

    #[test]
    fn paths_of_every_tree_are_paths_of_the_live_one() {
        for (path, wanted) in [
            ("usr/bin/x", Some("bin/x")),
            (".stateless-update/previous/bin/x", Some("bin/x")),
            (".stateless-update/next/bin/x", Some("bin/x")),
            (".stateless-update/busy-4711/bin/x", Some("bin/x")),
            (".stateless-update/store/x", None),
            ("usrx/bin", None),
            ("opt/usr/bin/x", None),
        ] {
            assert_eq!(beneath_tree(Path::new(path)), wanted.map(Path::new), "{path}");
        }
    }

    #[test]
    fn a_program_of_a_tree_that_was_left_to_it_is_stale() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let root = Directory::open_path(temporary.path()).expect("it opens");
        let live = root.ensure_subdirectory("usr", 0o755).expect("made");
        let busy = temporary.path().join(HOME).join(format!("{BUSY}7"));
        std::fs::create_dir_all(busy.join("bin")).expect("made");
        std::fs::create_dir(temporary.path().join("usr/bin")).expect("made");
        for tree in [&temporary.path().join("usr"), &busy] {
            // By a process of its own: a child of another thread would inherit the file while it is open for writing.
            let copied = Command::new("cp").arg("/bin/cat").arg(tree.join("bin/cat")).status().expect("it runs");
            assert!(copied.success());
        }
        let mut child =
            Command::new(busy.join("bin/cat")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        // What it answers, it answers as itself: then the kernel has mapped it.
        child.stdin.as_mut().expect("piped").write_all(b"x").expect("it listens");
        child.stdout.as_mut().expect("piped").read_exact(&mut [0]).expect("it answers");
        let stale = stale(&live, mapped_beneath(temporary.path()));
        child.kill().expect("ended");
        child.wait().expect("gone");
        let found = stale.iter().find(|process| process.pid == child.id()).expect("it is stale");
        assert_eq!(found.paths, ["usr/bin/cat".to_owned()].into());
    }
}
