//! A small world: keys, a validator set, and authors who write lanes by hand.

use bytes::Bytes;
use fairlane_lanes::{CutBase, Judgement, LaneEffect, LaneView, ReadySegment};
use fairlane_types::{
    Cut, Event, Evidence, GroupId, Height, Incarnation, L1Anchor, LaneId, Leg, NetworkId, ProtocolParams,
    RollupId, RollupRules, RollupTable, Round, Segment, SegmentDraft, SegmentRef, SigningKey, Timestamp,
    Transaction, Validator, ValidatorSet, VotingPower,
};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) const MS: u64 = 1_000_000;

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos((1_000 + millis) * MS)
}

/// Rollups 1 and 2 share group 0, rollup 3 has group 1.
pub(crate) struct World {
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) validators: ValidatorSet,
    pub(crate) params: ProtocolParams,
    pub(crate) network: NetworkId,
    rollups: Arc<RollupTable>,
}

impl World {
    pub(crate) fn new(validators: u8) -> Self {
        Self::with_powers(&vec![1; usize::from(validators)])
    }

    pub(crate) fn with_powers(powers: &[u64]) -> Self {
        let mut keys: Vec<SigningKey> =
            (0..powers.len()).map(|at| SigningKey::from_seed(&[at as u8 + 1; 32])).collect();
        keys.sort_by_key(SigningKey::validator);
        let members = keys.iter().zip(powers).map(|(key, power)| Validator {
            id: key.validator(),
            power: VotingPower::new(*power),
            incarnation: Incarnation::ZERO,
        });
        let validators = ValidatorSet::new(members.collect()).expect("usable keys");
        let rollups = [(1, 0), (2, 0), (3, 1)]
            .map(|(id, group)| (RollupId::new(id), RollupRules::new(GroupId::new(group))));
        Self {
            keys,
            validators,
            params: ProtocolParams::default(),
            network: NetworkId::from_bytes([9; 32]),
            rollups: Arc::new(rollups.into()),
        }
    }

    pub(crate) fn lane(&self, at: usize) -> LaneId {
        self.validators.members()[at].lane()
    }

    pub(crate) fn base(&self) -> CutBase {
        let heads = (0..self.keys.len()).map(|at| SegmentRef::empty(self.lane(at))).collect();
        CutBase {
            height: Height::ZERO,
            cut: Cut::new(heads).expect("a cut of empty heads"),
            retired: Vec::new(),
            l1_anchor: L1Anchor::default(),
            equivocators: BTreeSet::new(),
            validators: self.validators.clone(),
            rollups: self.rollups.clone(),
        }
    }

    pub(crate) fn view(&self) -> LaneView {
        LaneView::new(&self.base(), self.params.clone())
    }

    pub(crate) fn authors(&self) -> Vec<Author> {
        (0..self.keys.len()).map(|at| self.author(at)).collect()
    }

    pub(crate) fn author(&self, at: usize) -> Author {
        Author {
            key: self.keys[at].clone(),
            params: self.params.clone(),
            network: self.network,
            last: SegmentRef::empty(self.lane(at)),
            time: at_zero(),
        }
    }
}

fn at_zero() -> Timestamp {
    at(0)
}

/// Somebody who writes a lane. A clone writes another variant of it.
#[derive(Clone)]
pub(crate) struct Author {
    key: SigningKey,
    params: ProtocolParams,
    network: NetworkId,
    pub(crate) last: SegmentRef,
    time: Timestamp,
}

impl Author {
    pub(crate) fn write(
        &mut self,
        references: &[SegmentRef],
        transactions: Vec<Transaction>,
    ) -> Arc<Segment> {
        self.time = self.time.saturating_add(MS);
        let mut events: Vec<Event> =
            references.iter().map(|segment| Event::Peer { segment: *segment, age: 0 }).collect();
        if !transactions.is_empty() {
            events.push(Event::Own { count: transactions.len() as u32, age: 0 });
        }
        let draft = SegmentDraft {
            lane: self.last.lane,
            seq: self.last.seq.next(),
            parent: self.last.digest,
            timestamp: self.time,
            events,
            transactions,
        };
        let segment = draft.seal(self.network, &self.params, &self.key).expect("a valid segment");
        self.last = segment.reference();
        Arc::new(segment)
    }

    /// A segment without references, with some transactions for rollup 1.
    pub(crate) fn plain(&mut self, transactions: u64) -> Arc<Segment> {
        let salt = self.last.seq.get() * 10_000;
        let id = self.key.validator().as_bytes()[0];
        let transactions = (0..transactions).map(|n| transaction(1, &[id], salt + n, 10)).collect();
        self.write(&[], transactions)
    }
}

/// A transaction with one leg of `bytes` bytes.
pub(crate) fn transaction(rollup: u64, tag: &[u8], number: u64, bytes: usize) -> Transaction {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    salt[8..8 + tag.len()].copy_from_slice(tag);
    let leg = Leg { rollup: RollupId::new(rollup), payload: Bytes::from(vec![7; bytes]) };
    Transaction::new(vec![leg], at(100_000), salt).expect("a well-formed transaction")
}

pub(crate) fn cut(heads: &[SegmentRef]) -> Cut {
    Cut::new(heads.to_vec()).expect("distinct lanes")
}

/// The base after a block with this cut and evidence.
pub(crate) fn after(base: &CutBase, cut: &Cut, evidence: &[Evidence]) -> CutBase {
    let accused = evidence.iter().filter_map(|evidence| match evidence {
        Evidence::LaneEquivocation(pair) => Some(pair[0].header.lane),
        _ => None,
    });
    CutBase {
        height: base.height.next(),
        cut: cut.clone(),
        equivocators: base.equivocators.iter().copied().chain(accused).collect(),
        ..base.clone()
    }
}

/// Judged as a re-proposal: the rules alone, no timeliness.
pub(crate) fn rules() -> Judgement {
    Judgement { now: at(0), round: Round::ZERO, fresh: false }
}

pub(crate) fn fresh(now: Timestamp, round: u32) -> Judgement {
    Judgement { now, round: Round::new(round), fresh: true }
}

pub(crate) fn ready(effects: &[LaneEffect]) -> Vec<SegmentRef> {
    ready_segments(effects).iter().map(|ready| ready.reference).collect()
}

pub(crate) fn ready_segments(effects: &[LaneEffect]) -> Vec<ReadySegment> {
    let ready = effects.iter().filter_map(|effect| match effect {
        LaneEffect::Ready(ready) => Some(*ready),
        _ => None,
    });
    ready.collect()
}

pub(crate) fn evidence(effects: &[LaneEffect]) -> Vec<Evidence> {
    let found = effects.iter().filter_map(|effect| match effect {
        LaneEffect::Evidence(evidence) => Some(evidence.clone()),
        _ => None,
    });
    found.collect()
}

/// Inserts segments one after another at one time.
pub(crate) fn insert_all(view: &mut LaneView, segments: &[Arc<Segment>], now: Timestamp) -> Vec<LaneEffect> {
    segments.iter().flat_map(|segment| view.insert(segment.clone(), now)).collect()
}
