//! From one height to the next: holding it back until it is worth beginning, executing what was decided, catching up.

use super::Node;
use super::proposals::Judging;
use super::values::Values;
use crate::disk::{PersistPoint, Write};
use crate::machine::{CoreInput, Demand};
use crate::observe::{Committed, Observed};
use crate::setup::pace;
use crate::wire::{Message, Part, Timer};
use arc_malachitebft_core_consensus::PeerId;
use arc_malachitebft_core_types::{PolkaCertificate, ValueResponse};
use bytes::Bytes;
use fairlane_agreement::{Activity, FairlaneContext, ProposerSet, extended_certificate};
use fairlane_chain::{BlockInput, PrepareError, Prepared, prepare};
use fairlane_lanes::CutContent;
use fairlane_types::{CommitCertificate, Height, Proposal, Round, ValidatorSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the height is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Consensus works on it.
    Deciding,
    /// It is decided, and its block waits for its content.
    Committing,
    /// It has not begun.
    Holding,
}

/// The height under decision.
pub(super) struct Heights {
    pub(super) height: Height,
    pub(super) round: Round,
    pub(super) phase: Phase,
    pub(super) proposers: ProposerSet,
    activity: Activity,
    pub(super) values: Values,
    pub(super) early: Vec<Part>,
    /// Proposals that are said to have a quorum of prevotes from an earlier round, until that is shown.
    pub(super) unproven: BTreeMap<Round, Part>,
    pub(super) polkas: Vec<PolkaCertificate<FairlaneContext>>,
    pub(super) judging: Vec<Judging>,
    /// The round for which consensus wants a value of ours.
    pub(super) wanted: Option<Round>,
    /// Proposals from before the restart are still to be told to consensus.
    pub(super) recalling: bool,
    decided: Option<(Arc<Proposal>, CommitCertificate)>,
    last_block: u64,
    /// When the decision of this height was asked for.
    asked: Option<u64>,
    /// The greatest height that a peer says it has committed, and which peer.
    best: Option<(Height, usize)>,
}

impl Heights {
    pub(super) fn new(
        height: Height,
        set: fairlane_types::ValidatorSet,
        activity: Activity,
        now: u64,
    ) -> Self {
        Self {
            height,
            round: Round::ZERO,
            phase: Phase::Committing,
            proposers: proposer_set(set, &activity),
            activity,
            values: Values::default(),
            early: Vec::new(),
            unproven: BTreeMap::new(),
            polkas: Vec::new(),
            judging: Vec::new(),
            wanted: None,
            recalling: true,
            decided: None,
            last_block: now,
            asked: None,
            best: None,
        }
    }
}

impl Node {
    /// Goes on with what the disk says was decided, or holds the next height back.
    pub(super) fn enter_height(&mut self) {
        self.vote_if_safe();
        let height = self.chain.height().next();
        let heights = &mut self.heights;
        heights.height = height;
        heights.round = Round::ZERO;
        heights.proposers = proposer_set(self.base.validators.clone(), &heights.activity);
        heights.values = Values::default();
        heights.unproven.clear();
        heights.polkas.clear();
        heights.judging.clear();
        heights.wanted = None;
        heights.asked = None;
        heights.decided = self.shell.disk.store().decision(height).cloned();
        if heights.decided.is_some() {
            heights.phase = Phase::Committing;
            self.dirty = true;
            return;
        }
        heights.phase = Phase::Holding;
        self.shell.timer(pace::MAX_HOLD, Timer::Hold(height));
        let idle = (heights.last_block + pace::IDLE_BLOCK).saturating_sub(self.shell.now);
        self.shell.timer(idle, Timer::Idle);
        self.dirty = true;
        self.take_up_early();
        if let Some((best, peer)) = self.heights.best {
            self.catch_up(peer, best);
        }
    }

    /// Looks again at everything that waits for segments.
    pub(super) fn look_again(&mut self) {
        match self.heights.phase {
            Phase::Committing => self.try_commit(),
            Phase::Holding => {
                if self.next_cut().is_some() {
                    self.release();
                }
            }
            Phase::Deciding => {
                self.judge_again();
                self.propose_if_wanted();
            }
        }
    }

    pub(super) fn on_hold_timer(&mut self, height: Height) {
        if height == self.heights.height {
            self.release();
        }
    }

