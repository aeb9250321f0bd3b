//! Lane services on real sockets and real stores, driven by a test in the place of consensus.

mod consensus;
mod hostile;
mod pure;
mod recover;
mod submit;

use super::*;
use crate::evidence::Reports;
use crate::guard::Guard;
use crate::l1::Anchors;
use crate::metrics::{Metrics, ReasonLabel};
use crate::network::{self, Keypair, Multiaddr, NetworkConfig, NetworkHandle, NetworkLimits, NetworkParts};
use crate::store::{OpenError, Store};
use crate::testing::genesis;
use fairlane_engine::LaneService as _;
use fairlane_lanes::{CutBase, CutContent};
use fairlane_types::{
    Cut, Genesis, Incarnation, LaneId, LaneSeq, Leg, RollupId, Segment, SegmentRef, SigningKey, Timestamp,
    Transaction, TxId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SECOND: u64 = 1_000_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn lane_of(seed: u8) -> LaneId {
    LaneId { validator: key(seed).validator(), incarnation: Incarnation::ZERO }
}

fn first_base(genesis: &Genesis) -> CutBase {
    CutBase {
        height: fairlane_types::Height::ZERO,
        cut: Cut::new(
            genesis.validators.members().iter().map(|member| SegmentRef::empty(member.lane())).collect(),
        )
        .unwrap(),
        retired: Vec::new(),
        l1_anchor: fairlane_types::L1Anchor::default(),
        equivocators: BTreeSet::new(),
        validators: genesis.validators.clone(),
        rollups: Arc::new(
            genesis.rollups.iter().map(|rollup| (rollup.id, rollup.rules)).collect::<BTreeMap<_, _>>(),
        ),
    }
}

fn after(base: &CutBase, cut: &Cut) -> CutBase {
    CutBase { height: base.height.next(), cut: cut.clone(), ..base.clone() }
}

fn transaction(rollup: u64, bytes: usize, salt: u64) -> Transaction {
    let expires = crate::clock::system_time().saturating_add(60 * SECOND);
    transaction_until(rollup, bytes, salt, expires)
}

fn transaction_until(rollup: u64, bytes: usize, salt: u64, expires: Timestamp) -> Transaction {
    let mut bytes16 = [0; 16];
    bytes16[..8].copy_from_slice(&salt.to_be_bytes());
    let leg = Leg { rollup: RollupId::new(rollup), payload: vec![rollup as u8; bytes].into() };
    Transaction::new(vec![leg], expires, bytes16).unwrap()
}

/// How a node of a test differs from the usual one.
#[derive(Clone)]
struct Setup {
    genesis: Genesis,
    seed: Option<u8>,
    peers: Vec<Multiaddr>,
    base: CutBase,
    anchors: Anchors,
    config: LaneServiceConfig,
    reports: Reports,
    guard: Option<Guard>,
    home: PathBuf,
}

struct Node {
    lanes: LaneHandle,
    network: NetworkHandle,
    store: Store,
    metrics: Metrics,
    address: Multiaddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), LaneServiceError>>,
}

impl Setup {
    fn new(seeds: &[u8], seed: Option<u8>, home: &tempfile::TempDir) -> Self {
        let genesis = genesis(seeds);
        let home = home.path().join(format!("{seed:?}"));
        std::fs::create_dir_all(&home).unwrap();
        let base = first_base(&genesis);
        let config = LaneServiceConfig {
            heartbeat: Duration::from_millis(200),
            startup_timeout: Duration::from_secs(20),
            ..LaneServiceConfig::default()
        };
        let (reports, _) = Reports::channel();
        let (peers, guard) = (Vec::new(), None);
        Self { base, anchors: Anchors::None, genesis, seed, peers, config, reports, guard, home }
    }

