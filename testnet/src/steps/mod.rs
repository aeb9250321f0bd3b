//! How far a transaction has come, and how long that took: receipt, finality, execution or proof, settlement.

mod following;
mod track;

pub(crate) use following::{ASK, Following};
pub(crate) use track::Track;

use hdrhistogram::Histogram;
use std::time::Duration;

/// A step of a transaction's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The validator's signed receipt has come back.
    Receipt,
    /// A subscriber has its batch, and has verified it.
    Final,
    /// All clients have executed its batch.
    Executed,
    /// All proofs of its batch are made and checked.
    Proven,
    /// Ethereum knows of its batch, with the confirmations that the adapter waits for.
    Settled,
}

impl Step {
    /// All, in their order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Receipt, Self::Final, Self::Executed, Self::Proven, Self::Settled];

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Final => "final",
            Self::Executed => "executed",
            Self::Proven => "proven",
            Self::Settled => "settled",
        }
    }
}

/// The time from submission to each step, if it was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times([Option<Duration>; Step::ALL.len()]);

impl Times {
    /// The time to a step.
    pub(crate) fn of(&self, step: Step) -> Option<Duration> {
        self.0[step as usize]
    }

    /// The same with one more step.
    pub(crate) fn with(mut self, step: Step, time: Option<Duration>) -> Self {
        self.0[step as usize] = time;
        self
    }

    /// The times for a table, with a dash for steps that were not taken.
    pub(crate) fn cells(&self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|time| time.map_or_else(|| "-".to_owned(), show))
    }
}

/// Milliseconds below a second, seconds above.
pub(crate) fn show(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1_000.0),
        seconds => format!("{seconds:.1} s"),
    }
}

/// Adds a time to a histogram of microseconds, which grows by itself.
pub(crate) fn record(microseconds: &mut Histogram<u64>, time: Duration) {
    let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    microseconds.record(time).expect("a histogram that grows takes every value");
}

/// The median of microseconds, if there are any.
pub(crate) fn median(microseconds: &Histogram<u64>) -> Option<Duration> {
    (!microseconds.is_empty()).then(|| Duration::from_micros(microseconds.value_at_quantile(0.5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_below_their_steps_and_dashes_for_those_not_taken() {
        let times = Times::default()
            .with(Step::Receipt, Some(Duration::from_micros(7_600)))
            .with(Step::Settled, Some(Duration::from_millis(21_040)));
        assert_eq!(times.cells().collect::<Vec<_>>(), ["8 ms", "-", "-", "-", "21.0 s"]);
        assert_eq!(
            (times.of(Step::Proven), times.of(Step::Settled)),
            (None, Some(Duration::from_millis(21_040)))
        );
    }
}
