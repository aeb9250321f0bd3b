//! Proofs of possession (docs/protocol.md, "Registered keys"): both keys of a validator sign who registers
//! them where.
//!
//! A proof is good for one operator, one StakeManager and one chain. Points are encoded as EIP-2537 has them:
//! 64 bytes a coordinate, of which the first 16 are zero.

use crate::contracts::StakeManager::Keys;
use alloy_primitives::{Address, B256, Bytes};
use fairlane_checkpoint::SecretKey;
use fairlane_types::crypto::{Domain, SigningKey, sha256};
use fairlane_types::ids::ValidatorId;

pub use fairlane_checkpoint::SecretKeyError as CheckpointKeyError;

/// The BLS signature's domain separation tag.
const TAG: &[u8] = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
/// Bytes of a coordinate, and of the zeros in front of it.
const COORDINATE: usize = 48;
const PADDING: usize = 16;

/// Bytes of a BLS public key.
pub const CHECKPOINT_KEY_BYTES: usize = 2 * (PADDING + COORDINATE);

/// The BLS12-381 key that a validator signs checkpoints with: public half in G1, signatures in G2. Wiped from
/// memory when dropped, and never printed.
#[derive(Clone)]
pub struct CheckpointKey(SecretKey);

impl CheckpointKey {
    /// The key that follows from a seed of 32 random bytes, by the KeyGen of the IETF's BLS draft.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SecretKey::from_seed(seed).expect("32 bytes are enough to derive a key from"))
    }

    /// The key with this secret, most significant byte first.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, CheckpointKeyError> {
        SecretKey::from_secret(secret).map(Self)
    }

    /// The key, to sign checkpoints with.
    pub fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// The public half.
    pub fn public(&self) -> [u8; CHECKPOINT_KEY_BYTES] {
        let mut out = [0; CHECKPOINT_KEY_BYTES];
        pad(&mut out, self.0.public().to_bytes().as_bytes());
        out
    }

    /// The proof of possession over `message`.
    fn prove(&self, message: &[u8]) -> [u8; 2 * CHECKPOINT_KEY_BYTES] {
        let mut out = [0; 2 * CHECKPOINT_KEY_BYTES];
        pad(&mut out, self.0.sign_tagged(message, TAG).as_bytes());
        out
    }
}

impl std::fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckpointKey({:?})", self.0.public())
    }
}

fn pad(out: &mut [u8], point: &[u8]) {
    let places = out.chunks_exact_mut(PADDING + COORDINATE);
    for (place, coordinate) in places.zip(point.chunks_exact(COORDINATE)) {
        place[PADDING..].copy_from_slice(coordinate);
    }
}

/// A BLS public key without the zeros; `None` for other lengths, and where there are none.
pub(crate) fn unpadded(key: &[u8]) -> Option<[u8; 2 * COORDINATE]> {
    let mut point = [0; 2 * COORDINATE];
    let places = key.chunks_exact(PADDING + COORDINATE);
    if key.len() != CHECKPOINT_KEY_BYTES || places.clone().any(|place| place[..PADDING] != [0; PADDING]) {
        return None;
    }
    for (coordinate, place) in point.chunks_exact_mut(COORDINATE).zip(places) {
        coordinate.copy_from_slice(&place[PADDING..]);
    }
    Some(point)
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
