//! SHA-256 with domains, and strict ed25519.
//!
//! Hashes are SHA-256 over a 15-byte domain and canonical fields. Signed messages are 47 bytes: a domain and the
//! SHA-256 of fixed-width fields, so that SHA-512 inside ed25519 (with R and A) needs one padded block on chain.
//! Verification is `verify_strict` and nothing else: canonical encodings, no small-order keys, cofactorless.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::ids::ValidatorId;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 hash without a more specific meaning.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash32([u8; 32]);

impl Hash32 {
    /// All zero bytes.
    pub const ZERO: Self = Self([0; 32]);

    /// Takes the 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits, with or without a leading `0x`.
    pub fn from_hex(text: &str) -> Result<Self, DecodeError> {
        bytes32_from_hex(text).map(Self)
    }
}

impl fmt::Debug for Hash32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.first_chunk::<4>().unwrap_or(&[0; 4])))
    }
}

impl fmt::Display for Hash32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Encode for Hash32 {
    fn encode(&self, out: &mut Writer) {
        out.bytes(&self.0);
    }
}

impl Decode for Hash32 {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        input.array::<32>().map(Self)
    }
}

pub(crate) fn bytes32_from_hex(text: &str) -> Result<[u8; 32], DecodeError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| DecodeError::Invalid {
        what: "32-byte hash",
        why: "it must be 64 hexadecimal digits",
    })?;
    Ok(bytes)
}

/// What a hash or a signature is about: 15 ASCII bytes in front of the hashed or signed fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(&'static [u8; 15]);

impl Domain {
    /// Transaction ids.
    pub const TRANSACTION: Self = Self(b"FAIRLANE-TXN-v1");
    /// Segment signatures.
    pub const SEGMENT: Self = Self(b"FAIRLANE-SEG-v1");
    /// Prevote and precommit signatures.
    pub const VOTE: Self = Self(b"FAIRLANE-VOT-v1");
    /// Proposal signatures.
    pub const PROPOSAL: Self = Self(b"FAIRLANE-PRO-v1");
    /// Signatures over the parts that carry a proposed value.
    pub const PROPOSAL_PART: Self = Self(b"FAIRLANE-PRT-v1");
    /// Proof that a consensus key owns a network identity.
    pub const IDENTITY: Self = Self(b"FAIRLANE-IDN-v1");
    /// Cut roots.
    pub const CUT: Self = Self(b"FAIRLANE-CUT-v1");
    /// Evidence roots.
    pub const EVIDENCE: Self = Self(b"FAIRLANE-EVD-v1");
    /// Checkpoint signatures.
    pub const CHECKPOINT: Self = Self(b"FAIRLANE-CKP-v1");
    /// Block ids.
    pub const BLOCK: Self = Self(b"FAIRLANE-BLK-v1");
    /// State roots.
    pub const STATE: Self = Self(b"FAIRLANE-STA-v1");
    /// Roots of the ids that one block emitted.
    pub const EMITTED: Self = Self(b"FAIRLANE-IDS-v1");
    /// Heads of rollup batch chains.
    pub const BATCH: Self = Self(b"FAIRLANE-BAT-v1");
    /// Roots of heads trees.
    pub const HEADS: Self = Self(b"FAIRLANE-HDS-v1");
    /// Validator set hashes.
    pub const VALIDATORS: Self = Self(b"FAIRLANE-VST-v1");
    /// Hashes of the changes that a block makes to the registered rollups.
    pub const ROLLUPS: Self = Self(b"FAIRLANE-RLP-v1");
    /// Genesis hashes.
    pub const GENESIS: Self = Self(b"FAIRLANE-GEN-v1");
    /// Network ids.
    pub const NETWORK: Self = Self(b"FAIRLANE-NET-v1");
    /// Proofs of possession of keys that are registered on Ethereum.
    pub const POSSESSION: Self = Self(b"FAIRLANE-KEY-v1");

    /// The bytes that go in front.
    pub const fn as_bytes(self) -> &'static [u8; 15] {
        self.0
    }

    /// SHA-256 over the domain and `parts`, one after another.
    pub fn hash(self, parts: &[&[u8]]) -> Hash32 {
        let mut hasher = Sha256::new_with_prefix(self.0);
        for part in parts {
            hasher.update(part);
        }
        Hash32(hasher.finalize().into())
    }

    /// The 47 bytes that are signed for `fields`: the domain and SHA-256 of the fields.
    pub fn sign_bytes(self, fields: &[u8]) -> [u8; 47] {
        self.sign_bytes_of_digest(&sha256(&[fields]))
    }

    /// The 47 bytes that are signed when the fields' SHA-256 is known already.
    pub fn sign_bytes_of_digest(self, digest: &Hash32) -> [u8; 47] {
        let mut message = [0; 47];
        let (front, back) = message.split_at_mut(15);
        front.copy_from_slice(self.0);
        back.copy_from_slice(&digest.0);
        message
    }
}

/// Plain SHA-256 over `parts`, one after another.
pub fn sha256(parts: &[&[u8]]) -> Hash32 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash32(hasher.finalize().into())
}

/// An ed25519 signature in its 64-byte form (RFC 8032). Holding one says nothing about its validity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes the 64 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.first_chunk::<4>().unwrap_or(&[0; 4])))
    }
}

impl Encode for Signature {
    fn encode(&self, out: &mut Writer) {
        out.bytes(&self.0);
    }
}

impl Decode for Signature {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        input.array::<64>().map(Self)
    }
}

/// A validator's secret key. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key with this 32-byte seed (RFC 8032).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for writing it to a protected file.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half, which is the validator's id.
    pub fn validator(&self) -> ValidatorId {
        ValidatorId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs a 47-byte message.
    pub fn sign(&self, message: &[u8; 47]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.validator())
    }
}

/// A public key that was decoded once and is ready for use: decoding costs a square root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// Decodes a validator's key; a point that is not canonical, not on the curve or of small order is refused.
    pub fn decode(validator: &ValidatorId) -> Result<Self, DecodeError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(validator.as_bytes()).map_err(|_| {
            DecodeError::Invalid { what: "ed25519 public key", why: "it is no point of the curve" }
        })?;
        if key.is_weak() {
            return Err(DecodeError::Invalid { what: "ed25519 public key", why: "it has small order" });
        }
        if key.to_edwards().compress().to_bytes() != *validator.as_bytes() {
            return Err(DecodeError::Invalid {
                what: "ed25519 public key",
                why: "its encoding is not canonical",
            });
        }
        Ok(Self(key))
    }

    /// Whether `signature` is valid for `message`, by the strict rule.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
    }

    /// The key as dalek's type.
    pub fn as_dalek(&self) -> &ed25519_dalek::VerifyingKey {
        &self.0
    }
}
