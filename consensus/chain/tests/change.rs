//! Changes of the validator set: what the lanes hold is carried over, whoever leaves and whoever joins.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(not(feature = "concatenate"))]

mod common;
mod oracle;

use common::{MS, World, advance, at, bundle, ids, tx};
use fairlane_chain::{
    BlockInput, ChainState, NextValidatorsError, PrepareError, Prepared, prepare, successor,
};
use fairlane_types::{
    Decode, Encode, GroupId, Hash32, Height, L1Anchor, LaneId, Proposal, ProtocolParams, RollupChanges,
    RollupId, RollupRules, RollupTable, SegmentRef, Transaction, TxId, ValidatorSet,
};
use oracle::Oracle;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

const ROLLUPS: &[(u64, u32)] = &[(1, 0), (2, 1)];
/// Expires long after the test.
const LATE: u64 = 60_000;

fn anchor(number: u64) -> L1Anchor {
    L1Anchor { number, hash: Hash32::from_bytes([number as u8; 32]) }
}

/// A block of all that was written, which hands over to a set.
fn hand_over(world: &World, state: &ChainState, next: ValidatorSet) -> BlockInput {
    let l1_anchor = anchor(state.l1_anchor().number + 1);
    BlockInput { l1_anchor, next_validators: Some(next), ..world.block(state) }
}

/// Commits a block of all that was written.
fn all_written(state: &mut ChainState, world: &World) -> Prepared {
    let input = world.block(state);
    advance(state, input)
}

/// The same, and hands over to a set.
fn changed(state: &mut ChainState, world: &World, next: ValidatorSet) -> Prepared {
    let input = hand_over(world, state, next);
    advance(state, input)
}

fn lanes(state: &ChainState) -> Vec<LaneId> {
    state.base().cut.heads().iter().map(|head| head.lane).collect()
}

#[test]
fn the_header_announces_the_set_and_the_next_block_is_decided_by_it() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.full_round(20);
    let next = world.set(&[(0, 1), (1, 1), (2, 1)]);
    let block = changed(&mut state, &world, next.clone());
    let header = &block.proposal.header;
    assert_eq!(header.validators_hash, world.genesis.validators.hash());
    assert_eq!(header.next_validators_hash, next.hash());
    assert_eq!((state.validators(), lanes(&state).len()), (&next, 3));
    assert_eq!(block.proposal.cut.heads().len(), 4, "the old set's lanes");
    assert_eq!(Proposal::from_bytes(block.proposal.to_bytes()).unwrap(), block.proposal);

    world.round(&[0, 1, 2], 40);
    let block = all_written(&mut state, &world);
    let header = &block.proposal.header;
    assert_eq!((header.validators_hash, header.next_validators_hash), (next.hash(), next.hash()));
    assert_eq!(block.proposal.cut.heads().len(), 3);
}

