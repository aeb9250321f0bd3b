//! The lane service as the rest of the node sees it.

use crate::clock::system_time;
use crate::in_force::{self, InForce};
use crate::l1::{AnchorRefusal, Anchors};
use crate::lane_service::feed::LaneFeed;
use crate::lane_service::ingress::{Ingress, Refused};
use crate::lane_service::messages::{Replies, Request, Submission, SubmitReply};
use crate::lane_service::recovery::Answered;
use crate::lane_service::status::LaneServiceStatus;
use crate::metrics::{LaneMetrics, ReasonLabel};
use crate::store::Store;
use async_trait::async_trait;
use fairlane_engine::{CutVerdict, FinalizedBlock, LaneService, NextCut, Told};
use fairlane_lanes::{CutBase, CutContent};
use fairlane_proto::v1::Refusal;
use fairlane_types::{Cut, Evidence, NetworkId, Proposal, Round, Timestamp, Transaction, ValidatorId};
use fairlane_verify::verify_evidence;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// A handle on the lane service. Cheap to clone.
#[derive(Clone)]
pub struct LaneHandle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) feed: LaneFeed,
    pub(super) submissions: mpsc::Sender<Submission>,
    pub(super) status: watch::Receiver<LaneServiceStatus>,
    pub(super) told: watch::Receiver<Answered>,
    pub(super) ingress: Arc<Ingress>,
    /// The last block's time in nanoseconds.
    pub(super) chain_time: Arc<AtomicU64>,
    pub(super) store: Store,
    pub(super) network: NetworkId,
    /// This node's validator, if it has a key.
    pub(super) validator: Option<ValidatorId>,
    pub(super) anchors: Anchors,
    pub(super) in_force: Arc<watch::Sender<InForce>>,
    pub(super) metrics: LaneMetrics,
}

impl LaneHandle {
    /// Submits transactions of one client. For each comes one answer, its receipt or its refusal, under the tag that the
    /// client gave it; the receipts of one segment come together.
    ///
    /// Waits while the lane service is busy, and while `replies` is full of refusals. Receipts do not wait for a client:
    /// `replies` must have room for one answer for each transaction that is under way, and what does not fit is lost.
    pub async fn submit(&self, transactions: Vec<(u64, Transaction)>, replies: Replies) {
        let mut items = Vec::with_capacity(transactions.len());
        for (tag, transaction) in transactions {
            match self.check(&transaction) {
                Ok(()) => items.push((tag, transaction)),
                Err(refused) => self.refuse(&replies, tag, refused).await,
            }
        }
        if items.is_empty() {
            return;
        }
        if let Err(mpsc::error::SendError(submission)) =
            self.submissions.send(Submission { items, replies }).await
        {
            for (tag, _) in submission.items {
                let refused = Refused::new(Refusal::ShuttingDown, "the node is shutting down: use another");
                self.refuse(&submission.replies, tag, refused).await;
            }
        }
    }

    fn check(&self, transaction: &Transaction) -> Result<(), Refused> {
        self.check_standing()?;
        let chain_time = Timestamp::from_nanos(self.chain_time.load(Ordering::Relaxed));
        let rollups = self.in_force.borrow().rollups.clone();
        self.ingress.check(transaction, &rollups, system_time(), chain_time)?;
        match self.store.transaction(&transaction.id()) {
            Some((height, _)) => {
                let message = format!("the transaction was ordered in block {height}");
                Err(Refused::new(Refusal::Duplicate, message))
            }
            None => Ok(()),
        }
    }

    /// Whether this node's validator is there to stay, and writes its lane.
    fn check_standing(&self) -> Result<(), Refused> {
        let refused = |why| Err(Refused::new(Refusal::NotReady, why));
        let (writing, in_force) = (self.status.borrow().writing, self.in_force.borrow());
        let own = self.validator.as_ref().filter(|own| in_force.validators.get(own).is_some());
        match own {
            None => refused("this node is not in the validator set: use one of the validators"),
            Some(_) if !writing => {
                refused("this node writes no lane yet, it is starting: use another validator")
            }
            Some(own) if self.anchors.is_leaving(&in_force, own) => {
                refused("this node is about to leave the validator set: use another validator")
            }
            Some(_) => Ok(()),
        }
    }

    async fn refuse(&self, replies: &Replies, tag: u64, refused: Refused) {
        let Refused { reason, message } = refused;
        self.metrics.submissions_refused.get_or_create(&ReasonLabel { reason: reason.as_str_name() }).inc();
        // The client may be gone.
        let _ = replies.send(SubmitReply::Refused { tag, reason, message }).await;
    }

    /// What the last committed block put in force.
    pub fn in_force(&self) -> watch::Receiver<InForce> {
        self.in_force.subscribe()
    }

