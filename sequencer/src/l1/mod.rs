//! Ethereum, which holds the stake: what this node reads there, and how offences get there.
//!
//! [`Watcher`] follows the chain so many confirmations deep and publishes what it sees as an [`L1View`];
//! [`Watchtower`] submits evidence from the durable pool and notes what became of it. Both share [`Endpoints`], of
//! which one is used at a time: a failure moves on to the next, after a pause that grows.
//!
//! Invariants: ordering never waits for Ethereum; an endpoint is used only after its chain, contracts and network were
//! found to be this network's own; what is read comes from one block of that depth; nothing is remembered that a
//! restart could not read again.
//!
//! Not its job: the contracts (`fairlane-l1`), judging evidence (`fairlane-verify`).

mod endpoints;
mod settings;
#[cfg(test)]
mod tests;
mod tower;
mod watcher;

pub use endpoints::Endpoints;
pub use settings::{L1Error, L1Settings, REPORTER_KEY};
pub use tower::{Rank, Watchtower};
pub use watcher::{L1View, Watcher};

use crate::evidence::EvidencePool;
use crate::metrics::L1Metrics;
use fairlane_l1::Deployment;
use fairlane_types::NetworkId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What everything here works with.
#[derive(Debug)]
pub struct L1 {
    endpoints: Endpoints,
    deployment: Deployment,
    network: NetworkId,
    confirmations: u64,
    poll_interval: Duration,
    metrics: L1Metrics,
}

/// Sets up the endpoints. Nothing is sent before the parts run.
pub fn connect(settings: &L1Settings, network: NetworkId, metrics: L1Metrics) -> Result<L1, L1Error> {
    Ok(L1 {
        endpoints: Endpoints::new(&settings.rpc_urls, settings.reporter.as_ref(), metrics.clone())?,
        deployment: settings.deployment.clone(),
        network,
        confirmations: settings.confirmations,
        poll_interval: settings.poll_interval,
        metrics,
    })
}

impl L1 {
    /// What follows the chain, and what submits evidence.
    pub fn into_parts(self, evidence: EvidencePool, rank: Rank) -> (Watcher, Watchtower) {
        let l1 = Arc::new(self);
        let (view, views) = watch::channel(None);
        (Watcher::new(Arc::clone(&l1), view), Watchtower::new(l1, evidence, rank, views))
    }
}
