//! Checkpoints on the segment network: signatures by gossip, on a topic of their own, and certificates by request.
//!
//! Only nodes that know the validators' checkpoint keys take part, because the others could not tell valid signatures from
//! garbage. A signature is forwarded only after the verdict on it. What a peer may send is bounded in size and rate.

use super::codec::FIELD_BYTES;
use super::handle::{Command, FetchError, GossipToken, NetworkHandle};
use super::wire::FetchWant;
use bytes::Bytes;
use fairlane_proto::{ConvertError, v1};
use fairlane_types::checkpoint::SignedCheckpoint;
use fairlane_types::{Encode as _, Height};
use libp2p::PeerId;
use prost::Message as _;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The longest message on the topic.
pub(super) const MAX_BYTES: usize = SignedCheckpoint::BYTES + 2 * FIELD_BYTES;
/// How many messages a second one peer may send, or save up for two: more than members of a set sign at once.
pub(super) const PER_SECOND: u32 = 128;
/// How many received signatures wait to be judged; further ones are dropped, and announced again.
const QUEUE: usize = 512;

/// All that a request between nodes may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Segments.
    Segments(FetchWant),
    /// Certificates of checkpoints above a height.
    Checkpoints(Height),
}

impl From<&Asked> for v1::FetchRequest {
    fn from(asked: &Asked) -> Self {
        match asked {
            Asked::Segments(want) => want.into(),
            Asked::Checkpoints(above) => {
                let above = v1::CheckpointsAbove { height: above.get() };
                Self { want: Some(v1::fetch_request::Want::Checkpoints(above)) }
            }
        }
    }
}

impl TryFrom<v1::FetchRequest> for Asked {
    type Error = ConvertError;

    fn try_from(request: v1::FetchRequest) -> Result<Self, ConvertError> {
        match request.want {
            Some(v1::fetch_request::Want::Checkpoints(above)) => {
                Ok(Self::Checkpoints(Height::new(above.height)))
            }
            _ => FetchWant::try_from(request).map(Self::Segments),
        }
    }
}

/// Certificates to give to peers.
pub trait CheckpointSource: Send + Sync + 'static {
    /// Canonical certificates of heights above this one, ascending, a bounded number. Reads the disk.
    fn certificates_above(&self, height: Height) -> Vec<Bytes>;
}

/// What a peer sent as a signature. Nothing about it is checked but its length. A verdict is due
/// ([`NetworkHandle::gossip_verdict`]).
#[derive(Clone, Debug)]
pub struct ReceivedCheckpoint {
    /// Who sent it.
    pub from: PeerId,
    /// What should be a canonical signed checkpoint.
    pub signed: Bytes,
    /// How often it is said to have been announced before.
    pub repeat: u32,
    /// Names it until its verdict.
    pub gossip: GossipToken,
}

impl NetworkHandle {
    /// Takes part in the gossip of checkpoints from now on, and gives peers certificates. Signatures come out of the queue.
    pub async fn join_checkpoints(
        &self,
        source: Arc<dyn CheckpointSource>,
    ) -> mpsc::Receiver<ReceivedCheckpoint> {
        let (sender, received) = mpsc::channel(QUEUE);
        // The network may be shutting down: then nothing will come.
        let _ = self.commands.send(Command::JoinCheckpoints(source, sender)).await;
        received
    }

    /// Gossips this node's own signature. Never waits; what is lost is announced again, with a higher `repeat`.
    pub fn announce_checkpoint(&self, signed: &SignedCheckpoint, repeat: u32) {
        let message = v1::CheckpointMessage { signed: signed.to_bytes().into(), repeat };
        let _ = self.commands.try_send(Command::Announce(message.encode_to_vec().into()));
    }

    /// Asks one peer for certificates above a height. Nothing about them is checked.
    pub async fn fetch_checkpoints(&self, peer: PeerId, above: Height) -> Result<Vec<Bytes>, FetchError> {
        Ok(self.ask(peer, Asked::Checkpoints(above)).await?.checkpoints)
    }
}
