//! What validators tell the invariants: facts as they happen, not what the protocol makes of them.

use fairlane_chain::OrderRecord;
use fairlane_types::{
    Batch, BlockId, CommitCertificate, Evidence, HeadsTree, LaneId, Proposal, Segment, SegmentRef, TxId,
};
use std::sync::Arc;

/// A block that one validator has executed and made durable.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) proposal: Arc<Proposal>,
    pub(crate) certificate: CommitCertificate,
    pub(crate) batches: Vec<Batch>,
    pub(crate) heads: HeadsTree,
    pub(crate) order: OrderRecord,
}

/// One fact about one validator.
#[derive(Clone, Debug)]
pub(crate) enum Observed {
    /// It took a client's transaction.
    Took(TxId),
    /// It holds a segment with all that it builds on, from now on.
    Ready(SegmentRef),
    /// A segment of its own is durable and leaves.
    Closed(Arc<Segment>),
    /// It (again) begins to write this lane, and refers to these decided heads first.
    Writes(LaneId, Vec<SegmentRef>),
    /// It proposes a block.
    Proposed(BlockId),
    /// It has evidence of an offence.
    Found(Evidence),
    /// It has executed a block.
    Committed(Arc<Committed>),
}

impl Observed {
    /// What the trace says of it: facts that do not follow from the events before alone, at first sight.
    pub(crate) fn traced(&self) -> Option<(&'static str, [u8; 8])> {
        let short = |id: &BlockId| id.as_bytes().first_chunk().copied().unwrap_or_default();
        match self {
            Self::Proposed(id) => Some(("proposes", short(id))),
            Self::Committed(block) => Some(("commits", block.proposal.header.height.get().to_be_bytes())),
            Self::Found(_) => Some(("finds-evidence", [0; 8])),
            _ => None,
        }
    }
}
