//! What the home directory says, and what follows from it for each part.

use super::NodeError;
use super::stage::{Stage, Task};
use crate::checkpoints::{CheckpointBook, Signer};
use crate::config::{Config, Home};
use crate::evidence::{EvidencePool, Reports};
use crate::guard::{self, Guard};
use crate::in_force::InForce;
use crate::l1::{self, Anchors, KeyReader, L1, L1Parts, L1Settings, Settlements, ViewSender};
use crate::lane_service::{
    self, LaneHandle, LaneServiceConfig, LaneServiceError, LaneServiceParts, RecentSegments, SegmentServer,
};
use crate::metrics::Metrics;
use crate::network::{self, NetworkConfig, NetworkHandle, NetworkLimits, NetworkParts, ReceivedSegment};
use crate::store::{Retention, Store, StoreOptions};
use crate::{keys, recovery};
use fairlane_chain::ChainState;
use fairlane_engine::{ConsensusTimeouts, EngineConfig, PeerLimits, SigningGuard};
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{Evidence, Genesis, SigningKey};
use libp2p::identity::Keypair;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What the files of the home directory say.
pub(super) struct Setup {
    pub(super) home: Home,
    pub(super) config: Config,
    pub(super) genesis: Genesis,
    /// Only where its validator is a member of the set, or may become one.
    pub(super) key: Option<SigningKey>,
    pub(super) identity: Keypair,
    /// Ethereum, where the operator configured it.
    pub(super) l1: Option<L1Settings>,
    pub(super) metrics: Metrics,
}

