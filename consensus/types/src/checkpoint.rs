//! Checkpoints: what validators sign about a finalized block for those who do not follow the chain, Ethereum first.
//!
//! A checkpoint is a function of the block's header alone, so an honest validator never has two of one height: nothing
//! needs to be written down before it is signed. Signatures are BLS on BLS12-381, with the keys that validators register on
//! Ethereum beside their consensus keys; many of one checkpoint add up to one. Points here are bytes: what they are worth is
//! `fairlane-checkpoint`'s to judge.

use crate::block::BlockHeader;
use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32};
use crate::ids::{BlockId, Height, NetworkId, ValidatorId};
use std::fmt;

/// The most members of a set that signs checkpoints: so many fit the contract's page.
pub const MAX_SIGNERS: usize = 235;

/// One finalized block, as much of it as others need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The network.
    pub network: NetworkId,
    /// The block's height.
    pub height: Height,
    /// The block.
    pub block: BlockId,
    /// The root of the heads tree, after the block.
    pub heads_root: Hash32,
    /// Hash of the set that decided the block, whose members sign.
    pub validators_hash: Hash32,
    /// Hash of the set that decides the next one.
    pub next_validators_hash: Hash32,
}

impl Checkpoint {
    /// Bytes of the encoding.
    pub const BYTES: usize = 32 + 8 + 4 * 32;

    /// The checkpoint of a block.
    pub fn of(header: &BlockHeader) -> Self {
        Self {
            network: header.network,
            height: header.height,
            block: header.id(),
            heads_root: header.heads_root,
            validators_hash: header.validators_hash,
            next_validators_hash: header.next_validators_hash,
        }
    }

    /// The 47 bytes that are signed.
    pub fn sign_bytes(&self) -> [u8; 47] {
        Domain::CHECKPOINT.sign_bytes(&self.to_bytes())
    }

    fn decode_statement(network: NetworkId, input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            network,
            height: Decode::decode(input)?,
            block: Decode::decode(input)?,
            heads_root: Decode::decode(input)?,
            validators_hash: Decode::decode(input)?,
            next_validators_hash: Decode::decode(input)?,
        })
    }

    /// The fields behind the network, as evidence has them.
    fn encode_statement(&self, out: &mut Writer) {
        self.height.encode(out);
        self.block.encode(out);
        self.heads_root.encode(out);
        self.validators_hash.encode(out);
        self.next_validators_hash.encode(out);
    }
}

impl Encode for Checkpoint {
    fn encode(&self, out: &mut Writer) {
        self.network.encode(out);
        self.encode_statement(out);
    }
}

impl Decode for Checkpoint {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let network = Decode::decode(input)?;
        Self::decode_statement(network, input)
    }
}

macro_rules! point_bytes {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Bytes of the encoding.
            pub const BYTES: usize = $bytes;

            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0.first_chunk::<4>().unwrap_or(&[0; 4])))
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Writer) {
                out.bytes(&self.0);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
                input.array().map(Self)
            }
        }
    };
}

point_bytes!(
    /// A BLS public key: a point of G1, `x ‖ y`, coordinates most significant byte first. Holding one says nothing about
    /// its validity.
    CheckpointPublicKey, 96
);
point_bytes!(
    /// A BLS signature or a sum of some: a point of G2, `x.c0 ‖ x.c1 ‖ y.c0 ‖ y.c1`. Holding one says nothing about its
    /// validity.
    CheckpointSignature, 192
);

/// Who of a set signed: a number of 256 bits, most significant byte first, whose bit i, counted from the least significant,
/// stands for member i.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Signers([u8; 32]);

impl Signers {
    /// Nobody.
    pub const NONE: Self = Self([0; 32]);

    /// Takes the 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Adds a member, by its place in the set. A place above 255 adds nobody.
    pub fn insert(&mut self, member: usize) {
        if let Some(byte) = self.0.iter_mut().rev().nth(member / 8) {
            *byte |= 1 << (member % 8);
        }
    }

    /// Whether a member signed.
    pub fn contains(&self, member: usize) -> bool {
        self.0.iter().rev().nth(member / 8).is_some_and(|byte| byte >> (member % 8) & 1 == 1)
    }

