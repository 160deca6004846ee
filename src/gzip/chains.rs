//! Chains of places in a text that begin alike: where matches are looked for.

/// Chains lead this far back at most.
pub(super) const RING: usize = 1 << 15;
const HASH_BITS: u32 = 15;

/// From each place that was entered to the nearest one before it whose first `K` bytes have the same hash; `K` is 3 to 8.
pub(super) struct Chains<const K: usize> {
    /// The last place with each hash, 0 for none: so nothing is ever found at the beginning, as in the original.
    heads: Vec<u32>,
    /// For each of the last places, how far before it the next one is; 0 when that is out of reach. Two bytes each, for
    /// what a search walks along should fit the processor's nearest cache.
    before: Box<[u16; RING]>,
}

impl<const K: usize> Chains<K> {
    pub(super) fn new() -> Self {
        Self { heads: vec![0; 1 << HASH_BITS], before: Box::new([0; RING]) }
    }

    /// Enters a place, which is not before those that were entered, and gives the next one along its chain.
    pub(super) fn enter(&mut self, plain: &[u8], at: usize) -> Option<usize> {
        let head = &mut self.heads[hash::<K>(plain, at)?];
        let back = at - *head as usize;
        let next = (*head > 0 && back < RING).then_some(*head as usize);
        self.before[at % RING] = if next.is_some() { back as u16 } else { 0 };
        *head = at as u32;
        next
    }

    /// The place that was entered last and begins like this one.
    pub(super) fn first(&self, plain: &[u8], at: usize) -> Option<usize> {
        let head = self.heads[hash::<K>(plain, at)?] as usize;
        (head > 0).then_some(head)
    }

    /// The next one along its chain.
    pub(super) fn next(&self, place: usize) -> Option<usize> {
        let back = usize::from(self.before[place % RING]);
        (back > 0).then(|| place - back)
    }
}

/// For three bytes, that of the original: which places it takes for alike decides how many it looks at.
fn hash<const K: usize>(plain: &[u8], at: usize) -> Option<usize> {
    let bytes: &[u8; K] = plain.get(at..)?.first_chunk()?;
    Some(if K == 3 {
        let shift = HASH_BITS.div_ceil(3);
        bytes.iter().fold(0, |hash, byte| (hash << shift) ^ usize::from(*byte)) & ((1 << HASH_BITS) - 1)
    } else {
        let mut word = [0; 8];
        word[8 - K..].copy_from_slice(bytes);
        // Fibonacci hashing: Knuth, "The Art of Computer Programming", volume 3, section 6.4.
        (u64::from_le_bytes(word).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - HASH_BITS)) as usize
    })
}
