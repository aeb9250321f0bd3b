//! What every lane received, by the letter of `docs/protocol.md`, "Receive order", and `docs/fair-ordering.md`,
//! "Definitions": everything is kept for ever, nothing is shared, nothing is settled early.

use super::cuts::New;
use super::{Cast, Council, Verdict, broken};
use crate::observe::Committed;
use crate::setup::{START, Setup};
use fairlane_types::{BlockHeader, Event, GroupId, LaneId, RollupTable, Segment, Transaction, TxId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A transaction's place with one validator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// How many accepted entries come before it.
    pub(super) index: usize,
    /// The lane's time of it, not earlier than the clock of the block before.
    tau: u64,
}

/// A transaction that some lane holds.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) groups: BTreeSet<GroupId>,
    expires: u64,
    /// Its place with each validator that holds it.
    pub(super) places: Vec<Option<Place>>,
}

impl Fact {
    pub(super) fn shares_group(&self, other: &Self) -> bool {
        !self.groups.is_disjoint(&other.groups)
    }
}

/// The interval of a transaction's receipt, and its median. The greatest number stands for infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) lo: u64,
    pub(super) key: u64,
    pub(super) hi: u64,
}

/// A lane's decided segments; whether the lane is in the set or has left it.
#[derive(Clone, Default)]
struct Lane {
    chain: Vec<Arc<Segment>>,
    /// How many segments of other lanes this one has referenced.
    referenced: BTreeMap<LaneId, usize>,
}

/// What is said of one validator's receipts, in whichever lanes it wrote without leaving the set in between.
#[derive(Clone, Copy, Default)]
struct Receipts {
    entries: usize,
    last_time: u64,
    stated: u64,
}

/// All lanes up to the last block's cut.
pub(super) struct Ledger {
    rollups: RollupTable,
    expiry_bound: u64,
    lanes: BTreeMap<LaneId, Lane>,
    /// By the validators' places.
    receipts: Vec<Receipts>,
    clock: u64,
    facts: BTreeMap<TxId, Fact>,
    /// Places (lane, segment, transaction) that expired too far ahead when their segment was decided.
    late: BTreeSet<(LaneId, usize, usize)>,
    late_ids: BTreeSet<TxId>,
    emitted: BTreeSet<TxId>,
}

