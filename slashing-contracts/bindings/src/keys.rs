//! Proofs of possession (docs/protocol.md, "Registered keys"): both keys of a validator sign who registers
//! them where.
//!
//! A proof is good for one operator, one StakeManager and one chain. Points are encoded as EIP-2537 has them:
//! 64 bytes a coordinate, of which the first 16 are zero.

use crate::contracts::StakeManager::Keys;
use alloy_primitives::{Address, B256, Bytes};
use blst::min_pk::SecretKey;
use fairlane_types::crypto::{Domain, SigningKey, sha256};
use fairlane_types::ids::ValidatorId;

/// The BLS signature's domain separation tag.
const TAG: &[u8] = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
/// Bytes of a coordinate, and of the zeros in front of it.
const COORDINATE: usize = 48;
const PADDING: usize = 16;

/// Bytes of a BLS public key.
pub const CHECKPOINT_KEY_BYTES: usize = 2 * (PADDING + COORDINATE);

/// Why bytes are no BLS secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointKeyError {
    /// Secret keys are numbers from 1 to the order of the group.
    #[error(
        "a checkpoint key's secret must be 32 bytes, a number from 1 to below the order of BLS12-381's group"
    )]
    OutOfRange,
}

/// The BLS12-381 key that a validator signs checkpoints with: public half in G1, signatures in G2. Wiped from
/// memory when dropped, and never printed.
#[derive(Clone)]
pub struct CheckpointKey(SecretKey);

impl CheckpointKey {
    /// The key that follows from a seed of 32 random bytes, by the KeyGen of the IETF's BLS draft.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SecretKey::key_gen(seed, &[]).expect("32 bytes are enough to derive a key from"))
    }

    /// The key with this secret, most significant byte first.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, CheckpointKeyError> {
        SecretKey::from_bytes(secret).map(Self).map_err(|_| CheckpointKeyError::OutOfRange)
    }

    /// The public half.
    pub fn public(&self) -> [u8; CHECKPOINT_KEY_BYTES] {
        let point = self.0.sk_to_pk().serialize();
        let mut out = [0; CHECKPOINT_KEY_BYTES];
        pad(&mut out, point.chunks_exact(COORDINATE));
        out
    }

    /// The proof of possession over `message`. BLS libraries write a coordinate's imaginary part first,
    /// EIP-2537 the real part.
    fn prove(&self, message: &[u8]) -> [u8; 2 * CHECKPOINT_KEY_BYTES] {
        let point = self.0.sign(message, TAG, &[]).serialize();
        let mut out = [0; 2 * CHECKPOINT_KEY_BYTES];
        let (x, y) = point.split_at(2 * COORDINATE);
        pad(&mut out, [x, y].into_iter().flat_map(|coordinate| coordinate.chunks_exact(COORDINATE).rev()));
        out
    }
}

impl std::fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckpointKey({})", hex::encode(self.0.sk_to_pk().compress()))
    }
}

fn pad<'a>(out: &mut [u8], coordinates: impl Iterator<Item = &'a [u8]>) {
    for (place, coordinate) in out.chunks_exact_mut(PADDING + COORDINATE).zip(coordinates) {
        place[PADDING..].copy_from_slice(coordinate);
    }
}

/// Who registers keys, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registrant {
    /// The chain.
    pub chain_id: u64,
    /// The StakeManager.
    pub registry: Address,
    /// The account that registers, and owns the keys from then on.
    pub operator: Address,
}

impl Registrant {
    /// The 47 bytes that both keys sign.
    pub fn message(&self, consensus: &ValidatorId, checkpoint: &[u8; CHECKPOINT_KEY_BYTES]) -> [u8; 47] {
        let digest = sha256(&[
            &self.chain_id.to_be_bytes(),
            self.registry.as_slice(),
            self.operator.as_slice(),
            consensus.as_bytes(),
            checkpoint,
        ]);
        Domain::POSSESSION.sign_bytes_of_digest(&digest)
    }

    /// Both keys with their proofs, as `register` and `rotateKeys` take them.
    pub fn prove(&self, consensus: &SigningKey, checkpoint: &CheckpointKey) -> Keys {
        let validator = consensus.validator();
        let public = checkpoint.public();
        let message = self.message(&validator, &public);
        Keys {
            consensusKey: B256::new(*validator.as_bytes()),
            consensusProof: Bytes::copy_from_slice(consensus.sign(&message).as_bytes()),
            checkpointKey: Bytes::copy_from_slice(&public),
            checkpointProof: Bytes::copy_from_slice(&checkpoint.prove(&message)),
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
