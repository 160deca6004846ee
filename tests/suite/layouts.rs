//! Roots on which the trees cannot be exchanged, or what is his cannot go back afterwards: refused before any content is fetched.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::machine::{Machine, assert_equal, warned};
use crate::mounts::PrivateMount;
use crate::world::{skipped, world};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// Sets an attribute of `chattr(1)`, or takes it away. Says whether the file system has those.
fn chattr(how: &str, path: &Path) -> bool {
    Command::new("chattr").arg(how).arg(path).output().is_ok_and(|output| output.status.success())
}

/// The links of staging copy what comes from a lower layer, all of it, and the exchange fails then.
#[test]
fn an_overlay_that_cannot_move_directories_is_refused_at_once() {
    let machine = Machine::installed(10, &[]);
    let Some(mount) = PrivateMount::overlay(&machine.root, "off") else {
        return skipped("an overlay", "none can be mounted here");
    };
    let root = mount.inside.join("root");
    let refused = mount.client(&root, &["update"]);
    assert_eq!(refused.code, 5, "{}", refused.told());
    assert!(refused.told().contains("a lower layer of an overlay"), "{}", refused.told());
    let size = Command::new("du").arg("-sk").arg(mount.outside().join("upper")).output().expect("du starts");
    let size =
        String::from_utf8_lossy(&size.stdout).split_whitespace().next().and_then(|size| size.parse::<u32>().ok());
    assert!(size.is_some_and(|kibibytes| kibibytes < 300), "nothing was copied: {size:?}");
    drop(mount);
    // Where it can, nothing is refused.
    let mount = PrivateMount::overlay(&machine.root, "on").expect("as the one before");
    let updated = mount.client(&mount.inside.join("root"), &["update"]).success().expect("updated");
    assert_eq!(updated.result["to"], 20);
    // So is what lies in the upper layer as a whole.
    drop(mount);
    let mount = PrivateMount::overlay(Machine::empty().root.as_path(), "off").expect("as the one before");
    let url = &world().server.url;
    let trust = world().publication.trust();
    let root = mount.inside.join("root");
    let install = ["os-install", "--url", url, "--version", "10", "--trust", trust.to_str().expect("text")];
    mount.client(&root, &install).success().expect("installed");
    mount.client(&root, &["update"]).success().expect("updated");
}

#[test]
fn a_usr_that_is_mounted_is_refused_also_from_the_same_file_system() {
    let machine = Machine::installed(10, &[]);
    let Some(mount) = PrivateMount::bind(&machine.path("usr"), &machine.path("usr")) else {
        return skipped("a mounted usr", "nothing may be mounted here");
    };
    for arguments in [&["update"][..], &["update", "--dry-run"]] {
        let refused = mount.client(&machine.root, arguments);
        assert_eq!(refused.code, 5, "{}", refused.told());
        assert!(refused.told().contains("a mount point of its own"), "{}", refused.told());
    }
    drop(mount);
    machine.succeeds(["update"]);
}

/// After the exchange it could not go back, in no run: so there is none.
#[test]
fn what_is_immutable_and_his_is_refused_before_the_exchange() {
    let machine = Machine::installed(10, &[]);
    // The small OS has no directory of that name, so the topmost one is his.
    for fixed in ["usr/local", "usr/local/mnt", "usr/src"] {
        fs::create_dir_all(machine.path(fixed)).expect("made");
        fs::write(machine.path(fixed).join("mine"), "mine").expect("written");
    }
    for (fixed, how) in [("usr/src", "i"), ("usr/local", "a")] {
        let path = machine.path(fixed);
        if !chattr(&format!("+{how}"), &path) {
            return skipped("what_is_immutable", "`chattr` or the file system does not make directories immutable");
        }
        let before = machine.usr();
        let refused = machine.client(["update"]);
        // Before anything is compared: what stays immutable could not even be removed.
        assert!(chattr(&format!("-{how}"), &path));
        assert_eq!(refused.code, 5, "{}", refused.told());
        assert!(refused.told().contains(&format!("{fixed} is immutable or append-only")), "{}", refused.told());
        assert!(!machine.path(".stateless-update/journal").exists());
        assert_equal(&before, &machine.usr());
    }
    machine.succeeds(["update"]);
    assert_eq!(fs::read_to_string(machine.path("usr/src/mine")).expect("it went along"), "mine");
}

/// What everybody may read is for everybody, whatever the shell of root has taken away.
#[test]
fn a_umask_takes_nothing_from_what_is_for_everybody() {
    let strict = ["sh", "-c", r#"umask 077; exec "$@""#, "sh"].map(str::to_owned);
    let machine = Machine::empty();
    fs::remove_dir(&machine.root).expect("removed");
    let trust = world().publication.trust();
    let install =
        ["os-install", "--url", &world().server.url, "--version", "10", "--trust", trust.to_str().expect("text")];
    machine.client_within(&strict, &install).success().expect("installed");
    for arguments in [&["update"][..], &["autoupdate", "--enable"], &["search", "editor"]] {
        machine.client_within(&strict, arguments).success().unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"));
    }
    let record = machine.path("usr/share/stateless-update");
    for directory in ["", "etc", "etc/systemd/system", "var/cache", "usr/share/stateless-update/manifests"] {
        assert_eq!(mode(&machine.path(directory)), 0o755, "{directory}");
    }
    assert_eq!((mode(&record), mode(&record.join("installed.json"))), (0o755, 0o644));
    assert_eq!(mode(&machine.path(".stateless-update")), 0o700, "what is not for everybody stays so");
}

#[test]
fn a_factory_reset_goes_on_after_what_cannot_be_removed() {
    let machine = Machine::installed(10, &[]);
    for path in ["etc/a/file", "etc/b/c/fixed", "etc/b/d/file", "etc/b/e", "etc/f/file", "var/lib/file"] {
        fs::create_dir_all(machine.path(path).parent().expect("a parent")).expect("made");
        fs::write(machine.path(path), "").expect("written");
    }
    let fixed = machine.path("etc/b/c/fixed");
    if !chattr("+i", &fixed) {
        return skipped("a factory reset", "`chattr` or the file system does not make files immutable");
    }
    let reset = machine.client(["factory-reset"]);
    assert!(chattr("-i", &fixed));
    assert_eq!(reset.code, 5, "{}", reset.told());
    assert!(warned(&reset, "etc/b/c/fixed"), "{}", reset.told());
    assert!(reset.told().contains("1 of 6 names"), "{}", reset.told());
    let there =
        ["etc/a", "etc/b/c/fixed", "etc/b/d", "etc/b/e", "etc/f", "var/lib"].map(|path| machine.path(path).exists());
    assert_eq!(there, [false, true, false, false, false, false]);
    machine.succeeds(["factory-reset"]);
    assert!(!fixed.exists());
}
