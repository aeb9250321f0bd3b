//! What the operator chooses about the network, and its bounds.

use libp2p::Multiaddr;
use std::time::Duration;

/// Addresses and choices of the operator.
#[derive(Clone, Debug, Default)]
pub struct NetworkConfig {
    /// Where to listen; TCP addresses speak Noise, `/quic-v1` addresses QUIC.
    pub listen: Vec<Multiaddr>,
    /// Peers to stay connected with, with or without `/p2p/<peer id>` at the end.
    pub peers: Vec<Multiaddr>,
    /// Whether this node takes part in relaying segments by gossip.
    pub gossip: bool,
    /// Bounds.
    pub limits: NetworkLimits,
}

/// Bounds on what peers can make this node hold or do.
#[derive(Clone, Debug)]
pub struct NetworkLimits {
    /// The most connections at a time.
    pub max_connections: u32,
    /// The most connections with one peer; two nodes that dial each other at once hold two.
    pub max_connections_per_peer: u32,
    /// The most bytes of segments that wait to be sent to one peer; a segment beyond is dropped for that peer.
    pub send_queue_bytes: usize,
    /// The most segments that wait to be sent to one peer.
    pub send_queue_segments: usize,
    /// The most received segments that wait for the lane service; then reading from peers pauses.
    pub receive_queue: usize,
    /// How long a peer may take to greet, or to take one segment, before the stream is given up.
    pub stream_timeout: Duration,
    /// How long a fetch may take.
    pub fetch_timeout: Duration,
    /// The most fetches of one peer that are served at a time.
    pub served_per_peer: usize,
    /// The most fetches that are served at a time.
    pub served: usize,
    /// How many fetches a second one peer may ask for; it may save up as many as for two seconds.
    pub fetches_per_second: u32,
    /// The penalty from which on a peer is banned.
    pub penalty_limit: u32,
    /// How long a ban lasts.
    pub ban: Duration,
    /// The longest pause between attempts to reach a configured peer.
    pub max_redial: Duration,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            max_connections: 256,
            max_connections_per_peer: 4,
            send_queue_bytes: 16 * MIB,
            send_queue_segments: 512,
            receive_queue: 128,
            stream_timeout: Duration::from_secs(10),
            fetch_timeout: Duration::from_secs(5),
            served_per_peer: 8,
            served: 32,
            fetches_per_second: 400,
            penalty_limit: 100,
            ban: Duration::from_secs(120),
            max_redial: Duration::from_secs(10),
        }
    }
}
