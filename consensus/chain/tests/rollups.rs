//! Rollups that are registered and closed while the chain runs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(not(feature = "concatenate"))]

mod common;

use common::{World, advance, at, bundle, ids, tx};
use fairlane_chain::{
    BlockInput, ChainState, PrepareError, Prepared, RollupChangesError, prepare, rollup_changes,
};
use fairlane_types::{
    BatchIndex, Decode, Encode, GroupId, Hash32, HeadProof, L1Anchor, Proposal, RollupChanges, RollupHead,
    RollupId, RollupRules, RollupSpec, RollupTable,
};
use std::collections::BTreeSet;

/// Expires long after the test.
const LATE: u64 = 60_000;

fn id(rollup: u64) -> RollupId {
    RollupId::new(rollup)
}

fn table(rollups: &[(u64, u32)]) -> RollupTable {
    rollups.iter().map(|(rollup, group)| (id(*rollup), RollupRules::new(GroupId::new(*group)))).collect()
}

fn changes(opened: &[(u64, u32)], closed: &[u64]) -> RollupChanges {
    RollupChanges::new(&table(opened), &closed.iter().copied().map(id).collect())
}

/// A block of all that was written, which changes the rollups.
fn changing(world: &World, state: &ChainState, rollups: RollupChanges) -> BlockInput {
    let number = state.l1_anchor().number + 1;
    let l1_anchor = L1Anchor { number, hash: Hash32::from_bytes([number as u8; 32]) };
    BlockInput { l1_anchor, rollups, ..world.block(state) }
}

fn changed(state: &mut ChainState, world: &World, rollups: RollupChanges) -> Prepared {
    let input = changing(world, state, rollups);
    advance(state, input)
}

/// Everybody hears of what was written, and a block decides it.
fn order(world: &mut World, state: &mut ChainState, ms: u64) -> Prepared {
    for round in 0..3 {
        world.full_round(ms + 20 * round);
    }
    let input = world.block(state);
    advance(state, input)
}

#[test]
fn a_rollup_is_ordered_for_from_the_block_after_the_one_that_registers_it() {
    let mut world = World::new(4, &[(1, 0)]);
    let mut state = world.state();
    world.own(0, 5, &[tx(1, 2, LATE), tx(2, 1, LATE), bundle(3, &[1, 2], LATE)]);
    for ms in [20, 40, 60] {
        world.full_round(ms);
    }
    let block = changed(&mut state, &world, changes(&[(2, 7)], &[]));
    assert_eq!(ids(&block), [tx(2, 1, LATE).id()], "what was decided before is not ordered for it");
    assert_eq!(state.live_count(), 0);
    assert_eq!(*state.base().rollups, table(&[(1, 0), (2, 7)]));
    let HeadProof::Present(path) = block.heads.prove(id(2)) else { panic!("it has no leaf") };
    assert_eq!(path.root(), Some(block.proposal.header.heads_root));
    assert_eq!((path.leaf.index, path.leaf.head), (BatchIndex::ZERO, RollupHead::ZERO));
    assert_eq!(Proposal::from_bytes(block.proposal.to_bytes()).unwrap(), block.proposal);

    world.own(1, 70, &[tx(4, 2, LATE), bundle(5, &[1, 2], LATE)]);
    let block = order(&mut world, &mut state, 80);
    assert_eq!(block.order.ids().count(), 2);
    let batch = block.batches.iter().find(|batch| batch.header().rollup == id(2)).unwrap();
    assert_eq!((batch.header().index, batch.header().count), (BatchIndex::new(1), 2));
    assert_eq!(batch.header().previous_head, RollupHead::ZERO);
}

#[test]
fn what_has_another_length_than_the_rollups_is_not_ordered() {
    let mut world = World::new(4, &[(1, 0)]);
    let mut state = world.state();
    let bytes = tx(1, 2, LATE).legs()[0].payload.len();
    let fixed =
        |more: usize| RollupRules { group: GroupId::ZERO, leg_bytes: u32::try_from(bytes + more).unwrap() };
    let opened = RollupTable::from([(id(2), fixed(0)), (id(3), fixed(1))]);
    changed(&mut state, &world, RollupChanges::new(&opened, &BTreeSet::new()));
    world.own(0, 5, &[tx(1, 2, LATE), tx(2, 3, LATE), bundle(3, &[1, 2], LATE), bundle(4, &[1, 3], LATE)]);
    let block = order(&mut world, &mut state, 20);
    let ordered: BTreeSet<_> = block.order.ids().collect();
    assert_eq!(ordered, [tx(1, 2, LATE).id(), bundle(3, &[1, 2], LATE).id()].into());
    assert_eq!(state.live_count(), 0, "nothing of what is not ordered is kept");
}

