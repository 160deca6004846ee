//! The fuzz targets' bodies, without a fuzzer: each meets its seeds and damaged copies of them.
//!
//! So what is fuzzed is compiled and checked with every change. `cargo xtask fuzz` lets [`write_seeds`] write what the
//! fuzzer begins with.

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

mod archives;
mod configuration;
mod publications;
mod seeds;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use stateless_update::types::Digest;
use targets::TARGETS;

/// Where [`write_seeds`] writes.
const DIRECTORY: &str = "FUZZ_SEEDS";
/// So many seeds of a target are damaged here, and each so often.
const DAMAGED: (usize, usize) = (24, 6);

/// Inputs by target.
type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// All seeds, each once.
fn seeds() -> Seeds {
    let mut seeds = seeds::of_golden_files();
    for (target, inputs) in [archives::seeds(), configuration::seeds(), publications::seeds()].into_iter().flatten() {
        seeds.entry(target).or_default().extend(inputs);
    }
    for inputs in seeds.values_mut() {
        inputs.sort();
        inputs.dedup();
    }
    seeds
}

/// What `cargo xtask fuzz` runs: the directory named in the environment then has a directory for each target.
#[test]
#[ignore = "writes seeds for the fuzzer"]
fn write_seeds() {
    let directory = std::env::var_os(DIRECTORY).expect("FUZZ_SEEDS names a directory");
    for (target, inputs) in seeds() {
        let directory = Path::new(&directory).join(target);
        fs::create_dir_all(&directory).expect("a directory");
        for input in inputs {
            fs::write(directory.join(Digest::of(&input).to_string()), input).expect("a seed");
        }
    }
}

#[test]
fn every_target_has_a_body_and_seeds() {
    let files = fs::read_dir(Path::new(crate::world::CHECKOUT).join("fuzz/fuzz_targets")).expect("the targets");
    let mut names: Vec<String> = files
        .map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
    let seeds = seeds();
    assert_eq!(seeds.keys().copied().collect::<Vec<_>>(), TARGETS.map(|(name, _)| name));
    assert!(seeds.values().all(|inputs| !inputs.is_empty()));
}

#[test]
fn targets_meet_their_seeds_and_damaged_ones() {
    let seeds = seeds();
    for (name, check) in TARGETS {
        let (few, often) = DAMAGED;
        let inputs = &seeds[name];
        for (number, input) in inputs.iter().enumerate() {
            check(input);
            if number % inputs.len().div_ceil(few) == 0 {
                (0..often).for_each(|way| check(&damaged(input, way)));
            }
        }
    }
}

/// A copy with something wrong in it; equal arguments give equal copies.
fn damaged(input: &[u8], way: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let at =
        Digest::of(&[input, &[way as u8]].concat()).as_bytes()[..8].iter().fold(0, |at, byte| at << 8 | *byte as usize);
    let place = at % bytes.len().max(1);
    match way {
        _ if bytes.is_empty() => bytes.push(way as u8),
        0 => bytes.truncate(place),
        1 => bytes[place] ^= 1 << (at % 7),
        2 => bytes[place] = 0xff,
        3 => bytes[place] = 0,
        4 => drop(bytes.splice(place..place, input[place / 2..place].to_vec())),
        _ => drop(bytes.drain(place / 2..place)),
    }
    bytes
}
