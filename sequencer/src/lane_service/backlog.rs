//! How much this node takes from its clients: no more than it will soon see ordered. Pure: time arrives as an argument.
//!
//! More would only wait longer, here and in every other validator's lane, and blocks would grow until they come late.
//! So the bound follows what the chain lately ordered of this lane: the time between being taken and being ordered
//! stays near [`LaneServiceConfig::backlog`], and what comes beyond that is refused, and not delayed.
//!
//! [`LaneServiceConfig::backlog`]: crate::lane_service::LaneServiceConfig::backlog

use crate::lane_service::ingress::Refused;
use fairlane_proto::v1::Refusal;
use fairlane_types::{RollupId, Transaction};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// What was taken and is not ordered yet, and how much of it may be.
#[derive(Debug)]
pub(super) struct Backlog {
    time: Duration,
    share: FairShare,
    /// What blocks ordered during the last [`Self::MEMORY`]: when, and how many bytes.
    ordered: VecDeque<(Instant, u64)>,
    /// The sum of those bytes.
    recently: u64,
}

impl Backlog {
    /// What may always be taken: a burst in a quiet network is no overload.
    pub(super) const FLOOR: u64 = 2 * 1024 * 1024;
    /// For how long what was ordered counts.
    const MEMORY: Duration = Duration::from_secs(2);

    /// A backlog that takes about `time` to be ordered.
    pub(super) fn new(time: Duration) -> Self {
        Self { time, share: FairShare::default(), ordered: VecDeque::new(), recently: 0 }
    }

    /// How many bytes are taken and not ordered yet.
    pub(super) fn bytes(&self) -> u64 {
        self.share.total()
    }

    /// How many bytes may be taken and not ordered yet.
    pub(super) fn limit(&mut self, now: Instant) -> u64 {
        while let Some((_, bytes)) =
            self.ordered.pop_front_if(|(at, _)| now.saturating_duration_since(*at) > Self::MEMORY)
        {
            self.recently = self.recently.saturating_sub(bytes);
        }
        let parts = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        let memory = Self::MEMORY.as_millis() as u64;
        (self.recently.saturating_mul(parts) / memory).max(Self::FLOOR)
    }

    /// Whether a transaction may be taken, too.
    pub(super) fn check(&mut self, transaction: &Transaction, now: Instant) -> Result<(), Refused> {
        let limit = self.limit(now);
        self.share.check(transaction, limit)
    }

    /// A transaction was taken.
    pub(super) fn add(&mut self, transaction: &Transaction) {
        self.share.add(transaction);
    }

    /// A transaction that was taken will not be ordered, or not through this node.
    pub(super) fn remove(&mut self, transaction: &Transaction) {
        self.share.remove(transaction);
    }

    /// A transaction that was taken is ordered.
    pub(super) fn ordered(&mut self, transaction: &Transaction, now: Instant) {
        self.share.remove(transaction);
        let bytes = transaction.envelope().len() as u64;
        self.recently = self.recently.saturating_add(bytes);
        match self.ordered.back_mut().filter(|(at, _)| *at == now) {
            Some((_, sum)) => *sum = sum.saturating_add(bytes),
            None => self.ordered.push_back((now, bytes)),
        }
    }
}

/// How the bytes that a lane may take are divided among rollups. While less than half of the room is used, anybody may
/// use it; beyond, a rollup may hold at most its equal share, so that one cannot keep the others out.
#[derive(Debug, Default)]
pub(super) struct FairShare {
    total: u64,
    by_rollup: HashMap<RollupId, u64>,
}

impl FairShare {
    /// Whether there is room for a transaction, too, where all may hold `limit` bytes.
    pub(super) fn check(&self, transaction: &Transaction, limit: u64) -> Result<(), Refused> {
        let bytes = transaction.envelope().len() as u64;
        if self.total.saturating_add(bytes) <= limit / 2 {
            return Ok(());
        }
        for leg in transaction.legs() {
            let held = self.by_rollup.get(&leg.rollup).copied().unwrap_or_default();
            let rollups = self.by_rollup.len() + usize::from(held == 0);
            let share = limit / rollups as u64;
            if held.saturating_add(leg.payload.len() as u64) > share {
                let message = format!(
                    "the lane is busy and rollup {} has its share of it: retry later, or another validator",
                    leg.rollup
                );
                return Err(Refused::new(Refusal::LaneFull, message));
            }
        }
        Ok(())
    }

    /// A transaction takes its room.
    pub(super) fn add(&mut self, transaction: &Transaction) {
        self.total = self.total.saturating_add(transaction.envelope().len() as u64);
        for leg in transaction.legs() {
            let held = self.by_rollup.entry(leg.rollup).or_default();
            *held = held.saturating_add(leg.payload.len() as u64);
        }
    }

    /// A transaction gives its room back.
    pub(super) fn remove(&mut self, transaction: &Transaction) {
        self.total = self.total.saturating_sub(transaction.envelope().len() as u64);
        for leg in transaction.legs() {
            if let Some(held) = self.by_rollup.get_mut(&leg.rollup) {
                *held = held.saturating_sub(leg.payload.len() as u64);
            }
        }
        self.by_rollup.retain(|_, held| *held > 0);
    }

    /// How many bytes are held.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}
