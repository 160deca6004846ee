use proptest::collection::vec;
use proptest::prelude::*;

use super::sample::{module, program};
use super::*;
use crate::delta::{Delta, DeltaError, References, Role, Streams, apply};

fn readers(streams: &Streams<Vec<u8>>) -> Streams<&[u8]> {
    Streams::from_array(streams.as_ref().into_array().map(|bytes| &bytes[..]))
}

fn applied(old: &[u8], delta: &Delta) -> Vec<u8> {
    let (mut streams, mut new) = (readers(&delta.streams), Vec::new());
    let skipped = match delta.references {
        References::Plain => {
            apply(&mut streams, &old, delta.new_size, &mut new).expect("own delta");
            return new;
        }
        References::Predicted => {
            apply_predicted(&mut streams, &old, delta.new_size, MAX_PREDICTED_BYTES, &mut new).expect("own delta");
            let mut streams = readers(&delta.streams);
            skip_predicted(&mut streams, delta.new_size).expect("own delta");
            streams
        }
    };
    assert!(streams.into_array().iter().all(|rest| rest.is_empty()), "everything is used");
    assert!(skipped.into_array().iter().all(|rest| rest.is_empty()), "skipping uses everything");
    new
}

/// A file of the golden pack whose references all move with what they are to.
fn plain(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/pack-3/");
    std::fs::read(format!("{folder}{name}")).expect(name)
}

#[test]
fn what_moves_is_expected_where_it_goes() {
    for (name, old, new, times) in [
        ("program", plain("old-program"), plain("new-program"), 4),
        ("module", plain("old-module"), plain("new-module"), 4),
        // Some references of these do not.
        ("sample of a program", program(0), program(1), 3),
        ("sample of a module", module(0), module(1), 4),
    ] {
        let plain = Delta::make(&old, &new);
        let predicted = plain.predicted(&old, &new).expect(name);
        assert!(applied(&old, &predicted) == new, "{name}");
        let (before, after) = (plain.streams.literals.len(), predicted.streams.literals.len());
        assert!(after * times < before, "{name}: {before} bytes differ, {after} from what is predicted");
    }
}

