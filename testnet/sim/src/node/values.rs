//! What is known about the values of the height under decision. A verdict holds for ever; the memory is emptied when
//! the height is over.

use crate::wire::Part;
use fairlane_chain::Prepared;
use fairlane_types::{BlockId, Proposal, Round, ValidatorId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many different payloads of one round are looked at. An honest proposer has one.
const PARTS_PER_ROUND: usize = 2;

/// Where a value was proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) round: Round,
    pub(super) valid_round: Option<Round>,
    pub(super) proposer: ValidatorId,
}

/// What is known about a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// It is being judged; the places wait for the outcome.
    Judging(Vec<Place>),
    /// It is valid.
    Valid,
    /// It is wrong for ever.
    Invalid,
}

/// The values of one height.
#[derive(Default)]
pub(super) struct Values {
    known: BTreeMap<BlockId, Knowledge>,
    proposals: BTreeMap<BlockId, Arc<Proposal>>,
    prepared: BTreeMap<BlockId, Box<Prepared>>,
    parts: BTreeMap<Round, Vec<Part>>,
}

impl Values {
    pub(super) fn knowledge(&self, id: &BlockId) -> Option<&Knowledge> {
        self.known.get(id)
    }

    /// Remembers that a value is being judged, for one more place.
    pub(super) fn await_judgement(&mut self, id: BlockId, place: Place) {
        let known = self.known.entry(id).or_insert_with(|| Knowledge::Judging(Vec::new()));
        if let Knowledge::Judging(places) = known
            && !places.contains(&place)
        {
            places.push(place);
        }
    }

    /// Remembers a verdict and gives the places that waited for it.
    pub(super) fn decide(&mut self, id: BlockId, verdict: Knowledge) -> Vec<Place> {
        match self.known.insert(id, verdict) {
            Some(Knowledge::Judging(places)) => places,
            _ => Vec::new(),
        }
    }

    /// Forgets that a value was judged without a verdict: it may be judged again when it comes up again.
    pub(super) fn withhold(&mut self, id: &BlockId) {
        if matches!(self.known.get(id), Some(Knowledge::Judging(_))) {
            self.known.remove(id);
            for parts in self.parts.values_mut() {
                parts.retain(|part| part.proposal.id() != *id);
            }
        }
    }

    pub(super) fn keep_proposal(&mut self, proposal: Arc<Proposal>) {
        self.proposals.insert(proposal.id(), proposal);
    }

    pub(super) fn proposal(&self, id: &BlockId) -> Option<Arc<Proposal>> {
        self.proposals.get(id).cloned()
    }

    pub(super) fn keep_prepared(&mut self, prepared: Box<Prepared>) {
        self.prepared.insert(prepared.proposal.id(), prepared);
    }

    pub(super) fn take_prepared(&mut self, id: &BlockId) -> Option<Box<Prepared>> {
        self.prepared.remove(id)
    }

    /// Whether a part says something new in its round, and there is room for it.
    pub(super) fn has_room_for(&self, part: &Part) -> bool {
        let Some(parts) = self.parts.get(&part.round) else { return true };
        parts.len() < PARTS_PER_ROUND && parts.iter().all(|known| known.proposal != part.proposal)
    }

    /// Keeps a part, so that it can be sent again.
    pub(super) fn keep_part(&mut self, part: Part) {
        self.parts.entry(part.round).or_default().push(part);
    }

    /// The part that carried a value in a round.
    pub(super) fn part(&self, round: Round, id: &BlockId) -> Option<&Part> {
        self.parts.get(&round)?.iter().find(|part| part.proposal.id() == *id)
    }
}
