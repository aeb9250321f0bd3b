//! A token bucket: so many a second, and at most two seconds' worth saved up.

use std::time::{Duration, Instant};

/// Limits how often something happens.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    per_second: f64,
    tokens: f64,
    last: Instant,
}

impl Rate {
    const BURST: Duration = Duration::from_secs(2);

    /// A full bucket.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, tokens: per_second * Self::BURST.as_secs_f64(), last: now }
    }

    /// Whether it may happen once more now.
    pub(super) fn allow(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.last).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.per_second * Self::BURST.as_secs_f64());
        self.last = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}