    /// The places of those who signed, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..256).filter(|member| self.contains(*member))
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Encode for Signers {
    fn encode(&self, out: &mut Writer) {
        out.bytes(&self.0);
    }
}

impl Decode for Signers {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        input.array().map(Self)
    }
}

/// One validator's signature of a checkpoint, as validators gossip it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// Who signed.
    pub validator: ValidatorId,
    /// What.
    pub checkpoint: Checkpoint,
    /// The signature.
    pub signature: CheckpointSignature,
}

impl SignedCheckpoint {
    /// Bytes of the encoding.
    pub const BYTES: usize = 32 + Checkpoint::BYTES + CheckpointSignature::BYTES;
}

impl Encode for SignedCheckpoint {
    fn encode(&self, out: &mut Writer) {
        self.validator.encode(out);
        self.checkpoint.encode(out);
        self.signature.encode(out);
    }
}

impl Decode for SignedCheckpoint {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            validator: Decode::decode(input)?,
            checkpoint: Decode::decode(input)?,
            signature: Decode::decode(input)?,
        })
    }
}

/// A checkpoint with the sum of signatures of a quorum, as it is submitted to Ethereum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointCertificate {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Who signed, of the set that decided the block.
    pub signers: Signers,
    /// The sum of their signatures.
    pub signature: CheckpointSignature,
}

impl Encode for CheckpointCertificate {
    fn encode(&self, out: &mut Writer) {
        self.checkpoint.encode(out);
        self.signers.encode(out);
        self.signature.encode(out);
    }
}

impl Decode for CheckpointCertificate {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            checkpoint: Decode::decode(input)?,
            signers: Decode::decode(input)?,
            signature: Decode::decode(input)?,
        })
    }
}

/// Evidence that a validator signed two checkpoints of one height. It goes to Ethereum, which knows the BLS keys, and never
/// into blocks, whose validity must not depend on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointConflict {
    /// The offender.
    pub validator: ValidatorId,
    /// The BLS key that it registered.
    pub key: CheckpointPublicKey,
    /// Both checkpoints with its signatures.
    pub statements: Box<[(Checkpoint, CheckpointSignature); 2]>,
}

impl CheckpointConflict {
    /// The kind of evidence, its first byte.
    pub const KIND: u8 = 4;
    /// Bytes of the encoding.
    pub const BYTES: usize = 1 + 32 + 96 + 2 * (Checkpoint::BYTES - 32 + 192);

    /// Reads evidence of a network, whose id is not in the encoding.
    pub fn decode(network: NetworkId, input: &mut Reader) -> Result<Self, DecodeError> {
        if input.take_u8()? != Self::KIND {
            return Err(DecodeError::Invalid { what: "evidence kind", why: "it is not 4 (checkpoints)" });
        }
        let (validator, key) = (Decode::decode(input)?, Decode::decode(input)?);
        let mut statement =
            || Ok((Checkpoint::decode_statement(network, input)?, CheckpointSignature::decode(input)?));
        Ok(Self { validator, key, statements: Box::new([statement()?, statement()?]) })
    }

    /// The height that both statements are about, as the first one has it.
    pub fn height(&self) -> Height {
        let [(first, _), _] = self.statements.as_ref();
        first.height
    }

    /// Which offence it is, independently of the statements: kind, validator and height. One slot counts once.
    pub fn slot(&self) -> Vec<u8> {
        let [(first, _), _] = self.statements.as_ref();
        let mut out = Writer::with_capacity(41);
        out.u8(Self::KIND);
        self.validator.encode(&mut out);
        first.height.encode(&mut out);
        out.into_vec()
    }
}

/// The network is the reader's, and not in the encoding.
impl Encode for CheckpointConflict {
    fn encode(&self, out: &mut Writer) {
        out.u8(Self::KIND);
        self.validator.encode(out);
        self.key.encode(out);
        for (checkpoint, signature) in self.statements.iter() {
            checkpoint.encode_statement(out);
            signature.encode(out);
        }
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
