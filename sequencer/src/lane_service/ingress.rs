//! What a transaction must fulfil before this node takes it. Pure: time and state arrive as arguments.
//!
//! These checks spare clients from waiting for something that will never be ordered. None of them is a rule of the
//! protocol: what is expired, unknown or repeated is skipped when ordering, whoever let it in.

use fairlane_proto::v1::Refusal;
use fairlane_types::{ProtocolParams, RollupId, Timestamp, Transaction, TransactionError};
use std::collections::{BTreeSet, HashMap};

/// Why a transaction is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// For programs.
    pub(super) reason: Refusal,
    /// For people: what is wrong and what to do.
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(reason: Refusal, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// How far chain time may lag behind local time before it is not believed any more, in nanoseconds.
const BELIEVED_LAG: u64 = 2_000_000_000;

/// What submitted transactions are checked against.
#[derive(Debug)]
pub(super) struct Ingress {
    pub(super) params: ProtocolParams,
    pub(super) rollups: BTreeSet<RollupId>,
}

impl Ingress {
    /// Sizes, expiry and rollups. `chain_time` is the last block's.
    pub(super) fn check(
        &self,
        transaction: &Transaction,
        now: Timestamp,
        chain_time: Timestamp,
    ) -> Result<(), Refused> {
        transaction.check_limits(&self.params).map_err(|error| {
            let reason = match error {
                TransactionError::LegTooLarge { .. } | TransactionError::TooLarge { .. } => Refusal::TooLarge,
                TransactionError::LegCount(_) | TransactionError::Malformed(_) => Refusal::Malformed,
            };
            Refused::new(reason, error.to_string())
        })?;
        if let Some(leg) = transaction.legs().iter().find(|leg| !self.rollups.contains(&leg.rollup)) {
            let message = format!("rollup {} is not registered on this network", leg.rollup);
            return Err(Refused::new(Refusal::UnknownRollup, message));
        }
        let expires = transaction.expires_at();
        if expires <= now.max(chain_time) {
            return Err(Refused::new(
                Refusal::Expired,
                "the transaction has expired: set a later expires_at",
            ));
        }
        let from = chain_time.max(now.saturating_sub(BELIEVED_LAG));
        let latest = from.saturating_add(self.params.expiry_bound);
        if expires > latest {
            let seconds = self.params.expiry_bound / 1_000_000_000;
            let message = format!(
                "expires_at is too far ahead: the latest that is taken now is {latest} ns, at most {seconds} s after \
                 chain time"
            );
            return Err(Refused::new(Refusal::ExpiryTooFar, message));
        }
        Ok(())
    }
}

/// How the bytes that wait in the lane are divided among rollups. While less than half of the room is used, anybody may
/// use it; beyond, a rollup may hold at most its equal share, so that one cannot keep the others out.
#[derive(Debug)]
pub(super) struct FairShare {
    limit: u64,
    total: u64,
    by_rollup: HashMap<RollupId, u64>,
}

impl FairShare {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, total: 0, by_rollup: HashMap::new() }
    }

    /// Whether a transaction may wait, too.
    pub(super) fn check(&self, transaction: &Transaction) -> Result<(), Refused> {
        let bytes = transaction.envelope().len() as u64;
        if self.total.saturating_add(bytes) <= self.limit / 2 {
            return Ok(());
        }
        for leg in transaction.legs() {
            let held = self.by_rollup.get(&leg.rollup).copied().unwrap_or_default();
            let rollups = self.by_rollup.len() + usize::from(held == 0);
            let share = self.limit / rollups as u64;
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

    /// A transaction waits now.
    pub(super) fn add(&mut self, transaction: &Transaction) {
        self.total = self.total.saturating_add(transaction.envelope().len() as u64);
        for leg in transaction.legs() {
            let held = self.by_rollup.entry(leg.rollup).or_default();
            *held = held.saturating_add(leg.payload.len() as u64);
        }
    }

    /// A transaction waits no longer.
    pub(super) fn remove(&mut self, transaction: &Transaction) {
        self.total = self.total.saturating_sub(transaction.envelope().len() as u64);
        for leg in transaction.legs() {
            if let Some(held) = self.by_rollup.get_mut(&leg.rollup) {
                *held = held.saturating_sub(leg.payload.len() as u64);
            }
        }
        self.by_rollup.retain(|_, held| *held > 0);
    }

    /// How many bytes wait.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}
