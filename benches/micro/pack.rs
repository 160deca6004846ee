//! A block of changed files, half of them whole: compressed and decoded.

use std::io;

use criterion::{Criterion, Throughput};
use stateless_update::delta::Delta;
use stateless_update::pack::{Block, BlockReader, BlockWriter};
use stateless_update::types::Digest;

use crate::input::Input;

/// A level that is quick enough to be repeated.
const LEVEL: i32 = 3;

pub fn benches(criterion: &mut Criterion) {
    let input = Input::read();
    let deltas: Vec<Delta> = input.changed.iter().map(|(old, new)| Delta::make(old, new)).collect();
    let write = || {
        let mut writer = BlockWriter::new(Vec::new(), LEVEL);
        for (number, ((old, new), delta)) in input.changed.iter().zip(&deltas).enumerate() {
            if number % 2 == 0 {
                writer.delta(Digest::of(new), Digest::of(old), delta);
            } else {
                writer.whole(Digest::of(new), new.len() as u64, &new[..]).expect("memory");
            }
        }
        writer.finish().expect("memory")
    };
    let (block, bytes) = write();
    let mut group = criterion.benchmark_group("pack");
    group.sample_size(10).throughput(Throughput::Bytes(input.changed_bytes()));
    group.bench_function("write a block", |bencher| bencher.iter(&write));
    group.bench_function("read a block", |bencher| bencher.iter(|| read(&block, &bytes, &input)));
    group.finish();
}

fn read(block: &Block<Digest>, bytes: &[u8], input: &Input) {
    let mut reader = BlockReader::open(block, &bytes, 0).expect("its own block");
    for (old, _) in &input.changed {
        reader.build(Some(&&old[..]), &mut io::sink()).expect("its own block");
    }
    reader.finish().expect("nothing is left");
}
