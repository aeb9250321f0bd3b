//! The graph of one height: which final transaction must come before which.
//!
//! Transactions are numbered by priority (key, then tie-break), so comparing numbers compares priorities. There is
//! an edge from `u` to `v` when they share a group and either P(v, u) is at most the budget (evidence, see
//! `evidence`), or `hi(u) < lo(v)` (separation, which needs no bits: see `walk`). Evidence is kept for each group,
//! between chains (see `chains`); everything else works on single transactions.
//!
//! Not its job: which transactions are final, and what happens to them afterwards (`engine`).
#![allow(clippy::indexing_slicing, reason = "all indices are numbers that this module itself handed out")]

mod chains;
mod evidence;
mod order;
mod planes;
mod select;
mod tables;
mod walk;
mod weights;

use chains::{Chains, Lanes};
use evidence::{Evidence, Nodes};
use tables::{ABSENT, Ranks};
pub(crate) use weights::Weights;

/// What a graph is built from.
#[derive(Default)]
pub(crate) struct GraphInput {
    /// By transaction: `lo`.
    pub(crate) lo: Vec<u64>,
    /// By transaction: `hi`.
    pub(crate) hi: Vec<u64>,
    /// The groups.
    pub(crate) groups: Vec<GroupInput>,
}

/// One group's part of [`GraphInput`].
///
/// The group's transactions have local numbers: first the final ones, ascending by priority, then the pending
/// ones, ascending by `lo`.
#[derive(Default)]
pub(crate) struct GroupInput {
    /// The final transactions.
    pub(crate) finals: Vec<u32>,
    /// `lo` of each pending transaction.
    pub(crate) pending: Vec<u64>,
    /// Local numbers in receive order, lane after lane.
    pub(crate) seq: Vec<u32>,
    /// Where each lane ends in `seq`.
    pub(crate) ends: Vec<u32>,
}

/// Where a transaction stands in one of its groups.
#[derive(Clone, Copy)]
struct Place {
    group: u32,
    node: u32,
    /// Its position in its node's chain.
    at: u32,
    /// Its position among the group's transactions sorted by `lo`.
    by_lo: u32,
    /// Its position among the group's transactions sorted by `hi`.
    by_hi: u32,
}

/// One group of the graph.
struct Group {
    /// Where each node's members start in `members`; one more at the end. Final nodes only.
    starts: Vec<u32>,
    /// The members of final nodes, node after node, in receive order.
    members: Vec<u32>,
    /// All final transactions of the group by `lo`.
    by_lo: Vec<u32>,
    /// All final transactions of the group by `hi`.
    by_hi: Vec<u32>,
    ranks: Ranks,
    evidence: Evidence,
}

impl Group {
    fn members(&self, node: usize) -> &[u32] {
        &self.members[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    fn nodes(&self) -> usize {
        self.starts.len() - 1
    }
}

/// The graph at one budget.
pub(crate) struct Graph<'a> {
    weights: &'a Weights,
    budget: u64,
    lo: Vec<u64>,
    hi: Vec<u64>,
    groups: Vec<Group>,
    place_starts: Vec<u32>,
    places: Vec<Place>,
}

impl<'a> Graph<'a> {
    /// Builds the graph with the edges of E_budget.
    pub(crate) fn build(weights: &'a Weights, budget: u64, input: GraphInput) -> Self {
        let GraphInput { lo, hi, groups } = input;
        let mut built = Vec::with_capacity(groups.len());
        let mut places = Vec::new();
        for group in groups.into_iter().filter(GroupInput::has_pairs) {
            let index = built.len() as u32;
            built.push(Self::build_group(weights, budget, &lo, &hi, group, index, &mut places));
        }
        let mut place_starts = vec![0u32; lo.len() + 1];
        for &(tx, _) in &places {
            place_starts[tx as usize + 1] += 1;
        }
        for tx in 0..lo.len() {
            place_starts[tx + 1] += place_starts[tx];
        }
        places.sort_by_key(|&(tx, _)| tx);
        let places = places.into_iter().map(|(_, place)| place).collect();
        Self { weights, budget, lo, hi, groups: built, place_starts, places }
    }

    fn build_group(
        weights: &Weights,
        budget: u64,
        lo: &[u64],
        hi: &[u64],
        input: GroupInput,
        index: u32,
        places: &mut Vec<(u32, Place)>,
    ) -> Group {
        let lanes = input.lanes();
        let chains = Chains::find(&lanes);
        let nodes = collect_nodes(weights, &input, &chains, lo, hi);
        let evidence = Evidence::build(&nodes, weights, weights.units(budget));
        let (by_lo, lo_ranks) = sorted(&input.finals, lo);
        let (by_hi, hi_ranks) = sorted(&input.finals, hi);
        let count = chains.starts[chains.finals] as usize;
        let mut members = Vec::with_capacity(count);
        for node in 0..chains.finals {
            for (at, &local) in chains.of(node).iter().enumerate() {
                let (by_lo, by_hi) = (lo_ranks[local as usize], hi_ranks[local as usize]);
                let place = Place { group: index, node: node as u32, at: at as u32, by_lo, by_hi };
                places.push((input.finals[local as usize], place));
                members.push(input.finals[local as usize]);
            }
        }
        let mut starts = chains.starts;
        starts.truncate(chains.finals + 1);
        Group { starts, members, by_lo, by_hi, ranks: nodes.ranks, evidence }
    }

