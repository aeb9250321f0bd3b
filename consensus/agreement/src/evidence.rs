//! Evidence: what consensus reports with a decision, and double votes seen in what peers send.
//!
//! Consensus drops votes that come late, and an equivocator's second vote often does. So votes and proposals are
//! also watched as they arrive: the first few different statements of one slot are kept, and when two of them
//! carry valid signatures, that is evidence. Signatures are checked only then, so honest traffic costs nothing.

#[cfg(test)]
mod tests;

use crate::{FairlaneContext, ProposerSet};
use arc_malachitebft_core_types::{SignedProposal, SignedVote};
use fairlane_types::crypto::PublicKey;
use fairlane_types::evidence::OffenceSlot;
use fairlane_types::vote;
use fairlane_types::{Evidence, Height, NetworkId, ValidatorId};
use std::collections::{BTreeMap, BTreeSet};

/// How many different statements are kept of one slot. Anybody can forge one for a slot, so two would not do.
const STATEMENTS_PER_SLOT: usize = 4;
/// How many slots of one validator are watched at a time.
const SLOTS_PER_VALIDATOR: usize = 64;
/// How many heights back a late statement still counts.
const HEIGHTS_BACK: u64 = 4;

/// The pairs of votes and of proposals that the core reports as misbehaviour when a height ends, as evidence.
pub fn reported<'a>(
    votes: impl Iterator<Item = &'a (SignedVote<FairlaneContext>, SignedVote<FairlaneContext>)>,
    proposals: impl Iterator<Item = &'a (SignedProposal<FairlaneContext>, SignedProposal<FairlaneContext>)>,
) -> Vec<Evidence> {
    let votes = votes.filter_map(|(first, second)| {
        let pair = [first.message.signed(first.signature)?, second.message.signed(second.signature)?];
        Some(Evidence::DoubleVote(Box::new(pair)))
    });
    let proposals = proposals.filter_map(|(first, second)| {
        let pair = [first.message.signed(first.signature)?, second.message.signed(second.signature)?];
        Some(Evidence::DoubleProposal(Box::new(pair)))
    });
    votes.chain(proposals).collect()
}

/// A statement that excludes others of its slot.
trait Statement: Clone + PartialEq {
    fn slot(&self) -> OffenceSlot;
    fn is_valid(&self, network: &NetworkId, key: &PublicKey) -> bool;
    /// Whether both say the same. The signature is no part of what is said.
    fn agrees_with(&self, other: &Self) -> bool;
    fn evidence(pair: [Self; 2]) -> Evidence;
}

impl Statement for vote::SignedVote {
    fn slot(&self) -> OffenceSlot {
        OffenceSlot::Vote(self.validator, self.kind, self.height, self.round)
    }

    fn is_valid(&self, network: &NetworkId, key: &PublicKey) -> bool {
        key.verify(&self.sign_bytes(network), &self.signature)
    }

    fn agrees_with(&self, other: &Self) -> bool {
        self.block == other.block
    }

    fn evidence(pair: [Self; 2]) -> Evidence {
        Evidence::DoubleVote(Box::new(pair))
    }
}

impl Statement for vote::SignedProposal {
    fn slot(&self) -> OffenceSlot {
        OffenceSlot::Proposal(self.validator, self.height, self.round)
    }

    fn is_valid(&self, network: &NetworkId, key: &PublicKey) -> bool {
        key.verify(&self.sign_bytes(network), &self.signature)
    }

    fn agrees_with(&self, other: &Self) -> bool {
        self.block == other.block && self.pol_round == other.pol_round
    }

    fn evidence(pair: [Self; 2]) -> Evidence {
        Evidence::DoubleProposal(Box::new(pair))
    }
}

/// Watches votes and proposals for two that exclude each other.
#[derive(Debug)]
pub struct Watch {
    network: NetworkId,
    height: Height,
    votes: BTreeMap<OffenceSlot, Vec<vote::SignedVote>>,
    proposals: BTreeMap<OffenceSlot, Vec<vote::SignedProposal>>,
    slots: BTreeMap<ValidatorId, usize>,
    proven: BTreeSet<OffenceSlot>,
}

impl Watch {
    /// A watch on one network that begins at a height.
    pub fn new(network: NetworkId, height: Height) -> Self {
        Self {
            network,
            height,
            votes: BTreeMap::new(),
            proposals: BTreeMap::new(),
            slots: BTreeMap::new(),
            proven: BTreeSet::new(),
        }
    }

