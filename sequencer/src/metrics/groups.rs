//! The metrics of each part of the node: fields to record into, and their registration.

use fairlane_types::LaneId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
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

    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self {
            head: Family::default(),
            lag: Family::default(),
            frozen: Family::default(),
            pending_transactions: Gauge::default(),
            pending_bytes: Gauge::default(),
            delay_seconds: latency_histogram(),
            seal_seconds: latency_histogram(),
            sealed: Counter::default(),
            sealed_transactions: Counter::default(),
            segments_refused: Family::default(),
            submissions_refused: Family::default(),
        };
        let to = registry.sub_registry_with_prefix("lane");
        to.register("head", "Sequence of the newest segment held", this.head.clone());
        to.register("lag", "Segments between the decided head and the newest one", this.lag.clone());
        to.register("frozen", "1 where evidence of equivocation froze the lane", this.frozen.clone());
        to.register(
            "pending_transactions",
            "Accepted transactions not sealed yet",
            this.pending_transactions.clone(),
        );
        to.register_with_unit("pending", "Their size", Unit::Bytes, this.pending_bytes.clone());
        to.register_with_unit(
            "delay",
            "From a segment's time until it is held here",
            Unit::Seconds,
            this.delay_seconds.clone(),
        );
        to.register_with_unit(
            "seal",
            "From the beginning of an own segment until it is durable and pushed",
            Unit::Seconds,
            this.seal_seconds.clone(),
        );
        to.register("sealed_segments", "Segments that this node sealed", this.sealed.clone());
        to.register("sealed_transactions", "Transactions in them", this.sealed_transactions.clone());
        to.register(
            "segments_refused",
            "Received segments not taken, by reason",
            this.segments_refused.clone(),
        );
        to.register(
            "submissions_refused",
            "Submitted transactions not taken, by reason",
            this.submissions_refused.clone(),
        );
        this
    }
}

/// Cuts.
#[derive(Clone, Debug, Default)]
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
        let this = Self::default();
        let to = registry.sub_registry_with_prefix("cut");
        to.register("built", "Cuts that this node built as a proposer", this.built.clone());
        to.register("accepted", "Proposed cuts found valid", this.accepted.clone());
        to.register("refused", "Proposed cuts not accepted, by reason", this.refused.clone());
        to.register("fetched_segments", "Segments fetched because they were missing", this.fetched.clone());
        this
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
        let this = Self {
            ordered: Counter::default(),
            component_size: Histogram::new(exponential_buckets(1.0, 4.0, 9)),
            blocked: Gauge::default(),
            pending: Gauge::default(),
            dropped: Counter::default(),
            capped: Counter::default(),
            latency_seconds: latency_histogram(),
        };
        let to = registry.sub_registry_with_prefix("ordering");
        to.register("ordered_transactions", "Ordered transactions", this.ordered.clone());
        to.register("component_size", "Transactions in one component", this.component_size.clone());
        to.register("blocked_transactions", "Held back by unfinished evidence", this.blocked.clone());
        to.register("pending_transactions", "In lanes and not ordered yet", this.pending.clone());
        to.register("dropped_transactions", "Expired before they could be ordered", this.dropped.clone());
        to.register("capped_blocks", "Blocks with a group above its cap", this.capped.clone());
        to.register_with_unit(
            "latency",
            "From median receive time to emission",
            Unit::Seconds,
            this.latency_seconds.clone(),
        );
        this
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
    /// Whether this validator does not vote, because it may have signed what it does not know of.
    pub watching: Gauge,
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

    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self {
            height: Gauge::default(),
            round: Gauge::default(),
            extra_rounds: Counter::default(),
            block_interval_seconds: latency_histogram(),
            evidence: Counter::default(),
            watching: Gauge::default(),
        };
        let to = registry.sub_registry_with_prefix("consensus");
        to.register("height", "The last finalized height", this.height.clone());
        to.register("round", "The round in which it was decided", this.round.clone());
        to.register("extra_rounds", "Rounds beyond the first", this.extra_rounds.clone());
        to.register_with_unit(
            "block_interval",
            "Between finalized blocks",
            Unit::Seconds,
            this.block_interval_seconds.clone(),
        );
        to.register("evidence", "Pieces of evidence in finalized blocks", this.evidence.clone());
        to.register("watching", "1 while this validator does not vote yet", this.watching.clone());
        this
    }
}

/// The network that carries segments.
#[derive(Clone, Debug, Default)]
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
        let this = Self::default();
        let to = registry.sub_registry_with_prefix("network");
        to.register("peers", "Connected peers", this.peers.clone());
        to.register_with_unit("received", "Bytes received", Unit::Bytes, this.bytes_in.clone());
        to.register_with_unit("sent", "Bytes sent", Unit::Bytes, this.bytes_out.clone());
        to.register("segments_received", "Segments received", this.segments_in.clone());
        to.register("segments_sent", "Segments sent", this.segments_out.clone());
        to.register("segments_dropped", "Not sent: the peer's queue was full", this.segments_dropped.clone());
        to.register("fetches", "Fetch requests sent", this.fetches.clone());
        to.register("fetches_failed", "Fetch requests that failed", this.fetches_failed.clone());
        to.register("fetches_served", "Fetch requests answered", this.fetches_served.clone());
        to.register("offences", "Offences of peers, by reason", this.offences.clone());
        this
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
        let this = Self {
            journal_seconds: latency_histogram(),
            commit_seconds: latency_histogram(),
            commits: Counter::default(),
            requests: Counter::default(),
            queue: Gauge::default(),
            written_bytes: Counter::default(),
            file_bytes: Gauge::default(),
            min_height: Gauge::default(),
        };
        let to = registry.sub_registry_with_prefix("store");
        to.register_with_unit(
            "journal",
            "Writing to the journal what somebody waits for, fsync included",
            Unit::Seconds,
            this.journal_seconds.clone(),
        );
        to.register_with_unit(
            "commit",
            "One group commit, fsync included",
            Unit::Seconds,
            this.commit_seconds.clone(),
        );
        to.register("commits", "Group commits", this.commits.clone());
        to.register("requests", "Requests that they carried", this.requests.clone());
        to.register("queue", "Requests waiting", this.queue.clone());
        to.register_with_unit("written", "Bytes of values written", Unit::Bytes, this.written_bytes.clone());
        to.register_with_unit("file", "Bytes of the file", Unit::Bytes, this.file_bytes.clone());
        to.register("min_height", "The first height still kept", this.min_height.clone());
        this
    }
}

/// The gRPC services.
#[derive(Clone, Debug, Default)]
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
}

impl RpcMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self::default();
        let to = registry.sub_registry_with_prefix("rpc");
        to.register("requests", "Calls, by method", this.requests.clone());
        to.register("refusals", "Refusals, by reason", this.refusals.clone());
        to.register("subscribers", "Open subscriptions", this.subscribers.clone());
        to.register("batches_delivered", "Batches delivered to subscribers", this.batches_delivered.clone());
        to.register_with_unit(
            "delivered",
            "Bytes of delivered batches",
            Unit::Bytes,
            this.bytes_delivered.clone(),
        );
        to.register("receipts", "Transactions accepted and receipted", this.receipts.clone());
        this
    }
}

/// 1 ms to 16 s.
fn latency_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