    /// Where to learn of what lanes hold.
    pub fn feed(&self) -> LaneFeed {
        self.feed.clone()
    }

    /// How the lanes are doing.
    pub fn status(&self) -> watch::Receiver<LaneServiceStatus> {
        self.status.clone()
    }

    /// Takes evidence for the next blocks, once its signatures are found valid. Repeating it changes nothing.
    pub async fn add_evidence(&self, evidence: Evidence) {
        match verify_evidence(&evidence, &self.network) {
            // The service may have ended.
            Ok(_) => drop(self.requests.send(Request::Evidence(evidence)).await),
            Err(error) => tracing::warn!(%error, "evidence does not hold"),
        }
    }

    /// Keeps the service informed of finalized blocks and of evidence that consensus finds, until both end.
    pub fn follow(
        &self,
        mut finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
        mut evidence: mpsc::Receiver<Evidence>,
    ) {
        let (blocks, pieces) = (self.clone(), self.clone());
        tokio::spawn(async move {
            loop {
                match finalized.recv().await {
                    Ok(block) => blocks.finalized(block).await,
                    // What was missed only concerns duplicates, which ordering skips.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
        tokio::spawn(async move {
            while let Some(piece) = evidence.recv().await {
                pieces.add_evidence(piece).await;
            }
        });
    }

    /// Tells of one finalized block.
    pub async fn finalized(&self, block: Arc<FinalizedBlock>) {
        self.chain_time.fetch_max(block.proposal.header.time.as_nanos(), Ordering::Relaxed);
        // The service may have ended.
        let _ = self.requests.send(Request::Finalized(block)).await;
    }

    /// The evidence of a proposal, which does not depend on the lanes.
    fn check_evidence(&self, proposal: &Proposal) -> Result<(), CutVerdict> {
        let invalid = |reason: String| Err(CutVerdict::Invalid(reason));
        let mut slots = BTreeSet::new();
        for piece in &proposal.evidence {
            match verify_evidence(piece, &self.network) {
                Ok(slot) if !slots.insert(slot) => {
                    return invalid(format!("the offence {slot:?} is proven twice"));
                }
                Ok(_) => {}
                Err(error) => return invalid(format!("a piece of evidence does not hold: {error}")),
            }
        }
        Ok(())
    }

    /// The anchor of a proposal, and what it brings.
    async fn check_anchor(&self, base: &CutBase, proposal: &Proposal, fresh: bool) -> Result<(), CutVerdict> {
        let verdict = self.anchors.check(&InForce::from(base), proposal, fresh).await;
        verdict.map_err(|refusal| match refusal {
            AnchorRefusal::NotSeen { .. } => CutVerdict::Untimely(refusal.to_string()),
            _ => CutVerdict::Invalid(refusal.to_string()),
        })
    }

    /// Sends a request and waits for its answer. Without a service there is none, and the caller, which is shutting
    /// down as well, waits until it is dropped.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> T {
        let (reply, answer) = oneshot::channel();
        // Whether it was sent shows in the answer.
        let _ = self.requests.send(request(reply)).await;
        match answer.await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl LaneService for LaneHandle {
    async fn next_cut(&self, base: CutBase, not_before: Instant) -> NextCut {
        let (height, in_force) = (base.height.next(), InForce::from(&base));
        let mut next = self.ask(|reply| Request::Next { base, not_before, reply }).await;
        if let Some(step) = self.anchors.next(height, &in_force) {
            next.l1_anchor = step.anchor;
            next.next_validators = step.next_validators;
            next.rollups = step.rollups;
        }
        next
    }

    async fn cut_is_due(&self, base: CutBase, not_before: Instant) {
        self.ask(|reply| Request::Due { base, not_before, reply }).await;
    }

    async fn judge(
        &self,
        base: CutBase,
        proposal: Arc<Proposal>,
        round: Round,
        fresh: bool,
    ) -> Result<CutContent, CutVerdict> {
        self.check_evidence(&proposal)?;
        self.check_anchor(&base, &proposal, fresh).await?;
        self.ask(|reply| Request::Judge { base, proposal, round, fresh, reply }).await
    }

    async fn fetch(&self, base: CutBase, cut: Cut) -> CutContent {
        self.ask(|reply| Request::Content { base, cut, reply }).await
    }

    async fn told(&self) -> Option<Told> {
        let mut told = self.told.clone();
        let answered = told.wait_for(Option::is_some).await.map(|answered| answered.flatten());
        match answered {
            Ok(told) => told,
            // The service has ended, and with it the node.
            Err(_) => std::future::pending().await,
        }
    }

    async fn decided(&self, base_after: CutBase) {
        in_force::tell(&self.in_force, &base_after);
        self.ask(|done| Request::Decided { base: base_after, done }).await;
    }
}
