//! The administrator's places in `/usr`, in a release that has directories of its own there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use xtask::publication::{Input, Publication};

use crate::machine::{Machine, overwrite_in_place};
use crate::world::world;

/// A machine at release 10 of an operating system that shares `usr/local/bin` and `usr/src` with the administrator; what
/// gives its publication is held for as long as the machine needs it.
fn machine() -> (Machine, tempfile::TempDir) {
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let definitions = directory.path().join("definitions");
    fs::create_dir(&definitions).expect("a directory");
    let definition = "title = \"core\"\ndescription = \"\"\nincludes = []\n";
    fs::write(definitions.join("os-core.toml"), definition).expect("a definition");
    for version in [10, 20] {
        let trees = directory.path().join(version.to_string());
        for path in ["usr/local/bin/tool", "usr/src/readme", "usr/share/doc/readme"] {
            let path = trees.join("os-core").join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, format!("release {version}")).expect("written");
        }
        let input = Input { version, definitions: &definitions, trees: &trees };
        publication.release(&world().programs, input, &[]).expect("the publisher starts").success().expect("released");
    }
    let machine = Machine::empty();
    let arguments = ["os-install", "--version", "10", "--url"].map(Path::new);
    let trust = publication.trust();
    let arguments = arguments.into_iter().chain([&*publication.path, Path::new("--trust"), &*trust]);
    machine.client(arguments).success().expect("installed");
    (machine, directory)
}

#[test]
fn names_in_any_encoding_go_along() {
    let (machine, _publication) = machine();
    let named = |directory: &str| machine.path(directory).join(OsStr::from_bytes(b"M\xfcller"));
    let mine: Vec<PathBuf> = ["usr/local", "usr/local/bin", "usr/src"].map(named).to_vec();
    for path in &mine {
        fs::create_dir(path).expect("made");
        fs::write(path.join(OsStr::from_bytes(b"\xff")), "mine").expect("written");
    }
    let holds = |release: u32| {
        let of_release = fs::read_to_string(machine.path("usr/local/bin/tool")).expect("read");
        assert_eq!(of_release, format!("release {release}"));
        for path in &mine {
            assert_eq!(fs::read(path.join(OsStr::from_bytes(b"\xff"))).expect("read"), b"mine", "{}", path.display());
        }
    };
    machine.succeeds(["update"]);
    holds(20);
    machine.succeeds(["rollback"]);
    holds(10);
    overwrite_in_place(&machine.path("usr/local/bin/tool"));
    assert_eq!(machine.succeeds(["repair"]).result["changed"], true);
    holds(10);
}
