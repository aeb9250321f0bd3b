//! How long an endpoint is left alone after it failed: longer each time, and never the same for two clients.

use std::time::Duration;

/// How long endpoints are put aside. Each failure in a row doubles the time, up to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After a first failure that may pass: unreachable, silent, behind, busy.
    pub first: Duration,
    /// The longest time after such failures.
    pub longest: Duration,
    /// After a first lie: something that does not verify.
    pub first_after_lie: Duration,
    /// The longest time after lies.
    pub longest_after_lie: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(15),
            first_after_lie: Duration::from_secs(30),
            longest_after_lie: Duration::from_secs(600),
        }
    }
}

impl RetryPolicy {
    /// The time after the `failures`-th failure in a row, from 1. `jitter` in 0..1 picks from its upper half.
    pub(crate) fn pause(&self, lied: bool, failures: u32, jitter: f64) -> Duration {
        let (first, longest) =
            if lied { (self.first_after_lie, self.longest_after_lie) } else { (self.first, self.longest) };
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1).min(20));
        let full = first.saturating_mul(doubled).min(longest);
        full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_lies_cost_more() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(false, 1, 1.0), Duration::from_millis(200));
        assert_eq!(policy.pause(false, 3, 1.0), Duration::from_millis(800));
        assert_eq!(policy.pause(false, 3, 0.0), Duration::from_millis(400));
        assert_eq!(policy.pause(false, u32::MAX, 1.0), Duration::from_secs(15));
        assert_eq!(policy.pause(true, 1, 1.0), Duration::from_secs(30));
        assert_eq!(policy.pause(true, 40, 1.0), Duration::from_secs(600));
    }
}
