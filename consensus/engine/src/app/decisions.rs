//! Decisions: durable first, then executed, then the next height.

use super::services::Services;
use super::{App, Outcome, Phase, Release, answer};
use crate::error::EngineError;
use crate::seams::BlockStore;
use arc_malachitebft_app::engine::host::Next;
use arc_malachitebft_app::types::MisbehaviorEvidence;
use arc_malachitebft_app::types::core::CommitCertificate as MalachiteCertificate;
use fairlane_agreement::{Activity, FairlaneContext, decided_certificate, reported};
use fairlane_types::{BlockId, CommitCertificate, Height, Proposal};
use ractor::RpcReplyPort;
use std::sync::Arc;

/// How many decisions are read from the store at a time when it is ahead of the state.
const RECOVERY_BATCH: u64 = 64;

impl App {
    /// A value is decided. The decision is on disk before anything is signed at the next height, and where
    /// something was signed at this one, before the next begins (see [`crate::signing::SigningGate`]).
    pub(super) async fn on_decided(
        &mut self,
        certificate: &MalachiteCertificate<FairlaneContext>,
        reply: RpcReplyPort<()>,
    ) -> Result<(), EngineError> {
        let certificate = decided_certificate(certificate);
        if certificate.height < self.height {
            answer(reply, ());
            return Ok(());
        }
        let proposal = self.decided_proposal(certificate.height, certificate.block).await?;
        let (services, written) = (self.services.clone(), (proposal.clone(), certificate.clone()));
        self.spawn(async move {
            services.decide(written.0, written.1).await?;
            Ok(Outcome::Done)
        });
        self.joining.clone_from(&proposal.next_validators);
        self.decided = Some((proposal, certificate));
        answer(reply, ());
        Ok(())
    }

    async fn decided_proposal(&self, height: Height, block: BlockId) -> Result<Arc<Proposal>, EngineError> {
        if let Some(proposal) = self.values.proposal(&block) {
            return Ok(proposal);
        }
        let kept = self.services.store.proposal_by_id(height, block).await?;
        kept.ok_or(EngineError::UnknownDecision { height, block })
    }

    /// Consensus is done with the height: its block is executed by a task, and the answer waits for the next one.
    pub(super) fn on_finalized(
        &mut self,
        certificate: &MalachiteCertificate<FairlaneContext>,
        misbehavior: &MisbehaviorEvidence<FairlaneContext>,
        reply: RpcReplyPort<Next<FairlaneContext>>,
    ) -> Result<(), EngineError> {
        let votes = misbehavior.votes.iter().flat_map(|(_, pairs)| pairs);
        let proposals = misbehavior.proposals.iter().flat_map(|(_, pairs)| pairs);
        for evidence in reported(votes, proposals) {
            if self.watch.claim(&evidence) {
                self.hand_out(evidence);
            }
        }
        let certificate = decided_certificate(certificate);
        let (height, block) = (certificate.height, certificate.block);
        let release = Release::Next(reply);
        if height < self.height {
            self.begin(release);
            return Ok(());
        }
        let decided = self.decided.take().filter(|(_, decided)| decided.block == block);
        let Some((proposal, _)) = decided.filter(|_| height == self.height) else {
            return Err(EngineError::UnknownDecision { height, block });
        };
        let prepared = self.values.take_prepared(&block);
        self.forget_values();
        self.phase = Phase::Committing;
        let services = self.services.clone();
        self.spawn(async move {
            let (block, tip) = services.execute(proposal, certificate, prepared).await?;
            Ok(Outcome::Committed { block, tip, release })
        });
        Ok(())
    }

    /// Executes what the store holds beyond the state, then lets consensus begin.
    pub(super) fn recover(&mut self, release: Release) {
        let (services, activity, height) = (self.services.clone(), self.activity.clone(), self.height);
        self.spawn(async move {
            let activity = execute_decided(&services, activity, height).await?;
            Ok(Outcome::Recovered { activity, tip: services.chain.tip(), release })
        });
    }
}

/// Executes the decisions in the store from a height on. After a crash, the last decision may not be executed; and
/// a state that was restored from a snapshot is older than the store.
async fn execute_decided(
    services: &Services,
    mut activity: Activity,
    mut height: Height,
) -> Result<Activity, EngineError> {
    loop {
        let batch = height..=height.saturating_add(RECOVERY_BATCH);
        let decisions: Vec<(Arc<Proposal>, CommitCertificate)> = services.store.decided(batch).await?;
        if decisions.is_empty() {
            return Ok(activity);
        }
        for (proposal, certificate) in decisions {
            if certificate.height != height {
                return Err(EngineError::MissingHistory(height));
            }
            activity.push(proposal.cut.clone());
            services.gate.written(height);
            services.execute(proposal, certificate, None).await?;
            height = height.next();
        }
    }
}

/// The cuts before a state, as far as proposer selection goes back.
pub(crate) async fn recent_activity(store: &dyn BlockStore, last: Height) -> Result<Activity, EngineError> {
    let mut activity = Activity::default();
    if last == Height::ZERO {
        return Ok(activity);
    }
    let first = last.saturating_sub(Activity::CUTS as u64 - 1).max(Height::FIRST);
    let decisions = store.decided(first..=last).await?;
    let mut height = first;
    for (proposal, certificate) in decisions {
        if certificate.height != height {
            break;
        }
        activity.push(proposal.cut.clone());
        height = height.next();
    }
    if height <= last {
        return Err(EngineError::MissingHistory(height));
    }
    Ok(activity)
}
