//! Transactions of clients between being taken and standing in a segment.

use crate::lane_service::actor::Actor;
use crate::lane_service::ingress::{FairShare, Refused};
use crate::lane_service::messages::{Replies, Submission, SubmitReply};
use crate::metrics::ReasonLabel;
use fairlane_lanes::SubmitRefusal;
use fairlane_proto::v1::Refusal;
use fairlane_types::{ProtocolParams, Timestamp, Transaction, TxId};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// A transaction that waits for its segment.
pub(super) struct Waiting {
    pub(super) tag: u64,
    pub(super) transaction: Transaction,
    pub(super) replies: Replies,
}

/// What was taken and is not ordered yet.
pub(super) struct Submissions {
    /// In the order in which the writer got them.
    waiting: VecDeque<Waiting>,
    share: FairShare,
    /// Taken and not known to be ordered, until they expire.
    known: HashMap<TxId, Timestamp>,
    expiring: BTreeSet<(Timestamp, TxId)>,
}

impl Submissions {
    /// As many full segments as the writer lets wait.
    const QUEUED_SEGMENTS: u64 = 8;

    pub(super) fn new(params: &ProtocolParams) -> Self {
        Self {
            waiting: VecDeque::new(),
            share: FairShare::new(u64::from(params.max_segment_bytes).saturating_mul(Self::QUEUED_SEGMENTS)),
            known: HashMap::new(),
            expiring: BTreeSet::new(),
        }
    }

    fn check(&self, transaction: &Transaction) -> Result<(), Refused> {
        if self.known.contains_key(&transaction.id()) {
            return Err(Refused::new(Refusal::Duplicate, "the transaction stands in the lane already"));
        }
        self.share.check(transaction)
    }

    fn add(&mut self, waiting: Waiting) {
        let (id, expires) = (waiting.transaction.id(), waiting.transaction.expires_at());
        self.known.insert(id, expires);
        self.expiring.insert((expires, id));
        self.share.add(&waiting.transaction);
        self.waiting.push_back(waiting);
    }

    /// The next segment takes the first `count`.
    pub(super) fn take(&mut self, count: usize) -> Vec<Waiting> {
        let taken: Vec<_> = self.waiting.drain(..count.min(self.waiting.len())).collect();
        for waiting in &taken {
            self.share.remove(&waiting.transaction);
        }
        taken
    }

    /// A block ordered this transaction: the store knows it from now on.
    pub(super) fn ordered(&mut self, id: &TxId) {
        if let Some(expires) = self.known.remove(id) {
            self.expiring.remove(&(expires, *id));
        }
    }

    /// Forgets what will not be ordered any more.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((expires, id)) = self.expiring.first().copied().filter(|(expires, _)| *expires < now) {
            self.expiring.remove(&(expires, id));
            self.known.remove(&id);
        }
    }

    /// Gives up all that waits, for there is no writer any more.
    pub(super) fn abandon(&mut self) -> Vec<Waiting> {
        let all = self.take(self.waiting.len());
        for waiting in &all {
            self.ordered(&waiting.transaction.id());
        }
        all
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.share.total()
    }
}

impl Actor {
    /// Gives transactions to the writer, or refuses them.
    pub(super) fn on_submission(&mut self, submission: Submission) {
        let now = self.clock.now();
        for (tag, transaction) in submission.items {
            let replies = submission.replies.clone();
            if let Err(refused) = self.accept(Waiting { tag, transaction, replies }, now) {
                self.refuse(&submission.replies, tag, refused);
            }
        }
    }

    fn accept(&mut self, waiting: Waiting, now: Timestamp) -> Result<(), Refused> {
        let Some(writer) = self.own.writer() else {
            return Err(Refused::new(
                Refusal::NotReady,
                "this node writes no lane now: use another validator",
            ));
        };
        self.submissions.check(&waiting.transaction)?;
        writer.submit(waiting.transaction.clone(), now).map_err(|refusal| {
            let reason = match refusal {
                SubmitRefusal::Full { .. } => Refusal::LaneFull,
                SubmitRefusal::Invalid(_) => Refusal::TooLarge,
            };
            Refused::new(reason, refusal.to_string())
        })?;
        self.submissions.add(waiting);
        Ok(())
    }

    /// Says no, without waiting for the client.
    pub(super) fn refuse(&self, replies: &Replies, tag: u64, refused: Refused) {
        let Refused { reason, message } = refused;
        self.metrics.submissions_refused.get_or_create(&ReasonLabel { reason: reason.as_str_name() }).inc();
        // The client may be gone, or may not take its answers.
        let _ = replies.try_send(SubmitReply::Refused { tag, reason, message });
    }
}
