//! How one input of the fuzzer carries several things.

/// What stands between two parts: whatever a mutation does to one part leaves the others as they are.
pub const BETWEEN: &[u8] = b"<~~>";

/// The first `N` parts of an input; missing ones are empty, and the last is all the rest.
pub fn parts<const N: usize>(mut input: &[u8]) -> [&[u8]; N] {
    let mut parts = [&input[..0]; N];
    for part in &mut parts[..N - 1] {
        let end = input.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        *part = &input[..end.unwrap_or(input.len())];
        input = end.map_or(&[], |end| &input[end + BETWEEN.len()..]);
    }
    parts[N - 1] = input;
    parts
}

/// A length: the first three bytes of a part, but at most `limit`.
pub fn length(part: &[u8], limit: u64) -> u64 {
    let mut bytes = [0; 8];
    let count = part.len().min(3);
    bytes[..count].copy_from_slice(&part[..count]);
    u64::from_le_bytes(bytes).min(limit)
}
