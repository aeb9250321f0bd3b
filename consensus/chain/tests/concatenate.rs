//! The rule that benches compare with: it orders by lane, and in a network of its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "concatenate")]

mod common;

use common::{World, advance, at, ids, tx};
use fairlane_chain::{CONCATENATE_SUFFIX, ChainState, GenesisError, ORDERING};

#[test]
fn lanes_stand_one_after_another_in_another_network() {
    assert_eq!(ORDERING, "concatenate");
    let mut world = World::new(4, &[(1, 0)]);
    let mut state = world.state();
    assert!(state.network() == world.genesis.network() && world.genesis.name.ends_with(CONCATENATE_SUFFIX));
    world.genesis.name = "fair".into();
    assert_eq!(ChainState::genesis(&world.genesis).err(), Some(GenesisError::OtherRule("fair".into())));
    world.genesis.name = format!("test{CONCATENATE_SUFFIX}");
    world.own(2, 1, &[tx(1, 1, 60_000), tx(2, 1, 60_000)]);
    world.own(0, 9, &[tx(3, 1, 60_000), tx(1, 1, 60_000)]);
    world.full_round(20);
    let input = world.block(&state);
    let prepared = advance(&mut state, input);
    assert_eq!(ids(&prepared), [3, 1, 2].map(|salt| tx(salt, 1, 60_000).id()));
    assert_eq!(prepared.proposal.header.time, at(20));
    let recent = [(state.height(), ids(&prepared))];
    let header = &prepared.proposal.header;
    let restored = ChainState::restore(&world.genesis, header, &state.snapshot(), recent).unwrap();
    world.own(1, 25, &[tx(2, 1, 60_000)]);
    world.full_round(40);
    assert!(ids(&fairlane_chain::prepare(&restored, world.block(&restored)).unwrap()).is_empty());
}
