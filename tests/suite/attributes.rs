//! Extended attributes: they are part of a file also where all else of it is the same, and whoever sets one during a run does
//! not make it the release's.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::XattrFlags;
use serde_json::json;
use stateless_update::client;
use stateless_update::report::{Checkpoint, Event, Reporter};
use xtask::judge::Tree;
use xtask::publication::Publication;
use xtask::trees::Trees;

use crate::config::write;
use crate::library::{self, UPDATE, settings};
use crate::machine::Machine;
use crate::world::{release, world};

fn set_attribute(path: &Path, value: &str) {
    rustix::fs::setxattr(path, "user.test", value.as_bytes(), XattrFlags::empty()).expect("set");
}

#[test]
fn what_is_staged_is_not_taken_for_the_same_file_with_another_attribute() {
    let directory = world().directory();
    let (definitions, versions) = (directory.path().join("definitions"), directory.path().join("trees"));
    write(&definitions.join("os-core.toml"), "title = \"core\"\n");
    let trees = Trees { definitions, versions, releases: [20, 30] };
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    for (version, content, attribute) in [(10, "old", None), (20, "new", Some("first")), (30, "new", Some("second"))] {
        let tool = trees.of(version).join("os-core/usr/bin/tool");
        write(&tool, content);
        attribute.into_iter().for_each(|value| set_attribute(&tool, value));
        let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        File::open(&tool).and_then(|file| file.set_modified(time)).expect("set");
        release(&world().programs, &publication, &trees, version);
    }
    let (url, trust) = (publication.path.display().to_string(), publication.trust().display().to_string());
    let machine = Machine::empty();
    machine.succeeds(["os-install", "--url", &url, "--trust", &trust, "--version", "10"]);
    machine.succeeds(["update", "--download", "--version", "20"]);
    machine.succeeds(["update"]);
    let found = Tree::of_machine(&machine.root).expect("the machine's tree is read");
    assert_eq!(found.nodes()[Path::new("usr/bin/tool")].xattrs["user.test"], b"second");
    machine.succeeds(["diagnose", "--full-verify"]);
}

/// Sets an attribute of a file when a run comes by a checkpoint.
struct Meddling {
    at: Checkpoint,
    path: PathBuf,
}

impl Reporter for Meddling {
    fn report(&self, _: Event) {}

    fn passes(&self, checkpoint: Checkpoint) {
        if checkpoint == self.at {
            set_attribute(&self.path, "somebody's");
        }
    }
}

/// Updates a machine, while somebody sets an attribute of a file.
fn update_with_meddling(machine: &Machine, at: Checkpoint, path: &str) -> Result<(), client::ClientError> {
    let reporter: Arc<dyn Reporter> = Arc::new(Meddling { at, path: machine.path(path) });
    library::run(client::update(&settings(&machine.root), &UPDATE, &reporter)).map(drop)
}

/// Asserts that the attribute is found without reading everything anew, and that it goes.
fn is_found_and_put_right(machine: &Machine, path: &str) {
    let found = machine.client(["diagnose"]);
    assert_eq!((found.code, &found.result["mismatched"]), (1, &json!([path])), "{}", found.told());
    machine.succeeds(["repair"]);
    machine.succeeds(["update"]);
    machine.assert_holds(20, &[]);
    machine.succeeds(["diagnose", "--full-verify"]);
}

#[test]
fn an_attribute_that_is_set_during_a_run_is_not_the_releases() {
    // The same in both releases, so the new tree has it from the live one: newly linked, or since the tree was staged.
    for staged in [false, true] {
        let machine = Machine::installed(10, &[]);
        if staged {
            machine.succeeds(["update", "--download"]);
        }
        let update = update_with_meddling(&machine, Checkpoint::NextChosen, "usr/bin/ping");
        assert!(update.is_err(), "such a tree is not the release");
        is_found_and_put_right(&machine, "usr/bin/ping");
    }
    // Of the new release, after the exchange.
    let machine = Machine::installed(10, &[]);
    update_with_meddling(&machine, Checkpoint::StoreForgotten, "usr/bin/sshd").expect("it was the release");
    is_found_and_put_right(&machine, "usr/bin/sshd");
}
