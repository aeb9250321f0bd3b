//! A network under load: the nodes, the load's clients and the verifying subscribers, each measured apart.
//!
//! Load and subscribers run on runtimes of their own, with named threads, so that their CPU time can be told from
//! each other's and from the nodes'.

use crate::load::ledger::Ledger;
use crate::load::payload::PayloadKind;
use crate::load::schedule::Schedule;
use crate::load::{Load, LoadPlan};
use crate::network::{LocalNetwork, NetworkSpec};
use crate::proc;
use crate::watch::Watch;
use fairlane_types::RollupId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const LOAD_THREADS: &str = "load";
const WATCH_THREADS: &str = "watch";
/// How long the last receipts may take.
const RECEIPT_DRAIN: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Clone, Debug)]
pub struct SessionSpec {
    /// The network.
    pub network: NetworkSpec,
    /// Where its homes go; a temporary directory if nothing is said.
    pub keep: Option<PathBuf>,
    /// Whether the network gets an Ethereum of its own, on which each validator has stake.
    pub l1: bool,
    /// How many of the last rollups get no load.
    pub idle: usize,
    /// Transactions a second.
    pub rate: f64,
    /// Bytes of a payload.
    pub size: usize,
    /// Whether the first rollup's payloads are signed EIP-1559 transactions.
    pub evm: bool,
    /// For how long to send; until stopped where there is no end.
    pub load_for: Option<Duration>,
}

impl SessionSpec {
    /// Makes the network; nothing of it runs yet but its Ethereum.
    pub async fn create_network(&self) -> eyre::Result<LocalNetwork> {
        match self.l1 {
            true => {
                LocalNetwork::create_on_l1(&self.network, self.network.validators, self.keep.clone()).await
            }
            false => LocalNetwork::create(&self.network, self.keep.clone()),
        }
    }
}

/// CPU time used so far.
#[derive(Clone, Copy, Debug)]
pub struct CpuSample {
    at: Instant,
    nodes: Duration,
    load: Duration,
    subscribers: Duration,
}

/// Cores used on average between two samples.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct CpuCores {
    /// All validators together.
    pub nodes: f64,
    /// The load's clients.
    pub load: f64,
    /// The verifying subscribers.
    pub subscribers: f64,
}

impl CpuSample {
    /// Cores used since an earlier sample.
    pub fn since(&self, earlier: &Self) -> CpuCores {
        let wall = self.at.duration_since(earlier.at).as_secs_f64().max(f64::EPSILON);
        let cores = |now: Duration, then: Duration| round2(now.saturating_sub(then).as_secs_f64() / wall);
        CpuCores {
            nodes: cores(self.nodes, earlier.nodes),
            load: cores(self.load, earlier.load),
            subscribers: cores(self.subscribers, earlier.subscribers),
        }
    }
}

/// Rounds to two decimals, for reports.
pub fn round2(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A running network with its load and its subscribers.
#[derive(Debug)]
pub struct Session {
    /// The validators.
    pub network: LocalNetwork,
    /// The load.
    pub load: Load,
    /// The subscribers.
    pub watch: Watch,
    /// What both count in.
    pub ledger: Arc<Ledger>,
    load_runtime: Option<Runtime>,
    watch_runtime: Option<Runtime>,
}

impl Session {
    /// Makes a network and starts it, then one subscriber for each rollup, then the load.
    pub async fn start(spec: SessionSpec) -> eyre::Result<Self> {
        Self::start_on(spec.create_network().await?, spec).await
    }

    /// Starts a network that was made for `spec`, then one subscriber for each rollup, then the load.
    pub async fn start_on(mut network: LocalNetwork, spec: SessionSpec) -> eyre::Result<Self> {
        network.start().await?;
        let mut rollups: Vec<RollupId> = spec.network.rollups().iter().map(|rollup| rollup.id).collect();
        rollups.truncate(rollups.len().saturating_sub(spec.idle));
        let kinds = payload_kinds(&rollups, spec.evm);
        let ledger = Arc::new(Ledger::new(Schedule { rate: spec.rate, rollups }));
        let (load_runtime, watch_runtime) = (runtime(LOAD_THREADS)?, runtime(WATCH_THREADS)?);
        let watch = {
            let (genesis, endpoints) = (network.genesis.clone(), network.endpoints());
            let (kinds, ledger, home) = (kinds.clone(), ledger.clone(), network.home().to_owned());
            let start = async move { Watch::start(&genesis, &endpoints, &kinds, &ledger, &home).await };
            watch_runtime.spawn(start).await??
        };
        let plan = LoadPlan {
            network: network.genesis.network(),
            endpoints: network.endpoints(),
            kinds,
            size: spec.size,
            expires_in: Duration::from_nanos(network.genesis.params.expiry_bound / 2),
            duration: spec.load_for,
            drain: RECEIPT_DRAIN,
        };
        let load = {
            let _guard = load_runtime.enter();
            Load::start(plan, ledger.clone())
        };
        Ok(Self {
            network,
            load,
            watch,
            ledger,
            load_runtime: Some(load_runtime),
            watch_runtime: Some(watch_runtime),
        })
    }

    /// CPU time used so far.
    pub fn cpu(&self) -> CpuSample {
        CpuSample {
            at: Instant::now(),
            nodes: self.network.nodes.iter().filter_map(|node| node.pid()).map(proc::process_cpu).sum(),
            load: proc::thread_cpu(LOAD_THREADS),
            subscribers: proc::thread_cpu(WATCH_THREADS),
        }
    }

    /// Stops the load, the subscribers and the nodes, in this order.
    pub async fn stop(&mut self) {
        self.load.shared.stop();
        self.watch.stop();
        for runtime in [self.load_runtime.take(), self.watch_runtime.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
        self.network.stop().await;
    }
}

/// With `evm`, the first rollup gets signed EIP-1559 transactions; all others get opaque bytes.
fn payload_kinds(rollups: &[RollupId], evm: bool) -> BTreeMap<RollupId, PayloadKind> {
    let kind = |index: usize| if evm && index == 0 { PayloadKind::evm() } else { PayloadKind::Opaque };
    rollups.iter().enumerate().map(|(index, rollup)| (*rollup, kind(index))).collect()
}

fn runtime(name: &str) -> eyre::Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build()?)
}
