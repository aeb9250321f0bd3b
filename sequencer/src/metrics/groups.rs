//! The metrics of each part of the node: fields to record into, and their registration.

use super::part::Part;
use fairlane_types::LaneId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

/// Which lane.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LaneLabel {
    /// The first eight bytes of the validator's id in hex, a slash, and the incarnation.
    pub lane: String,
}

impl From<&LaneId> for LaneLabel {
    fn from(lane: &LaneId) -> Self {
        let validator = lane.validator.as_bytes().first_chunk::<8>().map(hex::encode).unwrap_or_default();
        Self { lane: format!("{validator}/{}", lane.incarnation) }
    }
}

/// Why something was refused or failed: a name from a fixed set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    /// The name.
    pub reason: &'static str,
}

/// Which gRPC method.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct MethodLabel {
    /// Service and method, as in `SubmitService/Submit`.
    pub method: &'static str,
}

/// Lanes.
#[derive(Clone, Debug)]
pub struct LaneMetrics {
    /// Sequence of the newest segment held.
    pub head: Family<LaneLabel, Gauge>,
    /// How many segments the newest one is ahead of the decided head.
    pub lag: Family<LaneLabel, Gauge>,
    /// Whether the lane is frozen by evidence of equivocation.
    pub frozen: Family<LaneLabel, Gauge>,
    /// Accepted transactions that no segment of this node's lane carries yet.
    pub pending_transactions: Gauge,
    /// Their bytes.
    pub pending_bytes: Gauge,
    /// Bytes of accepted transactions that are not ordered yet.
    pub backlog_bytes: Gauge,
    /// How many there may be, after what was ordered lately.
    pub backlog_limit_bytes: Gauge,
    /// From a segment's time, by its author's clock, until it is held here.
    pub delay_seconds: Histogram,
    /// From the beginning of an own segment until it is durable and pushed to the others.
    pub seal_seconds: Histogram,
    /// Segments that this node sealed.
    pub sealed: Counter,
    /// Transactions in them.
    pub sealed_transactions: Counter,
    /// Received segments that were not taken, by reason.
    pub segments_refused: Family<ReasonLabel, Counter>,
    /// Submitted transactions that were not taken, by reason.
    pub submissions_refused: Family<ReasonLabel, Counter>,
}

impl LaneMetrics {
    /// Records where a lane stands: newest segment held, newest decided one, frozen or not.
    pub fn observe(&self, lane: &LaneId, head: u64, decided: u64, frozen: bool) {
        let label = LaneLabel::from(lane);
        self.head.get_or_create(&label).set(gauge(head));
        self.lag.get_or_create(&label).set(gauge(head.saturating_sub(decided)));
        self.frozen.get_or_create(&label).set(i64::from(frozen));
    }

    /// Forgets a lane that left the validator set.
    pub fn forget(&self, lane: &LaneId) {
        let label = LaneLabel::from(lane);
        for family in [&self.head, &self.lag, &self.frozen] {
            family.remove(&label);
        }
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "lane");
        Self {
            head: part.metric("head", "Sequence of the newest segment held"),
            lag: part.metric("lag", "Segments between the decided head and the newest one"),
            frozen: part.metric("frozen", "1 where evidence of equivocation froze the lane"),
            pending_transactions: part.metric("pending_transactions", "Accepted transactions not sealed yet"),
            pending_bytes: part.bytes("pending", "Their size"),
            backlog_bytes: part.bytes("backlog", "Accepted and not ordered yet"),
            backlog_limit_bytes: part.bytes("backlog_limit", "How much of that is accepted at most, now"),
            delay_seconds: part.seconds("delay", "From a segment's time until it is held here"),
            seal_seconds: part
                .seconds("seal", "From the beginning of an own segment until it is durable and pushed"),
            sealed: part.metric("sealed_segments", "Segments that this node sealed"),
            sealed_transactions: part.metric("sealed_transactions", "Transactions in them"),
            segments_refused: part.metric("segments_refused", "Received segments not taken, by reason"),
            submissions_refused: part
                .metric("submissions_refused", "Submitted transactions not taken, by reason"),
        }
    }
}

