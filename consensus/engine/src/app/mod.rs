//! The application: one loop that answers consensus, and tasks that do what takes time.
//!
//! The loop owns all mutable state, answers at once what can be answered at once, and gives the rest to tasks
//! whose [`Outcome`]s come back to it. Consensus is served in the order of its requests.
//!
//! A height goes through three phases. **Deciding**: consensus works on it. **Committing**: it is decided, and its
//! block is executed and made durable. **Holding**: the next height is held back until there is a cut that is worth
//! a block, or a sign that others have gone ahead.

mod chain;
mod decisions;
mod holding;
mod observing;
mod peers;
mod proposals;
mod rounds;
mod services;
mod syncing;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use chain::Chain;
pub(crate) use decisions::recent_activity;
pub(crate) use services::Services;

use crate::error::EngineError;
use crate::machine::{HostRequest, Inputs, PeerEvent};
use crate::seams::FinalizedBlock;
use crate::status::EngineStatus;
use arc_malachitebft_app::engine::host::{HeightParams, HostMsg, Next};
use arc_malachitebft_app::types::core::{LinearTimeouts, PolkaCertificate};
use chain::Tip;
use fairlane_agreement::{Activity, BlockHeight, FairlaneContext, ProposalPart, ProposerSet, Watch};
use fairlane_types::{BlockId, CommitCertificate, Evidence, Height, Proposal, Round, ValidatorSet};
use peers::Peers;
use ractor::RpcReplyPort;
use services::{Candidate, Judgement, OwnProposal};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use values::Values;

type Params = HeightParams<FairlaneContext>;

/// How often is looked whether peers said what they want to hear.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How consensus waits for the next height: at the start, or after a decision.
enum Release {
    Start(RpcReplyPort<(BlockHeight, Params)>),
    Next(RpcReplyPort<Next<FairlaneContext>>),
}

/// Where the height is.
enum Phase {
    /// Consensus works on it.
    Deciding,
    /// Its block is executed.
    Committing,
    /// It has not begun; consensus waits for `release`.
    Holding { release: Release, until: Instant },
}

/// What came of a task.
enum Outcome {
    /// A proposal was judged.
    Judged { proposal: Arc<Proposal>, id: BlockId, judgement: Judgement },
    /// A block of our own is ready for a round.
    Proposed { height: Height, round: Round, own: Option<OwnProposal>, reply: rounds::ValueReply },
    /// A decided block was executed.
    Committed { block: Arc<FinalizedBlock>, tip: Tip, release: Release },
    /// What was decided before the start is executed.
    Recovered { activity: Activity, tip: Tip, release: Release },
    /// There is a cut for the next height; the block, if it is our turn.
    CutReady { height: Height, candidate: Option<Candidate> },
    /// Nothing is left to do.
    Done,
}

/// A task that judges a proposal.
struct Judging {
    id: BlockId,
    round: Round,
    task: AbortHandle,
}

/// Why the loop ended without a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to.
    Stopped,
    /// This node only watched, and may vote from now on.
    MayVote,
}

/// What the loop is set up with.
pub(crate) struct Setup {
    pub(crate) services: Services,
    pub(crate) inputs: Inputs,
    pub(crate) activity: Activity,
    /// Up to which height this node only watches, if it does. Then consensus has no key.
    pub(crate) watch_until: Option<Height>,
    pub(crate) timeouts: LinearTimeouts,
    pub(crate) min_block_interval: Duration,
    pub(crate) max_hold: Duration,
    pub(crate) status: watch::Sender<EngineStatus>,
    pub(crate) evidence: mpsc::Sender<Evidence>,
}

/// The application loop and its state.
pub(crate) struct App {
    services: Arc<Services>,
    requests: mpsc::Receiver<HostRequest>,
    events: mpsc::Receiver<PeerEvent>,
    unobserved: Arc<AtomicU64>,
    status: watch::Sender<EngineStatus>,
    evidence: mpsc::Sender<Evidence>,
    timeouts: LinearTimeouts,
    min_block_interval: Duration,
    max_hold: Duration,
    tasks: JoinSet<Result<Outcome, EngineError>>,

