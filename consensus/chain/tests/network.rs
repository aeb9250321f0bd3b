//! Four validators with real lane writers and views, whose segments travel at random speeds: all compute the same
//! blocks, and each transaction is ordered once, however many lanes it was given to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(not(feature = "concatenate"))]

mod common;

use common::{MS, World, at, tx};
use fairlane_chain::{BlockInput, ChainState, prepare};
use fairlane_lanes::{Judgement, LaneEffect, LaneView, LaneWriter, RefusalKind};
use fairlane_types::{L1Anchor, RollupChanges, Round, Segment, SegmentRef, SigningKey, Timestamp, TxId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::Arc;

const NODES: usize = 4;
const STEP_MS: u64 = 5;
const HEARTBEAT_MS: u64 = 200;

struct Node {
    key: SigningKey,
    writer: LaneWriter,
    view: LaneView,
    state: ChainState,
    last_sealed: u64,
    /// Segments on their way to this node, and when they arrive.
    inbox: Vec<(u64, Arc<Segment>)>,
}

impl Node {
    fn new(world: &World, key: SigningKey) -> Self {
        let state = world.state();
        let base = state.base();
        let lane = base.validators.get(&key.validator()).unwrap().lane();
        let params = world.genesis.params.clone();
        let writer = LaneWriter::new(lane, SegmentRef::empty(lane), params.clone());
        Self { key, writer, view: LaneView::new(&base, params), state, last_sealed: 0, inbox: Vec::new() }
    }

    fn follow(&mut self, effects: Vec<LaneEffect>, now: Timestamp) {
        for effect in effects {
            match effect {
                LaneEffect::Ready(ready) => self.writer.observe(ready, now),
                LaneEffect::Fetch { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn receive(&mut self, ms: u64) {
        let (due, later) = std::mem::take(&mut self.inbox).into_iter().partition(|(when, _)| *when <= ms);
        self.inbox = later;
        for (_, segment) in Vec::from_iter::<Vec<_>>(due) {
            // A late segment may have been decided meanwhile, which a view says by dropping it.
            let mut effects = self.view.insert(segment, at(ms));
            effects.retain(|effect| !matches!(effect, LaneEffect::Dropped { .. }));
            self.follow(effects, at(ms));
        }
    }

    fn write(&mut self, ms: u64) -> Option<Arc<Segment>> {
        if !self.writer.has_content() && ms < self.last_sealed + HEARTBEAT_MS {
            return None;
        }
        let base = self.state.base();
        let own = base.head(base.validators.get(&self.key.validator())?.lane());
        let draft = self.writer.seal(at(ms), &own)?;
        let segment = Arc::new(draft.seal(self.state.network(), self.state.params(), &self.key).unwrap());
        self.writer.sealed(&segment).unwrap();
        self.last_sealed = ms;
        let effects = self.view.insert(segment.clone(), at(ms));
        self.follow(effects, at(ms));
        Some(segment)
    }
}

struct Network {
    rng: StdRng,
    nodes: Vec<Node>,
    given: BTreeSet<TxId>,
    ordered: Vec<TxId>,
    blocks: usize,
}

impl Network {
    fn new(seed: u64) -> Self {
        let world = World::new(NODES as u8, &[(1, 0), (2, 0), (3, 1)]);
        let nodes = (0..NODES as u8).map(|seed| Node::new(&world, SigningKey::from_seed(&[seed + 1; 32])));
        let rng = StdRng::seed_from_u64(seed);
        let nodes = nodes.collect();
        Self { rng, nodes, given: BTreeSet::new(), ordered: Vec::new(), blocks: 0 }
    }

    fn submit(&mut self, ms: u64) {
        for salt in 0..self.rng.gen_range(0..4) {
            let transaction = tx(ms * 10 + salt, self.rng.gen_range(1..4), ms + 60_000);
            self.given.insert(transaction.id());
            for _ in 0..self.rng.gen_range(1..3) {
                let node = self.rng.gen_range(0..NODES);
                self.nodes[node].writer.submit(transaction.clone(), at(ms)).unwrap();
            }
        }
    }

    fn write(&mut self, node: usize, ms: u64) {
        let Some(segment) = self.nodes[node].write(ms) else { return };
        for other in (0..NODES).filter(|other| *other != node) {
            let arrival = ms + self.rng.gen_range(1..40);
            self.nodes[other].inbox.push((arrival, segment.clone()));
        }
    }

    /// One node proposes; the block is decided when all others accept the cut.
    fn decide(&mut self, ms: u64) {
        let proposer = &self.nodes[self.blocks % NODES];
        let base = proposer.state.base();
        let Some(cut) = proposer.view.build_cut(&base, &[]) else { return };
        let judgement = Judgement { now: at(ms), round: Round::ZERO, fresh: true };
        for node in &self.nodes {
            match node.view.check_cut(&node.state.base(), &cut, &[], judgement) {
                Ok(()) => {}
                Err(refusal) => {
                    assert!(!matches!(refusal.kind(), RefusalKind::Invalid), "{refusal}");
                    return;
                }
            }
        }
        let mut proposals = Vec::new();
        for node in &mut self.nodes {
            let content = node.view.content(&base, &cut).unwrap();
            let input = BlockInput {
                cut: cut.clone(),
                content,
                evidence: vec![],
                l1_anchor: L1Anchor::default(),
                next_validators: None,
                rollups: RollupChanges::default(),
            };
            let prepared = prepare(&node.state, input).unwrap();
            node.state.commit(prepared.delta).unwrap();
            let effects = node.view.decided(&node.state.base(), at(ms));
            node.follow(effects, at(ms));
            proposals.push((prepared.proposal, prepared.batches, prepared.order));
        }
        assert!(proposals.iter().all(|proposal| proposal == &proposals[0]), "block {}", self.blocks);
        self.ordered.extend(proposals[0].2.ids());
        self.blocks += 1;
    }
}

fn run(seed: u64) {
    let mut network = Network::new(seed);
    let silent = network.rng.gen_range(0..NODES);
    for ms in (STEP_MS..3_000).step_by(STEP_MS as usize) {
        if ms < 2_000 {
            network.submit(ms);
        }
        for node in 0..NODES {
            network.nodes[node].receive(ms);
            let is_silent = node == silent && (500..1_500).contains(&ms);
            if (ms / STEP_MS + node as u64).is_multiple_of(4) && !is_silent {
                network.write(node, ms);
            }
        }
        if ms.is_multiple_of(50) {
            network.decide(ms);
        }
    }
    let ordered: BTreeSet<_> = network.ordered.iter().copied().collect();
    assert_eq!(ordered.len(), network.ordered.len(), "something was ordered twice");
    assert_eq!(ordered, network.given, "after {} blocks", network.blocks);
    let time = network.nodes[0].state.time();
    assert!(time.since(at(0)) > 2_700 * MS, "chain time stands at {time}");
}

#[test]
fn all_nodes_compute_the_same_blocks() {
    for seed in 0..8 {
        std::panic::catch_unwind(|| run(seed)).unwrap_or_else(|_| panic!("seed {seed} fails"));
    }
}
