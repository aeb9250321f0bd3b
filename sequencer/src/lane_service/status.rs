//! How the lanes are doing, for clients, operators and metrics.

use fairlane_types::{LaneId, LaneSeq};

/// One lane as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStatus {
    /// The lane.
    pub lane: LaneId,
    /// The newest segment that is held with all that it builds on.
    pub head: LaneSeq,
    /// The newest decided one.
    pub decided: LaneSeq,
    /// Whether evidence of equivocation ended the lane.
    pub frozen: bool,
}

/// The lanes, and this node's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneServiceStatus {
    /// The lanes of the validator set, in its order.
    pub lanes: Vec<LaneStatus>,
    /// Whether this node writes its lane now, and so takes transactions.
    pub writing: bool,
    /// Transactions that were taken and stand in no segment yet.
    pub pending_transactions: usize,
    /// Their bytes.
    pub pending_bytes: u64,
}
