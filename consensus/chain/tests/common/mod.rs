//! Validators that write real, signed lanes by hand, so that a test says exactly who received what, and when.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use bytes::Bytes;
use fairlane_chain::{BlockInput, ChainState, Prepared, prepare};
use fairlane_lanes::{CutContent, LaneContent};
use fairlane_types::evidence::SignedSegmentHeader;
use fairlane_types::{
    Cut, Event, Evidence, Genesis, GroupId, Incarnation, LaneId, Leg, ProtocolParams, RollupChanges,
    RollupId, RollupSpec, Segment, SegmentDraft, SegmentRef, SigningKey, Timestamp, Transaction, TxId,
    Validator, ValidatorSet, VotingPower,
};
use std::sync::Arc;

pub const MS: u64 = 1_000_000;
/// Chain time of genesis. Times in tests are milliseconds after it.
pub const START: u64 = 1_700_000_000_000 * MS;

pub fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(START + ms * MS)
}

/// An ordinary transaction that expires so many milliseconds after genesis.
pub fn tx(salt: u64, rollup: u64, expires: u64) -> Transaction {
    bundle(salt, &[rollup], expires)
}

/// A transaction with one leg for each of `rollups`.
pub fn bundle(salt: u64, rollups: &[u64], expires: u64) -> Transaction {
    let legs = rollups.iter().zip(0u8..).map(|(rollup, leg)| Leg {
        rollup: RollupId::new(*rollup),
        payload: Bytes::from(format!("payload {salt} of leg {leg}")),
    });
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&salt.to_be_bytes());
    Transaction::new(legs.collect(), at(expires), bytes).unwrap()
}

enum Said {
    Own(Vec<Transaction>),
    Peer(SegmentRef),
}

pub struct Lane {
    pub id: LaneId,
    key: SigningKey,
    /// The chain that the cuts follow.
    pub segments: Vec<Arc<Segment>>,
    said: Vec<(u64, Said)>,
}

impl Lane {
    fn new(key: &SigningKey, incarnation: u32) -> Self {
        let id = LaneId { validator: key.validator(), incarnation: Incarnation::new(incarnation) };
        Self { id, key: key.clone(), segments: Vec::new(), said: Vec::new() }
    }
}

pub struct World {
    pub genesis: Genesis,
    /// First those of the genesis set, in its order.
    pub lanes: Vec<Lane>,
}

impl World {
    /// `n` validators of power 1, and rollups with their ordering groups.
    pub fn new(n: u8, rollups: &[(u64, u32)]) -> Self {
        Self::with_params(n, rollups, ProtocolParams::default())
    }

    pub fn with_params(n: u8, rollups: &[(u64, u32)], params: ProtocolParams) -> Self {
        let mut keys: Vec<_> = (0..n).map(|seed| SigningKey::from_seed(&[seed + 1; 32])).collect();
        keys.sort_by_key(SigningKey::validator);
        let members = keys.iter().map(|key| Validator {
            id: key.validator(),
            power: VotingPower::new(1),
            incarnation: Incarnation::new(1),
        });
        let rollups =
            rollups.iter().map(|(id, group)| RollupSpec::new(RollupId::new(*id), GroupId::new(*group)));
        let genesis = Genesis {
            name: network_name(),
            time: at(0),
            params,
            validators: ValidatorSet::new(members.collect()).unwrap(),
            rollups: rollups.collect(),
            l1_chain_id: 0,
            stake_manager: [0; 20],
            l1_epoch: 0,
        };
        let lanes = keys.iter().map(|key| Lane::new(key, 1)).collect();
        Self { genesis, lanes }
    }

    pub fn state(&self) -> ChainState {
        ChainState::genesis(&self.genesis).unwrap()
    }

    /// A lane of a validator that is not in the genesis set. Gives its place among the lanes.
    pub fn newcomer(&mut self, seed: u8) -> usize {
        self.lanes.push(Lane::new(&SigningKey::from_seed(&[seed; 32]), 1));
        self.lanes.len() - 1
    }

    /// The next lane of the validator of a lane. Gives its place among the lanes.
    pub fn comes_back(&mut self, lane: usize) -> usize {
        let (key, incarnation) = (self.lanes[lane].key.clone(), self.lanes[lane].id.incarnation.get());
        self.lanes.push(Lane::new(&key, incarnation + 1));
        self.lanes.len() - 1
    }

    /// A set of these lanes' validators, with their powers.
    pub fn set(&self, members: &[(usize, u64)]) -> ValidatorSet {
        let member = |(lane, power): &(usize, u64)| {
            let LaneId { validator: id, incarnation } = self.lanes[*lane].id;
            Validator { id, power: VotingPower::new(*power), incarnation }
        };
        ValidatorSet::new(members.iter().map(member).collect()).unwrap()
    }

