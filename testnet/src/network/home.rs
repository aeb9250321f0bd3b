//! Writes the homes of a local network: keys, one genesis, and a configuration each.

use super::node::Listens;
use super::{Hosts, Node};
use crate::clock::unix_nanos;
use crate::l1::L1Chain;
use crate::ports;
use eyre::WrapErr;
use fairlane_chain::CONCATENATE_SUFFIX;
use fairlane_l1::Epoch;
use fairlane_rollup_adapter::genesis_file;
use fairlane_sequencer::config::{self, Config, Home, L1Config, LogFormat};
use fairlane_sequencer::keys;
use fairlane_types::{
    Genesis, GroupId, Incarnation, ProtocolParams, RollupId, RollupSpec, Timestamp, Validator, ValidatorSet,
    VotingPower,
};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// Ports that a node needs: consensus, segments, rpc, admin, metrics.
const PORTS: usize = 5;

/// What kind of network to make.
#[derive(Clone, Debug)]
pub struct NetworkSpec {
    /// How many nodes; validators have the same power each.
    pub validators: usize,
    /// The ordering group of each rollup; rollup ids count from 1.
    pub groups: Vec<GroupId>,
    /// How often a validator closes a segment, if not as often as nodes usually do.
    pub segment_interval: Option<Duration>,
    /// The filter of the nodes' logs.
    pub log_filter: String,
    /// Where the validators live.
    pub hosts: Hosts,
}

impl NetworkSpec {
    /// The rollups that genesis registers.
    pub fn rollups(&self) -> Vec<RollupSpec> {
        (1..).zip(&self.groups).map(|(id, group)| RollupSpec::new(RollupId::new(id), *group)).collect()
    }
}

/// The five ports of one node.
#[derive(Clone, Copy, Debug)]
struct NodePorts {
    consensus: u16,
    segments: u16,
    rpc: u16,
    admin: u16,
    metrics: u16,
}

impl NodePorts {
    fn allocate(nodes: usize) -> eyre::Result<Vec<Self>> {
        let ports = ports::free(nodes * PORTS)?;
        let (nodes, _) = ports.as_chunks::<PORTS>();
        let named = |&[consensus, segments, rpc, admin, metrics]: &[u16; PORTS]| Self {
            consensus,
            segments,
            rpc,
            admin,
            metrics,
        };
        Ok(nodes.iter().map(named).collect())
    }
}

/// Writes the homes of a network whose genesis names the validators.
pub(super) fn write_homes(spec: &NetworkSpec, dir: &Path) -> eyre::Result<(Genesis, Vec<Node>)> {
    let homes = new_homes(spec, dir)?;
    let genesis = genesis(spec, equal_validators(&homes)?, None)?;
    let nodes = furnish(spec, &homes, &genesis, |_, _| Ok(L1Config::default()))?;
    Ok((genesis, nodes))
}

/// Writes the homes of a network whose first `members` nodes have stake on an Ethereum of its own.
pub(super) async fn write_homes_on_l1(
    spec: &NetworkSpec,
    members: usize,
    dir: &Path,
) -> eyre::Result<(Genesis, Vec<Node>, L1Chain)> {
    let homes = new_homes(spec, dir)?;
    let chain = L1Chain::start(dir).await?;
    let (epoch, validators) = chain.register(&homes[..members]).await?;
    let genesis = genesis(spec, validators, Some((&chain, epoch)))?;
    chain.open(&genesis).await?;
    let nodes = furnish(spec, &homes, &genesis, |index, home| chain.equip(index, home))?;
    Ok((genesis, nodes, chain))
}

fn new_homes(spec: &NetworkSpec, dir: &Path) -> eyre::Result<Vec<Home>> {
    let homes: Vec<Home> =
        (0..spec.validators).map(|index| Home::new(dir.join(format!("node{index}")))).collect();
    for (kind, path) in homes.iter().flat_map(keys::files_of) {
        keys::generate(kind, &path)?;
    }
    Ok(homes)
}

