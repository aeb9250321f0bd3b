//! Fetches: the ones that this node asks for, and the ones that it answers.

use super::{Driver, FetchReply};
use crate::network::checkpoints::Asked;
use crate::network::handle::{Command, FetchError};
use crate::network::offence::Offence;
use crate::network::serve::{Denied, Permit, SegmentSource};
use crate::network::wire::FetchWant;
use fairlane_proto::{convert, v1};
use libp2p::PeerId;
use libp2p::request_response::{Event, Message, OutboundFailure, ResponseChannel};
use std::io;
use std::sync::Arc;
use std::time::Instant;

type FetchEvent = Event<v1::FetchRequest, v1::FetchResponse>;

impl Driver {
    /// The most fetches of this node that wait for answers.
    const MAX_PENDING: usize = 1024;

    pub(super) fn fetch(&mut self, peer: PeerId, want: &Asked, reply: FetchReply) {
        let refusal = if !self.peers.contains_key(&peer) {
            "it is not connected"
        } else if self.fetches.len() >= Self::MAX_PENDING {
            "too many fetches wait already"
        } else {
            let id = self.swarm.behaviour_mut().fetch.send_request(&peer, want.into());
            self.fetches.insert(id, (peer, reply));
            return;
        };
        // Nobody may be waiting any more.
        let _ = reply.send(Err(FetchError::Failed(refusal.to_owned())));
    }

    pub(super) fn on_fetch(&mut self, event: FetchEvent) {
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.serve(peer, request, channel);
            }
            Event::Message { message: Message::Response { request_id, response }, .. } => {
                let bytes: usize = response.segments.iter().map(|segment| segment.len()).sum();
                self.metrics.bytes_in.inc_by(bytes as u64);
                if let Some((_, reply)) = self.fetches.remove(&request_id) {
                    let _ = reply.send(Ok(response));
                }
            }
            Event::OutboundFailure { request_id, error, .. } => {
                if let Some((peer, reply)) = self.fetches.remove(&request_id) {
                    self.blame(peer, &error);
                    let _ = reply.send(Err(FetchError::Failed(error.to_string())));
                }
            }
            Event::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "a fetch of a peer was not answered");
            }
            Event::ResponseSent { .. } => {
                self.metrics.fetches_served.inc();
            }
        }
    }

    /// A response that is no response is the peer's fault; silence may be the network's.
    fn blame(&mut self, peer: PeerId, error: &OutboundFailure) {
        if let OutboundFailure::Io(error) = error
            && error.kind() == io::ErrorKind::InvalidData
        {
            self.on_offence(peer, Offence::Malformed);
        }
    }

    fn serve(
        &mut self,
        peer: PeerId,
        request: v1::FetchRequest,
        channel: ResponseChannel<v1::FetchResponse>,
    ) {
        let Some(state) = self.peers.get_mut(&peer).filter(|state| state.greeted.is_some()) else {
            return;
        };
        let permit = match state.allowance.take(&self.serving, Instant::now()) {
            Ok(permit) => permit,
            Err(denied) => {
                if denied == Denied::Peer {
                    self.on_offence(peer, Offence::TooMany);
                }
                let empty = v1::FetchResponse::default();
                // An error says that the peer is gone.
                let _ = self.swarm.behaviour_mut().fetch.send_response(channel, empty);
                return;
            }
        };
        let want = match Asked::try_from(request) {
            Ok(want) => want,
            Err(error) => {
                tracing::debug!(%peer, %error, "a fetch request is malformed");
                self.on_offence(peer, Offence::Malformed);
                return;
            }
        };
        let (source, max_bytes) = (Arc::clone(&self.source), self.max_response_bytes);
        let checkpoints = self.checkpoints.as_ref().map(|checkpoints| Arc::clone(&checkpoints.source));
        let commands = self.handle.commands.clone();
        tokio::spawn(async move {
            let read = move || match want {
                Asked::Segments(want) => answer(source.as_ref(), &want, max_bytes),
                Asked::Checkpoints(above) => {
                    let found = checkpoints.map(|source| source.certificates_above(above));
                    v1::FetchResponse { checkpoints: found.unwrap_or_default(), ..Default::default() }
                }
            };
            let read = tokio::task::spawn_blocking(read).await;
            let response = read.unwrap_or_default();
            let _ = commands.send(Command::Served(channel, response, permit)).await;
        });
    }

    pub(super) fn respond(
        &mut self,
        channel: ResponseChannel<v1::FetchResponse>,
        response: v1::FetchResponse,
        permit: Permit,
    ) {
        let bytes: usize = response.segments.iter().map(|segment| segment.len()).sum();
        self.metrics.bytes_out.inc_by(bytes as u64);
        // An error says that the peer is gone.
        let _ = self.swarm.behaviour_mut().fetch.send_response(channel, response);
        drop(permit);
    }
}

/// What this node answers to a fetch.
fn answer(source: &dyn SegmentSource, want: &FetchWant, max_bytes: usize) -> v1::FetchResponse {
    let decided = matches!(want, FetchWant::Head(_))
        .then(|| source.decided().as_ref().map(convert::to_field).unwrap_or_default());
    v1::FetchResponse { segments: source.segments(want, max_bytes), decided, ..Default::default() }
}
