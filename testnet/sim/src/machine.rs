//! One validator's consensus core, and the carrying out of its effects.
//!
//! What the core asks for falls into three kinds: what happens on the spot (signatures, timers, the write-ahead log,
//! messages), in the core's order, so that a vote is in the log before it leaves; what the validator has to do, which
//! is handed back as [`Demand`]s; and what is not used (vote extensions).

use crate::node::shell::Shell;
use crate::setup::Setup;
use crate::wire::Message;
use arc_malachitebft_core_consensus::{
    ConsensusMsg, Effect, Error, Input, LivenessMsg, MisbehaviorEvidence, Params, Resumable, Resume,
    SignedConsensusMsg, State, process,
};
use arc_malachitebft_core_types::{
    Round as MalachiteRound, SignedProposal, SignedVote, ThresholdParams, Timeout, ValuePayload,
    VoteExtensionPolicy,
};
use arc_malachitebft_metrics::Metrics;
use arc_malachitebft_signing::VerifierExt as _;
use fairlane_agreement::{
    Address, BlockHeight, FairlaneContext, ProposerSet, decided_certificate, domain_round, reported,
};
use fairlane_types::{BlockId, CommitCertificate, Evidence, Height, Proposal, Round, ValidatorId};
use futures::FutureExt as _;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// An input of the consensus core.
pub(crate) type CoreInput = Input<FairlaneContext>;

/// How many inputs for later heights the core keeps.
const QUEUE_CAPACITY: usize = 64;
/// How many inputs it keeps for one of them.
const QUEUE_PER_HEIGHT: usize = 256;

/// What the core wants its validator to do.
pub(crate) enum Demand {
    /// A round begins.
    StartedRound(Round),
    /// It is this validator's turn: a value is wanted within the timeout.
    GetValue(Height, Round, Duration),
    /// A value is to be sent again.
    Restream { round: Round, valid_round: Option<Round>, address: ValidatorId, id: BlockId },
    /// A block is decided.
    Decided(CommitCertificate),
    /// The height is over; here is who misbehaved.
    Finalized(Vec<Evidence>),
    /// A decided value from a peer, whose certificate was found valid.
    Synced { proposal: Arc<Proposal>, proposer: ValidatorId, round: Round },
}

/// The consensus core of one validator.
pub(crate) struct Machine {
    state: Option<State<FairlaneContext>>,
    metrics: Metrics,
    /// Which timers run, and which of those with one name is meant.
    timers: BTreeMap<(u8, i64), u64>,
    started: u64,
    /// Whether this validator votes. One that does not keeps no log.
    votes: bool,
    /// The log is being replayed: nothing is written to it.
    replaying: bool,
    /// Proposals that came with a decided value, until the core has checked the certificate.
    synced: BTreeMap<BlockId, Arc<Proposal>>,
}

/// A timer that a core started: its timeout, and which of those with this name it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoreTimer {
    timeout: Timeout,
    number: u64,
}

fn name_of(timeout: &Timeout) -> (u8, i64) {
    use arc_malachitebft_core_types::TimeoutKind;
    let kind = match timeout.kind {
        TimeoutKind::Propose => 0,
        TimeoutKind::Prevote => 1,
        TimeoutKind::Precommit => 2,
        TimeoutKind::Rebroadcast => 3,
        TimeoutKind::FinalizeHeight(_) => 4,
    };
    (kind, timeout.round.as_i64())
}

impl Machine {
    /// A core that votes, or only watches the others.
    pub(crate) fn new(votes: bool) -> Self {
        Self {
            votes,
            state: None,
            metrics: Metrics::default(),
            timers: BTreeMap::new(),
            started: 0,
            replaying: false,
            synced: BTreeMap::new(),
        }
    }

    /// A core that votes in the place of this one.
    pub(crate) fn voting(&self) -> Self {
        Self { started: self.started, ..Self::new(true) }
    }

    /// Begins a height, and replays what the log has of it.
    pub(crate) fn start_height(
        &mut self,
        setup: &Setup,
        shell: &mut Shell,
        me: usize,
        height: Height,
        set: ProposerSet,
    ) -> Vec<Demand> {
        if self.state.is_none() {
            let params = Params {
                address: Address(setup.validator(me)),
                threshold_params: ThresholdParams::default(),
                value_payload: ValuePayload::ProposalAndParts,
                enabled: self.votes,
            };
            let (height, set) = (BlockHeight(height), set.clone());
            let state = State::new(FairlaneContext, height, set, params, QUEUE_CAPACITY, QUEUE_PER_HEIGHT);
            self.state = Some(state);
        }
        self.synced.clear();
        let entries = if self.votes { shell.wal_started(height) } else { Vec::new() };
        let policy = VoteExtensionPolicy::default();
        let start = Input::StartHeight(BlockHeight(height), set, false, None, policy);
        let mut demands = self.feed(setup, shell, me, start);
        if !entries.is_empty() {
            self.replaying = true;
            if let Some(state) = &mut self.state {
                state.index_wal_entries(entries.iter());
            }
            for entry in entries {
                demands.extend(self.feed(setup, shell, me, entry));
            }
            if let Some(state) = &mut self.state {
                state.reset_entries_index();
            }
            self.replaying = false;
        }
        demands
    }

