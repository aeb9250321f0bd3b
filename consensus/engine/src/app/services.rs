//! What the application loop and its tasks share, and the tasks themselves: judge a proposal, make one, execute a
//! decided block.
//!
//! A task takes what it needs as arguments and gives back an [`Outcome`]; it never touches the loop's state.

use super::chain::{Chain, Computed, Tip};
use super::values::Place;
use crate::error::EngineError;
use crate::seams::{
    BlockStore, CutVerdict, FinalizedBlock, LaneService, NextCut, StoreError, StoredProposal,
};
use crate::signing::SigningGate;
use crate::stream::stream;
use arc_malachitebft_app::engine::consensus::{ConsensusMsg, ConsensusRef};
use arc_malachitebft_app::engine::network::{NetworkMsg, NetworkRef};
use arc_malachitebft_app::streaming::StreamMessage;
use arc_malachitebft_app::types::ProposedValue;
use arc_malachitebft_app::types::core::{Validity, ValueOrigin};
use fairlane_agreement::{BlockHeight, FairlaneContext, PartPlace, ProposalPart};
use fairlane_chain::{BlockInput, PrepareError, Prepared};
use fairlane_lanes::CutBase;
use fairlane_types::{
    BlockId, CommitCertificate, Height, NetworkId, Proposal, Round, SigningKey, ValidatorId,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, broadcast};
use tokio::task::JoinHandle;

/// A block of our own, computed while the height was held back, is proposed up to this age. Later ones would
/// leave out segments that others hold for long.
const CANDIDATE_AGE: Duration = Duration::from_millis(250);

pub(crate) struct Services {
    pub(crate) network_id: NetworkId,
    pub(crate) validator: ValidatorId,
    pub(crate) key: Option<SigningKey>,
    pub(crate) snapshot_interval: u64,
    pub(crate) chain: Chain,
    pub(crate) lanes: Arc<dyn LaneService>,
    pub(crate) store: Arc<dyn BlockStore>,
    pub(crate) consensus: ConsensusRef<FairlaneContext>,
    pub(crate) network: NetworkRef<FairlaneContext>,
    pub(crate) finalized: broadcast::Sender<Arc<FinalizedBlock>>,
    pub(crate) gate: SigningGate,
    /// The last block's way to the store.
    pub(crate) keeping: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

/// A block of our own that was computed ahead of its turn.
pub(crate) struct Candidate {
    pub(crate) prepared: Box<Prepared>,
    pub(crate) made_at: Instant,
}

/// What judging a proposal came to.
pub(crate) enum Judgement {
    Valid(Box<Prepared>),
    Invalid(String),
    /// Nothing is said about it: it is untimely, missing, or came too late.
    Withheld(String),
}

/// A block of our own, ready to be proposed.
pub(crate) struct OwnProposal {
    pub(crate) proposal: Arc<Proposal>,
    pub(crate) prepared: Box<Prepared>,
}

impl Services {
    /// Judges a proposal: waits for its segments and computes its block.
    pub(crate) async fn judge(
        &self,
        base: CutBase,
        proposal: Arc<Proposal>,
        round: Round,
        fresh: bool,
    ) -> Result<Judgement, EngineError> {
        let height = proposal.header.height;
        let content = match self.lanes.judge(base, proposal.clone(), round, fresh).await {
            Ok(content) => content,
            Err(CutVerdict::Invalid(why)) => return Ok(Judgement::Invalid(why)),
            Err(CutVerdict::Untimely(why)) => return Ok(Judgement::Withheld(why)),
        };
        let input = BlockInput::of(&proposal, content);
        Ok(match self.chain.compute(height, input).await? {
            Computed::Block(prepared) if prepared.proposal.header == proposal.header => {
                Judgement::Valid(prepared)
            }
            Computed::Block(_) => Judgement::Invalid("its header does not follow from its cut".to_owned()),
            Computed::Refused(error @ PrepareError::MissingBody(_)) => Judgement::Withheld(error.to_string()),
            Computed::Refused(error) => Judgement::Invalid(error.to_string()),
            Computed::Stale => Judgement::Withheld("its height is over".to_owned()),
        })
    }

