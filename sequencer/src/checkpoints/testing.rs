//! Sets with keys, and what their members sign.

use crate::testing::genesis;
use fairlane_checkpoint::{CheckpointSet, SecretKey};
use fairlane_types::checkpoint::{
    Checkpoint, CheckpointCertificate, CheckpointConflict, SignedCheckpoint, Signers,
};
use fairlane_types::{BlockId, Hash32, Height, NetworkId, SigningKey, ValidatorId};

pub(crate) fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32]).unwrap()
}

pub(crate) fn id(seed: u8) -> ValidatorId {
    SigningKey::from_seed(&[seed; 32]).validator()
}

/// The set of the validators with these seeds.
pub(crate) fn set(seeds: &[u8]) -> CheckpointSet {
    let key_of = |wanted: &ValidatorId| {
        seeds.iter().find(|seed| id(**seed) == *wanted).map(|seed| secret(*seed).public())
    };
    CheckpointSet::new(genesis(seeds).validators, key_of).unwrap()
}

/// A block of one of several forks, decided by a set that stays.
pub(crate) fn checkpoint(network: NetworkId, set: &CheckpointSet, height: u64, fork: u8) -> Checkpoint {
    Checkpoint {
        network,
        height: Height::new(height),
        block: BlockId::from_bytes([fork; 32]),
        heads_root: Hash32::from_bytes([fork; 32]),
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
    }
}

pub(crate) fn signed(seed: u8, checkpoint: Checkpoint) -> SignedCheckpoint {
    SignedCheckpoint { validator: id(seed), checkpoint, signature: secret(seed).sign(&checkpoint) }
}

/// The certificate that these signers make.
pub(crate) fn certificate(
    set: &CheckpointSet,
    checkpoint: Checkpoint,
    seeds: &[u8],
) -> CheckpointCertificate {
    let mut signers = Signers::NONE;
    for seed in seeds {
        signers.insert(set.validators().index_of(&id(*seed)).unwrap());
    }
    let signatures: Vec<_> = seeds.iter().map(|seed| secret(*seed).sign(&checkpoint)).collect();
    let signature = fairlane_checkpoint::sum_signatures(&signatures).unwrap();
    CheckpointCertificate { checkpoint, signers, signature }
}

/// Two checkpoints of a height by one validator.
pub(crate) fn conflict(network: NetworkId, seed: u8, height: u64) -> CheckpointConflict {
    let set = set(&[1, 2, 3, 4]);
    let statement = |fork| {
        let checkpoint = checkpoint(network, &set, height, fork);
        (checkpoint, secret(seed).sign(&checkpoint))
    };
    CheckpointConflict {
        validator: id(seed),
        key: secret(seed).public().to_bytes(),
        statements: Box::new([statement(1), statement(2)]),
    }
}
