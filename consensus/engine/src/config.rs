//! Settings of the engine. What all nodes must agree on is no setting: it stands in genesis or is a constant.

use crate::error::EngineError;
use crate::seams::SigningGuard;
use arc_malachitebft_app::config::{
    ConsensusConfig, DiscoveryConfig, GossipSubConfig, P2pConfig, ProtocolNames, PubSubProtocol,
    ValuePayload, ValueSyncConfig,
};
use fairlane_agreement::ConsensusTimeouts;
use fairlane_types::{NetworkId, SigningKey};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use arc_malachitebft_app::net::Multiaddr;

/// All that [`crate::start`] is told besides the chain state and the seams.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// A name for logs and metrics.
    pub moniker: String,
    /// The consensus key; `None` for a node that follows without voting.
    pub signing_key: Option<SigningKey>,
    /// Where to listen.
    pub listen: Multiaddr,
    /// Peers to stay connected to.
    pub persistent_peers: Vec<Multiaddr>,
    /// The file of the log of votes. One that is lost, or that the chain has left behind, keeps this validator from
    /// voting for some blocks.
    pub wal: PathBuf,
    /// What keeps apart from that log how far anything may have been signed, if anything does.
    pub guard: Option<Arc<dyn SigningGuard>>,
    /// Whether messages are relayed by gossip. Without it each node sends its own to all that it is connected with,
    /// and validators must be connected each with each. The same on all nodes of a network.
    pub gossip: bool,
    /// Timeouts of consensus.
    pub timeouts: ConsensusTimeouts,
    /// How long after a height's first proposal the next height begins at the earliest, unless others have gone ahead.
    /// A height costs each node some milliseconds of processor time, however little it orders.
    pub min_block_interval: Duration,
    /// How long the next height is held back at most when no cut is worth a block. Longer than the idle interval of
    /// the lanes, which normally ends the wait.
    pub max_hold: Duration,
    /// After how many blocks a snapshot of the state goes along with a block.
    pub snapshot_interval: u64,
    /// Catching up.
    pub sync: SyncSettings,
    /// Limits on connections.
    pub peers: PeerLimits,
}

impl EngineConfig {
    /// The default settings for a node with these keys, listening at `listen` and logging to `wal`.
    pub fn new(signing_key: Option<SigningKey>, listen: Multiaddr, wal: PathBuf) -> Self {
        Self {
            moniker: "fairlane".to_owned(),
            signing_key,
            listen,
            persistent_peers: Vec::new(),
            wal,
            guard: None,
            gossip: false,
            timeouts: ConsensusTimeouts::default(),
            min_block_interval: Duration::from_millis(32),
            max_hold: Duration::from_secs(3),
            snapshot_interval: 1_000,
            sync: SyncSettings::default(),
            peers: PeerLimits::default(),
        }
    }
}

/// Catching up with decided blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncSettings {
    /// How often peers are told our height.
    pub status_interval: Duration,
    /// How long to wait for a peer's answer.
    pub request_timeout: Duration,
    /// How many blocks to ask one peer for at once.
    pub batch: usize,
    /// How many peers to ask at once.
    pub parallel_requests: usize,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            status_interval: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
            batch: 50,
            parallel_requests: 4,
        }
    }
}

/// Limits on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimits {
    /// Peers that connected to us.
    pub inbound: usize,
    /// Peers that we connected to.
    pub outbound: usize,
    /// Connections from one IP address. Raise it where validators share one, as in local networks.
    pub per_ip: usize,
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self { inbound: 100, outbound: 50, per_ip: 8 }
    }
}

impl EngineConfig {
    /// The same node, but one that only follows: without its key, and with a log of its own, which stays empty. The
    /// real one is not touched.
    pub(crate) fn watching(&self) -> Self {
        Self {
            moniker: format!("{}-watching", self.moniker),
            signing_key: None,
            wal: self.wal.with_extension("watching"),
            ..self.clone()
        }
    }

    /// Refuses what would fail later or not at all.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let refuse = |setting, why| Err(EngineError::Config { setting, why });
        if self.snapshot_interval == 0 {
            return refuse("snapshot_interval", "it must be above zero");
        }
        if self.sync.batch == 0 || self.sync.batch > crate::codec::MAX_SYNC_VALUES {
            return refuse("sync.batch", "it must be between 1 and 256");
        }
        if self.sync.parallel_requests == 0 || self.sync.request_timeout.is_zero() {
            return refuse("sync", "parallel requests and the request timeout must be above zero");
        }
        if self.timeouts.propose.is_zero() || self.max_hold.is_zero() {
            return refuse("timeouts", "the propose timeout and the longest hold must be above zero");
        }
        Ok(())
    }

    /// The consensus settings in Malachite's terms. Topics and protocols carry the network id, so that nodes of
    /// different networks that meet have nothing to say to each other; shortened, as topics have at most 64 bytes.
    pub(crate) fn consensus(&self, network: &NetworkId) -> ConsensusConfig {
        let mut p2p = P2pConfig {
            listen_addr: self.listen.clone(),
            persistent_peers: self.persistent_peers.clone(),
            protocol: match self.gossip {
                true => PubSubProtocol::GossipSub(GossipSubConfig::default()),
                false => PubSubProtocol::Broadcast,
            },
            discovery: DiscoveryConfig {
                num_inbound_peers: self.peers.inbound,
                num_outbound_peers: self.peers.outbound,
                max_connections_per_ip: self.peers.per_ip,
                ..DiscoveryConfig::default()
            },
            ..P2pConfig::default()
        };
        let network: String = network.to_string().chars().take(16).collect();
        let named = |what: &str| format!("/fairlane/{network}/{what}/1");
        p2p.channel_names.consensus = named("consensus");
        p2p.channel_names.proposal_parts = named("parts");
        p2p.channel_names.sync = named("status");
        p2p.channel_names.liveness = named("liveness");
        p2p.protocol_names = ProtocolNames {
            consensus: named("engine"),
            discovery_kad: named("kad"),
            discovery_regres: named("discovery"),
            sync: named("sync"),
            validator_proof: named("validator-proof"),
        };
        ConsensusConfig { p2p, value_payload: ValuePayload::ProposalAndParts, ..ConsensusConfig::default() }
    }

    /// The sync settings in Malachite's terms.
    pub(crate) fn value_sync(&self) -> ValueSyncConfig {
        ValueSyncConfig {
            status_update_interval: self.sync.status_interval,
            request_timeout: self.sync.request_timeout,
            batch_size: self.sync.batch,
            parallel_requests: self.sync.parallel_requests,
            ..ValueSyncConfig::default()
        }
    }
}
