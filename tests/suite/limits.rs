//! What a run takes at most: the disk that its plan tells, and 128 MiB of memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use stateless_update::client;
use stateless_update::report::{Checkpoint, Event, Reporter};
use xtask::judge::Tree;
use xtask::programs::{Outcome, Server};
use xtask::publication::Publication;
use xtask::trees::Trees;

use crate::library;
use crate::machine::{assert_equal, checked};
use crate::mounts::PrivateMount;
use crate::world::{copy, release, skipped, world};

/// Releases 10 and 20 of the small OS, with files in release 20 that do not compress.
struct Large {
    trees: Trees,
    publication: Publication,
    server: Server,
}

/// Beyond what its plan tells, a run wants this much to be free.
const RESERVE_BYTES: u64 = 4 << 20;
const MEMORY_BYTES: u64 = 128 << 20;

fn large() -> &'static Large {
    static LARGE: LazyLock<Large> = LazyLock::new(Large::new);
    &LARGE
}

impl Large {
    fn new() -> Self {
        let directory = world().directory().keep();
        let versions = directory.join("trees");
        fs::create_dir(&versions).expect("a directory");
        for version in world().trees.releases {
            copy(&world().trees.of(version), &versions.join(version.to_string()));
        }
        let place = versions.join("20/os-core/usr/lib/large");
        fs::create_dir(&place).expect("a directory");
        for number in 0..6 {
            fs::write(place.join(number.to_string()), noise(number)).expect("written");
        }
        let before = world().trees.of(20).join("os-core/usr/lib");
        let set = Command::new("touch").arg("-r").arg(before).arg(versions.join("20/os-core/usr/lib")).status();
        assert!(set.expect("touch starts").success());
        let trees = Trees { definitions: world().trees.definitions.clone(), versions, releases: [10, 20] };
        let publication = Publication::init(&world().programs, &directory, None).expect("a publication");
        for version in trees.releases {
            release(&world().programs, &publication, &trees, version);
        }
        let server = world().programs.serve(&publication.path).expect("a server");
        Self { trees, publication, server }
    }

    /// The arguments that install release 10.
    fn install(&self) -> Vec<String> {
        let trust = self.publication.trust().to_str().expect("UTF-8").to_owned();
        ["os-install", "--version", "10", "--url", &self.server.url, "--trust", &trust].map(str::to_owned).to_vec()
    }

    fn assert_updated(&self, root: &Path) {
        let expected = self.trees.expected(20, &[]).expect("trees");
        assert_equal(&expected, &Tree::of_machine(root).expect("read"));
    }
}

fn noise(number: u64) -> Vec<u8> {
    let mut state = number + 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(2 << 20).collect()
}

/// A machine at release 10 on a `tmpfs` of its own.
fn machine(test: &str) -> Option<PrivateMount> {
    let Some(mount) = PrivateMount::tmpfs(128) else {
        skipped(test, "no private mounts here (root and `unshare --mount` are needed)");
        return None;
    };
    fs::create_dir(mount.outside().join("root")).expect("a root");
    let install = large().install();
    let install: Vec<&str> = install.iter().map(String::as_str).collect();
    mount.client(&mount.inside.join("root"), &install).success().expect("installed");
    Some(mount)
}

fn free(directory: &Path) -> u64 {
    let statistics = rustix::fs::statvfs(directory).expect("statistics");
    statistics.f_bavail * statistics.f_frsize
}

/// Notes the least space that was free: at each step that a run reports, and whenever it is asked.
struct Gauge {
    directory: PathBuf,
    least: AtomicU64,
}

impl Gauge {
    fn look(&self) {
        self.least.fetch_min(free(&self.directory), Ordering::Relaxed);
    }
}

impl Reporter for Gauge {
    fn report(&self, _: Event) {
        self.look();
    }

    fn passes(&self, _: Checkpoint) {
        self.look();
    }
}