    /// The newest segment of a lane.
    pub fn head(&self, lane: usize) -> SegmentRef {
        let last = self.lanes[lane].segments.last();
        last.map_or(SegmentRef::empty(self.lanes[lane].id), |segment| segment.reference())
    }

    /// A client gives transactions to a lane.
    pub fn own(&mut self, lane: usize, ms: u64, txs: &[Transaction]) {
        self.lanes[lane].said.push((ms, Said::Own(txs.to_vec())));
    }

    /// A client gives one transaction to a lane.
    pub fn give(&mut self, lane: usize, ms: u64, tx: &Transaction) {
        self.own(lane, ms, std::slice::from_ref(tx));
    }

    /// A lane receives a segment of another.
    pub fn peer(&mut self, lane: usize, ms: u64, segment: SegmentRef) {
        self.lanes[lane].said.push((ms, Said::Peer(segment)));
    }

    /// A lane closes a segment.
    pub fn seal(&mut self, lane: usize, ms: u64) -> SegmentRef {
        let segment = Arc::new(self.draft(lane, ms));
        let reference = segment.reference();
        self.lanes[lane].segments.push(segment);
        self.lanes[lane].said.clear();
        reference
    }

    /// The segment that a lane would close, without closing it: half an equivocation.
    pub fn draft(&self, lane: usize, ms: u64) -> Segment {
        let mut transactions = Vec::new();
        let events = self.lanes[lane].said.iter().map(|(when, said)| {
            let age = (ms - when) * MS;
            match said {
                Said::Own(txs) => {
                    transactions.extend(txs.iter().cloned());
                    Event::Own { count: txs.len() as u32, age }
                }
                Said::Peer(segment) => Event::Peer { segment: *segment, age },
            }
        });
        let events = events.collect();
        let head = self.head(lane);
        let draft = SegmentDraft {
            lane: head.lane,
            seq: head.seq.next(),
            parent: head.digest,
            timestamp: at(ms),
            events,
            transactions,
        };
        draft.seal(self.state().network(), &self.genesis.params, &self.lanes[lane].key).unwrap()
    }

    /// Each of `lanes` references the newest segment of every other, then closes a segment.
    pub fn round(&mut self, lanes: &[usize], ms: u64) {
        let heads: Vec<_> = (0..self.lanes.len()).map(|lane| self.head(lane)).collect();
        for lane in lanes {
            for head in &heads {
                if head.lane.validator != self.lanes[*lane].id.validator && head.seq.get() > 0 {
                    self.peer(*lane, ms, *head);
                }
            }
            self.seal(*lane, ms);
        }
    }

    /// Every lane takes part in a round.
    pub fn full_round(&mut self, ms: u64) {
        let all: Vec<_> = (0..self.lanes.len()).collect();
        self.round(&all, ms);
    }

    /// A block that takes each lane of the set to a sequence; `heads` is by lane.
    pub fn block_to(&self, state: &ChainState, heads: &[u64]) -> BlockInput {
        let base = state.base();
        let mut cut = Vec::new();
        let mut lanes = Vec::new();
        for last in base.cut.heads() {
            let place = self.lanes.iter().position(|lane| lane.id == last.lane).unwrap();
            let first = last.seq.get() as usize;
            let segments = self.lanes[place].segments[first..heads[place] as usize].to_vec();
            cut.push(segments.last().map_or(*last, |segment| segment.reference()));
            lanes.push(LaneContent { lane: last.lane, segments });
        }
        BlockInput {
            cut: Cut::new(cut).unwrap(),
            content: CutContent { lanes },
            evidence: Vec::new(),
            l1_anchor: state.l1_anchor(),
            next_validators: None,
            rollups: RollupChanges::default(),
        }
    }

    /// A block of all that was written.
    pub fn block(&self, state: &ChainState) -> BlockInput {
        let heads: Vec<_> = self.lanes.iter().map(|lane| lane.segments.len() as u64).collect();
        self.block_to(state, &heads)
    }
}

/// Prepares and commits a block.
pub fn advance(state: &mut ChainState, input: BlockInput) -> Prepared {
    let prepared = prepare(state, input).unwrap();
    state.commit(prepared.delta.clone()).unwrap();
    prepared
}

pub fn ids(prepared: &Prepared) -> Vec<TxId> {
    prepared.order.ids().collect()
}

/// Evidence from two segments.
pub fn equivocation(a: &Segment, b: &Segment) -> Evidence {
    let side = |segment: &Segment| SignedSegmentHeader {
        header: segment.header().clone(),
        signature: *segment.signature(),
    };
    Evidence::LaneEquivocation(Box::new([side(a), side(b)]))
}

/// A name that this build's ordering rule takes.
fn network_name() -> String {
    let suffix = if cfg!(feature = "concatenate") { fairlane_chain::CONCATENATE_SUFFIX } else { "" };
    format!("test{suffix}")
}