    /// Keeps a valid proposal and then tells consensus of it, for each round that it was proposed in.
    pub(crate) async fn vouch(&self, proposal: Arc<Proposal>, places: Vec<Place>) -> Result<(), EngineError> {
        let (height, id) = (proposal.header.height, proposal.id());
        for place in places {
            let Place { round, valid_round, proposer } = place;
            let stored = StoredProposal { round, valid_round, proposer, proposal: proposal.clone() };
            self.store.put_proposal(height, stored).await?;
            self.tell(place.value(height, id, Validity::Valid));
        }
        Ok(())
    }

    /// Tells consensus what is known about a value. When consensus is gone, the loop finds out by itself.
    pub(crate) fn tell(&self, value: ProposedValue<FairlaneContext>) {
        let message = ConsensusMsg::ReceivedProposedValue(value, ValueOrigin::Consensus);
        if let Err(error) = self.consensus.cast(message) {
            tracing::debug!(%error, "consensus is gone");
        }
    }

    /// Sends a part to all peers.
    pub(crate) fn publish(&self, part: StreamMessage<ProposalPart>) {
        if let Err(error) = self.network.cast(NetworkMsg::PublishProposalPart(part)) {
            tracing::debug!(%error, "the consensus network is gone");
        }
    }

    /// Signs a proposal for a place and sends it.
    pub(crate) fn publish_own(&self, place: PartPlace, proposal: &Proposal) -> Option<ProposalPart> {
        let part = ProposalPart::sign(&self.network_id, self.key.as_ref()?, place, proposal);
        self.publish(stream(part.clone()));
        Some(part)
    }

    /// Waits for a cut that is worth a block and computes the block from it; `None` when the height is over or,
    /// which is a fault, the lanes gave a cut that makes no block.
    pub(crate) async fn candidate(
        &self,
        base: CutBase,
        not_before: Instant,
    ) -> Result<Option<Candidate>, EngineError> {
        let height = base.height.next();
        let NextCut { cut, content, evidence, l1_anchor, next_validators, rollups } =
            self.lanes.next_cut(base, not_before).await;
        let input = BlockInput { cut, content, evidence, l1_anchor, next_validators, rollups };
        Ok(match self.chain.compute(height, input).await? {
            Computed::Block(prepared) => Some(Candidate { prepared, made_at: Instant::now() }),
            Computed::Refused(error) => {
                tracing::error!(%height, %error, "our own cut makes no block");
                None
            }
            Computed::Stale => None,
        })
    }

    /// A block of our own for a round. The one that was made for it before, if there is one: a restart must not make
    /// us propose twice. It is judged as the others judge it: by now it may leave out too much, and then nothing is
    /// proposed. Durable when this returns.
    pub(crate) async fn propose(
        &self,
        base: CutBase,
        round: Round,
        candidate: Option<Candidate>,
    ) -> Result<Option<OwnProposal>, EngineError> {
        let height = base.height.next();
        let before = self.store.proposals(height, round).await?;
        let own = |stored: &StoredProposal| stored.proposer == self.validator && stored.valid_round.is_none();
        if let Some(stored) = before.into_iter().find(own) {
            return self.propose_again(base, round, stored.proposal).await;
        }
        let fresh = candidate.filter(|candidate| candidate.made_at.elapsed() < CANDIDATE_AGE);
        let candidate = match fresh {
            Some(candidate) => Some(candidate),
            None => self.candidate(base, Instant::now()).await?,
        };
        let Some(Candidate { prepared, .. }) = candidate else {
            return Ok(None);
        };
        let proposal = Arc::new(prepared.proposal.clone());
        let stored =
            StoredProposal { round, valid_round: None, proposer: self.validator, proposal: proposal.clone() };
        self.store.put_proposal(height, stored).await?;
        Ok(Some(OwnProposal { proposal, prepared }))
    }

    async fn propose_again(
        &self,
        base: CutBase,
        round: Round,
        proposal: Arc<Proposal>,
    ) -> Result<Option<OwnProposal>, EngineError> {
        match self.judge(base, proposal.clone(), round, true).await? {
            Judgement::Valid(prepared) => Ok(Some(OwnProposal { proposal, prepared })),
            Judgement::Invalid(why) | Judgement::Withheld(why) => {
                let height = proposal.header.height;
                tracing::info!(%height, %round, why, "what was to be proposed before the restart is not any more");
                Ok(None)
            }
        }
    }

