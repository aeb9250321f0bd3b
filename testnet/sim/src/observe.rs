//! What validators tell the invariants: facts as they happen, not what the protocol makes of them.

use fairlane_chain::OrderRecord;
use fairlane_types::{
    Batch, BlockId, CommitCertificate, Evidence, HeadsTree, Proposal, Segment, SegmentRef, TxId,
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
    /// It (again) begins to write its lane, and refers to these decided heads first.
    Writes(Vec<SegmentRef>),
    /// It proposes a block.
    Proposed(BlockId),
    /// It has evidence of an offence.
    Found(Evidence),
    /// It has executed a block.
    Committed(Arc<Committed>),
}
