//! Quantiles of receive times: the smallest time by which lanes of a given power had received something.

use crate::lane::{Lane, NEVER};
use crate::live::{Slot, Span};
use crate::params::Thresholds;

/// Computes quantiles. Keeps its buffers between transactions.
pub(crate) struct Quantiler<'a> {
    powers: &'a [u64],
    thresholds: Thresholds,
    /// The ranks (from 0) of lo, key and hi among sorted times, when every lane has power 1.
    unit: Option<[usize; 3]>,
    times: Vec<u64>,
    weighted: Vec<(u64, u64)>,
}

impl<'a> Quantiler<'a> {
    pub(crate) fn new(powers: &'a [u64], thresholds: Thresholds) -> Self {
        let rank = |power: u64| usize::try_from(power.saturating_sub(1)).unwrap_or(usize::MAX);
        let unit = powers
            .iter()
            .all(|&power| power == 1)
            .then(|| [rank(thresholds.lo), rank(thresholds.key), rank(thresholds.hi)]);
        Self { powers, thresholds, unit, times: Vec::new(), weighted: Vec::new() }
    }

    /// The quantiles of what is in this slot, held by lanes of this power.
    pub(crate) fn span(&mut self, lanes: &[Lane], slot: Slot, power: u64) -> Span {
        if power < self.thresholds.lo {
            return Span::UNKNOWN;
        }
        match self.unit {
            Some(ranks) => self.unit_span(lanes, slot, ranks),
            None => self.weighted_span(lanes, slot),
        }
    }

    fn unit_span(&mut self, lanes: &[Lane], slot: Slot, [lo, key, hi]: [usize; 3]) -> Span {
        self.times.clear();
        // Lanes without it count as NEVER, which sorts last and stands for infinity.
        self.times.extend(lanes.iter().map(|lane| lane.tau(slot).unwrap_or(NEVER)));
        // lo <= key <= hi, so each selection only has to look below the one before.
        let (below, at_hi) = select(&mut self.times, hi, NEVER);
        let (below, at_key) = select(below, key, at_hi);
        let (_, at_lo) = select(below, lo, at_key);
        Span { key: at_key, lo: at_lo, hi: at_hi }
    }

    fn weighted_span(&mut self, lanes: &[Lane], slot: Slot) -> Span {
        let taus = lanes.iter().zip(self.powers);
        self.weighted.clear();
        self.weighted.extend(taus.filter_map(|(lane, &power)| Some((lane.tau(slot)?, power))));
        self.weighted.sort_unstable();
        let mut span = Span::UNKNOWN;
        let mut sum = 0u64;
        for &(tau, power) in &self.weighted {
            sum = sum.saturating_add(power);
            for (threshold, quantile) in [
                (self.thresholds.lo, &mut span.lo),
                (self.thresholds.key, &mut span.key),
                (self.thresholds.hi, &mut span.hi),
            ] {
                if sum >= threshold && *quantile == NEVER {
                    *quantile = tau;
                }
            }
        }
        span
    }
}

/// The value of this rank, and the values of lower rank. `past` is the value just past the slice.
fn select(times: &mut [u64], rank: usize, past: u64) -> (&mut [u64], u64) {
    if rank >= times.len() {
        return (times, past);
    }
    let (below, at, _) = times.select_nth_unstable(rank);
    (below, *at)
}
