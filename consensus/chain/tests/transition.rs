//! What a block does, case by case.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(not(feature = "concatenate"))]

mod common;

use common::{World, advance, at, bundle, equivocation, ids, tx};
use fairlane_chain::{BlockInput, CommitError, OrderRecord, PrepareError, prepare};
use fairlane_types::{
    Batch, BatchIndex, BlockId, Decode, Encode, GroupId, Hash32, Height, L1Anchor, LaneId, LaneSeq, Proposal,
    ProtocolParams, RollupHead, RollupId, RollupRules, SegmentRef, evidence,
};

const ROLLUPS: &[(u64, u32)] = &[(1, 0), (2, 0), (7, 3)];
const LATE: u64 = 60_000;

#[test]
fn header_follows_from_the_cut() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    assert_eq!(state.height(), Height::ZERO);
    assert_eq!(state.base().rollups.get(&RollupId::new(7)), Some(&RollupRules::new(GroupId::new(3))));
    world.own(0, 5, &[tx(1, 1, LATE)]);
    world.full_round(20);
    world.full_round(40);
    world.full_round(60);
    let before = state.root();
    let input = world.block(&state);
    let prepared = advance(&mut state, input);
    let header = &prepared.proposal.header;
    assert_eq!(header.network, world.genesis.network());
    assert_eq!(header.height, Height::FIRST);
    assert_eq!(header.time, at(60));
    assert_eq!(header.parent, BlockId::ZERO);
    assert_eq!(header.cut_root, prepared.proposal.cut.root());
    assert_eq!(header.heads_root, prepared.heads.root());
    assert_eq!(header.evidence_root, evidence::root(&[]));
    assert_eq!(header.ordered_count, 1);
    assert!(!header.capped);
    assert_eq!(header.validators_hash, world.genesis.validators.hash());
    assert_eq!(header.next_validators_hash, world.genesis.validators.hash());
    assert_eq!((state.height(), state.tip(), state.time()), (header.height, header.id(), at(60)));
    assert_eq!(state.root(), header.state_root);
    assert_ne!(state.root(), before);
    assert_eq!(state.base().cut, prepared.proposal.cut);
    assert_eq!(prepared.report.component_sizes, [1]);
    assert_eq!(prepared.report.clock, at(60));
}

#[test]
fn preparing_changes_nothing_and_repeats_exactly() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.own(0, 5, &[tx(1, 1, LATE), bundle(2, &[1, 2], LATE)]);
    world.full_round(20);
    let input = world.block(&state);
    advance(&mut state, input);
    world.own(2, 25, &[tx(3, 2, LATE)]);
    world.full_round(40);
    world.full_round(60);
    let snapshot = state.snapshot();
    let short = prepare(&state, world.block_to(&state, &[2, 2, 2, 1])).unwrap();
    let first = prepare(&state, world.block(&state)).unwrap();
    let second = prepare(&state, world.block(&state)).unwrap();
    assert_eq!(state.snapshot(), snapshot);
    assert_eq!(first.proposal, second.proposal);
    assert_eq!(first.batches, second.batches);
    assert_eq!(first.order, second.order);
    assert_ne!(short.proposal.id(), first.proposal.id());
    state.commit(second.delta).unwrap();
    assert_eq!(state.tip(), first.proposal.id());
}

#[test]
fn a_delta_of_another_state_is_refused() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.own(0, 5, &[tx(1, 1, LATE)]);
    world.full_round(20);
    world.full_round(40);
    let short = prepare(&state, world.block_to(&state, &[1, 1, 1, 1])).unwrap();
    let long = prepare(&state, world.block(&state)).unwrap();
    state.commit(short.delta.clone()).unwrap();
    let after = state.snapshot();
    for delta in [short.delta, long.delta] {
        let refused = state.commit(delta);
        assert_eq!(refused, Err(CommitError::Foreign { made_at: Height::ZERO, height: Height::FIRST }));
        assert_eq!(state.snapshot(), after);
    }
    let mut other = World::new(4, &[(1, 0)]).state();
    let mut here = world.state();
    let delta = prepare(&here, world.block(&here)).unwrap().delta;
    assert!(other.commit(delta.clone()).is_err(), "same height, another genesis");
    here.commit(delta).unwrap();
}