/// Writes genesis and configuration into homes that have keys.
fn furnish(
    spec: &NetworkSpec,
    homes: &[Home],
    genesis: &Genesis,
    l1: impl Fn(usize, &Home) -> eyre::Result<L1Config>,
) -> eyre::Result<Vec<Node>> {
    let ports = NodePorts::allocate(spec.validators)?;
    let mut nodes = Vec::new();
    for (index, home) in homes.iter().enumerate() {
        genesis_file::write(&home.genesis(), genesis)?;
        let mut config = node_config(spec, index, &ports)?;
        config.l1 = l1(index, home)?;
        let path = home.config();
        std::fs::write(&path, config::template(&config))
            .wrap_err_with(|| format!("writing {}", path.display()))?;
        let host = IpAddr::V4(spec.hosts.address(index));
        let peers = [ports[index].consensus, ports[index].segments].map(|port| (host, port).into());
        let listens = Listens { rpc: config.rpc.listen, peers, metrics: config.metrics.listen };
        nodes.push(Node::new(home.clone(), spec.hosts.enter(index), homes.len(), listens));
    }
    Ok(nodes)
}

/// Each with one unit of power.
fn equal_validators(homes: &[Home]) -> eyre::Result<ValidatorSet> {
    let member = |home: &Home| {
        let id = keys::read_consensus(&home.consensus_key())?.validator();
        Ok(Validator { id, power: VotingPower::new(1), incarnation: Incarnation::ZERO })
    };
    Ok(ValidatorSet::new(homes.iter().map(member).collect::<eyre::Result<_>>()?)?)
}

fn genesis(
    spec: &NetworkSpec,
    validators: ValidatorSet,
    l1: Option<(&L1Chain, Epoch)>,
) -> eyre::Result<Genesis> {
    let contracts = l1.map(|(chain, _)| &chain.deployment);
    let genesis = Genesis {
        name: format!(
            "fairlane-local{}",
            if cfg!(feature = "concatenate") { CONCATENATE_SUFFIX } else { "" }
        ),
        time: Timestamp::from_nanos(unix_nanos()),
        params: ProtocolParams::default(),
        validators,
        rollups: spec.rollups(),
        l1_chain_id: contracts.map_or(0, |deployment| deployment.chain_id),
        stake_manager: contracts
            .map_or([0; 20], |deployment| deployment.contracts.stake_manager.into_array()),
        l1_epoch: l1.map_or(0, |(_, epoch)| epoch.0),
    };
    genesis.check()?;
    Ok(genesis)
}

fn node_config(spec: &NetworkSpec, index: usize, ports: &[NodePorts]) -> eyre::Result<Config> {
    let own = ports[index];
    let host = spec.hosts.address(index);
    let address = |node: usize, port: u16| format!("/ip4/{}/tcp/{port}", spec.hosts.address(node)).parse();
    let others = || ports.iter().enumerate().filter(|(other, _)| *other != index);
    let mut config = Config::default();
    config.node.moniker = format!("node{index}");
    config.consensus.listen = address(index, own.consensus)?;
    config.consensus.peers =
        others().map(|(at, peer)| address(at, peer.consensus)).collect::<Result<_, _>>()?;
    config.segments.listen = address(index, own.segments)?;
    config.segments.peers =
        others().map(|(at, peer)| address(at, peer.segments)).collect::<Result<_, _>>()?;
    config.segments.interval = spec.segment_interval.unwrap_or(config.segments.interval);
    config.rpc.listen = (host, own.rpc).into();
    // All clients of a local network share one address.
    config.rpc.client_transactions_per_second = 1_000_000;
    config.rpc.client_bytes_per_second = config::ByteSize::mib(1024);
    config.admin.listen = ([127, 0, 0, 1], own.admin).into();
    config.metrics.listen = (host, own.metrics).into();
    config.log.format = LogFormat::Pretty;
    config.log.filter = spec.log_filter.clone();
    Ok(config)
}
