//! How long receipts take, from when a transaction was due, by rollup.

use crate::steps;
use fairlane_types::RollupId;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The times of all receipts of a load.
#[derive(Debug)]
pub(super) struct ReceiptTimes(BTreeMap<RollupId, Mutex<Histogram<u64>>>);

impl ReceiptTimes {
    /// None yet, of transactions for these rollups.
    pub(super) fn new(rollups: &[RollupId]) -> Self {
        let none = || Mutex::new(Histogram::new(3).expect("3 significant digits are allowed"));
        Self(rollups.iter().map(|rollup| (*rollup, none())).collect())
    }

    /// A receipt took so long.
    pub(super) fn record(&self, rollup: RollupId, time: Duration) {
        let Some(times) = self.0.get(&rollup) else { return };
        steps::record(&mut times.lock().unwrap_or_else(PoisonError::into_inner), time);
    }

    /// The median of a rollup's receipts.
    pub(super) fn median(&self, rollup: RollupId) -> Option<Duration> {
        steps::median(&self.0.get(&rollup)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rollup_has_times_of_its_own() {
        let [one, other] = [RollupId::new(1), RollupId::new(2)];
        let times = ReceiptTimes::new(&[one, other]);
        for millis in [3, 5, 100] {
            times.record(one, Duration::from_millis(millis));
        }
        assert_eq!(times.median(one).unwrap().as_millis(), 5);
        assert_eq!(times.median(other), None);
    }
}
