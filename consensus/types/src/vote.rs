//! The sign bytes of consensus messages: prevotes, precommits and proposals.
//!
//! They are pure functions of what the message says, so that a contract can rebuild them from typed fields, and so
//! that all votes for one thing have one message.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Signature};
use crate::ids::{BlockId, Height, NetworkId, Round, ValidatorId};

/// The two kinds of votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VoteKind {
    /// "I hold the block and find it valid."
    Prevote,
    /// "I saw a quorum of prevotes for it."
    Precommit,
}

impl VoteKind {
    /// The byte in the encoding.
    pub const fn tag(self) -> u8 {
        match self {
            Self::Prevote => 1,
            Self::Precommit => 2,
        }
    }

    /// Reads the byte.
    pub fn from_tag(tag: u8) -> Result<Self, DecodeError> {
        match tag {
            1 => Ok(Self::Prevote),
            2 => Ok(Self::Precommit),
            _ => Err(DecodeError::Invalid {
                what: "vote kind",
                why: "it is neither 1 (prevote) nor 2 (precommit)",
            }),
        }
    }
}

/// The 47 bytes that are signed for a vote; `block` is `None` for nil.
pub fn vote_sign_bytes(
    network: &NetworkId,
    kind: VoteKind,
    height: Height,
    round: Round,
    block: Option<&BlockId>,
) -> [u8; 47] {
    let mut out = Writer::with_capacity(78);
    network.encode(&mut out);
    out.u8(kind.tag());
    height.encode(&mut out);
    round.encode(&mut out);
    encode_block(&mut out, block);
    Domain::VOTE.sign_bytes(out.as_slice())
}

/// The 47 bytes that are signed for a proposal; `pol_round` is the round of the proof of lock, if there is one.
pub fn proposal_sign_bytes(
    network: &NetworkId,
    height: Height,
    round: Round,
    pol_round: Option<Round>,
    block: &BlockId,
) -> [u8; 47] {
    let mut out = Writer::with_capacity(81);
    network.encode(&mut out);
    height.encode(&mut out);
    round.encode(&mut out);
    encode_pol_round(&mut out, pol_round);
    block.encode(&mut out);
    Domain::PROPOSAL.sign_bytes(out.as_slice())
}

/// Nil is tag 0 and 32 zero bytes, so that the encoding has one width.
fn encode_block(out: &mut Writer, block: Option<&BlockId>) {
    out.u8(u8::from(block.is_some()));
    block.unwrap_or(&BlockId::ZERO).encode(out);
}

fn decode_block(input: &mut Reader) -> Result<Option<BlockId>, DecodeError> {
    let tag = input.take_u8()?;
    let block = BlockId::decode(input)?;
    match (tag, block) {
        (0, BlockId::ZERO) => Ok(None),
        (1, block) => Ok(Some(block)),
        _ => Err(DecodeError::Invalid {
            what: "vote target",
            why: "it is neither nil (0 and zeros) nor 1 and an id",
        }),
    }
}

/// None is tag 0 and round 0.
fn encode_pol_round(out: &mut Writer, pol_round: Option<Round>) {
    out.u8(u8::from(pol_round.is_some()));
    pol_round.unwrap_or(Round::ZERO).encode(out);
}

fn decode_pol_round(input: &mut Reader) -> Result<Option<Round>, DecodeError> {
    match (input.take_u8()?, Round::decode(input)?) {
        (0, Round::ZERO) => Ok(None),
        (1, round) => Ok(Some(round)),
        _ => Err(DecodeError::Invalid {
            what: "pol round",
            why: "it is neither none (0 and 0) nor 1 and a round",
        }),
    }
}

/// A vote with its signature, as evidence needs it. Holding one says nothing about its validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedVote {
    /// Who signed.
    pub validator: ValidatorId,
    /// Prevote or precommit.
    pub kind: VoteKind,
    /// The height.
    pub height: Height,
    /// The round.
    pub round: Round,
    /// For what; `None` is nil.
    pub block: Option<BlockId>,
    /// The signature.
    pub signature: Signature,
}

impl SignedVote {
    /// The 47 bytes that were signed.
    pub fn sign_bytes(&self, network: &NetworkId) -> [u8; 47] {
        vote_sign_bytes(network, self.kind, self.height, self.round, self.block.as_ref())
    }
}

impl Encode for SignedVote {
    fn encode(&self, out: &mut Writer) {
        self.validator.encode(out);
        out.u8(self.kind.tag());
        self.height.encode(out);
        self.round.encode(out);
        encode_block(out, self.block.as_ref());
        self.signature.encode(out);
    }
}

impl Decode for SignedVote {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            validator: Decode::decode(input)?,
            kind: VoteKind::from_tag(input.take_u8()?)?,
            height: Decode::decode(input)?,
            round: Decode::decode(input)?,
            block: decode_block(input)?,
            signature: Decode::decode(input)?,
        })
    }
}

/// A proposal's statement with its signature, as evidence needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedProposal {
    /// Who signed.
    pub validator: ValidatorId,
    /// The height.
    pub height: Height,
    /// The round.
    pub round: Round,
    /// The round of the proof of lock, if there is one.
    pub pol_round: Option<Round>,
    /// The proposed block.
    pub block: BlockId,
    /// The signature.
    pub signature: Signature,
}

impl SignedProposal {
    /// The 47 bytes that were signed.
    pub fn sign_bytes(&self, network: &NetworkId) -> [u8; 47] {
        proposal_sign_bytes(network, self.height, self.round, self.pol_round, &self.block)
    }
}

impl Encode for SignedProposal {
    fn encode(&self, out: &mut Writer) {
        self.validator.encode(out);
        self.height.encode(out);
        self.round.encode(out);
        encode_pol_round(out, self.pol_round);
        self.block.encode(out);
        self.signature.encode(out);
    }
}

impl Decode for SignedProposal {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            validator: Decode::decode(input)?,
            height: Decode::decode(input)?,
            round: Decode::decode(input)?,
            pol_round: decode_pol_round(input)?,
            block: Decode::decode(input)?,
            signature: Decode::decode(input)?,
        })
    }
}
