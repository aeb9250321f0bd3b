//! Liveness: when faults end, everything that an honest validator has promised to order is ordered soon.

use super::broken;
use super::ledger::Ledger;
use crate::scenario::Scenario;
use crate::setup::MS;
use fairlane_types::{Segment, Transaction, TxId};
use std::collections::BTreeMap;

/// How long after the last fault and the last submission everything must be ordered, in nanoseconds. A network that
/// stood still has rounds with long timeouts behind it; and where one validator watches for having lost its log, it needs
/// each of the others to begin again.
const SOON: u64 = 30_000 * MS;

/// Transactions in honest lanes that are not ordered yet.
pub(super) struct Promises {
    made: BTreeMap<TxId, Transaction>,
    deadline: u64,
}

impl Promises {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let last = scenario.load.last().map_or(0, |submission| submission.at);
        Self { made: BTreeMap::new(), deadline: last.max(scenario.healed_at) + SOON }
    }

    /// An honest validator shows a segment: its transactions are promised.
    pub(super) fn closed(&mut self, segment: &Segment) {
        self.made
            .extend(segment.transactions().iter().map(|transaction| (transaction.id(), transaction.clone())));
    }

    /// How many promises are open.
    pub(super) fn open(&mut self, ledger: &Ledger) -> usize {
        self.made.retain(|id, transaction| !ledger.is_resolved(id, transaction));
        self.made.len()
    }

    /// Whether nothing is open, and all honest validators are level and settled; they must be, once the time is over.
    pub(super) fn check(
        &self,
        now: u64,
        standing: &[(u64, bool)],
        open: usize,
        ledger: &Ledger,
    ) -> Result<bool, (&'static str, String)> {
        let heights = standing.iter().map(|(height, _)| *height);
        let (least, most) = (heights.clone().min().unwrap_or(0), heights.max().unwrap_or(0));
        let done = open == 0 && most - least <= 1 && standing.iter().all(|(_, settled)| *settled);
        if now > self.deadline && !done {
            let first = self
                .made
                .keys()
                .next()
                .map(|id| format!(" ({id} is held by lanes {:?})", ledger.holders(id)));
            let what = format!(
                "{open} transactions are not ordered{}; heights and whether settled: {standing:?}",
                first.unwrap_or_default()
            );
            return broken("everything is ordered soon after the last fault", what);
        }
        Ok(done)
    }
}