#[test]
fn batches_chain_and_bundles_stand_in_all_of_theirs() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    let both = bundle(3, &[2, 1, 2], LATE);
    world.own(0, 5, &[tx(1, 1, LATE), both.clone(), tx(2, 2, LATE)]);
    world.full_round(20);
    world.full_round(40);
    world.full_round(60);
    let input = world.block(&state);
    let first = advance(&mut state, input);
    world.own(1, 65, &[tx(4, 1, LATE)]);
    world.full_round(80);
    world.full_round(100);
    world.full_round(120);
    let input = world.block(&state);
    let second = advance(&mut state, input);

    let [one, two] = first.batches.as_slice() else { panic!("{:?}", first.batches) };
    assert_eq!((one.header().rollup, two.header().rollup), (RollupId::new(1), RollupId::new(2)));
    let legs = |batch: &Batch| -> Vec<_> {
        batch.items().iter().map(|item| (item.transaction, item.leg_index, item.leg_count)).collect()
    };
    assert_eq!(legs(one), [(tx(1, 1, LATE).id(), 0, 1), (both.id(), 1, 3)]);
    assert_eq!(legs(two), [(both.id(), 0, 3), (both.id(), 2, 3), (tx(2, 2, LATE).id(), 0, 1)]);
    assert_eq!(two.items()[1].payload, both.legs()[2].payload);
    for batch in &first.batches {
        assert_eq!(batch.header().index, BatchIndex::new(1));
        assert_eq!(batch.header().previous_head, RollupHead::ZERO);
        assert_eq!((batch.header().height, batch.header().time), (Height::FIRST, at(60)));
    }
    let [next] = second.batches.as_slice() else { panic!("{:?}", second.batches) };
    let network = world.genesis.network();
    assert_eq!(next.header().index, BatchIndex::new(2));
    assert_eq!(next.header().previous_head, one.header().head(&network));
    let leaf = |rollup| second.heads.path(RollupId::new(rollup)).unwrap();
    assert_eq!(leaf(1).root(), Some(second.proposal.header.heads_root));
    assert_eq!(leaf(1).leaf.head, next.header().head(&network));
    assert_eq!(leaf(1).leaf.last_height, Height::new(2));
    assert_eq!((leaf(2).leaf.index, leaf(2).leaf.last_height), (BatchIndex::new(1), Height::FIRST));
    assert_eq!((leaf(7).leaf.index, leaf(7).leaf.last_height), (BatchIndex::ZERO, Height::ZERO));
}

#[test]
fn each_transaction_is_ordered_once() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    let again = tx(1, 1, LATE);
    for lane in 0..4 {
        world.own(lane, 5, &[again.clone(), again.clone()]);
    }
    world.full_round(20);
    world.full_round(40);
    world.full_round(60);
    let input = world.block(&state);
    assert_eq!(ids(&advance(&mut state, input)), [again.id()]);
    assert!(state.contains_emitted(&again.id()));
    assert_eq!(state.live_count(), 0);
    for round in 1..4 {
        let ms = 60 * round;
        world.give(round as usize, ms + 5, &again);
        world.full_round(ms + 20);
        world.full_round(ms + 40);
        world.full_round(ms + 60);
        let input = world.block(&state);
        assert!(ids(&advance(&mut state, input)).is_empty(), "round {round}");
        assert_eq!(state.live_count(), 0);
    }
}

#[test]
fn ids_leave_the_window_when_they_can_come_no_more() {
    let params = ProtocolParams { expiry_bound: 1_000 * common::MS, ..ProtocolParams::default() };
    let mut world = World::with_params(4, ROLLUPS, params);
    let mut state = world.state();
    let short = tx(1, 1, 900);
    world.give(0, 5, &short);
    for ms in [20, 40, 60] {
        world.full_round(ms);
    }
    let input = world.block(&state);
    assert_eq!(ids(&advance(&mut state, input)), [short.id()]);
    world.full_round(1059);
    let input = world.block(&state);
    advance(&mut state, input);
    assert!(state.contains_emitted(&short.id()));
    world.give(1, 1060, &short);
    world.full_round(1060);
    let input = world.block(&state);
    advance(&mut state, input);
    assert!(!state.contains_emitted(&short.id()));
    world.full_round(1080);
    world.full_round(1100);
    let input = world.block(&state);
    assert!(ids(&advance(&mut state, input)).is_empty(), "expired, so not ordered again");
}

