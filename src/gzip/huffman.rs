//! Huffman codes as gzip and zlib make them (`trees.c`): which of several best codes it is depends on the order of their
//! heap, so that is repeated step by step.

use super::tokens::DISTANCE_CODES;

/// The most symbols of an alphabet: all literals and lengths, also the two that only fixed codes have.
const MAX_SYMBOLS: usize = 288;
/// Leaves and inner nodes of the largest tree, and one more because the heap counts from 1.
const MAX_NODES: usize = 2 * MAX_SYMBOLS + 1;

/// The lengths of the fixed codes of literals and lengths, and of distances.
pub(super) fn fixed_lengths() -> ([u8; MAX_SYMBOLS], [u8; DISTANCE_CODES]) {
    let mut literals = [8; MAX_SYMBOLS];
    literals[144..256].fill(9);
    literals[256..280].fill(7);
    (literals, [5; DISTANCE_CODES])
}

/// A code that can be written.
pub(super) struct Code {
    /// For each symbol the length of its code, 0 when it has none.
    pub(super) lengths: Vec<u8>,
    /// For each symbol its code, the bit that is written first the lowest.
    codes: Vec<u16>,
}

impl Code {
    /// The canonical code with these lengths, which are at most 15 and leave room for it.
    pub(super) fn from_lengths(lengths: Vec<u8>) -> Self {
        // For each length first how many codes are one bit shorter, then the next code.
        let mut next = [0u32; 17];
        for length in &lengths {
            next[usize::from(*length) + 1] += 1;
        }
        // Symbols without a code take no room.
        next[1] = 0;
        for length in 1..=16 {
            next[length] = (next[length] + next[length - 1]) << 1;
        }
        let mut codes = vec![0; lengths.len()];
        for (code, length) in codes.iter_mut().zip(&lengths).filter(|(_, length)| **length > 0) {
            let next = &mut next[usize::from(*length)];
            *code = (*next as u16).reverse_bits() >> (16 - length);
            *next += 1;
        }
        Self { lengths, codes }
    }

    /// The code that the compressor makes for symbols that occur so often, of codes of at most `limit` bits.
    pub(super) fn from_counts(counts: &[u32], limit: u8) -> Self {
        Self::from_lengths(Builder::new(counts).lengths(counts.len(), limit))
    }

    /// Bits and their number for a symbol.
    pub(super) fn of(&self, symbol: usize) -> (u32, u32) {
        (self.codes[symbol].into(), self.lengths[symbol].into())
    }

    /// The last symbol that has a code.
    pub(super) fn last(&self) -> usize {
        self.lengths.iter().rposition(|length| *length > 0).unwrap_or(0)
    }
}

/// `build_tree` and `gen_bitlen`.
struct Builder {
    counts: [u32; MAX_NODES],
    depths: [u8; MAX_NODES],
    parents: [u16; MAX_NODES],
    /// From 1 on a heap with the rarest node at its top, towards the end what has left it.
    heap: [u16; MAX_NODES + 1],
    heap_length: usize,
    last_symbol: usize,
}

impl Builder {
    fn new(counts: &[u32]) -> Self {
        let mut builder = Self {
            counts: [0; MAX_NODES],
            depths: [0; MAX_NODES],
            parents: [0; MAX_NODES],
            heap: [0; MAX_NODES + 1],
            heap_length: 0,
            last_symbol: 0,
        };
        builder.counts[..counts.len()].copy_from_slice(counts);
        for symbol in (0..counts.len()).filter(|symbol| counts[*symbol] > 0) {
            builder.push(symbol);
            builder.last_symbol = symbol;
        }
        // A code has at least two symbols, also where one would do.
        let mut unused = builder.heap_length == 0;
        while builder.heap_length < 2 {
            let symbol = if unused || builder.last_symbol < 2 {
                let symbol = if unused { 0 } else { builder.last_symbol + 1 };
                unused = false;
                builder.last_symbol = symbol;
                symbol
            } else {
                0
            };
            builder.counts[symbol] = 1;
            builder.push(symbol);
        }
        builder
    }

    fn push(&mut self, node: usize) {
        self.heap_length += 1;
        self.heap[self.heap_length] = node as u16;
    }

    fn lengths(mut self, symbols: usize, limit: u8) -> Vec<u8> {
        for place in (1..=self.heap_length / 2).rev() {
            self.sink(place);
        }
        let (mut out, mut node) = (MAX_NODES + 1, symbols);
        loop {
            let first = self.heap[1];
            self.heap[1] = self.heap[self.heap_length];
            self.heap_length -= 1;
            self.sink(1);
            let second = self.heap[1];
            out -= 2;
            (self.heap[out + 1], self.heap[out]) = (first, second);
            let (a, b) = (usize::from(first), usize::from(second));
            self.counts[node] = self.counts[a] + self.counts[b];
            self.depths[node] = self.depths[a].max(self.depths[b]) + 1;
            (self.parents[a], self.parents[b]) = (node as u16, node as u16);
            self.heap[1] = node as u16;
            node += 1;
            self.sink(1);
            if self.heap_length < 2 {
                break;
            }
        }
        self.limited(out, symbols, limit)
    }

    /// Lengths from the tree whose nodes, but for the root, are in the heap from `out` on, parents before children.
    fn limited(self, out: usize, symbols: usize, limit: u8) -> Vec<u8> {
        let nodes = &self.heap[out..];
        let mut lengths = [0u8; MAX_NODES];
        let mut of_length = [0u32; 17];
        let mut too_long = 0i64;
        for node in nodes.iter().map(|node| usize::from(*node)) {
            let mut length = lengths[usize::from(self.parents[node])] + 1;
            if length > limit {
                length = limit;
                too_long += 1;
            }
            lengths[node] = length;
            if node < symbols {
                of_length[usize::from(length)] += 1;
            }
        }
        if too_long > 0 {
            while too_long > 0 {
                let from = (1..usize::from(limit)).rev().find(|length| of_length[*length] > 0).unwrap_or(1);
                of_length[from] = of_length[from].saturating_sub(1);
                of_length[from + 1] += 2;
                of_length[usize::from(limit)] = of_length[usize::from(limit)].saturating_sub(1);
                too_long -= 2;
            }
            let mut leaves = nodes.iter().rev().map(|node| usize::from(*node)).filter(|node| *node < symbols);
            for length in (1..=limit).rev() {
                for leaf in leaves.by_ref().take(of_length[usize::from(length)] as usize) {
                    lengths[leaf] = length;
                }
            }
        }
        lengths[..symbols].to_vec()
    }

    /// Moves a node down the heap to where it belongs.
    fn sink(&mut self, mut place: usize) {
        let node = self.heap[place];
        let mut child = 2 * place;
        while child <= self.heap_length {
            if child < self.heap_length && self.before(self.heap[child + 1], self.heap[child]) {
                child += 1;
            }
            if self.before(node, self.heap[child]) {
                break;
            }
            self.heap[place] = self.heap[child];
            place = child;
            child *= 2;
        }
        self.heap[place] = node;
    }

    /// Whether one node is above another, also if they are alike.
    fn before(&self, a: u16, b: u16) -> bool {
        let key = |node: u16| (self.counts[usize::from(node)], self.depths[usize::from(node)]);
        key(a) <= key(b)
    }
}
