//! Collapsing: transactions that stand next to each other in every lane that has one of them become one node.
//!
//! No lane has anything of the group between two members of such a chain, and the same lanes hold all of them. So
//! for any other transaction `v` of the group, P(v, x) and P(x, v) are the same for all members `x`: the chain has
//! one row of evidence. Members keep their own times, and with them their own separation edges and their own place
//! in the order.

/// Not a transaction.
const NONE: u32 = u32::MAX;

/// A group's transactions, lane by lane, in receive order. The first `finals` numbers are final, the rest pending.
pub(super) struct Lanes<'a> {
    pub(super) finals: usize,
    pub(super) count: usize,
    pub(super) seq: &'a [u32],
    pub(super) ends: &'a [u32],
}

impl<'a> Lanes<'a> {
    /// The receive order of each lane.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [u32]> + use<'a> {
        let seq = self.seq;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied()).map(move |(start, end)| &seq[start as usize..end as usize])
    }
}

/// The chains, in order of their least member: final ones first.
pub(super) struct Chains {
    /// Where each chain's members start in `members`; one more at the end.
    pub(super) starts: Vec<u32>,
    /// The members, chain after chain, each in receive order.
    pub(super) members: Vec<u32>,
    /// How many chains are final.
    pub(super) finals: usize,
}

impl Chains {
    /// Finds the chains. Final and pending transactions never share one.
    pub(super) fn find(lanes: &Lanes) -> Self {
        let next = links(lanes);
        let mut is_head = vec![true; lanes.count];
        for &after in next.iter().filter(|&&after| after != NONE) {
            is_head[after as usize] = false;
        }
        // (least member, head): numbers are priorities, and after clamping a later member may have a lesser one.
        let mut heads = Vec::new();
        for head in (0..lanes.count as u32).filter(|&tx| is_head[tx as usize]) {
            heads.push((walk(&next, head).min().unwrap_or(head), head));
        }
        heads.sort_unstable();
        let finals = heads.partition_point(|&(_, head)| (head as usize) < lanes.finals);
        let mut chains = Self { starts: vec![0], members: Vec::with_capacity(lanes.count), finals };
        for (_, head) in heads {
            chains.members.extend(walk(&next, head));
            chains.starts.push(chains.members.len() as u32);
        }
        chains
    }

    /// How many chains there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The members of one.
    pub(super) fn of(&self, chain: usize) -> &[u32] {
        &self.members[self.starts[chain] as usize..self.starts[chain + 1] as usize]
    }
}

fn walk(next: &[u32], head: u32) -> impl Iterator<Item = u32> + '_ {
    std::iter::successors(Some(head), |&tx| Some(next[tx as usize]).filter(|&after| after != NONE))
}

/// For each transaction the one that follows it in every lane that has either; `NONE` without one.
fn links(lanes: &Lanes) -> Vec<u32> {
    let mut next = vec![NONE; lanes.count];
    let mut held = vec![0u32; lanes.count];
    let mut agree = vec![0u32; lanes.count];
    for lane in lanes.iter() {
        for &tx in lane {
            held[tx as usize] += 1;
        }
        for pair in lane.windows(2) {
            let (tx, after) = (pair[0] as usize, pair[1]);
            if next[tx] == NONE {
                next[tx] = after;
            }
            agree[tx] += u32::from(next[tx] == after);
        }
    }
    for tx in 0..lanes.count {
        let after = next[tx] as usize;
        let linked = next[tx] != NONE
            && agree[tx] == held[tx]
            && held[after] == held[tx]
            && (after < lanes.finals) == (tx < lanes.finals);
        if !linked {
            next[tx] = NONE;
        }
    }
    next
}
