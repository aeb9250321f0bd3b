//! The services on real sockets, over a real store; where transactions are taken, over a real lane service.

mod hostile;
mod node;
mod public;
mod settled;
mod submit;
mod subscribe;
mod tiers;

use super::*;
use crate::evidence::EvidencePool;
use crate::l1::testing::Ethereum;
use crate::lane_service::{LaneServiceConfig, LaneServiceParts, RecentSegments, SegmentServer};
use crate::metrics::Metrics;
use crate::network::{self, Keypair, NetworkConfig, NetworkLimits, NetworkParts};
use crate::store::{Retention, StoreOptions};
use crate::testing::TestChain;
use fairlane_lanes::CutBase;
use fairlane_proto::refusal;
use fairlane_proto::v1::Refusal;
use fairlane_types::{Leg, RollupId, SigningKey, Timestamp, Transaction};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

const DEADLINE: Duration = Duration::from_secs(20);
const ROLLUP: RollupId = RollupId::new(1);

/// A node without consensus: the test finalizes blocks.
struct Node {
    chain: TestChain,
    store: Store,
    finalized: broadcast::Sender<Arc<FinalizedBlock>>,
    engine: watch::Sender<EngineStatus>,
    metrics: Metrics,
    book: CheckpointBook,
    ethereum: watch::Sender<Option<L1View>>,
    services: Services,
    address: SocketAddr,
    admin: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), RpcError>>,
    _peers: watch::Sender<Arc<[PeerInfo]>>,
    _home: tempfile::TempDir,
}

/// How a node of a test differs from the usual one.
struct Setup {
    limits: RpcLimits,
    retention: Retention,
    takes_transactions: bool,
    /// Blocks that are there before the services start.
    blocks: usize,
    /// Where it looks for settlements.
    ethereum: Option<Arc<Ethereum>>,
}

impl Default for Setup {
    fn default() -> Self {
        let limits = RpcLimits { heartbeat: Duration::from_millis(50), ..RpcLimits::default() };
        let retention = Retention::default();
        Self { limits, retention, takes_transactions: false, blocks: 0, ethereum: None }
    }
}

impl Setup {
    async fn start(self) -> Node {
        let home = tempfile::tempdir().unwrap();
        let metrics = Metrics::new("test");
        let mut chain = TestChain::new();
        let options = StoreOptions { retention: self.retention, ..StoreOptions::default() };
        let path = home.path().join("store");
        // A short replay window, so that little has to be kept for it.
        let mut genesis = chain.genesis.clone();
        genesis.params.expiry_bound = 1_000_000_000;
        let store = Store::open_with(&path, chain.state.network(), &genesis, options, metrics.store.clone());
        let store = store.unwrap();
        for _ in 0..self.blocks {
            finalize(&mut chain, &store, 2).await;
        }
        let shutdown = CancellationToken::new();
        let lanes = match self.takes_transactions {
            true => Some(lane_service(&chain, &store, &metrics, &shutdown).await),
            false => None,
        };
        let (finalized, blocks) = broadcast::channel(16);
        let (engine, engine_watch) = watch::channel(EngineStatus::default());
        let (ethereum, ethereum_watch) = watch::channel(None);
        let (peers, peers_watch) = watch::channel(Arc::from([]));
        let book = CheckpointBook::open(&home.path().join("checkpoints"), chain.state.network()).unwrap();
        let evidence = EvidencePool::open(store.clone(), metrics.evidence.clone()).unwrap();
        let context = RpcContext {
            genesis: Arc::new(chain.genesis.clone()),
            in_force: watch::channel(InForce::from(&chain.state.base())).1,
            store: store.clone(),
            lane_feed: lanes.as_ref().map_or_else(LaneFeed::silent, LaneHandle::feed),
            lanes,
            finalized: blocks,
            evidence: evidence.clone(),
            checkpoints: Some(book.clone()),
            ethereum: Some(ethereum_watch),
            settlements: self.ethereum.as_ref().map(|ethereum| ethereum.settlements(&store)),
            engine: engine_watch,
            heads: chain.state.heads().clone(),
            peers: peers_watch,
            validator: Some(chain.key.validator()),
            log: None,
            limits: self.limits,
            version: "test".to_owned(),
            metrics: metrics.rpc.clone(),
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = RpcListeners::bind(any, any).await.unwrap();
        let (address, admin) = (listeners.public_address().unwrap(), listeners.admin_address().unwrap());
        let services = Services::new(context, shutdown.clone()).unwrap();
        let task = tokio::spawn(serve(listeners, services.clone(), shutdown.clone()));
        Node {
            chain,
            store,
            finalized,
            engine,
            metrics,
            book,
            ethereum,
            services,
            address,
            admin,
            shutdown,
            task,
            _peers: peers,
            _home: home,
        }
    }
}

impl Node {
    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn channel(&self) -> Channel {
        Channel::from_shared(self.url()).unwrap().connect().await.unwrap()
    }

