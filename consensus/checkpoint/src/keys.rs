//! BLS keys and signatures: public keys in G1, signatures in G2, messages hashed to G2 by RFC 9380.
//!
//! Points travel as the contracts take them, without EIP-2537's padding. BLS libraries write the imaginary part of a
//! coordinate first and keep flags in the first byte; here the real part comes first, and there are no flags.

use blst::BLST_ERROR;
use blst::min_pk::{AggregateSignature, PublicKey as Point, SecretKey as Scalar, Signature};
use fairlane_types::checkpoint::{Checkpoint, CheckpointPublicKey, CheckpointSignature};
use std::fmt;

/// The domain separation tag of checkpoints, which names the suite.
pub const TAG: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
/// Bytes of a coordinate, or of half of one in G2.
const HALF: usize = 48;
/// The field's modulus has 381 bits, so these three of the first byte are never set.
const FLAGS: u8 = 0b1110_0000;

/// Bytes that are no point of the right subgroup, or the neutral element where that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no usable point of BLS12-381")]
pub struct InvalidPoint;

/// Why bytes are no BLS secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// Secret keys are numbers from 1 to the order of the group.
    #[error(
        "a checkpoint key's secret must be 32 bytes, a number from 1 to below the order of BLS12-381's group"
    )]
    OutOfRange,
    /// Key derivation needs that many bytes.
    #[error("a checkpoint key is derived from at least 32 bytes")]
    ShortSeed,
}

/// The key that a validator signs checkpoints with. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct SecretKey(Scalar);

impl SecretKey {
    /// The key that follows from a seed of 32 random bytes, by the KeyGen of the IETF's BLS draft.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SecretKeyError> {
        Scalar::key_gen(seed, &[]).map(Self).map_err(|_| SecretKeyError::ShortSeed)
    }

    /// The key with this secret, most significant byte first.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, SecretKeyError> {
        Scalar::from_bytes(secret).map(Self).map_err(|_| SecretKeyError::OutOfRange)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.sk_to_pk())
    }

    /// Signs a message under a tag. Checkpoints are signed with [`Self::sign`].
    pub fn sign_tagged(&self, message: &[u8], tag: &[u8]) -> CheckpointSignature {
        signature_bytes(&self.0.sign(message, tag, &[]))
    }

    /// Signs a checkpoint. Whoever calls this answers for the block being final.
    pub fn sign(&self, checkpoint: &Checkpoint) -> CheckpointSignature {
        self.sign_tagged(&checkpoint.sign_bytes(), TAG)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", hex::encode(self.0.sk_to_pk().compress()))
    }
}

/// A public key: a point of G1's subgroup that is not neutral.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(Point);

impl PublicKey {
    /// Decodes and checks a key.
    pub fn decode(bytes: &CheckpointPublicKey) -> Result<Self, InvalidPoint> {
        if bytes.as_bytes().first().is_none_or(|first| first & FLAGS != 0) {
            return Err(InvalidPoint);
        }
        let point = Point::deserialize(bytes.as_bytes()).map_err(|_| InvalidPoint)?;
        point.validate().map_err(|_| InvalidPoint)?;
        Ok(Self(point))
    }

    /// The key's bytes.
    pub fn to_bytes(&self) -> CheckpointPublicKey {
        CheckpointPublicKey::from_bytes(self.0.serialize())
    }

    /// Whether this key signed the checkpoint.
    #[must_use]
    pub fn verify(&self, checkpoint: &Checkpoint, signature: &CheckpointSignature) -> bool {
        verify_sum(&[*self], &checkpoint.sign_bytes(), signature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.0.compress()))
    }
}

/// Whether `signature` is the sum of the keys' signatures of one message. A neutral sum of keys, which opposite keys give,
/// signs nothing; neither does nobody.
#[must_use]
pub fn verify_sum(keys: &[PublicKey], message: &[u8], signature: &CheckpointSignature) -> bool {
    let Ok(signature) = decode_signature(signature) else { return false };
    let points: Vec<&Point> = keys.iter().map(|key| &key.0).collect();
    signature.fast_aggregate_verify(true, message, TAG, &points) == BLST_ERROR::BLST_SUCCESS
}

/// The sum of signatures. They must have been found valid.
pub fn sum_signatures<'a>(
    signatures: impl IntoIterator<Item = &'a CheckpointSignature>,
) -> Result<CheckpointSignature, InvalidPoint> {
    let mut sum: Option<AggregateSignature> = None;
    for bytes in signatures {
        let signature = decode_signature(bytes)?;
        match &mut sum {
            None => sum = Some(AggregateSignature::from_signature(&signature)),
            Some(sum) => sum.add_signature(&signature, false).map_err(|_| InvalidPoint)?,
        }
    }
    sum.map(|sum| signature_bytes(&sum.to_signature())).ok_or(InvalidPoint)
}

/// Decodes a point of the curve. The subgroup is checked with the pairing.
fn decode_signature(bytes: &CheckpointSignature) -> Result<Signature, InvalidPoint> {
    let swapped = swap_parts(bytes.as_bytes());
    if swapped.first().is_none_or(|first| first & FLAGS != 0) {
        return Err(InvalidPoint);
    }
    Signature::deserialize(&swapped).map_err(|_| InvalidPoint)
}

fn signature_bytes(signature: &Signature) -> CheckpointSignature {
    CheckpointSignature::from_bytes(swap_parts(&signature.serialize()))
}

/// Exchanges the real and the imaginary part of both coordinates.
fn swap_parts(bytes: &[u8; 192]) -> [u8; 192] {
    let mut swapped = *bytes;
    for coordinate in swapped.chunks_exact_mut(2 * HALF) {
        coordinate.rotate_left(HALF);
    }
    swapped
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
