//! How the engine is doing: what operators and metrics look at.

use fairlane_types::{Height, Round, Timestamp, ValidatorId};
use std::time::Instant;

/// A snapshot of the engine's state. Counters start at zero with the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineStatus {
    /// The last finalized height.
    pub finalized: Height,
    /// The last finalized block's chain time.
    pub block_time: Timestamp,
    /// When the last block was finalized here; `None` before the first since the start.
    pub finalized_at: Option<Instant>,
    /// The height that consensus works on.
    pub height: Height,
    /// The round that consensus is in.
    pub round: Round,
    /// Who proposes in that round.
    pub proposer: Option<ValidatorId>,
    /// Whether the next height is held back until there is something to order.
    pub holding: bool,
    /// Whether this is a validator that does not vote yet, because it may have signed what it does not know of.
    pub watching: bool,
    /// Connected peers of the consensus network.
    pub peers: usize,
    /// The highest height that a peer says it has decided.
    pub best_peer_height: Height,
    /// How often a peer was hung up on because it did not say what it wants to hear.
    pub hung_up: u64,
    /// Rounds beyond the first that were started: each cost somebody a timeout.
    pub extra_rounds: u64,
    /// Heights learnt from peers that had decided them before.
    pub synced: u64,
    /// Proposals found wrong for ever.
    pub invalid_proposals: u64,
    /// Proposals not vouched for in time.
    pub withheld_proposals: u64,
    /// Parts that were dropped: for other heights, not signed by the proposer, or too many.
    pub dropped_parts: u64,
    /// Pieces of evidence handed out.
    pub evidence: u64,
    /// Messages of peers that were not looked at for evidence, because too many came at once.
    pub unobserved: u64,
}
