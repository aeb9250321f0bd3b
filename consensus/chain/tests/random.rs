//! Many blocks of random lanes: against the oracle, and against states that were restored from snapshots.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(not(feature = "concatenate"))]

mod common;
mod oracle;

use common::{MS, World, advance, bundle, equivocation};
use fairlane_chain::{ChainState, Prepared, prepare};
use fairlane_types::{
    Batch, BlockHeader, Hash32, Height, NetworkId, ProtocolParams, RollupHead, RollupId, SegmentRef,
    Transaction, TxId,
};
use oracle::Oracle;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

const EXPIRY_BOUND_MS: u64 = 400;
const TICK_MS: u64 = 10;

struct Run {
    rng: StdRng,
    world: World,
    /// How many of ten ticks each lane closes a segment in; zero is a dead lane.
    pace: Vec<u32>,
    /// The length that each lane stays at once it has equivocated.
    frozen: Vec<Option<u64>>,
    given: Vec<Transaction>,
    ordered: BTreeMap<Height, Vec<TxId>>,
    rollup_heads: BTreeMap<RollupId, RollupHead>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let n = *[1u8, 2, 4, 4, 5, 7].choose(&mut rng).unwrap();
        let params = ProtocolParams { expiry_bound: EXPIRY_BOUND_MS * MS, ..ProtocolParams::default() };
        let world = World::with_params(n, &[(1, 0), (2, 0), (3, 1), (9, 2)], params);
        let mut pace: Vec<u32> = (0..n).map(|_| rng.gen_range(5..=10)).collect();
        if n > 3 && rng.gen_bool(0.4) {
            pace[0] = 0;
        }
        let frozen = vec![None; usize::from(n)];
        let (given, ordered, rollup_heads) = Default::default();
        Self { rng, world, pace, frozen, given, ordered, rollup_heads }
    }

    /// Lets lanes write for one tick that ends at `ms`.
    fn tick(&mut self, ms: u64) {
        for lane in 0..self.pace.len() {
            if self.frozen[lane].is_some() || self.rng.gen_range(0..10) >= self.pace[lane] {
                continue;
            }
            let mut times: Vec<u64> =
                (0..self.rng.gen_range(0..5)).map(|_| self.rng.gen_range(ms - TICK_MS..=ms)).collect();
            times.sort_unstable();
            for time in times {
                self.say(lane, time);
            }
            self.world.seal(lane, ms);
        }
    }

    fn say(&mut self, lane: usize, ms: u64) {
        if self.rng.gen_bool(0.4) {
            let txs: Vec<_> = (0..self.rng.gen_range(1..4)).map(|_| self.transaction(ms)).collect();
            self.world.own(lane, ms, &txs);
            return;
        }
        let other = self.rng.gen_range(0..self.pace.len());
        let length = self.world.lanes[other].segments.len();
        if other == lane || length == 0 {
            return;
        }
        let back = if self.rng.gen_bool(0.7) { 0 } else { self.rng.gen_range(0..length.min(4)) };
        let mut reference = self.world.lanes[other].segments[length - 1 - back].reference();
        match self.rng.gen_range(0..20) {
            0 => reference.digest = Hash32::from_bytes([7; 32]).into(),
            1 => reference.seq = reference.seq.next(),
            2 => reference = SegmentRef { lane: Default::default(), ..reference },
            _ => {}
        }
        self.world.peer(lane, ms, reference);
    }

    /// A new transaction, or one that was given to some lane before.
    fn transaction(&mut self, ms: u64) -> Transaction {
        if let Some(again) = self.given.choose(&mut self.rng).filter(|_| self.rng.gen_bool(0.15)) {
            return again.clone();
        }
        let legs = if self.rng.gen_bool(0.8) { 1 } else { self.rng.gen_range(2..5) };
        let known = [1, 2, 3, 9];
        let mut rollups: Vec<u64> = (0..legs).map(|_| *known.choose(&mut self.rng).unwrap()).collect();
        if self.rng.gen_bool(0.05) {
            rollups[0] = 4;
        }
        let expires = ms + self.rng.gen_range(20..EXPIRY_BOUND_MS + 60);
        let tx = bundle(self.given.len() as u64, &rollups, expires);
        self.given.push(tx.clone());
        tx
    }

    fn input(&mut self, state: &ChainState) -> fairlane_chain::BlockInput {
        let cut = state.base().cut;
        let lengths = self.world.lanes.iter().map(|lane| lane.segments.len() as u64);
        let mut heads: Vec<u64> =
            lengths
                .zip(cut.heads())
                .map(|(length, last)| {
                    if self.rng.gen_bool(0.7) { length } else { self.rng.gen_range(last.seq.get()..=length) }
                })
                .collect();
        let mut evidence = Vec::new();
        let lane = self.rng.gen_range(0..heads.len());
        if self.rng.gen_bool(0.02) && heads.len() > 3 && self.frozen.iter().all(Option::is_none) {
            self.frozen[lane] = Some(cut.heads()[lane].seq.get());
            let now = state.time().as_nanos() / MS - common::START / MS + 5_000;
            evidence.push(equivocation(&self.world.draft(lane, now), &self.world.draft(lane, now + 1)));
        }
        for (head, frozen) in heads.iter_mut().zip(&self.frozen) {
            *head = frozen.unwrap_or(*head);
        }
        let mut input = self.world.block_to(state, &heads);
        input.evidence = evidence;
        input
    }

    /// The restored state that `state` must behave like.
    fn twin(&self, state: &ChainState, header: &BlockHeader) -> ChainState {
        let recent = self.ordered.iter().map(|(height, ids)| (*height, ids.clone()));
        ChainState::restore(&self.world.genesis, header, &state.snapshot(), recent).unwrap()
    }

    fn check_batches(&mut self, network: &NetworkId, prepared: &Prepared) {
        let bodies: BTreeMap<TxId, &Transaction> = self.given.iter().map(|tx| (tx.id(), tx)).collect();
        let mut expected: BTreeMap<RollupId, Vec<(TxId, u8, u8, &bytes::Bytes)>> = BTreeMap::new();
        for entry in &prepared.order.entries {
            let legs = bodies[&entry.id].legs();
            for (leg, at) in legs.iter().zip(0u8..) {
                let item = (entry.id, at, legs.len() as u8, &leg.payload);
                expected.entry(leg.rollup).or_default().push(item);
            }
        }
        let items = |batch: &Batch| -> Vec<_> {
            let items = batch.items().iter();
            items
                .map(|item| (item.transaction, item.leg_index, item.leg_count, item.payload.clone()))
                .collect()
        };
        let found: Vec<_> = prepared.batches.iter().map(|batch| batch.header().rollup).collect();
        assert!(found.iter().eq(expected.keys()));
        for batch in &prepared.batches {
            let rollup = batch.header().rollup;
            let wanted =
                expected[&rollup].iter().map(|(id, at, of, payload)| (*id, *at, *of, (*payload).clone()));
            assert_eq!(items(batch), wanted.collect::<Vec<_>>());
            let head = self.rollup_heads.entry(rollup).or_default();
            assert_eq!(batch.header().previous_head, *head);
            *head = batch.header().head(network);
            let path = prepared.heads.path(rollup).unwrap();
            assert_eq!((path.leaf.head, path.root()), (*head, Some(prepared.proposal.header.heads_root)));
        }
    }
}

