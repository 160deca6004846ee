//! Extended attributes: they are part of a file also where all else of it is the same.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::XattrFlags;
use xtask::judge::Tree;
use xtask::publication::Publication;
use xtask::trees::Trees;

use crate::config::write;
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