    /// How many transactions there are.
    pub(crate) fn len(&self) -> usize {
        self.lo.len()
    }

    fn places(&self, tx: u32) -> &[Place] {
        &self.places[self.place_starts[tx as usize] as usize..self.place_starts[tx as usize + 1] as usize]
    }

    /// The graph of some of the transactions (ascending) at another budget. The k-th becomes number k.
    fn restrict(&self, txs: &[u32], budget: u64) -> Graph<'a> {
        let pick = |values: &[u64]| txs.iter().map(|&tx| values[tx as usize]).collect();
        let mut input = GraphInput { lo: pick(&self.lo), hi: pick(&self.hi), groups: Vec::new() };
        let mut placed: Vec<(Place, u32)> = Vec::new();
        for (number, &tx) in txs.iter().enumerate() {
            placed.extend(self.places(tx).iter().map(|&place| (place, number as u32)));
        }
        placed.sort_by_key(|(place, _)| place.group);
        for group in placed.chunk_by(|(a, _), (b, _)| a.group == b.group) {
            input.groups.push(self.restrict_group(group));
        }
        Graph::build(self.weights, budget, input)
    }

    fn restrict_group(&self, placed: &[(Place, u32)]) -> GroupInput {
        let mut input = GroupInput::default();
        input.finals.extend(placed.iter().map(|&(_, number)| number));
        let Some((first, _)) = placed.first() else { return input };
        let ranks = &self.groups[first.group as usize].ranks;
        let mut order = Vec::with_capacity(placed.len());
        for lane in 0..self.weights.lanes() {
            let held = placed
                .iter()
                .enumerate()
                .map(|(local, (place, _))| (ranks.get(lane, place.node as usize), place.at, local as u32));
            order.clear();
            order.extend(held.filter(|&(rank, _, _)| rank != ABSENT));
            order.sort_unstable();
            input.seq.extend(order.iter().map(|&(_, _, local)| local));
            input.ends.push(input.seq.len() as u32);
        }
        input
    }
}

impl GroupInput {
    /// Whether there is anything to compare.
    fn has_pairs(&self) -> bool {
        !self.finals.is_empty() && self.finals.len() + self.pending.len() > 1
    }

    fn lanes(&self) -> Lanes<'_> {
        let count = self.finals.len() + self.pending.len();
        Lanes { finals: self.finals.len(), count, seq: &self.seq, ends: &self.ends }
    }
}

fn collect_nodes(weights: &Weights, input: &GroupInput, chains: &Chains, lo: &[u64], hi: &[u64]) -> Nodes {
    let finals = input.finals.len();
    let lo_of = |local: u32| match input.finals.get(local as usize) {
        Some(&tx) => lo[tx as usize],
        None => input.pending[local as usize - finals],
    };
    let least = |chain: usize| chains.of(chain).iter().map(|&local| lo_of(local)).min().unwrap_or(0);
    let greatest = |chain: usize| {
        let members = chains.of(chain).iter();
        members.map(|&local| hi[input.finals[local as usize] as usize]).max().unwrap_or(0)
    };
    let mut node_of_head = vec![ABSENT; input.finals.len() + input.pending.len()];
    for chain in 0..chains.len() {
        node_of_head[chains.of(chain)[0] as usize] = chain as u32;
    }
    let mut ranks = Ranks { stride: chains.len(), ranks: vec![ABSENT; chains.len() * weights.lanes()] };
    let mut power = vec![0u64; chains.len()];
    for (lane, seq) in input.lanes().iter().enumerate() {
        let row = &mut ranks.ranks[lane * chains.len()..(lane + 1) * chains.len()];
        let heads = seq.iter().map(|&local| node_of_head[local as usize]).filter(|&node| node != ABSENT);
        for (rank, node) in heads.enumerate() {
            row[node as usize] = rank as u32;
            power[node as usize] = power[node as usize].saturating_add(weights.exact(lane));
        }
    }
    Nodes {
        finals: chains.finals,
        lo: (0..chains.len()).map(least).collect(),
        hi: (0..chains.finals).map(greatest).collect(),
        power,
        ranks,
    }
}

/// The transactions sorted by a value, and the position of each in that order.
fn sorted(txs: &[u32], values: &[u64]) -> (Vec<u32>, Vec<u32>) {
    let mut order: Vec<(u64, u32)> = (0u32..).zip(txs).map(|(at, &tx)| (values[tx as usize], at)).collect();
    order.sort_unstable();
    let mut ranks = vec![0; txs.len()];
    for (rank, &(_, at)) in order.iter().enumerate() {
        ranks[at as usize] = rank as u32;
    }
    (order.into_iter().map(|(_, at)| txs[at as usize]).collect(), ranks)
}
