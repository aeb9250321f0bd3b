//! What Malachite calls a context: our heights, values, votes, proposals and validator sets, in its terms.
//!
//! Each type here is a thin wrapper over a domain type, because Malachite's traits and our types both come from
//! other crates. No rule of the protocol lives here.

use crate::{Ed25519, Member, ProposalMessage, ProposalPart, ProposerSet, Vote};
use arc_malachitebft_core_types::{
    self as malachite, LinearTimeouts, NilOrVal, Round as MalachiteRound, VoteType,
};
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, Height, Round, ValidatorId};
use std::fmt;

/// Malachite's view of Fairlane. It carries nothing: all that is decided follows from the arguments.
#[derive(Clone, Copy, Debug)]
pub struct FairlaneContext;

impl malachite::Context for FairlaneContext {
    type Address = Address;
    type Height = BlockHeight;
    type ProposalPart = ProposalPart;
    type Proposal = ProposalMessage;
    type Validator = Member;
    type ValidatorSet = ProposerSet;
    type Timeouts = LinearTimeouts;
    type Value = BlockValue;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(
        &self,
        set: &'a ProposerSet,
        height: BlockHeight,
        round: MalachiteRound,
    ) -> &'a Member {
        set.proposer(height.0, domain_round(round).unwrap_or(Round::ZERO))
    }

    fn new_proposal(
        &self,
        height: BlockHeight,
        round: MalachiteRound,
        value: BlockValue,
        pol_round: MalachiteRound,
        address: Address,
    ) -> ProposalMessage {
        ProposalMessage { height, round, value, pol_round, proposer: address }
    }

    fn new_prevote(
        &self,
        height: BlockHeight,
        round: MalachiteRound,
        value: NilOrVal<BlockId>,
        address: Address,
    ) -> Vote {
        Vote { kind: VoteKind::Prevote, height, round, value, validator: address }
    }

    fn new_precommit(
        &self,
        height: BlockHeight,
        round: MalachiteRound,
        value: NilOrVal<BlockId>,
        address: Address,
    ) -> Vote {
        Vote { kind: VoteKind::Precommit, height, round, value, validator: address }
    }
}

/// A height. Arithmetic stays at the largest value: peers can claim any height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockHeight(pub Height);

impl fmt::Display for BlockHeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl malachite::Height for BlockHeight {
    const ZERO: Self = Self(Height::ZERO);
    const INITIAL: Self = Self(Height::FIRST);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.get().checked_sub(n).map(|height| Self(Height::new(height)))
    }

    fn as_u64(&self) -> u64 {
        self.0.get()
    }
}

/// A validator's address: its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub ValidatorId);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl malachite::Address for Address {}

/// What consensus decides: a block id. The proposal that it stands for travels in signed parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockValue(pub BlockId);

impl malachite::Value for BlockValue {
    type Id = BlockId;

    fn id(&self) -> BlockId {
        self.0
    }
}

/// Malachite's round as ours; its nil round is `None`.
pub fn domain_round(round: MalachiteRound) -> Option<Round> {
    round.as_u32().map(Round::new)
}

/// Our round as Malachite's; `None` is its nil round.
pub fn malachite_round(round: Option<Round>) -> MalachiteRound {
    MalachiteRound::from(round.map(Round::get))
}

/// Our kind of vote as Malachite's.
pub fn vote_type(kind: VoteKind) -> VoteType {
    match kind {
        VoteKind::Prevote => VoteType::Prevote,
        VoteKind::Precommit => VoteType::Precommit,
    }
}
