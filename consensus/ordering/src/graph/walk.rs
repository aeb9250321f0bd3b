//! Walking along edges, visiting each transaction once.
//!
//! A walk has a set of active transactions; visiting one deactivates it. Three kinds of edges lead on from it:
//! - inside its chain, to all later (or earlier) members;
//! - by evidence, from its chain to whole other chains: once for each chain, as nothing becomes active again;
//! - by separation: to every active transaction whose `lo` lies above its `hi` (or the other way round). Sorted by
//!   that value these are the far end of the active ones, so a pointer that only moves inwards finds them.

use super::evidence::bits;
use super::{Graph, Group, Place};

/// What a walk knows about one group.
struct GroupWalk {
    /// The nodes with active members.
    active: Vec<u64>,
    /// No node in a word outside this range is active.
    words: std::ops::Range<usize>,
    /// By node: positions outside this range of its chain are inactive.
    range: Vec<(u32, u32)>,
    /// By node: whether its evidence edges have been followed.
    followed: Vec<bool>,
    /// Positions from here on in order of `lo` are inactive.
    lo_end: usize,
    /// Positions before this one in order of `hi` are inactive.
    hi_start: usize,
}

impl GroupWalk {
    fn new(group: &Group) -> Self {
        let nodes = group.nodes();
        Self {
            active: vec![0; nodes.div_ceil(64)],
            words: 0..0,
            range: vec![(0, 0); nodes],
            followed: vec![false; nodes],
            lo_end: 0,
            hi_start: group.by_hi.len(),
        }
    }

    fn reset(&mut self, group: &Group) {
        self.words = 0..0;
        self.lo_end = 0;
        self.hi_start = group.by_hi.len();
    }

    fn activate(&mut self, place: &Place) {
        let node = place.node as usize;
        let (word, bit) = (node / 64, 1 << (node % 64));
        let range = &mut self.range[node];
        if self.active[word] & bit == 0 {
            self.active[word] |= bit;
            self.followed[node] = false;
            *range = (place.at, place.at + 1);
            let words = &mut self.words;
            *words = match words.len() {
                0 => word..word + 1,
                _ => words.start.min(word)..words.end.max(word + 1),
            };
        } else {
            *range = (range.0.min(place.at), range.1.max(place.at + 1));
        }
        self.lo_end = self.lo_end.max(place.by_lo as usize + 1);
        self.hi_start = self.hi_start.min(place.by_hi as usize);
    }

    /// Takes a node's range of positions; the node is inactive from here on.
    fn take(&mut self, node: usize) -> std::ops::Range<usize> {
        self.active[node / 64] &= !(1 << (node % 64));
        let (start, end) = std::mem::take(&mut self.range[node]);
        start as usize..end as usize
    }

    /// The active nodes among these words, the first of which is number `first`.
    fn hits(&mut self, first: usize, words: &[u64], found: &mut Vec<u32>) {
        while self.words.start < self.words.end && self.active[self.words.end - 1] == 0 {
            self.words.end -= 1;
        }
        while self.words.start < self.words.end && self.active[self.words.start] == 0 {
            self.words.start += 1;
        }
        let from = first.max(self.words.start);
        let to = (first + words.len()).min(self.words.end);
        for word in from..to {
            let hit = self.active[word] & words[word - first];
            found.extend(bits(hit).map(|bit| (word * 64 + bit) as u32));
        }
    }

    fn sparse_hits(&self, words: &[(u32, u64)], found: &mut Vec<u32>) {
        for &(word, mask) in words {
            let hit = self.active[word as usize] & mask;
            found.extend(bits(hit).map(|bit| word * 64 + bit as u32));
        }
    }
}

/// A walk over a graph.
pub(super) struct Walk<'g> {
    graph: &'g Graph<'g>,
    active: Vec<bool>,
    groups: Vec<GroupWalk>,
    found: Vec<u32>,
}

impl<'g> Walk<'g> {
    /// A walk with nothing active.
    pub(super) fn new(graph: &'g Graph<'g>) -> Self {
        let groups = graph.groups.iter().map(GroupWalk::new).collect();
        Self { graph, active: vec![false; graph.len()], groups, found: Vec::new() }
    }

    /// Makes these active. Nothing may be active before.
    pub(super) fn activate(&mut self, txs: &[u32]) {
        for (walk, group) in self.groups.iter_mut().zip(&self.graph.groups) {
            walk.reset(group);
        }
        for &tx in txs {
            self.active[tx as usize] = true;
            for place in self.graph.places(tx) {
                self.groups[place.group as usize].activate(place);
            }
        }
    }

    /// Whether `tx` is active.
    pub(super) fn is_active(&self, tx: u32) -> bool {
        self.active[tx as usize]
    }

    /// Deactivates `tx`. The bounds of its chains are left to whoever walks on from it.
    pub(super) fn visit(&mut self, tx: u32) -> bool {
        std::mem::take(&mut self.active[tx as usize])
    }

