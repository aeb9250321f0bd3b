//! Whether the endpoint in use keeps batches back: another one is asked for a certified head now and then.
//!
//! A heartbeat proves nothing, so a server that says "nothing new" for ever would otherwise stall its subscribers.
//! What another endpoint proves must arrive here before the next check, or the endpoint in use is put aside.

use crate::client::fetch_standing;
use crate::connect::ConnectOptions;
use crate::fault::Fault;
use crate::trust::Trust;
use fairlane_types::{BatchIndex, RollupId};
use fairlane_verify::Standing;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Interval;

pub(super) struct CrossCheck {
    ticks: Interval,
    before: BatchIndex,
    answer: Option<JoinHandle<Option<BatchIndex>>>,
    expected: BatchIndex,
}

impl CrossCheck {
    pub(super) fn new(every: Duration) -> Self {
        let every = every.max(Duration::from_millis(10));
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self { ticks, before: BatchIndex::ZERO, answer: None, expected: BatchIndex::ZERO }
    }

    /// Waits for the next check. Cancel safe.
    pub(super) async fn due(&mut self) {
        self.ticks.tick().await;
    }

    /// One check: the subscription stands at `at`. Asks `other` only when nothing came since the last check.
    pub(super) fn advance(
        &mut self,
        rollup: RollupId,
        at: BatchIndex,
        other: Option<&str>,
        trust: &Trust,
        options: ConnectOptions,
    ) -> Result<(), Fault> {
        if self.expected > at {
            return Err(Fault::Behind { theirs: at, ours: self.expected });
        }
        self.take_answer(at);
        if self.answer.is_none()
            && self.before == at
            && let Some(url) = other
        {
            self.answer = Some(tokio::spawn(proven_index(url.to_owned(), rollup, trust.clone(), options)));
        }
        self.before = at;
        Ok(())
    }

    /// Takes what the other endpoint has proven, if it answered.
    fn take_answer(&mut self, at: BatchIndex) {
        let Some(answer) = self.answer.take_if(|answer| answer.is_finished()) else { return };
        if let Some(Ok(Some(index))) = futures::FutureExt::now_or_never(answer) {
            self.expected = index.max(at);
        }
    }
}

impl Drop for CrossCheck {
    fn drop(&mut self) {
        if let Some(answer) = &self.answer {
            answer.abort();
        }
    }
}

/// How many batches an endpoint can prove; `None` when it proves nothing, which is its own fault and not looked at.
async fn proven_index(
    url: String,
    rollup: RollupId,
    trust: Trust,
    options: ConnectOptions,
) -> Option<BatchIndex> {
    let channel = options.connect(&url).await.ok()?;
    match fetch_standing(channel, rollup, &trust, options).await.ok()?.standing {
        Standing::Registered(leaf) => Some(leaf.index),
        Standing::Unregistered => None,
    }
}
