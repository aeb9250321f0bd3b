//! What a measurement has seen, second by second.

use hdrhistogram::Histogram;
use std::time::Duration;

/// Longer measurements put what comes later into the last slice.
const MAX_SLICES: usize = 3600;

/// One second of deliveries.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Legs that were delivered and verified.
    pub delivered: u64,
    /// Their latencies.
    pub microseconds: Histogram<u64>,
}

/// Deliveries by the second in which they came, from a moment on.
#[derive(Debug)]
pub struct Timeline {
    begin_nanos: u64,
    slices: Vec<Slice>,
}

impl Timeline {
    /// An empty one that begins at this Unix time.
    pub fn begin(begin_nanos: u64) -> Self {
        Self { begin_nanos, slices: Vec::new() }
    }

    /// Takes a delivery up. What came before the beginning does not count.
    pub fn record(&mut self, now_nanos: u64, latency: Duration) {
        let Some(since) = now_nanos.checked_sub(self.begin_nanos) else { return };
        let second = usize::try_from(since / 1_000_000_000).unwrap_or(usize::MAX).min(MAX_SLICES - 1);
        while self.slices.len() <= second {
            self.slices.push(Slice {
                delivered: 0,
                microseconds: Histogram::new(2).expect("2 significant digits are allowed"),
            });
        }
        let slice = &mut self.slices[second];
        slice.delivered += 1;
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        slice.microseconds.record(microseconds).expect("it grows as it needs");
    }

    /// The seconds, from the beginning on.
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_fall_into_their_seconds() {
        let mut timeline = Timeline::begin(5_000_000_000);
        for (at, latency) in [(4_999_999_999, 1), (5_000_000_000, 2), (5_999_999_999, 4), (7_000_000_000, 3)]
        {
            timeline.record(at, Duration::from_millis(latency));
        }
        let delivered: Vec<u64> = timeline.slices().iter().map(|slice| slice.delivered).collect();
        assert_eq!(delivered, [2, 0, 1]);
        assert!((3900..=4100).contains(&timeline.slices()[0].microseconds.max()));
    }

    #[test]
    fn a_measurement_without_end_does_not_grow_without_end() {
        let mut timeline = Timeline::begin(0);
        timeline.record(u64::MAX, Duration::MAX);
        assert_eq!(timeline.slices().len(), MAX_SLICES);
        assert_eq!(timeline.slices().last().map(|slice| slice.delivered), Some(1));
    }
}