#[test]
fn a_set_that_cannot_follow_is_refused() {
    let mut world = World::new(4, ROLLUPS);
    let state = world.state();
    world.full_round(20);
    let refusal = |change: &dyn Fn(&mut BlockInput)| {
        let mut input = hand_over(&world, &state, world.set(&[(0, 1), (1, 1)]));
        change(&mut input);
        match prepare(&state, input).unwrap_err() {
            PrepareError::NextValidators(why) => why,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refusal(&|input| input.l1_anchor = L1Anchor::default()), NextValidatorsError::NotAnchored);
    let present = || Some(world.genesis.validators.clone());
    assert_eq!(refusal(&|input| input.next_validators = present()), NextValidatorsError::Present);
}

#[test]
fn the_present_set_stays_where_ethereum_has_none_that_fits() {
    let world = World::new(4, ROLLUPS);
    let (present, other) = (&world.genesis.validators, world.set(&[(0, 1), (1, 2)]));
    let params = ProtocolParams::default();
    assert_eq!(successor(present, &params, Some(&other)), Some(other.clone()));
    assert_eq!(successor(present, &params, None), None);
    assert_eq!(successor(present, &params, Some(present)), None);
    let narrow = ProtocolParams { max_block_lane_bytes: params.max_reference_bytes, ..params };
    assert_eq!(successor(present, &narrow, Some(&other)), None);
}

#[test]
fn what_a_validator_brought_is_ordered_after_it_left() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.full_round(1);
    all_written(&mut state, &world);
    world.own(3, 5, &[tx(1, 1, LATE)]);
    world.seal(3, 10);
    world.round(&[0, 1, 2], 20);
    // The block decides the transaction, and that only lane 0 has it besides lane 3.
    let heads = [2, 1, 1, 2];
    let next = world.set(&[(0, 1), (1, 1), (2, 1)]);
    let block =
        BlockInput { l1_anchor: anchor(1), next_validators: Some(next), ..world.block_to(&state, &heads) };
    assert!(ids(&advance(&mut state, block)).is_empty());
    let [retired] = state.base().retired.try_into().unwrap();
    assert_eq!(retired, world.head(3));
    assert_eq!(state.base().head(retired.lane), retired);
    assert!(state.contains_live(&tx(1, 1, LATE).id()));

    world.round(&[0, 1, 2], 40);
    world.round(&[0, 1, 2], 60);
    let block = all_written(&mut state, &world);
    assert_eq!(ids(&block), [tx(1, 1, LATE).id()], "the others' references still count");
    assert!(state.base().retired.is_empty(), "nothing of the lane is open any more");
    assert_eq!(state.live_count(), 0);
}

#[test]
fn what_waits_regains_a_quorum_by_the_first_segments_of_new_lanes() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.full_round(1);
    all_written(&mut state, &world);
    world.own(0, 5, &[tx(1, 1, LATE)]);
    world.seal(0, 10);
    for lane in 1..4 {
        world.seal(lane, 10);
    }
    world.full_round(20);
    // All four have it by 20, but the clock stands at 20, too: it waits.
    let new: Vec<usize> = (10..13).map(|seed| world.newcomer(seed)).collect();
    let members: Vec<_> = (0..4).chain(new.iter().copied()).map(|lane| (lane, 1)).collect();
    let next = world.set(&members);
    assert!(ids(&changed(&mut state, &world, next)).is_empty());
    assert_eq!(lanes(&state).len(), 7);

    // Four of seven are no quorum, and what comes later must not overtake what they hold.
    let old = [0, 1, 2, 3];
    world.own(1, 25, &[tx(2, 1, LATE)]);
    world.round(&old, 40);
    let heads: Vec<SegmentRef> =
        state.base().cut.heads().iter().filter(|head| head.seq.get() > 0).copied().collect();
    for lane in &new {
        for head in &heads {
            world.peer(*lane, 41, *head);
        }
        world.seal(*lane, 50);
    }
    let all: Vec<usize> = old.iter().chain(&new).copied().collect();
    world.round(&all, 60);
    let block = all_written(&mut state, &world);
    assert_eq!(ids(&block), [tx(1, 1, LATE).id()]);
    world.round(&all, 80);
    world.round(&all, 100);
    let block = all_written(&mut state, &world);
    assert_eq!(ids(&block), [tx(2, 1, LATE).id()]);
}

#[test]
fn a_frozen_lane_is_free_when_its_validator_comes_back() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.full_round(20);
    let forked = common::equivocation(&world.draft(3, 30), &world.draft(3, 31));
    let mut input = hand_over(&world, &state, world.set(&[(0, 1), (1, 1), (2, 1)]));
    input.evidence = vec![forked];
    input.cut = world.block_to(&state, &[1, 1, 1, 0]).cut;
    input.content = world.block_to(&state, &[1, 1, 1, 0]).content;
    advance(&mut state, input);
    assert!(state.base().equivocators.is_empty(), "its lane is not in the set any more");
    world.round(&[0, 1, 2], 40);
    let back = world.comes_back(3);
    let next = world.set(&[(0, 1), (1, 1), (2, 1), (back, 1)]);
    changed(&mut state, &world, next);
    world.round(&[0, 1, 2, back], 60);
    all_written(&mut state, &world);
    assert!(state.base().head(world.lanes[back].id).seq.get() == 1);
}

