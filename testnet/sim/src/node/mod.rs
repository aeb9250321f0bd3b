//! One validator: the real cores, and around them what a node's lane service and engine do, one event at a time.
//!
//! | here | in a node |
//! |---|---|
//! | [`lanes`], [`fetching`] | `sequencer/src/lane_service` (segments, cuts, fetcher) |
//! | [`own_lane`] | `sequencer/src/lane_service` (seal, own lane, recovery) |
//! | [`heights`], [`rounds`], [`proposals`], [`values`] | `consensus/engine/src/app` |
//! | [`anchors`] | `sequencer/src/l1/anchors.rs` |
//! | [`start`] | `sequencer/src/recovery.rs` |
//!
//! A validator is a function of its disk, its clock and the events it is given. It draws no random numbers, unless it
//! is Byzantine.

mod anchors;
mod doubt;
mod fetching;
mod heights;
mod lanes;
mod own_lane;
mod pool;
mod proposals;
mod rounds;
pub(crate) mod shell;
mod start;
mod values;

use crate::byzantine::Villain;
use crate::machine::{Demand, Machine};
use crate::setup::{Setup, pace};
use crate::wire::{Message, Timer};
use doubt::Doubt;
use fairlane_chain::ChainState;
use fairlane_lanes::{CutBase, LaneView};
use fairlane_types::{Height, Transaction};
use fetching::Wants;
use heights::Heights;
use own_lane::OwnLane;
use pool::EvidencePool;
use shell::Shell;
pub(crate) use start::Start;
use std::collections::VecDeque;
use std::sync::Arc;

/// A running validator.
pub(crate) struct Node {
    pub(crate) setup: Arc<Setup>,
    /// Its place in the validator set.
    pub(crate) me: usize,
    /// Which start of this validator it is.
    pub(crate) boot: u32,
    pub(crate) shell: Shell,
    pub(crate) villain: Option<Box<Villain>>,
    pub(crate) chain: ChainState,
    pub(crate) base: CutBase,
    view: LaneView,
    own: OwnLane,
    pool: EvidencePool,
    wants: Wants,
    heights: Heights,
    machine: Machine,
    /// What may have been signed and is not known; none once this validator votes.
    doubt: Option<Doubt>,
    /// What consensus demands and is not done yet.
    demands: VecDeque<Demand>,
    obeying: bool,
    /// Something changed that waiting questions depend on.
    dirty: bool,
}

impl Node {
    /// A client hands in a transaction.
    pub(crate) fn on_submission(&mut self, transaction: &Arc<Transaction>) {
        self.submit(transaction);
        self.finish();
    }

    /// A message arrives.
    pub(crate) fn on_message(&mut self, from: usize, message: Message) {
        match message {
            Message::Segments(segments) => {
                // The newest first: of an equivocator only what a cut asked for is kept, and that asks for its parent.
                for segment in segments.into_iter().rev() {
                    self.take_in(segment);
                }
            }
            Message::Fetch { last, after } => self.serve(from, &last, after),
            Message::AskEnd(question, lane) => self.tell_end(from, question, lane),
            Message::End(question, end) => self.on_end(from, question, end),
            Message::Vote(vote) => self.on_vote(vote),
            Message::Proposal(proposal) => self.on_proposal(proposal),
            Message::Polka(certificate) => self.on_polka(certificate),
            Message::RoundCertificate(certificate) => self.on_round_certificate(certificate),
            Message::Part(part) => self.on_part(part),
            Message::Status(height) => self.on_status(from, height),
            Message::AskDecision(height) => self.give_decision(from, height),
            Message::Decision(proposal, certificate) => self.on_decision(from, proposal, certificate),
        }
        self.finish();
    }

    /// A timer runs out.
    pub(crate) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Seal => self.own.pace.armed = None,
            Timer::OwnSynced(seq) => self.on_own_synced(seq),
            Timer::Fetch => self.on_fetch_timer(),
            Timer::Consensus(timer) => {
                let demands = self.machine.timeout(&self.setup, &mut self.shell, self.me, timer);
                self.obey(demands);
            }
            Timer::Idle => self.dirty = true,
            Timer::Hold(height) => self.on_hold_timer(height),
            Timer::ProposeBy(height, round) => self.on_propose_by(height, round),
            Timer::Status => self.on_status_timer(),
            Timer::Recover => self.on_recover_timer(),
        }
        self.finish();
    }

    /// The last committed height.
    pub(crate) fn height(&self) -> Height {
        self.chain.height()
    }

    /// Whether nothing that was taken from clients waits for a segment, and nothing live waits for its order.
    pub(crate) fn is_settled(&self) -> bool {
        self.chain.live_count() == 0 && !self.own.has_waiting()
    }

    /// Does what every event may have made due.
    fn finish(&mut self) {
        while std::mem::take(&mut self.dirty) && !self.shell.is_dead() {
            self.look_again();
        }
        self.seal_if_due();
        while std::mem::take(&mut self.dirty) && !self.shell.is_dead() {
            self.look_again();
        }
        self.arm_fetch();
    }

    pub(super) fn on_status_timer(&mut self) {
        self.shell.broadcast(Message::Status(self.chain.height()));
        self.shell.timer(pace::STATUS, Timer::Status);
    }
}