    /// Forgets `tx`, which has been visited and is alone in each of its nodes, without walking on from it.
    pub(super) fn retire(&mut self, tx: u32) {
        for place in self.graph.places(tx) {
            self.groups[place.group as usize].take(place.node as usize);
        }
    }

    /// Ends the walk: deactivates whatever of `txs` is still active.
    pub(super) fn finish(&mut self, txs: &[u32]) {
        for &tx in txs {
            self.active[tx as usize] = false;
            for place in self.graph.places(tx) {
                self.groups[place.group as usize].take(place.node as usize);
            }
        }
    }

    /// Visits the active targets of edges from `tx`, which has been visited, and appends them to `reached`.
    pub(super) fn successors(&mut self, tx: u32, reached: &mut Vec<u32>) {
        for place in self.graph.places(tx) {
            let group = &self.graph.groups[place.group as usize];
            let node = place.node as usize;
            self.visit_chain_after(group, place, reached);
            let walk = &mut self.groups[place.group as usize];
            if !std::mem::replace(&mut walk.followed[node], true) {
                let mut found = std::mem::take(&mut self.found);
                let (first, words) = group.evidence.forward_out(node);
                walk.hits(first, words, &mut found);
                walk.sparse_hits(group.evidence.backward_out(node), &mut found);
                self.visit_nodes(group, place.group, found, reached);
            }
            self.visit_separated_after(group, place.group, self.graph.hi[tx as usize], reached);
        }
    }

    /// Visits the active sources of edges into `tx`, which has been visited, and appends them to `reached`.
    pub(super) fn predecessors(&mut self, tx: u32, reached: &mut Vec<u32>) {
        for place in self.graph.places(tx) {
            let group = &self.graph.groups[place.group as usize];
            let node = place.node as usize;
            self.visit_chain_before(group, place, reached);
            let walk = &mut self.groups[place.group as usize];
            if !std::mem::replace(&mut walk.followed[node], true) {
                let mut found = std::mem::take(&mut self.found);
                let (first, words) = group.evidence.forward_in(node);
                walk.hits(first, words, &mut found);
                walk.sparse_hits(group.evidence.backward_in(node), &mut found);
                self.visit_nodes(group, place.group, found, reached);
            }
            self.visit_separated_before(group, place.group, self.graph.lo[tx as usize], reached);
        }
    }

    fn visit_chain_after(&mut self, group: &Group, place: &Place, reached: &mut Vec<u32>) {
        let node = place.node as usize;
        let range = &mut self.groups[place.group as usize].range[node];
        let later = (place.at + 1).max(range.0)..range.1;
        range.1 = range.1.min(place.at);
        let empty = range.0 >= range.1;
        for at in later {
            self.visit_into(group.members(node)[at as usize], reached);
        }
        if empty {
            self.groups[place.group as usize].take(node);
        }
    }

    fn visit_chain_before(&mut self, group: &Group, place: &Place, reached: &mut Vec<u32>) {
        let node = place.node as usize;
        let range = &mut self.groups[place.group as usize].range[node];
        let earlier = range.0..place.at.min(range.1);
        range.0 = range.0.max(place.at + 1);
        let empty = range.0 >= range.1;
        for at in earlier {
            self.visit_into(group.members(node)[at as usize], reached);
        }
        if empty {
            self.groups[place.group as usize].take(node);
        }
    }

    fn visit_nodes(&mut self, group: &Group, index: u32, mut found: Vec<u32>, reached: &mut Vec<u32>) {
        for node in found.drain(..) {
            let range = self.groups[index as usize].take(node as usize);
            for &tx in group.members(node as usize).get(range).unwrap_or(&[]) {
                self.visit_into(tx, reached);
            }
        }
        self.found = found;
    }

    fn visit_separated_after(&mut self, group: &Group, index: u32, hi: u64, reached: &mut Vec<u32>) {
        while let Some(at) = self.groups[index as usize].lo_end.checked_sub(1) {
            let tx = group.by_lo[at];
            if self.active[tx as usize] {
                if self.graph.lo[tx as usize] <= hi {
                    return;
                }
                self.visit_into(tx, reached);
            }
            self.groups[index as usize].lo_end = at;
        }
    }

    fn visit_separated_before(&mut self, group: &Group, index: u32, lo: u64, reached: &mut Vec<u32>) {
        while let Some(&tx) = group.by_hi.get(self.groups[index as usize].hi_start) {
            if self.active[tx as usize] {
                if self.graph.hi[tx as usize] >= lo {
                    return;
                }
                self.visit_into(tx, reached);
            }
            self.groups[index as usize].hi_start += 1;
        }
    }

    fn visit_into(&mut self, tx: u32, reached: &mut Vec<u32>) {
        if self.visit(tx) {
            reached.push(tx);
        }
    }
}
