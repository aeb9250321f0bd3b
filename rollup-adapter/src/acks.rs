//! Acknowledgements: they move the durable cursor. Many that come at once share one write.

use crate::counters::{Counters, add};
use crate::cursor::{Cursor, CursorError, CursorStore, Position};
use crate::trust::{Trust, offload};
use fairlane_types::{BatchIndex, RollupId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// When an acknowledgement is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before [`Acker::ack`] returns. Concurrent acknowledgements share a write.
    #[default]
    Immediate,
    /// At most about this long after: `ack` returns at once, and a crash in between lets the batches come again.
    Coalesced(Duration),
}

/// Why an acknowledgement was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AckError {
    /// It is for another rollup.
    #[error("the batch is rollup {found}'s, the subscription is for rollup {expected}")]
    OtherRollup {
        /// The subscription's rollup.
        expected: RollupId,
        /// The batch's.
        found: RollupId,
    },
    /// That batch was not delivered yet.
    #[error("batch {index} was not delivered by this subscription, the last one was {delivered}")]
    NotDelivered {
        /// The acknowledged batch.
        index: BatchIndex,
        /// The last delivered one.
        delivered: BatchIndex,
    },
    /// The store failed. The cursor stands where it stood; acknowledging again tries again.
    #[error("the cursor could not be written: {0}")]
    Store(Arc<CursorError>),
    /// The subscription is gone.
    #[error("the subscription has ended")]
    Ended,
}

/// The newest acknowledgement, and how many there were: a store that failed is tried again with each.
#[derive(Clone, Debug, Default)]
struct Wanted {
    position: Option<Position>,
    count: u64,
}

/// What the writer has done.
#[derive(Clone, Debug, Default)]
struct Done {
    count: u64,
    durable: BatchIndex,
    failure: Option<Arc<CursorError>>,
}

/// Acknowledges batches of one subscription, from any task. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Acker {
    rollup: RollupId,
    durability: Durability,
    wanted: Arc<watch::Sender<Wanted>>,
    done: watch::Receiver<Done>,
    delivered: watch::Receiver<BatchIndex>,
    flush: Arc<Notify>,
    counters: Arc<Counters>,
}

impl Acker {
    /// Starts the writer. `start` is the durable index so far.
    pub(crate) fn start(
        rollup: RollupId,
        start: BatchIndex,
        durability: Durability,
        store: Arc<dyn CursorStore>,
        trust: Trust,
        delivered: watch::Receiver<BatchIndex>,
        counters: Arc<Counters>,
    ) -> Self {
        let (wanted, requests) = watch::channel(Wanted::default());
        let (results, done) = watch::channel(Done { durable: start, ..Done::default() });
        let flush = Arc::new(Notify::new());
        let writer = Writer {
            durability,
            store,
            trust,
            requests,
            results,
            flush: flush.clone(),
            counters: counters.clone(),
        };
        tokio::spawn(writer.run());
        Self { rollup, durability, wanted: Arc::new(wanted), done, delivered, flush, counters }
    }

    /// Says that the rollup has taken this batch and all before it: a restart resumes after it.
    ///
    /// Returns when that is durable, or at once where coalescing was asked for. A batch at or before the durable
    /// cursor changes nothing. Cancelling does not take an acknowledgement back.
    pub async fn ack(&self, batch: impl Into<Position>) -> Result<(), AckError> {
        let count = self.request(batch.into())?;
        match self.durability {
            Durability::Immediate => self.wait(count).await,
            Durability::Coalesced(_) => match self.done.borrow().failure.clone() {
                Some(error) => Err(AckError::Store(error)),
                None => Ok(()),
            },
        }
    }

    /// Waits until everything that was acknowledged is durable.
    pub async fn flush(&self) -> Result<(), AckError> {
        let count = self.wanted.borrow().count;
        self.flush.notify_one();
        self.wait(count).await
    }

    /// The last batch whose acknowledgement is durable.
    pub fn durable(&self) -> BatchIndex {
        self.done.borrow().durable
    }

    /// Changes whenever [`Self::durable`] does.
    pub(crate) fn watch(&self) -> DurableWatch {
        let mut done = self.done.clone();
        done.mark_changed();
        DurableWatch { done, seen: BatchIndex::ZERO }
    }

    fn request(&self, position: Position) -> Result<u64, AckError> {
        if position.rollup != self.rollup {
            return Err(AckError::OtherRollup { expected: self.rollup, found: position.rollup });
        }
        let delivered = *self.delivered.borrow();
        if position.index > delivered {
            return Err(AckError::NotDelivered { index: position.index, delivered });
        }
        add(&self.counters.acks, 1);
        let mut count = 0;
        self.wanted.send_modify(|wanted| {
            wanted.count += 1;
            count = wanted.count;
            if wanted.position.is_none_or(|newest| newest.index < position.index) {
                wanted.position = Some(position);
            }
        });
        Ok(count)
    }

    async fn wait(&self, count: u64) -> Result<(), AckError> {
        let mut done = self.done.clone();
        let done = done.wait_for(|done| done.count >= count).await.map_err(|_| AckError::Ended)?;
        match &done.failure {
            Some(error) => Err(AckError::Store(error.clone())),
            None => Ok(()),
        }
    }
}

/// Follows the durable index.
pub(crate) struct DurableWatch {
    done: watch::Receiver<Done>,
    seen: BatchIndex,
}

impl DurableWatch {
    /// The next durable index that is larger than the last one returned. Cancel safe.
    pub(crate) async fn next(&mut self) -> BatchIndex {
        loop {
            let durable = self.done.borrow_and_update().durable;
            if durable > self.seen {
                self.seen = durable;
                return durable;
            }
            if self.done.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The task that writes cursors, one at a time.
struct Writer {
    durability: Durability,
    store: Arc<dyn CursorStore>,
    trust: Trust,
    requests: watch::Receiver<Wanted>,
    results: watch::Sender<Done>,
    flush: Arc<Notify>,
    counters: Arc<Counters>,
}

impl Writer {
    /// Ends when every [`Acker`] is gone, after it wrote what was asked for last.
    async fn run(mut self) {
        loop {
            let ended = self.requests.changed().await.is_err();
            if let Durability::Coalesced(interval) = self.durability
                && !ended
            {
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    () = self.flush.notified() => {}
                }
            }
            let wanted = self.requests.borrow_and_update().clone();
            self.write(wanted).await;
            if ended {
                return;
            }
        }
    }

    async fn write(&self, wanted: Wanted) {
        let durable = self.results.borrow().durable;
        let newer = wanted.position.filter(|position| position.index > durable);
        let result = match newer.and_then(|position| cursor_at(&self.trust, position)) {
            Some(cursor) => {
                add(&self.counters.cursor_writes, 1);
                let store = self.store.clone();
                let index = cursor.position.index;
                offload(true, move || store.save(&cursor)).await.map(|()| index)
            }
            None => Ok(durable),
        };
        self.results.send_modify(|done| {
            done.count = wanted.count;
            match result {
                Ok(index) => (done.durable, done.failure) = (index, None),
                Err(error) => done.failure = Some(Arc::new(error)),
            }
        });
    }
}

/// The cursor at a position of a verified batch; `None` only for a position below all trust.
pub(crate) fn cursor_at(trust: &Trust, position: Position) -> Option<Cursor> {
    let sets = trust.sets();
    let (since, validators) = sets.at(position.height.next())?;
    Some(Cursor { network: *trust.network(), position, since, validators: validators.clone() })
}
