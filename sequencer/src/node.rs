//! A running node: its parts are started in the order in which they need each other, watched, and stopped in
//! reverse.
//!
//! Store and recovery come first, then the network and the lanes, then consensus, then what clients see. Any part
//! that fails stops the whole node: a validator that limps is worse than one that is restarted.
//!
//! Not its job: anything that the parts do.

mod observe;
mod parts;
mod setup;
mod stage;

use crate::config::{Config, Home};
use crate::{guard, health, keys, l1, lane_service, network, recovery, rpc, store};
use fairlane_log::LogHandle;
use fairlane_rollup_adapter::genesis_file;
use parts::Parts;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Why a node does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] keys::KeyError),
    /// Genesis cannot be used.
    #[error(transparent)]
    Genesis(#[from] genesis_file::GenesisFileError),
    /// The guard does not let this node run.
    #[error(transparent)]
    Guard(#[from] guard::GuardFileError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] store::OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// There is no state to start from.
    #[error("the chain state cannot be restored: {0}")]
    Recovery(#[from] recovery::RecoveryError),
    /// The segment network does not start.
    #[error("the segment network does not start: {0}")]
    Network(#[from] network::NetworkError),
    /// The lane service failed.
    #[error("the lane service failed: {0}")]
    Lanes(Box<lane_service::LaneServiceError>),
    /// Consensus failed.
    #[error("consensus failed: {0}")]
    Engine(#[from] fairlane_engine::EngineError),
    /// The gRPC services failed.
    #[error("the gRPC services failed: {0}")]
    Rpc(#[from] rpc::RpcError),
    /// What `[l1]` says cannot be used.
    #[error(transparent)]
    L1(#[from] l1::L1Error),
    /// Metrics and health cannot be served.
    #[error(transparent)]
    Health(#[from] health::HealthError),
    /// A directory cannot be made.
    #[error("{} cannot be made: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The process cannot be told to stop.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    /// A part panicked, which it logged.
    #[error("{0} panicked: this is a bug, and the log shows where")]
    Panicked(&'static str),
    /// A part ended without having been told to.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

impl From<lane_service::LaneServiceError> for NodeError {
    fn from(error: lane_service::LaneServiceError) -> Self {
        Self::Lanes(Box::new(error))
    }
}

/// Runs a node until SIGINT or SIGTERM, or until a part of it fails.
pub async fn run(home: Home, config: Config, log: LogHandle) -> Result<(), NodeError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(NodeError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(NodeError::Signals)?;
    let mut parts = tokio::select! {
        parts = Parts::start(home, config, log) => parts?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let result = tokio::select! {
        error = parts.failure() => Err(error),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    match &result {
        Ok(()) => tracing::info!("the node was told to stop"),
        Err(error) => tracing::error!(%error, "the node stops because a part of it failed"),
    }
    // A second signal ends the wait: what is durable stays so.
    tokio::select! {
        stopped = parts.stop() => result.and(stopped),
        _ = interrupt.recv() => result,
        _ = terminate.recv() => result,
    }
}
