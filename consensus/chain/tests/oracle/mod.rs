//! The receive orders of lanes by the letter: everything is kept for ever, nothing is shared, nothing is settled.
//!
//! It shares no code with the crate. The ordering engine is the real one: what is checked here is what it is fed
//! with, and what is remembered between blocks.
#![allow(unreachable_pub, dead_code, reason = "a module of test binaries, each of which uses its own part")]

use fairlane_chain::{BlockInput, OrderedEntry};
use fairlane_ordering::{Engine, Groups, LaneAppend, OrderingParams, PlacedRun, Run, RunTx};
use fairlane_types::{
    BlockId, Event, Genesis, LaneId, Leg, RollupTable, Segment, Timestamp, TxId, ValidatorSet,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub struct Oracle {
    genesis: Genesis,
    validators: ValidatorSet,
    /// The rollups that the next block's segments may be for.
    rollups: RollupTable,
    engine: Engine,
    /// Every decided segment of each lane that ever was.
    chains: BTreeMap<LaneId, Vec<Arc<Segment>>>,
    /// How many segments of another lane (second) a lane (first) has referenced.
    referenced: BTreeMap<(LaneId, LaneId), usize>,
    /// Places of transactions that expired too late when their segment was decided: lane, segment, index.
    late: BTreeSet<(LaneId, usize, usize)>,
    /// Places of transactions that had a leg for an unknown rollup, or not of its length, when their segment was decided.
    unwanted: BTreeSet<(LaneId, usize, usize)>,
    /// Each rollup that ever was.
    known: RollupTable,
    /// All ids that were ever ordered.
    emitted: BTreeSet<TxId>,
}

impl Oracle {
    pub fn new(genesis: &Genesis) -> Self {
        let params =
            OrderingParams { group_cap: genesis.params.group_cap, expiry_bound: genesis.params.expiry_bound };
        Self {
            genesis: genesis.clone(),
            validators: genesis.validators.clone(),
            engine: Engine::new(&genesis.validators.powers(), params).unwrap(),
            chains: genesis.validators.members().iter().map(|member| (member.lane(), Vec::new())).collect(),
            referenced: BTreeMap::new(),
            late: BTreeSet::new(),
            unwanted: BTreeSet::new(),
            known: RollupTable::new(),
            rollups: genesis.rollups.iter().map(|rollup| (rollup.id, rollup.rules)).collect(),
            emitted: BTreeSet::new(),
        }
    }

    /// Chain time and order of the next block.
    pub fn block(&mut self, input: &BlockInput, parent: BlockId) -> (Timestamp, Vec<OrderedEntry>) {
        let mut before = Vec::new();
        for lane in &input.content.lanes {
            let chain = self.chains.entry(lane.lane).or_default();
            before.push((lane.lane, chain.len()));
            chain.extend(lane.segments.iter().cloned());
        }
        self.known.extend(&self.rollups);
        for (lane, first) in &before {
            self.judge_rollups(*lane, *first);
        }
        let appends: Vec<_> = before
            .iter()
            .enumerate()
            .filter_map(|(place, (lane, first))| self.receive(place, *lane, *first))
            .collect();
        let ordered = self.engine.step(&appends, &self.emitted, &parent.into());
        for (lane, first) in before {
            self.judge_lateness(lane, first, ordered.clock);
        }
        let mut entries = Vec::new();
        for (component, members) in (0..).zip(&ordered.components) {
            for tx in &members.txs {
                assert!(self.emitted.insert(tx.id), "{} is ordered twice", tx.id);
                entries.push(OrderedEntry { id: tx.id, key: tx.key, lo: tx.lo, hi: tx.hi, component });
            }
        }
        if let Some(next) = &input.next_validators {
            self.change(next.clone());
        }
        for closed in input.rollups.closed() {
            self.rollups.remove(closed);
        }
        self.rollups.extend(input.rollups.opened().iter().map(|rollup| (rollup.id, rollup.rules)));
        (ordered.clock, entries)
    }

    /// What a validator holds, it holds in whichever lane.
    fn change(&mut self, next: ValidatorSet) {
        let old = self.validators.members();
        let from_old = |id| old.iter().position(|member| member.id == id);
        let from_old: Vec<_> = next.members().iter().map(|member| from_old(member.id)).collect();
        self.engine.change_powers(&next.powers(), &from_old).unwrap();
        self.validators = next;
    }

    /// The ordering rule's state, as a snapshot has it.
    pub fn ordering(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.engine.encode(&mut bytes);
        bytes
    }

    pub fn live_count(&self) -> usize {
        self.engine.live_ids().count()
    }

    fn receive(&mut self, place: usize, lane: LaneId, first: usize) -> Option<LaneAppend> {
        let new = self.chains[&lane][first..].to_vec();
        let head_time = new.iter().map(|segment| segment.header().timestamp).max()?;
        let mut runs = Vec::new();
        for (offset, segment) in new.iter().enumerate() {
            let mut next = 0;
            for event in segment.events() {
                let time = segment.event_time(event);
                match event {
                    Event::Own { count, .. } => {
                        for _ in 0..*count {
                            self.place(lane, first + offset, next, time, &mut runs);
                            next += 1;
                        }
                    }
                    Event::Peer { segment: peer, .. } => {
                        let Some(chain) = self.chains.get(&peer.lane) else { continue };
                        let seq = peer.seq.get() as usize;
                        let known = *self.referenced.entry((lane, peer.lane)).or_default();
                        let is_decided =
                            chain.get(seq - 1).is_some_and(|there| there.digest() == peer.digest);
                        if !is_decided || seq <= known {
                            continue;
                        }
                        for at in known..seq {
                            for index in 0..self.chains[&peer.lane][at].transactions().len() {
                                self.place(peer.lane, at, index, time, &mut runs);
                            }
                        }
                        self.referenced.insert((lane, peer.lane), seq);
                    }
                }
            }
        }
        Some(LaneAppend { lane: place, runs, head_time: Some(head_time) })
    }

    fn place(&self, lane: LaneId, at: usize, index: usize, time: Timestamp, runs: &mut Vec<PlacedRun>) {
        let tx = &self.chains[&lane][at].transactions()[index];
        if self.late.contains(&(lane, at, index)) || self.unwanted.contains(&(lane, at, index)) {
            return;
        }
        let groups: BTreeSet<_> = tx.legs().iter().map(|leg| self.known[&leg.rollup].group).collect();
        let groups = Groups::new(groups).unwrap();
        let run = Run::new(vec![RunTx { id: tx.id(), groups, expires_at: tx.expires_at() }]);
        runs.push(PlacedRun { run: Arc::new(run), time });
    }

    fn judge_rollups(&mut self, lane: LaneId, first: usize) {
        for (at, segment) in self.chains[&lane].iter().enumerate().skip(first) {
            for (index, tx) in segment.transactions().iter().enumerate() {
                let is_unwanted = |leg: &Leg| match self.rollups.get(&leg.rollup).map(|rules| rules.leg_bytes)
                {
                    None => true,
                    Some(0) => false,
                    Some(bytes) => leg.payload.len() as u64 != u64::from(bytes),
                };
                if tx.legs().iter().any(is_unwanted) {
                    self.unwanted.insert((lane, at, index));
                }
            }
        }
    }

    fn judge_lateness(&mut self, lane: LaneId, first: usize, clock: Timestamp) {
        for (at, segment) in self.chains[&lane].iter().enumerate().skip(first) {
            for (index, tx) in segment.transactions().iter().enumerate() {
                if tx.expires_at().as_nanos() > clock.as_nanos() + self.genesis.params.expiry_bound {
                    self.late.insert((lane, at, index));
                }
            }
        }
    }
}
