//! How long consensus waits for what.

use arc_malachitebft_core_types::LinearTimeouts;
use std::time::Duration;

/// Timeouts of consensus. Each round's are longer by `delta`, so that a slow network comes to a decision too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsensusTimeouts {
    /// How long to wait for a proposal: what a proposer that is down costs.
    pub propose: Duration,
    /// How long to wait for more prevotes once a quorum has voted.
    pub prevote: Duration,
    /// How long to wait for more precommits once a quorum has voted.
    pub precommit: Duration,
    /// By how much each of them grows with each round.
    pub delta: Duration,
    /// After how long without progress votes are sent again.
    pub rebroadcast: Duration,
}

impl Default for ConsensusTimeouts {
    fn default() -> Self {
        Self {
            propose: Duration::from_millis(500),
            prevote: Duration::from_millis(200),
            precommit: Duration::from_millis(200),
            delta: Duration::from_millis(100),
            rebroadcast: Duration::from_secs(1),
        }
    }
}

impl ConsensusTimeouts {
    /// No single wait gets longer than this, whatever the round.
    const LONGEST: Duration = Duration::from_secs(30);

    /// The timeouts in Malachite's terms.
    pub fn linear(&self) -> LinearTimeouts {
        LinearTimeouts {
            propose: self.propose,
            propose_delta: self.delta,
            prevote: self.prevote,
            prevote_delta: self.delta,
            precommit: self.precommit,
            precommit_delta: self.delta,
            rebroadcast: self.rebroadcast,
            max_timeout: Self::LONGEST,
        }
    }
}
