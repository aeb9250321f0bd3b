//! The two messages of consensus: votes and proposals.

use crate::{Address, BlockHeight, BlockValue, FairlaneContext, domain_round, vote_type};
use arc_malachitebft_core_types::{self as malachite, NilOrVal, Round as MalachiteRound, SignedExtension};
use fairlane_types::vote::{self, VoteKind};
use fairlane_types::{BlockId, NetworkId, Signature};

/// A prevote or a precommit. Vote extensions are not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Which of the two.
    pub kind: VoteKind,
    /// The height.
    pub height: BlockHeight,
    /// The round; one in the nil round is never signed.
    pub round: MalachiteRound,
    /// The block voted for, or nil.
    pub value: NilOrVal<BlockId>,
    /// Who votes.
    pub validator: Address,
}

impl Vote {
    /// The block voted for; `None` is nil.
    pub fn block(&self) -> Option<BlockId> {
        match self.value {
            NilOrVal::Nil => None,
            NilOrVal::Val(block) => Some(block),
        }
    }

    /// The 47 bytes to sign, or `None` for the nil round, in which nobody votes.
    pub fn sign_bytes(&self, network: &NetworkId) -> Option<[u8; 47]> {
        let round = domain_round(self.round)?;
        Some(vote::vote_sign_bytes(network, self.kind, self.height.0, round, self.block().as_ref()))
    }

    /// The vote as evidence and the wire carry it, or `None` for the nil round.
    pub fn signed(&self, signature: Signature) -> Option<vote::SignedVote> {
        Some(vote::SignedVote {
            validator: self.validator.0,
            kind: self.kind,
            height: self.height.0,
            round: domain_round(self.round)?,
            block: self.block(),
            signature,
        })
    }
}

impl malachite::Vote<FairlaneContext> for Vote {
    fn height(&self) -> BlockHeight {
        self.height
    }

    fn round(&self) -> MalachiteRound {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockId> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<BlockId> {
        self.value
    }

    fn vote_type(&self) -> malachite::VoteType {
        vote_type(self.kind)
    }

    fn validator_address(&self) -> &Address {
        &self.validator
    }

    fn extension(&self) -> Option<&SignedExtension<FairlaneContext>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<FairlaneContext>> {
        None
    }

    fn extend(self, _extension: SignedExtension<FairlaneContext>) -> Self {
        self
    }
}

/// The proposer's statement that a block is its proposal in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalMessage {
    /// The height.
    pub height: BlockHeight,
    /// The round; one in the nil round is never signed.
    pub round: MalachiteRound,
    /// The block.
    pub value: BlockValue,
    /// The round in which a quorum prevoted for the block, or the nil round.
    pub pol_round: MalachiteRound,
    /// Who proposes.
    pub proposer: Address,
}

impl ProposalMessage {
    /// The 47 bytes to sign, or `None` for the nil round, in which nobody proposes.
    pub fn sign_bytes(&self, network: &NetworkId) -> Option<[u8; 47]> {
        let round = domain_round(self.round)?;
        let pol_round = domain_round(self.pol_round);
        Some(vote::proposal_sign_bytes(network, self.height.0, round, pol_round, &self.value.0))
    }

    /// The proposal as evidence and the wire carry it, or `None` for the nil round.
    pub fn signed(&self, signature: Signature) -> Option<vote::SignedProposal> {
        Some(vote::SignedProposal {
            validator: self.proposer.0,
            height: self.height.0,
            round: domain_round(self.round)?,
            pol_round: domain_round(self.pol_round),
            block: self.value.0,
            signature,
        })
    }
}

impl malachite::Proposal<FairlaneContext> for ProposalMessage {
    fn height(&self) -> BlockHeight {
        self.height
    }

    fn round(&self) -> MalachiteRound {
        self.round
    }

    fn value(&self) -> &BlockValue {
        &self.value
    }

    fn take_value(self) -> BlockValue {
        self.value
    }

    fn pol_round(&self) -> MalachiteRound {
        self.pol_round
    }

    fn validator_address(&self) -> &Address {
        &self.proposer
    }
}