    /// A timer ran out. One that was cancelled or started again since counts for nothing.
    pub(crate) fn timeout(
        &mut self,
        setup: &Setup,
        shell: &mut Shell,
        me: usize,
        timer: CoreTimer,
    ) -> Vec<Demand> {
        let name = name_of(&timer.timeout);
        if self.timers.get(&name) != Some(&timer.number) {
            return Vec::new();
        }
        self.timers.remove(&name);
        self.feed(setup, shell, me, Input::TimeoutElapsed(timer.timeout))
    }

    /// Remembers the proposal that a peer sent with a certificate.
    pub(crate) fn expect_synced(&mut self, proposal: Arc<Proposal>) {
        self.synced.insert(proposal.id(), proposal);
    }

    /// Gives the core an input and does what follows.
    pub(crate) fn feed(
        &mut self,
        setup: &Setup,
        shell: &mut Shell,
        me: usize,
        input: CoreInput,
    ) -> Vec<Demand> {
        let Some(mut state) = self.state.take() else { return Vec::new() };
        let metrics = std::mem::take(&mut self.metrics);
        let mut hands = Hands { machine: self, setup, shell, me, demands: Vec::new() };
        let result: Result<(), Error<FairlaneContext>> = process!(
            input: input,
            state: &mut state,
            metrics: &metrics,
            with: effect => hands.carry_out(effect)
        );
        let demands = hands.demands;
        if let Err(error) = result {
            shell.note_fault(format!("the consensus core of validator {me} failed: {error:?}"));
        }
        self.state = Some(state);
        self.metrics = metrics;
        demands
    }
}

/// What carries out the effects of one input.
struct Hands<'a> {
    machine: &'a mut Machine,
    setup: &'a Setup,
    shell: &'a mut Shell,
    me: usize,
    demands: Vec<Demand>,
}

/// What the core is resumed with. Carrying out an effect never fails; the macro that drives the core wants a result.
type Resumed = Result<Resume<FairlaneContext>, Infallible>;

