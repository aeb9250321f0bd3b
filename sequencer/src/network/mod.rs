//! The network that carries segments: a libp2p swarm of its own, beside the one of consensus.
//!
//! - **Push**: every node sends the segments of its own lane to each connected peer over one long-lived stream.
//! - **Gossip**: nodes that take part in relaying (`gossip`) spread segments to those who are no direct peers of the
//!   author. A gossiped segment is forwarded only after this node's verdict on it.
//! - **Fetch**: request and response for what is missing: by name, a range of a lane, or the end of a lane.
//! - **Checkpoints**: what validators sign for Ethereum travels here too, on a gossip topic of its own.
//!
//! `docs/adr/0008-segment-transport.md` records why, with measurements.
//!
//! Invariants: every queue is bounded. A slow peer loses pushes (counted; it fetches them by reference later), it never
//! slows this node down. Nothing that a peer sends panics: offences are typed, counted and scored, and a peer above the
//! limit is disconnected and banned for a time. A peer that has not greeted with this network's id gets nothing.
//!
//! Not its job: judging segments. Bytes leave here as they came, and the verdict comes back
//! ([`NetworkHandle::report`], [`NetworkHandle::gossip_verdict`]).

mod behaviour;
mod checkpoints;
mod codec;
mod config;
mod dial;
mod driver;
mod greeting;
mod handle;
mod offence;
mod push;
mod rate;
mod receive;
mod serve;
mod wire;

#[cfg(test)]
mod tests;

pub use checkpoints::{CheckpointSource, ReceivedCheckpoint};
pub use config::{NetworkConfig, NetworkLimits};
pub use driver::{NetworkError, NetworkParts, start};
pub use handle::{FetchError, GossipToken, GossipVerdict, LaneEnd, NetworkHandle, PeerInfo, ReceivedSegment};
pub use libp2p::identity::Keypair;
pub use libp2p::{Multiaddr, PeerId};
pub use offence::Offence;
pub use serve::SegmentSource;
pub use wire::FetchWant;

/// Version of the protocol between nodes; nodes of different versions do not talk.
pub const PROTOCOL_VERSION: u32 = 1;
