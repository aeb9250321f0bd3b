//! Proposals of others: from a part to a verdict that consensus may use.

use super::Node;
use super::anchors::Anchoring;
use super::heights::Phase;
use super::values::{Knowledge, Place};
use crate::disk::{PersistPoint, StoredProposal, Write};
use crate::wire::Part;
use arc_malachitebft_core_types::Validity;
use fairlane_chain::{PrepareError, Prepared};
use fairlane_lanes::{Judgement, RefusalKind};
use fairlane_types::evidence::MAX_PER_BLOCK;
use fairlane_types::{BlockId, Proposal, Round, SegmentRef, ValidatorId};
use fairlane_verify::verify_evidence;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many values are judged at a time.
const MAX_JUDGING: usize = 4;
/// How many rounds ahead of consensus parts are taken.
const ROUNDS_AHEAD: u32 = 10;
/// How many parts are kept for a height that has not begun, and of one validator.
const MAX_EARLY: usize = 64;
const MAX_EARLY_OF_ONE: usize = 2;
/// How many proposals wait for the proof of their quorum of prevotes.
const MAX_UNPROVEN: usize = 4;

/// A value that is being judged.
pub(super) struct Judging {
    id: BlockId,
    round: Round,
    fresh: bool,
    proposal: Arc<Proposal>,
}

/// What judging a proposal came to.
enum Verdict {
    Valid(Box<Prepared>),
    Invalid,
    /// Nothing is said about it.
    Withheld,
    /// These segments are missing.
    Waits(Vec<SegmentRef>),
}

impl Node {
    pub(super) fn on_part(&mut self, part: Part) {
        if part.height == self.heights.height.next() {
            self.keep_early(part);
        } else if self.heights.phase != Phase::Committing {
            self.look_at(part);
        }
    }

    /// Keeps a part for the next height: others are ahead by a moment at times.
    fn keep_early(&mut self, part: Part) {
        let early = &mut self.heights.early;
        let of_one = early.iter().filter(|early| early.proposer == part.proposer).count();
        if early.len() < MAX_EARLY && of_one < MAX_EARLY_OF_ONE {
            early.push(part);
        }
    }

    pub(super) fn take_up_early(&mut self) {
        for part in std::mem::take(&mut self.heights.early) {
            self.look_at(part);
        }
    }

    fn look_at(&mut self, part: Part) {
        if !self.is_from_proposer(&part) || !self.heights.values.has_room_for(&part) {
            return;
        }
        self.release();
        let verdict = self.heights.values.knowledge(&part.proposal.id());
        let judged = matches!(verdict, Some(Knowledge::Valid | Knowledge::Invalid));
        if part.valid_round.is_some() && !judged && !self.is_proven(&part) {
            // Such a proposal is not judged for timeliness, so nobody's word is taken for it.
            if self.heights.unproven.len() < MAX_UNPROVEN {
                self.heights.unproven.insert(part.round, part);
            }
            return;
        }
        self.take_part(part);
    }

    fn is_from_proposer(&self, part: &Part) -> bool {
        let last_round = self.heights.round.saturating_add(ROUNDS_AHEAD);
        part.height == self.heights.height
            && part.round <= last_round
            && part.valid_round < Some(part.round)
            && self.heights.proposers.proposer(part.height, part.round).address.0 == part.proposer
    }

    /// Takes up the proposals whose quorum of prevotes is shown by now.
    pub(super) fn take_proven(&mut self) {
        let unproven = std::mem::take(&mut self.heights.unproven);
        for (round, part) in unproven {
            if self.is_proven(&part) {
                self.take_part(part);
            } else {
                self.heights.unproven.insert(round, part);
            }
        }
    }

    fn take_part(&mut self, part: Part) {
        let id = part.proposal.id();
        let place = Place { round: part.round, valid_round: part.valid_round, proposer: part.proposer };
        let proposal = part.proposal.clone();
        self.heights.values.keep_part(part);
        match self.heights.values.knowledge(&id) {
            Some(Knowledge::Valid) => self.vouch(id, vec![place]),
            Some(Knowledge::Invalid) => self.condemn(id, vec![place]),
            Some(Knowledge::Judging(_)) => self.heights.values.await_judgement(id, place),
            None => self.judge(id, proposal, place),
        }
    }

    fn judge(&mut self, id: BlockId, proposal: Arc<Proposal>, place: Place) {
        if !self.follows_tip(&proposal) {
            self.heights.values.decide(id, Knowledge::Invalid);
            return self.condemn(id, vec![place]);
        }
        if !self.make_room_to_judge(place.round) {
            return;
        }
        self.heights.values.await_judgement(id, place);
        let fresh = place.valid_round.is_none();
        self.heights.judging.push(Judging { id, round: place.round, fresh, proposal });
        self.dirty = true;
    }

    /// Values of the lowest round give way, so that the current round's is always judged.
    fn make_room_to_judge(&mut self, round: Round) -> bool {
        if self.heights.judging.len() < MAX_JUDGING {
            return true;
        }
        if round > self.heights.round {
            return false;
        }
        let oldest = self.heights.judging.iter().enumerate().min_by_key(|(_, judging)| judging.round);
        let Some((at, _)) = oldest else { return false };
        let gone = self.heights.judging.swap_remove(at);
        self.heights.values.withhold(&gone.id);
        true
    }

