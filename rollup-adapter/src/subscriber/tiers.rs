//! What a subscription may tell beside finalized batches, and how far each of it can be relied on.

use super::unordered::Acknowledged;
use fairlane_proto::v1::Refusal;
use fairlane_types::BatchIndex;
use fairlane_verify::VerifiedBatch;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How final something is. `docs/rollups/tiers.md` has all of it in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// In lanes: a validator's word, and no order yet.
    Acknowledged,
    /// Certified by a quorum, and never reverted. Every subscription has it.
    Finalized,
    /// Settled on Ethereum, which may still reorganise.
    Settled,
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Acknowledged => "acknowledged",
            Self::Finalized => "finalized",
            Self::Settled => "settled",
        })
    }
}

/// What a subscription tells who asks for events ([`Subscription::next_event`]).
///
/// [`Subscription::next_event`]: super::Subscription::next_event
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all events are of the large kinds")]
pub enum Event {
    /// The next batch: verified, without gap and without repetition. This alone is what happened.
    Finalized(VerifiedBatch),
    /// A transaction that a validator put into its lane, and that no batch has had. **It may be ordered otherwise, again be
    /// told of after a reconnect, or never be ordered.**
    Acknowledged(Acknowledged),
    /// So much was not told of as acknowledged.
    Missed(Missed),
    /// Up to this batch the history is settled on Ethereum, as the node sees its newest block. The node compared the
    /// contract's head with its own; that is the **node's word**, which nothing here proves. Who does not trust it asks the
    /// contract by an endpoint of its own (`fairlane_l1::settlement::settled_point`).
    Settled(BatchIndex),
    /// Ethereum took back what it had settled after this batch. It has the same history in the end, or this is told again.
    /// What is finalized stays so.
    Reset(BatchIndex),
    /// Nothing can be said about a tier, until its next event.
    TierFailed(TierFailed),
}

/// What a subscriber was not told of, because it takes it too slowly or the node was too busy. Batches have all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Transactions of this rollup.
    pub transactions: u64,
    /// Whole segments, with who knows how many transactions.
    pub segments: u64,
}

/// Why a node can say nothing about a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierFailed {
    /// The tier.
    pub tier: Tier,
    /// Why, for programs. `HeadMismatch`: the contract on Ethereum settled another history than the finalized one.
    pub reason: Refusal,
    /// Why, for people.
    pub message: String,
}

/// The tiers of a subscription beside the finalized one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) acknowledged: bool,
    pub(super) settled: bool,
}

impl FromIterator<Tier> for Wanted {
    fn from_iter<T: IntoIterator<Item = Tier>>(tiers: T) -> Self {
        let mut wanted = Self::default();
        for tier in tiers {
            match tier {
                Tier::Acknowledged => wanted.acknowledged = true,
                Tier::Finalized => {}
                Tier::Settled => wanted.settled = true,
            }
        }
        wanted
    }
}

/// News that need no queue: what was not taken yet is merged with what comes.
#[derive(Debug, Default)]
pub(super) struct News {
    pending: Mutex<Pending>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    missed: Missed,
    settlement: Settlement,
}

impl News {
    pub(super) fn missed(&self, more: Missed) {
        let mut pending = self.pending();
        let missed = &mut pending.missed;
        missed.transactions = missed.transactions.saturating_add(more.transactions);
        missed.segments = missed.segments.saturating_add(more.segments);
        self.changed.notify_one();
    }

    pub(super) fn settled(&self, index: BatchIndex) {
        self.pending().settlement.seen(index);
        self.changed.notify_one();
    }

    pub(super) fn failed(&self, failure: TierFailed) {
        self.pending().settlement.failure = Some(failure);
        self.changed.notify_one();
    }

    /// The next event. Cancel safe.
    pub(super) async fn next(&self) -> Event {
        loop {
            if let Some(event) = self.pending().next() {
                return event;
            }
            self.changed.notified().await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn next(&mut self) -> Option<Event> {
        if self.missed != Missed::default() {
            return Some(Event::Missed(std::mem::take(&mut self.missed)));
        }
        self.settlement.next()
    }
}

/// What the rollup was told of its settlement, and what it was not told yet. A loss is always told, also where it was made
/// good meanwhile.
#[derive(Debug, Default)]
struct Settlement {
    told: BatchIndex,
    told_failure: bool,
    lowest: Option<BatchIndex>,
    newest: Option<BatchIndex>,
    failure: Option<TierFailed>,
}

impl Settlement {
    fn seen(&mut self, index: BatchIndex) {
        self.lowest = Some(self.lowest.map_or(index, |lowest| lowest.min(index)));
        self.newest = Some(index);
        self.failure = None;
    }

    fn next(&mut self) -> Option<Event> {
        if let Some(lowest) = self.lowest.take().filter(|lowest| *lowest < self.told) {
            (self.told, self.told_failure) = (lowest, false);
            return Some(Event::Reset(lowest));
        }
        let (told, failed) = (self.told, self.told_failure);
        if let Some(newest) = self.newest.take().filter(|newest| *newest > told || failed) {
            (self.told, self.told_failure) = (newest, false);
            return Some(Event::Settled(newest));
        }
        let failure = self.failure.take()?;
        self.told_failure = true;
        Some(Event::TierFailed(failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settlement: &mut Settlement) -> Vec<(&'static str, u64)> {
        let events = std::iter::from_fn(|| settlement.next());
        let name = |event| match event {
            Event::Settled(index) => ("settled", index.get()),
            Event::Reset(index) => ("reset", index.get()),
            Event::TierFailed(failure) => ("failed", failure.message.len() as u64),
            other => panic!("{other:?}"),
        };
        events.map(name).collect()
    }

    fn failure() -> TierFailed {
        TierFailed { tier: Tier::Settled, reason: Refusal::NotReady, message: "why".to_owned() }
    }

    #[test]
    fn news_are_merged_and_no_loss_is_hidden() {
        let mut settlement = Settlement::default();
        let mut seen = |indices: &[u64]| {
            indices.iter().for_each(|index| settlement.seen(BatchIndex::new(*index)));
            told(&mut settlement)
        };
        assert_eq!(seen(&[0]), []);
        assert_eq!(seen(&[1, 2, 5]), [("settled", 5)]);
        assert_eq!(seen(&[5]), []);
        assert_eq!(seen(&[7, 3, 6]), [("reset", 3), ("settled", 6)]);
        assert_eq!(seen(&[8, 7]), [("settled", 7)], "nobody was told of the eighth");
        assert_eq!(seen(&[0]), [("reset", 0)]);
    }

    #[test]
    fn a_failure_is_told_until_something_can_be_said_again() {
        let mut settlement = Settlement::default();
        settlement.seen(BatchIndex::new(4));
        settlement.failure = Some(failure());
        assert_eq!(told(&mut settlement), [("settled", 4), ("failed", 3)]);
        settlement.seen(BatchIndex::new(4));
        assert_eq!(told(&mut settlement), [("settled", 4)]);
        settlement.failure = Some(failure());
        settlement.seen(BatchIndex::new(4));
        assert_eq!(told(&mut settlement), [], "it had passed before it was told");
    }
}
