//! Evidence: what consensus reports with a decision, and double votes seen in what peers send.
//!
//! Consensus drops votes that come late, and an equivocator's second vote often does. So votes and proposals are
//! also watched as they arrive: the first few different statements of one slot are kept, and when two of them
//! carry valid signatures, that is evidence. Signatures are checked only then, so honest traffic costs nothing.

#[cfg(test)]
mod tests;

use crate::FairlaneContext;
use arc_malachitebft_core_types::{SignedProposal, SignedVote};
use fairlane_types::crypto::PublicKey;
use fairlane_types::evidence::OffenceSlot;
use fairlane_types::vote;
use fairlane_types::{Evidence, Height, NetworkId, ValidatorId, ValidatorSet};
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
    /// The sets of these heights, each with the first height that it decides.
    sets: Vec<(Height, ValidatorSet)>,
    votes: BTreeMap<OffenceSlot, Vec<vote::SignedVote>>,
    proposals: BTreeMap<OffenceSlot, Vec<vote::SignedProposal>>,
    slots: BTreeMap<ValidatorId, usize>,
    proven: BTreeSet<OffenceSlot>,
}

impl Watch {
    /// A watch on one network that begins at a height, which this set decides.
    pub fn new(network: NetworkId, height: Height, set: ValidatorSet) -> Self {
        Self {
            network,
            height,
            sets: vec![(height, set)],
            votes: BTreeMap::new(),
            proposals: BTreeMap::new(),
            slots: BTreeMap::new(),
            proven: BTreeSet::new(),
        }
    }

    /// Moves on to a height, which this set decides, and forgets what is too far back.
    pub fn advance(&mut self, height: Height, set: &ValidatorSet) {
        self.height = height;
        let oldest = height.saturating_sub(HEIGHTS_BACK);
        if self.sets.last().is_none_or(|(_, last)| last != set) {
            self.sets.push((height, set.clone()));
        }
        while self.sets.get(1).is_some_and(|(first, _)| *first <= oldest) {
            self.sets.remove(0);
        }
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
    pub fn vote(&mut self, vote: &SignedVote<FairlaneContext>) -> Option<Evidence> {
        let vote = vote.message.signed(vote.signature)?;
        let key = self.admit(vote.slot(), self.votes.contains_key(&vote.slot()))?;
        conflict(&mut self.votes, vote, &self.network, &key).inspect(|evidence| {
            self.proven.insert(evidence.slot());
        })
    }

    /// Looks at a proposal. Gives evidence at most once for a slot.
    pub fn proposal(&mut self, proposal: &SignedProposal<FairlaneContext>) -> Option<Evidence> {
        let proposal = proposal.message.signed(proposal.signature)?;
        let key = self.admit(proposal.slot(), self.proposals.contains_key(&proposal.slot()))?;
        conflict(&mut self.proposals, proposal, &self.network, &key).inspect(|evidence| {
            self.proven.insert(evidence.slot());
        })
    }

    /// The key of a slot that is worth watching: of a member at its height, of these heights, not proven yet, and
    /// within bounds.
    fn admit(&mut self, slot: OffenceSlot, watched: bool) -> Option<PublicKey> {
        let (height, owner) = (slot_height(&slot), slot_owner(&slot));
        let oldest = self.height.saturating_sub(HEIGHTS_BACK);
        if height < oldest || height > self.height.next() || self.proven.contains(&slot) {
            return None;
        }
        let (_, set) = self.sets.iter().rev().find(|(first, _)| *first <= height).or(self.sets.first())?;
        let key = set.key(&owner)?.clone();
        if !watched {
            let slots = self.slots.entry(owner).or_default();
            *slots = slots.saturating_add(1);
            if *slots > SLOTS_PER_VALIDATOR {
                return None;
            }
        }
        Some(key)
    }
}

/// Keeps a statement, and gives evidence if it and one that is kept exclude each other and both are signed.
fn conflict<S: Statement>(
    kept: &mut BTreeMap<OffenceSlot, Vec<S>>,
    statement: S,
    network: &NetworkId,
    key: &PublicKey,
) -> Option<Evidence> {
    let slot = statement.slot();
    let statements = kept.entry(slot).or_default();
    if statements.contains(&statement) {
        return None;
    }
    if statements.iter().any(|other| !statement.agrees_with(other)) {
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
