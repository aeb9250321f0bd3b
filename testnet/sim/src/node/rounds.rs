//! What consensus asks in a round, and what others say in it.

use super::Node;
use super::heights::Phase;
use super::values::{Knowledge, Place};
use crate::disk::{PersistPoint, StoredProposal, Write};
use crate::machine::{CoreInput, polka_is_valid};
use crate::observe::Observed;
use crate::wire::{Message, Part, Timer};
use arc_malachitebft_core_consensus::LocallyProposedValue;
use arc_malachitebft_core_types::{
    PolkaCertificate, RoundCertificate, SignedProposal, SignedVote, Validity, ValueOrigin,
};
use fairlane_agreement::{Address, BlockHeight, BlockValue, FairlaneContext, malachite_round};
use fairlane_chain::{BlockInput, prepare};
use fairlane_lanes::CutContent;
use fairlane_types::{BlockId, Cut, Evidence, Height, Proposal, RollupChanges, Round, ValidatorId};
use std::sync::Arc;
use std::time::Duration;

/// How many certificates of prevotes are kept.
const MAX_POLKAS: usize = 16;

impl Node {
    /// A round begins. After a restart consensus is told the values that were valid before.
    pub(super) fn on_started_round(&mut self, round: Round) {
        self.heights.round = round;
        self.heights.wanted = None;
        if !self.heights.recalling {
            return;
        }
        for stored in self.shell.disk.store().proposals(self.heights.height, round) {
            let id = stored.proposal.id();
            let place = Place { round, valid_round: stored.valid_round, proposer: stored.proposer };
            self.heights.values.decide(id, Knowledge::Valid);
            self.heights.values.keep_proposal(stored.proposal);
            self.tell_value(place, id, Validity::Valid);
        }
    }

    /// Tells consensus what is known about a value.
    pub(super) fn tell_value(&mut self, place: Place, id: BlockId, validity: Validity) {
        self.tell_from(place, id, validity, ValueOrigin::Consensus);
    }

    /// Tells consensus of a decided value that a peer gave.
    pub(super) fn tell_synced(&mut self, place: Place, id: BlockId) {
        self.tell_from(place, id, Validity::Valid, ValueOrigin::Sync);
    }

    fn tell_from(&mut self, place: Place, id: BlockId, validity: Validity, origin: ValueOrigin) {
        let value = arc_malachitebft_core_consensus::ProposedValue::<FairlaneContext> {
            height: BlockHeight(self.heights.height),
            round: malachite_round(Some(place.round)),
            valid_round: malachite_round(place.valid_round),
            proposer: Address(place.proposer),
            value: BlockValue(id),
            validity,
        };
        self.feed(CoreInput::ProposedValue(value, origin));
    }

    /// It is our turn. What was made for this round before a restart is proposed again, if others would take it.
    pub(super) fn on_get_value(&mut self, height: Height, round: Round, within: Duration) {
        if height != self.heights.height {
            return;
        }
        let me = self.setup.validator(self.me);
        let before = self.shell.disk.store().proposals(height, round);
        let own = before.into_iter().find(|stored| stored.proposer == me && stored.valid_round.is_none());
        if let Some(stored) = own {
            if let Some(prepared) = self.judge_own(round, stored.proposal.clone()) {
                self.heights.values.keep_prepared(prepared);
                self.put_forward(round, stored.proposal);
            }
            return;
        }
        self.heights.wanted = Some(round);
        self.shell.timer(within.as_nanos() as u64, Timer::ProposeBy(height, round.get()));
        self.dirty = true;
    }

    pub(super) fn on_propose_by(&mut self, height: Height, round: u32) {
        if self.heights.height == height && self.heights.wanted == Some(Round::new(round)) {
            self.heights.wanted = None;
        }
    }

    /// The next cut that is worth a block, with its content.
    pub(super) fn next_cut(&self) -> Option<(Cut, CutContent, Vec<Evidence>)> {
        let evidence = self.pool.for_block(&self.base.validators);
        let cut = self.view.build_cut(&self.base, &evidence)?;
        if !self.is_idle() && !self.view.has_payload(&self.base, &cut) {
            return None;
        }
        let content = self.view.content(&self.base, &cut).ok()?;
        Some((cut, content, evidence))
    }

