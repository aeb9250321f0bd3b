//! What tests of this crate share: a network of one validator, and blocks as its chain would have them.

use fairlane_chain::{BlockInput, ChainState, prepare};
use fairlane_engine::FinalizedBlock;
use fairlane_lanes::{CutContent, LaneContent};
use fairlane_types::vote::vote_sign_bytes;
use fairlane_types::{
    CommitCertificate, CommitSignature, Cut, Event, Genesis, GroupId, Incarnation, LaneId, Leg,
    ProtocolParams, RollupId, RollupSpec, Round, Segment, SegmentDraft, SegmentRef, SigningKey, Timestamp,
    Transaction, Validator, ValidatorSet, VoteKind, VotingPower,
};
use std::sync::Arc;
use std::time::Duration;

const START: u64 = 1_700_000_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// A genesis with these validators (by seed), one unit of power each, and rollups 1 and 2.
pub(crate) fn genesis(seeds: &[u8]) -> Genesis {
    let members = seeds.iter().map(|seed| Validator {
        id: SigningKey::from_seed(&[*seed; 32]).validator(),
        power: VotingPower::new(1),
        incarnation: Incarnation::ZERO,
    });
    let rollup = |id| RollupSpec::new(RollupId::new(id), GroupId::new(0));
    Genesis {
        name: "test".to_owned(),
        time: Timestamp::from_nanos(START),
        params: ProtocolParams::default(),
        validators: ValidatorSet::new(members.collect()).unwrap(),
        rollups: vec![rollup(1), rollup(2)],
        l1_chain_id: 0,
        stake_manager: [0; 20],
        l1_epoch: 0,
    }
}

/// A chain with one validator, made block by block.
pub(crate) struct TestChain {
    pub(crate) genesis: Genesis,
    pub(crate) key: SigningKey,
    pub(crate) state: ChainState,
    /// How long before a segment is closed its transactions came, in nanoseconds. Those that come with its end wait for
    /// the next one.
    pub(crate) age: u64,
    head: SegmentRef,
    now: u64,
    salt: u64,
}

impl TestChain {
    pub(crate) fn new() -> Self {
        let genesis = genesis(&[1]);
        let key = SigningKey::from_seed(&[1; 32]);
        let lane = LaneId { validator: key.validator(), incarnation: Incarnation::ZERO };
        let state = ChainState::genesis(&genesis).unwrap();
        Self { genesis, key, state, age: MILLISECOND, head: SegmentRef::empty(lane), now: START, salt: 0 }
    }

    pub(crate) fn lane(&self) -> LaneId {
        self.head.lane
    }

    /// A transaction for a rollup that nobody made before.
    pub(crate) fn transaction(&mut self, rollup: u64, bytes: usize) -> Transaction {
        self.salt += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.salt.to_be_bytes());
        let leg = Leg { rollup: RollupId::new(rollup), payload: vec![rollup as u8; bytes].into() };
        let expires_at = Timestamp::from_nanos(self.now + 60_000 * MILLISECOND);
        Transaction::new(vec![leg], expires_at, salt).unwrap()
    }

    /// The next segment of the lane, 50 ms after the one before. With `fork`, another one for the same place.
    pub(crate) fn segment(&mut self, transactions: Vec<Transaction>) -> Arc<Segment> {
        self.now += 50 * MILLISECOND;
        let segment = self.fork(transactions);
        self.head = segment.reference();
        segment
    }

    /// A segment that follows the last one, without taking it.
    pub(crate) fn fork(&self, transactions: Vec<Transaction>) -> Arc<Segment> {
        let count = transactions.len() as u32;
        let events = if count > 0 { vec![Event::Own { count, age: self.age }] } else { Vec::new() };
        let draft = SegmentDraft {
            lane: self.head.lane,
            seq: self.head.seq.next(),
            parent: self.head.digest,
            timestamp: Timestamp::from_nanos(self.now),
            events,
            transactions,
        };
        Arc::new(draft.seal(self.state.network(), &self.genesis.params, &self.key).unwrap())
    }

    /// Lets time pass before the next segment.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += u64::try_from(time.as_nanos()).unwrap();
    }

    /// The block that takes the lane up to these segments.
    pub(crate) fn block(&mut self, segments: Vec<Arc<Segment>>, snapshot: bool) -> Arc<FinalizedBlock> {
        self.block_before(segments, snapshot, None)
    }

    /// The validator alone, with another power: a set that may follow.
    pub(crate) fn set_of_power(&self, power: u64) -> ValidatorSet {
        let mut member = self.state.validators().members()[0];
        member.power = VotingPower::new(power);
        ValidatorSet::new(vec![member]).unwrap()
    }

    /// The block that takes the lane up to these segments, and hands over to another set if there is one.
    pub(crate) fn block_before(
        &mut self,
        segments: Vec<Arc<Segment>>,
        snapshot: bool,
        next_validators: Option<ValidatorSet>,
    ) -> Arc<FinalizedBlock> {
        let lanes = vec![LaneContent { lane: self.head.lane, segments }];
        let block = finalize(&mut self.state, lanes, next_validators, std::slice::from_ref(&self.key));
        let snapshot = snapshot.then(|| self.state.snapshot());
        Arc::new(FinalizedBlock { snapshot, ..block })
    }
}

/// The block that takes lanes up to the last of these segments, taken over by the state, with everybody's signature. It
/// hands over to another set if there is one.
pub(crate) fn finalize(
    state: &mut ChainState,
    lanes: Vec<LaneContent>,
    next_validators: Option<ValidatorSet>,
    signers: &[SigningKey],
) -> FinalizedBlock {
    let heads = lanes.iter().map(|lane| lane.segments.last().unwrap().reference()).collect();
    let mut l1_anchor = state.l1_anchor();
    l1_anchor.number += u64::from(next_validators.is_some());
    let input = BlockInput {
        cut: Cut::new(heads).unwrap(),
        content: CutContent { lanes },
        evidence: Vec::new(),
        l1_anchor,
        next_validators,
        rollups: Default::default(),
    };
    let prepared = prepare(state, input).unwrap();
    state.commit(prepared.delta).unwrap();
    let block = prepared.proposal.id();
    let (height, round) = (prepared.proposal.header.height, Round::ZERO);
    let message = vote_sign_bytes(&state.network(), VoteKind::Precommit, height, round, Some(&block));
    let sign =
        |key: &SigningKey| CommitSignature { validator: key.validator(), signature: key.sign(&message) };
    let signatures = signers.iter().map(sign).collect();
    FinalizedBlock {
        proposal: Arc::new(prepared.proposal),
        certificate: CommitCertificate { height, round, block, signatures },
        batches: prepared.batches,
        heads: prepared.heads,
        order: prepared.order,
        report: prepared.report,
        snapshot: None,
    }
}
