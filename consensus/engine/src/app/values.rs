//! What is known about the values of the height under decision: a bounded memory without any I/O.
//!
//! A verdict holds for (height, value) for ever, whatever round the value comes up in again. The memory is emptied
//! when the height is over.

use fairlane_agreement::ProposalPart;
use fairlane_chain::Prepared;
use fairlane_types::{BlockId, Proposal, Round, ValidatorId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many different payloads of one round are looked at. An honest proposer has one.
const PARTS_PER_ROUND: usize = 2;
/// How many computed blocks are kept. When it is full, further ones are computed again if they are decided.
const MAX_PREPARED: usize = 4;

/// Where a value was proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) round: Round,
    pub(crate) valid_round: Option<Round>,
    pub(crate) proposer: ValidatorId,
}

/// What is known about a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// It is being judged; the places wait for the outcome.
    Judging(Vec<Place>),
    /// It is valid.
    Valid,
    /// It is wrong for ever.
    Invalid,
}

/// The values of one height.
#[derive(Default)]
pub(crate) struct Values {
    known: BTreeMap<BlockId, Knowledge>,
    proposals: BTreeMap<BlockId, Arc<Proposal>>,
    prepared: BTreeMap<BlockId, Box<Prepared>>,
    parts: BTreeMap<Round, Vec<(BlockId, ProposalPart)>>,
}

impl Values {
    /// What is known about a value.
    pub(crate) fn knowledge(&self, id: &BlockId) -> Option<&Knowledge> {
        self.known.get(id)
    }

    /// Remembers that a value is being judged, for one more place.
    pub(crate) fn await_judgement(&mut self, id: BlockId, place: Place) {
        if let Knowledge::Judging(places) =
            self.known.entry(id).or_insert_with(|| Knowledge::Judging(Vec::new()))
            && !places.contains(&place)
        {
            places.push(place);
        }
    }

    /// Remembers a verdict and gives the places that waited for it.
    pub(crate) fn decide(&mut self, id: BlockId, verdict: Knowledge) -> Vec<Place> {
        match self.known.insert(id, verdict) {
            Some(Knowledge::Judging(places)) => places,
            _ => Vec::new(),
        }
    }

    /// Forgets that a value was judged without a verdict: it may be judged again when it comes up again. Its
    /// parts are forgotten with it, so that the same one is not taken for a repetition.
    pub(crate) fn withhold(&mut self, id: &BlockId) {
        if matches!(self.known.get(id), Some(Knowledge::Judging(_))) {
            self.known.remove(id);
            for parts in self.parts.values_mut() {
                parts.retain(|(other, _)| other != id);
            }
        }
    }

    /// Remembers a valid proposal.
    pub(crate) fn keep_proposal(&mut self, id: BlockId, proposal: Arc<Proposal>) {
        self.proposals.insert(id, proposal);
    }

    /// A valid proposal.
    pub(crate) fn proposal(&self, id: &BlockId) -> Option<Arc<Proposal>> {
        self.proposals.get(id).cloned()
    }

    /// Keeps a computed block for its commit.
    pub(crate) fn keep_prepared(&mut self, id: BlockId, prepared: Box<Prepared>) {
        if self.prepared.len() < MAX_PREPARED {
            self.prepared.insert(id, prepared);
        }
    }

    /// Takes a computed block out.
    pub(crate) fn take_prepared(&mut self, id: &BlockId) -> Option<Box<Prepared>> {
        self.prepared.remove(id)
    }

    /// Whether a part says something new in its round, and there is room for it.
    pub(crate) fn has_room_for(&self, part: &ProposalPart) -> bool {
        let Some(parts) = self.parts.get(&part.round) else {
            return true;
        };
        parts.len() < PARTS_PER_ROUND && parts.iter().all(|(_, known)| known.payload != part.payload)
    }

    /// Keeps an authentic part, so that it can be sent again as it was signed.
    pub(crate) fn keep_part(&mut self, id: BlockId, part: ProposalPart) {
        self.parts.entry(part.round).or_default().push((id, part));
    }

    /// The part that carried a value in a round.
    pub(crate) fn part(&self, round: Round, id: &BlockId) -> Option<&ProposalPart> {
        let parts = self.parts.get(&round)?;
        parts.iter().find(|(other, _)| other == id).map(|(_, part)| part)
    }
}