/// Cuts.
#[derive(Clone, Debug)]
pub struct CutMetrics {
    /// Cuts that this node built as a proposer.
    pub built: Counter,
    /// Proposed cuts that were found valid.
    pub accepted: Counter,
    /// Proposed cuts that were not accepted, by reason.
    pub refused: Family<ReasonLabel, Counter>,
    /// Segments that had to be fetched, because a cut or a segment named them before they arrived.
    pub fetched: Counter,
}

impl CutMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "cut");
        Self {
            built: part.metric("built", "Cuts that this node built as a proposer"),
            accepted: part.metric("accepted", "Proposed cuts found valid"),
            refused: part.metric("refused", "Proposed cuts not accepted, by reason"),
            fetched: part.metric("fetched_segments", "Segments fetched because they were missing"),
        }
    }
}

/// The fair-order rule, in finalized blocks.
#[derive(Clone, Debug)]
pub struct OrderingMetrics {
    /// Ordered transactions.
    pub ordered: Counter,
    /// Transactions in one component of the order.
    pub component_size: Histogram,
    /// Transactions that unfinished evidence keeps from being ordered.
    pub blocked: Gauge,
    /// Transactions in lanes that are not ordered yet.
    pub pending: Gauge,
    /// Transactions that expired before they could be ordered.
    pub dropped: Counter,
    /// Blocks in which an ordering group exceeded its cap.
    pub capped: Counter,
    /// From a transaction's median receive time to its emission in a finalized block.
    pub latency_seconds: Histogram,
}

impl OrderingMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "ordering");
        Self {
            ordered: part.metric("ordered_transactions", "Ordered transactions"),
            component_size: part.add(
                "component_size",
                "Transactions in one component",
                Histogram::new(exponential_buckets(1.0, 4.0, 9)),
            ),
            blocked: part.metric("blocked_transactions", "Held back by unfinished evidence"),
            pending: part.metric("pending_transactions", "In lanes and not ordered yet"),
            dropped: part.metric("dropped_transactions", "Expired before they could be ordered"),
            capped: part.metric("capped_blocks", "Blocks with a group above its cap"),
            latency_seconds: part.seconds("latency", "From median receive time to emission"),
        }
    }
}

/// Heights and rounds.
#[derive(Clone, Debug)]
pub struct ConsensusMetrics {
    /// The last finalized height.
    pub height: Gauge,
    /// The round in which it was decided.
    pub round: Gauge,
    /// Rounds beyond the first that decided blocks needed.
    pub extra_rounds: Counter,
    /// Time between finalized blocks.
    pub block_interval_seconds: Histogram,
    /// Pieces of evidence in finalized blocks.
    pub evidence: Counter,
    /// Members of the validator set.
    pub validators: Gauge,
    /// The number of the Ethereum block that the last block is anchored to.
    pub l1_anchor_block: Gauge,
    /// Whether this validator does not vote, because it may have signed what it does not know of.
    pub watching: Gauge,
    /// How often a peer of the consensus network was hung up on, because it did not say what it wants to hear.
    pub hung_up: Counter,
}

impl ConsensusMetrics {
    /// Records a finalized block; `interval` is `None` for the first one since the start.
    pub fn finalized(&self, height: u64, round: u32, evidence: usize, interval: Option<Duration>) {
        self.height.set(gauge(height));
        self.round.set(i64::from(round));
        self.extra_rounds.inc_by(u64::from(round));
        self.evidence.inc_by(evidence as u64);
        if let Some(interval) = interval {
            self.block_interval_seconds.observe(interval.as_secs_f64());
        }
    }

    /// Records the validator set and the anchor in force.
    pub fn in_force(&self, validators: usize, l1_anchor_block: u64) {
        self.validators.set(i64::try_from(validators).unwrap_or(i64::MAX));
        self.l1_anchor_block.set(gauge(l1_anchor_block));
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "consensus");
        Self {
            height: part.metric("height", "The last finalized height"),
            round: part.metric("round", "The round in which it was decided"),
            extra_rounds: part.metric("extra_rounds", "Rounds beyond the first"),
            block_interval_seconds: part.seconds("block_interval", "Between finalized blocks"),
            evidence: part.metric("evidence", "Pieces of evidence in finalized blocks"),
            validators: part.metric("validators", "Members of the validator set"),
            l1_anchor_block: part.metric("l1_anchor_block", "The Ethereum block of the last anchor"),
            watching: part.metric("watching", "1 while this validator does not vote yet"),
            hung_up: part.metric("hung_up", "Peers hung up on that did not say what they want to hear"),
        }
    }
}

