//! Keys, sets and proposals for unit tests.

use crate::ProposerSet;
use fairlane_types::{
    BlockHeader, Cut, Hash32, Height, Incarnation, LaneId, NetworkId, Proposal, RollupChanges, SegmentRef,
    SigningKey, Timestamp, ValidatorSet, evidence, testing,
};

/// The network of the tests.
pub const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

/// The keys with seeds 1, 2, and so on, sorted by validator id as sets are.
pub fn keys(count: u8) -> Vec<SigningKey> {
    let mut keys = testing::keys(1..=count);
    keys.sort_by_key(SigningKey::validator);
    keys
}

/// A set of these keys, one unit of power each.
pub fn validators(keys: &[SigningKey]) -> ValidatorSet {
    testing::set_of(keys, 1)
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
    let header = BlockHeader {
        time: Timestamp::from_nanos(time),
        cut_root: cut.root(),
        evidence_root: evidence::root(&[]),
        ..testing::header(NETWORK, height, &validators(keys), Hash32::ZERO)
    };
    Proposal { header, cut, evidence: Vec::new(), next_validators: None, rollups: RollupChanges::default() }
}
