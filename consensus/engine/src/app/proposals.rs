//! Proposals of others: from a part on the wire to a verdict that consensus may use.
//!
//! A part counts only when the round's proposer signed it. What it carries is then judged by a task: its segments
//! are waited for, its block is computed, and the whole header is compared. Only a valid or a for-ever-invalid
//! value is told to consensus. The number of values under judgement is bounded, and the current round comes first.

use super::services::Judgement;
use super::values::{Knowledge, Place};
use super::{App, Judging, Outcome, Phase};
use arc_malachitebft_app::streaming::StreamMessage;
use arc_malachitebft_app::types::core::Validity;
use fairlane_agreement::ProposalPart;
use fairlane_types::crypto::PublicKey;
use fairlane_types::{BlockId, Proposal, Round, ValidatorId};
use std::sync::Arc;

/// How many values are judged at a time.
const MAX_JUDGING: usize = 4;
/// How many rounds ahead of consensus parts are taken: as far as consensus itself takes messages.
const ROUNDS_AHEAD: u32 = 10;
/// How many parts are kept for a height that has not begun, and of one validator.
const MAX_EARLY: usize = 64;
const MAX_EARLY_OF_ONE: usize = 2;
/// How many proposals wait for the proof of their quorum of prevotes.
const MAX_UNPROVEN: usize = 4;

impl App {
    pub(super) async fn on_part_message(&mut self, message: StreamMessage<ProposalPart>) {
        let Some(part) = message.content.into_data() else {
            return;
        };
        if part.height == self.height.next() {
            self.keep_early(part);
        } else if !matches!(self.phase, Phase::Committing) {
            self.on_part(part).await;
        }
    }

    /// Keeps a part until this height is committed: others are ahead by a moment at times. Who proposes there is not
    /// known before, but only members are heard, and those that join with the next height.
    fn keep_early(&mut self, part: ProposalPart) {
        let of_one = self.early.iter().filter(|early| early.proposer == part.proposer).count();
        let room = self.early.len() < MAX_EARLY && of_one < MAX_EARLY_OF_ONE;
        if room
            && self
                .next_key(&part.proposer)
                .is_some_and(|key| part.is_signed_by(&self.services.network_id, key))
        {
            self.early.push(part);
        } else {
            self.drop_part();
        }
    }

    /// The key of a member of this height's set or, as far as it is known, of the next one's.
    fn next_key(&self, validator: &ValidatorId) -> Option<&PublicKey> {
        let joins = || self.joining.as_ref()?.key(validator);
        self.proposers.validators().key(validator).or_else(joins)
    }

    /// Takes up the parts that came early.
    pub(super) async fn take_up_early(&mut self) {
        for part in std::mem::take(&mut self.early) {
            self.on_part(part).await;
        }
    }

    async fn on_part(&mut self, part: ProposalPart) {
        if !self.is_authentic(&part) || !self.values.has_room_for(&part) {
            self.drop_part();
            return;
        }
        if matches!(self.phase, Phase::Holding { .. }) {
            self.release("its proposer has begun");
        }
        self.note_proposal();
        if self.lacks_proof(&part) {
            if self.unproven.len() < MAX_UNPROVEN {
                self.unproven.insert(part.round, part);
                self.take_proven().await;
            }
            return;
        }
        self.take_part(part);
    }

    /// Whether the part is for a round that matters now and its proposer signed it.
    fn is_authentic(&self, part: &ProposalPart) -> bool {
        let last_round = self.round.saturating_add(ROUNDS_AHEAD);
        if part.height != self.height || part.round > last_round || part.valid_round >= Some(part.round) {
            return false;
        }
        let proposer = self.proposers.proposer(self.height, part.round);
        proposer.address.0 == part.proposer && part.is_signed_by(&self.services.network_id, &proposer.key)
    }

    /// Reads an authentic part and judges what it carries.
    pub(super) fn take_part(&mut self, part: ProposalPart) {
        let Ok(proposal) = part.proposal() else {
            tracing::warn!(proposer = %part.proposer, round = %part.round, "a proposal cannot be read");
            self.drop_part();
            return;
        };
        let id = proposal.id();
        let place = Place { round: part.round, valid_round: part.valid_round, proposer: part.proposer };
        self.values.keep_part(id, part);
        match self.values.knowledge(&id) {
            Some(Knowledge::Valid) => self.vouch(id, vec![place]),
            Some(Knowledge::Invalid) => self.condemn(id, vec![place]),
            Some(Knowledge::Judging(_)) => self.values.await_judgement(id, place),
            None => self.judge(id, proposal, place),
        }
    }

