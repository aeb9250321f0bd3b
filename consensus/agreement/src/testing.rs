//! Keys, sets and proposals for unit tests.

use crate::ProposerSet;
use fairlane_types::{
    BlockHeader, BlockId, Cut, Hash32, Height, Incarnation, L1Anchor, LaneId, NetworkId, Proposal,
    SegmentRef, SigningKey, Timestamp, Validator, ValidatorSet, VotingPower, evidence,
};

/// The network of the tests.
pub const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

/// The keys with seeds 1, 2, and so on, sorted by validator id as sets are.
pub fn keys(count: u8) -> Vec<SigningKey> {
    let mut keys: Vec<SigningKey> = (1..=count).map(|seed| SigningKey::from_seed(&[seed; 32])).collect();
    keys.sort_by_key(SigningKey::validator);
    keys
}

/// A set of these keys, one unit of power each.
pub fn validators(keys: &[SigningKey]) -> ValidatorSet {
    let member = |key: &SigningKey| Validator {
        id: key.validator(),
        power: VotingPower::new(1),
        incarnation: Incarnation::ZERO,
    };
    ValidatorSet::new(keys.iter().map(member).collect()).expect("test keys make a set")
}

/// A set in which everybody proposes.
pub fn proposers(keys: &[SigningKey]) -> ProposerSet {
    ProposerSet::new(validators(keys), |_| true)
}

/// The lane of a key.
pub fn lane(key: &SigningKey) -> LaneId {
    LaneId { validator: key.validator(), incarnation: Incarnation::ZERO }
}

/// A readable proposal that follows nothing in particular.
pub fn proposal(keys: &[SigningKey], height: Height, time: u64) -> Proposal {
    let cut = Cut::new(keys.iter().map(|key| SegmentRef::empty(lane(key))).collect()).expect("lanes differ");
    let set = validators(keys);
    let header = BlockHeader {
        network: NETWORK,
        height,
        time: Timestamp::from_nanos(time),
        parent: BlockId::ZERO,
        cut_root: cut.root(),
        heads_root: Hash32::ZERO,
        evidence_root: evidence::root(&[]),
        state_root: Hash32::ZERO,
        ordered_count: 0,
        capped: false,
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
        l1_anchor: L1Anchor::default(),
    };
    Proposal { header, cut, evidence: Vec::new(), next_validators: None }
}
