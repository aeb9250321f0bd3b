//! The topic of checkpoints: who takes part, what comes in.

use super::Driver;
use crate::network::behaviour;
use crate::network::checkpoints::{CheckpointSource, MAX_BYTES, ReceivedCheckpoint};
use crate::network::handle::{GossipToken, GossipVerdict};
use crate::network::offence::Offence;
use bytes::Bytes;
use fairlane_proto::v1;
use libp2p::PeerId;
use libp2p::gossipsub::{IdentTopic, Message, MessageId, PublishError, TopicHash};
use prost::Message as _;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// What a node that takes part in checkpoints gave to the network.
pub(super) struct Checkpoints {
    topic: IdentTopic,
    pub(super) source: Arc<dyn CheckpointSource>,
    received: mpsc::Sender<ReceivedCheckpoint>,
}

impl Driver {
    pub(super) fn join_checkpoints(
        &mut self,
        source: Arc<dyn CheckpointSource>,
        received: mpsc::Sender<ReceivedCheckpoint>,
    ) {
        let topic = behaviour::checkpoint_topic(self.receiver.network);
        let joined = self.swarm.behaviour_mut().gossip.subscribe(&topic);
        joined.expect("subscriptions are not filtered");
        self.checkpoints = Some(Checkpoints { topic, source, received });
    }

    pub(super) fn is_about_checkpoints(&self, topic: &TopicHash) -> bool {
        self.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.topic.hash() == *topic)
    }

    pub(super) fn announce(&mut self, message: Bytes) {
        let Some(checkpoints) = &self.checkpoints else { return };
        let topic = checkpoints.topic.clone();
        match self.swarm.behaviour_mut().gossip.publish(topic, message) {
            Ok(_) | Err(PublishError::Duplicate | PublishError::NoPeersSubscribedToTopic) => {}
            Err(error) => tracing::debug!(%error, "a checkpoint cannot be gossiped now"),
        }
    }

    pub(super) fn on_checkpoint(&mut self, source: PeerId, message: MessageId, content: Message) {
        let gossip = GossipToken { message, source };
        self.metrics.bytes_in.inc_by(content.data.len() as u64);
        let may_send = match self.peers.get_mut(&source) {
            Some(peer) => peer.checkpoints.allow(Instant::now()),
            None => false,
        };
        if !may_send {
            self.on_offence(source, Offence::TooMany);
            self.verdict(&gossip, GossipVerdict::Ignore);
            return;
        }
        let offence = match v1::CheckpointMessage::decode(content.data.as_slice()) {
            _ if content.data.len() > MAX_BYTES => Offence::Oversize,
            Err(_) => Offence::Malformed,
            Ok(v1::CheckpointMessage { signed, repeat }) => {
                let received = ReceivedCheckpoint { from: source, signed, repeat, gossip: gossip.clone() };
                // The driver never waits: what does not fit is announced again.
                let queue = self.checkpoints.as_ref().map(|checkpoints| &checkpoints.received);
                if queue.is_none_or(|queue| queue.try_send(received).is_err()) {
                    self.verdict(&gossip, GossipVerdict::Ignore);
                }
                return;
            }
        };
        self.on_offence(source, offence);
        self.verdict(&gossip, GossipVerdict::Reject);
    }
}
