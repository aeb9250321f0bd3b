//! The libp2p swarm: transports, protocols and their settings.

use crate::network::codec::{FIELD_BYTES, FetchCodec};
use crate::network::config::NetworkLimits;
use fairlane_types::NetworkId;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{self, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{StreamProtocol, Swarm, SwarmBuilder, noise, ping, tcp, yamux};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// Pushed segments.
pub(super) const SEGMENTS_PROTOCOL: StreamProtocol = StreamProtocol::new("/fairlane/segments/1");
/// Fetches.
const FETCH_PROTOCOL: StreamProtocol = StreamProtocol::new("/fairlane/fetch/1");

/// How long a connection without streams stays open.
const IDLE_CONNECTION: Duration = Duration::from_secs(60);

/// The protocols on each connection.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) ping: ping::Behaviour,
    pub(super) streams: libp2p_stream::Behaviour,
    pub(super) fetch: request_response::Behaviour<FetchCodec>,
    pub(super) gossip: gossipsub::Behaviour,
}

/// A swarm that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the network cannot be set up: {0}")]
pub struct SetupError(String);

fn setup_error(error: impl std::fmt::Display) -> SetupError {
    SetupError(error.to_string())
}

/// The gossip topic of a network.
pub(super) fn topic(network: NetworkId) -> gossipsub::IdentTopic {
    gossipsub::IdentTopic::new(format!("fairlane/segments/1/{network}"))
}

/// The gossip topic of a network's checkpoints.
pub(super) fn checkpoint_topic(network: NetworkId) -> gossipsub::IdentTopic {
    gossipsub::IdentTopic::new(format!("fairlane/checkpoints/1/{network}"))
}

/// The most bytes of segments in a fetch response. The same for all nodes of a network, so that no node's response
/// is too long for another.
pub(super) fn max_response_bytes(max_segment_bytes: usize) -> usize {
    max_segment_bytes.max(4 << 20)
}

/// Builds the swarm: TCP with Noise and yamux, or QUIC, as the addresses say.
pub(super) fn swarm(
    keypair: Keypair,
    network: NetworkId,
    max_segment_bytes: usize,
    limits: &NetworkLimits,
) -> Result<Swarm<Behaviour>, SetupError> {
    let behaviour = behaviour(network, max_segment_bytes, limits)?;
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(setup_error)?
        .with_quic()
        .with_dns()
        .map_err(setup_error)?
        .with_behaviour(|_| behaviour)
        .map_err(setup_error)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE_CONNECTION))
        .build();
    Ok(swarm)
}

/// The protocols with their bounds.
pub(super) fn behaviour(
    network: NetworkId,
    max_segment_bytes: usize,
    limits: &NetworkLimits,
) -> Result<Behaviour, SetupError> {
    let connections = ConnectionLimits::default()
        .with_max_established(Some(limits.max_connections))
        .with_max_established_per_peer(Some(limits.max_connections_per_peer))
        .with_max_pending_incoming(Some(limits.max_connections / 4 + 1))
        .with_max_pending_outgoing(Some(limits.max_connections / 4 + 1));
    let fetch = request_response::Config::default()
        .with_request_timeout(limits.fetch_timeout)
        .with_max_concurrent_streams(2 * limits.served_per_peer);
    let codec = FetchCodec { max_response_bytes: max_response_bytes(max_segment_bytes) };
    let ping =
        ping::Config::new().with_interval(Duration::from_secs(15)).with_timeout(Duration::from_secs(20));
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(connections),
        blocked: allow_block_list::Behaviour::default(),
        ping: ping::Behaviour::new(ping),
        streams: libp2p_stream::Behaviour::new(),
        fetch: request_response::Behaviour::with_codec(
            codec,
            [(FETCH_PROTOCOL, ProtocolSupport::Full)],
            fetch,
        ),
        gossip: gossip(network, max_segment_bytes)?,
    })
}

/// Gossip without authors: segments carry their own signatures. The id of a message is the hash of all its bytes, not
/// the segment's digest: the digest covers the header only, so that garbage behind a genuine header would take the
/// genuine segment's place.
fn gossip(network: NetworkId, max_segment_bytes: usize) -> Result<gossipsub::Behaviour, SetupError> {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| MessageId::new(Sha256::digest(&message.data).as_slice()))
        .max_transmit_size(max_segment_bytes + 2 * FIELD_BYTES + 128)
        .idontwant_message_size_threshold(1024)
        .flood_publish(false)
        .build()
        .map_err(setup_error)?;
    let mut gossip =
        gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).map_err(setup_error)?;
    let (params, thresholds) = scoring(network);
    gossip.with_peer_score(params, thresholds).map_err(setup_error)?;
    Ok(gossip)
}

/// Scores peers by the invalid messages that they forward. Delivery counts do not score: lanes are idle at times.
/// Sharing an address does not either: nodes of one test network do.
fn scoring(network: NetworkId) -> (gossipsub::PeerScoreParams, gossipsub::PeerScoreThresholds) {
    let topic_params = gossipsub::TopicScoreParams {
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        ..Default::default()
    };
    let topics = [topic(network), checkpoint_topic(network)];
    let params = gossipsub::PeerScoreParams {
        topics: topics.map(|topic| (topic.hash(), topic_params.clone())).into(),
        ip_colocation_factor_weight: 0.0,
        ..Default::default()
    };
    (params, gossipsub::PeerScoreThresholds::default())
}
