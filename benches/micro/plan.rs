//! What has to be done to get from one release to the next.

use criterion::{Criterion, Throughput};
use stateless_update::plan::{Memory, Present, Terms, missing_blobs, plan};
use stateless_update::types::Seen;

use crate::input::Input;

pub fn benches(criterion: &mut Criterion) {
    let Input { trees: [old, new], .. } = &Input::read();
    let seen = vec![Seen::Same; old.entries().len()];
    let present = Present { tree: old, seen: &seen, extra: &[] };
    let memory = Memory::default();
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(new.entries().len() as u64));
    group
        .bench_function("objects alone", |bencher| bencher.iter(|| plan(present, new, &[], &memory, Terms::default())));
    group.bench_function("what is missing", |bencher| bencher.iter(|| missing_blobs(present, new)));
    group.finish();
}
