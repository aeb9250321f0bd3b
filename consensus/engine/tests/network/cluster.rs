//! A network of engines in one process, on loopback.

use crate::lanes::{Exchange, TestLanes, now};
use crate::store::MemoryStore;
use fairlane_chain::ChainState;
use fairlane_engine::{
    ConsensusTimeouts, EngineConfig, EngineError, EngineHandle, EngineStatus, Multiaddr, Told, start,
};
use fairlane_types::{
    BlockId, Genesis, GroupId, Height, Incarnation, Leg, NetworkId, ProtocolParams, RollupId, RollupSpec,
    SigningKey, Transaction, Validator, ValidatorSet, VotingPower,
};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// No wait of a test is longer.
const DEADLINE: Duration = Duration::from_secs(60);
const ROLLUP: RollupId = RollupId::new(1);

/// What a node keeps on its disk.
struct Disk {
    store: Arc<MemoryStore>,
    key: SigningKey,
    address: Multiaddr,
    /// Whether the node writes its lane.
    writes: bool,
    /// Whether it asks the others how far it may have signed.
    asks: bool,
}

/// A copy of what a node has on its disk.
pub(crate) struct Backup {
    store: MemoryStore,
    log: Vec<u8>,
}

/// A running node.
struct Node {
    engine: EngineHandle,
    lanes: Arc<TestLanes>,
    task: JoinHandle<()>,
}

pub(crate) struct Cluster {
    genesis: Genesis,
    exchange: Arc<Exchange>,
    idle: Duration,
    pub(crate) timeouts: ConsensusTimeouts,
    disks: Vec<Disk>,
    nodes: Vec<Option<Node>>,
    directory: TempDir,
    submitted: u64,
}

fn free_address() -> Multiaddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("it is an address")
}

/// A set of these nodes' validators.
fn set_of(disks: &[Disk], members: &[usize]) -> ValidatorSet {
    let member = |at: &usize| Validator {
        id: disks[*at].key.validator(),
        power: VotingPower::new(10),
        incarnation: Incarnation::ZERO,
    };
    ValidatorSet::new(members.iter().map(member).collect()).expect("it is a set")
}

impl Cluster {
    /// A network of `size` validators, none of which runs yet.
    pub(crate) fn new(size: u8, idle: Duration) -> Self {
        Self::with_standby(size, 0, idle)
    }

    /// The same with further nodes that are not in the genesis set.
    pub(crate) fn with_standby(size: u8, standby: u8, idle: Duration) -> Self {
        let disk = |seed: u8| Disk {
            store: Arc::new(MemoryStore::default()),
            key: SigningKey::from_seed(&[seed; 32]),
            address: free_address(),
            writes: true,
            asks: true,
        };
        let disks: Vec<Disk> = (1..=size + standby).map(disk).collect();
        let members: Vec<usize> = (0..usize::from(size)).collect();
        let genesis = Genesis {
            name: "engine-test".to_owned(),
            time: now(),
            params: ProtocolParams::default(),
            validators: set_of(&disks, &members),
            rollups: vec![RollupSpec::new(ROLLUP, GroupId::ZERO)],
            l1_chain_id: 0,
            stake_manager: [0; 20],
            l1_epoch: 0,
        };
        let nodes = disks.iter().map(|_| None).collect();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let timeouts = ConsensusTimeouts::default();
        Self { genesis, exchange: Exchange::new(), idle, timeouts, disks, nodes, directory, submitted: 0 }
    }

    /// The next proposals hand over to a set of these nodes.
    pub(crate) fn hand_over(&self, members: &[usize]) -> ValidatorSet {
        let set = set_of(&self.disks, members);
        self.exchange.hand_over(set.clone());
        set
    }

    /// Adds a second node with a validator's key, as an operator does who runs a backup by mistake. It knows
    /// nothing of what the first one signs. Gives its place.
    pub(crate) fn add_twin(&mut self, of: usize) -> usize {
        let twin = Disk {
            store: Arc::new(MemoryStore::default()),
            key: self.disks[of].key.clone(),
            address: free_address(),
            writes: false,
            asks: false,
        };
        self.disks.push(twin);
        self.nodes.push(None);
        self.disks.len() - 1
    }

    /// Starts a node from genesis, its store and its log.
    pub(crate) async fn start(&mut self, at: usize) {
        let state = ChainState::genesis(&self.genesis).expect("genesis gives a state");
        let disk = &self.disks[at];
        let lanes = TestLanes::new(
            disk.key.clone(),
            state.network(),
            self.genesis.params.clone(),
            state.base(),
            self.idle,
            if disk.writes { disk.store.last() } else { Height::MAX },
            disk.asks.then(|| self.told(at)),
            self.exchange.clone(),
        );
        let task = lanes.spawn();
        let engine = start(self.config(at), state, lanes.clone(), disk.store.clone());
        self.nodes[at] = Some(Node { engine: engine.expect("the engine starts"), lanes, task });
    }

    fn config(&self, at: usize) -> EngineConfig {
        let disk = &self.disks[at];
        let wal = self.wal(at);
        let mut config = EngineConfig::new(Some(disk.key.clone()), disk.address.clone(), wal);
        config.moniker = format!("node-{at}");
        let others = self.disks.iter().enumerate().filter(|(other, _)| *other != at);
        config.persistent_peers = others.map(|(_, disk)| disk.address.clone()).collect();
        config.peers.per_ip = 64;
        config.snapshot_interval = 5;
        config.timeouts = self.timeouts;
        config
    }

    /// What the others say of a validator that starts. None of them has lost its disk.
    fn told(&self, at: usize) -> Told {
        let others = self.disks.iter().enumerate().filter(|(other, _)| *other != at);
        let decided = others.map(|(_, disk)| disk.store.last()).max().unwrap_or(Height::ZERO);
        Told { decided, lane_ahead: false }
    }