    /// Finalizes a block with transactions for both rollups, as consensus would.
    async fn block(&mut self) -> Arc<FinalizedBlock> {
        let block = finalize(&mut self.chain, &self.store, 2).await;
        self.finalized.send(block.clone()).unwrap();
        block
    }

    /// How many batches the rollup has.
    fn batches(&self) -> u64 {
        self.chain.state.heads().path(ROLLUP).unwrap().leaf.index.get()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn finalize(chain: &mut TestChain, store: &Store, count: usize) -> Arc<FinalizedBlock> {
    let transactions = (0..2 * count).map(|n| chain.transaction(1 + n as u64 % 2, 100)).collect();
    let segment = chain.segment(transactions);
    let is_snapshot = chain.state.height().get().is_multiple_of(10);
    let block = chain.block(vec![segment], is_snapshot);
    store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
    store.put_finalized(block.clone()).await.unwrap();
    block
}

/// The lane service of the chain's only validator, ready to take transactions.
async fn lane_service(
    chain: &TestChain,
    store: &Store,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> LaneHandle {
    let recent = RecentSegments::default();
    let config = NetworkConfig {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        peers: Vec::new(),
        gossip: false,
        limits: NetworkLimits::default(),
    };
    let parts = NetworkParts {
        keypair: Keypair::generate_ed25519(),
        network: chain.state.network(),
        max_segment_bytes: chain.genesis.params.max_segment_bytes as usize,
        validator: Some(chain.key.clone()),
        source: Arc::new(SegmentServer::new(recent.clone(), store.clone())),
        metrics: metrics.network.clone(),
    };
    let (network, received) = network::start(config, parts).unwrap();
    let base: CutBase = chain.state.base();
    let parts = LaneServiceParts {
        genesis: chain.genesis.clone(),
        base,
        chain_time: chain.state.time(),
        key: Some(chain.key.clone()),
        anchors: crate::l1::Anchors::None,
        known: None,
        guard: None,
        store: store.clone(),
        network,
        received,
        recent,
        metrics: metrics.lanes.clone(),
        cut_metrics: metrics.cuts.clone(),
        evidence: Vec::new(),
        reports: crate::evidence::Reports::channel().0,
        shutdown: shutdown.clone(),
    };
    let (lanes, _task) = crate::lane_service::start(LaneServiceConfig::default(), parts);
    let mut status = lanes.status();
    tokio::time::timeout(DEADLINE, status.wait_for(|status| status.writing)).await.unwrap().unwrap();
    lanes
}

fn now() -> u64 {
    crate::clock::system_time().as_nanos()
}

/// A transaction that expires in a minute.
fn transaction(rollup: u64, bytes: usize, salt: u64) -> Transaction {
    expiring(rollup, bytes, salt, now() + 60_000_000_000)
}

fn expiring(rollup: u64, bytes: usize, salt: u64, expires_at: u64) -> Transaction {
    let leg = Leg { rollup: RollupId::new(rollup), payload: vec![7; bytes].into() };
    let mut salt_bytes = [0; 16];
    salt_bytes[..8].copy_from_slice(&salt.to_be_bytes());
    Transaction::new(vec![leg], Timestamp::from_nanos(expires_at), salt_bytes).unwrap()
}

/// The reason of a refusal, which must also have a text.
fn reason<T>(result: Result<T, tonic::Status>) -> Refusal {
    let Err(status) = result else { panic!("it was not refused") };
    assert!(!status.message().is_empty());
    refusal::reason_of(&status).unwrap_or_else(|| panic!("no reason: {status:?}"))
}

/// Waits for a condition.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn stranger() -> SigningKey {
    SigningKey::from_seed(&[99; 32])
}
