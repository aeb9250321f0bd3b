//! What a rollup holds while it is subscribed.

use super::SubscribeError;
use super::flow::Flow;
use super::tiers::{Event, News};
use super::unordered::Taken;
use crate::acks::{AckError, Acker, cursor_at};
use crate::counters::Counters;
use crate::cursor::{Cursor, Position};
use crate::pool::{EndpointState, Pool};
use crate::trust::Trust;
use fairlane_types::{BatchIndex, Height};
use fairlane_verify::VerifiedBatch;
use futures::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// A verified batch and its length on the wire, or why there are no more.
pub(super) type Delivery = Result<(VerifiedBatch, u64), SubscribeError>;

/// How a subscription stands.
#[derive(Clone, Debug)]
pub struct SubscriptionStatus {
    /// The endpoint in use, if there is one.
    pub endpoint: Option<String>,
    /// The last batch that was verified and handed over.
    pub delivered: BatchIndex,
    /// The height that the endpoint says it is at; not verified.
    pub claimed_height: Height,
    /// All endpoints, and why some are put aside.
    pub endpoints: Vec<EndpointState>,
}

impl SubscriptionStatus {
    pub(super) fn starting(delivered: BatchIndex, pool: &Pool) -> Self {
        let endpoints = pool.states(Instant::now());
        Self { endpoint: None, delivered, claimed_height: Height::ZERO, endpoints }
    }
}

/// A stream of a rollup's batches, each verified and the next after the one before. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    batches: mpsc::Receiver<Delivery>,
    flow: Arc<Flow>,
    sides: Sides,
    acker: Acker,
    trust: Trust,
    status: watch::Receiver<SubscriptionStatus>,
    counters: Arc<Counters>,
}

/// What may be told beside batches.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) taken: Taken,
    pub(super) news: Arc<News>,
}

impl Subscription {
    pub(super) fn new(
        batches: mpsc::Receiver<Delivery>,
        flow: Arc<Flow>,
        sides: Sides,
        acker: Acker,
        trust: Trust,
        status: watch::Receiver<SubscriptionStatus>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { batches, flow, sides, acker, trust, status, counters }
    }

    /// The next batch, and nothing else. Waits through failures of servers; an error is final, and `None` follows it. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<VerifiedBatch, SubscribeError>> {
        let delivery = self.batches.recv().await?;
        Some(self.take(delivery))
    }

    /// The next event of whatever tier ([`Subscriber::tiers`]), batches before anything else. Ends as [`Self::next`] does.
    /// Cancel safe.
    ///
    /// [`Subscriber::tiers`]: super::Subscriber::tiers
    pub async fn next_event(&mut self) -> Option<Result<Event, SubscribeError>> {
        tokio::select! {
            biased;
            delivery = self.batches.recv() => Some(self.take(delivery?).map(Event::Finalized)),
            event = self.sides.news.next() => Some(Ok(event)),
            next = self.sides.taken.next() => Some(Ok(Event::Acknowledged(next))),
        }
    }

    /// Says that the rollup has taken this batch and all before it. See [`Acker::ack`].
    pub async fn ack(&self, batch: impl Into<Position>) -> Result<(), AckError> {
        self.acker.ack(batch).await
    }

    /// A handle that acknowledges from another task.
    pub fn acker(&self) -> Acker {
        self.acker.clone()
    }

    /// The cursor right after a batch: for rollups that keep it in one transaction with their own state.
    pub fn cursor_of(&self, batch: &VerifiedBatch) -> Option<Cursor> {
        cursor_at(&self.trust, batch.into())
    }

    /// How the subscription stands, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<SubscriptionStatus> {
        self.status.clone()
    }

    /// What was counted.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Ends the subscription after all acknowledgements are durable.
    pub async fn close(self) -> Result<(), AckError> {
        let Self { batches, acker, .. } = self;
        drop(batches);
        acker.flush().await
    }

    fn take(&self, delivery: Delivery) -> Result<VerifiedBatch, SubscribeError> {
        let (batch, bytes) = delivery?;
        self.flow.taken(bytes);
        Ok(batch)
    }
}

impl Stream for Subscription {
    type Item = Result<VerifiedBatch, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let delivery = ready!(self.batches.poll_recv(context));
        Poll::Ready(delivery.map(|delivery| self.take(delivery)))
    }
}