    /// Whether the last block is so long ago that one may follow that orders nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.shell.now >= self.heights.last_block + pace::IDLE_BLOCK
    }

    /// Lets consensus begin the height that is held back.
    pub(super) fn release(&mut self) {
        if self.heights.phase != Phase::Holding {
            return;
        }
        self.heights.phase = Phase::Deciding;
        let (height, set) = (self.heights.height, self.heights.proposers.clone());
        let demands = self.machine.start_height(&self.setup, &mut self.shell, self.me, height, set);
        self.obey(demands);
    }

    /// Gives consensus an input and does what it demands.
    pub(super) fn feed(&mut self, input: CoreInput) {
        let demands = self.machine.feed(&self.setup, &mut self.shell, self.me, input);
        self.obey(demands);
    }

    /// Does what consensus demands, in its order: what follows from one demand comes after the others.
    pub(super) fn obey(&mut self, demands: Vec<Demand>) {
        self.demands.extend(demands);
        if std::mem::replace(&mut self.obeying, true) {
            return;
        }
        while let Some(demand) = self.demands.pop_front() {
            match demand {
                Demand::StartedRound(round) => self.on_started_round(round),
                Demand::GetValue(height, round, within) => self.on_get_value(height, round, within),
                Demand::Restream { round, valid_round, address, id } => {
                    self.on_restream(round, valid_round, address, id);
                }
                Demand::Decided(certificate) => self.on_decided(certificate),
                Demand::Finalized(evidence) => {
                    evidence.iter().for_each(|piece| self.note_evidence(piece));
                    self.heights.phase = Phase::Committing;
                    self.dirty = true;
                }
                Demand::Synced { proposal, proposer, round } => self.on_synced(proposal, proposer, round),
            }
        }
        self.obeying = false;
    }

    /// A block is decided: durable before anything else.
    fn on_decided(&mut self, certificate: CommitCertificate) {
        if certificate.height < self.heights.height {
            return;
        }
        let held = self.heights.values.proposal(&certificate.block);
        let stored = || self.shell.disk.store().proposal(certificate.height, certificate.block);
        let Some(proposal) = held.or_else(stored) else {
            let what = format!("validator {} decided a block that it does not hold", self.me);
            return self.shell.note_fault(what);
        };
        self.shell.persist(PersistPoint::Decision, Write::Decision(proposal.clone(), certificate.clone()));
        self.heights.decided = Some((proposal, certificate));
    }

    /// Executes the decided block once its content is held.
    fn try_commit(&mut self) {
        let Some((proposal, certificate)) = self.heights.decided.clone() else { return };
        let prepared = match self.heights.values.take_prepared(&certificate.block) {
            Some(prepared) => prepared,
            None => match self.view.content(&self.base, &proposal.cut) {
                Ok(content) => match self.compute(&proposal, content) {
                    Ok(prepared) => prepared,
                    Err(error) => return self.shell.note_fault(format!("a decided cut: {error}")),
                },
                Err(missing) => return self.need(&missing, false),
            },
        };
        if prepared.proposal.id() != certificate.block {
            let what = format!("validator {} computes another block than was decided", self.me);
            return self.shell.note_fault(what);
        }
        self.commit(proposal, certificate, *prepared);
    }

    /// Computes the block that follows from a proposal's cut.
    pub(super) fn compute(
        &self,
        proposal: &Proposal,
        content: CutContent,
    ) -> Result<Box<Prepared>, PrepareError> {
        prepare(&self.chain, BlockInput::of(proposal, content)).map(Box::new)
    }

    fn commit(&mut self, proposal: Arc<Proposal>, certificate: CommitCertificate, prepared: Prepared) {
        let Prepared { batches, heads, order, delta, .. } = prepared;
        if let Err(error) = self.chain.commit(delta) {
            return self.shell.note_fault(format!("a delta does not fit: {error}"));
        }
        let height = certificate.height;
        self.heights.activity.push(proposal.cut.clone());
        self.heights.last_block = self.shell.now;
        self.heights.recalling = false;
        self.pool.committed(&proposal.evidence);
        let ordered: Vec<_> = order.ids().collect();
        ordered.iter().for_each(|id| self.own.ordered(id));
        self.lanes_decided();
        let snapshot = height.get().is_multiple_of(pace::SNAPSHOT).then(|| Arc::new(self.chain.snapshot()));
        self.shell.persist(PersistPoint::Finalized, Write::Finalized { height, ordered, snapshot });
        self.shell.tell(Observed::Committed(Arc::new(Committed {
            proposal,
            certificate,
            batches,
            heads,
            order,
        })));
        self.shell.broadcast(Message::Status(height));
        self.enter_height();
    }

    /// A peer says how far it is.
    pub(super) fn on_status(&mut self, from: usize, height: Height) {
        if self.heights.best.is_none_or(|(best, _)| height >= best) {
            self.heights.best = Some((height, from));
        }
        self.catch_up(from, height);
    }

    /// Begins the height if a peer has decided it, and asks for the decision.
    fn catch_up(&mut self, peer: usize, height: Height) {
        if height < self.heights.height || self.heights.phase == Phase::Committing {
            return;
        }
        self.release();
        let now = self.shell.now;
        if self.heights.asked.is_none_or(|asked| now >= asked + pace::REFETCH) {
            self.heights.asked = Some(now);
            self.shell.send(peer, Message::AskDecision(self.heights.height));
        }
    }

    pub(super) fn give_decision(&mut self, from: usize, height: Height) {
        if let Some((proposal, certificate)) = self.shell.disk.store().decision(height).cloned() {
            self.shell.send(from, Message::Decision(proposal, certificate));
        }
    }

    /// A peer gives a decision. Consensus checks its certificate before it comes back as a demand.
    pub(super) fn on_decision(
        &mut self,
        from: usize,
        proposal: Arc<Proposal>,
        certificate: CommitCertificate,
    ) {
        let fits = certificate.height == self.heights.height && certificate.block == proposal.id();
        if !fits || self.heights.phase != Phase::Deciding {
            return;
        }
        self.machine.expect_synced(proposal);
        let peer = peer_id(from);
        let response = ValueResponse::new(peer, Bytes::new(), extended_certificate(&certificate));
        self.feed(CoreInput::SyncValueResponse(response));
        if self.heights.phase == Phase::Deciding {
            self.heights.asked = None;
        }
    }
}

fn proposer_set(set: ValidatorSet, activity: &Activity) -> ProposerSet {
    ProposerSet::new(set, |lane| activity.is_active(lane))
}

/// A validator's name as a peer: an identity multihash of its place.
fn peer_id(place: usize) -> PeerId {
    PeerId::from_bytes(&[0, 1, place as u8]).expect("an identity multihash of one byte is a peer id")
}