/// The network that carries segments.
#[derive(Clone, Debug)]
pub struct NetworkMetrics {
    /// Connected peers.
    pub peers: Gauge,
    /// Bytes received.
    pub bytes_in: Counter,
    /// Bytes sent.
    pub bytes_out: Counter,
    /// Segments received.
    pub segments_in: Counter,
    /// Segments sent.
    pub segments_out: Counter,
    /// Segments not sent because a peer's queue was full.
    pub segments_dropped: Counter,
    /// Fetch requests that this node sent.
    pub fetches: Counter,
    /// Of these, those that failed or were not answered in time.
    pub fetches_failed: Counter,
    /// Fetch requests that this node answered.
    pub fetches_served: Counter,
    /// Offences of peers (garbage, wrong network, too much), by reason.
    pub offences: Family<ReasonLabel, Counter>,
}

impl NetworkMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "network");
        Self {
            peers: part.metric("peers", "Connected peers"),
            bytes_in: part.bytes("received", "Bytes received"),
            bytes_out: part.bytes("sent", "Bytes sent"),
            segments_in: part.metric("segments_received", "Segments received"),
            segments_out: part.metric("segments_sent", "Segments sent"),
            segments_dropped: part.metric("segments_dropped", "Not sent: the peer's queue was full"),
            fetches: part.metric("fetches", "Fetch requests sent"),
            fetches_failed: part.metric("fetches_failed", "Fetch requests that failed"),
            fetches_served: part.metric("fetches_served", "Fetch requests answered"),
            offences: part.metric("offences", "Offences of peers, by reason"),
        }
    }
}

/// The store.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    /// How long it took to make durable in the journal what somebody waited for, fsync included.
    pub journal_seconds: Histogram,
    /// How long one group commit took, fsync included.
    pub commit_seconds: Histogram,
    /// Group commits.
    pub commits: Counter,
    /// Requests that they carried.
    pub requests: Counter,
    /// Requests that wait for the next group commit.
    pub queue: Gauge,
    /// Bytes of values written.
    pub written_bytes: Counter,
    /// Bytes of the file.
    pub file_bytes: Gauge,
    /// The first height that is still kept.
    pub min_height: Gauge,
}

impl StoreMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "store");
        Self {
            journal_seconds: part
                .seconds("journal", "Writing to the journal what somebody waits for, fsync included"),
            commit_seconds: part.seconds("commit", "One group commit, fsync included"),
            commits: part.metric("commits", "Group commits"),
            requests: part.metric("requests", "Requests that they carried"),
            queue: part.metric("queue", "Requests waiting"),
            written_bytes: part.bytes("written", "Bytes of values written"),
            file_bytes: part.bytes("file", "Bytes of the file"),
            min_height: part.metric("min_height", "The first height still kept"),
        }
    }
}

/// The gRPC services.
#[derive(Clone, Debug)]
pub struct RpcMetrics {
    /// Calls, by method.
    pub requests: Family<MethodLabel, Counter>,
    /// Refusals, by reason.
    pub refusals: Family<ReasonLabel, Counter>,
    /// Open subscriptions.
    pub subscribers: Gauge,
    /// Batches delivered to subscribers.
    pub batches_delivered: Counter,
    /// Bytes of their bodies.
    pub bytes_delivered: Counter,
    /// Transactions that were accepted and receipted.
    pub receipts: Counter,
    /// Transactions in lanes that subscribers were told of.
    pub acknowledged_delivered: Counter,
    /// Transactions in lanes that subscribers were not told of, for want of credit.
    pub acknowledged_missed: Counter,
}

impl RpcMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "rpc");
        Self {
            requests: part.metric("requests", "Calls, by method"),
            refusals: part.metric("refusals", "Refusals, by reason"),
            subscribers: part.metric("subscribers", "Open subscriptions"),
            batches_delivered: part.metric("batches_delivered", "Batches delivered to subscribers"),
            bytes_delivered: part.bytes("delivered", "Bytes of delivered batches"),
            receipts: part.metric("receipts", "Transactions accepted and receipted"),
            acknowledged_delivered: part
                .metric("acknowledged_delivered", "Transactions in lanes told to subscribers"),
            acknowledged_missed: part
                .metric("acknowledged_missed", "Transactions in lanes not told, for want of credit"),
        }
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
