//! What the operator configures: `config.toml`, overridden by `FAIRLANE_*` variables, overridden by `--set`.
//!
//! A [`Config`] that exists is complete and consistent: reading fills in defaults, refuses unknown keys and checks
//! every value, and each error names the file or variable, the key, and what is allowed.
//!
//! Not its job: what all nodes of a network must agree on. That is genesis.

mod home;
mod load;
mod template;
#[cfg(test)]
mod tests;
mod units;

pub use fairlane_log::{LogConfig, LogFormat};
pub use home::Home;
pub use load::{ConfigError, Override, Overrides};
pub use template::template;
pub use units::ByteSize;

use libp2p::Multiaddr;
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The whole configuration of a node.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Who this node is.
    pub node: NodeConfig,
    /// Consensus.
    pub consensus: ConsensusConfig,
    /// Lanes and the network that carries them.
    pub segments: SegmentsConfig,
    /// The gRPC services for clients and rollups.
    pub rpc: RpcConfig,
    /// The gRPC service for the operator.
    pub admin: AdminConfig,
    /// Metrics and health over HTTP.
    pub metrics: MetricsConfig,
    /// What is kept on disk, and for how long.
    pub store: StoreConfig,
    /// Ethereum, which holds the stake.
    pub l1: L1Config,
    /// Logging.
    pub log: LogConfig,
}

/// `[node]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeConfig {
    /// A name for logs and peers.
    pub moniker: String,
}

/// `[consensus]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsensusConfig {
    /// Where consensus listens.
    #[serde(deserialize_with = "units::multiaddr")]
    pub listen: Multiaddr,
    /// Peers to keep connected to.
    #[serde(deserialize_with = "units::multiaddrs")]
    pub peers: Vec<Multiaddr>,
    /// Whether votes and proposals are relayed by gossip, instead of sent by each validator to each.
    pub gossip: bool,
    /// How long to wait for a proposal before voting nil, in the first round.
    #[serde(with = "humantime_serde")]
    pub propose_timeout: Duration,
    /// How long to wait for late votes, in the first round.
    #[serde(with = "humantime_serde")]
    pub vote_timeout: Duration,
    /// By how much each timeout grows with each further round.
    #[serde(with = "humantime_serde")]
    pub timeout_increase: Duration,
    /// How long after a block's first proposal the next block begins at the earliest.
    #[serde(with = "humantime_serde")]
    pub min_block_interval: Duration,
    /// How long after the last block an empty one follows when there is nothing to order.
    #[serde(with = "humantime_serde")]
    pub idle_block: Duration,
    /// The most connections with one IP address.
    pub max_connections_per_ip: usize,
}

/// `[segments]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentsConfig {
    /// Where the segment network listens.
    #[serde(deserialize_with = "units::multiaddr")]
    pub listen: Multiaddr,
    /// Peers to keep connected to.
    #[serde(deserialize_with = "units::multiaddrs")]
    pub peers: Vec<Multiaddr>,
    /// How often this node closes a segment when it has something to say.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// How often it closes one when it has not.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// A segment is closed early once it carries this much.
    pub seal_bytes: ByteSize,
    /// Transactions are refused, and clients told to retry, beyond what the chain orders of this node's lane in about
    /// this time.
    #[serde(with = "humantime_serde")]
    pub backlog: Duration,
    /// Whether this node relays segments by gossip, for nodes that are not connected to their authors.
    pub gossip: bool,
    /// The most connected peers.
    pub max_peers: usize,
    /// How long to wait for a peer's answer to a fetch.
    #[serde(with = "humantime_serde")]
    pub fetch_timeout: Duration,
    /// Whether a validator asks its peers for its own newest segment and their last block before it signs anything.
    pub startup_check: bool,
    /// How long it waits for a quorum of answers; then the node stops.
    #[serde(with = "humantime_serde")]
    pub startup_timeout: Duration,
}

