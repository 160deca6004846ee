//! Micro-benches of what decides how long an update takes: `cargo bench`, or `cargo bench -- scan` for some of them.
//!
//! The data are two releases of the bundle `os-core`: those of the small OS in `fixtures`, or with `STATELESS_TREES=DIR`
//! those in `DIR/10/os-core` and `DIR/20/os-core`. `cargo xtask bench` measures whole programs.

mod delta;
mod input;
mod pack;
mod plan;
mod scan;

criterion::criterion_group!(benches, scan::benches, plan::benches, delta::benches, pack::benches);
criterion::criterion_main!(benches);