impl Setup {
    pub(super) fn read(home: Home, config: Config) -> Result<Self, NodeError> {
        let genesis = genesis_file::read(&home.genesis())?;
        let identity = keys::read_network(&home.network_key())?;
        let key = match keys::read_consensus(&home.consensus_key()) {
            Ok(key) => Some(key),
            // A node without a consensus key follows the chain.
            Err(keys::KeyError::Missing(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let may_join = genesis.l1_chain_id != 0;
        let key = key.filter(|key| may_join || genesis.validators.get(&key.validator()).is_some());
        tracing::info!(
            network = %genesis.network(),
            name = genesis.name,
            moniker = config.node.moniker,
            validator = key.as_ref().map(|key| key.validator().to_string()),
            peer = %identity.public().to_peer_id(),
            version = env!("CARGO_PKG_VERSION"),
            "the node starts"
        );
        if key.is_none() {
            tracing::info!("this node has no key of a validator: it follows the chain");
        }
        let l1 = L1Settings::read(&config.l1, &home, &genesis)?;
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
        Ok(Self { home, config, genesis, key, identity, l1, metrics })
    }

    /// Opens the store and restores from it the chain state and the pool of evidence.
    pub(super) async fn restore(&self) -> Result<(Store, ChainState, EvidencePool), NodeError> {
        let (path, genesis) = (self.home.store(), self.genesis.clone());
        let config = &self.config.store;
        let options = StoreOptions {
            cache: config.cache.as_usize(),
            retention: Retention::from(config.pruning),
            quick_repair: config.quick_repair,
        };
        let (metrics, of_evidence) = (self.metrics.store.clone(), self.metrics.evidence.clone());
        let restore = move || {
            let store = Store::open_with(&path, genesis.network(), &genesis, options, metrics)?;
            let state = recovery::recover(&store, &genesis)?;
            let evidence = EvidencePool::open(store.clone(), of_evidence)?;
            Ok((store, state, evidence))
        };
        tokio::task::spawn_blocking(restore).await.map_err(|_| NodeError::Panicked("recovery"))?
    }

    /// The guard of a validator's key. Where it is missing beside what a validator has written, this is not the home
    /// as it was, and neither may the log be.
    pub(super) fn guard(&self, store: &Store) -> Result<Option<Guard>, NodeError> {
        let Some(key) = &self.key else { return Ok(None) };
        let (network, validator) = (self.genesis.network(), key.validator());
        if let Some(guard) = Guard::open(&self.home, network, validator)? {
            return Ok(Some(guard));
        }
        let is_used = store.last_decision().is_some() || self.home.consensus_wal().exists();
        if is_used {
            tracing::warn!(
                guard = %self.home.guard().display(),
                "there is no guard beside the store: the home is taken for an incomplete copy, and a new guard begins"
            );
        }
        if is_used && self.config.segments.startup_check {
            guard::set_log_aside(&self.home)?;
        }
        Ok(Some(Guard::create(&self.home, network, validator)?))
    }

    pub(super) fn start_network(
        &self,
        source: SegmentServer,
    ) -> Result<(NetworkHandle, mpsc::Receiver<ReceivedSegment>), NodeError> {
        let config = &self.config.segments;
        let max_peers = u32::try_from(config.max_peers).unwrap_or(u32::MAX);
        let limits = NetworkLimits {
            // Two nodes that dial each other hold two connections.
            max_connections: max_peers.saturating_mul(2),
            fetch_timeout: config.fetch_timeout,
            ..NetworkLimits::default()
        };
        let network = NetworkConfig {
            listen: vec![config.listen.clone()],
            peers: config.peers.clone(),
            gossip: config.gossip,
            limits,
        };
        let parts = NetworkParts {
            keypair: self.identity.clone(),
            network: self.genesis.network(),
            max_segment_bytes: self.genesis.params.max_segment_bytes as usize,
            validator: self.key.clone(),
            source: Arc::new(source),
            metrics: self.metrics.network.clone(),
        };
        Ok(network::start(network, parts)?)
    }

    pub(super) fn start_lanes(
        &self,
        state: &ChainState,
        store: &Store,
        (guard, (evidence, reports)): (Option<Guard>, (Vec<Evidence>, Reports)),
        recent: RecentSegments,
        (network, received, anchors): (NetworkHandle, mpsc::Receiver<ReceivedSegment>, Anchors),
        shutdown: CancellationToken,
    ) -> (LaneHandle, Task<LaneServiceError>) {
        let config = &self.config.segments;
        let settings = LaneServiceConfig {
            interval: config.interval,
            heartbeat: config.heartbeat,
            seal_bytes: config.seal_bytes.as_usize(),
            backlog: config.backlog,
            idle_block: self.config.consensus.idle_block,
            startup_check: config.startup_check,
            startup_timeout: config.startup_timeout,
        };
        let parts = LaneServiceParts {
            genesis: self.genesis.clone(),
            base: state.base(),
            chain_time: state.time(),
            key: self.key.clone(),
            anchors,
            known: guard.as_ref().and_then(Guard::lane),
            guard,
            store: store.clone(),
            network,
            received,
            recent,
            evidence,
            reports,
            metrics: self.metrics.lanes.clone(),
            cut_metrics: self.metrics.cuts.clone(),
            shutdown,
        };
        lane_service::start(settings, parts)
    }

    /// The anchors of blocks, and Ethereum, where that is configured.
    pub(super) fn connect_l1(&self) -> Result<(Anchors, Option<(L1, ViewSender)>), NodeError> {
        let Some(settings) = &self.l1 else {
            let has_l1 = self.genesis.l1_chain_id != 0;
            return Ok((if has_l1 { Anchors::Unseen } else { Anchors::None }, None));
        };
        let l1 = l1::connect(settings, &self.genesis, self.metrics.l1.clone())?;
        let (anchors, views) = l1.anchors();
        Ok((anchors, Some((l1, views))))
    }

    /// Starts to look at Ethereum.
    pub(super) fn start_l1(
        &self,
        (l1, views): (L1, ViewSender),
        in_force: watch::Receiver<InForce>,
        store: &Store,
        evidence: &EvidencePool,
        stage: &Stage,
    ) -> (KeyReader, Settlements) {
        let own = self.key.as_ref().map(SigningKey::validator);
        let L1Parts { watcher, tower, keys, settlements } =
            l1.into_parts(views, store.clone(), evidence.clone(), own, in_force);
        stage.run(move |stop| watcher.run(stop));
        stage.run(move |stop| tower.run(stop));
        let ending = settlements.clone();
        stage.run(move |stop| ending.run(stop));
        (keys, settlements)
    }

    /// The file of checkpoints, on a node that looks at Ethereum: the others cannot tell valid signatures from garbage.
    pub(super) async fn open_checkpoints(&self) -> Result<Option<CheckpointBook>, NodeError> {
        if self.l1.is_none() {
            return Ok(None);
        }
        let (path, network) = (self.home.checkpoints(), self.genesis.network());
        let opened = tokio::task::spawn_blocking(move || CheckpointBook::open(&path, network)).await;
        Ok(Some(opened.map_err(|_| NodeError::Panicked("recovery"))??))
    }

    /// What checkpoints are signed with.
    pub(super) fn signer(&self) -> Result<Option<Signer>, NodeError> {
        let Some(validator) = self.key.as_ref().map(SigningKey::validator) else { return Ok(None) };
        match keys::read_checkpoint(&self.home.checkpoint_key()) {
            Ok(key) => Ok(Some(Signer { validator, key: key.secret().clone() })),
            Err(error @ keys::KeyError::Missing(_)) => {
                tracing::warn!(%error, "checkpoints are not signed");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn engine_config(&self, guard: Option<Guard>) -> EngineConfig {
        let config = &self.config.consensus;
        EngineConfig {
            moniker: self.config.node.moniker.clone(),
            persistent_peers: config.peers.clone(),
            gossip: config.gossip,
            timeouts: ConsensusTimeouts {
                propose: config.propose_timeout,
                prevote: config.vote_timeout,
                precommit: config.vote_timeout,
                delta: config.timeout_increase,
                ..ConsensusTimeouts::default()
            },
            min_block_interval: config.min_block_interval,
            max_hold: config.idle_block.saturating_mul(2).saturating_add(Duration::from_secs(1)),
            snapshot_interval: self.config.store.snapshot_interval,
            guard: guard.map(|guard| Arc::new(guard) as Arc<dyn SigningGuard>),
            peers: PeerLimits { per_ip: config.max_connections_per_ip, ..PeerLimits::default() },
            ..EngineConfig::new(self.key.clone(), config.listen.clone(), self.home.consensus_wal())
        }
    }
}
