//! Between heights: the next one is held back until it is worth beginning.
//!
//! An idle network must not spin through empty heights, and a busy one must not wait. So the next height begins
//! when the lanes have a cut worth a block (they decide what idle means), when its proposer or a voter has begun
//! it, when a peer has decided it already, or at the latest after a set time.

use super::chain::Tip;
use super::services::Candidate;
use super::{App, Outcome, Params, Phase, Release, answer};
use crate::seams::FinalizedBlock;
use arc_malachitebft_app::engine::host::Next;
use fairlane_agreement::{Activity, BlockHeight, ProposerSet};
use fairlane_types::{Height, Round};
use ractor::RpcReplyPort;
use std::time::Instant;

impl App {
    /// Consensus asks where to begin.
    pub(super) fn on_ready(&mut self, reply: RpcReplyPort<(BlockHeight, Params)>) {
        self.recover(Release::Start(reply));
    }

    pub(super) async fn on_recovered(&mut self, activity: Activity, tip: Tip, release: Release) {
        tracing::info!(height = %tip.height, "the state is up to date with the store");
        self.activity = activity;
        self.services.gate.resume(tip.height);
        self.status.send_modify(|status| status.finalized = tip.height);
        self.hold(tip, release).await;
        self.recalling = true;
    }

    pub(super) async fn on_committed(&mut self, block: &FinalizedBlock, tip: Tip, release: Release) {
        let header = &block.proposal.header;
        tracing::debug!(height = %header.height, ordered = header.ordered_count, "finalized a block");
        self.activity.push(block.proposal.cut.clone());
        self.status.send_modify(|status| {
            status.finalized = header.height;
            status.block_time = header.time;
            status.finalized_at = Some(Instant::now());
        });
        self.recalling = false;
        self.hold(tip, release).await;
    }

    /// Moves on to the height after `tip` and holds it back, unless others have gone ahead.
    async fn hold(&mut self, tip: Tip, release: Release) {
        self.height = tip.height.next();
        self.round = Round::ZERO;
        self.proposers = ProposerSet::new(tip.validators.clone(), |lane| self.activity.is_active(lane));
        self.watch.advance(self.height, &tip.validators);
        self.candidate = None;
        self.proposed = false;
        self.decided = None;
        self.joining = None;
        self.tip = tip;
        self.phase = Phase::Holding { release, until: tokio::time::Instant::now() + self.max_hold };
        let height = self.height;
        self.status.send_modify(|status| {
            status.height = height;
            status.round = Round::ZERO;
            status.holding = true;
        });
        if self.is_behind() {
            self.release("a peer has decided it");
        } else {
            self.await_cut();
        }
        self.take_up_early().await;
    }

    /// Waits until the last height is long enough ago, then for a cut worth a block, and computes the block if it
    /// is our turn.
    fn await_cut(&mut self) {
        let (services, base, height) = (self.services.clone(), self.tip.base.clone(), self.height);
        let ours = self.proposers.proposer(height, Round::ZERO).address.0 == services.validator;
        let not_before = (self.began + self.min_block_interval).into_std();
        let task = self.spawn(async move {
            let candidate = if ours {
                services.candidate(base, not_before).await?
            } else {
                services.lanes.cut_is_due(base, not_before).await;
                None
            };
            Ok(Outcome::CutReady { height, candidate })
        });
        self.holding = Some(task);
    }

    pub(super) fn on_cut_ready(&mut self, height: Height, candidate: Option<Candidate>) {
        if height == self.height && matches!(self.phase, Phase::Holding { .. }) {
            self.candidate = candidate;
            self.release("there is a cut for it");
        }
    }

    /// Lets consensus begin the height that is held back.
    pub(super) fn release(&mut self, why: &'static str) {
        if !matches!(self.phase, Phase::Holding { .. }) {
            return;
        }
        if let Phase::Holding { release, .. } = std::mem::replace(&mut self.phase, Phase::Deciding) {
            tracing::debug!(height = %self.height, why, "begin the height");
            self.began = tokio::time::Instant::now();
            self.begin(release);
        }
        if let Some(task) = self.holding.take() {
            task.abort();
        }
    }

    /// The height's first proposal goes out, or is here. All validators see that at nearly the same time, so the next
    /// height's beginning is counted from it, and their clocks for it keep together.
    pub(super) fn note_proposal(&mut self) {
        if !std::mem::replace(&mut self.proposed, true) {
            self.began = tokio::time::Instant::now();
        }
    }

    /// Answers consensus with the height to begin and its parameters.
    pub(super) fn begin(&mut self, release: Release) {
        let params = Params::new(self.proposers.clone(), self.timeouts, None);
        match release {
            Release::Start(reply) => answer(reply, (BlockHeight(self.height), params)),
            Release::Next(reply) => answer(reply, Next::Start(BlockHeight(self.height), params)),
        }
    }
}
