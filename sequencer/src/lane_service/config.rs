//! What the operator chooses about lanes.

use std::time::Duration;

/// Pace and checks of the lane service.
#[derive(Clone, Debug)]
pub struct LaneServiceConfig {
    /// How often a segment is closed when there is something to say. Each ten validators more add as much again, up to
    /// 250 ms, as every segment costs every other validator a reference.
    pub interval: Duration,
    /// How often one is closed when there is nothing to say.
    pub heartbeat: Duration,
    /// From how many bytes of waiting transactions on a segment is closed at once.
    pub seal_bytes: usize,
    /// What is taken of clients: about as much as the chain orders of this node's lane in this time.
    pub backlog: Duration,
    /// How long after the last block one follows that orders nothing.
    pub idle_block: Duration,
    /// Whether the validators are asked for the end of this node's lane before it writes.
    pub startup_check: bool,
    /// How long to wait for a quorum of answers; then the service ends with an error.
    pub startup_timeout: Duration,
}

impl Default for LaneServiceConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(14),
            heartbeat: Duration::from_secs(1),
            seal_bytes: 512 * 1024,
            backlog: Duration::from_secs(1),
            idle_block: Duration::from_secs(1),
            startup_check: true,
            startup_timeout: Duration::from_secs(60),
        }
    }
}

impl LaneServiceConfig {
    /// The longest interval that the number of validators leads to.
    const LONGEST: Duration = Duration::from_millis(250);

    /// The interval in a network of so many validators.
    pub(super) fn interval_for(&self, validators: usize) -> Duration {
        let factor = u32::try_from(validators.div_ceil(10).max(1)).unwrap_or(u32::MAX);
        self.interval.saturating_mul(factor).min(Self::LONGEST.max(self.interval))
    }
}