    fn judge(&mut self, id: BlockId, proposal: Proposal, place: Place) {
        if let Err(why) = self.check_header(&proposal) {
            tracing::warn!(block = ?id, proposer = %place.proposer, why, "a proposal is not valid");
            self.values.decide(id, Knowledge::Invalid);
            self.condemn(id, vec![place]);
            return;
        }
        if !self.make_room_to_judge(place.round) {
            self.count_withheld();
            return;
        }
        self.values.await_judgement(id, place);
        let (services, base) = (self.services.clone(), self.tip.base.clone());
        let (round, fresh) = (place.round, place.valid_round.is_none());
        let proposal = Arc::new(proposal);
        let task = self.spawn(async move {
            let judgement = services.judge(base, proposal.clone(), round, fresh).await?;
            Ok(Outcome::Judged { proposal, id, judgement })
        });
        self.judging.push(Judging { id, round, task });
    }

    /// Makes room for judging one more value. Values of the lowest round give way, so that proposers whose segments
    /// never come cannot keep the current round's value from being judged; later rounds wait their turn.
    fn make_room_to_judge(&mut self, round: Round) -> bool {
        if self.judging.len() < MAX_JUDGING {
            return true;
        }
        if round > self.round {
            return false;
        }
        let oldest = self.judging.iter().enumerate().min_by_key(|(_, judging)| judging.round);
        let Some((at, _)) = oldest else {
            return false;
        };
        let Judging { id, task, .. } = self.judging.swap_remove(at);
        task.abort();
        self.values.withhold(&id);
        self.count_withheld();
        true
    }

    /// What a header must say whatever its cut is.
    pub(super) fn check_header(&self, proposal: &Proposal) -> Result<(), &'static str> {
        let header = &proposal.header;
        if header.network != self.services.network_id {
            return Err("it is for another network");
        }
        if header.height != self.height || header.parent != self.tip.block {
            return Err("it does not follow the last block");
        }
        if header.validators_hash != self.tip.validators.hash() {
            return Err("it names another validator set");
        }
        Ok(())
    }

    pub(super) fn on_judged(&mut self, proposal: Arc<Proposal>, id: BlockId, judgement: Judgement) {
        if proposal.header.height != self.height {
            return;
        }
        self.judging.retain(|judging| judging.id != id);
        match judgement {
            Judgement::Valid(prepared) => {
                let places = self.values.decide(id, Knowledge::Valid);
                self.values.keep_proposal(id, proposal);
                self.values.keep_prepared(id, prepared);
                self.vouch(id, places);
            }
            Judgement::Invalid(why) => {
                tracing::warn!(block = ?id, why, "a proposal is not valid");
                let places = self.values.decide(id, Knowledge::Invalid);
                self.condemn(id, places);
            }
            Judgement::Withheld(why) => {
                tracing::info!(block = ?id, why, "a proposal is not vouched for");
                self.values.withhold(&id);
                self.count_withheld();
            }
        }
    }

    /// Keeps a valid value and tells consensus of it.
    fn vouch(&mut self, id: BlockId, places: Vec<Place>) {
        let Some(proposal) = self.values.proposal(&id) else {
            return;
        };
        let services = self.services.clone();
        self.spawn(async move {
            services.vouch(proposal, places).await?;
            Ok(Outcome::Done)
        });
    }

    /// Tells consensus that a value is wrong for ever.
    fn condemn(&mut self, id: BlockId, places: Vec<Place>) {
        for place in &places {
            self.services.tell(place.value(self.height, id, Validity::Invalid));
        }
        self.status.send_modify(|status| status.invalid_proposals += 1);
    }

    fn drop_part(&self) {
        self.status.send_modify(|status| status.dropped_parts += 1);
    }

    fn count_withheld(&self) {
        self.status.send_modify(|status| status.withheld_proposals += 1);
    }

    /// Forgets what was received for a height that is over.
    pub(super) fn forget_values(&mut self) {
        for judging in self.judging.drain(..) {
            judging.task.abort();
        }
        self.values = super::Values::default();
        self.unproven.clear();
        self.polkas.clear();
        self.round = Round::ZERO;
    }
}