/// Random lanes, blocks and sets.
struct Run {
    rng: StdRng,
    world: World,
    /// The lanes of the present set.
    set: Vec<usize>,
    /// The newest lane of each validator.
    newest: Vec<usize>,
    given: Vec<Transaction>,
    ordered: BTreeMap<Height, Vec<TxId>>,
}

const EXPIRY_BOUND_MS: u64 = 400;
const TICK_MS: u64 = 10;

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let first = rng.gen_range(1..=5);
        let params = ProtocolParams { expiry_bound: EXPIRY_BOUND_MS * MS, ..ProtocolParams::default() };
        let mut world = World::with_params(first, &[(1, 0), (2, 0), (3, 1)], params);
        let set: Vec<usize> = (0..usize::from(first)).collect();
        let more = (0..3).map(|seed| world.newcomer(100 + seed));
        let newest = set.iter().copied().chain(more.collect::<Vec<_>>()).collect();
        Self { rng, world, set, newest, given: Vec::new(), ordered: BTreeMap::new() }
    }

    fn tick(&mut self, ms: u64) {
        for lane in self.set.clone() {
            if self.rng.gen_bool(0.25) {
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

    /// Lanes reference each other, also those that left, and variants that nobody decided.
    fn say(&mut self, lane: usize, ms: u64) {
        if self.rng.gen_bool(0.4) {
            let tx = self.transaction(ms);
            return self.world.give(lane, ms, &tx);
        }
        let other = self.rng.gen_range(0..self.world.lanes.len());
        let there = &self.world.lanes[other];
        let length = there.segments.len();
        if there.id == self.world.lanes[lane].id || length == 0 {
            return;
        }
        let back = if self.rng.gen_bool(0.7) { 0 } else { self.rng.gen_range(0..length.min(4)) };
        let mut reference = there.segments[length - 1 - back].reference();
        if self.rng.gen_bool(0.05) {
            reference.digest = Hash32::from_bytes([7; 32]).into();
        }
        self.world.peer(lane, ms, reference);
    }

    fn transaction(&mut self, ms: u64) -> Transaction {
        if let Some(again) = self.given.choose(&mut self.rng).filter(|_| self.rng.gen_bool(0.15)) {
            return again.clone();
        }
        let rollups: Vec<u64> = (0..self.rng.gen_range(1..3)).map(|_| self.rng.gen_range(1..6)).collect();
        let expires = ms + self.rng.gen_range(20..EXPIRY_BOUND_MS + 60);
        let tx = bundle(self.given.len() as u64, &rollups, expires);
        self.given.push(tx.clone());
        tx
    }

    /// Some validators leave, some come, some come back with a new lane, all powers change.
    fn next_set(&mut self) -> ValidatorSet {
        let mut members = Vec::new();
        for newest in &mut self.newest {
            let is_member = self.set.contains(newest);
            if !self.rng.gen_bool(if is_member { 0.75 } else { 0.4 }) {
                continue;
            }
            // A lane that was left is never taken up again.
            let left = !is_member && !self.world.lanes[*newest].segments.is_empty();
            if left || (is_member && self.rng.gen_bool(0.1)) {
                *newest = self.world.comes_back(*newest);
            }
            members.push((*newest, self.rng.gen_range(1..4)));
        }
        if members.is_empty() {
            self.newest[0] = self.world.comes_back(self.newest[0]);
            members.push((self.newest[0], 1));
        }
        self.set = members.iter().map(|(lane, _)| *lane).collect();
        self.world.set(&members)
    }

    fn input(&mut self, state: &ChainState) -> BlockInput {
        let heads: Vec<u64> = self
            .world
            .lanes
            .iter()
            .map(|lane| {
                let length = lane.segments.len() as u64;
                let last = state.base().head(lane.id).seq.get().min(length);
                if self.rng.gen_bool(0.7) { length } else { self.rng.gen_range(last..=length) }
            })
            .collect();
        let input = self.world.block_to(state, &heads);
        if self.rng.gen_bool(0.9) {
            return input;
        }
        let next = self.next_set();
        let next = (next != *state.validators()).then_some(next);
        let rollups = self.next_rollups(state);
        BlockInput {
            l1_anchor: anchor(state.l1_anchor().number + 1),
            next_validators: next,
            rollups,
            ..input
        }
    }

    /// Rollups 4 and 5 come and go, and may want payloads of one length.
    fn next_rollups(&mut self, state: &ChainState) -> RollupChanges {
        let open = state.base().rollups;
        let is_known = |id| state.heads().leaves().iter().any(|leaf| leaf.rollup == id);
        let (mut opened, mut closed) = (RollupTable::new(), BTreeSet::new());
        for id in [4, 5].map(RollupId::new) {
            if !is_known(id) && self.rng.gen_bool(0.3) {
                let group = GroupId::new(self.rng.gen_range(0..3));
                let leg_bytes = *[0, 17, 18].choose(&mut self.rng).unwrap();
                opened.insert(id, RollupRules { group, leg_bytes });
            }
            if open.contains_key(&id) && self.rng.gen_bool(0.3) {
                closed.insert(id);
            }
        }
        RollupChanges::new(&opened, &closed)
    }
}

/// Returns how many transactions were ordered, and how often the set changed.
fn run(seed: u64, blocks: u64) -> (usize, usize) {
    let mut run = Run::new(seed);
    let mut state = run.world.state();
    let mut twin: Option<ChainState> = None;
    let mut oracle = Oracle::new(&run.world.genesis);
    let (mut ms, mut count, mut changes) = (0, 0, 0);
    for _ in 0..blocks {
        for _ in 0..run.rng.gen_range(1..4) {
            ms += TICK_MS;
            run.tick(ms);
        }
        let input = run.input(&state);
        let (clock, entries) = oracle.block(&input, state.tip());
        changes += usize::from(input.next_validators.is_some());
        let prepared = advance(&mut state, input.clone());
        let header = &prepared.proposal.header;
        assert_eq!(prepared.order.entries, entries, "order at height {}", header.height);
        assert_eq!(header.time, clock.max(run.world.genesis.time));
        assert_eq!(header.next_validators_hash, state.validators().hash());
        assert_eq!(state.live_count(), oracle.live_count());
        if let Some(twin) = &mut twin {
            assert_eq!(advance(twin, input).proposal, prepared.proposal);
            assert_eq!(twin.snapshot(), state.snapshot());
        }
        let (snapshot, ordering) = (state.snapshot(), oracle.ordering());
        assert!(
            snapshot.windows(ordering.len()).any(|bytes| bytes == ordering),
            "ordering at height {}",
            header.height
        );
        count += entries.len();
        run.ordered.insert(header.height, ids(&prepared));
        if run.rng.gen_bool(0.1) {
            let recent = run.ordered.iter().map(|(height, ids)| (*height, ids.clone()));
            let restored = ChainState::restore(&run.world.genesis, header, &state.snapshot(), recent);
            twin = Some(restored.unwrap());
        }
    }
    assert!(state.time() > at(0));
    (count, changes)
}

#[test]
fn blocks_follow_the_letter_of_the_rule_across_changes() {
    let (mut count, mut changes) = (0, 0);
    for seed in 0..60 {
        let result = std::panic::catch_unwind(|| run(seed, 100));
        let (ordered, changed) = result.unwrap_or_else(|_| panic!("seed {seed} fails"));
        count += ordered;
        changes += changed;
    }
    assert!(
        count > 5_000 && changes > 300,
        "{count} ordered, {changes} changes: the test has lost its teeth"
    );
}
