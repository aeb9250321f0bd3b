//! One subscription: from the resume point through the store to the newest block, and on as blocks are finalized.
//!
//! The feed is joined before the store is read, so nothing falls in between. Whenever a batch is not the next one, or
//! may not be sent yet, the subscription goes back to the store: the feed is only the short way for who is in step.
//! Nothing is sent without credit but heartbeats. Who leaves its stream unread, or gives no credit while batches
//! wait, is dropped; what waits for it is bounded by two messages. Other tiers are told beside it ([`Telling`]).

use super::answers::Answers;
use super::core::Core;
use super::feed::{News, ReadyBatch};
use super::resume::Opened;
use super::slots::Slot;
use super::tiers::{Out, Sides, Telling};
use fairlane_proto::v1::{
    Refusal, SubscribeRequest, SubscribeResponse, subscribe_request::Message, subscribe_response,
};
use fairlane_types::{BatchIndex, RollupId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tonic::{Status, Streaming};

/// Messages between a subscription and its connection.
const OUT_QUEUE: usize = 2;
/// The most batches read from the store at a time.
const READ_BATCHES: u64 = 64;

/// Why a subscription is over.
enum End {
    /// The subscriber is gone, or leaves its stream unread: nothing can be told.
    Gone,
    /// All that it asked for is sent and it will not ask for more.
    Done,
    /// Told to the subscriber.
    Refused(Status),
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

/// What may be sent. Bytes may be owed after a large batch.
#[derive(Clone, Copy, Debug, Default)]
struct Credit {
    batches: u64,
    bytes: i128,
}

impl Credit {
    fn allows(&self) -> bool {
        self.batches > 0 && self.bytes > 0
    }

    fn spend(&mut self, bytes: u64) {
        self.batches = self.batches.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(i128::from(bytes));
    }
}

pub(super) struct Subscription {
    core: Arc<Core>,
    rollup: RollupId,
    next: BatchIndex,
    credit: Credit,
    /// When the credit ran out while batches wait.
    starved: Option<Instant>,
    acknowledged: BatchIndex,
    news: broadcast::Receiver<News>,
    /// `None` after the subscriber said all that it has to say.
    requests: Option<Streaming<SubscribeRequest>>,
    out: Out,
    /// The other tiers.
    telling: Telling,
    heartbeats: Interval,
    silent_since: Instant,
}

/// Starts a subscription whose resume point was checked.
pub(super) fn start(
    core: Arc<Core>,
    slot: Slot,
    opened: Opened,
    sides: Sides,
    requests: Streaming<SubscribeRequest>,
) -> Answers<SubscribeResponse> {
    let (out, events) = mpsc::channel(OUT_QUEUE);
    let mut heartbeats = interval(core.limits.heartbeat.max(Duration::from_millis(1)));
    heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let subscription = Subscription {
        news: core.feed.news(),
        core: core.clone(),
        rollup: opened.rollup,
        next: opened.from,
        credit: Credit::default(),
        starved: None,
        acknowledged: BatchIndex::ZERO,
        requests: Some(requests),
        telling: sides.start(&core, &out),
        out,
        heartbeats,
        silent_since: Instant::now(),
    };
    tokio::spawn(subscription.run());
    Answers::new(events, slot, Some(core.metrics.subscribers.clone()))
}

impl Subscription {
    async fn run(mut self) {
        let end = loop {
            if let Err(end) = self.catch_up().await {
                break end;
            }
            if let Err(end) = self.follow().await {
                break end;
            }
        };
        tracing::debug!(
            rollup = %self.rollup, next = %self.next, acknowledged = %self.acknowledged, "a subscription ends"
        );
        if let End::Refused(status) = end {
            // Who does not read it in time is dropped without.
            let _ = timeout(self.core.limits.stall_timeout, self.out.send(Err(status))).await;
        }
    }

    /// Sends what the store has from here on, as far as credit comes in. Returns when there is nothing more.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            self.wait_for_credit().await?;
            let (rollup, next) = (self.rollup, self.next);
            let most = self.credit.batches.min(READ_BATCHES) as usize;
            let bytes = self.credit.bytes.clamp(1, self.core.limits.read_bytes as i128) as usize;
            let read = self.core.read(move |store| store.batches_from(rollup, next, most, bytes)).await?;
            if read.is_empty() {
                return self.check_not_pruned().await;
            }
            for batch in read {
                let ready = ReadyBatch::new(batch.header.index, batch.into());
                self.send_batch(&ready).await?;
            }
        }
    }

    /// Sends batches as they are finalized. Returns when one cannot be sent from here.
    async fn follow(&mut self) -> Result<(), End> {
        loop {
            tokio::select! {
                news = self.news.recv() => match news {
                    Ok(News::Block(batches)) => match batches.get(&self.rollup) {
                        Some(batch) if batch.index == self.next && self.credit.allows() => {
                            self.send_batch(batch).await?;
                        }
                        Some(batch) if batch.index >= self.next => return Ok(()),
                        _ => {}
                    },
                    Ok(News::Missed) | Err(broadcast::error::RecvError::Lagged(_)) => return Ok(()),
                    Err(broadcast::error::RecvError::Closed) => return Err(self.core.shutting_down().into()),
                },
                request = next_request(&mut self.requests) => self.take(request)?,
                _ = self.heartbeats.tick() => self.heartbeat().await?,
                () = self.core.shutdown.cancelled() => return Err(self.core.shutting_down().into()),
            }
        }
    }

    async fn wait_for_credit(&mut self) -> Result<(), End> {
        while !self.credit.allows() {
            if self.requests.is_none() {
                return Err(End::Done);
            }
            tokio::select! {
                request = next_request(&mut self.requests) => self.take(request)?,
                _ = self.heartbeats.tick() => {
                    self.check_not_starved()?;
                    self.heartbeat().await?;
                }
                () = self.core.shutdown.cancelled() => return Err(self.core.shutting_down().into()),
            }
        }
        self.starved = None;
        Ok(())
    }

    /// Gives up on who gives no credit while batches wait.
    fn check_not_starved(&mut self) -> Result<(), End> {
        let is_waiting = self.newest() >= self.next;
        let since = self.starved.get_or_insert_with(Instant::now);
        if !is_waiting {
            *since = Instant::now();
        }
        let limit = self.core.limits.credit_timeout;
        if since.elapsed() < limit {
            return Ok(());
        }
        let message = format!(
            "no credit came for {} s while batches waited: open again from batch {} when you can take more",
            limit.as_secs(),
            self.next
        );
        Err(self.core.refuse(Refusal::Protocol, message).into())
    }

    /// The store has nothing at the next index: either there is nothing yet, or it was pruned meanwhile.
    async fn check_not_pruned(&self) -> Result<(), End> {
        let rollup = self.rollup;
        let bounds = self.core.read(move |store| store.rollup_bounds(rollup)).await?;
        match bounds {
            Some((first, _)) if first > self.next => {
                let message = format!(
                    "batch {} is no longer kept, the first one is {first}: ask a node that keeps more",
                    self.next
                );
                Err(self.core.refuse(Refusal::Pruned, message).into())
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, request: Result<Option<SubscribeRequest>, Status>) -> Result<(), End> {
        let Some(request) = request.map_err(|_| End::Gone)? else {
            self.requests = None;
            return Ok(());
        };
        let broken = |what: &str| Err(self.core.refuse(Refusal::Protocol, what).into());
        match request.message {
            Some(Message::Credit(credit)) => {
                self.credit.batches = self.credit.batches.saturating_add(u64::from(credit.batches));
                self.credit.bytes = self.credit.bytes.saturating_add(i128::from(credit.bytes));
                match &self.telling.allowance {
                    Some(allowance) => allowance.add(credit.acknowledged_bytes),
                    None if credit.acknowledged_bytes > 0 => {
                        return broken("acknowledged_bytes are for who asked for TIER_ACKNOWLEDGED");
                    }
                    None => {}
                }
                Ok(())
            }
            Some(Message::Ack(ack)) if ack.index >= self.next.get() => {
                broken("a batch was acknowledged that was not sent")
            }
            Some(Message::Ack(ack)) => {
                self.acknowledged = self.acknowledged.max(BatchIndex::new(ack.index));
                Ok(())
            }
            Some(Message::Open(_)) => {
                broken("a subscription is opened once: use another stream for another one")
            }
            None => broken("a request must be one of open, credit and ack"),
        }
    }

    async fn send_batch(&mut self, batch: &ReadyBatch) -> Result<(), End> {
        self.send(subscribe_response::Event::Batch(batch.message.clone())).await?;
        self.credit.spend(batch.bytes);
        self.next = batch.index.next();
        self.core.metrics.batches_delivered.inc();
        self.core.metrics.bytes_delivered.inc_by(batch.message.body.len() as u64);
        Ok(())
    }

    /// Shows that the stream is alive, unless something was sent lately.
    async fn heartbeat(&mut self) -> Result<(), End> {
        if self.silent_since.elapsed() < self.core.limits.heartbeat / 2 {
            return Ok(());
        }
        let tip = self.core.feed.tip();
        let heartbeat = subscribe_response::Heartbeat {
            height: tip.block.as_ref().map_or(0, |block| block.header.height.get()),
            time_nanos: tip.time().as_nanos(),
            index: self.newest().get(),
        };
        self.send(subscribe_response::Event::Heartbeat(heartbeat)).await
    }

    async fn send(&mut self, event: subscribe_response::Event) -> Result<(), End> {
        let message = Ok(SubscribeResponse { event: Some(event) });
        match timeout(self.core.limits.stall_timeout, self.out.send(message)).await {
            Ok(Ok(())) => {
                self.silent_since = Instant::now();
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    fn newest(&self) -> BatchIndex {
        self.core.feed.tip().leaf(self.rollup).map_or(BatchIndex::ZERO, |leaf| leaf.index)
    }
}

/// The next request; never resolves once there are no more.
async fn next_request(
    requests: &mut Option<Streaming<SubscribeRequest>>,
) -> Result<Option<SubscribeRequest>, Status> {
    match requests {
        Some(requests) => requests.message().await,
        None => std::future::pending().await,
    }
}
