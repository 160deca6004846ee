//! Whole numbers in as few bytes as they need: unsigned LEB128, and zigzag for those with a sign.
//!
//! Seven bits a byte, the lowest first; the high bit says that more follow. Each number has exactly one encoding: the
//! last of several bytes is never zero, and nothing exceeds 64 bits.

use std::io::{self, BufRead};

/// The longest encoding of a number.
pub(crate) const MAX_BYTES: u64 = 10;

/// Appends a number.
pub(crate) fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number that may be negative: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
pub(crate) fn push_signed(out: &mut Vec<u8>, value: i64) {
    push(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Reads a number.
///
/// # Errors
/// `UnexpectedEof` when the input ends before the number does, `InvalidData` when this is not how a number is written.
pub(crate) fn read(input: &mut (impl BufRead + ?Sized)) -> io::Result<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = next_byte(input)?;
        let bits = u64::from(byte & 0x7f);
        let fits = shift < 63 || bits <= 1;
        let shortest = byte != 0 || shift == 0;
        if !fits || !shortest {
            break;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "not a whole number in its shortest form"))
}

/// Reads a number that may be negative.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_signed(input: &mut (impl BufRead + ?Sized)) -> io::Result<i64> {
    let value = read(input)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

fn next_byte(input: &mut (impl BufRead + ?Sized)) -> io::Result<u8> {
    loop {
        match input.fill_buf() {
            Ok(bytes) => {
                let byte = *bytes.first().ok_or(io::ErrorKind::UnexpectedEof)?;
                input.consume(1);
                return Ok(byte);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_shortest_form_is_a_number() {
        for bad in
            [&[][..], &[0x80], &[0x80, 0], &[0xff; 11], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]]
        {
            assert!(read(&mut &bad[..]).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, signed: i64, small in 0u64..300) {
            for value in [value, small, u64::MAX, 0] {
                let mut bytes = Vec::new();
                push(&mut bytes, value);
                prop_assert!(bytes.len() as u64 <= MAX_BYTES);
                prop_assert_eq!(read(&mut &bytes[..]).expect("own bytes"), value);
            }
            for value in [signed, i64::MIN, i64::MAX, -1] {
                let mut bytes = Vec::new();
                push_signed(&mut bytes, value);
                prop_assert_eq!(read_signed(&mut &bytes[..]).expect("own bytes"), value);
            }
        }

        #[test]
        fn every_number_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            if let Ok(value) = read(&mut rest) {
                let mut again = Vec::new();
                push(&mut again, value);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
