//! Gossip: who listens, what is published, and what waits for a verdict.

use super::Driver;
use crate::network::handle::{GossipToken, GossipVerdict, ReceivedSegment};
use crate::network::offence::Offence;
use bytes::Bytes;
use fairlane_proto::v1;
use libp2p::PeerId;
use libp2p::gossipsub::{Event, Message, MessageAcceptance, MessageId, PublishError};
use prost::Message as _;
use std::sync::atomic::Ordering;

impl Driver {
    pub(super) fn on_gossip(&mut self, event: Event) {
        match event {
            Event::Message { propagation_source, message_id, message }
                if self.is_about_checkpoints(&message.topic) =>
            {
                self.on_checkpoint(propagation_source, message_id, message);
            }
            Event::Message { propagation_source, message_id, message } => {
                self.on_message(propagation_source, message_id, message);
            }
            Event::Subscribed { peer_id, topic } if topic == self.topic.hash() => {
                self.on_subscription(&peer_id, true);
            }
            Event::Unsubscribed { peer_id, topic } if topic == self.topic.hash() => {
                self.on_subscription(&peer_id, false);
            }
            _ => {}
        }
    }

    fn on_subscription(&mut self, peer: &PeerId, subscribed: bool) {
        if let Some(state) = self.peers.get_mut(peer) {
            state.subscribed = subscribed;
        }
        self.update_gossip(peer);
        self.count_subscribers();
    }

    /// Whether the peer gets segments by gossip instead of by push. Validators always get pushes.
    pub(super) fn update_gossip(&self, peer: &PeerId) {
        let Some(state) = self.peers.get(peer) else { return };
        let validator = matches!(state.greeted, Some(Some(_)));
        self.handle.push.set_by_gossip(peer, state.subscribed && !validator);
    }

    pub(super) fn count_subscribers(&self) {
        let count = self.peers.values().filter(|state| state.subscribed).count();
        self.handle.subscribers.store(count, Ordering::Relaxed);
    }

    pub(super) fn publish(&mut self, message: Bytes) {
        let bytes = message.len() as u64;
        match self.swarm.behaviour_mut().gossip.publish(self.topic.clone(), message) {
            Ok(_) => {
                self.metrics.segments_out.inc();
                self.metrics.bytes_out.inc_by(bytes);
            }
            // It is known to those who listen already, or nobody listens any more.
            Err(PublishError::Duplicate | PublishError::NoPeersSubscribedToTopic) => {}
            Err(error) => {
                tracing::debug!(%error, "a segment cannot be gossiped");
                self.metrics.segments_dropped.inc();
            }
        }
    }

    fn on_message(&mut self, source: PeerId, message: MessageId, content: Message) {
        let token = GossipToken { message, source };
        self.metrics.bytes_in.inc_by(content.data.len() as u64);
        let Ok(segment) = v1::SegmentMessage::decode(Bytes::from(content.data)) else {
            self.on_offence(source, Offence::Malformed);
            self.verdict(&token, GossipVerdict::Reject);
            return;
        };
        self.metrics.segments_in.inc();
        let received = ReceivedSegment { from: source, bytes: segment.segment, gossip: Some(token.clone()) };
        // The driver never waits: what does not fit is not forwarded either, and is fetched by reference.
        if self.receiver.received.try_send(received).is_err() {
            self.metrics.segments_dropped.inc();
            self.verdict(&token, GossipVerdict::Ignore);
        }
    }

    pub(super) fn verdict(&mut self, token: &GossipToken, verdict: GossipVerdict) {
        let acceptance = match verdict {
            GossipVerdict::Accept => MessageAcceptance::Accept,
            GossipVerdict::Ignore => MessageAcceptance::Ignore,
            GossipVerdict::Reject => MessageAcceptance::Reject,
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        gossip.report_message_validation_result(&token.message, &token.source, acceptance);
    }
}