/// The run is one of this process, which looks itself after each file that it places: a watcher alone sleeps through the
/// peak when the machine is busy. The watcher is for what lies between two steps.
#[test]
fn the_disk_peaks_where_the_plan_says() {
    let Some(mount) = machine("the_disk_peaks_where_the_plan_says") else { return };
    let (inside, outside) = (mount.inside.join("root"), mount.outside());
    let planned = mount.client(&inside, &["update", "--dry-run"]).success().expect("planned").number("disk_peak_bytes");
    let before = free(&outside);
    let gauge = Arc::new(Gauge { directory: outside.clone(), least: AtomicU64::new(before) });
    let reporter: Arc<dyn Reporter> = gauge.clone();
    let (root, ended) = (outside.join("root"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                gauge.look();
            }
        });
        let updated = library::run(client::update(&library::settings(&root), &library::UPDATE, &reporter));
        ended.store(true, Ordering::Relaxed);
        updated.expect("updated");
    });
    large().assert_updated(&root);
    let peak = before - gauge.least.load(Ordering::Relaxed);
    let percent = 100.0 * peak as f64 / planned as f64;
    let near = peak * 100 <= planned * 105 && peak * 100 >= planned * 95;
    assert!(near, "planned {planned} bytes, {peak} at the peak: {percent:.1} %");
}

/// Fills the file system until so many bytes are free.
fn fill(directory: &Path, bytes_left: u64) {
    let taken = free(directory).checked_sub(bytes_left).expect("there is more");
    let status = Command::new("fallocate").arg("-l").arg(taken.to_string()).arg(directory.join("ballast")).status();
    assert!(status.expect("fallocate starts").success());
}

#[test]
fn what_the_plan_says_is_enough_and_less_is_refused_at_once() {
    let Some(mount) = machine("what_the_plan_says_is_enough") else { return };
    let (inside, outside) = (mount.inside.join("root"), mount.outside());
    let dry = mount.client(&inside, &["update", "--dry-run"]).success().expect("planned");
    let wanted = dry.number("disk_peak_bytes") + RESERVE_BYTES;
    let before = Tree::read(&outside.join("root/usr")).expect("read");
    fill(&outside, wanted - (64 << 10));
    let outcome = mount.client(&inside, &["update"]);
    assert_eq!(outcome.code, 5, "{}", outcome.told());
    assert!(outcome.told().contains("bytes and"), "{}", outcome.told());
    let fetched = outcome.events.iter().filter(|event| event["step"] == "download").count();
    assert_eq!(fetched, 0, "something was fetched: {:?}", outcome.events);
    assert_equal(&before, &Tree::read(&outside.join("root/usr")).expect("read"));
    fs::remove_file(outside.join("ballast")).expect("removed");
    fill(&outside, wanted + (64 << 10));
    mount.client(&inside, &["update"]).success().expect("the plan's figure is enough");
    large().assert_updated(&outside.join("root"));
}

/// A control group that may take that much memory; gone when dropped.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        for (top, limit) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")] {
            let path = Path::new(top).join(format!("stateless-update-test-{}", std::process::id()));
            if fs::create_dir(&path).is_err() {
                continue;
            }
            let group = Self(path);
            if group.0.join(limit).exists() && fs::write(group.0.join(limit), MEMORY_BYTES.to_string()).is_ok() {
                return Some(group);
            }
        }
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its only process has ended; one that stays is no harm.
        _ = fs::remove_dir(&self.0);
    }
}

/// All of its memory counts, the page cache too: a run in a control group, or else with that much private memory.
#[test]
fn a_run_needs_no_more_than_128_mib() {
    let group = Group::new();
    let prefix: Vec<String> = match &group {
        Some(group) => {
            let script = format!(r#"echo $$ > {}/cgroup.procs && exec "$@""#, group.0.display());
            ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()].to_vec()
        }
        None => {
            skipped("the memory of a run in a control group", "there is none to be had; private memory is limited");
            ["prlimit".to_owned(), format!("--data={MEMORY_BYTES}")].to_vec()
        }
    };
    let directory = world().directory();
    let root = directory.path().join("root");
    fs::create_dir(&root).expect("a root");
    let run = |arguments: &[String]| -> Outcome {
        checked(world().programs.client_within(&prefix, &root, arguments).expect("--json is kept"))
    };
    run(&large().install()).success().expect("installed");
    run(&["update".to_owned()]).success().expect("updated");
    large().assert_updated(&root);
}
