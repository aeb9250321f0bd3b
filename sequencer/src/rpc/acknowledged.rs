//! `TIER_ACKNOWLEDGED`: what lanes hold for a rollup before it is ordered, each transaction with the proof that a validator
//! put it there.
//!
//! It is told as long as the subscriber gives credit for it. What comes while there is none is counted and never sent:
//! who is slow learns how much it missed, and costs nothing. The finalized batches have all of it anyway, in its order.

use super::core::Core;
use super::tiers::Out;
use crate::lane_service::LaneSegment;
use fairlane_proto::convert;
use fairlane_proto::v1::SubscribeResponse;
use fairlane_proto::v1::subscribe_response::acknowledged::Entry;
use fairlane_proto::v1::subscribe_response::{Acknowledged, Event, Missed};
use fairlane_types::{Hash32, RollupId};
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// A message carries about so many bytes at most, besides a single larger transaction: a batch waits for no more.
const MESSAGE_BYTES: usize = 64 << 10;

/// Bytes that may be sent. Some may be owed after a large message.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowance(Arc<Credit>);

#[derive(Debug, Default)]
struct Credit {
    left: AtomicI64,
    given: Notify,
}

impl Allowance {
    /// The most that is saved up.
    const MOST: u64 = i64::MAX as u64 / 4;

    pub(super) fn add(&self, bytes: u64) {
        let add = |left: i64| left.saturating_add_unsigned(bytes).min(Self::MOST as i64);
        // Always changes.
        let _ = self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(add(left)));
        self.0.given.notify_one();
    }

    fn spend(&self, bytes: usize) {
        self.0.left.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX / 4), Ordering::Relaxed);
    }

    fn is_left(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) > 0
    }

    /// Waits until something may be sent.
    async fn given(&self) {
        while !self.is_left() {
            self.0.given.notified().await;
        }
    }
}

/// The connection is gone, or the subscription has ended.
struct Over;

/// Tells one subscriber.
pub(super) struct Unordered {
    core: Arc<Core>,
    rollup: RollupId,
    allowance: Allowance,
    out: Out,
    missed: Missed,
}

impl Unordered {
    pub(super) fn new(core: Arc<Core>, rollup: RollupId, allowance: Allowance, out: Out) -> Self {
        Self { core, rollup, allowance, out, missed: Missed::default() }
    }

    /// Tells of what is held and of what comes, until it is stopped or nobody listens.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            // Nobody listens any more.
            Over = self.follow() => {}
        }
    }

    /// Nothing counts as missed before the first credit.
    async fn follow(&mut self) -> Over {
        self.allowance.given().await;
        let (held, mut news) = self.core.lane_feed.join().await;
        for segment in held {
            if self.tell(&segment).await.is_err() {
                return Over;
            }
        }
        let mut ticks = interval(self.core.limits.heartbeat.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let told = tokio::select! {
                segment = news.recv() => match segment {
                    Ok(segment) => self.tell(&segment).await,
                    Err(RecvError::Lagged(segments)) => {
                        self.missed.segments += segments;
                        Ok(())
                    }
                    Err(RecvError::Closed) => return Over,
                },
                _ = ticks.tick() => self.tell_missed().await,
            };
            if told.is_err() {
                return Over;
            }
        }
    }

    /// Tells of what a segment has for the rollup, in messages of bounded size.
    async fn tell(&mut self, segment: &LaneSegment) -> Result<(), Over> {
        let mut found = segment.of_rollup(self.rollup).await.into_iter();
        while found.len() > 0 {
            if !self.allowance.is_left() {
                let missed = found.len() as u64;
                self.missed.transactions += missed;
                self.core.metrics.acknowledged_missed.inc_by(missed);
                break;
            }
            self.tell_missed().await?;
            let message = message(segment, &mut found);
            self.core.metrics.acknowledged_delivered.inc_by(message.entries.len() as u64);
            self.allowance.spend(message.encoded_len());
            self.send(Event::Acknowledged(message)).await?;
        }
        Ok(())
    }

    async fn tell_missed(&mut self) -> Result<(), Over> {
        if self.missed == Missed::default() {
            return Ok(());
        }
        let missed = std::mem::take(&mut self.missed);
        self.send(Event::Missed(missed)).await
    }

    async fn send(&self, event: Event) -> Result<(), Over> {
        self.out.send(Ok(SubscribeResponse { event: Some(event) })).await.map_err(|_| Over)
    }
}

/// The next message about a segment.
fn message(segment: &LaneSegment, found: &mut impl Iterator<Item = (usize, Vec<Hash32>)>) -> Acknowledged {
    let segment = segment.segment();
    let mut bytes = 0;
    let mut entries = Vec::new();
    while bytes < MESSAGE_BYTES {
        let Some((place, path)) = found.next() else { break };
        let Some(transaction) = segment.transactions().get(place) else { continue };
        let entry = Entry {
            envelope: transaction.envelope().clone(),
            index: u32::try_from(place).unwrap_or(u32::MAX),
            path: convert::path_to_field(&path),
        };
        bytes += entry.encoded_len();
        entries.push(entry);
    }
    Acknowledged {
        segment_header: convert::to_field(segment.header()),
        signature: convert::to_field(segment.signature()),
        entries,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_spent_owed_and_never_overflows() {
        let allowance = Allowance::default();
        assert!(!allowance.is_left());
        allowance.add(10);
        assert!(allowance.is_left());
        allowance.spend(25);
        allowance.add(15);
        assert!(!allowance.is_left(), "what one message exceeded is paid first");
        for _ in 0..9 {
            allowance.add(u64::MAX);
        }
        assert!(allowance.is_left());
        allowance.spend(1);
        assert!(allowance.is_left());
    }
}