    /// The state that the height builds on.
    tip: Tip,
    /// The height that is decided, or will be next.
    height: Height,
    round: Round,
    phase: Phase,
    /// When the last height began that was held back: when its first proposal was seen, once it was.
    began: Instant,
    /// Whether a proposal for this height was seen.
    proposed: bool,
    proposers: ProposerSet,
    activity: Activity,
    values: Values,
    decided: Option<(Arc<Proposal>, CommitCertificate)>,
    /// The set of the next height, where the height is decided and brings another one.
    joining: Option<ValidatorSet>,
    candidate: Option<Candidate>,
    judging: Vec<Judging>,
    /// The task that waits for a cut while the height is held back.
    holding: Option<AbortHandle>,
    /// Whether proposals from before the restart are still to be told to consensus.
    recalling: bool,
    /// Parts for the next height, that came before this one was committed.
    early: Vec<ProposalPart>,
    /// Proposals that are said to have a quorum of prevotes from an earlier round, by round, until that is shown.
    unproven: BTreeMap<Round, ProposalPart>,
    polkas: Vec<PolkaCertificate<FairlaneContext>>,
    peers: Peers,
    watch: Watch,
    watch_until: Option<Height>,
}

impl App {
    pub(crate) fn new(setup: Setup) -> Self {
        let Setup {
            services,
            inputs,
            activity,
            watch_until,
            timeouts,
            min_block_interval,
            max_hold,
            status,
            evidence,
        } = setup;
        let tip = services.chain.tip();
        let height = tip.height.next();
        Self {
            proposers: ProposerSet::new(tip.validators.clone(), |lane| activity.is_active(lane)),
            watch: Watch::new(services.network_id, height, tip.validators.clone()),
            services: Arc::new(services),
            requests: inputs.requests,
            events: inputs.events,
            unobserved: inputs.unobserved,
            status,
            evidence,
            timeouts,
            min_block_interval,
            max_hold,
            tasks: JoinSet::new(),
            tip,
            height,
            round: Round::ZERO,
            phase: Phase::Committing,
            began: Instant::now(),
            proposed: false,
            activity,
            values: Values::default(),
            decided: None,
            joining: None,
            candidate: None,
            judging: Vec::new(),
            holding: None,
            recalling: true,
            early: Vec::new(),
            unproven: BTreeMap::new(),
            polkas: Vec::new(),
            peers: Peers::default(),
            watch_until,
        }
    }