#[test]
fn what_is_no_elf_is_not_predicted() {
    let (old, new) = (vec![1; 100], vec![2; 100]);
    assert_eq!(Delta::make(&old, &new).predicted(&old, &new), None);
    assert_eq!(Delta::make(&old, &program(0)).predicted(&old, &program(0)), None);
    assert_eq!(Delta::make(&program(0), &program(0)).predicted(&program(0), &program(0)), None);
    // Nor does a client that is told to try.
    let mut delta = Delta::make(&old, &new);
    delta.streams.seeks.insert(0, 0);
    delta.references = References::Predicted;
    assert_eq!(applied(&old, &delta), new);
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_made() {
    let one = Streams::from_array([&[0, 0][..], &[1], &[0], &[1], &[], &[]]);
    let mut out = Vec::new();
    let error =
        apply_predicted(&mut one.clone(), &b"x".as_slice(), MAX_PREDICTED_BYTES + 1, MAX_PREDICTED_BYTES, &mut out);
    assert!(matches!(error, Err(DeltaError::TooLargeToPredict { of: "bytes", .. })));
    let count = MAX_PREDICTED_TRIPLES + 1;
    let (zeros, ones) = (vec![0; count + 1], vec![1; count]);
    let mut many = Streams::from_array([&zeros[..], &zeros[1..], &ones[..], &[], &[], &ones[..]]);
    let error = apply_predicted(&mut many, &b"x".as_slice(), count as u64, MAX_PREDICTED_BYTES, &mut out);
    assert!(matches!(error, Err(DeltaError::TooLargeToPredict { of: "triples", .. })));
    let mut sections = Streams::from_array([&[0x81, 0x80, 0x0c][..], &[], &[], &[], &[], &[]]);
    let error = apply_predicted(&mut sections, &b"x".as_slice(), 1, MAX_PREDICTED_BYTES, &mut out);
    assert!(matches!(error, Err(DeltaError::Stream { role: Role::Seeks, .. })));
    assert!(out.is_empty());
}

/// A linked file of so many sections of this type and length, all of them behind the header.
fn at_one_place(count: u16, kind: u32, length: usize, byte: u8) -> Vec<u8> {
    let mut file = vec![byte; 64 + length];
    let table = file.len() as u64;
    file[..64].fill(0);
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (file[16], file[18], file[58]) = (3, 62, 64);
    file[40..48].copy_from_slice(&table.to_le_bytes());
    file[60..62].copy_from_slice(&count.to_le_bytes());
    for _ in 0..count {
        file.extend([0, kind].map(u32::to_le_bytes).concat());
        file.extend([6u64, 0x40, 0x40, length as u64, 0, 1, 0].map(u64::to_le_bytes).concat());
    }
    file
}

#[test]
fn sections_over_each_other_take_no_time() {
    let old = at_one_place(60_000, 1, (8 << 20) - 64, 0xe8);
    let mut new = old.clone();
    new.splice(1000..1000, [1; 16]);
    let delta = Delta::make(&old, &new);
    let delta = delta.predicted(&old, &new).unwrap_or(delta);
    assert!(applied(&old, &delta) == new);
}

/// Each of many triples may come by the same place: what is tried there must not grow with the number of sections.
#[test]
fn few_fields_begin_at_one_place() {
    let symbol = at_one_place(60_000, 2, 24, 1);
    let old = &&symbol[..];
    let known = Known::new(old, &Layout::default()).expect("memory");
    let predictor = Predictor::new(&known, &[]).expect("memory");
    for place in [64, 72] {
        assert_eq!(predictor.fields.iter().filter(|field| field.at == place).count(), 8, "at {place}");
    }
    let mut new = symbol.clone();
    new.splice(1000..1000, [1; 16]);
    let delta = Delta::make(&symbol, &new);
    let delta = delta.predicted(&symbol, &new).unwrap_or(delta);
    assert!(applied(&symbol, &delta) == new);
}

/// Programs and modules with some bytes changed, most in their headers and tables.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let edit = (prop_oneof![0usize..64, Just(usize::MAX), any::<usize>()], any::<usize>(), any::<u8>());
    (any::<bool>(), 0usize..3, vec(edit, 0..12), vec(any::<u64>(), 0..3)).prop_map(|(linked, version, edits, words)| {
        let mut bytes = if linked { program(version) } else { module(version) };
        let length = bytes.len();
        for (at, inside, byte) in edits {
            let at = if at == usize::MAX { length - 1 - inside % 512 } else { at % length };
            bytes[at] = byte;
        }
        for word in words {
            let row = length - 512 + (word as usize % 56 / 8 * 8);
            bytes[row..row + 8].copy_from_slice(&word.to_le_bytes());
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_come_back(old in damaged(), new in damaged()) {
        let delta = Delta::make(&old, &new);
        if let Some(delta) = delta.predicted(&old, &new) {
            prop_assert!(applied(&old, &delta) == new);
        }
    }

    #[test]
    fn any_bytes_end_in_bounds(
        old in damaged(),
        layout in vec(prop_oneof![4 => Just(0i64), 2 => -100i64..100, 1 => any::<i64>()], 0..40),
        triples in vec((any::<u16>(), 0u32..9000, 0u32..50), 1..40),
        runs in vec(0u8..200, 0..400),
        bytes in vec(any::<u8>(), 0..4000),
    ) {
        use crate::delta::varint::{push, push_signed};
        let mut streams: Streams<Vec<u8>> = Streams::default();
        push(&mut streams.seeks, layout.len() as u64);
        layout.iter().for_each(|number| push_signed(&mut streams.seeks, *number));
        let (mut place, mut new_size) = (0i64, 0);
        for (at, add, copy) in triples {
            let at = i64::from(at) % (old.len() as i64 + 1);
            let add = add.min(old.len() as u32 - at as u32);
            push_signed(&mut streams.seeks, at - place);
            push(&mut streams.add_lengths, add.into());
            push(&mut streams.copy_lengths, copy.into());
            place = at + i64::from(add);
            new_size += u64::from(add) + u64::from(copy);
        }
        // One run that covers everything, or any.
        streams.run_lengths = if runs.len() < 100 { Vec::new() } else { runs };
        if streams.run_lengths.is_empty() {
            let adds = new_size;
            push(&mut streams.run_lengths, adds);
        }
        (streams.literals, streams.extra) = (bytes.clone(), bytes);
        let mut out = Vec::new();
        let applied = apply_predicted(&mut readers(&streams), &old, new_size, MAX_PREDICTED_BYTES, &mut out);
        prop_assert!(out.len() as u64 <= new_size);
        prop_assert!(applied.is_err() || out.len() as u64 == new_size);
        let skipped = skip_predicted(&mut readers(&streams), new_size);
        prop_assert!(applied.is_err() || skipped.is_ok(), "what applies can be skipped");
    }
}