    /// Moves on to a height and forgets what is too far back.
    pub fn advance(&mut self, height: Height) {
        self.height = height;
        let oldest = height.saturating_sub(HEIGHTS_BACK);
        let recent = |slot: &OffenceSlot| slot_height(slot) >= oldest;
        self.votes.retain(|slot, _| recent(slot));
        self.proposals.retain(|slot, _| recent(slot));
        self.proven.retain(recent);
        self.slots.clear();
        for slot in self.votes.keys().chain(self.proposals.keys()) {
            let slots = self.slots.entry(slot_owner(slot)).or_default();
            *slots = slots.saturating_add(1);
        }
    }

    /// Marks an offence as handed out; false when it was before.
    pub fn claim(&mut self, evidence: &Evidence) -> bool {
        self.proven.insert(evidence.slot())
    }

    /// Looks at a vote. Gives evidence at most once for a slot.
    pub fn vote(&mut self, vote: &SignedVote<FairlaneContext>, set: &ProposerSet) -> Option<Evidence> {
        let vote = vote.message.signed(vote.signature)?;
        if !self.admit(vote.slot(), set, self.votes.contains_key(&vote.slot())) {
            return None;
        }
        conflict(&mut self.votes, vote, &self.network, set).inspect(|evidence| {
            self.proven.insert(evidence.slot());
        })
    }

    /// Looks at a proposal. Gives evidence at most once for a slot.
    pub fn proposal(
        &mut self,
        proposal: &SignedProposal<FairlaneContext>,
        set: &ProposerSet,
    ) -> Option<Evidence> {
        let proposal = proposal.message.signed(proposal.signature)?;
        if !self.admit(proposal.slot(), set, self.proposals.contains_key(&proposal.slot())) {
            return None;
        }
        conflict(&mut self.proposals, proposal, &self.network, set).inspect(|evidence| {
            self.proven.insert(evidence.slot());
        })
    }

    /// Whether a slot is worth watching: of a member, of these heights, not proven yet, and within bounds.
    fn admit(&mut self, slot: OffenceSlot, set: &ProposerSet, watched: bool) -> bool {
        let (height, owner) = (slot_height(&slot), slot_owner(&slot));
        let oldest = self.height.saturating_sub(HEIGHTS_BACK);
        if height < oldest || height > self.height.next() || self.proven.contains(&slot) {
            return false;
        }
        if watched {
            return true;
        }
        if set.validators().index_of(&owner).is_none() {
            return false;
        }
        let slots = self.slots.entry(owner).or_default();
        *slots = slots.saturating_add(1);
        *slots <= SLOTS_PER_VALIDATOR
    }
}

/// Keeps a statement, and gives evidence if it and one that is kept exclude each other and both are signed.
fn conflict<S: Statement>(
    kept: &mut BTreeMap<OffenceSlot, Vec<S>>,
    statement: S,
    network: &NetworkId,
    set: &ProposerSet,
) -> Option<Evidence> {
    let slot = statement.slot();
    let statements = kept.entry(slot).or_default();
    if statements.contains(&statement) {
        return None;
    }
    if statements.iter().any(|other| !statement.agrees_with(other)) {
        let key = set.validators().key(&slot_owner(&slot))?;
        statements.retain(|other| other.is_valid(network, key));
        if !statement.is_valid(network, key) {
            return None;
        }
        let other = statements.iter().find(|other| !statement.agrees_with(other)).cloned();
        if let Some(other) = other {
            return Some(S::evidence([other, statement]));
        }
    }
    if statements.len() >= STATEMENTS_PER_SLOT {
        let key = set.validators().key(&slot_owner(&slot))?;
        statements.retain(|other| other.is_valid(network, key));
    }
    if statements.len() < STATEMENTS_PER_SLOT {
        statements.push(statement);
    }
    None
}

fn slot_height(slot: &OffenceSlot) -> Height {
    match slot {
        OffenceSlot::Lane(..) => Height::ZERO,
        OffenceSlot::Vote(_, _, height, _) | OffenceSlot::Proposal(_, height, _) => *height,
    }
}

fn slot_owner(slot: &OffenceSlot) -> ValidatorId {
    match slot {
        OffenceSlot::Lane(owner, ..) | OffenceSlot::Vote(owner, ..) | OffenceSlot::Proposal(owner, ..) => {
            *owner
        }
    }
}