    /// Makes a block of our own when there is a cut for it.
    pub(super) fn propose_if_wanted(&mut self) {
        let Some(round) = self.heights.wanted else { return };
        let Some((cut, content, evidence)) = self.next_cut() else { return };
        self.heights.wanted = None;
        let (l1_anchor, next_validators) = self.next_anchor();
        let input = BlockInput {
            cut,
            content,
            evidence,
            l1_anchor,
            next_validators,
            rollups: RollupChanges::default(),
        };
        if self.propose_falsely(round, &input) {
            return;
        }
        match prepare(&self.chain, input) {
            Ok(prepared) => {
                let proposal = Arc::new(prepared.proposal.clone());
                self.heights.values.keep_prepared(Box::new(prepared));
                let stored = StoredProposal {
                    round,
                    valid_round: None,
                    proposer: self.setup.validator(self.me),
                    proposal: proposal.clone(),
                };
                self.shell.persist(PersistPoint::Proposal, Write::Proposal(stored));
                self.put_forward(round, proposal);
            }
            Err(error) => self.shell.note_fault(format!("an own cut makes no block: {error}")),
        }
    }

    /// Our own value is durable: consensus signs it, and its part goes out.
    pub(crate) fn put_forward(&mut self, round: Round, proposal: Arc<Proposal>) {
        let id = proposal.id();
        self.shell.tell(Observed::Proposed(id));
        self.heights.values.decide(id, Knowledge::Valid);
        self.heights.values.keep_proposal(proposal.clone());
        self.publish_part(round, None, proposal);
        let height = BlockHeight(self.heights.height);
        let value = LocallyProposedValue::new(height, malachite_round(Some(round)), BlockValue(id));
        self.feed(CoreInput::Propose(value));
    }

    fn publish_part(&mut self, round: Round, valid_round: Option<Round>, proposal: Arc<Proposal>) {
        let height = self.heights.height;
        let proposer = self.setup.validator(self.me);
        let part = Part { height, round, valid_round, proposer, proposal };
        self.heights.values.keep_part(part.clone());
        self.shell.broadcast(Message::Part(part));
    }

    /// A value is to be sent again: our own for a new round, another's as its proposer sent it.
    pub(super) fn on_restream(
        &mut self,
        round: Round,
        valid_round: Option<Round>,
        address: ValidatorId,
        id: BlockId,
    ) {
        if let Some(part) = self.heights.values.part(round, &id) {
            let part = part.clone();
            return self.shell.broadcast(Message::Part(part));
        }
        if address != self.setup.validator(self.me) {
            return;
        }
        let held = self.heights.values.proposal(&id);
        let proposal = held.or_else(|| self.shell.disk.store().proposal(self.heights.height, id));
        if let Some(proposal) = proposal {
            self.publish_part(round, valid_round, proposal);
        }
    }

    /// A vote. One for the height that is held back says that others have begun it.
    pub(super) fn on_vote(&mut self, vote: SignedVote<FairlaneContext>) {
        let begun = self.heights.phase == Phase::Holding && vote.message.height.0 == self.heights.height;
        let member = self.heights.proposers.member(&vote.message.validator);
        let is_signed = || {
            member.is_some_and(|member| {
                self.setup.verifier.vote_is_valid(&vote.message, &vote.signature, &member.key)
            })
        };
        if begun && is_signed() {
            self.release();
        }
        self.feed(CoreInput::Vote(vote));
    }

    pub(super) fn on_proposal(&mut self, proposal: SignedProposal<FairlaneContext>) {
        self.feed(CoreInput::Proposal(proposal));
    }

    pub(super) fn on_round_certificate(&mut self, certificate: RoundCertificate<FairlaneContext>) {
        self.feed(CoreInput::RoundCertificate(certificate));
    }

    /// A certificate of prevotes: consensus takes it, and a proposal may wait for it.
    pub(super) fn on_polka(&mut self, certificate: PolkaCertificate<FairlaneContext>) {
        let new = certificate.height.0 == self.heights.height && !self.heights.polkas.contains(&certificate);
        if new {
            if self.heights.polkas.len() >= MAX_POLKAS {
                self.heights.polkas.remove(0);
            }
            self.heights.polkas.push(certificate.clone());
            self.take_proven();
        }
        self.feed(CoreInput::PolkaCertificate(certificate));
    }

    /// Whether a proposal of ours or another's had its quorum of prevotes in the round that it says.
    pub(super) fn is_proven(&self, part: &Part) -> bool {
        let (id, valid_round) = (part.proposal.id(), malachite_round(part.valid_round));
        self.heights
            .polkas
            .iter()
            .filter(|polka| polka.value_id == id && polka.round == valid_round)
            .any(|polka| polka_is_valid(&self.setup, &self.heights.proposers, polka))
    }
}