    /// What a header must say whatever its cut is.
    pub(super) fn follows_tip(&self, proposal: &Proposal) -> bool {
        let header = &proposal.header;
        header.network == self.setup.network
            && header.height == self.heights.height
            && header.parent == self.chain.tip()
            && header.validators_hash == self.chain.validators().hash()
    }

    /// Judges what waits for judgement, as far as its segments are there.
    pub(super) fn judge_again(&mut self) {
        let mut waiting = Vec::new();
        for judging in std::mem::take(&mut self.heights.judging) {
            match self.verdict(&judging) {
                Verdict::Valid(prepared) => {
                    let places = self.heights.values.decide(judging.id, Knowledge::Valid);
                    self.heights.values.keep_proposal(judging.proposal);
                    self.heights.values.keep_prepared(prepared);
                    self.vouch(judging.id, places);
                }
                Verdict::Invalid => {
                    let places = self.heights.values.decide(judging.id, Knowledge::Invalid);
                    self.condemn(judging.id, places);
                }
                Verdict::Withheld => self.heights.values.withhold(&judging.id),
                Verdict::Waits(missing) => {
                    self.need(&missing, true);
                    waiting.push(judging);
                }
            }
        }
        waiting.append(&mut self.heights.judging);
        self.heights.judging = waiting;
    }

    /// Judges a proposal of our own from before a restart as the others judge it.
    pub(super) fn judge_own(&mut self, round: Round, proposal: Arc<Proposal>) -> Option<Box<Prepared>> {
        let judging = Judging { id: proposal.id(), round, fresh: true, proposal };
        match self.verdict(&judging) {
            Verdict::Valid(prepared) => Some(prepared),
            Verdict::Waits(missing) => {
                self.need(&missing, true);
                None
            }
            Verdict::Invalid | Verdict::Withheld => None,
        }
    }

    fn verdict(&mut self, judging: &Judging) -> Verdict {
        let proposal = &judging.proposal;
        if !self.evidence_is_valid(proposal) {
            return Verdict::Invalid;
        }
        match self.judge_anchor(proposal, judging.fresh) {
            Anchoring::Good => {}
            Anchoring::Unseen => return Verdict::Withheld,
            Anchoring::Wrong => return Verdict::Invalid,
        }
        let now = self.shell.local();
        let judgement = Judgement { now, round: judging.round, fresh: judging.fresh };
        let cut = &proposal.cut;
        if let Err(refusal) = self.view.check_cut(&self.base, cut, &proposal.evidence, judgement) {
            return match refusal.kind() {
                RefusalKind::Missing(missing) => Verdict::Waits(missing),
                RefusalKind::Untimely => Verdict::Withheld,
                RefusalKind::Invalid => Verdict::Invalid,
            };
        }
        let Ok(content) = self.view.content(&self.base, cut) else { return Verdict::Withheld };
        match self.compute(proposal, content) {
            Ok(prepared) if prepared.proposal.header == proposal.header => Verdict::Valid(prepared),
            Err(PrepareError::MissingBody(_)) => Verdict::Withheld,
            Ok(_) | Err(_) => Verdict::Invalid,
        }
    }

    fn evidence_is_valid(&self, proposal: &Proposal) -> bool {
        let mut slots = BTreeSet::new();
        proposal.evidence.len() <= MAX_PER_BLOCK
            && proposal.evidence.iter().all(|piece| {
                self.base.validators.get(&piece.offender()).is_some()
                    && verify_evidence(piece, &self.setup.network).is_ok_and(|slot| slots.insert(slot))
            })
    }

    /// Keeps a valid value and then tells consensus of it.
    fn vouch(&mut self, id: BlockId, places: Vec<Place>) {
        let Some(proposal) = self.heights.values.proposal(&id) else { return };
        for place in places {
            let Place { round, valid_round, proposer } = place;
            let stored = StoredProposal { round, valid_round, proposer, proposal: proposal.clone() };
            self.shell.persist(PersistPoint::Proposal, Write::Proposal(stored));
            self.tell_value(place, id, Validity::Valid);
        }
    }

    /// Tells consensus that a value is wrong for ever.
    fn condemn(&mut self, id: BlockId, places: Vec<Place>) {
        for place in places {
            self.tell_value(place, id, Validity::Invalid);
        }
    }

    /// A decided value came from a peer with a good certificate: its cut is not judged.
    pub(super) fn on_synced(&mut self, proposal: Arc<Proposal>, proposer: ValidatorId, round: Round) {
        if !self.follows_tip(&proposal) {
            return;
        }
        let id = proposal.id();
        let stored = StoredProposal { round, valid_round: None, proposer, proposal: proposal.clone() };
        self.shell.persist(PersistPoint::Proposal, Write::Proposal(stored));
        self.heights.values.decide(id, Knowledge::Valid);
        self.heights.values.keep_proposal(proposal);
        self.tell_synced(Place { round, valid_round: None, proposer }, id);
    }
}
