//! The commented `config.toml` that `fairlane init` writes.

use super::{
    AdminConfig, Config, ConsensusConfig, Explorer, L1Config, LogConfig, LogFormat, MetricsConfig,
    NodeConfig, Pruning, RpcConfig, SegmentsConfig, StoreConfig,
};
use humantime_serde::re::humantime::format_duration as time;
use libp2p::Multiaddr;

/// A file that says what every key does, with the values of `config`.
pub fn template(config: &Config) -> String {
    let Config { node, consensus: agreement, segments: lanes, rpc, admin, metrics, store, l1, log } = config;
    let services = services(rpc, admin, metrics);
    [consensus(node, agreement), segments(lanes), services, ethereum(l1), records(store, log)].concat()
}

/// Addresses as a TOML array.
fn list(addresses: &[Multiaddr]) -> String {
    let quoted: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

/// `[node]` and `[consensus]`, below what holds for the whole file.
fn consensus(node: &NodeConfig, consensus: &ConsensusConfig) -> String {
    format!(
        r#"# Configuration of a Fairlane node.
# Every key can be overridden by an environment variable FAIRLANE_<SECTION>_<KEY>, as in FAIRLANE_RPC_LISTEN,
# and by a flag, as in `fairlane node --set rpc.listen=127.0.0.1:26660`.

[node]
# A name for logs and peers.
moniker = {moniker:?}

[consensus]
# Where consensus listens, and the peers that it keeps connected to.
listen = "{listen}"
peers = {peers}
# Whether votes and proposals are relayed by gossip. Without it each validator sends its own to all others, which
# costs less, but all of them must be connected with each other. The same on all nodes of a network.
gossip = {gossip}
# How long to wait for a proposal, and for late votes, in a height's first round; and by how much both grow with
# each further round.
propose_timeout = "{propose}"
vote_timeout = "{vote}"
timeout_increase = "{increase}"
# A block begins at the earliest so long after the last one was proposed. Shorter means lower latency, and more
# processor time: each block costs a node some milliseconds, however little it orders.
min_block_interval = "{pace}"
# When there is nothing to order, an empty block follows the last one after this time.
idle_block = "{idle}"
# Raise it where many nodes share one address.
max_connections_per_ip = {per_ip}
"#,
        moniker = node.moniker,
        listen = consensus.listen,
        peers = list(&consensus.peers),
        gossip = consensus.gossip,
        propose = time(consensus.propose_timeout),
        vote = time(consensus.vote_timeout),
        increase = time(consensus.timeout_increase),
        pace = time(consensus.min_block_interval),
        idle = time(consensus.idle_block),
        per_ip = consensus.max_connections_per_ip,
    )
}

/// `[segments]`.
fn segments(segments: &SegmentsConfig) -> String {
    format!(
        r#"
[segments]
# Where the network that carries lane segments listens, and the peers that it keeps connected to.
listen = "{listen}"
peers = {peers}
# A segment is closed this often while there is something to say, this often while there is not, and early once
# it carries so many bytes.
interval = "{interval}"
heartbeat = "{heartbeat}"
seal_bytes = "{seal}"
# Transactions are refused, and clients told to retry, beyond what the chain orders of this node's lane in about
# this time; 2 MiB are always taken. Keep it well above the network's own latency.
backlog = "{backlog}"
# Whether this node relays segments by gossip, for nodes that are not connected to their authors.
gossip = {gossip}
max_peers = {max_peers}
# How long to wait for a peer's answer when segments are missing.
fetch_timeout = "{fetch}"
# Before it signs anything a validator asks a quorum of the others for its own newest segment and for the last block, so
# that a lost disk or a restored backup never makes it sign anything twice. Switch it off only where losing stake does
# not matter.
startup_check = {check}
startup_timeout = "{timeout}"
"#,
        listen = segments.listen,
        peers = list(&segments.peers),
        interval = time(segments.interval),
        heartbeat = time(segments.heartbeat),
        seal = segments.seal_bytes,
        backlog = time(segments.backlog),
        gossip = segments.gossip,
        max_peers = segments.max_peers,
        fetch = time(segments.fetch_timeout),
        check = segments.startup_check,
        timeout = time(segments.startup_timeout),
    )
}

/// `[rpc]`, `[admin]` and `[metrics]`.
fn services(rpc: &RpcConfig, admin: &AdminConfig, metrics: &MetricsConfig) -> String {
    format!(
        r#"
[rpc]
# gRPC for clients and rollups.
listen = "{listen}"
max_connections = {connections}
max_subscribers = {subscribers}
# What one client address may submit in a second.
client_transactions_per_second = {transactions}
client_bytes_per_second = "{bytes}"
# The most batches in one answer to GetRange.
max_range_batches = {range}

[admin]
# gRPC for the operator. It has no authentication: only loopback addresses are taken.
listen = "{admin}"

[metrics]
# HTTP: /metrics (Prometheus), /health (the process runs), /ready (the node takes part).
listen = "{metrics}"
# A page for browsers at /: blocks, validators, rollups, and why a transaction stands where it stands. "loopback" serves
# it at loopback addresses only, "on" wherever metrics are, "off" nowhere.
explorer = "{explorer}"
"#,
        listen = rpc.listen,
        connections = rpc.max_connections,
        subscribers = rpc.max_subscribers,
        transactions = rpc.client_transactions_per_second,
        bytes = rpc.client_bytes_per_second,
        range = rpc.max_range_batches,
        admin = admin.listen,
        metrics = metrics.listen,
        explorer = match metrics.explorer {
            Explorer::Loopback => "loopback",
            Explorer::On => "on",
            Explorer::Off => "off",
        },
    )
}

/// `[l1]`.
fn ethereum(l1: &L1Config) -> String {
    let urls: Vec<String> = l1.rpc_urls.iter().map(|url| format!("{url:?}")).collect();
    format!(
        r#"
[l1]
# Ethereum endpoints (http:// or https://). One is used at a time, the next when it fails. Without any, this node does
# not look at Ethereum, and signs and collects no checkpoints for it.
rpc_urls = [{urls}]
# The record of the contracts' deployment, which fairlane-deploy writes. Relative to this directory.
deployment = {deployment:?}
# The key (64 hexadecimal digits, mode 0600) of the account that submits evidence and gets the reporter's reward. Empty:
# the environment variable FAIRLANE_REPORTER_KEY has it; without either, this node submits nothing.
reporter_key = {key:?}
# How many blocks have to follow a block until it counts; 64 are about as many as Ethereum takes to be final.
confirmations = {confirmations}
# How often to look for new blocks.
poll_interval = "{poll}"
"#,
        urls = urls.join(", "),
        deployment = l1.deployment,
        key = l1.reporter_key,
        confirmations = l1.confirmations,
        poll = time(l1.poll_interval),
    )
}

/// `[store]` and `[log]`.
fn records(store: &StoreConfig, log: &LogConfig) -> String {
    let format = match log.format {
        LogFormat::Pretty => "pretty",
        LogFormat::Json => "json",
    };
    format!(
        r#"
[store]
# Which old blocks are deleted, with their batches and segments. "archive": none. "default": those that are older than a
# week and not among the last 1,000. "minimal": those that are older than an hour and not among the last 200. Who asks
# for what is deleted is told so. Nodes that join without a snapshot start from the first block: some node must be an
# archive for them.
pruning = "{pruning}"
# Memory for pages of the store.
cache = "{cache}"
# How many blocks between two snapshots of the state: a restart replays at most so many.
snapshot_interval = {snapshot}
# After a crash the store is checked from front to back, roughly 1 GB a second. With this on it need not be, but
# each commit costs two fsyncs instead of one.
quick_repair = {quick_repair}

[log]
# "pretty" or "json".
format = "{format}"
# What is logged, as in "info" or "warn,fairlane_sequencer=debug". The engine's own parts are named arc_malachitebft.
filter = {filter:?}
"#,
        pruning = match store.pruning {
            Pruning::Archive => "archive",
            Pruning::Default => "default",
            Pruning::Minimal => "minimal",
        },
        cache = store.cache,
        snapshot = store.snapshot_interval,
        quick_repair = store.quick_repair,
        filter = log.filter,
    )
}