    /// Keeps a decision, beside its execution, and after the one before it.
    pub(crate) async fn decide(
        &self,
        proposal: Arc<Proposal>,
        certificate: CommitCertificate,
    ) -> Result<(), EngineError> {
        let height = certificate.height;
        self.gate.reached(height.saturating_sub(1)).await;
        self.store.put_decided(proposal, certificate).await?;
        self.gate.written(height);
        Ok(())
    }

    /// Waits until a height may be left: its decision is durable, unless nothing was signed there.
    async fn may_leave(&self, height: Height) {
        if self.gate.has_signed(height) {
            self.gate.reached(height).await;
        }
    }

    /// Executes a decided block: computes it unless that was done, commits it, keeps it, and tells everybody.
    pub(crate) async fn execute(
        &self,
        proposal: Arc<Proposal>,
        certificate: CommitCertificate,
        prepared: Option<Box<Prepared>>,
    ) -> Result<(Arc<FinalizedBlock>, Tip), EngineError> {
        let prepared = match prepared {
            Some(prepared) => prepared,
            None => self.compute_decided(&proposal).await?,
        };
        let height = proposal.header.height;
        check_same(height, certificate.block, prepared.proposal.id())?;
        let Prepared { batches, heads, order, report, delta, .. } = *prepared;
        let with_snapshot = height.get().is_multiple_of(self.snapshot_interval);
        let snapshot = self.chain.commit(delta, with_snapshot).await?;
        let block =
            Arc::new(FinalizedBlock { proposal, certificate, batches, heads, order, report, snapshot });
        let tip = self.chain.tip();
        self.lanes.decided(tip.base.clone()).await;
        self.keep(block.clone()).await?;
        self.may_leave(height).await;
        Ok((block, tip))
    }

    /// Keeps what followed from a decision, and then tells everybody: beside the next height, but never further
    /// behind than one block. A crash in between loses nothing, as the decision itself is durable.
    async fn keep(&self, block: Arc<FinalizedBlock>) -> Result<(), EngineError> {
        let mut keeping = self.keeping.lock().await;
        if let Some(before) = keeping.take() {
            before.await.map_err(|_| EngineError::Stopped)??;
        }
        let (store, finalized) = (self.store.clone(), self.finalized.clone());
        *keeping = Some(tokio::spawn(async move {
            store.put_finalized(block.clone()).await?;
            // Nobody listening is no failure: the store has the block.
            let _ = finalized.send(block);
            Ok(())
        }));
        Ok(())
    }

    /// Waits until all that is decided up to a height is kept.
    pub(crate) async fn settle(&self, height: Height) -> Result<(), EngineError> {
        self.gate.reached(height).await;
        match self.keeping.lock().await.take() {
            Some(keeping) => Ok(keeping.await.map_err(|_| EngineError::Stopped)??),
            None => Ok(()),
        }
    }

    async fn compute_decided(&self, proposal: &Proposal) -> Result<Box<Prepared>, EngineError> {
        let height = proposal.header.height;
        let tip = self.chain.tip();
        if tip.height.next() != height {
            return Err(EngineError::OutOfStep { decided: height, state: tip.height });
        }
        let content = self.lanes.fetch(tip.base, proposal.cut.clone()).await;
        let input = BlockInput::of(proposal, content);
        match self.chain.compute(height, input).await? {
            Computed::Block(prepared) => Ok(prepared),
            Computed::Refused(source) => Err(EngineError::Uncomputable { height, source }),
            Computed::Stale => Err(EngineError::OutOfStep { decided: height, state: tip.height }),
        }
    }
}

fn check_same(height: Height, decided: BlockId, computed: BlockId) -> Result<(), EngineError> {
    if decided == computed {
        return Ok(());
    }
    Err(EngineError::Diverged { height, decided, computed })
}

impl Place {
    /// The value at this place as consensus knows it.
    pub(crate) fn value(
        &self,
        height: Height,
        id: BlockId,
        validity: Validity,
    ) -> ProposedValue<FairlaneContext> {
        use fairlane_agreement::{Address, BlockValue, malachite_round};
        ProposedValue {
            height: BlockHeight(height),
            round: malachite_round(Some(self.round)),
            valid_round: malachite_round(self.valid_round),
            proposer: Address(self.proposer),
            value: BlockValue(id),
            validity,
        }
    }
}
