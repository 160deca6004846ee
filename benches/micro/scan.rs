//! A tree on disk compared with what it should be: every file hashed, and with fingerprints.

use criterion::{Criterion, Throughput};
use stateless_update::disk::{Directory, Ownership};
use stateless_update::report::{Event, Reporter, Step};
use stateless_update::tree::{Depth, Fingerprints, scan};

use crate::input::Input;

/// Hears nothing.
struct Silence;

impl Reporter for Silence {
    fn report(&self, _: Event) {}
}

pub fn benches(criterion: &mut Criterion) {
    let input = Input::read();
    let top = Directory::open_path(&input.directories[1].join("usr")).expect("a directory");
    let look = |known: &Fingerprints| {
        scan(&top, &input.trees[1], Depth::Content(known), Ownership::Ignored, (Step::Scan, &Silence)).expect("a scan")
    };
    let known = look(&Fingerprints::default()).fingerprints;
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10).throughput(Throughput::Bytes(input.new_bytes()));
    group.bench_function("every file hashed", |bencher| bencher.iter(|| look(&Fingerprints::default())));
    group.bench_function("with fingerprints", |bencher| bencher.iter(|| look(&known)));
    group.finish();
}
