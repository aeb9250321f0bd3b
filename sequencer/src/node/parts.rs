//! The parts of a node: how they are put together, and taken apart.

use super::setup::Setup;
use super::stage::Stage;
use super::{NodeError, relay};
use crate::config::{Config, Home};
use crate::health::{self, Health};
use crate::lane_service::{LaneHandle, RecentSegments, SegmentServer};
use crate::log::LogHandle;
use crate::network::NetworkHandle;
use crate::rpc;
use crate::store::Store;
use fairlane_engine::{EngineHandle, FinalizedBlock};
use fairlane_types::{HeadsTree, SigningKey};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// How many finalized blocks wait for a slow subscriber; one that lags further reads them from the store.
const SUBSCRIBER_QUEUE: usize = 256;

/// A running node.
pub(super) struct Parts {
    store: Store,
    network: NetworkHandle,
    /// What clients and operators see.
    serving: Stage,
    consensus: Stage,
    lanes: Stage,
    failures: mpsc::Receiver<NodeError>,
}

impl Parts {
    /// Starts all parts.
    pub(super) async fn start(home: Home, config: Config, log: LogHandle) -> Result<Self, NodeError> {
        let setup = Setup::read(home, config)?;
        // Bound first, so that an address in use is told before the node does anything.
        let health = health::bind(setup.config.metrics.listen).await?;
        let (store, state) = setup.restore().await?;
        let (failed, failures) = mpsc::channel(16);
        let [serving, consensus, lanes] = ["serving", "consensus", "lanes"].map(|name| Stage::new(name, &failed));

        let recent = RecentSegments::default();
        let source = SegmentServer::new(recent.clone(), store.clone());
        let (network, received) = setup.start_network(source)?;
        let (lane_handle, task) =
            setup.start_lanes(&state, &store, recent, (network.clone(), received), lanes.token());
        lanes.watch("the lane service", task);

        let heads = state.heads().clone();
        let (seams, blocks) = (Arc::new(lane_handle.clone()), Arc::new(store.clone()));
        let engine = fairlane_engine::start(setup.engine_config(), state, seams, blocks).await?;
        let parts = Self { store, network, serving, consensus, lanes, failures };
        parts.serve(&setup, engine, lane_handle, heads, health, log).await?;
        Ok(parts)
    }

    /// Starts what listens to consensus, and hands the engine to its stage.
    async fn serve(
        &self,
        setup: &Setup,
        mut engine: EngineHandle,
        lanes: LaneHandle,
        heads: HeadsTree,
        health: tokio::net::TcpListener,
        log: LogHandle,
    ) -> Result<(), NodeError> {
        let (_, no_evidence) = mpsc::channel(1);
        lanes.follow(engine.subscribe(), std::mem::replace(&mut engine.evidence, no_evidence));
        let later = engine.subscribe();
        let from_start = std::mem::replace(&mut engine.finalized, later);
        let status = engine.status.clone();
        self.consensus.run(move |stop| drive(engine, stop));

        let (finalized, _) = broadcast::channel::<Arc<FinalizedBlock>>(SUBSCRIBER_QUEUE);
        tokio::spawn(relay::run(from_start, finalized.clone(), setup.metrics.clone()));
        let config = &setup.config;
        let context = rpc::RpcContext {
            genesis: setup.genesis.clone(),
            validator: setup.key.as_ref().map(SigningKey::validator),
            store: self.store.clone(),
            heads,
            lanes,
            network: self.network.clone(),
            finalized,
            status: status.clone(),
            limits: rpc::RpcLimits::from(&config.rpc),
            version: env!("CARGO_PKG_VERSION"),
            metrics: setup.metrics.rpc.clone(),
            log,
        };
        let task = rpc::serve(context, config.rpc.listen, config.admin.listen, self.serving.token()).await?;
        self.serving.watch("the gRPC services", task);
        let pages = Health { metrics: setup.metrics.clone(), status };
        self.serving.run(move |stop| health::serve(health, pages, stop));
        tracing::info!(
            rpc = %config.rpc.listen,
            admin = %config.admin.listen,
            metrics = %config.metrics.listen,
            "the node serves"
        );
        Ok(())
    }

    /// Resolves when a part fails or ends by itself.
    pub(super) async fn failure(&mut self) -> NodeError {
        tokio::select! {
            error = self.store.failed() => error.into(),
            Some(error) = self.failures.recv() => error,
        }
    }

    /// Stops all parts: first what takes work in, last the store.
    pub(super) async fn stop(mut self) -> Result<(), NodeError> {
        for stage in [&self.serving, &self.consensus, &self.lanes] {
            stage.stop().await;
        }
        self.network.shutdown();
        self.store.close().await?;
        self.failures.try_recv().map_or(Ok(()), Err)
    }
}

/// Lets the engine run until it ends or is told to stop.
async fn drive(mut engine: EngineHandle, stop: CancellationToken) -> Result<(), NodeError> {
    tokio::select! {
        ended = engine.ended() => return Ok(ended?),
        () = stop.cancelled() => {}
    }
    Ok(engine.shutdown().await?)
}
