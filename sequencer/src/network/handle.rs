//! The node's side of the network: what the lane service calls, and what it gets.

use crate::metrics::NetworkMetrics;
use crate::network::checkpoints::{Asked, CheckpointSource, ReceivedCheckpoint};
use crate::network::codec;
use crate::network::offence::Offence;
use crate::network::push::PushTable;
use crate::network::serve::Permit;
use crate::network::wire::FetchWant;
use bytes::Bytes;
use fairlane_proto::v1;
use fairlane_types::{LaneId, Segment, ValidatorId};
use libp2p::gossipsub::MessageId;
use libp2p::request_response::ResponseChannel;
use libp2p::{Multiaddr, PeerId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// A connected peer that belongs to this network, and that accepts this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its id in the network.
    pub peer: PeerId,
    /// Its address on the first connection.
    pub address: Multiaddr,
    /// The validator that it proved to be.
    pub validator: Option<ValidatorId>,
}

/// Bytes that a peer sent as a segment. Nothing about them is checked but their length.
#[derive(Clone, Debug)]
pub struct ReceivedSegment {
    /// Who sent them.
    pub from: PeerId,
    /// What should be a canonical segment.
    pub bytes: Bytes,
    /// Set where they came by gossip: then a verdict is due ([`NetworkHandle::gossip_verdict`]).
    pub gossip: Option<GossipToken>,
}

/// Names a gossiped message until its verdict.
#[derive(Clone, Debug)]
pub struct GossipToken {
    pub(super) message: MessageId,
    pub(super) source: PeerId,
}

#[cfg(test)]
impl GossipToken {
    /// A name that no message has.
    pub(crate) fn for_tests() -> Self {
        Self { message: MessageId::new(&[0; 32]), source: PeerId::random() }
    }
}

/// What becomes of a gossiped message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GossipVerdict {
    /// Valid: forward it.
    Accept,
    /// Nothing for this node to judge: neither forward it nor blame anybody.
    Ignore,
    /// Not valid: blame who forwarded it.
    Reject,
}

/// Why a fetch brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The peer did not answer in time, hung up, or sent something that is no response. Another may be asked.
    #[error("the peer did not answer: {0}")]
    Failed(String),
    /// The network is shutting down.
    #[error("the network is shut down")]
    Closed,
}

/// What a peer says of a lane and of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneEnd {
    /// The segment with the highest sequence, if the peer holds any of the lane.
    pub segments: Vec<Bytes>,
    /// What should be the canonical certificate of the last height that the peer has decided; empty where it has
    /// decided none.
    pub decided: Bytes,
}

/// What tasks and handles ask of the driver.
pub(super) enum Command {
    /// The peer's greeting is accepted.
    Greeted(PeerId, Option<ValidatorId>),
    /// The peer accepted this node's greeting.
    Accepted(PeerId),
    /// The peer refused this node's greeting.
    Refused(PeerId),
    /// The peer did something wrong.
    Offence(PeerId, Offence),
    /// Fetch from a peer.
    Fetch(PeerId, Asked, oneshot::Sender<Result<v1::FetchResponse, FetchError>>),
    /// A fetch of a peer is answered.
    Served(ResponseChannel<v1::FetchResponse>, v1::FetchResponse, Permit),
    /// Gossip a message.
    Publish(Bytes),
    /// Take part in the gossip of checkpoints.
    JoinCheckpoints(Arc<dyn CheckpointSource>, mpsc::Sender<ReceivedCheckpoint>),
    /// Gossip a signature of a checkpoint.
    Announce(Bytes),
    /// The verdict on a gossiped message.
    Verdict(GossipToken, GossipVerdict),
}

/// The network as the rest of the node sees it. Cheap to clone.
#[derive(Clone)]
pub struct NetworkHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) push: Arc<PushTable>,
    pub(super) peers: watch::Receiver<Arc<[PeerInfo]>>,
    pub(super) addresses: watch::Receiver<Vec<Multiaddr>>,
    pub(super) subscribers: Arc<AtomicUsize>,
    pub(super) relays: bool,
    pub(super) local: PeerId,
    pub(super) metrics: NetworkMetrics,
    pub(super) shutdown: CancellationToken,
}