#[test]
fn a_closed_rollup_keeps_its_history_and_gets_what_was_decided_before() {
    let mut world = World::new(4, &[(1, 0)]);
    let mut state = world.state();
    changed(&mut state, &world, changes(&[(2, 0)], &[]));
    world.own(0, 5, &[tx(1, 2, LATE)]);
    world.seal(0, 10);
    for lane in 1..4 {
        world.seal(lane, 10);
    }
    // The block decides the transaction, which waits for its order.
    let block = changed(&mut state, &world, changes(&[], &[2]));
    assert!(ids(&block).is_empty() && state.contains_live(&tx(1, 2, LATE).id()));
    assert_eq!(*state.base().rollups, table(&[(1, 0)]));
    world.own(1, 20, &[tx(2, 2, LATE)]);
    let block = order(&mut world, &mut state, 40);
    assert_eq!(ids(&block), [tx(1, 2, LATE).id()]);
    let HeadProof::Present(path) = state.heads().prove(id(2)) else { panic!("its leaf is gone") };
    assert_eq!(path.leaf.index, BatchIndex::new(1));
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let world = World::new(4, &[(1, 0)]);
    let mut state = world.state();
    changed(&mut state, &world, changes(&[(2, 0), (3, 0)], &[]));
    changed(&mut state, &world, changes(&[], &[3]));
    let refusal = |rollups| match prepare(&state, changing(&world, &state, rollups)).unwrap_err() {
        PrepareError::Rollups(why) => why,
        other => panic!("{other}"),
    };
    assert_eq!(refusal(changes(&[(1, 0)], &[])), RollupChangesError::Registered(id(1)));
    assert_eq!(refusal(changes(&[(2, 0)], &[])), RollupChangesError::Registered(id(2)));
    assert_eq!(refusal(changes(&[(3, 0)], &[])), RollupChangesError::Registered(id(3)), "closed for ever");
    assert_eq!(refusal(changes(&[], &[3])), RollupChangesError::NotOpen(id(3)));
    assert_eq!(refusal(changes(&[], &[4])), RollupChangesError::NotOpen(id(4)));
    assert_eq!(refusal(changes(&[], &[1])), RollupChangesError::Genesis(id(1)));
    let input = BlockInput { rollups: changes(&[(4, 0)], &[]), ..world.block(&state) };
    let refused = prepare(&state, input).unwrap_err();
    assert_eq!(refused, PrepareError::Rollups(RollupChangesError::NotAnchored));
}

#[test]
fn of_what_genesis_has_the_registry_says_nothing() {
    let genesis = [RollupSpec::new(id(1), GroupId::ZERO)];
    let open = table(&[(1, 0), (2, 0)]);
    let brought = |registered: &[(u64, u32)], closed: &[u64]| {
        let closed: BTreeSet<_> = closed.iter().copied().map(id).collect();
        rollup_changes(&open, &genesis, &table(registered), &closed)
    };
    assert_eq!(brought(&[(1, 5), (3, 1)], &[2]), changes(&[(3, 1)], &[2]));
    assert_eq!(brought(&[], &[1]), RollupChanges::default());
    assert_eq!(brought(&[(3, 1)], &[3, 9]), RollupChanges::default(), "it was never open");
}

#[test]
fn a_restored_state_knows_the_rollups() {
    let mut world = World::new(4, &[(1, 0)]);
    let mut state = world.state();
    world.full_round(20);
    changed(&mut state, &world, changes(&[(2, 3), (3, 0)], &[]));
    let block = changed(&mut state, &world, changes(&[], &[3]));
    let restore = |snapshot: &[u8]| {
        ChainState::restore(&world.genesis, &block.proposal.header, snapshot, std::iter::empty())
    };
    let restored = restore(&state.snapshot()).unwrap();
    assert_eq!(*restored.base().rollups, table(&[(1, 0), (2, 3)]));
    assert_eq!(restored.snapshot(), state.snapshot());
    assert!(state.time() >= at(0));
    let mut forged = state.snapshot();
    let spec = RollupSpec::new(id(2), GroupId::new(3)).to_bytes();
    let place = forged.windows(spec.len()).position(|bytes| bytes == spec).unwrap();
    for byte in [11, 15] {
        forged[place + byte] ^= 4;
        assert!(restore(&forged).is_err(), "the root commits to group and length");
        forged[place + byte] ^= 4;
    }
    assert!(restore(&forged).is_ok());
}