#[test]
fn expired_and_too_late_transactions_are_never_ordered() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    let bound = world.genesis.params.expiry_bound / common::MS;
    world.own(0, 5, &[tx(1, 1, 50), tx(2, 1, 60 + bound), tx(3, 1, 61 + bound)]);
    world.full_round(20);
    world.full_round(40);
    world.full_round(60);
    let input = world.block(&state);
    assert_eq!(ids(&advance(&mut state, input)), [tx(2, 1, 60 + bound).id()]);
    assert_eq!(state.live_count(), 0);
}

#[test]
fn what_expires_while_it_waits_is_dropped() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    let waits = tx(1, 1, 100);
    world.give(0, 5, &waits);
    world.full_round(20);
    let input = world.block(&state);
    advance(&mut state, input);
    assert!(state.contains_live(&waits.id()));
    for lane in 0..4 {
        world.seal(lane, 120);
    }
    let input = world.block(&state);
    let prepared = advance(&mut state, input);
    assert_eq!(prepared.report.dropped, 1);
    assert_eq!((ids(&prepared), state.live_count()), (vec![], 0));
}

#[test]
fn legs_for_unregistered_rollups_void_the_transaction() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.own(0, 5, &[tx(1, 9, LATE), bundle(2, &[1, 9], LATE), tx(3, 1, LATE)]);
    world.full_round(20);
    world.full_round(40);
    world.full_round(60);
    let input = world.block(&state);
    assert_eq!(ids(&advance(&mut state, input)), [tx(3, 1, LATE).id()]);
    assert_eq!(state.live_count(), 0);
}

#[test]
fn idle_blocks_move_time() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    for round in 1..4 {
        for lane in 0..3 {
            world.seal(lane, round * 1000);
        }
        let input = world.block(&state);
        let header = advance(&mut state, input).proposal.header;
        assert_eq!((header.time, header.ordered_count), (at(round * 1000), 0));
    }
    world.seal(3, 500);
    let input = world.block(&state);
    assert_eq!(advance(&mut state, input).proposal.header.time, at(3000), "time never goes back");
}

#[test]
fn an_equivocator_freezes_and_stalls_nobody() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    world.full_round(20);
    world.own(3, 25, &[tx(9, 1, LATE)]);
    let other = world.draft(3, 30);
    let kept = world.seal(3, 35);
    let hidden = tx(8, 1, LATE);
    world.give(0, 36, &hidden);
    // Lane 0 first references the variant that is never decided, lane 1 what is never decided at all.
    world.peer(0, 37, other.reference());
    world.seal(0, 40);
    world.peer(1, 38, SegmentRef { seq: kept.seq.next(), ..kept });
    world.seal(1, 40);
    let mut input = world.block_to(&state, &[2, 2, 1, 2]);
    input.evidence = vec![equivocation(world.lanes[3].segments[1].as_ref(), &other)];
    let lane = world.genesis.validators.members()[3].lane();
    assert_eq!(prepare(&state, input.clone()).unwrap_err(), PrepareError::Frozen(lane));

    let mut fitting = world.block_to(&state, &[2, 2, 1, 0]);
    fitting.evidence = input.evidence;
    let prepared = advance(&mut state, fitting);
    assert_eq!(prepared.proposal.header.evidence_root, evidence::root(&prepared.proposal.evidence));
    assert_eq!(state.base().equivocators.into_iter().collect::<Vec<_>>(), [lane]);
    assert_eq!(prepare(&state, world.block(&state)).unwrap_err(), PrepareError::Frozen(lane));

    world.lanes[3].segments.clear();
    for ms in [60, 80, 100] {
        world.round(&[0, 1, 2], ms);
    }
    let input = world.block(&state);
    assert_eq!(ids(&advance(&mut state, input)), [hidden.id()], "three lanes of four go on");
}

