//! Agreement: Malachite's own sans-IO consensus core, driven by the simulation.
//!
//! Nothing of consensus is modelled. Rounds, locking, votes, certificates, timeouts, what goes to the write-ahead
//! log and what follows from replaying it are the core's that nodes run. Here is what the core needs around it:
//! types in its terms (this module and [`message`]), who proposes ([`proposers`]), signatures ([`signing`]), and the
//! loop that carries out its effects ([`machine`]).

pub(crate) mod machine;
mod message;
mod proposers;
mod signing;

pub(crate) use message::{ProposalMessage, Vote};
pub(crate) use proposers::{Activity, Member, ProposerSet};
pub(crate) use signing::Crypto;

use arc_malachitebft_core_types::{
    self as malachite, CommitCertificate as MalachiteCertificate, ExtendedCommitCertificate,
    ExtendedCommitSignature, LinearTimeouts, NilOrVal, Round as MalachiteRound,
};
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, CommitCertificate, CommitSignature, Height, Proposal, Round, ValidatorId};
use signing::Ed25519;
use std::fmt;
use std::sync::Arc;

/// Malachite's view of Fairlane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FairlaneContext;

impl malachite::Context for FairlaneContext {
    type Address = Address;
    type Height = BlockHeight;
    type ProposalPart = Part;
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

/// A height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockHeight(pub(crate) Height);

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
pub(crate) struct Address(pub(crate) ValidatorId);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl malachite::Address for Address {}

/// What consensus decides: a block id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockValue(pub(crate) BlockId);

impl malachite::Value for BlockValue {
    type Id = BlockId;

    fn id(&self) -> BlockId {
        self.0
    }
}

/// What carries a proposed value from a round's proposer to the others.
///
/// On the wire a part is signed. Here the network vouches for `proposer`: nobody can send a part in another's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) valid_round: Option<Round>,
    pub(crate) proposer: ValidatorId,
    pub(crate) proposal: Arc<Proposal>,
}

impl malachite::ProposalPart<FairlaneContext> for Part {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

/// Malachite's round as ours; its nil round is `None`.
pub(crate) fn domain_round(round: MalachiteRound) -> Option<Round> {
    round.as_u32().map(Round::new)
}

/// Our round as Malachite's; `None` is its nil round.
pub(crate) fn malachite_round(round: Option<Round>) -> MalachiteRound {
    MalachiteRound::from(round.map(Round::get))
}

/// A certificate of Malachite's in our form, its signatures sorted by validator.
pub(crate) fn decided_certificate(certificate: &MalachiteCertificate<FairlaneContext>) -> CommitCertificate {
    let mut signatures: Vec<CommitSignature> = certificate
        .commit_signatures
        .iter()
        .map(|signed| CommitSignature { validator: signed.address.0, signature: signed.signature })
        .collect();
    signatures.sort_by_key(|signed| signed.validator);
    CommitCertificate {
        height: certificate.height.0,
        round: domain_round(certificate.round).unwrap_or(Round::ZERO),
        block: certificate.value_id,
        signatures,
    }
}

/// A certificate of ours as value sync carries it.
pub(crate) fn extended_certificate(
    certificate: &CommitCertificate,
) -> ExtendedCommitCertificate<FairlaneContext> {
    ExtendedCommitCertificate {
        height: BlockHeight(certificate.height),
        round: malachite_round(Some(certificate.round)),
        value_id: certificate.block,
        commit_signatures: certificate
            .signatures
            .iter()
            .map(|signed| ExtendedCommitSignature::new(Address(signed.validator), signed.signature, None))
            .collect(),
    }
}
