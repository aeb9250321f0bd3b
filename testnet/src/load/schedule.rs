//! What the load generator sends: a pure function of the sequence number.
//!
//! Generator and ledger derive the same facts from a number (which rollups, whether a bundle), so that nothing has
//! to be passed between them.

use fairlane_types::RollupId;
use std::time::Duration;

/// One transaction in twenty is a two-leg bundle.
const BUNDLE_EVERY: u64 = 20;

/// An open-loop schedule: transaction `seq` is due at `seq / rate` after the start, whatever the network does.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Transactions a second.
    pub rate: f64,
    /// The rollups that are addressed, at least one.
    pub rollups: Vec<RollupId>,
}

impl Schedule {
    /// When a transaction is due, counted from the start.
    pub fn due(&self, seq: u64) -> Duration {
        Duration::from_secs_f64(seq as f64 / self.rate)
    }

    /// How many transactions are due before `elapsed`.
    pub fn due_before(&self, elapsed: Duration) -> u64 {
        (elapsed.as_secs_f64() * self.rate).floor() as u64
    }

    /// Whether a transaction is an atomic bundle of two legs.
    pub fn is_bundle(&self, seq: u64) -> bool {
        self.rollups.len() > 1 && seq % BUNDLE_EVERY == BUNDLE_EVERY / 2
    }

    /// How many legs a transaction has.
    pub fn legs(&self, seq: u64) -> u8 {
        if self.is_bundle(seq) { 2 } else { 1 }
    }

    /// The rollups that a transaction addresses: consecutive ones, spread evenly.
    pub fn rollups_of(&self, seq: u64) -> impl Iterator<Item = RollupId> + '_ {
        let first = scatter(seq) % self.rollups.len() as u64;
        (0..u64::from(self.legs(seq))).map(move |leg| {
            let at = (first + leg) % self.rollups.len() as u64;
            self.rollups[at as usize]
        })
    }
}

/// A fixed mixing of bits (the finalizer of SplitMix64), so that neighbours go to different rollups.
fn scatter(seq: u64) -> u64 {
    let mut x = seq.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rollups: u64) -> Schedule {
        Schedule { rate: 1000.0, rollups: (1..=rollups).map(RollupId::new).collect() }
    }

    #[test]
    fn due_times_follow_the_rate() {
        let schedule = schedule(2);
        assert_eq!(schedule.due(500), Duration::from_millis(500));
        assert_eq!(schedule.due_before(Duration::from_millis(500)), 500);
    }

    #[test]
    fn five_percent_are_bundles_for_two_different_rollups() {
        let schedule = schedule(4);
        let bundles: Vec<u64> = (0..10_000).filter(|seq| schedule.is_bundle(*seq)).collect();
        assert_eq!(bundles.len(), 500);
        for seq in bundles {
            let rollups: Vec<RollupId> = schedule.rollups_of(seq).collect();
            assert_eq!(rollups.len(), 2);
            assert_ne!(rollups[0], rollups[1]);
        }
    }

    #[test]
    fn rollups_get_even_shares() {
        let schedule = schedule(4);
        for rollup in &schedule.rollups {
            let share = (0..40_000).filter(|seq| schedule.rollups_of(*seq).any(|r| r == *rollup)).count();
            assert!((9_500..11_500).contains(&share), "{share}");
        }
    }

    #[test]
    fn a_single_rollup_gets_no_bundles() {
        assert!((0..1000).all(|seq| !schedule(1).is_bundle(seq)));
    }
}
