//! Snapshots: small, exact, and refused when anything in them is not what the header commits to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(not(feature = "concatenate"))]

mod common;

use common::{World, advance, at, bundle, ids, tx};
use fairlane_chain::{ChainState, RestoreError};
use fairlane_types::{BlockHeader, Genesis, Height, TxId};

const LATE: u64 = 60_000;

struct Scene {
    world: World,
    state: ChainState,
    header: BlockHeader,
    recent: Vec<(Height, Vec<TxId>)>,
}

impl Scene {
    /// Two blocks: the first orders something, the second leaves something live and a segment open.
    fn new() -> Self {
        let mut world = World::new(4, &[(1, 0), (2, 1)]);
        let mut state = world.state();
        world.own(0, 5, &[tx(1, 1, LATE), bundle(2, &[1, 2], LATE)]);
        for ms in [20, 40, 60] {
            world.full_round(ms);
        }
        let input = world.block(&state);
        let first = advance(&mut state, input);
        world.own(1, 65, &[tx(3, 1, LATE), tx(4, 9, LATE)]);
        world.own(1, 66, &[tx(5, 2, LATE)]);
        world.full_round(80);
        world.round(&[0, 3], 90);
        let input = world.block(&state);
        let second = advance(&mut state, input);
        assert!(state.live_count() == 2 && ids(&second).is_empty());
        let recent = vec![(Height::FIRST, ids(&first))];
        Self { world, state, header: second.proposal.header, recent }
    }

    fn restore(&self, snapshot: &[u8]) -> Result<ChainState, RestoreError> {
        ChainState::restore(&self.world.genesis, &self.header, snapshot, self.recent.clone())
    }
}

#[test]
fn a_restored_state_goes_on_as_the_original() {
    let mut scene = Scene::new();
    let mut restored = scene.restore(&scene.state.snapshot()).unwrap();
    assert_eq!(restored.snapshot(), scene.state.snapshot());
    assert_eq!((restored.tip(), restored.root()), (scene.state.tip(), scene.state.root()));
    assert!(restored.contains_emitted(&tx(1, 1, LATE).id()));
    assert!(restored.contains_live(&tx(3, 1, LATE).id()));
    scene.world.own(2, 95, &[tx(1, 1, LATE), tx(6, 1, LATE)]);
    for ms in [100, 120, 140] {
        scene.world.full_round(ms);
    }
    let input = scene.world.block(&scene.state);
    let original = advance(&mut scene.state, input.clone());
    let again = advance(&mut restored, input);
    assert_eq!(ids(&original), [tx(3, 1, LATE).id(), tx(5, 2, LATE).id(), tx(6, 1, LATE).id()]);
    assert_eq!(again.proposal, original.proposal);
    assert_eq!(again.batches, original.batches);
    assert_eq!(restored.snapshot(), scene.state.snapshot());
}

#[test]
fn whatever_differs_is_refused() {
    let scene = Scene::new();
    let snapshot = scene.state.snapshot();
    let restore = |genesis: &Genesis, header: &BlockHeader, recent: Vec<_>| {
        ChainState::restore(genesis, header, &snapshot, recent).unwrap_err()
    };
    let (genesis, header, recent) = (&scene.world.genesis, &scene.header, scene.recent.clone());

    let mut changed = header.clone();
    changed.state_root = Default::default();
    assert_eq!(restore(genesis, &changed, recent.clone()), RestoreError::Mismatch("state root"));
    changed = header.clone();
    changed.time = at(1);
    assert_eq!(restore(genesis, &changed, recent.clone()), RestoreError::Mismatch("height or time"));
    let other = World::new(5, &[(1, 0), (2, 1)]).genesis;
    assert_eq!(restore(&other, header, recent.clone()), RestoreError::Mismatch("network"));

    assert_eq!(restore(genesis, header, vec![]), RestoreError::Emitted(Height::FIRST));
    let reversed = recent.iter().map(|(height, ids)| (*height, ids.iter().rev().copied().collect()));
    assert_eq!(restore(genesis, header, reversed.collect()), RestoreError::Emitted(Height::FIRST));
}

#[test]
fn no_byte_can_change_or_go_missing() {
    let scene = Scene::new();
    let snapshot = scene.state.snapshot();
    for len in 0..snapshot.len() {
        assert!(scene.restore(&snapshot[..len]).is_err(), "cut at {len}");
    }
    for at in 0..snapshot.len() {
        for bit in [1, 0x80] {
            let mut changed = snapshot.clone();
            changed[at] ^= bit;
            assert!(scene.restore(&changed).is_err(), "bit {bit} of byte {at} changed");
        }
    }
    let mut longer = snapshot.clone();
    longer.push(0);
    assert!(scene.restore(&longer).is_err());
}

#[test]
fn a_dead_lane_does_not_make_the_state_grow() {
    let mut world = World::new(4, &[(1, 0), (2, 1)]);
    let mut state = world.state();
    let mut sizes = Vec::new();
    let mut ordered = 0;
    for round in 1..=200 {
        let ms = round * 20;
        for lane in 0..3 {
            world.own(lane as usize, ms - 10, &[tx(round * 4 + lane, 1 + lane % 2, ms + 5_000)]);
        }
        world.round(&[0, 1, 2], ms);
        let input = world.block(&state);
        ordered += ids(&advance(&mut state, input)).len();
        // The replay window grows until the first blocks leave it: 48 bytes for each block.
        sizes.push(state.snapshot().len() - state.height().get() as usize * 48);
    }
    assert!(ordered > 580, "{ordered} ordered");
    let late = sizes[100..].iter().max().unwrap();
    assert!(late <= &(sizes[10] + 500), "{sizes:?}");

    // The lane comes back, references all that it missed, and takes part again.
    world.full_round(4_020);
    world.full_round(4_040);
    world.full_round(4_060);
    let input = world.block(&state);
    advance(&mut state, input);
    world.own(3, 4_070, &[tx(9_999, 1, LATE)]);
    for ms in [4_080, 4_100, 4_120] {
        world.round(&[0, 1, 3], ms);
    }
    let input = world.block(&state);
    assert_eq!(ids(&advance(&mut state, input)), [tx(9_999, 1, LATE).id()]);
}
