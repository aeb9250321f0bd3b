//! Blocks: the header that consensus decides, and the proposal that carries it.
//!
//! A block has no body of its own. Its content is what the header's cut adds to its parent's, in the order that
//! the fair-order rule gives it: a pure function that every node computes for itself.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32};
use crate::cut::Cut;
use crate::evidence::{self, Evidence};
use crate::ids::{BlockId, Height, NetworkId, Timestamp};
use crate::rollups::RollupChanges;
use crate::validator::{MAX_VALIDATORS, Validator, ValidatorSet};

/// An Ethereum block that the validators agree on: the first of an epoch. Number 0 and hash zero: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct L1Anchor {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash32,
}

impl Encode for L1Anchor {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.number);
        self.hash.encode(out);
    }
}

impl Decode for L1Anchor {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { number: input.take_u64()?, hash: Decode::decode(input)? })
    }
}

/// What consensus decides. Its hash is the block id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// The network.
    pub network: NetworkId,
    /// The height, from 1.
    pub height: Height,
    /// Chain time: the fair-order rule's Clock at this height.
    pub time: Timestamp,
    /// The block before; zero at height 1.
    pub parent: BlockId,
    /// Hash of the cut.
    pub cut_root: Hash32,
    /// Root of the heads tree over all registered rollups, after this block.
    pub heads_root: Hash32,
    /// Root over the evidence in this block.
    pub evidence_root: Hash32,
    /// Root of the state that the next block's computation depends on.
    pub state_root: Hash32,
    /// How many transactions this block orders.
    pub ordered_count: u32,
    /// Whether an ordering group exceeded its cap here, which weakens the fairness promise.
    pub capped: bool,
    /// Hash of the validator set that decides this block.
    pub validators_hash: Hash32,
    /// Hash of the validator set that decides the next block.
    pub next_validators_hash: Hash32,
    /// The Ethereum block that this block is anchored to.
    pub l1_anchor: L1Anchor,
    /// Hash of the changes that this block makes to the registered rollups.
    pub rollups_root: Hash32,
}

impl BlockHeader {
    /// The version of the encoding, its first two bytes.
    pub const VERSION: u16 = 1;
    /// Bytes of the encoding.
    pub const BYTES: usize = 2 + 32 + 8 + 8 + 5 * 32 + 4 + 1 + 2 * 32 + 8 + 32 + 32;

    /// The block id: the hash of the encoding, and the value id of consensus.
    pub fn id(&self) -> BlockId {
        Domain::BLOCK.hash(&[&self.to_bytes()]).into()
    }
}

impl Encode for BlockHeader {
    fn encode(&self, out: &mut Writer) {
        out.u16(Self::VERSION);
        self.network.encode(out);
        self.height.encode(out);
        self.time.encode(out);
        self.parent.encode(out);
        self.cut_root.encode(out);
        self.heads_root.encode(out);
        self.evidence_root.encode(out);
        self.state_root.encode(out);
        out.u32(self.ordered_count);
        out.u8(u8::from(self.capped));
        self.validators_hash.encode(out);
        self.next_validators_hash.encode(out);
        self.l1_anchor.encode(out);
        self.rollups_root.encode(out);
    }
}

impl Decode for BlockHeader {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        if input.take_u16()? != Self::VERSION {
            return Err(DecodeError::Invalid {
                what: "header version",
                why: "this software knows version 1",
            });
        }
        Ok(Self {
            network: Decode::decode(input)?,
            height: Decode::decode(input)?,
            time: Decode::decode(input)?,
            parent: Decode::decode(input)?,
            cut_root: Decode::decode(input)?,
            heads_root: Decode::decode(input)?,
            evidence_root: Decode::decode(input)?,
            state_root: Decode::decode(input)?,
            ordered_count: input.take_u32()?,
            capped: match input.take_u8()? {
                0 => false,
                1 => true,
                _ => return Err(DecodeError::Invalid { what: "capped flag", why: "it is neither 0 nor 1" }),
            },
            validators_hash: Decode::decode(input)?,
            next_validators_hash: Decode::decode(input)?,
            l1_anchor: Decode::decode(input)?,
            rollups_root: Decode::decode(input)?,
        })
    }
}

/// The value that a proposer sends: a header, and the cut, the evidence, the next validator set and the changes of the
/// registered rollups that it commits to.
///
/// One that was decoded has matching hashes, so its block id stands for all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The header.
    pub header: BlockHeader,
    /// The cut that the header follows from.
    pub cut: Cut,
    /// The evidence that the header commits to.
    pub evidence: Vec<Evidence>,
    /// The set that decides the next block, where it is another one than the set that decides this block.
    pub next_validators: Option<ValidatorSet>,
    /// Rollups that are registered or closed from the next block on.
    pub rollups: RollupChanges,
}

impl Proposal {
    /// The block id.
    pub fn id(&self) -> BlockId {
        self.header.id()
    }
}

impl Encode for Proposal {
    fn encode(&self, out: &mut Writer) {
        self.header.encode(out);
        self.cut.encode(out);
        out.list(&self.evidence);
        out.list(self.next_validators.as_ref().map_or(&[], ValidatorSet::members));
        self.rollups.encode(out);
    }
}

impl Decode for Proposal {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let proposal = Self {
            header: Decode::decode(input)?,
            cut: Decode::decode(input)?,
            evidence: input.list("evidence", evidence::MAX_PER_BLOCK, evidence::MIN_BYTES)?,
            next_validators: next_validators(input)?,
            rollups: Decode::decode(input)?,
        };
        if proposal.header.cut_root != proposal.cut.root() {
            return Err(DecodeError::Invalid { what: "proposal", why: "the header commits to another cut" });
        }
        if proposal.header.evidence_root != evidence::root(&proposal.evidence) {
            return Err(DecodeError::Invalid {
                what: "proposal",
                why: "the header commits to other evidence",
            });
        }
        let (present, next) = (proposal.header.validators_hash, proposal.header.next_validators_hash);
        let announced = (next != present).then_some(next);
        if proposal.next_validators.as_ref().map(ValidatorSet::hash) != announced {
            return Err(DecodeError::Invalid {
                what: "proposal",
                why: "the header commits to another next validator set",
            });
        }
        if proposal.header.rollups_root != proposal.rollups.root() {
            return Err(DecodeError::Invalid {
                what: "proposal",
                why: "the header commits to other changes of the rollups",
            });
        }
        Ok(proposal)
    }
}

/// A set, or an empty list for none.
fn next_validators(input: &mut Reader) -> Result<Option<ValidatorSet>, DecodeError> {
    let members: Vec<Validator> = input.list("next validators", MAX_VALIDATORS, Validator::BYTES)?;
    if members.is_empty() { Ok(None) } else { ValidatorSet::from_sorted(members).map(Some) }
}