    /// Waits until the node before has let go of the store.
    async fn open_store(&self) -> Store {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match Store::open(&self.home.join("store"), self.genesis.network(), &self.genesis) {
                Err(OpenError::InUse(_)) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                opened => return opened.unwrap(),
            }
        }
    }

    async fn start(self) -> Node {
        let metrics = Metrics::new("test");
        let store = self.open_store().await;
        let recent = RecentSegments::default();
        let limits = NetworkLimits { max_redial: Duration::from_secs(1), ..NetworkLimits::default() };
        let config = NetworkConfig {
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
            peers: self.peers,
            gossip: false,
            limits,
        };
        let parts = NetworkParts {
            keypair: Keypair::generate_ed25519(),
            network: self.genesis.network(),
            max_segment_bytes: self.genesis.params.max_segment_bytes as usize,
            validator: self.seed.map(key),
            source: Arc::new(SegmentServer::new(recent.clone(), store.clone())),
            metrics: metrics.network.clone(),
        };
        let (network, received) = network::start(config, parts).unwrap();
        let mut addresses = network.watch_addresses();
        let address = addresses.wait_for(|known| !known.is_empty()).await.unwrap()[0].clone();
        let shutdown = CancellationToken::new();
        let parts = LaneServiceParts {
            chain_time: self.genesis.time,
            genesis: self.genesis,
            base: self.base,
            key: self.seed.map(key),
            anchors: self.anchors,
            known: None,
            guard: self.guard,
            store: store.clone(),
            network: network.clone(),
            received,
            recent,
            metrics: metrics.lanes.clone(),
            cut_metrics: metrics.cuts.clone(),
            evidence: Vec::new(),
            reports: self.reports,
            shutdown: shutdown.clone(),
        };
        let (lanes, task) = start(self.config, parts);
        Node { lanes, network, store, metrics, address, shutdown, task }
    }
}

impl Node {
    async fn writing(&self) {
        let mut status = self.lanes.status();
        let writes = status.wait_for(|status| status.writing);
        tokio::time::timeout(Duration::from_secs(20), writes).await.expect("it writes in time").unwrap();
    }

    /// Submits and returns the answers, one for each transaction.
    async fn submit(&self, transactions: Vec<Transaction>) -> Vec<SubmitReply> {
        let count = transactions.len();
        let (replies, mut answers) = mpsc::channel(count.max(1));
        let tagged = transactions.into_iter().enumerate().map(|(tag, transaction)| (tag as u64, transaction));
        self.lanes.submit(tagged.collect(), replies).await;
        let mut found = Vec::new();
        let mut answered = 0;
        while answered < count {
            let answer = tokio::time::timeout(Duration::from_secs(20), answers.recv()).await;
            let answer = answer.expect("an answer comes in time").expect("every transaction is answered");
            answered += match &answer {
                SubmitReply::Receipts { entries, .. } => entries.len(),
                SubmitReply::Refused { .. } => 1,
            };
            found.push(answer);
        }
        found
    }

    /// The own segments in the store, all variants of each place.
    async fn own_segments(&self, seed: u8) -> Vec<Segment> {
        self.store.settle().await.unwrap();
        let genesis_params = fairlane_types::ProtocolParams::default();
        let found = self.store.lane_tail(&lane_of(seed), LaneSeq::ZERO, usize::MAX).unwrap();
        let decode = |bytes| Segment::decode(bytes, self.store.network(), &genesis_params).unwrap();
        found.into_iter().map(decode).collect()
    }

    /// Whether the store shows a lane from its beginning up to a segment.
    fn stores_up_to(&self, last: &Segment) -> bool {
        let found = self.store.lane_range(&last.reference(), LaneSeq::ZERO, usize::MAX).unwrap();
        found.len() as u64 == last.header().seq.get()
    }

    /// Stops service, network and store.
    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
        self.network.shutdown();
        self.store.close().await.unwrap();
    }
}

/// Four validators, each connected with all.
async fn four(home: &tempfile::TempDir, adapt: impl Fn(&mut Setup)) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for seed in 1..=4 {
        let mut setup = Setup::new(&[1, 2, 3, 4], Some(seed), home);
        setup.peers = nodes.iter().map(|node| node.address.clone()).collect();
        adapt(&mut setup);
        nodes.push(setup.start().await);
    }
    for node in &nodes {
        eventually("all are connected", || node.network.peers().len() == 3).await;
    }
    nodes
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work)
        .await
        .unwrap_or_else(|_| panic!("{what} takes too long"))
}

fn ids(content: &CutContent) -> Vec<TxId> {
    let segments = content.lanes.iter().flat_map(|lane| &lane.segments);
    segments.flat_map(|segment| segment.transactions().iter().map(|transaction| transaction.id())).collect()
}