/// Returns how many transactions were ordered.
fn run(seed: u64, blocks: u64) -> usize {
    let mut run = Run::new(seed);
    let mut state = run.world.state();
    let mut twin: Option<ChainState> = None;
    let mut oracle = Oracle::new(&run.world.genesis);
    let mut ms = 0;
    let mut count = 0;
    for _ in 0..blocks {
        for _ in 0..run.rng.gen_range(1..4) {
            ms += TICK_MS;
            run.tick(ms);
        }
        let speculative = run.world.block_to(
            &state,
            &state.base().cut.heads().iter().map(|head| head.seq.get()).collect::<Vec<_>>(),
        );
        prepare(&state, speculative).unwrap();
        let input = run.input(&state);
        let (clock, entries) = oracle.block(&input, state.tip());
        let prepared = advance(&mut state, input.clone());
        let header = &prepared.proposal.header;
        assert_eq!(prepared.order.entries, entries, "order at height {}", header.height);
        assert_eq!(header.time, clock.max(run.world.genesis.time));
        assert_eq!(state.live_count(), oracle.live_count());
        run.check_batches(&state.network(), &prepared);
        if let Some(twin) = &mut twin {
            assert_eq!(advance(twin, input).proposal, prepared.proposal);
            assert_eq!(twin.snapshot(), state.snapshot());
        }
        count += entries.len();
        run.ordered.insert(header.height, prepared.order.ids().collect());
        if run.rng.gen_bool(0.1) {
            twin = Some(run.twin(&state, header));
        }
    }
    count
}

#[test]
fn blocks_follow_the_letter_of_the_rule() {
    let mut count = 0;
    for seed in 0..60 {
        let result = std::panic::catch_unwind(|| run(seed, 80));
        count += result.unwrap_or_else(|_| panic!("seed {seed} fails"));
    }
    assert!(count > 10_000, "only {count} transactions were ordered: the test has lost its teeth");
}
