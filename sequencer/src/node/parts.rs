//! The parts of a node: how they are put together, and taken apart.

use super::setup::Setup;
use super::stage::Stage;
use super::{NodeError, observe};
use crate::checkpoints::{self, CheckpointBook, CheckpointParts};
use crate::config::{Config, Home};
use crate::evidence::{self, EvidencePool, Reports};
use crate::health::{self, Health};
use crate::l1::{L1, L1View, Settlements, ViewSender};
use crate::lane_service::{LaneHandle, RecentSegments, SegmentServer};
use crate::network::NetworkHandle;
use crate::rpc;
use crate::store::Store;
use fairlane_engine::EngineHandle;
use fairlane_log::LogHandle;
use fairlane_types::{HeadsTree, SigningKey};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A running node.
pub(super) struct Parts {
    store: Store,
    network: NetworkHandle,
    evidence: EvidencePool,
    /// These two on a node that looks at Ethereum.
    checkpoints: Option<CheckpointBook>,
    settlements: Option<Settlements>,
    /// What clients and operators see.
    serving: Stage,
    l1: Stage,
    consensus: Stage,
    lanes: Stage,
    failures: mpsc::Receiver<NodeError>,
}

/// Where clients and operators connect. Bound before anything else, so that an address in use is told at once.
struct Listeners {
    rpc: rpc::RpcListeners,
    health: TcpListener,
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, NodeError> {
        let rpc = rpc::RpcListeners::bind(config.rpc.listen, config.admin.listen).await?;
        let health = health::bind(config.metrics.listen).await?;
        tracing::info!(
            rpc = %config.rpc.listen,
            admin = %config.admin.listen,
            metrics = %config.metrics.listen,
            "listening for clients"
        );
        Ok(Self { rpc, health })
    }
}

impl Parts {
    /// Starts all parts.
    pub(super) async fn start(home: Home, config: Config, log: LogHandle) -> Result<Self, NodeError> {
        let setup = Setup::read(home, config)?;
        let listeners = Listeners::bind(&setup.config).await?;
        let (store, state, evidence) = setup.restore().await?;
        let guard = setup.guard(&store)?;
        let checkpoints = setup.open_checkpoints().await?;
        let (failed, failures) = mpsc::channel(16);
        let [serving, l1, consensus, lanes] =
            ["serving", "l1", "consensus", "lanes"].map(|name| Stage::new(name, &failed));

        let recent = RecentSegments::default();
        let source = SegmentServer::new(recent.clone(), store.clone());
        let (network, received) = setup.start_network(source)?;
        let (reports, found) = Reports::channel();
        let known = (evidence.not_in_a_block(), reports);
        let (anchors, ethereum) = setup.connect_l1()?;
        let ends = (guard.clone(), known);
        let links = (network.clone(), received, anchors);
        let (lane_handle, task) = setup.start_lanes(&state, &store, ends, recent, links, lanes.token());
        lanes.watch("the lane service", task);

        let heads = state.heads().clone();
        let (seams, blocks) = (Arc::new(lane_handle.clone()), Arc::new(store.clone()));
        let engine = fairlane_engine::start(setup.engine_config(guard), state, seams, blocks)?;
        let (kept, blocks) = (store.clone(), engine.subscribe());
        let pool = evidence.clone();
        lanes.run(move |stop| evidence::keep(pool, kept, found, blocks, stop));
        let mut parts = Self {
            store,
            network,
            evidence,
            checkpoints,
            settlements: None,
            serving,
            l1,
            consensus,
            lanes,
            failures,
        };
        let views = ethereum.as_ref().map(|(_, sender)| sender.subscribe());
        if let Some(ethereum) = ethereum {
            parts.start_ethereum(&setup, ethereum, &engine, &lane_handle)?;
        }
        parts.serve(&setup, (engine, lane_handle), (heads, views), listeners, log).await?;
        Ok(parts)
    }

    /// Starts what looks at Ethereum, and what is signed for it.
    fn start_ethereum(
        &mut self,
        setup: &Setup,
        ethereum: (L1, ViewSender),
        engine: &EngineHandle,
        lanes: &LaneHandle,
    ) -> Result<(), NodeError> {
        let (keys, settlements) =
            setup.start_l1(ethereum, lanes.in_force(), &self.store, &self.evidence, &self.l1);
        self.settlements = Some(settlements);
        let Some(book) = self.checkpoints.clone() else { return Ok(()) };
        let parts = CheckpointParts {
            network: self.network.clone(),
            book,
            store: self.store.clone(),
            keys: Arc::new(keys),
            signer: setup.signer()?,
            in_force: lanes.in_force(),
            finalized: engine.subscribe(),
            engine: engine.status.clone(),
            evidence: self.evidence.clone(),
            metrics: setup.metrics.checkpoints.clone(),
        };
        self.l1.run(move |stop| checkpoints::run(parts, stop));
        Ok(())
    }

    /// Starts what listens to consensus, and hands the engine to its stage.
    async fn serve(
        &self,
        setup: &Setup,
        (mut engine, lanes): (EngineHandle, LaneHandle),
        (heads, ethereum): (HeadsTree, Option<watch::Receiver<Option<L1View>>>),
        listeners: Listeners,
        log: LogHandle,
    ) -> Result<(), NodeError> {
        let (_, no_evidence) = mpsc::channel(1);
        lanes.follow(engine.subscribe(), std::mem::replace(&mut engine.evidence, no_evidence));
        tokio::spawn(observe::run(engine.subscribe(), lanes.in_force(), setup.metrics.clone()));
        tokio::spawn(observe::show_status(engine.status.clone(), setup.metrics.clone()));
        let later = engine.subscribe();
        let finalized = std::mem::replace(&mut engine.finalized, later);
        let status = engine.status.clone();
        self.consensus.run(move |stop| drive(engine, stop));

        let context = rpc::RpcContext {
            genesis: Arc::new(setup.genesis.clone()),
            in_force: lanes.in_force(),
            store: self.store.clone(),
            lane_feed: lanes.feed(),
            lanes: setup.key.is_some().then_some(lanes),
            finalized,
            evidence: self.evidence.clone(),
            checkpoints: self.checkpoints.clone(),
            ethereum,
            settlements: self.settlements.clone(),
            engine: status.clone(),
            heads,
            peers: self.network.watch_peers(),
            validator: setup.key.as_ref().map(SigningKey::validator),
            log: Some(log),
            limits: rpc::RpcLimits::from(&setup.config.rpc),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            metrics: setup.metrics.rpc.clone(),
        };
        let services = rpc::Services::new(context, self.serving.token())?;
        let explored = setup.config.metrics.serves_explorer().then(|| services.clone());
        self.serving.run(move |stop| rpc::serve(listeners.rpc, services, stop));
        let pages = Health { metrics: setup.metrics.clone(), status, explored };
        self.serving.run(move |stop| health::serve(listeners.health, pages, stop));
        tracing::info!("the node serves");
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
        for stage in [&self.serving, &self.l1, &self.consensus, &self.lanes] {
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
