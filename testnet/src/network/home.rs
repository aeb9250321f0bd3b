//! Writes the homes of a local network: keys, one genesis, and a configuration each.

use super::{Hosts, Node};
use crate::clock::unix_nanos;
use crate::ports;
use eyre::WrapErr;
use fairlane_chain::CONCATENATE_SUFFIX;
use fairlane_sequencer::config::{self, Config, Home, LogFormat};
use fairlane_sequencer::genesis_file;
use fairlane_sequencer::keys::{self, KeyKind};
use fairlane_types::{
    Genesis, GroupId, Incarnation, ProtocolParams, RollupId, RollupSpec, Timestamp, Validator, ValidatorId,
    ValidatorSet, VotingPower,
};
use std::path::Path;
use std::time::Duration;

/// Ports that a node needs: consensus, segments, rpc, admin, metrics.
const PORTS: usize = 5;

/// What kind of network to make.
#[derive(Clone, Debug)]
pub struct NetworkSpec {
    /// How many validators, each with the same power.
    pub validators: usize,
    /// The ordering group of each rollup; rollup ids count from 1.
    pub groups: Vec<GroupId>,
    /// How often a validator closes a segment.
    pub segment_interval: Duration,
    /// The filter of the nodes' logs.
    pub log_filter: String,
    /// Where the validators live.
    pub hosts: Hosts,
}

impl NetworkSpec {
    /// The rollups that genesis registers.
    pub fn rollups(&self) -> Vec<RollupSpec> {
        (1..)
            .zip(&self.groups)
            .map(|(id, group)| RollupSpec { id: RollupId::new(id), group: *group })
            .collect()
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

pub(super) fn write_homes(spec: &NetworkSpec, dir: &Path) -> eyre::Result<(Genesis, Vec<Node>)> {
    let homes: Vec<Home> =
        (0..spec.validators).map(|index| Home::new(dir.join(format!("node{index}")))).collect();
    let validators = homes.iter().map(write_keys).collect::<eyre::Result<Vec<_>>>()?;
    let genesis = genesis(spec, &validators)?;
    let ports = NodePorts::allocate(spec.validators)?;
    let mut nodes = Vec::new();
    for (index, home) in homes.iter().enumerate() {
        genesis_file::write(&home.genesis(), &genesis)?;
        let config = node_config(spec, index, &ports)?;
        let path = home.config();
        std::fs::write(&path, config::template(&config))
            .wrap_err_with(|| format!("writing {}", path.display()))?;
        let (rpc, metrics) = (config.rpc.listen, config.metrics.listen);
        nodes.push(Node::new(home.clone(), spec.hosts.enter(index), rpc, metrics));
    }
    Ok((genesis, nodes))
}

fn write_keys(home: &Home) -> eyre::Result<ValidatorId> {
    keys::generate(KeyKind::Consensus, &home.consensus_key())?;
    keys::generate(KeyKind::Network, &home.network_key())?;
    Ok(keys::read_consensus(&home.consensus_key())?.validator())
}

fn genesis(spec: &NetworkSpec, validators: &[ValidatorId]) -> eyre::Result<Genesis> {
    let member =
        |id: &ValidatorId| Validator { id: *id, power: VotingPower::new(1), incarnation: Incarnation::ZERO };
    let genesis = Genesis {
        name: format!(
            "fairlane-local{}",
            if cfg!(feature = "concatenate") { CONCATENATE_SUFFIX } else { "" }
        ),
        time: Timestamp::from_nanos(unix_nanos()),
        params: ProtocolParams::default(),
        validators: ValidatorSet::new(validators.iter().map(member).collect())?,
        rollups: spec.rollups(),
        l1_chain_id: 0,
        stake_manager: [0; 20],
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
    config.segments.interval = spec.segment_interval;
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
