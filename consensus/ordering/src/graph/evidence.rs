//! The evidence edges of one group, as rows of bits.
//!
//! Nodes are chains (see `chains`), final ones first in order of priority, then pending ones in order of `lo`. For
//! a final node `u` only earlier nodes from `u`'s window on are compared: the window starts at the first node at
//! which the greatest `hi` so far reaches `lo(u)`, so everything before it is separated from `u`, and where
//! separation decides, evidence cannot contradict it (`docs/fair-ordering.md`, "Windows").
//!
//! "Forward" is an edge from an earlier node to a later one: dense inside windows, stored by row (`ins`) and
//! transposed (`outs`). "Backward" is the other direction: rare, stored sparsely both ways.

use super::planes::{COLUMNS, Mask, Planes, WORDS, and, first_columns, not, transpose};
use super::tables::{ABSENT, Ranks, Tables};
use super::weights::{Bounds, Weights};
use crate::lane::NEVER;

/// Sparse rows of bits: 64 columns at a time, only where there are any.
#[derive(Default)]
pub(super) struct Sparse {
    starts: Vec<u32>,
    words: Vec<(u32, u64)>,
}

impl Sparse {
    fn new(rows: usize, mut words: Vec<(u32, u32, u64)>) -> Self {
        words.sort_unstable();
        let mut starts = vec![0u32; rows + 1];
        for &(row, _, _) in &words {
            starts[row as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        Self { starts, words: words.into_iter().map(|(_, word, bits)| (word, bits)).collect() }
    }

    /// The words of one row: (which word, its bits).
    pub(super) fn row(&self, row: usize) -> &[(u32, u64)] {
        &self.words[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

/// What the kernel needs to know about the nodes of a group.
pub(super) struct Nodes {
    /// How many are final; the others are pending.
    pub(super) finals: usize,
    /// The least `lo` of the node's members.
    pub(super) lo: Vec<u64>,
    /// The greatest `hi` of the node's members; final nodes only.
    pub(super) hi: Vec<u64>,
    /// N, in units of [`Weights`].
    pub(super) power: Vec<u64>,
    /// Their ranks in the lanes.
    pub(super) ranks: Ranks,
}

/// The edges.
pub(super) struct Evidence {
    /// The first block of each row's window.
    first: Vec<u32>,
    in_start: Vec<usize>,
    ins: Vec<u64>,
    /// For each block of columns: where its transposed rows start, and how many words each has.
    out_start: Vec<(usize, usize)>,
    outs: Vec<u64>,
    back_out: Sparse,
    back_in: Sparse,
    /// By node: the least `lo` of a pending node with an edge to it, or [`NEVER`].
    pub(super) blockers: Vec<u64>,
}

impl Evidence {
    /// Compares the nodes at this budget (in units).
    pub(super) fn build(nodes: &Nodes, weights: &Weights, budget: u64) -> Self {
        macro_rules! with_planes {
            ($($k:literal)*) => {
                match weights.planes() {
                    $($k => Builder::<$k>::new(nodes, weights, budget).build(),)*
                    _ => Builder::<12>::new(nodes, weights, budget).build(),
                }
            };
        }
        with_planes!(1 2 3 4 5 6 7 8 9 10 11)
    }

    /// Edges into `node` from earlier nodes: the first word, and the words.
    pub(super) fn forward_in(&self, node: usize) -> (usize, &[u64]) {
        (self.first[node] as usize * WORDS, &self.ins[self.in_start[node]..self.in_start[node + 1]])
    }

    /// Edges from `node` to later nodes: the first word, and the words.
    pub(super) fn forward_out(&self, node: usize) -> (usize, &[u64]) {
        let block = node / COLUMNS;
        let (start, len) = self.out_start[block];
        let at = start + (node % COLUMNS) * len;
        (block * WORDS, &self.outs[at..at + len])
    }

    /// Edges from `node` to earlier nodes.
    pub(super) fn backward_out(&self, node: usize) -> &[(u32, u64)] {
        self.back_out.row(node)
    }

    /// Edges into `node` from later nodes.
    pub(super) fn backward_in(&self, node: usize) -> &[(u32, u64)] {
        self.back_in.row(node)
    }
}

/// The thresholds of one row.
struct RowBounds {
    forward: Bounds,
    backward: Bounds,
}

/// Computes [`Evidence`], counting in `K` planes.
struct Builder<'a, const K: usize> {
    nodes: &'a Nodes,
    weights: &'a Weights,
    budget: u64,
    unit: bool,
    tables: Tables,
    /// Where each row's window starts.
    window: Vec<usize>,
    /// By block: one past the last row whose window reaches it.
    reach: Vec<usize>,
    picks: Vec<u32>,
    back_out: Vec<(u32, u32, u64)>,
    back_in: Vec<(u32, u32, u64)>,
    out: Evidence,
}

impl<'a, const K: usize> Builder<'a, K> {
    fn new(nodes: &'a Nodes, weights: &'a Weights, budget: u64) -> Self {
        let finals = nodes.finals;
        let mut greatest = nodes.hi[..finals].to_vec();
        for at in 1..finals {
            greatest[at] = greatest[at].max(greatest[at - 1]);
        }
        let start = |row: usize| greatest[..row.min(finals)].partition_point(|&hi| hi < nodes.lo[row]);
        let window: Vec<usize> = (0..nodes.lo.len()).map(start).collect();
        let first: Vec<u32> = window[..finals].iter().map(|start| (start / COLUMNS) as u32).collect();
        let mut in_start = vec![0; finals + 1];
        let mut reach = vec![0; finals.div_ceil(COLUMNS)];
        for (row, &block) in first.iter().enumerate() {
            in_start[row + 1] = in_start[row] + (row / COLUMNS + 1 - block as usize) * WORDS;
            reach[block as usize] = reach[block as usize].max(row + 1);
        }
        for block in 0..reach.len() {
            let before = block.checked_sub(1).map_or(0, |previous| reach[previous]);
            reach[block] = reach[block].max(before).max(((block + 1) * COLUMNS).min(finals));
        }
        let ins = vec![0; in_start[finals]];
        let out = Evidence {
            first,
            in_start,
            ins,
            out_start: Vec::with_capacity(reach.len()),
            outs: Vec::new(),
            back_out: Sparse::default(),
            back_in: Sparse::default(),
            blockers: vec![NEVER; finals],
        };
        Self {
            nodes,
            weights,
            budget,
            unit: weights.levels.len() == K && weights.is_unit(),
            tables: Tables::default(),
            window,
            reach,
            picks: vec![0; 64 * weights.lanes()],
            back_out: Vec::new(),
            back_in: Vec::new(),
            out,
        }
    }

    fn build(mut self) -> Evidence {
        for block in 0..self.reach.len() {
            let columns = block * COLUMNS..((block + 1) * COLUMNS).min(self.nodes.finals);
            self.tables.fill(&self.nodes.ranks, self.weights.lanes(), columns);
            let len = self.reach[block].div_ceil(64) - block * WORDS;
            self.out.out_start.push((self.out.outs.len(), len));
            self.out.outs.resize(self.out.outs.len() + COLUMNS * len, 0);
            for tile in block * WORDS..self.reach[block].div_ceil(64) {
                self.tile(block, tile);
            }
            self.pending(block);
        }
        self.out.back_out = Sparse::new(self.nodes.finals, self.back_out);
        self.out.back_in = Sparse::new(self.nodes.finals, self.back_in);
        self.out
    }

    /// Compares 64 rows with a block of columns.
    fn tile(&mut self, block: usize, tile: usize) {
        let rows = tile * 64..((tile + 1) * 64).min(self.nodes.finals);
        if rows.clone().all(|row| self.out.first[row] as usize > block) {
            return;
        }
        self.pick(rows.clone());
        let mut forward = [[0u64; 64]; WORDS];
        let mut backward = [[0u64; 64]; WORDS];
        let mut any = [0; WORDS];
        for row in rows.filter(|&row| self.out.first[row] as usize <= block) {
            let valid = first_columns(row - block * COLUMNS);
            let (to_row, from_row) = self.row(block, row, row - tile * 64);
            let (to_row, from_row) = (and(to_row, valid), and(from_row, valid));
            let at = self.out.in_start[row] + (block - self.out.first[row] as usize) * WORDS;
            self.out.ins[at..at + WORDS].copy_from_slice(&to_row);
            for w in 0..WORDS {
                forward[w][row % 64] = to_row[w];
                backward[w][row % 64] = from_row[w];
                any[w] |= from_row[w];
            }
        }
        for w in 0..WORDS {
            self.store_forward(block, w, tile, &mut forward[w]);
            if any[w] != 0 {
                self.store_backward(block, w, tile, &mut backward[w]);
            }
        }
    }

    fn store_forward(&mut self, block: usize, word: usize, tile: usize, bits: &mut [u64; 64]) {
        transpose(bits);
        let (start, len) = self.out.out_start[block];
        let at = start + word * 64 * len + (tile - block * WORDS);
        for (column, &bits) in bits.iter().enumerate() {
            self.out.outs[at + column * len] = bits;
        }
    }

    fn store_backward(&mut self, block: usize, word: usize, tile: usize, bits: &mut [u64; 64]) {
        let word = block * WORDS + word;
        let rows = bits.iter().enumerate().filter(|&(_, &bits)| bits != 0);
        self.back_out.extend(rows.map(|(y, &bits)| ((tile * 64 + y) as u32, word as u32, bits)));
        transpose(bits);
        let columns = bits.iter().enumerate().filter(|&(_, &bits)| bits != 0);
        self.back_in.extend(columns.map(|(x, &bits)| ((word * 64 + x) as u32, tile as u32, bits)));
    }

    /// Finds, for each column of the block, the pending node with the least `lo` that has an edge to it.
    fn pending(&mut self, block: usize) {
        let columns = self.nodes.finals - (block * COLUMNS).min(self.nodes.finals);
        let mut open = first_columns(columns);
        let mut from = self.nodes.finals;
        while from < self.nodes.lo.len() && open != [0; WORDS] {
            let to = (from + 64).min(self.nodes.lo.len());
            self.pick(from..to);
            for row in from..to {
                if self.window[row] >= (block + 1) * COLUMNS {
                    continue;
                }
                let (_, from_row) = self.row(block, row, row - from);
                let hit = and(from_row, open);
                open = and(open, not(hit));
                for (w, &word) in hit.iter().enumerate() {
                    for bit in bits(word) {
                        self.out.blockers[block * COLUMNS + w * 64 + bit] = self.nodes.lo[row];
                    }
                }
            }
            from = to;
        }
    }

    fn pick(&mut self, rows: std::ops::Range<usize>) {
        let lanes = self.weights.lanes();
        for lane in 0..lanes {
            let ranks = &self.nodes.ranks.lane(lane)[rows.clone()];
            self.tables.pick(lane, ranks, &mut self.picks[lane..], lanes);
        }
    }

    /// The edges (column to row, row to column) between a row, the `at`-th of those picked, and a block.
    #[inline(always)]
    fn row(&self, block: usize, row: usize, at: usize) -> (Mask, Mask) {
        let bounds = self.bounds(row);
        let mut sums = self.sum(at);
        // Lanes with the row: the column stands before it. P(row, column) is what is missing to N(row).
        let mut forward = sums.at_least(bounds.forward.maybe);
        if self.weights.is_rounded() {
            let sure = bounds.forward.sure.map_or([0; WORDS], |bound| sums.at_least(bound));
            self.settle(&mut forward, sure, |column| {
                self.exact(row, block * COLUMNS + column) <= self.budget
            });
        }
        // Lanes without the row: the column alone counts as before it.
        if self.nodes.power[row] != self.weights.total() {
            self.add_absent(row, &mut sums);
        }
        let mut backward = sums.at_most(bounds.backward.maybe);
        if self.weights.is_rounded() {
            let sure = bounds.backward.sure.map_or([0; WORDS], |bound| sums.at_most(bound));
            self.settle(&mut backward, sure, |column| {
                self.exact(block * COLUMNS + column, row) <= self.budget
            });
        }
        (forward, backward)
    }

    fn bounds(&self, row: usize) -> RowBounds {
        RowBounds {
            forward: self.weights.at_least(self.nodes.power[row].saturating_sub(self.budget)),
            backward: self.weights.at_most(self.budget),
        }
    }

    /// By column: the power of the lanes that hold the row and have the column before it.
    #[inline(always)]
    fn sum(&self, at: usize) -> Planes<K> {
        let lanes = self.weights.lanes();
        let picks = &self.picks[at * lanes..(at + 1) * lanes];
        let mut sums = Planes::ZERO;
        if self.unit {
            let mut pairs = picks.chunks_exact(2);
            for pair in &mut pairs {
                sums.add_pair(0, self.tables.mask(pair[0]), self.tables.mask(pair[1]));
            }
            for &pick in pairs.remainder() {
                sums.add(0, self.tables.mask(pick));
            }
            return sums;
        }
        for (level, lanes) in self.weights.levels.iter().enumerate() {
            let mut pairs = lanes.chunks_exact(2);
            for pair in &mut pairs {
                let (a, b) = (picks[pair[0] as usize], picks[pair[1] as usize]);
                sums.add_pair(level, self.tables.mask(a), self.tables.mask(b));
            }
            for &lane in pairs.remainder() {
                sums.add(level, self.tables.mask(picks[lane as usize]));
            }
        }
        sums
    }

    fn add_absent(&self, row: usize, sums: &mut Planes<K>) {
        for (level, lanes) in self.weights.levels.iter().enumerate() {
            for &lane in lanes {
                if self.nodes.ranks.get(lane as usize, row) == ABSENT
                    && let Some(all) = self.tables.all(lane as usize)
                {
                    sums.add(level, all);
                }
            }
        }
    }

    /// Decides one by one where rounding leaves it open.
    fn settle(&self, maybe: &mut Mask, sure: Mask, holds: impl Fn(usize) -> bool) {
        for w in 0..WORDS {
            for bit in bits(maybe[w] & !sure[w]) {
                let column = w * 64 + bit;
                if !holds(column) {
                    maybe[w] &= !(1 << bit);
                }
            }
        }
    }

    /// P(v, u), exactly. Columns past the last node (their bits are masked later) count as 0.
    fn exact(&self, v: usize, u: usize) -> u64 {
        if u.max(v) >= self.nodes.ranks.stride {
            return 0;
        }
        let before = |lane: usize| self.nodes.ranks.get(lane, v) < self.nodes.ranks.get(lane, u);
        let lanes = (0..self.weights.lanes()).filter(|&lane| before(lane));
        lanes.map(|lane| self.weights.exact(lane)).fold(0, u64::saturating_add)
    }
}

/// The positions of the set bits, ascending.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}
