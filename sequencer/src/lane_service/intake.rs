//! From bytes of peers to valid segments, beside the actor and in order: a segment that overtakes its predecessor
//! would make the view ask for what is there already.

use crate::lane_service::messages::Arrived;
use crate::lane_service::recent::{RecentSegments, peek};
use crate::metrics::{LaneMetrics, ReasonLabel};
use crate::network::{GossipVerdict, NetworkHandle, Offence, ReceivedSegment};
use bytes::Bytes;
use fairlane_types::{LaneId, NetworkId, ProtocolParams, Segment, SegmentError};
use futures::StreamExt as _;
use libp2p::PeerId;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

/// How many segments are decoded at a time.
const PARALLEL: usize = 4;

/// What checking segments of peers takes.
pub(super) struct Intake {
    pub(super) network: NetworkHandle,
    pub(super) network_id: NetworkId,
    pub(super) params: ProtocolParams,
    pub(super) recent: RecentSegments,
    /// The lanes of the validator set.
    pub(super) lanes: watch::Receiver<Arc<BTreeSet<LaneId>>>,
    pub(super) metrics: LaneMetrics,
}

impl Intake {
    /// Checks what comes in until nothing comes any more, or the actor is gone.
    pub(super) async fn run(self, received: mpsc::Receiver<ReceivedSegment>, out: mpsc::Sender<Arrived>) {
        let mut checked =
            ReceiverStream::new(received).map(|received| self.check(received)).buffered(PARALLEL);
        while let Some(segment) = checked.next().await {
            let Some(segment) = segment else { continue };
            if out.send(Arrived { segment }).await.is_err() {
                return;
            }
        }
    }

    async fn check(&self, received: ReceivedSegment) -> Option<Arc<Segment>> {
        let ReceivedSegment { from, bytes, gossip } = received;
        let (segment, verdict) = match self.glance(&bytes) {
            Glance::Held => (None, GossipVerdict::Accept),
            Glance::UnknownLane => {
                self.count("unknown_lane");
                (None, GossipVerdict::Ignore)
            }
            Glance::New => match decode(bytes, self.network_id, self.params.clone()).await {
                Ok(segment) => (Some(segment), GossipVerdict::Accept),
                Err(error) => {
                    self.blame(from, &error);
                    (None, GossipVerdict::Reject)
                }
            },
        };
        match (gossip, &segment) {
            (Some(token), _) => self.network.gossip_verdict(token, verdict).await,
            (None, Some(segment)) => self.network.relay(segment),
            (None, None) => {}
        }
        segment
    }

    /// What the header alone tells, before work is spent on the rest.
    fn glance(&self, bytes: &Bytes) -> Glance {
        let Some(header) = peek(bytes) else { return Glance::New };
        if self.recent.get(&header.digest()).is_some_and(|held| held == *bytes) {
            return Glance::Held;
        }
        if header.network == self.network_id && !self.lanes.borrow().contains(&header.lane) {
            return Glance::UnknownLane;
        }
        Glance::New
    }

    fn blame(&self, peer: PeerId, error: &SegmentError) {
        let offence = offence_of(error);
        self.count(offence.name());
        tracing::debug!(%peer, %error, "a peer sent what is no valid segment");
        self.network.report(peer, offence);
    }

    fn count(&self, reason: &'static str) {
        self.metrics.segments_refused.get_or_create(&ReasonLabel { reason }).inc();
    }
}

enum Glance {
    Held,
    UnknownLane,
    New,
}

/// Up to this many bytes a segment is closed or decoded where that comes up: about a tenth of a millisecond, less than
/// handing it to another thread may take.
pub(super) const INLINE_BYTES: usize = 64 << 10;

/// Decodes and verifies; a long segment on a blocking thread.
pub(super) async fn decode(
    bytes: Bytes,
    network: NetworkId,
    params: ProtocolParams,
) -> Result<Arc<Segment>, SegmentError> {
    if bytes.len() <= INLINE_BYTES {
        return Segment::decode(bytes, network, &params).map(Arc::new);
    }
    on_blocking_thread(move || Segment::decode(bytes, network, &params).map(Arc::new)).await
}

/// Computes what would keep other tasks waiting.
pub(super) async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // The runtime is shutting down.
        Err(_) => std::future::pending().await,
    }
}

/// What a peer did that sent this.
pub(super) fn offence_of(error: &SegmentError) -> Offence {
    match error {
        SegmentError::TooLarge { .. } => Offence::Oversize,
        SegmentError::WrongNetwork(_) => Offence::WrongNetwork,
        SegmentError::Signature => Offence::WrongSignature,
        SegmentError::Malformed(_)
        | SegmentError::BodyMismatch(_)
        | SegmentError::Events(_)
        | SegmentError::Transaction { .. } => Offence::Malformed,
    }
}