impl Ledger {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            rollups: setup.genesis.rollups.iter().map(|rollup| (rollup.id, rollup.rules)).collect(),
            expiry_bound: setup.params.expiry_bound,
            lanes: BTreeMap::new(),
            receipts: vec![Receipts::default(); setup.count()],
            clock: 0,
            facts: BTreeMap::new(),
            late: BTreeSet::new(),
            late_ids: BTreeSet::new(),
            emitted: BTreeSet::new(),
        }
    }

    /// Takes in what a block adds to the lanes, and checks the block's time.
    pub(super) fn append(&mut self, cast: &Cast, new: New, header: &BlockHeader) -> Verdict {
        for receipts in &mut self.receipts {
            receipts.stated = receipts.stated.max(receipts.last_time);
        }
        let mut first = Vec::new();
        for (id, segments) in new {
            let lane = self.lanes.entry(id).or_default();
            first.push((id, lane.chain.len()));
            let stated = &mut self.receipts[cast.writer(&id)].stated;
            for segment in segments {
                *stated = (*stated).max(segment.header().timestamp.as_nanos());
                lane.chain.push(segment);
            }
        }
        let before = self.clock;
        self.clock = before.max(self.stated_by_quorum(cast));
        if header.time.as_nanos() != self.clock.max(START) {
            let what = format!("block {} says {}, the clock is {}", header.height, header.time, self.clock);
            return broken("a block's time is what a quorum has stated", what);
        }
        for (lane, first) in &first {
            let new = self.lanes[lane].chain[*first..].to_vec();
            new.iter().for_each(|segment| self.walk(cast, segment, before));
        }
        for (lane, first) in &first {
            self.note_late(*lane, *first);
        }
        Ok(())
    }

    /// Another set decides from now on. What validators hold that left counts no more.
    pub(super) fn hand_over(&mut self, before: &Council, after: &Council) {
        for place in 0..self.receipts.len() {
            if before.lane(place).is_none() || after.lane(place).is_none() {
                self.receipts[place] = Receipts::default();
                self.facts.values_mut().for_each(|fact| fact.places[place] = None);
            }
        }
    }

    /// The largest time that lanes with the power of a quorum have stated, or passed.
    fn stated_by_quorum(&self, cast: &Cast) -> u64 {
        let times: Vec<u64> = self.receipts.iter().map(|receipts| receipts.stated).collect();
        let reached = |time: u64| cast.power_of((0..times.len()).filter(|place| times[*place] >= time));
        times.iter().copied().filter(|time| reached(*time) >= cast.quorum()).max().unwrap_or(0)
    }

    fn walk(&mut self, cast: &Cast, segment: &Segment, clock_before: u64) {
        let lane = segment.header().lane;
        let place = cast.writer(&lane);
        let at = (segment.header().seq.get() - 1) as usize;
        let mut next = 0;
        for event in segment.events() {
            let time = segment.event_time(event).as_nanos();
            match event {
                Event::Own { count, .. } => {
                    for _ in 0..*count {
                        self.receive(place, (lane, at, next), time, clock_before);
                        next += 1;
                    }
                }
                Event::Peer { segment: past, .. } => {
                    let other = past.lane;
                    let last = past.seq.get() as usize;
                    let chain = self.lanes.get(&other).map(|lane| &lane.chain);
                    let decided = chain.and_then(|chain| chain.get(last - 1));
                    if decided.is_none_or(|segment| segment.reference() != *past) {
                        continue;
                    }
                    let referenced = &mut self.lanes.entry(lane).or_default().referenced;
                    let known = std::mem::replace(referenced.entry(other).or_default(), last);
                    referenced.insert(other, known.max(last));
                    for at in known..last {
                        for index in 0..self.lanes[&other].chain[at].transactions().len() {
                            self.receive(place, (other, at, index), time, clock_before);
                        }
                    }
                }
            }
        }
    }

    /// A validator receives the transaction at a place of some lane.
    fn receive(&mut self, by: usize, from: (LaneId, usize, usize), time: u64, clock_before: u64) {
        let (lane, at, index) = from;
        let transaction = self.lanes[&lane].chain[at].transactions()[index].clone();
        let id = transaction.id();
        let expires = transaction.expires_at().as_nanos();
        let in_time = self.clock < expires && expires <= self.clock.saturating_add(self.expiry_bound);
        let Some(groups) = self.groups_of(&transaction) else { return };
        if !in_time || self.late.contains(&from) || self.emitted.contains(&id) {
            return;
        }
        let count = self.receipts.len();
        let fact = self.facts.entry(id).or_insert(Fact { groups, expires, places: vec![None; count] });
        if fact.places[by].is_none() {
            let receipts = &mut self.receipts[by];
            let lane_time = time.max(receipts.last_time + 1);
            fact.places[by] = Some(Place { index: receipts.entries, tau: lane_time.max(clock_before) });
            receipts.entries += 1;
            receipts.last_time = lane_time;
        }
    }

    /// The groups of a transaction; none when one of its rollups is not registered, or wants other lengths.
    fn groups_of(&self, transaction: &Transaction) -> Option<BTreeSet<GroupId>> {
        let groups = transaction.legs().iter().map(|leg| {
            let rules = self.rollups.get(&leg.rollup)?;
            let fits = [0, leg.payload.len() as u64].contains(&u64::from(rules.leg_bytes));
            fits.then_some(rules.group)
        });
        groups.collect()
    }

    /// Whether a transaction expires too late is judged once, when its segment is decided.
    fn note_late(&mut self, lane: LaneId, first: usize) {
        for (at, segment) in self.lanes[&lane].chain.iter().enumerate().skip(first) {
            for (index, transaction) in segment.transactions().iter().enumerate() {
                if transaction.expires_at().as_nanos() > self.clock.saturating_add(self.expiry_bound) {
                    self.late.insert((lane, at, index));
                    self.late_ids.insert(transaction.id());
                }
            }
        }
    }

    /// Takes note of what a block ordered.
    pub(super) fn emit(&mut self, block: &Committed) -> Verdict {
        for id in block.order.ids() {
            if self.live(&id).is_none() {
                return broken("what is ordered was received and lives", format!("{id}"));
            }
        }
        self.emitted.extend(block.order.ids());
        Ok(())
    }

    /// A transaction that is neither ordered nor expired.
    pub(super) fn live(&self, id: &TxId) -> Option<&Fact> {
        self.facts.get(id).filter(|fact| !self.emitted.contains(id) && fact.expires > self.clock)
    }

    /// All of them.
    pub(super) fn all_live(&self) -> impl Iterator<Item = (&TxId, &Fact)> {
        self.facts.iter().filter(|(id, fact)| !self.emitted.contains(*id) && fact.expires > self.clock)
    }

    /// Whether a transaction is ordered, or cannot be any more.
    pub(super) fn is_resolved(&self, id: &TxId, transaction: &Transaction) -> bool {
        self.emitted.contains(id)
            || self.late_ids.contains(id)
            || transaction.expires_at().as_nanos() <= self.clock
            || self.groups_of(transaction).is_none()
    }

    /// The validators that hold a transaction, by place.
    pub(super) fn holders(&self, id: &TxId) -> Vec<usize> {
        let places = self.facts.get(id).map(|fact| fact.places.iter().enumerate());
        places.into_iter().flatten().filter(|(_, place)| place.is_some()).map(|(lane, _)| lane).collect()
    }

    /// How many transactions were ordered.
    pub(super) fn ordered_count(&self) -> u64 {
        self.emitted.len() as u64
    }

    /// When lanes of increasing power had a transaction.
    pub(super) fn interval(&self, cast: &Cast, fact: &Fact) -> Interval {
        let mut times: Vec<(u64, usize)> = fact
            .places
            .iter()
            .enumerate()
            .filter_map(|(lane, place)| place.map(|place| (place.tau, lane)))
            .collect();
        times.sort_unstable();
        let quantile = |needed: u64| {
            let mut power = 0;
            let reached = times.iter().find(|(_, lane)| {
                power += cast.power_of([*lane]);
                power >= needed
            });
            reached.map_or(u64::MAX, |(time, _)| *time)
        };
        let (quorum, majority) = (cast.quorum(), cast.majority());
        Interval {
            lo: quantile((quorum - cast.faulty()).min(majority)),
            key: quantile(majority),
            hi: quantile(quorum),
        }
    }

    /// The power of those among `lanes` that hold `one` and do not hold `other` before it.
    pub(super) fn power_before(&self, cast: &Cast, one: &Fact, other: &Fact, honest_only: bool) -> u64 {
        let before = |lane: &usize| {
            let counts = !honest_only || cast.honest[*lane];
            counts
                && match (one.places[*lane], other.places[*lane]) {
                    (Some(one), Some(other)) => one.index < other.index,
                    (Some(_), None) => true,
                    (None, _) => false,
                }
        };
        cast.power_of((0..self.receipts.len()).filter(before))
    }
}
