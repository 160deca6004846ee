//! The two releases that the behaviours are tried on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use xtask::judge::Tree;
use xtask::programs::Server;
use xtask::publication::Publication;
use xtask::trees::Trees;

use crate::config::write;
use crate::machine::{Machine, assert_equal};
use crate::world::{release, world};

/// Releases 10 and 20 in which everything changes that can, and one publication of them.
pub struct Changes {
    trees: Trees,
    publication: Publication,
    server: Server,
}

/// Names that are no trouble, or should be none.
pub const NAMES: [&str; 9] = [
    "two words",
    "-leading-dash",
    "it's \"quoted\"",
    "\u{e9}t\u{e9}",
    "\u{65e5}\u{672c}",
    "back\\slash",
    "tab\there",
    "line\nfeed",
    "\x1b[2Jescape\x07",
];

/// Made by whoever asks first.
pub fn changes() -> &'static Changes {
    static CHANGES: LazyLock<Changes> = LazyLock::new(Changes::new);
    &CHANGES
}

impl Changes {
    fn new() -> Self {
        let directory = world().directory().keep();
        let trees =
            Trees { definitions: directory.join("definitions"), versions: directory.join("trees"), releases: [10, 20] };
        let publication = Publication::init(&world().programs, &directory, None).expect("a publication");
        for version in trees.releases {
            write_release(&trees, version);
            release(&world().programs, &publication, &trees, version);
        }
        let server = world().programs.serve(&publication.path).expect("a server");
        Self { trees, publication, server }
    }

    /// A machine at that release with these bundles.
    pub fn machine(&self, release: u32, bundles: &[&str]) -> Machine {
        let machine = Machine::empty();
        let (url, trust, release) = (&self.server.url, self.publication.trust(), release.to_string());
        let mut line: Vec<&str> = vec!["os-install", "--url", url, "--version", &release, "--trust"];
        line.push(trust.to_str().expect("a text"));
        line.extend(bundles.iter().flat_map(|bundle| ["--bundle", bundle]));
        machine.client(line).success().expect("installed");
        machine
    }

    /// Asserts that the machine is at that release with these bundles and what they include, and nothing else.
    #[track_caller]
    pub fn assert_holds(&self, machine: &Machine, release: u32, bundles: &[&str]) {
        let wanted = self.trees.expected(release, bundles).expect("the trees are read");
        assert_equal(&wanted, &Tree::of_machine(&machine.root).expect("the machine's tree is read"));
    }
}

/// Writes definitions and trees of a release.
fn write_release(trees: &Trees, version: u32) {
    let newer = version == 20;
    let _ = fs::remove_dir_all(&trees.definitions);
    let define = |bundle: &str, rest: &str| {
        write(&trees.definitions.join(format!("{bundle}.toml")), &format!("title = \"{bundle}\"\n{rest}\n"));
    };
    let top = |bundle: &str| trees.of(version).join(bundle).join("usr");
    define("os-core", "");
    define("shared-one", "");
    define("shared-two", "also_add = [\"optional\"]");
    define("optional", "");
    define("collection", if newer { "includes = [\"shared-one\", \"fresh\"]" } else { "includes = [\"shared-one\"]" });
    for bundle in ["shared-one", "shared-two"] {
        write(&top(bundle).join("share/common"), "of both");
        write(&top(bundle).join("share").join(bundle), bundle);
    }
    write(&top("optional").join("share/optional"), "optional");
    write(&top("collection").join("share/collection"), "collection");
    define("anthology", "includes = [\"collection\"]");
    write(&top("anthology").join("share/anthology"), "anthology");
    if newer {
        define("fresh", "");
        write(&top("fresh").join("share/fresh"), "fresh");
    } else {
        define("doomed", "");
        write(&top("doomed").join("share/doomed"), "doomed");
    }

    let core = top("os-core");
    write(&core.join("lib/os-release"), &format!("VERSION={version}\n"));
    let link = |to: &str, path: &Path| symlink(to, path).expect("linked");
    let kinds: [&dyn Fn(&Path); 4] = [
        &|path| write(path, "a file"),
        &|path| write(&path.join("inside/file"), "in a directory"),
        &|path| link("elsewhere", path),
        &|path| link(".", path),
    ];
    for (from, make_old) in kinds.iter().enumerate() {
        for (to, make_new) in kinds.iter().enumerate() {
            let path = core.join(format!("share/kinds/{from}-{to}"));
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            if newer { make_new(&path) } else { make_old(&path) }
        }
    }
    link(if newer { "." } else { ".." }, &core.join("share/dot"));
    for name in NAMES {
        write(&core.join("share/names").join(name), &format!("{name} {version}"));
    }
    touch(&trees.of(version));
}

/// Gives all of a tree one time, so that only what is meant to change does.
pub fn touch(tree: &Path) {
    let mut touched = Command::new("find");
    touched.arg(tree).args(["-exec", "touch", "-h", "-d", "@1700000000", "{}", "+"]);
    assert!(touched.status().expect("find starts").success());
}
