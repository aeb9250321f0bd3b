//! Ethereum, which holds the stake: what this node reads there, and how offences get there.
//!
//! [`Watcher`] follows the chain so many confirmations deep and publishes what it sees as an [`L1View`]; by that,
//! [`Anchors`] moves the network's anchor from epoch to epoch, and judges how others move it;
//! [`Watchtower`] submits evidence from the durable pool and notes what became of it;
//! [`KeyReader`] reads the keys that checkpoints are signed with; [`Settlements`] tells how rollups stand. All share
//! [`Endpoints`], of which one is used at a time: a failure moves on to the next, after a pause that grows.
//!
//! Invariants: ordering never waits for Ethereum; an endpoint is used only after its chain, contracts and network were
//! found to be this network's own; what is read comes from one block of that depth; nothing is remembered that a
//! restart could not read again.
//!
//! Not its job: the contracts (`fairlane-l1`), judging evidence (`fairlane-verify`).

mod anchors;
mod keys;
mod settings;
mod settlements;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tower;
mod watcher;

pub use anchors::{AnchorRefusal, AnchorRule, Anchors, Sight, Step};
pub use keys::KeyReader;
pub use settings::{L1Error, L1Settings, REPORTER_KEY};
pub use settlements::{Settlement, Settlements, Unsettled};
pub use tower::{Rank, Watchtower};
pub use watcher::{EpochStart, L1View, Watcher};

use crate::evidence::EvidencePool;
use crate::in_force::InForce;
use crate::metrics::{L1Metrics, ReasonLabel};
use crate::store::Store;
use fairlane_l1::{Deployment, Endpoints};
use fairlane_types::{Genesis, NetworkId, ValidatorId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What everything here works with.
#[derive(Debug)]
pub struct L1 {
    endpoints: Endpoints,
    deployment: Deployment,
    network: NetworkId,
    rule: AnchorRule,
    confirmations: u64,
    poll_interval: Duration,
    metrics: L1Metrics,
}

/// How many looks at Ethereum pass between seeing where an epoch begins and proposing it as an anchor.
const LOOKS_AHEAD: u32 = 2;

/// Where views of Ethereum come from.
pub type ViewSender = watch::Sender<Option<L1View>>;

/// Sets up the endpoints. Nothing is sent before the parts run.
pub fn connect(settings: &L1Settings, genesis: &Genesis, metrics: L1Metrics) -> Result<L1, L1Error> {
    Ok(L1 {
        endpoints: Endpoints::new(&settings.rpc_urls, settings.reporter.as_ref())?,
        deployment: settings.deployment.clone(),
        network: genesis.network(),
        rule: AnchorRule::new(settings.deployment.clock, genesis),
        confirmations: settings.confirmations,
        poll_interval: settings.poll_interval,
        metrics,
    })
}

impl L1 {
    /// Moves on from an endpoint that failed, and counts it.
    fn failed(&self, place: usize, why: &'static str) {
        self.metrics.failures.get_or_create(&ReasonLabel { reason: why }).inc();
        if let Some(next) = self.endpoints.failed(place) {
            self.metrics.failovers.inc();
            tracing::warn!(from = place, to = next, "use another Ethereum endpoint");
        }
    }

    /// The network's anchors by what will be seen, and what it is to be told by.
    pub fn anchors(&self) -> (Anchors, ViewSender) {
        let (sender, views) = watch::channel(None);
        let lead = self.poll_interval.saturating_mul(LOOKS_AHEAD);
        (Anchors::Seen(Sight { rule: self.rule.clone(), views, lead }), sender)
    }

    /// Splits the work. `own` is this node's validator.
    pub fn into_parts(
        self,
        view: ViewSender,
        store: Store,
        evidence: EvidencePool,
        own: Option<ValidatorId>,
        in_force: watch::Receiver<InForce>,
    ) -> L1Parts {
        let (l1, views) = (Arc::new(self), view.subscribe());
        let keys = KeyReader { l1: Arc::clone(&l1), views: views.clone() };
        let settlements = Settlements::new(Arc::clone(&l1), store);
        let tower = Watchtower::new(Arc::clone(&l1), evidence, own, in_force.clone(), views);
        L1Parts { watcher: Watcher::new(l1, view, in_force), tower, keys, settlements }
    }
}

/// What works with Ethereum.
#[derive(Debug)]
pub struct L1Parts {
    /// Follows the chain.
    pub watcher: Watcher,
    /// Submits evidence.
    pub tower: Watchtower,
    /// Reads keys.
    pub keys: KeyReader,
    /// Tells how rollups stand.
    pub settlements: Settlements,
}