    fn wal(&self, at: usize) -> PathBuf {
        self.directory.path().join(format!("{at}.wal"))
    }

    /// Loses what a node that does not run has on its disk, besides its keys. It does not write its lane any more.
    pub(crate) fn lose_disk(&mut self, at: usize) {
        std::fs::remove_file(self.wal(at)).expect("it voted, so there is a log");
        self.disks[at].store = Arc::new(MemoryStore::default());
        self.disks[at].writes = false;
    }

    /// Copies what a node that does not run has on its disk.
    pub(crate) fn back_up(&self, at: usize) -> Backup {
        let log = std::fs::read(self.wal(at)).expect("it voted, so there is a log");
        Backup { store: self.disks[at].store.copy(), log }
    }

    /// Puts a copy in the place of what a node that does not run has on its disk.
    pub(crate) fn restore(&mut self, at: usize, backup: Backup) {
        std::fs::write(self.wal(at), backup.log).expect("there is room");
        self.disks[at].store = Arc::new(backup.store);
        self.disks[at].writes = false;
    }

    pub(crate) fn address(&self, at: usize) -> Multiaddr {
        self.disks[at].address.clone()
    }

    /// By what a peer of the consensus network knows that another one is of the same.
    pub(crate) fn protocol(&self) -> String {
        let network: String = self.network().to_string().chars().take(16).collect();
        format!("/fairlane/{network}/engine/1")
    }

    pub(crate) async fn stop(&mut self, at: usize) {
        let node = self.nodes[at].take().expect("the node runs");
        node.task.abort();
        node.engine.shutdown().await.expect("it stops without an error");
    }

    pub(crate) async fn stop_all(&mut self) {
        for at in 0..self.nodes.len() {
            if self.nodes[at].is_some() {
                self.stop(at).await;
            }
        }
    }

    /// Gives a transaction to a node's lane.
    pub(crate) fn submit(&mut self, at: usize) {
        self.submitted += 1;
        let payload = self.submitted.to_be_bytes().to_vec().into();
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.submitted.to_be_bytes());
        let expires_at = now().saturating_add(60_000_000_000);
        let transaction = Transaction::new(vec![Leg { rollup: ROLLUP, payload }], expires_at, salt);
        let node = self.nodes[at].as_ref().expect("the node runs");
        node.lanes.submit(transaction.expect("it is a transaction"));
    }

    /// Waits until a node's status satisfies a condition, or fails with what it is instead.
    pub(crate) async fn wait(
        &mut self,
        at: usize,
        what: &str,
        condition: impl Fn(&EngineStatus) -> bool + Send,
    ) {
        let node = self.nodes[at].as_mut().expect("the node runs");
        let engine = &mut node.engine;
        let mut status = engine.status.clone();
        let reached = tokio::select! {
            reached = tokio::time::timeout(DEADLINE, status.wait_for(|status| condition(status))) => {
                reached.is_ok_and(|status| status.is_ok())
            }
            ended = engine.ended() => panic!("node {at} ended while waiting for {what}: {ended:?}"),
        };
        assert!(reached, "node {at} did not come to {what}: {:?}", *engine.status.borrow());
    }

    pub(crate) async fn wait_for_height(&mut self, at: usize, height: Height) {
        self.wait(at, &format!("height {height}"), |status| status.finalized >= height).await;
        // A block is kept beside the next height.
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while self.store(at).block(height).is_none() {
            assert!(tokio::time::Instant::now() < deadline, "node {at} does not keep block {height}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn finalized(&self, at: usize) -> Height {
        self.status(at).finalized
    }

    pub(crate) fn status(&self, at: usize) -> EngineStatus {
        self.nodes[at].as_ref().expect("the node runs").engine.status.borrow().clone()
    }

    pub(crate) fn network(&self) -> NetworkId {
        self.genesis.network()
    }

    pub(crate) fn validators(&self) -> &ValidatorSet {
        &self.genesis.validators
    }

    pub(crate) fn engine(&mut self, at: usize) -> &mut EngineHandle {
        &mut self.nodes[at].as_mut().expect("the node runs").engine
    }

    /// Gives a node an address of another machine (RFC 5737) to listen at.
    pub(crate) fn misplace(&mut self, at: usize) {
        self.disks[at].address = "/ip4/203.0.113.1/tcp/4000".parse().expect("it is an address");
    }

    /// Waits until a node ends by itself.
    pub(crate) async fn end_of(&mut self, at: usize) -> Result<(), EngineError> {
        let mut node = self.nodes[at].take().expect("the node runs");
        node.task.abort();
        tokio::time::timeout(DEADLINE, node.engine.ended()).await.expect("the node ends")
    }

    pub(crate) fn lanes(&self, at: usize) -> &TestLanes {
        &self.nodes[at].as_ref().expect("the node runs").lanes
    }

    pub(crate) fn store(&self, at: usize) -> &MemoryStore {
        &self.disks[at].store
    }

    pub(crate) fn key(&self, at: usize) -> &SigningKey {
        &self.disks[at].key
    }

    /// The ids of a node's blocks from the first to `last`.
    pub(crate) fn ids(&self, at: usize, last: Height) -> Vec<BlockId> {
        let heights = (1..=last.get()).map(Height::new);
        heights.map(|height| self.store(at).block(height).expect("the block is kept").proposal.id()).collect()
    }

    /// How many transactions a node has ordered.
    pub(crate) fn ordered(&self, at: usize) -> usize {
        let heights = (1..=self.finalized(at).get()).map(Height::new);
        heights.filter_map(|height| self.store(at).block(height)).map(|block| block.order.entries.len()).sum()
    }
}