    /// Serves consensus until it ends, `stop` resolves, this node may vote, or something fails that must end the node.
    pub(crate) async fn run(mut self, stop: &mut oneshot::Receiver<()>) -> Result<Ended, EngineError> {
        let mut looks = tokio::time::interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.may_vote_now() {
                self.services.settle(self.tip.height).await?;
                return Ok(Ended::MayVote);
            }
            let hold_ends = match &self.phase {
                Phase::Holding { until, .. } => Some(*until),
                Phase::Deciding | Phase::Committing => None,
            };
            tokio::select! {
                biased;
                _ = &mut *stop => return Ok(Ended::Stopped),
                Some(done) = self.tasks.join_next() => self.on_task(done).await?,
                request = self.requests.recv() => match request {
                    Some(request) => self.on_request(request).await?,
                    None => return Err(EngineError::Stopped),
                },
                Some(event) = self.events.recv() => self.on_event(event).await,
                _ = looks.tick() => self.hang_up(),
                () = sleep_until(hold_ends) => self.release("nothing came to order in time"),
            }
        }
    }

    /// Whether this node only watched until now, and nothing is being executed.
    fn may_vote_now(&self) -> bool {
        let is_idle = !matches!(self.phase, Phase::Committing);
        is_idle && self.watch_until.is_some_and(|last| self.tip.height >= last)
    }

    /// Routes one request of consensus to its handler.
    async fn on_request(&mut self, request: HostRequest) -> Result<(), EngineError> {
        match request {
            HostMsg::ConsensusReady { reply_to } => self.on_ready(reply_to),
            HostMsg::StartedRound { round, proposer, reply_to, .. } => {
                self.on_started_round(round, proposer, reply_to).await?;
            }
            HostMsg::GetValue { height, round, timeout, reply_to } => {
                self.on_get_value(height, round, timeout, reply_to);
            }
            HostMsg::ReceivedProposalPart { part, .. } => self.on_part_message(part).await,
            HostMsg::RestreamValue { height, round, valid_round, address, value_id } => {
                self.on_restream(height, round, valid_round, address, value_id).await?;
            }
            HostMsg::Decided { certificate, reply_to, .. } => self.on_decided(&certificate, reply_to).await?,
            HostMsg::Finalized { certificate, evidence, reply_to, .. } => {
                self.on_finalized(&certificate, &evidence, reply_to)?;
            }
            HostMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply_to } => {
                self.on_synced_value(height, round, proposer, value_bytes, reply_to).await?;
            }
            HostMsg::GetDecidedValues { range, reply_to } => self.on_get_decided(range, reply_to),
            HostMsg::GetHistoryMinHeight { reply_to } => self.on_get_min_height(reply_to),
            HostMsg::ExtendVote { reply_to, .. } => answer(reply_to, None),
            HostMsg::VerifyVoteExtensions { extensions, reply_to, .. } => {
                refuse_extensions(extensions, reply_to)
            }
        }
        Ok(())
    }

    /// Routes the outcome of a task to its handler.
    async fn on_task(
        &mut self,
        done: Result<Result<Outcome, EngineError>, JoinError>,
    ) -> Result<(), EngineError> {
        let outcome = match done {
            Ok(outcome) => outcome?,
            Err(error) if error.is_cancelled() => return Ok(()),
            Err(error) => return Err(EngineError::Panicked(error.to_string())),
        };
        match outcome {
            Outcome::Judged { proposal, id, judgement } => self.on_judged(proposal, id, judgement),
            Outcome::Proposed { height, round, own, reply } => self.on_proposed(height, round, own, reply),
            Outcome::Committed { block, tip, release } => {
                self.on_committed(&block, tip, release).await;
            }
            Outcome::Recovered { activity, tip, release } => {
                self.on_recovered(activity, tip, release).await;
            }
            Outcome::CutReady { height, candidate } => self.on_cut_ready(height, candidate),
            Outcome::Done => {}
        }
        Ok(())
    }

    fn spawn(
        &mut self,
        task: impl Future<Output = Result<Outcome, EngineError>> + Send + 'static,
    ) -> AbortHandle {
        self.tasks.spawn(task)
    }

    fn hand_out(&mut self, evidence: Evidence) {
        tracing::warn!(offender = %evidence.offender(), slot = ?evidence.slot(), "found evidence of an offence");
        if self.evidence.try_send(evidence).is_err() {
            tracing::error!("evidence was dropped: nobody takes it");
            return;
        }
        self.status.send_modify(|status| status.evidence += 1);
    }

    fn note_unobserved(&self) {
        let unobserved = self.unobserved.load(Ordering::Relaxed);
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.unobserved, unobserved) != unobserved);
    }
}

/// Answers consensus. When it is gone, the loop finds out by itself.
fn answer<T>(reply: RpcReplyPort<T>, value: T) {
    if let Err(error) = reply.send(value) {
        tracing::debug!(%error, "consensus does not wait for the answer any more");
    }
}

/// Vote extensions are not used: whoever sends one breaks the protocol.
fn refuse_extensions(
    extensions: Vec<(fairlane_agreement::Address, ())>,
    reply: RpcReplyPort<arc_malachitebft_app::consensus::VoteExtensionVerdicts<FairlaneContext>>,
) {
    use arc_malachitebft_app::consensus::VoteExtensionError::InvalidVoteExtension;
    let verdicts = extensions.into_iter().map(|(address, ())| (address, Err(InvalidVoteExtension)));
    answer(reply, verdicts.collect());
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
