//! The receive orders of lanes by the letter: everything is kept for ever, nothing is shared, nothing is settled.
//!
//! It shares no code with the crate. The ordering engine is the real one: what is checked here is what it is fed
//! with, and what is remembered between blocks.
#![allow(unreachable_pub, reason = "a module of a test binary")]

use fairlane_chain::{BlockInput, OrderedEntry};
use fairlane_ordering::{Engine, Groups, LaneAppend, OrderingParams, PlacedRun, Run, RunTx};
use fairlane_types::{BlockId, Event, Genesis, Segment, Timestamp, Transaction, TxId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub struct Oracle {
    genesis: Genesis,
    engine: Engine,
    /// Every decided segment of each lane.
    chains: Vec<Vec<Arc<Segment>>>,
    /// How many segments of another lane (second) a lane (first) has referenced.
    referenced: BTreeMap<(usize, usize), usize>,
    /// Places of transactions that expired too late when their segment was decided: lane, segment, index.
    late: BTreeSet<(usize, usize, usize)>,
    /// All ids that were ever ordered.
    emitted: BTreeSet<TxId>,
}

impl Oracle {
    pub fn new(genesis: &Genesis) -> Self {
        let params =
            OrderingParams { group_cap: genesis.params.group_cap, expiry_bound: genesis.params.expiry_bound };
        Self {
            genesis: genesis.clone(),
            engine: Engine::new(&genesis.validators.powers(), params).unwrap(),
            chains: vec![Vec::new(); genesis.validators.len()],
            referenced: BTreeMap::new(),
            late: BTreeSet::new(),
            emitted: BTreeSet::new(),
        }
    }

    /// Chain time and order of the next block.
    pub fn block(&mut self, input: &BlockInput, parent: BlockId) -> (Timestamp, Vec<OrderedEntry>) {
        let before: Vec<usize> = self.chains.iter().map(Vec::len).collect();
        for (chain, lane) in self.chains.iter_mut().zip(&input.content.lanes) {
            chain.extend(lane.segments.iter().cloned());
        }
        let appends: Vec<_> = (0..before.len()).filter_map(|lane| self.receive(lane, before[lane])).collect();
        let ordered = self.engine.step(&appends, &self.emitted, &parent.into());
        for (lane, first) in before.into_iter().enumerate() {
            self.judge_lateness(lane, first, ordered.clock);
        }
        let mut entries = Vec::new();
        for (component, members) in (0..).zip(&ordered.components) {
            for tx in &members.txs {
                assert!(self.emitted.insert(tx.id), "{} is ordered twice", tx.id);
                entries.push(OrderedEntry { id: tx.id, key: tx.key, lo: tx.lo, hi: tx.hi, component });
            }
        }
        (ordered.clock, entries)
    }

    pub fn live_count(&self) -> usize {
        self.engine.live_ids().count()
    }

    fn receive(&mut self, lane: usize, first: usize) -> Option<LaneAppend> {
        let new = self.chains[lane][first..].to_vec();
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
                        let members = self.genesis.validators.members();
                        let Some(other) = members.iter().position(|member| member.lane() == peer.lane) else {
                            continue;
                        };
                        let seq = peer.seq.get() as usize;
                        let known = *self.referenced.entry((lane, other)).or_default();
                        let is_decided = self.chains[other]
                            .get(seq - 1)
                            .is_some_and(|there| there.digest() == peer.digest);
                        if !is_decided || seq <= known {
                            continue;
                        }
                        for at in known..seq {
                            for index in 0..self.chains[other][at].transactions().len() {
                                self.place(other, at, index, time, &mut runs);
                            }
                        }
                        self.referenced.insert((lane, other), seq);
                    }
                }
            }
        }
        Some(LaneAppend { lane, runs, head_time: Some(head_time) })
    }

    fn place(&self, lane: usize, at: usize, index: usize, time: Timestamp, runs: &mut Vec<PlacedRun>) {
        let tx = &self.chains[lane][at].transactions()[index];
        let Some(groups) = self.groups(tx) else { return };
        if self.late.contains(&(lane, at, index)) {
            return;
        }
        let run = Run::new(vec![RunTx { id: tx.id(), groups, expires_at: tx.expires_at() }]);
        runs.push(PlacedRun { run: Arc::new(run), time });
    }

    fn groups(&self, tx: &Transaction) -> Option<Groups> {
        let mut groups = BTreeSet::new();
        for leg in tx.legs() {
            groups.insert(self.genesis.rollups.iter().find(|rollup| rollup.id == leg.rollup)?.group);
        }
        Some(Groups::new(groups).unwrap())
    }

    fn judge_lateness(&mut self, lane: usize, first: usize, clock: Timestamp) {
        for (at, segment) in self.chains[lane].iter().enumerate().skip(first) {
            for (index, tx) in segment.transactions().iter().enumerate() {
                if tx.expires_at().as_nanos() > clock.as_nanos() + self.genesis.params.expiry_bound {
                    self.late.insert((lane, at, index));
                }
            }
        }
    }
}
