//! Transactions of clients between being taken and standing in a segment.

use crate::lane_service::actor::Actor;
use crate::lane_service::backlog::Backlog;
use crate::lane_service::ingress::Refused;
use crate::lane_service::messages::{Replies, Submission, SubmitReply};
use crate::metrics::ReasonLabel;
use fairlane_lanes::SubmitRefusal;
use fairlane_proto::v1::Refusal;
use fairlane_types::{Timestamp, Transaction, TxId};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A transaction that waits for its segment.
pub(super) struct Waiting {
    pub(super) tag: u64,
    pub(super) transaction: Transaction,
    pub(super) replies: Replies,
}

impl Waiting {
    /// Bytes of its envelope.
    pub(super) fn bytes(&self) -> usize {
        self.transaction.envelope().len()
    }
}

/// What was taken and is not ordered yet.
pub(super) struct Submissions {
    /// In the order in which the writer got them.
    waiting: VecDeque<Waiting>,
    /// Bytes of their envelopes.
    waiting_bytes: usize,
    backlog: Backlog,
    /// Taken and not known to be ordered, until they expire.
    known: HashMap<TxId, Transaction>,
    expiring: BTreeSet<(Timestamp, TxId)>,
}

impl Submissions {
    /// Takes as many as are ordered in about `backlog`.
    pub(super) fn new(backlog: Duration) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            backlog: Backlog::new(backlog),
            known: HashMap::new(),
            expiring: BTreeSet::new(),
        }
    }

    fn check(&mut self, transaction: &Transaction) -> Result<(), Refused> {
        if self.known.contains_key(&transaction.id()) {
            return Err(Refused::new(Refusal::Duplicate, "the transaction stands in the lane already"));
        }
        self.backlog.check(transaction, Instant::now())
    }

    fn add(&mut self, waiting: Waiting) {
        let transaction = &waiting.transaction;
        self.expiring.insert((transaction.expires_at(), transaction.id()));
        self.known.insert(transaction.id(), transaction.clone());
        self.backlog.add(transaction);
        self.waiting_bytes += waiting.bytes();
        self.waiting.push_back(waiting);
    }

    /// The next segment takes the first `count`.
    pub(super) fn take(&mut self, count: usize) -> Vec<Waiting> {
        let taken: Vec<_> = self.waiting.drain(..count.min(self.waiting.len())).collect();
        self.waiting_bytes -= taken.iter().map(Waiting::bytes).sum::<usize>();
        taken
    }

    /// A block ordered these transactions: the store knows them from now on.
    pub(super) fn ordered(&mut self, ids: impl Iterator<Item = TxId>) {
        let now = Instant::now();
        for id in ids {
            if let Some(transaction) = self.forget(&id) {
                self.backlog.ordered(&transaction, now);
            }
        }
    }

    /// Forgets what will not be ordered any more.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((_, id)) = self.expiring.first().copied().filter(|(expires, _)| *expires < now) {
            self.give_up(&id);
        }
    }

    /// Gives up all that waits, for there is no writer any more.
    pub(super) fn abandon(&mut self) -> Vec<Waiting> {
        let all = self.take(self.waiting.len());
        all.iter().for_each(|waiting| self.give_up(&waiting.transaction.id()));
        all
    }

    fn give_up(&mut self, id: &TxId) {
        if let Some(transaction) = self.forget(id) {
            self.backlog.remove(&transaction);
        }
    }

    fn forget(&mut self, id: &TxId) -> Option<Transaction> {
        let transaction = self.known.remove(id)?;
        self.expiring.remove(&(transaction.expires_at(), *id));
        Some(transaction)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// How many bytes are taken and not ordered yet, and how many may be.
    pub(super) fn backlog(&mut self, now: Instant) -> (u64, u64) {
        (self.backlog.bytes(), self.backlog.limit(now))
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