impl NetworkHandle {
    /// This node's peer id.
    pub fn local_peer(&self) -> PeerId {
        self.local
    }

    /// Sends a segment of this node's own lane to every connected peer, and to gossip where somebody listens. Never
    /// waits: what does not fit a peer's queue is dropped for that peer and counted.
    pub fn push(&self, segment: &Segment) {
        let frame = codec::frame(&v1::SegmentMessage { segment: segment.bytes().clone() });
        self.push.push(&frame);
        self.publish(frame);
    }

    /// Offers another lane's segment, which came by push and is valid, to those who get segments by gossip. Does
    /// nothing on a node that does not relay.
    pub fn relay(&self, segment: &Segment) {
        if self.relays && self.subscribers.load(Ordering::Relaxed) > 0 {
            self.publish(codec::frame(&v1::SegmentMessage { segment: segment.bytes().clone() }));
        }
    }

    fn publish(&self, frame: Bytes) {
        if self.subscribers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let message = frame.slice(4..);
        if self.commands.try_send(Command::Publish(message)).is_err() {
            self.metrics.segments_dropped.inc();
        }
    }

    /// Asks one peer for segments. What comes back is neither verified nor known to be what was asked for.
    pub async fn fetch(&self, peer: PeerId, want: FetchWant) -> Result<Vec<Bytes>, FetchError> {
        Ok(self.request(peer, want).await?.segments)
    }

    /// Asks one peer for the end of a lane, and how far it is itself. Fails where the peer is too busy to answer. Of
    /// what comes back nothing is verified.
    pub async fn ask_end(&self, peer: PeerId, lane: LaneId) -> Result<LaneEnd, FetchError> {
        let v1::FetchResponse { segments, decided, .. } = self.request(peer, FetchWant::Head(lane)).await?;
        let busy = || FetchError::Failed("it does not say how far it is".to_owned());
        Ok(LaneEnd { segments, decided: decided.ok_or_else(busy)? })
    }

    async fn request(&self, peer: PeerId, want: FetchWant) -> Result<v1::FetchResponse, FetchError> {
        self.ask(peer, Asked::Segments(want)).await
    }

    pub(super) async fn ask(&self, peer: PeerId, want: Asked) -> Result<v1::FetchResponse, FetchError> {
        self.metrics.fetches.inc();
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(Command::Fetch(peer, want, reply)).await;
        sent.map_err(|_| FetchError::Closed)?;
        let result = answer.await.unwrap_or(Err(FetchError::Closed));
        if result.is_err() {
            self.metrics.fetches_failed.inc();
        }
        result
    }

    /// Reports what a peer did wrong. Under extreme load a report may be lost; the offence is counted anyway.
    pub fn report(&self, peer: PeerId, offence: Offence) {
        let _ = self.commands.try_send(Command::Offence(peer, offence));
    }

    /// Says what becomes of a gossiped message.
    pub async fn gossip_verdict(&self, token: GossipToken, verdict: GossipVerdict) {
        let _ = self.commands.send(Command::Verdict(token, verdict)).await;
    }

    /// The connected peers of this network.
    pub fn peers(&self) -> Arc<[PeerInfo]> {
        self.peers.borrow().clone()
    }

    /// The connected peers, and a signal when they change.
    pub fn watch_peers(&self) -> watch::Receiver<Arc<[PeerInfo]>> {
        self.peers.clone()
    }

    /// The addresses that this node listens on, and a signal when they change.
    pub fn watch_addresses(&self) -> watch::Receiver<Vec<Multiaddr>> {
        self.addresses.clone()
    }

    /// Disconnects from everybody and stops.
    pub fn shutdown(&self) {
        self.shutdown.cancel();
    }
}