/// `[rpc]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RpcConfig {
    /// Where the services listen.
    pub listen: SocketAddr,
    /// The most connections at one time.
    pub max_connections: usize,
    /// The most subscriptions at one time.
    pub max_subscribers: usize,
    /// Transactions a second that one client address may submit.
    pub client_transactions_per_second: u32,
    /// Bytes a second that one client address may submit.
    pub client_bytes_per_second: ByteSize,
    /// The most batches in one answer to GetRange.
    pub max_range_batches: u32,
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Where the admin service listens: a loopback address.
    pub listen: SocketAddr,
}

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Where `/metrics`, `/health` and `/ready` are served.
    pub listen: SocketAddr,
    /// Whether the explorer is served there, too.
    pub explorer: Explorer,
}

/// Whether the explorer is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Explorer {
    /// On loopback addresses only.
    #[default]
    Loopback,
    /// Wherever metrics are.
    On,
    /// Nowhere.
    Off,
}

impl MetricsConfig {
    /// Whether the explorer is served at the configured address.
    pub fn serves_explorer(&self) -> bool {
        match self.explorer {
            Explorer::Loopback => self.listen.ip().is_loopback(),
            Explorer::On => true,
            Explorer::Off => false,
        }
    }
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Which old blocks are deleted.
    pub pruning: Pruning,
    /// Memory for pages of the store.
    pub cache: ByteSize,
    /// How many blocks between two snapshots of the state.
    pub snapshot_interval: u64,
    /// Whether opening after a crash is quick, at the price of two fsyncs for each commit instead of one.
    pub quick_repair: bool,
}

/// Which old blocks are deleted. Whatever it says, what a restart needs stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pruning {
    /// None.
    Archive,
    /// Those older than a week (by chain time) and not among the last 1,000.
    #[default]
    Default,
    /// Those older than an hour and not among the last 200.
    Minimal,
}

/// `[l1]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct L1Config {
    /// Ethereum endpoints, of which one is used at a time; none: this node does not look at Ethereum.
    #[serde(deserialize_with = "units::texts")]
    pub rpc_urls: Vec<String>,
    /// The deployment's file, relative to the home directory.
    pub deployment: PathBuf,
    /// The key file of the account that submits evidence, relative to the home directory; empty: the variable
    /// FAIRLANE_REPORTER_KEY has it, or nobody submits.
    pub reporter_key: PathBuf,
    /// How many blocks have to follow one until it counts.
    pub confirmations: u64,
    /// How often to look for new blocks.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self { moniker: "fairlane".to_owned() }
    }
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            listen: loopback(26656),
            peers: Vec::new(),
            gossip: false,
            propose_timeout: Duration::from_millis(500),
            vote_timeout: Duration::from_millis(250),
            timeout_increase: Duration::from_millis(250),
            min_block_interval: Duration::from_millis(32),
            idle_block: Duration::from_secs(1),
            max_connections_per_ip: 32,
        }
    }
}

impl Default for SegmentsConfig {
    fn default() -> Self {
        Self {
            listen: loopback(26657),
            peers: Vec::new(),
            interval: Duration::from_millis(14),
            heartbeat: Duration::from_secs(1),
            seal_bytes: ByteSize::kib(512),
            backlog: Duration::from_secs(1),
            gossip: false,
            max_peers: 128,
            fetch_timeout: Duration::from_secs(5),
            startup_check: true,
            startup_timeout: Duration::from_secs(60),
        }
    }
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 26660)),
            max_connections: 1024,
            max_subscribers: 256,
            client_transactions_per_second: 100_000,
            client_bytes_per_second: ByteSize::mib(64),
            max_range_batches: 1024,
        }
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 26661)) }
    }
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 26662)), explorer: Explorer::default() }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            pruning: Pruning::default(),
            cache: ByteSize::mib(128),
            snapshot_interval: 200,
            quick_repair: false,
        }
    }
}

impl Default for L1Config {
    fn default() -> Self {
        Self {
            rpc_urls: Vec::new(),
            deployment: "l1.json".into(),
            reporter_key: PathBuf::new(),
            confirmations: 64,
            poll_interval: Duration::from_secs(12),
        }
    }
}

fn loopback(port: u16) -> Multiaddr {
    Multiaddr::from(Ipv4Addr::LOCALHOST).with(libp2p::multiaddr::Protocol::Tcp(port))
}
