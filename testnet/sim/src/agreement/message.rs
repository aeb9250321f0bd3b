//! The two messages of consensus: votes and proposals.

use super::{Address, BlockHeight, BlockValue, FairlaneContext, domain_round};
use arc_malachitebft_core_types::{
    self as malachite, NilOrVal, Round as MalachiteRound, SignedExtension, VoteType,
};
use fairlane_types::vote::{self, VoteKind};
use fairlane_types::{BlockId, NetworkId, Round, Signature};

/// A prevote or a precommit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) kind: VoteKind,
    pub(crate) height: BlockHeight,
    pub(crate) round: MalachiteRound,
    pub(crate) value: NilOrVal<BlockId>,
    pub(crate) validator: Address,
}

impl Vote {
    /// The block voted for; `None` is nil.
    pub(crate) fn block(&self) -> Option<BlockId> {
        match self.value {
            NilOrVal::Nil => None,
            NilOrVal::Val(block) => Some(block),
        }
    }

    /// The 47 bytes to sign.
    pub(crate) fn sign_bytes(&self, network: &NetworkId) -> [u8; 47] {
        let round = domain_round(self.round).unwrap_or(Round::ZERO);
        vote::vote_sign_bytes(network, self.kind, self.height.0, round, self.block().as_ref())
    }

    /// The vote as evidence carries it.
    pub(crate) fn signed(&self, signature: Signature) -> vote::SignedVote {
        vote::SignedVote {
            validator: self.validator.0,
            kind: self.kind,
            height: self.height.0,
            round: domain_round(self.round).unwrap_or(Round::ZERO),
            block: self.block(),
            signature,
        }
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

    fn vote_type(&self) -> VoteType {
        match self.kind {
            VoteKind::Prevote => VoteType::Prevote,
            VoteKind::Precommit => VoteType::Precommit,
        }
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
pub(crate) struct ProposalMessage {
    pub(crate) height: BlockHeight,
    pub(crate) round: MalachiteRound,
    pub(crate) value: BlockValue,
    pub(crate) pol_round: MalachiteRound,
    pub(crate) proposer: Address,
}

impl ProposalMessage {
    /// The 47 bytes to sign.
    pub(crate) fn sign_bytes(&self, network: &NetworkId) -> [u8; 47] {
        let round = domain_round(self.round).unwrap_or(Round::ZERO);
        let pol_round = domain_round(self.pol_round);
        vote::proposal_sign_bytes(network, self.height.0, round, pol_round, &self.value.0)
    }

    /// The proposal as evidence carries it.
    pub(crate) fn signed(&self, signature: Signature) -> vote::SignedProposal {
        vote::SignedProposal {
            validator: self.proposer.0,
            height: self.height.0,
            round: domain_round(self.round).unwrap_or(Round::ZERO),
            pol_round: domain_round(self.pol_round),
            block: self.value.0,
            signature,
        }
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