#[test]
fn references_off_the_decided_chain_place_nothing() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    let carried = tx(1, 1, LATE);
    world.give(3, 5, &carried);
    let decided = world.seal(3, 10);
    let forged = SegmentRef { digest: Hash32::from_bytes([9; 32]).into(), ..decided };
    for lane in 0..3 {
        world.peer(lane, 12, forged);
        world.seal(lane, 20);
    }
    for lane in 0..4 {
        world.seal(lane, 40);
    }
    let input = world.block(&state);
    assert!(ids(&advance(&mut state, input)).is_empty());
    assert!(state.contains_live(&carried.id()));
    for lane in 0..3 {
        world.peer(lane, 45, decided);
        world.seal(lane, 50);
    }
    for lane in 0..4 {
        world.seal(lane, 60);
    }
    let input = world.block(&state);
    assert_eq!(ids(&advance(&mut state, input)), [carried.id()], "the true reference still counts");
}

#[test]
fn content_must_be_the_chain_to_the_cut() {
    let mut world = World::new(4, ROLLUPS);
    let state = world.state();
    world.full_round(20);
    world.full_round(40);
    let lane = |index: usize| -> LaneId { world.genesis.validators.members()[index].lane() };
    let broken = |index, seq: u64| PrepareError::BrokenChain { lane: lane(index), seq: LaneSeq::new(seq) };
    let refusal = |change: &dyn Fn(&mut BlockInput)| {
        let mut input = world.block(&state);
        change(&mut input);
        prepare(&state, input).unwrap_err()
    };
    assert_eq!(refusal(&|input| drop(input.content.lanes.pop())), PrepareError::Lanes);
    assert_eq!(refusal(&|input| input.content.lanes.swap(0, 1)), PrepareError::Lanes);
    assert_eq!(refusal(&|input| drop(input.content.lanes[1].segments.pop())), broken(1, 2));
    assert_eq!(refusal(&|input| drop(input.content.lanes[2].segments.remove(0))), broken(2, 2));
    assert_eq!(refusal(&|input| input.content.lanes[0].segments.swap(0, 1)), broken(0, 2));
    let foreign = |input: &mut BlockInput| {
        input.content.lanes[0].segments = input.content.lanes[1].segments.clone();
    };
    assert_eq!(refusal(&foreign), broken(0, 1));
}

#[test]
fn the_anchor_never_goes_back() {
    let mut world = World::new(4, ROLLUPS);
    let mut state = world.state();
    let anchor = |number, byte| L1Anchor { number, hash: Hash32::from_bytes([byte; 32]) };
    world.full_round(20);
    let mut input = world.block(&state);
    input.l1_anchor = anchor(5, 1);
    let header = advance(&mut state, input).proposal.header;
    assert_eq!((header.l1_anchor, state.l1_anchor()), (anchor(5, 1), anchor(5, 1)));
    world.full_round(40);
    for refused in [anchor(4, 1), anchor(5, 2), L1Anchor::default()] {
        let mut input = world.block(&state);
        input.l1_anchor = refused;
        let expected = PrepareError::Anchor { last: 5, given: refused.number };
        assert_eq!(prepare(&state, input).unwrap_err(), expected);
    }
    for taken in [anchor(5, 1), anchor(6, 2)] {
        let mut input = world.block(&state);
        input.l1_anchor = taken;
        assert_eq!(prepare(&state, input).unwrap().proposal.header.l1_anchor, taken);
    }
}

#[test]
fn a_proposal_survives_the_wire() {
    let mut world = World::new(4, ROLLUPS);
    let state = world.state();
    world.own(0, 5, &[tx(1, 1, LATE)]);
    world.full_round(20);
    let prepared = prepare(&state, world.block(&state)).unwrap();
    let bytes = prepared.proposal.to_bytes();
    let read: Proposal = Decode::from_bytes(bytes).unwrap();
    assert_eq!(read, prepared.proposal);
    let order: OrderRecord = Decode::from_bytes(prepared.order.to_bytes()).unwrap();
    assert_eq!(order, prepared.order);
}
