//! What goes into the actor and what comes out.

use crate::lane_service::fetcher::Order;
use crate::lane_service::recovery::Recovered;
use fairlane_engine::{CutVerdict, FinalizedBlock, NextCut};
use fairlane_lanes::{CutBase, CutContent};
use fairlane_proto::v1::Refusal;
use fairlane_types::{
    Cut, Evidence, Hash32, Proposal, Round, Segment, SegmentHeader, Signature, Transaction, TxId,
};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// An answer to submitted transactions.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "receipts are the rule, refusals the exception")]
pub enum SubmitReply {
    /// These stand in the lane, in one segment.
    Receipts {
        /// The segment's signed header.
        header: SegmentHeader,
        /// The lane's signature over it.
        signature: Signature,
        /// One for each transaction.
        entries: Vec<ReceiptEntry>,
    },
    /// This one was not taken.
    Refused {
        /// The client's name for it.
        tag: u64,
        /// Why, for programs.
        reason: Refusal,
        /// Why, and what to do, for people.
        message: String,
    },
}

/// What a receipt says of one transaction, besides the segment's header and signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// The client's name for it.
    pub tag: u64,
    /// The transaction.
    pub id: TxId,
    /// Its place in the segment.
    pub index: u32,
    /// Siblings from its leaf up to the root in the header.
    pub path: Vec<Hash32>,
}

/// Where a client's answers go.
pub(super) type Replies = mpsc::Sender<SubmitReply>;

/// Transactions that passed the checks which need no state of the actor.
pub(super) struct Submission {
    pub(super) items: Vec<(u64, Transaction)>,
    pub(super) replies: Replies,
}

/// What consensus asks.
pub(super) enum Request {
    /// The next cut, once it is worth a block.
    Next { base: CutBase, not_before: Instant, reply: oneshot::Sender<NextCut> },
    /// Whether there is such a cut, for who does not propose it.
    Due { base: CutBase, not_before: Instant, reply: oneshot::Sender<()> },
    /// The content of a proposed cut, once it is held and judged.
    Judge {
        base: CutBase,
        proposal: Arc<Proposal>,
        round: Round,
        fresh: bool,
        reply: oneshot::Sender<Result<CutContent, CutVerdict>>,
    },
    /// The content of a decided cut, once it is held.
    Content { base: CutBase, cut: Cut, reply: oneshot::Sender<CutContent> },
    /// A block is committed.
    Decided { base: CutBase, done: oneshot::Sender<()> },
    /// The segments that are held with all that they build on, and not decided.
    Undecided { reply: oneshot::Sender<Vec<Arc<Segment>>> },
    /// A block is finalized: what it ordered and proved.
    Finalized(Arc<FinalizedBlock>),
    /// Verified evidence.
    Evidence(Evidence),
}

/// A verified segment from a peer.
pub(super) struct Arrived {
    pub(super) segment: Arc<Segment>,
}

/// What the actor's own tasks report.
pub(super) enum Outcome {
    /// A segment of this node's lane is durable and pushed.
    Sealed(Result<Arc<Segment>, crate::lane_service::LaneServiceError>),
    /// A fetch is over.
    Fetched { order: Order, segments: Vec<Arc<Segment>> },
    /// The own lane is known up to its end.
    Recovered(Result<Recovered, crate::lane_service::LaneServiceError>),
    /// So many segments are queued for the store.
    Persisted(usize, Result<(), crate::store::StoreError>),
}
