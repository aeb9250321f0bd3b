//! The gRPC services: transactions in, batches and proofs out.
//!
//! One file for each service (`submit`, `batch`, `chain`, `evidence`, `admin`), one for each long-lived stream
//! (`submit_stream`, `subscribe`), and `core` with what they share. `feed` turns finalized blocks into messages,
//! once for all subscribers; `tiers` has what a subscriber may ask for beside them.
//!
//! Invariants: whatever a client does costs bounded memory (connections, streams, requests in flight and reads are
//! limited, and limited by client address too); every refusal carries a reason for programs, and a text that says
//! what to do; batches and proofs come from finalized, durable blocks.
//!
//! Not its job: judging transactions (the lane service does) or what a client does with unverified answers.

mod acknowledged;
mod admin;
mod answers;
mod batch;
mod chain;
mod checkpoints;
mod clients;
mod core;
mod evidence;
mod explain;
mod feed;
mod incoming;
mod limits;
mod pending;
mod proofs;
mod resume;
mod server;
mod services;
mod settled;
mod slots;
mod submit;
mod submit_stream;
mod subscribe;
#[cfg(test)]
mod tests;
mod tiers;

pub use checkpoints::OnEthereum;
pub use limits::RpcLimits;
pub use server::{RpcError, RpcListeners, serve};
pub use services::Services;

use crate::checkpoints::CheckpointBook;
use crate::evidence::EvidencePool;
use crate::in_force::InForce;
use crate::l1::{L1View, Settlements};
use crate::lane_service::{LaneFeed, LaneHandle};
use crate::metrics::RpcMetrics;
use crate::network::PeerInfo;
use crate::store::Store;
use fairlane_engine::{EngineStatus, FinalizedBlock};
use fairlane_log::LogHandle;
use fairlane_types::{Genesis, HeadsTree, ValidatorId};
use std::sync::Arc;
use tokio::sync::{broadcast, watch};

/// The parts of the node that the services use.
pub struct RpcContext {
    /// The network's genesis.
    pub genesis: Arc<Genesis>,
    /// The validator set and the anchor that hold now.
    pub in_force: watch::Receiver<InForce>,
    /// Where finalized blocks are kept.
    pub store: Store,
    /// Takes transactions; `None` on a node without a consensus key.
    pub lanes: Option<LaneHandle>,
    /// Tells what lanes hold.
    pub lane_feed: LaneFeed,
    /// Blocks as they are finalized, durable before they arrive. Subscribed before `heads` was read.
    pub finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
    /// Offences that the node knows of.
    pub evidence: EvidencePool,
    /// What was signed for Ethereum, on a node that looks there.
    pub checkpoints: Option<CheckpointBook>,
    /// What is seen on Ethereum, on a node that looks there.
    pub ethereum: Option<watch::Receiver<Option<L1View>>>,
    /// Where rollups stand on Ethereum, on a node that looks there.
    pub settlements: Option<Settlements>,
    /// How consensus is doing.
    pub engine: watch::Receiver<EngineStatus>,
    /// Where each rollup stands at the store's newest block.
    pub heads: HeadsTree,
    /// Peers of the segment network.
    pub peers: watch::Receiver<Arc<[PeerInfo]>>,
    /// The node's validator, if it is one.
    pub validator: Option<ValidatorId>,
    /// Changes the log filter; `None` where this process does not own its logger.
    pub log: Option<LogHandle>,
    /// What clients may ask.
    pub limits: RpcLimits,
    /// The software's version, for status.
    pub version: String,
    /// What is counted.
    pub metrics: RpcMetrics,
}
