//! A network of four for tests.

use crate::keys::SecretKey;
use crate::set::CheckpointSet;
use fairlane_types::checkpoint::{Checkpoint, SignedCheckpoint};
use fairlane_types::testing::{header, keys, set_of};
use fairlane_types::{BlockHeader, Hash32, Height, NetworkId, ValidatorId, ValidatorSet};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
pub(crate) const MEMBERS: u8 = 4;

pub(crate) fn secret(of: u8) -> SecretKey {
    SecretKey::from_seed(&[of; 32]).unwrap()
}

pub(crate) fn validators() -> ValidatorSet {
    set_of(&keys(1..=MEMBERS), 10)
}

/// The secret of the member at a place.
pub(crate) fn secret_at(place: usize) -> SecretKey {
    let id = validators().members()[place].id;
    (1..=MEMBERS).find(|of| keys([*of])[0].validator() == id).map(secret).unwrap()
}

pub(crate) fn id_at(place: usize) -> ValidatorId {
    validators().members()[place].id
}

pub(crate) fn set() -> CheckpointSet {
    let places = validators();
    CheckpointSet::new(validators(), |id| Some(secret_at(places.index_of(id)?).public())).unwrap()
}

/// The header at a height, of one of several forks.
pub(crate) fn block(height: u64, fork: u8) -> BlockHeader {
    header(NETWORK, Height::new(height), &validators(), Hash32::from_bytes([fork; 32]))
}

pub(crate) fn checkpoint(height: u64, fork: u8) -> Checkpoint {
    Checkpoint::of(&block(height, fork))
}

pub(crate) fn signed(place: usize, checkpoint: Checkpoint) -> SignedCheckpoint {
    SignedCheckpoint { validator: id_at(place), checkpoint, signature: secret_at(place).sign(&checkpoint) }
}
