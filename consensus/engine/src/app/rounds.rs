//! What consensus asks in a round: which values are known, what to propose, and to send a value again.

use super::services::OwnProposal;
use super::values::{Knowledge, Place};
use super::{App, Outcome, Phase, answer};
use crate::error::EngineError;
use crate::stream::stream;
use arc_malachitebft_app::engine::host::LocallyProposedValue;
use arc_malachitebft_app::types::ProposedValue;
use arc_malachitebft_app::types::core::{Round as MalachiteRound, Validity};
use fairlane_agreement::{Address, BlockHeight, BlockValue, FairlaneContext, PartPlace, domain_round};
use fairlane_types::{BlockId, Height, Round};
use ractor::RpcReplyPort;
use std::time::Duration;

/// Where our own value goes.
pub(super) type ValueReply = RpcReplyPort<LocallyProposedValue<FairlaneContext>>;

impl App {
    /// Consensus starts a round. After a restart it is told the values that were valid before.
    pub(super) async fn on_started_round(
        &mut self,
        round: MalachiteRound,
        proposer: Address,
        reply: RpcReplyPort<Vec<ProposedValue<FairlaneContext>>>,
    ) -> Result<(), EngineError> {
        self.round = domain_round(round).unwrap_or(Round::ZERO);
        self.phase = Phase::Deciding;
        let (height, round) = (self.height, self.round);
        self.status.send_modify(|status| {
            status.height = height;
            status.round = round;
            status.proposer = Some(proposer.0);
            status.holding = false;
            status.extra_rounds += u64::from(round > Round::ZERO);
        });
        let values = if self.recalling { self.recall(height, round).await? } else { Vec::new() };
        answer(reply, values);
        Ok(())
    }

    /// The proposals of a round that were found valid before the restart.
    async fn recall(
        &mut self,
        height: Height,
        round: Round,
    ) -> Result<Vec<ProposedValue<FairlaneContext>>, EngineError> {
        let mut values = Vec::new();
        for stored in self.services.store.proposals(height, round).await? {
            let id = stored.proposal.id();
            let place = Place { round, valid_round: stored.valid_round, proposer: stored.proposer };
            self.values.decide(id, Knowledge::Valid);
            self.values.keep_proposal(id, stored.proposal);
            values.push(place.value(height, id, Validity::Valid));
        }
        Ok(values)
    }

    /// It is our turn. The value follows when it is durable, or never when there is none within the timeout.
    pub(super) fn on_get_value(
        &mut self,
        height: BlockHeight,
        round: MalachiteRound,
        timeout: Duration,
        reply: ValueReply,
    ) {
        let (BlockHeight(height), Some(round)) = (height, domain_round(round)) else {
            return;
        };
        if height != self.height {
            return;
        }
        let (services, base) = (self.services.clone(), self.tip.base.clone());
        let candidate = self.candidate.take();
        self.spawn(async move {
            let own = match tokio::time::timeout(timeout, services.propose(base, round, candidate)).await {
                Ok(own) => own?,
                Err(_) => None,
            };
            Ok(Outcome::Proposed { height, round, own, reply })
        });
    }

    /// Our own value is durable: consensus signs it, and its part goes out.
    pub(super) fn on_proposed(
        &mut self,
        height: Height,
        round: Round,
        own: Option<OwnProposal>,
        reply: ValueReply,
    ) {
        let Some(OwnProposal { proposal, prepared }) = own else {
            tracing::info!(%height, %round, "there is nothing to propose within the timeout");
            return;
        };
        if height != self.height {
            return;
        }
        let id = proposal.id();
        self.values.decide(id, Knowledge::Valid);
        self.values.keep_proposal(id, proposal.clone());
        self.values.keep_prepared(id, prepared);
        let value = BlockValue(id);
        let consensus_round = fairlane_agreement::malachite_round(Some(round));
        answer(reply, LocallyProposedValue::new(BlockHeight(height), consensus_round, value));
        let place = PartPlace { height, round, valid_round: None };
        if let Some(part) = self.services.publish_own(place, &proposal) {
            self.values.keep_part(id, part);
        }
        self.note_proposal();
    }

    /// A value is to be sent again: our own under a new signature, another's as its proposer signed it.
    pub(super) async fn on_restream(
        &mut self,
        height: BlockHeight,
        round: MalachiteRound,
        valid_round: MalachiteRound,
        address: Address,
        id: BlockId,
    ) -> Result<(), EngineError> {
        let (BlockHeight(height), Some(round)) = (height, domain_round(round)) else {
            return Ok(());
        };
        if height != self.height {
            return Ok(());
        }
        if let Some(part) = self.values.part(round, &id) {
            self.services.publish(stream(part.clone()));
            return Ok(());
        }
        if address.0 != self.services.validator {
            tracing::debug!(%height, %round, block = ?id, "another's part is not held any more");
            return Ok(());
        }
        let proposal = match self.values.proposal(&id) {
            Some(proposal) => Some(proposal),
            None => self.services.store.proposal_by_id(height, id).await?,
        };
        let Some(proposal) = proposal else {
            tracing::warn!(%height, block = ?id, "a proposal that consensus holds valid is not kept");
            return Ok(());
        };
        let place = PartPlace { height, round, valid_round: domain_round(valid_round) };
        if let Some(part) = self.services.publish_own(place, &proposal) {
            self.values.keep_part(id, part);
        }
        Ok(())
    }
}
