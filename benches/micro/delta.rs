//! Deltas of changed files: made and applied, plain and with predicted references where that is smaller.

use criterion::{Criterion, Throughput};
use stateless_update::delta::{Delta, MAX_PREDICTED_BYTES, References, Streams, apply, apply_predicted};

use crate::input::Input;

pub fn benches(criterion: &mut Criterion) {
    let input = Input::read();
    let plain: Vec<Delta> = input.changed.iter().map(|(old, new)| Delta::make(old, new)).collect();
    let smallest: Vec<Delta> = input.changed.iter().map(|(old, new)| Delta::smallest(old, new)).collect();
    let all = |deltas: &[Delta]| input.changed.iter().zip(deltas).map(|((old, _), delta)| applied(old, delta)).sum();
    let mut group = criterion.benchmark_group("delta");
    group.sample_size(10).throughput(Throughput::Bytes(input.changed_bytes()));
    group.bench_function("make", |bencher| {
        bencher.iter(|| input.changed.iter().map(|(old, new)| Delta::make(old, new).new_size).sum::<u64>());
    });
    group.bench_function("make the smallest", |bencher| {
        bencher.iter(|| input.changed.iter().map(|(old, new)| Delta::smallest(old, new).new_size).sum::<u64>());
    });
    group.bench_function("apply", |bencher| bencher.iter(|| -> usize { all(&plain) }));
    group.bench_function("apply the smallest", |bencher| bencher.iter(|| -> usize { all(&smallest) }));
    group.finish();
}

/// How many bytes a delta makes.
fn applied(old: &[u8], delta: &Delta) -> usize {
    let streams = delta.streams.as_ref().into_array().map(|stream| &stream[..]);
    let (mut streams, mut out) = (Streams::from_array(streams), Vec::with_capacity(delta.new_size as usize));
    match delta.references {
        References::Plain => apply(&mut streams, &old, delta.new_size, &mut out),
        References::Predicted => apply_predicted(&mut streams, &old, delta.new_size, MAX_PREDICTED_BYTES, &mut out),
    }
    .expect("its own delta");
    out.len()
}