impl Hands<'_> {
    fn carry_out(&mut self, effect: Effect<FairlaneContext>) -> Resumed {
        match effect {
            Effect::CancelAllTimeouts(r) => {
                self.machine.timers.clear();
                Ok(r.resume_with(()))
            }
            Effect::CancelTimeout(timeout, r) => {
                self.machine.timers.remove(&name_of(&timeout));
                Ok(r.resume_with(()))
            }
            Effect::ScheduleTimeout(timeout, r) => {
                self.start_timer(timeout);
                Ok(r.resume_with(()))
            }
            Effect::SignVote(vote, r) => {
                let message = vote.sign_bytes(&self.setup.network);
                Ok(r.resume_with(SignedVote::new(vote, self.setup.sign(self.me, message))))
            }
            Effect::SignProposal(proposal, r) => {
                let message = proposal.sign_bytes(&self.setup.network);
                Ok(r.resume_with(SignedProposal::new(proposal, self.setup.sign(self.me, message))))
            }
            Effect::WalAppend(_, input, r) => {
                if self.machine.votes && !self.machine.replaying {
                    self.shell.wal_append(input);
                }
                Ok(r.resume_with(()))
            }
            Effect::PublishConsensusMsg(message, r) => {
                self.flush();
                self.shell.broadcast(match message {
                    SignedConsensusMsg::Vote(vote) => Message::Vote(vote),
                    SignedConsensusMsg::Proposal(proposal) => Message::Proposal(proposal),
                });
                Ok(r.resume_with(()))
            }
            Effect::PublishLivenessMsg(message, r) => {
                self.shell.broadcast(match message {
                    LivenessMsg::Vote(vote) => Message::Vote(vote),
                    LivenessMsg::PolkaCertificate(certificate) => Message::Polka(certificate),
                    LivenessMsg::SkipRoundCertificate(certificate) => Message::RoundCertificate(certificate),
                });
                Ok(r.resume_with(()))
            }
            Effect::RepublishVote(vote, r) => {
                self.shell.broadcast(Message::Vote(vote));
                Ok(r.resume_with(()))
            }
            Effect::RepublishRoundCertificate(certificate, r) => {
                self.shell.broadcast(Message::RoundCertificate(certificate));
                Ok(r.resume_with(()))
            }
            other => self.demand_or_verify(other),
        }
    }

    fn demand_or_verify(&mut self, effect: Effect<FairlaneContext>) -> Resumed {
        match effect {
            Effect::StartRound(_, round, _, _, r) => {
                self.flush();
                self.demands.push(Demand::StartedRound(number(round)));
                Ok(r.resume_with(()))
            }
            Effect::GetValue(height, round, timeout, r) => {
                let within = self.setup.timeouts.duration_for(timeout);
                self.demands.push(Demand::GetValue(height.0, number(round), within));
                Ok(r.resume_with(()))
            }
            Effect::RestreamProposal(_, round, valid_round, address, id, r) => {
                let (round, valid_round) = (number(round), domain_round(valid_round));
                self.demands.push(Demand::Restream { round, valid_round, address: address.0, id });
                Ok(r.resume_with(()))
            }
            Effect::Decide(certificate, _, r) => {
                self.flush();
                self.demands.push(Demand::Decided(decided_certificate(&certificate)));
                Ok(r.resume_with(()))
            }
            Effect::Finalize(_, _, misbehavior, r) => {
                self.demands.push(Demand::Finalized(evidence_of(&misbehavior)));
                Ok(r.resume_with(()))
            }
            Effect::CertVerifiedSyncValue(value, proposer, r) => {
                let (id, round) = (value.certificate.value_id, number(value.certificate.round));
                if let Some(proposal) = self.machine.synced.remove(&id) {
                    self.demands.push(Demand::Synced { proposal, proposer: proposer.0, round });
                }
                Ok(r.resume_with(()))
            }
            Effect::CertRejectedSyncValue(_, _, _, r) => {
                self.machine.synced.clear();
                Ok(r.resume_with(()))
            }
            other => self.verify(other),
        }
    }

    fn verify(&mut self, effect: Effect<FairlaneContext>) -> Resumed {
        let verifier = &self.setup.verifier;
        let context = &FairlaneContext;
        Ok(match effect {
            Effect::VerifySignature(signed, key, r) => r.resume_with(match &signed.message {
                ConsensusMsg::Vote(vote) => verifier.vote_is_valid(vote, &signed.signature, &key),
                ConsensusMsg::Proposal(proposal) => {
                    verifier.proposal_is_valid(proposal, &signed.signature, &key)
                }
            }),
            Effect::VerifyCommitCertificate(certificate, set, thresholds, r) => r.resume_with(at_once(
                verifier.verify_commit_certificate(context, &certificate, &set, thresholds),
            )),
            Effect::VerifyExtendedCommitCertificate(certificate, set, thresholds, policy, r) => r
                .resume_with(at_once(verifier.verify_extended_commit_certificate(
                    context,
                    &certificate,
                    &set,
                    thresholds,
                    policy,
                ))),
            Effect::VerifyPolkaCertificate(certificate, set, thresholds, r) => r.resume_with(at_once(
                verifier.verify_polka_certificate(context, &certificate, &set, thresholds),
            )),
            Effect::VerifyRoundCertificate(certificate, set, thresholds, r) => r.resume_with(at_once(
                verifier.verify_round_certificate(context, &certificate, &set, thresholds),
            )),
            // Vote extensions are disabled, so nothing else is asked.
            _ => Resume::Continue,
        })
    }

    fn start_timer(&mut self, timeout: Timeout) {
        self.machine.started += 1;
        let number = self.machine.started;
        self.machine.timers.insert(name_of(&timeout), number);
        let after = self.setup.timeouts.duration_for(timeout).as_nanos() as u64;
        self.shell.timer(after, crate::wire::Timer::Consensus(CoreTimer { timeout, number }));
    }

    fn flush(&mut self) {
        if !self.machine.replaying {
            self.shell.flush_wal();
        }
    }
}

/// Whether a certificate of prevotes is good for the set.
pub(crate) fn polka_is_valid(
    setup: &Setup,
    set: &ProposerSet,
    certificate: &arc_malachitebft_core_types::PolkaCertificate<FairlaneContext>,
) -> bool {
    let thresholds = ThresholdParams::default();
    at_once(setup.verifier.verify_polka_certificate(&FairlaneContext, certificate, set, thresholds)).is_ok()
}

/// The value of a future that never waits: verification here is plain computation.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("verifying waits for nothing")
}

fn number(round: MalachiteRound) -> Round {
    domain_round(round).unwrap_or(Round::ZERO)
}

fn evidence_of(misbehavior: &MisbehaviorEvidence<FairlaneContext>) -> Vec<Evidence> {
    let votes = misbehavior.votes.iter().flat_map(|(_, pairs)| pairs);
    reported(votes, misbehavior.proposals.iter().flat_map(|(_, pairs)| pairs))
}
