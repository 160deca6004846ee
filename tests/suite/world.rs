//! What all tests share: the programs, the small OS, and two publications of it, each with its server.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use stateless_update::types::Digest;
use xtask::programs::{Programs, Server};
use xtask::publication::{Input, Publication};
use xtask::schemas::Schemas;
use xtask::scratch;
use xtask::trees::Trees;

/// The root of the checkout.
pub const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

/// An origin where nothing listens: port 1 of loopback.
pub const NOWHERE: &str = "http://127.0.0.1:1/";

/// Shared by all tests, never changed by any.
pub struct World {
    /// The programs under test.
    pub programs: Programs,
    /// The small OS, releases 10 and 20.
    pub trees: Trees,
    /// Releases 10 and 20.
    pub publication: Publication,
    /// Serves [`World::publication`].
    pub server: Server,
    /// Serves the same publication as it was before release 20.
    pub server_before: Server,
    /// What every line of `--json` must fit.
    pub schemas: Schemas,
    /// Where tests may make directories.
    pub scratch: PathBuf,
    /// Held for as long as this process lives; see [`directory_of_this_process`].
    _lock: File,
}

/// The world, made by whoever asks first.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(World::new);
    &WORLD
}

impl World {
    fn new() -> Self {
        let (scratch, lock) = directory_of_this_process();
        let programs = Programs {
            update: env!("CARGO_BIN_EXE_stateless-update").into(),
            publish: env!("CARGO_BIN_EXE_stateless-publish").into(),
        };
        let trees = Trees::small(Path::new(CHECKOUT), &scratch).expect("the small OS is written");
        let publication = Publication::init(&programs, &scratch, None).expect("an empty publication");
        release(&programs, &publication, &trees, 10);
        let before = scratch.join("before");
        copy(&publication.path, &before);
        release(&programs, &publication, &trees, 20);
        let server = programs.serve(&publication.path).expect("a server");
        let server_before = programs.serve(&before).expect("a server");
        let schemas = Schemas::read(Path::new(CHECKOUT)).expect("schemas");
        Self { programs, trees, publication, server, server_before, schemas, scratch, _lock: lock }
    }

    /// A new directory, gone when dropped.
    pub fn directory(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(&self.scratch).expect("temporary directory")
    }
}

/// Publishes one release of these trees.
pub fn release(programs: &Programs, publication: &Publication, trees: &Trees, version: u32) {
    let input = Input { version, definitions: &trees.definitions, trees: &trees.of(version) };
    let output = publication.release(programs, input, &[]).expect("the publisher starts");
    output.success().expect("the release is published");
}

/// Copies a directory as it is: modes, owners, times, links, attributes.
pub fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg("-T").args([from, to]).status().expect("cp starts");
    assert!(status.success(), "{} cannot be copied", from.display());
}

/// Letters that compress to half of their length and no further, others for each seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'a' + (state >> 60) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Changes a byte in the middle of every file beneath a directory, in packs at the end, where there is a block. The object of
/// nothing stays: most of its bits mean nothing.
pub fn damage(top: &Path) {
    for entry in fs::read_dir(top).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            damage(&path);
            continue;
        }
        if path.ends_with(Digest::of(b"").to_string()) {
            continue;
        }
        damage_file(&path);
    }
}

/// Changes such a byte of one file.
pub fn damage_file(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let is_pack = path.components().any(|part| part.as_os_str() == "packs");
    let at = if is_pack { bytes.len() - 1 } else { bytes.len() / 2 };
    bytes[at] ^= 0x10;
    fs::write(path, bytes).expect("damaged");
}

/// Tells that a test, or part of it, was left out. Not by a macro: the harness would keep that to itself.
pub fn skipped(what: &str, why: &str) {
    writeln!(std::io::stderr(), "\nSKIPPED {what}: {why}").expect("standard error can be written");
}

/// A directory for this process alone, in memory or beneath cargo's own, emptied first: whatever an earlier run left goes
/// here, and runs at the same time take different ones.
fn directory_of_this_process() -> (PathBuf, File) {
    let own = |memory: PathBuf| memory.join(format!("stateless-update-tests-{}", rustix::process::getuid()));
    let base = scratch::in_memory().map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), own);
    fs::create_dir_all(&base).expect("a directory for tests");
    for number in 0.. {
        let path = base.join(format!("suite-{number}"));
        let lock = File::create(path.with_extension("lock")).expect("a lock file");
        if lock.try_lock().is_ok() {
            if path.exists() {
                fs::remove_dir_all(&path).expect("an earlier run's directory is removed");
            }
            fs::create_dir(&path).expect("a directory");
            return (path, lock);
        }
    }
    unreachable!("there is always a further number")
}
